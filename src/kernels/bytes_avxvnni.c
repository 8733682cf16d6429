// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX2 set with VNNI in bytes: what int8 runs in. 16 registers of 32 bytes or 8 sums.
 */
#include "kernels/bytes_x86.h"
#include "kernels/kernels.h"

#define TILES(X) X(2, 6)
static const double tile_cost[] = {[2] = 1.0};
#define DEPTHWISE_COLUMNS 2

#define SET_NAME avxvnni
#include "kernels/bytes_template.h"
