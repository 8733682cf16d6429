// SPDX-License-Identifier: Apache-2.0
/* The table of layers in fp32, once per set: after its vectors, tiles and SET_NAME. */
#include "kernels/conv_f32.h"

#include "kernels/conv_template.h"
#include "kernels/depthwise_template.h"
#include "kernels/pool_template.h"

#define F32_SYMBOL_(name) pomk_f32_##name
#define F32_SYMBOL(name)  F32_SYMBOL_(name)

const struct pomk_layers F32_SYMBOL(SET_NAME) = {
    .element_bytes = sizeof(float),
    .fine_element_bytes = sizeof(residual_element),
    .image_element_bytes = sizeof(float),
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
