// SPDX-License-Identifier: Apache-2.0
/*
 * The table of layers in 16-bit integers, once per set: the end of every words_NAME.c, after its registers,
 * block, tiles and SET_NAME. It serves int16, and int8 where a set has no instructions for bytes: the same
 * values in wider storage, so the same results.
 */
#include <string.h>

#include "kernels/words_conv.h"

#include "kernels/conv_template.h"
#include "kernels/integer_ends.h"
#include "kernels/words_depthwise.h"
#include "kernels/words_pool.h"

#define WORDS_SYMBOL_(name) pomk_words_##name
#define WORDS_SYMBOL(name)  WORDS_SYMBOL_(name)

#define LAYERS WORDS_SYMBOL(SET_NAME)
#include "kernels/layers_table.h"
