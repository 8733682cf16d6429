// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX-512 set: 32 registers of sixteen floats.
 */
#include "kernels/kernels.h"
#include "kernels/vector_avx512.h"

#define TILES(X) X(1, 9) X(2, 14) X(3, 9) X(4, 6)
static const double tile_cost[] = {0, 1.2, 1.0, 1.005, 1.01};
#define DEPTHWISE_COLUMNS 4
#define PRODUCTS_LANES    8
#define PRODUCTS_ROWS     8

#include "kernels/conv_template.h"
#include "kernels/depthwise_template.h"
#include "kernels/pool_template.h"
#include "kernels/products_template.h"
#include "kernels/resample_template.h"

const struct pomk_kernels pomk_kernels_avx512 = {
    .name = "avx512",
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
