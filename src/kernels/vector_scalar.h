// SPDX-License-Identifier: Apache-2.0
/*
 * The vector of the scalar set: one float. This file is the meaning of the vector operations; a new
 * instruction set writes the same nine functions for its registers, with the same results lane by lane:
 *   multiply_add   a * b + c with one rounding
 *   greater        a > b ? a : b      so b when either is NaN, and b when both are zeros
 *   smaller        a < b ? a : b
 * from_bytes     as many bytes as lanes, each converted
 * Loads and stores are aligned to the vector's size; store_anywhere and from_bytes need no alignment.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_LANES 1
typedef float vector;

static inline vector vector_load(const float *p)
{
    return *p;
}
static inline void vector_store(float *p, vector a)
{
    *p = a;
}
static inline void vector_store_anywhere(float *p, vector a)
{
    *p = a;
}
static inline vector vector_from_bytes(const uint8_t *p)
{
    return (float)*p;
}
static inline vector vector_set(float x)
{
    return x;
}
static inline vector vector_add(vector a, vector b)
{
    return a + b;
}
static inline vector vector_greater(vector a, vector b)
{
    return a > b ? a : b;
}
static inline vector vector_smaller(vector a, vector b)
{
    return a < b ? a : b;
}

#ifdef FP_FAST_FMAF
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
    return fmaf(a, b, c);
}
#else
/*
 * fmaf without the instruction, and without the library's call. A product of two floats is exact in double,
 * so only the sum and the last conversion round. Rounding twice is wrong in two cases, which are left to
 * fmaf: the double lies exactly half way between two floats (it may have been rounded onto that point), or
 * the float is subnormal.
 */
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
    double sum = (double)a * b + c;
    uint64_t bits;
    memcpy(&bits, &sum, sizeof bits);
    const uint64_t below_float = (UINT64_C(1) << 29) - 1, half = UINT64_C(1) << 28;
    if ((bits & below_float) != half && (fabs(sum) >= 0x1p-126 || sum == 0.0)) return (float)sum;
    return isnan(sum) ? (float)sum : fmaf(a, b, c);
}
#endif

/* 48 neighbouring bytes of n_weights rows, weighed: see POMK_RESAMPLE_BITS. */
static inline void weigh_48(uint8_t *output, const uint8_t *input, ptrdiff_t stride, const int32_t *weights,
                            int n_weights)
{
    int32_t sums[48];
    for (int i = 0; i < 48; i++) sums[i] = POMK_RESAMPLE_HALF;
    for (int t = 0; t < n_weights; t++, input += stride)
        for (int i = 0; i < 48; i++) sums[i] += input[i] * weights[t];
    for (int i = 0; i < 48; i++) {
        int32_t sum = sums[i] >> POMK_RESAMPLE_BITS;
        output[i] = sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
    }
}
