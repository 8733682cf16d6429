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
static inline void vector_store_anywhere(float *p, vector a)
{
    _mm512_storeu_ps(p, a);
}
static inline vector vector_from_bytes(const uint8_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p)));
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

static inline __m512i weigh_16(__m512i sum, const uint8_t *input, __m512i weight)
{
    __m512i values = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)input));
    return _mm512_add_epi32(sum, _mm512_mullo_epi32(values, weight));
}

static inline void clip_16(uint8_t *output, __m512i sum)
{
    sum = _mm512_max_epi32(_mm512_srai_epi32(sum, POMK_RESAMPLE_BITS), _mm512_setzero_si512());
    _mm_storeu_si128((__m128i *)output, _mm512_cvtusepi32_epi8(sum));
}

/* 48 neighbouring bytes of n_weights rows, weighed: see POMK_RESAMPLE_BITS. */
static inline void weigh_48(uint8_t *output, const uint8_t *input, ptrdiff_t stride, const int32_t *weights,
                            int n_weights)
{
    const __m512i half = _mm512_set1_epi32(POMK_RESAMPLE_HALF);
    __m512i a = half, b = half, c = half;
    for (int t = 0; t < n_weights; t++, input += stride) {
        const __m512i weight = _mm512_set1_epi32(weights[t]);
        a = weigh_16(a, input, weight);
        b = weigh_16(b, input + 16, weight);
        c = weigh_16(c, input + 32, weight);
    }
    clip_16(output, a);
    clip_16(output + 16, b);
    clip_16(output + 32, c);
}
