// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX2 set in 16-bit integers with VNNI, which multiplies and adds in one instruction: 16 registers of sixteen words.
 */
#include "kernels/kernels.h"
#include "kernels/words_x86.h"

enum { BLOCK_CHANNELS = 16 };
#define TILES(X) X(2, 6)
static const double tile_cost[] = {[2] = 1.0};
#define DEPTHWISE_COLUMNS 1

#define SET_NAME avxvnni
#include "kernels/words_template.h"
