// SPDX-License-Identifier: Apache-2.0
/*
 * The NEON set with the dot product in bytes: what int8 runs in. 32 registers of 16 bytes or 4 sums.
 */
#include "kernels/bytes_neon.h"
#include "kernels/kernels.h"

#define TILES(X) X(4, 6)
static const double tile_cost[] = {[4] = 1.0};
#define DEPTHWISE_COLUMNS 2

#define SET_NAME neondot
#include "kernels/bytes_template.h"
