// SPDX-License-Identifier: Apache-2.0
/*
 * The scalar set in 16-bit integers: plain C, the meaning of all others.
 */
#include "kernels/kernels.h"
#include "kernels/words_scalar.h"

enum { BLOCK_CHANNELS = 16 };
#define TILES(X) X(16, 1)
static const double tile_cost[] = {[16] = 1.0};
#define DEPTHWISE_COLUMNS 1

#define SET_NAME scalar
#include "kernels/words_template.h"
