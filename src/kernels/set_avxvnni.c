// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX2 set with VNNI: multiplying and adding integers in one instruction. In fp32 it is the avx2 set.
 */
#include "kernels/kernels.h"
#include "kernels/vector_avx2.h"

#define PRODUCTS_LANES 4
#define PRODUCTS_ROWS  4

#define SET_NAME avxvnni
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_avx2, &pomk_words_avxvnni, &pomk_bytes_avxvnni                                             \
    }
#include "kernels/set_template.h"
