// SPDX-License-Identifier: Apache-2.0
/*
 * The vector of the AVX2+FMA set: eight floats, 16 registers. See vector_scalar.h for the meaning of each
 * operation.
 */
#include <immintrin.h>

#define VECTOR_LANES 8
typedef __m256 vector;

static inline vector vector_load(const float *p)
{
    return _mm256_load_ps(p);
}
static inline void vector_store(float *p, vector a)
{
    _mm256_store_ps(p, a);
}
static inline vector vector_set(float x)
{
    return _mm256_set1_ps(x);
}
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
    return _mm256_fmadd_ps(a, b, c);
}
static inline vector vector_add(vector a, vector b)
{
    return _mm256_add_ps(a, b);
}
static inline vector vector_greater(vector a, vector b)
{
    return _mm256_max_ps(a, b);
}
static inline vector vector_smaller(vector a, vector b)
{
    return _mm256_min_ps(a, b);
}
