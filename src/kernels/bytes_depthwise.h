// SPDX-License-Identifier: Apache-2.0
/*
 * Depthwise convolution of one block in bytes. A multiplication takes a dword: here four neighbouring pixels of
 * one channel, so four pixels of sixteen channels are turned on their side. With weights (w0 w1 w2 0) they give
 * the first pixel's output of a 3x3 kernel, with (0 w0 w1 w2) the next one's.
 *
 * Packed weights of a block: [row][group of four columns][lanes][4], then for kernels of up to three columns
 * [row][lanes][4] moved by one pixel.
 */
#include "kernels/template.h"

ALWAYS_INLINE int count_groups(int kernel)
{
    return (kernel + 3) / 4;
}

static size_t packed_depthwise_bytes(int n_channels, int kernel)
{
    const size_t n_blocks = ((size_t)n_channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    return n_blocks * (size_t)(kernel * count_groups(kernel) + (kernel <= 3 ? kernel : 0)) * LANES_BYTES;
}

static void pack_depthwise(void *packed, const void *weights, int n_channels, int kernel)
{
    const int16_t *from = weights;
    int8_t *to = packed;
    for (int block = 0; block < n_channels; block += BLOCK_CHANNELS)
        for (int moved = 0; moved < (kernel <= 3 ? 2 : 1); moved++)
            for (int row = 0; row < kernel; row++)
                for (int x = -moved; x < kernel; x += 4)
                    for (int c = block; c < block + BLOCK_CHANNELS; c++)
                        for (int i = x; i < x + 4; i++)
                            *to++ = c < n_channels && i >= 0 && i < kernel
                                        ? (int8_t)from[(c * kernel + row) * kernel + i]
                                        : 0;
}

/* The first n of four pixels, [pixel][channel] -> [channel][pixel]. What is not read is zero. */
ALWAYS_INLINE lanes load_turned(const element *p, const int n)
{
    const __m512i parts = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    const __m512i turn =
        _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    const __m512i pixels =
        n == 4 ? _mm512_loadu_si512(p) : _mm512_maskz_loadu_epi32((__mmask16)((1u << 4 * n) - 1), p);
    return _mm512_shuffle_epi8(_mm512_permutexvar_epi32(parts, pixels), turn);
}

/* n_rows x 4 outputs of a 3x3 kernel; two rows only at stride 1. */
ALWAYS_INLINE void depthwise_tile(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const element *const *rows, ptrdiff_t x, const lanes *weights,
                                  const lanes *moved, lanes bias, element *output)
{
    lanes acc[2][4];
    UNROLL
    for (int i = 0; i < n_rows * 4; i++) acc[i / 4][i % 4] = bias;
    UNROLL
    for (int y = 0; y < n_rows + 2; y++) {
        if (stride == 1) {
            UNROLL
            for (int half = 0; half < 2; half++) {
                const lanes pixels = load_turned(rows[y] + (x + 2 * half) * BLOCK_CHANNELS, 4);
                UNROLL
                for (int r = 0; r < n_rows; r++) {
                    if (y - r < 0 || y - r > 2) continue;
                    acc[r][2 * half] = multiply_add(pixels, weights[y - r], acc[r][2 * half]);
                    acc[r][2 * half + 1] = multiply_add(pixels, moved[y - r], acc[r][2 * half + 1]);
                }
            }
        } else {
            UNROLL
            for (int c = 0; c < 4; c++)
                acc[0][c] = multiply_add(load_turned(rows[y] + (x + c) * stride * BLOCK_CHANNELS, 3),
                                         weights[y], acc[0][c]);
        }
    }
    const float *multipliers = d->requantization.multipliers;
    UNROLL
    for (int r = 0; r < n_rows; r++)
        _mm512_storeu_si512(output + r * d->output_row_stride + x * BLOCK_CHANNELS,
                            pack_pixels(scale(acc[r][0], multipliers), scale(acc[r][1], multipliers),
                                        scale(acc[r][2], multipliers), scale(acc[r][3], multipliers)));
}

/* Tiles of four columns; the last one begins where it still ends within the row. */
ALWAYS_INLINE void depthwise_rows(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const element *const *rows, element *output)
{
    const lanes bias = load_lanes(d->bias);
    lanes weights[3], moved[3];
    UNROLL
    for (int i = 0; i < 3; i++) {
        weights[i] = load_lanes((const char *)d->weights + i * LANES_BYTES);
        moved[i] = load_lanes((const char *)d->weights + (3 + i) * LANES_BYTES);
    }
    for (ptrdiff_t x = 0; x < d->n_pixels; x += 4)
        depthwise_tile(n_rows, stride, d, rows, x + 4 <= d->n_pixels ? x : d->n_pixels - 4, weights, moved,
                       bias, output);
}

/* Any kernel size and stride, and rows of less than four pixels. */
static void depthwise_row(const struct pomk_depthwise *d, const element *const *rows, element *output)
{
    for (ptrdiff_t x = 0; x < d->n_pixels; x++) {
        lanes acc = load_lanes(d->bias);
        const char *weights = d->weights;
        for (int row = 0; row < d->kernel; row++)
            for (int k = 0; k < d->kernel; k += 4, weights += LANES_BYTES)
                acc = multiply_add(load_turned(rows[row] + (x * d->stride + k) * BLOCK_CHANNELS,
                                               d->kernel - k < 4 ? d->kernel - k : 4),
                                   load_lanes(weights), acc);
        acc = scale(acc, d->requantization.multipliers);
        _mm_store_si128((__m128i *)(output + x * BLOCK_CHANNELS),
                        _mm512_castsi512_si128(pack_pixels(acc, acc, acc, acc)));
    }
}

static void depthwise(const struct pomk_depthwise *d)
{
    const element *const *rows = (const element *const *)d->rows;
    element *output = d->output;
    const int tiled = d->kernel == 3 && d->n_pixels >= 4;
    int row = 0;
    if (tiled && d->stride == 1)
        for (; row + 2 <= d->n_rows; row += 2)
            depthwise_rows(2, 1, d, rows + row, output + row * d->output_row_stride);
    for (; row < d->n_rows; row++) {
        const element *const *from = rows + row * d->stride;
        element *to = output + row * d->output_row_stride;
        if (tiled && d->stride == 1)
            depthwise_rows(1, 1, d, from, to);
        else if (tiled && d->stride == 2)
            depthwise_rows(1, 2, d, from, to);
        else
            depthwise_row(d, from, to);
    }
}
