// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX-512 set with VNNI in bytes: what int8 runs in. 32 registers of 64 bytes or 16 sums.
 */
#include "kernels/bytes_x86.h"
#include "kernels/kernels.h"

#define TILES(X) X(1, 14) X(2, 14) X(3, 8)
static const double tile_cost[] = {0, 1.2, 1.0, 1.0};
#define DEPTHWISE_COLUMNS 4

#define SET_NAME avx512vnni
#include "kernels/bytes_template.h"
