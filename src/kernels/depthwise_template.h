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
            const vector value = vector_load(rows[y] + (column * stride + x) * BLOCK_CHANNELS);
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
        vector_store(output + r * output_row_stride + (column + c) * BLOCK_CHANNELS,
                     activate(acc[r][c], activation));
    }
}

ALWAYS_INLINE void depthwise_rows(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const float *const *rows, float *output, enum pomk_activation activation)
{
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from[4]; /* as many input rows as the tile touches */
        vector weights[9];
        UNROLL
        for (int i = 0; i < 9; i++)
            weights[i] = vector_load((const float *)d->weights + i * BLOCK_CHANNELS + lane);
        for (int y = 0; y < (n_rows - 1) * stride + 3; y++) from[y] = rows[y] + lane;
        const vector bias = vector_load((const float *)d->bias + lane);
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
    const float *const *rows = (const float *const *)d->rows, *bias = d->bias;
    for (int row = 0; row < d->n_rows; row++)
        for (int x = 0; x < d->n_pixels; x++)
            for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
                vector acc = vector_load(bias + lane);
                for (int ky = 0; ky < d->kernel; ky++) {
                    const float *from =
                        rows[row * d->stride + ky] + (ptrdiff_t)x * d->stride * BLOCK_CHANNELS + lane;
                    const float *weights =
                        (const float *)d->weights + (ptrdiff_t)ky * d->kernel * BLOCK_CHANNELS + lane;
                    for (int kx = 0; kx < d->kernel; kx++)
                        acc = vector_multiply_add(vector_load(from + kx * BLOCK_CHANNELS),
                                                  vector_load(weights + kx * BLOCK_CHANNELS), acc);
                }
                vector_store((float *)d->output + row * d->output_row_stride + (ptrdiff_t)x * BLOCK_CHANNELS +
                                 lane,
                             activate(acc, d->activation));
            }
}

static void depthwise(const struct pomk_depthwise *d)
{
    const float *const *rows = (const float *const *)d->rows;
    float *output = d->output;
    if (d->kernel != 3 || d->stride > 2 || d->activation != POMK_ACTIVATION_RELU6) {
        depthwise_any(d);
        return;
    }
    int row = 0;
    if (d->stride == 1) {
        for (; row + 2 <= d->n_rows; row += 2)
            depthwise_rows(2, 1, d, rows + row, output + row * d->output_row_stride, POMK_ACTIVATION_RELU6);
        if (row < d->n_rows)
            depthwise_rows(1, 1, d, rows + row, output + row * d->output_row_stride, POMK_ACTIVATION_RELU6);
    } else {
        for (; row < d->n_rows; row++)
            depthwise_rows(1, 2, d, rows + row * 2, output + row * d->output_row_stride,
                           POMK_ACTIVATION_RELU6);
    }
}

static size_t packed_depthwise_bytes(int n_channels, int kernel)
{
    const size_t n_blocks = ((size_t)n_channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    return n_blocks * BLOCK_CHANNELS * (size_t)(kernel * kernel) * sizeof(float);
}

/* [n_channels][taps] -> for each block [taps][16] */
static void pack_depthwise(void *packed, const void *weights, int n_channels, int kernel)
{
    const int n_taps = kernel * kernel;
    float *to = packed;
    const float *from = weights;
    for (int block = 0; block < n_channels; block += BLOCK_CHANNELS)
        for (int tap = 0; tap < n_taps; tap++)
            for (int c = block; c < block + BLOCK_CHANNELS; c++)
                *to++ = c < n_channels ? from[(size_t)c * (size_t)n_taps + (size_t)tap] : 0.0f;
}
