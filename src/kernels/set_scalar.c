// SPDX-License-Identifier: Apache-2.0
/*
 * The scalar set: plain C, the meaning of all others.
 */
#include "kernels/kernels.h"
#include "kernels/vector_scalar.h"

#define TILES(X) X(8, 1) X(16, 1)
static const double tile_cost[] = {[8] = 1.0, [16] = 1.0};
#define DEPTHWISE_COLUMNS 2
#define PRODUCTS_LANES    2
#define PRODUCTS_ROWS     2

#define SET_NAME scalar
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_scalar, &pomk_words_scalar, &pomk_words_scalar                                             \
    }
#include "kernels/f32_template.h"
#include "kernels/set_template.h"
