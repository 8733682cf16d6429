// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of integers on x86, as wide as a file's flags allow: AVX2 has 16 words or 8 lanes, AVX-512 twice as
 * many. See words_scalar.h for the meaning of each operation. Unpacking and packing work within parts of 128 bits, so
 * a pair of registers of lanes holds, part by part, four channels in the first and the next four in the second.
 */
#include <immintrin.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX512BW__)
#define VECTOR_LANES    16
#define WIDE(operation) _mm512_##operation
typedef __m512i lanes, words;
typedef __m256i half_words;
#define load_half(p) _mm256_loadu_si256((const __m256i *)(p))
#else
#define VECTOR_LANES    8
#define WIDE(operation) _mm256_##operation
typedef __m256i lanes, words;
typedef __m128i half_words;
#define load_half(p)    _mm_loadu_si128((const __m128i *)(p))
#endif

#define WORD_COLUMN_CHANNEL(column)                                                                          \
    ((column) / (2 * VECTOR_LANES) * (2 * VECTOR_LANES) + (column) % VECTOR_LANES / 4 * 8 +                  \
     (column) / VECTOR_LANES % 2 * 4 + (column) % 4)

static inline lanes load_lanes(const void *p)
{
#if defined(__AVX512BW__)
    return _mm512_load_si512(p);
#else
    return _mm256_load_si256(p);
#endif
}
static inline void store_lanes(void *p, lanes a)
{
#if defined(__AVX512BW__)
    _mm512_store_si512(p, a);
#else
    _mm256_store_si256(p, a);
#endif
}
static inline lanes lanes_set(int32_t a)
{
    return WIDE(set1_epi32)(a);
}
static inline lanes lanes_add(lanes a, lanes b)
{
    return WIDE(add_epi32)(a, b);
}
static inline lanes multiply_add_words(lanes x, lanes w, lanes acc)
{
#if defined(__AVX512VNNI__)
    return _mm512_dpwssd_epi32(acc, x, w);
#elif defined(__AVXVNNI__)
    return _mm256_dpwssd_avx_epi32(acc, x, w);
#else
    lanes sum = WIDE(add_epi32)(acc, WIDE(madd_epi16)(x, w));
    /* Seen through, additions of several steps are put off by gcc, and their products into memory. */
    __asm__("" : "+v"(sum));
    return sum;
#endif
}
static inline lanes scale(lanes a, const float *multipliers)
{
    return WIDE(cvtps_epi32)(WIDE(mul_ps)(WIDE(cvtepi32_ps)(a), WIDE(load_ps)(multipliers)));
}
static inline words words_load(const int16_t *p)
{
    return load_lanes(p);
}
static inline void words_store(int16_t *p, words a)
{
    store_lanes(p, a);
}
static inline words words_load_anywhere(const int16_t *p)
{
#if defined(__AVX512BW__)
    return _mm512_loadu_si512(p);
#else
    return _mm256_loadu_si256((const __m256i *)p);
#endif
}
static inline void words_store_anywhere(int16_t *p, words a)
{
#if defined(__AVX512BW__)
    _mm512_storeu_si512(p, a);
#else
    _mm256_storeu_si256((__m256i *)p, a);
#endif
}
static inline words words_from_bytes(const uint8_t *p)
{
    return WIDE(cvtepu8_epi16)(load_half(p));
}
static inline words words_set(int a)
{
    return WIDE(set1_epi16)((short)a);
}
static inline words pack(lanes low, lanes high)
{
    return WIDE(packs_epi32)(low, high);
}
static inline lanes widen_low(words a)
{
    return WIDE(srai_epi32)(WIDE(unpacklo_epi16)(a, a), 16);
}
static inline lanes widen_high(words a)
{
    return WIDE(srai_epi32)(WIDE(unpackhi_epi16)(a, a), 16);
}
static inline lanes pair_low(words a, words b)
{
    return WIDE(unpacklo_epi16)(a, b);
}
static inline lanes pair_high(words a, words b)
{
    return WIDE(unpackhi_epi16)(a, b);
}
static inline words words_add(words a, words b)
{
    return WIDE(adds_epi16)(a, b);
}
static inline words words_multiply(words a, words b)
{
    return WIDE(mullo_epi16)(a, b);
}
static inline words words_greater(words a, words b)
{
    return WIDE(max_epi16)(a, b);
}
static inline words words_smaller(words a, words b)
{
    return WIDE(min_epi16)(a, b);
}
