// SPDX-License-Identifier: Apache-2.0
/*
 * The small kernels: a photo's bytes to floats, addition, pooling, and the loop that measures the machine's multiply-add limit.
 * Included once per kernel set.
 */
#include <string.h>

#include "kernels/template.h"

static void max_pool(const struct pomk_max_pool *p)
{
    const float *const *rows = (const float *const *)p->rows;
    float *output = p->output;
    for (int x = 0; x < p->n_pixels; x++) {
        const int left = x * p->stride - p->pad_left;
        const int begin = left < 0 ? 0 : left,
                  end = left + p->kernel < p->width ? left + p->kernel : p->width;
        for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
            vector largest = vector_load(rows[0] + (ptrdiff_t)begin * BLOCK_CHANNELS + lane);
            for (int row = 0; row < p->n_rows; row++)
                for (int column = begin; column < end; column++)
                    largest = vector_greater(
                        vector_load(rows[row] + (ptrdiff_t)column * BLOCK_CHANNELS + lane), largest);
            vector_store(output + (ptrdiff_t)x * BLOCK_CHANNELS + lane, largest);
        }
    }
}

static void add(void *output_to, const void *a_from, const void *b_from, size_t n_pixels,
                enum pomk_activation activation)
{
    float *output = output_to;
    const float *a = a_from, *b = b_from;
    for (size_t i = 0; i < n_pixels * BLOCK_CHANNELS; i += VECTOR_LANES)
        vector_store(output + i, activate(vector_add(vector_load(a + i), vector_load(b + i)), activation));
}

/* Three vectors hold whole pixels, so the colours' constants come round every three vectors. */
static void convert_bytes(void *output_to, const uint8_t *bytes, size_t n, const float scale[3],
                          const float shift[3])
{
    enum { PERIOD = 3 * VECTOR_LANES };
    float *output = output_to;
    _Alignas(POMK_ALIGN_BYTES) float scales[PERIOD], shifts[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
        scales[i] = scale[i % 3];
        shifts[i] = shift[i % 3];
    }
    size_t i = 0;
    for (; i + PERIOD <= n; i += PERIOD)
        for (int k = 0; k < PERIOD; k += VECTOR_LANES)
            vector_store_anywhere(output + i + k,
                                  vector_multiply_add(vector_from_bytes(bytes + i + k),
                                                      vector_load(scales + k), vector_load(shifts + k)));
    if (i < n) { /* the rest through buffers of full length */
        uint8_t rest[PERIOD] = {0};
        _Alignas(POMK_ALIGN_BYTES) float converted[PERIOD];
        memcpy(rest, bytes + i, n - i);
        for (int k = 0; k < PERIOD; k += VECTOR_LANES)
            vector_store(converted + k,
                         vector_multiply_add(vector_from_bytes(rest + k), vector_load(scales + k),
                                             vector_load(shifts + k)));
        memcpy(output + i, converted, (n - i) * sizeof *output);
    }
}

static void sum_pixels(void *sums_to, const void *input_from, size_t n_pixels)
{
    float *sums = sums_to;
    const float *input = input_from;
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        vector sum = vector_load(sums + lane);
        for (size_t i = 0; i < n_pixels; i++)
            sum = vector_add(sum, vector_load(input + i * BLOCK_CHANNELS + lane));
        vector_store(sums + lane, sum);
    }
}

static void average(float *features, const void *sums, size_t n, float scale)
{
    for (size_t i = 0; i < n; i++) features[i] = ((const float *)sums)[i] * scale;
}

/*
 * Twelve independent chains hide the latency of two multiply-adds per cycle on every current core. x -> x / 2
 * + 1 stays near 2: subnormal numbers would be many times slower than the limit that is to be measured.
 */
static double fma_peak(long n_rounds, float *result)
{
    enum { N_CHAINS = 12 };
    vector acc[N_CHAINS];
    vector half = vector_set(*result * 0.0f + 0.5f), one = vector_set(1.0f);
    UNROLL
    for (int i = 0; i < N_CHAINS; i++) acc[i] = vector_set((float)i);
    for (long round = 0; round < n_rounds; round++) {
        UNROLL
        for (int i = 0; i < N_CHAINS; i++) acc[i] = vector_multiply_add(acc[i], half, one);
    }
    vector sum = acc[0];
    UNROLL
    for (int i = 1; i < N_CHAINS; i++) sum = vector_add(sum, acc[i]);
    _Alignas(POMK_ALIGN_BYTES) float lanes[VECTOR_LANES];
    vector_store(lanes, sum);
    *result = lanes[0];
    return (double)n_rounds * N_CHAINS * VECTOR_LANES;
}
