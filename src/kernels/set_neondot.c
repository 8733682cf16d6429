// SPDX-License-Identifier: Apache-2.0
/*
 * The NEON set with the dot product of ARMv8.2: four bytes at a time in int8. In all else it is the neon set.
 */
#include "kernels/kernels.h"
#include "kernels/vector_neon.h"

#define PRODUCTS_LANES 2
#define PRODUCTS_ROWS  4

#define SET_NAME neondot
#define SET_LAYERS                                                                                           \
    {                                                                                                        \
        &pomk_f32_neon, &pomk_words_neon, &pomk_bytes_neondot                                                \
    }
#include "kernels/set_template.h"
