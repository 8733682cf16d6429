// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of AVX2: 16 words, 8 lanes. See words_scalar.h for the
 * meaning of each operation. Unpacking and packing work within parts of 128 bits, so a pair of registers of
 * lanes holds, part by part, four channels in the first and the next four in the second.
 */
#include <immintrin.h>

#define VECTOR_LANES 8
#define COLUMN_CHANNEL(column)                                                                               \
    ((column) / 16 * 16 + (column) % 8 / 4 * 8 + (column) / 8 % 2 * 4 + (column) % 4)
typedef __m256i lanes;
typedef __m256i words;

static inline lanes load_lanes(const void *p)
{
    return _mm256_load_si256((const __m256i *)p);
}
static inline void store_lanes(void *p, lanes a)
{
    _mm256_store_si256((__m256i *)p, a);
}
static inline lanes lanes_set(int32_t a)
{
    return _mm256_set1_epi32(a);
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return _mm256_add_epi32(a, b);
}
static inline lanes lanes_greater(lanes a, lanes b)
{
    return _mm256_max_epi32(a, b);
}
static inline lanes lanes_smaller(lanes a, lanes b)
{
    return _mm256_min_epi32(a, b);
}
static inline lanes multiply_add(lanes x, lanes w, lanes acc)
{
#if defined(__AVXVNNI__)
    return _mm256_dpwssd_avx_epi32(acc, x, w);
#else
    return _mm256_add_epi32(acc, _mm256_madd_epi16(x, w));
#endif
}
static inline lanes scale(lanes a, const float *multipliers)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_cvtepi32_ps(a), _mm256_load_ps(multipliers)));
}
static inline words words_load(const int16_t *p)
{
    return _mm256_load_si256((const __m256i *)p);
}
static inline void words_store(int16_t *p, words a)
{
    _mm256_store_si256((__m256i *)p, a);
}
static inline void words_store_anywhere(int16_t *p, words a)
{
    _mm256_storeu_si256((__m256i *)p, a);
}
static inline words words_from_bytes(const uint8_t *p)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)p));
}
static inline words words_set(int a)
{
    return _mm256_set1_epi16((short)a);
}
static inline words pack(lanes low, lanes high)
{
    return _mm256_packs_epi32(low, high);
}
static inline lanes widen_low(words a)
{
    return _mm256_srai_epi32(_mm256_unpacklo_epi16(a, a), 16);
}
static inline lanes widen_high(words a)
{
    return _mm256_srai_epi32(_mm256_unpackhi_epi16(a, a), 16);
}
static inline lanes pair_low(words a, words b)
{
    return _mm256_unpacklo_epi16(a, b);
}
static inline lanes pair_high(words a, words b)
{
    return _mm256_unpackhi_epi16(a, b);
}
static inline words words_add(words a, words b)
{
    return _mm256_adds_epi16(a, b);
}
static inline words words_multiply(words a, words b)
{
    return _mm256_mullo_epi16(a, b);
}
static inline words words_greater(words a, words b)
{
    return _mm256_max_epi16(a, b);
}
static inline words words_smaller(words a, words b)
{
    return _mm256_min_epi16(a, b);
}
