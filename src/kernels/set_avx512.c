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

#define SET_NAME avx512
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_avx512, &pomk_words_avx512, &pomk_words_avx512                                             \
    }
#include "kernels/f32_template.h"
#include "kernels/set_template.h"
