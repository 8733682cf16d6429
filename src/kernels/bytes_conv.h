// SPDX-License-Identifier: Apache-2.0
/*
 * What conv_template.h needs to know of bytes on AVX-512 with VNNI: a dword is four bytes, unsigned values
 * times signed weights; the photo's rows are words. Four pixels' results make one register of 64 bytes. As in
 * words_conv.h, all but the usual end lays its sums down first.
 */
#include "kernels/template.h"

enum { BLOCK_CHANNELS = 16, DWORD_CHANNELS = 4, IMAGE_DWORD_CHANNELS = 2, WORDS = 2 * VECTOR_LANES };
#define SEPARATE_IMAGE_TILES 1
typedef uint8_t element;
typedef int16_t image_element, residual_element, weight;

#include "kernels/conv_tile.h"

ALWAYS_INLINE lanes broadcast(const element *p)
{
    int32_t dword;
    memcpy(&dword, p, sizeof dword);
    return lanes_set(dword);
}
ALWAYS_INLINE lanes broadcast_image(const image_element *p)
{
    int32_t dword;
    memcpy(&dword, p, sizeof dword);
    return lanes_set(dword);
}
ALWAYS_INLINE lanes multiply_add(lanes x, lanes w, lanes acc)
{
    return _mm512_dpbusd_epi32(acc, x, w);
}

ALWAYS_INLINE void pack_dword(void *to, const weight *values, int n)
{
    if (n == IMAGE_DWORD_CHANNELS)
        memcpy(to, values, 2 * sizeof *values);
    else
        for (int i = 0; i < n; i++) ((int8_t *)to)[i] = (int8_t)values[i];
}

ALWAYS_INLINE void start_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                              const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    (void)tile;
    UNROLL
    for (int j = 0; j < n_vectors; j++) {
        const lanes bias = load_lanes((const int32_t *)conv->bias + j * VECTOR_LANES);
        UNROLL
        for (int i = 0; i < n_pixels; i++) acc[i][j] = bias;
    }
}

/* Four pixels of sixteen channels: 32-bit integers to bytes, saturated. Packing works by parts of 128 bits, so pixels
 * and parts then change places. */
ALWAYS_INLINE __m512i pack_pixels(lanes a, lanes b, lanes c, lanes d)
{
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order,
                                    _mm512_packus_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
}

ALWAYS_INLINE lanes clamp(lanes a, int low, int high)
{
    return lanes_smaller(lanes_greater(a, lanes_set(low)), lanes_set(high));
}
ALWAYS_INLINE lanes saturate(lanes a)
{
    return clamp(a, INT16_MIN, INT16_MAX);
}

/* A value before its forms: stores those that are wanted. */
ALWAYS_INLINE void store_forms(lanes a, const struct pomk_requantization *q, ptrdiff_t channel, int16_t *fine,
                               element *output)
{
    if (fine) _mm256_store_si256((__m256i *)fine, _mm512_cvtepi32_epi16(a));
    if (!output) return;
    if (q->coarse_multipliers)
        a = clamp(lanes_add(saturate(scale(a, q->coarse_multipliers + channel)), lanes_set(q->coarse_zero)),
                  0, q->coarse_high);
    _mm_store_si128((__m128i *)output, _mm512_cvtepi32_epi8(a));
}

ALWAYS_INLINE lanes load_fine(const int16_t *p)
{
    return _mm512_cvtepi16_epi32(_mm256_load_si256((const __m256i *)p));
}

/* Sums as they lie in the accumulators, [n_pixels][n_vectors][lanes]. */
static NEVER_INLINE void finish_laid_down(const struct pomk_conv *conv, const struct tile *tile,
                                          const int32_t *sums, int n_pixels, int n_vectors)
{
    const struct pomk_requantization *q = &conv->requantization;
    for (int j = 0; j < n_vectors; j++)
        for (int i = 0; i < n_pixels; i++) {
            const ptrdiff_t channel = (ptrdiff_t)j * VECTOR_LANES, pixel = (ptrdiff_t)i * BLOCK_CHANNELS;
            lanes a = saturate(
                scale(load_lanes(sums + (i * n_vectors + j) * VECTOR_LANES), q->multipliers + channel));
            if (tile->residual)
                a = saturate(lanes_add(
                    a, load_fine((const int16_t *)tile->residual + j * conv->residual_block_stride + pixel)));
            a = clamp(a, q->low, q->high);
            if (conv->pooled_sums) {
                int32_t *pooled = (int32_t *)conv->pooled_sums + channel;
                store_lanes(pooled, lanes_add(load_lanes(pooled), a));
                continue;
            }
            const ptrdiff_t to =
                j * conv->output_block_stride + (tile->output_offsets ? tile->output_offsets[i] : pixel);
            store_forms(a, q, channel, tile->fine ? tile->fine + to : NULL,
                        tile->output ? tile->output + to : NULL);
        }
}

/* Stores n of four pixels. */
ALWAYS_INLINE void store_pixels(element *to, const ptrdiff_t *offsets, const int n, __m512i pixels)
{
    if (n == 4 && offsets[3] - offsets[0] == 3 * BLOCK_CHANNELS) {
        _mm512_storeu_si512(to + offsets[0], pixels);
        return;
    }
    _mm_store_si128((__m128i *)(to + offsets[0]), _mm512_castsi512_si128(pixels));
    if (n > 1) _mm_store_si128((__m128i *)(to + offsets[1]), _mm512_extracti32x4_epi32(pixels, 1));
    if (n > 2) _mm_store_si128((__m128i *)(to + offsets[2]), _mm512_extracti32x4_epi32(pixels, 2));
    if (n > 3) _mm_store_si128((__m128i *)(to + offsets[3]), _mm512_extracti32x4_epi32(pixels, 3));
}

ALWAYS_INLINE void finish_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                               const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    if (tile->residual || tile->fine || conv->pooled_sums) {
        _Alignas(POMK_ALIGN_BYTES) int32_t sums[MAX_TILE_PIXELS * MAX_TILE_VECTORS * VECTOR_LANES];
        UNROLL
        for (int i = 0; i < n_pixels; i++) {
            UNROLL
            for (int j = 0; j < n_vectors; j++)
                store_lanes(sums + (i * n_vectors + j) * VECTOR_LANES, acc[i][j]);
        }
        finish_laid_down(conv, tile, sums, n_pixels, n_vectors);
        return;
    }
    const ptrdiff_t *offsets = tile->output_offsets ? tile->output_offsets : in_a_row;
    UNROLL
    for (int j = 0; j < n_vectors; j++) {
        const float *multipliers = conv->requantization.multipliers + j * VECTOR_LANES;
        element *to = tile->output + j * conv->output_block_stride;
        UNROLL
        for (int i = 0; i < n_pixels; i += 4) {
            const int n = n_pixels - i < 4 ? n_pixels - i : 4;
            const lanes a = scale(acc[i][j], multipliers),
                        b = n > 1 ? scale(acc[i + (n > 1)][j], multipliers) : a,
                        c = n > 2 ? scale(acc[i + 2 * (n > 2)][j], multipliers) : a,
                        d = n > 3 ? scale(acc[i + 3 * (n > 3)][j], multipliers) : a;
            store_pixels(to, offsets + i, n, pack_pixels(a, b, c, d));
        }
    }
}
