// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX2+FMA set: 16 registers of eight floats.
 */
#include "kernels/kernels.h"
#include "kernels/vector_avx2.h"

#define TILES(X) X(1, 9) X(2, 6) X(3, 4) X(4, 3)
static const double tile_cost[] = {0, 1.23, 1.1, 1.0, 1.02};
#define DEPTHWISE_COLUMNS 2
#define PRODUCTS_LANES    4
#define PRODUCTS_ROWS     4

#define SET_NAME avx2
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_avx2, &pomk_words_avx2, &pomk_words_avx2                                                   \
    }
#include "kernels/f32_template.h"
#include "kernels/set_template.h"
