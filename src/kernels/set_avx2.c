// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX2+FMA set: 16 registers of eight floats.
 */
#include "kernels/kernels.h"
#include "kernels/vector_avx2.h"

#define TILES(X) X(1, 9) X(2, 6)
static const double tile_cost[] = {0, 1.2, 1.0};
#define DEPTHWISE_COLUMNS 2
#define PRODUCTS_LANES    4
#define PRODUCTS_ROWS     4

#include "kernels/conv_template.h"
#include "kernels/depthwise_template.h"
#include "kernels/pool_template.h"
#include "kernels/products_template.h"
#include "kernels/resample_template.h"

const struct pomk_kernels pomk_kernels_avx2 = {
    .name = "avx2",
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
