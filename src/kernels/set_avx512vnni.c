// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX-512 set with VNNI: multiplying and adding integers in one instruction. In fp32 it is the avx512 set.
 */
#include "kernels/kernels.h"
#include "kernels/vector_avx512.h"

#define PRODUCTS_LANES 8
#define PRODUCTS_ROWS  8

#define SET_NAME avx512vnni
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_avx512, &pomk_words_avx512vnni, &pomk_bytes_avx512vnni                                     \
    }
#include "kernels/set_template.h"
