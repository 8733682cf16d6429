// SPDX-License-Identifier: Apache-2.0
/* The end of every set_NAME.c, after its vectors, tiles and SET_NAME: the templates, and the table they fill. */
#include "kernels/conv_template.h"
#include "kernels/depthwise_template.h"
#include "kernels/pool_template.h"
#include "kernels/products_template.h"
#include "kernels/resample_template.h"

#define SET_SYMBOL_(name) pomk_kernels_##name
#define SET_SYMBOL(name)  SET_SYMBOL_(name)
#define SET_TEXT_(name)   #name
#define SET_TEXT(name)    SET_TEXT_(name)

static const struct pomk_layers layers_f32 = {
    .element_bytes = sizeof(float),
    .image_element_bytes = sizeof(float),
    .block_channels = BLOCK_CHANNELS,
    .dword_channels = 1,
    .tiles = tile_text + 1,
    .choose_panels = choose_panels,
    .packed_bytes = packed_bytes,
    .pack_weights = pack_weights,
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

const struct pomk_kernels SET_SYMBOL(SET_NAME) = {
    .name = SET_TEXT(SET_NAME),
    .vector_lanes = VECTOR_LANES,
    .layers[POMK_F32] = &layers_f32,
    .add_products = add_products,
    .resample_columns = resample_columns,
    .resample_rows = resample_rows,
    .fma_peak = fma_peak,
};
