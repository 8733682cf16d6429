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

const struct pomk_kernels SET_SYMBOL(SET_NAME) = {
    .name = SET_TEXT(SET_NAME),
    .vector_lanes = VECTOR_LANES,
    .tiles = tile_text + 1,
    .choose_panels = choose_panels,
    .packed_floats = packed_floats,
    .pack_weights = pack_weights,
    .conv = conv,
    .depthwise = depthwise,
    .max_pool = max_pool,
    .add = add,
    .convert_bytes = convert_bytes,
    .sum_pixels = sum_pixels,
    .add_products = add_products,
    .resample_columns = resample_columns,
    .resample_rows = resample_rows,
    .fma_peak = fma_peak,
};
