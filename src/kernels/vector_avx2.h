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
static inline void vector_store_anywhere(float *p, vector a)
{
    _mm256_storeu_ps(p, a);
}
static inline vector vector_from_bytes(const uint8_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p)));
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

static inline __m256i weigh_8(__m256i sum, const uint8_t *input, __m256i weight)
{
    __m256i values = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)input));
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(values, weight));
}

/* Sums to bytes. Shifted they fit into 16 bits; packing works by halves of a register, hence the permutation.
 */
static inline void clip_16(uint8_t *output, __m256i low, __m256i high)
{
    __m256i words = _mm256_packs_epi32(_mm256_srai_epi32(low, POMK_RESAMPLE_BITS),
                                       _mm256_srai_epi32(high, POMK_RESAMPLE_BITS));
    words = _mm256_permute4x64_epi64(words, _MM_SHUFFLE(3, 1, 2, 0));
    __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)output, bytes);
}

/* 48 neighbouring bytes of n_weights rows, weighed: see POMK_RESAMPLE_BITS. */
static inline void weigh_48(uint8_t *output, const uint8_t *input, ptrdiff_t stride, const int32_t *weights,
                            int n_weights)
{
    const __m256i half = _mm256_set1_epi32(POMK_RESAMPLE_HALF);
    __m256i a = half, b = half, c = half, d = half, e = half, f = half;
    for (int t = 0; t < n_weights; t++, input += stride) {
        const __m256i weight = _mm256_set1_epi32(weights[t]);
        a = weigh_8(a, input, weight);
        b = weigh_8(b, input + 8, weight);
        c = weigh_8(c, input + 16, weight);
        d = weigh_8(d, input + 24, weight);
        e = weigh_8(e, input + 32, weight);
        f = weigh_8(f, input + 40, weight);
    }
    clip_16(output, a, b);
    clip_16(output + 16, c, d);
    clip_16(output + 32, e, f);
}
