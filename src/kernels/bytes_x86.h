// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes on x86 with VNNI, beside the registers of words_x86.h. See bytes_conv.h for the meaning of each operation.
 */
#include "kernels/words_x86.h"

#define VALUE_OFFSET 0
typedef lanes byte_group;
typedef __m128i byte_block;

static inline lanes broadcast_bytes(const uint8_t *p)
{
    int32_t dword;
    memcpy(&dword, p, sizeof dword);
    return lanes_set(dword);
}
static inline lanes multiply_add_bytes(lanes x, lanes w, lanes acc)
{
#if defined(__AVX512VNNI__)
    return _mm512_dpbusd_epi32(acc, x, w);
#else
    return _mm256_dpbusd_avx_epi32(acc, x, w);
#endif
}

/* Packing works by parts of 128 bits: registers and parts change places. */
static inline byte_group pack_words(words low, words high)
{
    const byte_group mixed = WIDE(packus_epi16)(low, high);
#if defined(__AVX512BW__)
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15),
                                    mixed);
#else
    return _mm256_permutevar8x32_epi32(mixed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
#endif
}
static inline words arrange(words packed)
{
#if defined(__AVX512BW__)
    return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), packed);
#else
    return _mm256_permute4x64_epi64(packed, 0xd8);
#endif
}
static inline lanes first_lanes(words a)
{
#if defined(__AVX512BW__)
    return _mm512_cvtepi16_epi32(_mm512_castsi512_si256(a));
#else
    return _mm256_cvtepi16_epi32(_mm256_castsi256_si128(a));
#endif
}
static inline lanes second_lanes(words a)
{
#if defined(__AVX512BW__)
    return _mm512_cvtepi16_epi32(_mm512_extracti64x4_epi64(a, 1));
#else
    return _mm256_cvtepi16_epi32(_mm256_extracti128_si256(a, 1));
#endif
}
static inline lanes lanes_from_bytes(const uint8_t *p)
{
#if defined(__AVX512BW__)
    return _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)p));
#else
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)p));
#endif
}

static inline void bytes_store_anywhere(uint8_t *p, byte_group a)
{
    words_store_anywhere((int16_t *)(void *)p, a);
}
static inline byte_block bytes_block(byte_group a, int index)
{
#if defined(__AVX512BW__)
    return index == 0   ? _mm512_castsi512_si128(a)
           : index == 1 ? _mm512_extracti32x4_epi32(a, 1)
           : index == 2 ? _mm512_extracti32x4_epi32(a, 2)
                        : _mm512_extracti32x4_epi32(a, 3);
#else
    return index == 0 ? _mm256_castsi256_si128(a) : _mm256_extracti128_si256(a, 1);
#endif
}
static inline void block_store(uint8_t *p, byte_block a)
{
    _mm_store_si128((__m128i *)p, a);
}

/* n of four pixels; those not read are zero. */
static inline void turn(lanes to[16 / VECTOR_LANES], const uint8_t *p, int n)
{
#if defined(__AVX512BW__)
    const __m512i parts = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i order =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i pixels =
        n == 4 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi32((__mmask16)((1u << 4 * n) - 1), p);
    to[0] = _mm512_shuffle_epi8(_mm512_permutexvar_epi32(parts, pixels), order);
#else
    const __m256i order =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15));
    const __m128i *pixels = (const __m128i *)p;
    const __m256i a = n > 1 ? _mm256_loadu_si256((const __m256i *)p)
                            : _mm256_inserti128_si256(_mm256_setzero_si256(), _mm_load_si128(pixels), 0);
    const __m256i b = n > 3   ? _mm256_loadu_si256((const __m256i *)p + 1)
                      : n > 2 ? _mm256_inserti128_si256(_mm256_setzero_si256(), _mm_load_si128(pixels + 2), 0)
                              : _mm256_setzero_si256();
    to[0] = _mm256_shuffle_epi8(_mm256_permute4x64_epi64(_mm256_unpacklo_epi32(a, b), 0xd8), order);
    to[1] = _mm256_shuffle_epi8(_mm256_permute4x64_epi64(_mm256_unpackhi_epi32(a, b), 0xd8), order);
#endif
}
