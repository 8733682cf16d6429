// SPDX-License-Identifier: Apache-2.0
/*
 * Depthwise convolution of one block in 16-bit integers. A multiplication takes a dword: two words, here the
 * same pixel of two neighbouring rows. So rows go in pairs, (0, 1), (2, 3), ..., and a kernel of odd height
 * ends with a pair whose second weight is zero. Two output rows are computed together at stride 1, from the
 * same pairs of input rows: the lower one's weights are shifted down by one row, which is why weights are
 * packed twice.
 *
 * Packed weights of one part (WORDS channels) of a block: [shifted or not][column][pair][low, high][lanes].
 */
#include "kernels/template.h"

enum { PARTS = BLOCK_CHANNELS / WORDS };

/* Pairs of rows that `kernel` rows touch, the first of which is the second of its pair when shifted. */
ALWAYS_INLINE int count_pairs(int kernel, int shifted)
{
    return (kernel + shifted + 1) / 2;
}

static size_t depthwise_part_lanes(int kernel)
{
    return (size_t)kernel * (size_t)(count_pairs(kernel, 0) + count_pairs(kernel, 1)) * 2;
}

static size_t packed_depthwise_bytes(int n_channels, int kernel)
{
    const size_t n_blocks = ((size_t)n_channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    return n_blocks * PARTS * depthwise_part_lanes(kernel) * VECTOR_LANES * sizeof(int32_t);
}

static void pack_depthwise(void *packed, const void *weights, int n_channels, int kernel)
{
    const int16_t *from = weights;
    int16_t *to = packed;
    const int n_parts = (n_channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS * PARTS;
    for (int part = 0; part < n_parts; part++)
        for (int shifted = 0; shifted < 2; shifted++)
            for (int x = 0; x < kernel; x++)
                for (int y = -shifted; y < kernel; y += 2)
                    for (int column = 0; column < WORDS; column++)
                        for (int i = 0; i < 2; i++) {
                            const int channel = part * WORDS + COLUMN_CHANNEL(column);
                            const int row = y + i;
                            *to++ = channel < n_channels && row >= 0 && row < kernel
                                        ? from[(channel * kernel + row) * kernel + x]
                                        : 0;
                        }
}

/*
 * A tile of n_rows x n_columns outputs. kernel, stride and the tile's sizes are constants after inlining where
 * that pays; n_rows is 2 only at stride 1.
 */
ALWAYS_INLINE void depthwise_tile(const int n_rows, const int n_columns, const int kernel, const int stride,
                                  const struct pomk_depthwise *d, const int16_t *const *rows,
                                  ptrdiff_t column, int part, int16_t *output)
{
    enum { MAX_COLUMNS = 4 };
    const int n_pairs = count_pairs(kernel, n_rows - 1);
    const int32_t *bias = (const int32_t *)d->bias + part * WORDS;
    const int32_t *weights =
        (const int32_t *)d->weights + part * (ptrdiff_t)depthwise_part_lanes(kernel) * VECTOR_LANES;
    const int32_t *shifted = weights + (ptrdiff_t)kernel * count_pairs(kernel, 0) * WORDS;
    lanes acc[2][MAX_COLUMNS][2];
    UNROLL
    for (int i = 0; i < n_rows * n_columns; i++) {
        acc[i / n_columns][i % n_columns][0] = load_lanes(bias);
        acc[i / n_columns][i % n_columns][1] = load_lanes(bias + VECTOR_LANES);
    }
    const int n_inputs = kernel + n_rows - 1;
    UNROLL
    for (int p = 0; p < n_pairs; p++) {
        const int16_t *upper = rows[2 * p], *lower = rows[2 * p + 1 < n_inputs ? 2 * p + 1 : 2 * p];
        UNROLL
        for (int x = 0; x < (n_columns - 1) * stride + kernel; x++) {
            const ptrdiff_t at = (column * stride + x) * BLOCK_CHANNELS + part * WORDS;
            const words a = words_load(upper + at), b = words_load(lower + at);
            const lanes low = pair_low(a, b), high = pair_high(a, b);
            UNROLL
            for (int c = 0; c < n_columns; c++) {
                const int kx = x - c * stride;
                if (kx < 0 || kx >= kernel) continue;
                UNROLL
                for (int row = 0; row < n_rows; row++) {
                    const int n = count_pairs(kernel, row);
                    if (p >= n) continue;
                    const int32_t *w = (row ? shifted : weights) + (kx * n + p) * WORDS;
                    acc[row][c][0] = multiply_add(low, load_lanes(w), acc[row][c][0]);
                    acc[row][c][1] = multiply_add(high, load_lanes(w + VECTOR_LANES), acc[row][c][1]);
                }
            }
        }
    }
    const struct pomk_requantization *q = &d->requantization;
    const float *multipliers = q->multipliers + part * WORDS;
    UNROLL
    for (int i = 0; i < n_rows * n_columns; i++) {
        const int row = i / n_columns, c = i % n_columns;
        words_store(
            output + row * d->output_row_stride + (column + c) * BLOCK_CHANNELS + part * WORDS,
            clamp(pack(scale(acc[row][c][0], multipliers), scale(acc[row][c][1], multipliers + VECTOR_LANES)),
                  q->low, q->high));
    }
}

ALWAYS_INLINE void depthwise_rows(const int n_rows, const int kernel, const int stride,
                                  const struct pomk_depthwise *d, const int16_t *const *rows, int16_t *output)
{
    for (int part = 0; part < PARTS; part++) {
        ptrdiff_t x = 0;
        for (; x + DEPTHWISE_COLUMNS <= d->n_pixels; x += DEPTHWISE_COLUMNS)
            depthwise_tile(n_rows, DEPTHWISE_COLUMNS, kernel, stride, d, rows, x, part, output);
        for (; x < d->n_pixels; x++) depthwise_tile(n_rows, 1, kernel, stride, d, rows, x, part, output);
    }
}

/* Any kernel size and stride. */
static NEVER_INLINE void depthwise_row(const struct pomk_depthwise *d, const int16_t *const *rows,
                                       int16_t *output)
{
    for (int part = 0; part < PARTS; part++)
        for (ptrdiff_t x = 0; x < d->n_pixels; x++)
            depthwise_tile(1, 1, d->kernel, d->stride, d, rows, x, part, output);
}

static void depthwise(const struct pomk_depthwise *d)
{
    const int16_t *const *rows = (const int16_t *const *)d->rows;
    int16_t *output = d->output;
    int row = 0;
    if (d->kernel == 3 && d->stride == 1)
        for (; row + 2 <= d->n_rows; row += 2)
            depthwise_rows(2, 3, 1, d, rows + row, output + row * d->output_row_stride);
    for (; row < d->n_rows; row++) {
        if (d->kernel == 3 && d->stride == 2)
            depthwise_rows(1, 3, 2, d, rows + 2 * row, output + row * d->output_row_stride);
        else
            depthwise_row(d, rows + row * d->stride, output + row * d->output_row_stride);
    }
}
