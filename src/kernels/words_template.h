// SPDX-License-Identifier: Apache-2.0
/*
 * The table of layers in 16-bit integers, once per set: the end of every words_NAME.c, after its registers,
 * block, tiles and SET_NAME. It serves int16, and int8 where a set has no instructions for bytes: the same
 * values in wider storage, so the same results.
 */
#include <string.h>

#include "kernels/words_conv.h"

#include "kernels/conv_template.h"
#include "kernels/integer_ends.h"
#include "kernels/words_depthwise.h"
#include "kernels/words_pool.h"

#define WORDS_SYMBOL_(name) pomk_words_##name
#define WORDS_SYMBOL(name)  WORDS_SYMBOL_(name)

const struct pomk_layers WORDS_SYMBOL(SET_NAME) = {
    .element_bytes = sizeof(element),
    .fine_element_bytes = sizeof(residual_element),
    .image_element_bytes = sizeof(image_element),
    .block_channels = BLOCK_CHANNELS,
    .tiles = tile_text + 1,
    .choose_panels = choose_panels,
    .packed_bytes = packed_bytes,
    .pack_weights = pack_weights,
    .pack_channels = pack_channels,
    .packed_depthwise_bytes = packed_depthwise_bytes,
    .pack_depthwise = pack_depthwise,
    .conv = conv,
    .depthwise = depthwise,
    .max_pool = max_pool,
    .add = add,
    .convert_bytes = convert_bytes,
    .sum_pixels = sum_pixels,
    .average = average,
};
