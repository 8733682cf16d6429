// SPDX-License-Identifier: Apache-2.0
/*
 * Depthwise convolution of one block of 16 channels, over several output rows.
 *
 * Included once per kernel set. For 3x3 kernels a tile of rows x columns outputs is computed together: each
 * input value is loaded once and goes to every output that it touches, and the nine weights stay in
 * registers. Walking the inputs row by row, left to right, meets each output's taps in the fixed order. Other
 * kernel sizes take the plain loop at the end. DEPTHWISE_COLUMNS, 4 or 2, is the widest tile that fits the
 * set's registers.
 */
#include "kernels/template.h"

ALWAYS_INLINE void depthwise_tile(const int n_rows, const int n_columns, const int stride,
                                  const float *const *rows, ptrdiff_t column, const vector *weights,
                                  vector bias, float *output, ptrdiff_t output_row_stride,
                                  enum pomk_activation activation)
{
    vector acc[2][4];
    UNROLL
    for (int i = 0; i < n_rows * n_columns; i++) acc[i / n_columns][i % n_columns] = bias;
    UNROLL
    for (int y = 0; y < (n_rows - 1) * stride + 3; y++) {
        UNROLL
        for (int x = 0; x < (n_columns - 1) * stride + 3; x++) {
            const vector value = vector_load(rows[y] + (column * stride + x) * POMK_BLOCK_CHANNELS);
            UNROLL
            for (int i = 0; i < n_rows * n_columns; i++) {
                const int r = i / n_columns, c = i % n_columns, ky = y - r * stride, kx = x - c * stride;
                if (ky >= 0 && ky < 3 && kx >= 0 && kx < 3)
                    acc[r][c] = vector_multiply_add(value, weights[ky * 3 + kx], acc[r][c]);
            }
        }
    }
    UNROLL
    for (int i = 0; i < n_rows * n_columns; i++) {
        const int r = i / n_columns, c = i % n_columns;
        vector_store(output + r * output_row_stride + (column + c) * POMK_BLOCK_CHANNELS,
                     activate(acc[r][c], activation));
    }
}

ALWAYS_INLINE void depthwise_rows(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const float *const *rows, float *output, enum pomk_activation activation)
{
    for (int lane = 0; lane < POMK_BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from[4]; /* as many input rows as the tile touches */
        vector weights[9];
        UNROLL
        for (int i = 0; i < 9; i++) weights[i] = vector_load(d->weights + i * POMK_BLOCK_CHANNELS + lane);
        for (int y = 0; y < (n_rows - 1) * stride + 3; y++) from[y] = rows[y] + lane;
        const vector bias = vector_load(d->bias + lane);
        float *to = output + lane;
        ptrdiff_t x = 0;
#define TILE(n_columns)                                                                                      \
    depthwise_tile(n_rows, n_columns, stride, from, x, weights, bias, to, d->output_row_stride, activation)
        for (; x + DEPTHWISE_COLUMNS <= d->n_pixels; x += DEPTHWISE_COLUMNS) TILE(DEPTHWISE_COLUMNS);
        if (DEPTHWISE_COLUMNS > 2 && x + 2 <= d->n_pixels) {
            TILE(2);
            x += 2;
        }
        for (; x < d->n_pixels; x++) TILE(1);
#undef TILE
    }
}

/* Any kernel size and stride. */
static void depthwise_any(const struct pomk_depthwise *d)
{
    for (int row = 0; row < d->n_rows; row++)
        for (int x = 0; x < d->n_pixels; x++)
            for (int lane = 0; lane < POMK_BLOCK_CHANNELS; lane += VECTOR_LANES) {
                vector acc = vector_load(d->bias + lane);
                for (int ky = 0; ky < d->kernel; ky++) {
                    const float *from =
                        d->rows[row * d->stride + ky] + (ptrdiff_t)x * d->stride * POMK_BLOCK_CHANNELS + lane;
                    const float *weights =
                        d->weights + (ptrdiff_t)ky * d->kernel * POMK_BLOCK_CHANNELS + lane;
                    for (int kx = 0; kx < d->kernel; kx++)
                        acc = vector_multiply_add(vector_load(from + kx * POMK_BLOCK_CHANNELS),
                                                  vector_load(weights + kx * POMK_BLOCK_CHANNELS), acc);
                }
                vector_store(d->output + row * d->output_row_stride + (ptrdiff_t)x * POMK_BLOCK_CHANNELS +
                                 lane,
                             activate(acc, d->activation));
            }
}

static void depthwise(const struct pomk_depthwise *d)
{
    if (d->kernel != 3 || d->stride > 2 || d->activation != POMK_ACTIVATION_RELU6) {
        depthwise_any(d);
        return;
    }
    int row = 0;
    if (d->stride == 1) {
        for (; row + 2 <= d->n_rows; row += 2)
            depthwise_rows(2, 1, d, d->rows + row, d->output + row * d->output_row_stride,
                           POMK_ACTIVATION_RELU6);
        if (row < d->n_rows)
            depthwise_rows(1, 1, d, d->rows + row, d->output + row * d->output_row_stride,
                           POMK_ACTIVATION_RELU6);
    } else {
        for (; row < d->n_rows; row++)
            depthwise_rows(1, 2, d, d->rows + row * 2, d->output + row * d->output_row_stride,
                           POMK_ACTIVATION_RELU6);
    }
}
