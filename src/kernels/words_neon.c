// SPDX-License-Identifier: Apache-2.0
/*
 * The NEON set in 16-bit integers: 32 registers of eight words.
 */
#include "kernels/kernels.h"
#include "kernels/words_neon.h"

enum { BLOCK_CHANNELS = 16 };
#define TILES(X) X(4, 4)
static const double tile_cost[] = {[4] = 1.0};
#define DEPTHWISE_COLUMNS 1

#define SET_NAME neon
#include "kernels/words_template.h"
