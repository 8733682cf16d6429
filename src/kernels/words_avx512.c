// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX-512 set in 16-bit integers: 32 registers of 32 words.
 */
#include "kernels/kernels.h"
#include "kernels/words_x86.h"

enum { BLOCK_CHANNELS = 32 };
#define TILES(X) X(2, 14) X(4, 6)
static const double tile_cost[] = {[2] = 1.0, [4] = 1.01};
#define DEPTHWISE_COLUMNS 2

#define SET_NAME avx512
#include "kernels/words_template.h"
