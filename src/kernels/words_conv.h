// SPDX-License-Identifier: Apache-2.0
/*
 * What conv_template.h needs to know of 16-bit integers: a dword is two words; a tile begins with the bias and
 * ends with rounding, residual and pooling. The usual end, one form without a residual, happens in registers;
 * the others lay the sums down first, because they are rare and would make every tile's code three times as
 * long. Included once per set, after a words_*.h and its BLOCK_CHANNELS.
 */
enum { DWORD_CHANNELS = 2 };
#define SEPARATE_IMAGE_TILES   0
#define COLUMN_CHANNEL(column) WORD_COLUMN_CHANNEL(column)
typedef int16_t element;

#include "kernels/integer_tile.h"

#define broadcast    broadcast_words
#define multiply_add multiply_add_words

ALWAYS_INLINE void pack_dword(void *to, const weight *values, int n)
{
    (void)n;
    memcpy(to, values, 2 * sizeof *values);
}

/* A fine form's coarse one; `channel` counts columns. */
ALWAYS_INLINE words coarse(words fine, const struct pomk_requantization *q, ptrdiff_t channel)
{
    const words a = pack(scale(widen_low(fine), q->coarse_multipliers + channel),
                         scale(widen_high(fine), q->coarse_multipliers + channel + VECTOR_LANES));
    return clamp(words_add(a, words_set(q->coarse_zero)), 0, q->coarse_high);
}

/* Sums as they lie in the accumulators, [n_pixels][n_vectors][lanes]. */
static NEVER_INLINE void finish_laid_down(const struct pomk_conv *conv, const struct tile *tile,
                                          const int32_t *sums, int n_pixels, int n_vectors)
{
    const struct pomk_requantization *q = &conv->requantization;
    for (int j = 0; j < n_vectors; j += 2)
        for (int i = 0; i < n_pixels; i++) {
            const ptrdiff_t channel = (ptrdiff_t)j * VECTOR_LANES, block = channel / BLOCK_CHANNELS,
                            lane = channel % BLOCK_CHANNELS, pixel = (ptrdiff_t)i * BLOCK_CHANNELS;
            const int32_t *sum = sums + (i * n_vectors + j) * VECTOR_LANES;
            words a = pack(scale(load_lanes(sum), q->multipliers + channel),
                           scale(load_lanes(sum + VECTOR_LANES), q->multipliers + channel + VECTOR_LANES));
            if (tile->residual)
                a = words_add(a, words_load((const int16_t *)tile->residual +
                                            block * conv->residual_block_stride + pixel + lane));
            a = clamp(a, q->low, q->high);
            if (conv->pooled_sums) {
                int32_t *pooled = (int32_t *)conv->pooled_sums + channel;
                store_lanes(pooled, lanes_add(load_lanes(pooled), widen_low(a)));
                store_lanes(pooled + VECTOR_LANES,
                            lanes_add(load_lanes(pooled + VECTOR_LANES), widen_high(a)));
                continue;
            }
            const ptrdiff_t to = block * conv->output_block_stride + lane +
                                 (tile->output_offsets ? tile->output_offsets[i] : pixel);
            if (tile->fine) words_store(tile->fine + to, a);
            if (tile->output)
                words_store(tile->output + to, q->coarse_multipliers ? coarse(a, q, channel) : a);
        }
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
    const struct pomk_requantization *q = &conv->requantization;
    const ptrdiff_t *offsets = tile->output_offsets ? tile->output_offsets : in_a_row;
    UNROLL
    for (int j = 0; j < n_vectors; j += 2) {
        const float *multipliers = q->multipliers + j * VECTOR_LANES;
        element *to = tile->output +
                      (ptrdiff_t)j * VECTOR_LANES / BLOCK_CHANNELS * conv->output_block_stride +
                      (ptrdiff_t)j * VECTOR_LANES % BLOCK_CHANNELS;
        UNROLL
        for (int i = 0; i < n_pixels; i++)
            words_store(to + offsets[i], clamp(pack(scale(acc[i][j], multipliers),
                                                    scale(acc[i][j + 1], multipliers + VECTOR_LANES)),
                                               q->low, q->high));
    }
}
