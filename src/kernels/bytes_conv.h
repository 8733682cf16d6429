// SPDX-License-Identifier: Apache-2.0
/*
 * What conv_template.h needs to know of bytes: a dword is four bytes, unsigned values times signed weights; the photo's
 * rows are words. One register of bytes takes four of sums, which is a *group*: four pixels of sixteen channels, or two,
 * or one, by the length of a register. As in words_conv.h, all but the usual end lays its sums down first.
 *
 * Included once per set, after a bytes_*.h, which says for its registers
 *   broadcast_bytes, multiply_add_bytes   four values of a pixel in every lane, less VALUE_OFFSET; times four weights
 *   pack_words     two registers of words, each made by `pack`, to one of bytes in their order, saturated
 *   arrange        a register made by `pack`: its words in the order of the lanes they came from
 *   first_lanes, second_lanes   the halves of an arranged register, widened; lanes_from_bytes widens bytes
 *   bytes_block    the sixteen bytes of one pixel of a group
 *   turn           four pixels of sixteen channels on their side, [pixel][channel] -> [channel][pixel], less VALUE_OFFSET
 */
enum {
    BLOCK_CHANNELS = 16,
    DWORD_CHANNELS = 4,
    BLOCK_VECTORS = BLOCK_CHANNELS / VECTOR_LANES,
    GROUP_PIXELS = 4 / BLOCK_VECTORS,
};
#define SEPARATE_IMAGE_TILES   1
#define COLUMN_CHANNEL(column) (column)
typedef uint8_t element;

#include "kernels/integer_tile.h"

#define broadcast    broadcast_bytes
#define multiply_add multiply_add_bytes

ALWAYS_INLINE void pack_dword(void *to, const weight *values, int n)
{
    if (n == IMAGE_DWORD_CHANNELS)
        memcpy(to, values, 2 * sizeof *values);
    else
        for (int i = 0; i < n; i++) ((int8_t *)to)[i] = (int8_t)values[i];
}

/* The n pixels of a group, each to its place. */
ALWAYS_INLINE void store_group(element *to, const ptrdiff_t *offsets, const int n, byte_group group)
{
    if (n == GROUP_PIXELS && offsets[n - 1] - offsets[0] == (n - 1) * BLOCK_CHANNELS) {
        bytes_store_anywhere(to + offsets[0], group);
        return;
    }
    UNROLL
    for (int i = 0; i < n; i++) block_store(to + offsets[i], bytes_block(group, i));
}

/* Words of a group, two registers of them: n pixels one block apart, or each in its place. */
ALWAYS_INLINE void load_group_words(const int16_t *from, int n, words group[2])
{
    _Alignas(POMK_ALIGN_BYTES) int16_t rest[2 * WORDS] = {0};
    if (n < GROUP_PIXELS) from = memcpy(rest, from, (size_t)n * BLOCK_CHANNELS * sizeof *rest);
    group[0] = words_load_anywhere(from);
    group[1] = words_load_anywhere(from + WORDS);
}
ALWAYS_INLINE void store_group_words(int16_t *to, const ptrdiff_t *offsets, int n, const words group[2])
{
    _Alignas(POMK_ALIGN_BYTES) int16_t pixels[2 * WORDS];
    const int is_whole = n == GROUP_PIXELS && offsets[n - 1] - offsets[0] == (n - 1) * BLOCK_CHANNELS;
    int16_t *at = is_whole ? to + offsets[0] : pixels;
    words_store_anywhere(at, group[0]);
    words_store_anywhere(at + WORDS, group[1]);
    for (int i = 0; !is_whole && i < n; i++)
        memcpy(to + offsets[i], pixels + i * BLOCK_CHANNELS, BLOCK_CHANNELS * sizeof *pixels);
}

/* A group's values before their forms: stores those that are wanted. `channel` is the block's first. */
ALWAYS_INLINE void store_forms(const words group[2], int n, const struct pomk_requantization *q,
                               ptrdiff_t channel, int16_t *fine, element *output, const ptrdiff_t *offsets)
{
    if (fine) store_group_words(fine, offsets, n, group);
    if (!output) return;
    words coarse[2];
    UNROLL
    for (int h = 0; h < 2; h++) {
        lanes first = first_lanes(group[h]), second = second_lanes(group[h]);
        if (q->coarse_multipliers) {
            const float *multipliers = q->coarse_multipliers + channel;
            first = scale(first, multipliers + 2 * h % BLOCK_VECTORS * VECTOR_LANES);
            second = scale(second, multipliers + (2 * h + 1) % BLOCK_VECTORS * VECTOR_LANES);
        }
        coarse[h] = pack(first, second);
        if (q->coarse_multipliers) coarse[h] = words_add(coarse[h], words_set(q->coarse_zero));
    }
    const byte_group packed = pack_words(coarse[0], coarse[1]);
    if (n == GROUP_PIXELS)
        store_group(output, offsets, GROUP_PIXELS, packed);
    else
        for (int i = 0; i < n; i++) block_store(output + offsets[i], bytes_block(packed, i));
}

/* Sums, [block][pixel][16]. */
static NEVER_INLINE void finish_laid_down(const struct pomk_conv *conv, const struct tile *tile,
                                          const int32_t *sums, int n_pixels, int n_blocks)
{
    const struct pomk_requantization *q = &conv->requantization;
    const ptrdiff_t *offsets = tile->output_offsets ? tile->output_offsets : in_a_row;
    for (int block = 0; block < n_blocks; block++) {
        const ptrdiff_t channel = (ptrdiff_t)block * BLOCK_CHANNELS;
        const float *multipliers = q->multipliers + channel;
        for (int i = 0; i < n_pixels; i += GROUP_PIXELS) {
            const int n = n_pixels - i < GROUP_PIXELS ? n_pixels - i : GROUP_PIXELS;
            words group[2], residual[2] = {words_set(0), words_set(0)};
            if (tile->residual)
                load_group_words((const int16_t *)tile->residual + block * conv->residual_block_stride +
                                     (ptrdiff_t)i * BLOCK_CHANNELS,
                                 n, residual);
            UNROLL
            for (int h = 0; h < 2; h++) {
                const int32_t *from = sums + (block * n_pixels + i) * BLOCK_CHANNELS + h * WORDS;
                group[h] =
                    arrange(pack(scale(load_lanes(from), multipliers + 2 * h % BLOCK_VECTORS * VECTOR_LANES),
                                 scale(load_lanes(from + VECTOR_LANES),
                                       multipliers + (2 * h + 1) % BLOCK_VECTORS * VECTOR_LANES)));
                group[h] = clamp(words_add(group[h], residual[h]), q->low, q->high);
            }
            if (!conv->pooled_sums) {
                store_forms(
                    group, n, q, channel, tile->fine ? tile->fine + block * conv->output_block_stride : NULL,
                    tile->output ? tile->output + block * conv->output_block_stride : NULL, offsets + i);
                continue;
            }
            int32_t *pooled = (int32_t *)conv->pooled_sums + channel;
            UNROLL
            for (int r = 0; r < 4; r++) {
                int32_t *to = pooled + r % BLOCK_VECTORS * VECTOR_LANES;
                if (r / BLOCK_VECTORS < n)
                    store_lanes(to, lanes_add(load_lanes(to), r % 2 ? second_lanes(group[r / 2])
                                                                    : first_lanes(group[r / 2])));
            }
        }
    }
}

ALWAYS_INLINE void finish_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                               const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    if (tile->residual || tile->fine || conv->pooled_sums) {
        /* A group more than the pixels: the last group reads four registers, whatever its pixels. */
        _Alignas(POMK_ALIGN_BYTES) int32_t sums[(MAX_TILE_PIXELS * MAX_TILE_VECTORS + 4) * VECTOR_LANES];
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            UNROLL
            for (int i = 0; i < n_pixels; i++)
                store_lanes(sums + (j / BLOCK_VECTORS * n_pixels + i) * BLOCK_CHANNELS +
                                j % BLOCK_VECTORS * VECTOR_LANES,
                            acc[i][j]);
        }
        finish_laid_down(conv, tile, sums, n_pixels, n_vectors / BLOCK_VECTORS);
        return;
    }
    const ptrdiff_t *offsets = tile->output_offsets ? tile->output_offsets : in_a_row;
    UNROLL
    for (int j = 0; j < n_vectors; j += BLOCK_VECTORS) {
        const float *multipliers = conv->requantization.multipliers + j * VECTOR_LANES;
        element *to = tile->output + j / BLOCK_VECTORS * conv->output_block_stride;
        UNROLL
        for (int i = 0; i < n_pixels; i += GROUP_PIXELS) {
            const int n = n_pixels - i < GROUP_PIXELS ? n_pixels - i : GROUP_PIXELS;
            lanes group[4];
            UNROLL
            for (int r = 0; r < 4; r++) {
                const int pixel = r / BLOCK_VECTORS < n ? r / BLOCK_VECTORS : 0, vector = r % BLOCK_VECTORS;
                group[r] = scale(acc[i + pixel][j + vector], multipliers + vector * VECTOR_LANES);
            }
            store_group(to, offsets + i, n, pack_words(pack(group[0], group[1]), pack(group[2], group[3])));
        }
    }
}
