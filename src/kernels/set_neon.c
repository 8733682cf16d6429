// SPDX-License-Identifier: Apache-2.0
/*
 * The NEON set, which every aarch64 CPU has: 32 registers of four floats. Half a block and a block, each with 24
 * accumulators: room for the latency of four units, as Apple's cores have them.
 */
#include "kernels/kernels.h"
#include "kernels/vector_neon.h"

#define TILES(X) X(2, 12) X(4, 6)
static const double tile_cost[] = {[2] = 1.05, [4] = 1.0};
#define DEPTHWISE_COLUMNS 4
#define PRODUCTS_LANES    2
#define PRODUCTS_ROWS     4

#define SET_NAME neon
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_neon, &pomk_words_neon, &pomk_words_neon                                                   \
    }
#include "kernels/f32_template.h"
#include "kernels/set_template.h"
