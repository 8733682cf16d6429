// SPDX-License-Identifier: Apache-2.0
// Batch normalisation with ReLU6 for training, each direction in two passes over memory; torch needs five and
// seven, and with narrow networks on a CPU they are half of the time.
//
// Matrices are float [n_rows, width], rows contiguous. `width` is the number of channels, or a multiple of it when
// several pixels are taken as one row, so that even 8 channels fill the vector registers; vectors are repeated
// accordingly. The library is built for the machine that trains: -O3 -march=native -ffast-math.

#include <stddef.h>
#include <string.h>

// Within a block sums stay float and lose little; the blocks' sums are double.
enum { BLOCK_ROWS = 64, MAX_WIDTH = 2048 };

static float clipped(float value)
{
    return value < 0 ? 0 : value > 6 ? 6 : value;
}

static void add_block(double *total, const float *block, size_t width)
{
    for (size_t i = 0; i < width; i++) total[i] += block[i];
}

// sum[i] and square[i]: column sums of x and of x * x.
void sums(const float *restrict x, size_t n_rows, size_t width, double *restrict sum, double *restrict square)
{
    float block_sum[MAX_WIDTH], block_square[MAX_WIDTH];
    memset(sum, 0, width * sizeof *sum);
    memset(square, 0, width * sizeof *square);
    for (size_t start = 0; start < n_rows; start += BLOCK_ROWS) {
        size_t end = start + BLOCK_ROWS < n_rows ? start + BLOCK_ROWS : n_rows;
        memset(block_sum, 0, width * sizeof *block_sum);
        memset(block_square, 0, width * sizeof *block_square);
        for (size_t row = start; row < end; row++) {
            for (size_t i = 0; i < width; i++) {
                float value = x[row * width + i];
                block_sum[i] += value;
                block_square[i] += value * value;
            }
        }
        add_block(sum, block_sum, width);
        add_block(square, block_square, width);
    }
}

// y = gain * x + shift, clipped to 0..6 where asked.
void apply(const float *restrict x, size_t n_rows, size_t width, const float *restrict gain,
           const float *restrict shift, int clip, float *restrict y)
{
    for (size_t row = 0; row < n_rows; row++) {
        const float *from = x + row * width;
        float *to = y + row * width;
        if (clip) {
            for (size_t i = 0; i < width; i++) to[i] = clipped(gain[i] * from[i] + shift[i]);
        } else {
            for (size_t i = 0; i < width; i++) to[i] = gain[i] * from[i] + shift[i];
        }
    }
}

static float passed(float gradient, float value, int clip)
{
    return clip && (value <= 0 || value >= 6) ? 0 : gradient;
}

// sum[i] and product[i]: column sums of g and of g * x, where g is the gradient of y behind the clipping.
void gradient_sums(const float *restrict x, const float *restrict gradient, size_t n_rows, size_t width,
                   const float *restrict gain, const float *restrict shift, int clip, double *restrict sum,
                   double *restrict product)
{
    float block_sum[MAX_WIDTH], block_product[MAX_WIDTH];
    memset(sum, 0, width * sizeof *sum);
    memset(product, 0, width * sizeof *product);
    for (size_t start = 0; start < n_rows; start += BLOCK_ROWS) {
        size_t end = start + BLOCK_ROWS < n_rows ? start + BLOCK_ROWS : n_rows;
        memset(block_sum, 0, width * sizeof *block_sum);
        memset(block_product, 0, width * sizeof *block_product);
        for (size_t row = start; row < end; row++) {
            const float *value = x + row * width, *given = gradient + row * width;
            for (size_t i = 0; i < width; i++) {
                float g = passed(given[i], gain[i] * value[i] + shift[i], clip);
                block_sum[i] += g;
                block_product[i] += g * value[i];
            }
        }
        add_block(sum, block_sum, width);
        add_block(product, block_product, width);
    }
}

// The gradient of x: gain * g - slope * x - offset (Ioffe and Szegedy 2015, with the sums gathered per column).
void gradient_apply(const float *restrict x, const float *restrict gradient, size_t n_rows, size_t width,
                    const float *restrict gain, const float *restrict shift, int clip,
                    const float *restrict slope, const float *restrict offset, float *restrict result)
{
    for (size_t row = 0; row < n_rows; row++) {
        const float *value = x + row * width, *given = gradient + row * width;
        float *to = result + row * width;
        for (size_t i = 0; i < width; i++) {
            float g = passed(given[i], gain[i] * value[i] + shift[i], clip);
            to[i] = gain[i] * g - slope[i] * value[i] - offset[i];
        }
    }
}
