// SPDX-License-Identifier: Apache-2.0
/*
 * The small kernels: a photo's bytes to floats, addition and pooling. Included once per kernel set.
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

static void add(const struct pomk_add *add)
{
    const float *a = add->a, *b = add->b;
    float *output = add->output;
    for (size_t i = 0; i < add->n_pixels * BLOCK_CHANNELS; i += VECTOR_LANES)
        vector_store(output + i,
                     activate(vector_add(vector_load(a + i), vector_load(b + i)), add->activation));
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

static void average(float *features, const void *sums, size_t n, const float *scales, int32_t shift)
{
    (void)shift;
    for (size_t i = 0; i < n; i++) features[i] = ((const float *)sums)[i] * scales[i];
}
