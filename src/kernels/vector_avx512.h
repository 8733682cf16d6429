// SPDX-License-Identifier: Apache-2.0
/*
 * The vector of the AVX-512 set: sixteen floats, 32 registers. See vector_scalar.h for the meaning of each
 * operation.
 */
#include <immintrin.h>

#define VECTOR_LANES 16
typedef __m512 vector;

static inline vector vector_load(const float *p)
{
    return _mm512_load_ps(p);
}
static inline void vector_store(float *p, vector a)
{
    _mm512_store_ps(p, a);
}
static inline vector vector_set(float x)
{
    return _mm512_set1_ps(x);
}
static inline vector vector_multiply_add(vector a, vector b, vector c)
{
    return _mm512_fmadd_ps(a, b, c);
}
static inline vector vector_add(vector a, vector b)
{
    return _mm512_add_ps(a, b);
}
static inline vector vector_greater(vector a, vector b)
{
    return _mm512_max_ps(a, b);
}
static inline vector vector_smaller(vector a, vector b)
{
    return _mm512_min_ps(a, b);
}
