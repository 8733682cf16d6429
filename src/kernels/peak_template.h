// SPDX-License-Identifier: Apache-2.0
/* The loop that measures the machine's multiply-add limit. Included once per kernel set. */
#include "kernels/template.h"

/*
 * Twelve independent chains hide the latency of two multiply-adds per cycle on every current core. x -> x / 2
 * + 1 stays near 2: subnormal numbers would be many times slower than the limit that is to be measured.
 */
static double fma_peak(long n_rounds, float *result)
{
    enum { N_CHAINS = 12 };
    vector acc[N_CHAINS];
    vector half = vector_set(*result * 0.0f + 0.5f), one = vector_set(1.0f);
    UNROLL
    for (int i = 0; i < N_CHAINS; i++) acc[i] = vector_set((float)i);
    for (long round = 0; round < n_rounds; round++) {
        UNROLL
        for (int i = 0; i < N_CHAINS; i++) acc[i] = vector_multiply_add(acc[i], half, one);
    }
    vector sum = acc[0];
    UNROLL
    for (int i = 1; i < N_CHAINS; i++) sum = vector_add(sum, acc[i]);
    _Alignas(POMK_ALIGN_BYTES) float values[VECTOR_LANES];
    vector_store(values, sum);
    *result = values[0];
    return (double)n_rounds * N_CHAINS * VECTOR_LANES;
}
