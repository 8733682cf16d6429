// SPDX-License-Identifier: Apache-2.0
/*
 * The small kernels in 16-bit integers: a photo's bytes to words, max pooling, addition and sums.
 */
#include "kernels/template.h"

static void max_pool(const struct pomk_max_pool *p)
{
    const int16_t *const *rows = (const int16_t *const *)p->rows;
    int16_t *output = p->output;
    for (int x = 0; x < p->n_pixels; x++) {
        const int left = x * p->stride - p->pad_left;
        const int begin = left < 0 ? 0 : left,
                  end = left + p->kernel < p->width ? left + p->kernel : p->width;
        for (int lane = 0; lane < BLOCK_CHANNELS; lane += WORDS) {
            words largest = words_load(rows[0] + (ptrdiff_t)begin * BLOCK_CHANNELS + lane);
            for (int row = 0; row < p->n_rows; row++)
                for (int column = begin; column < end; column++)
                    largest = words_greater(words_load(rows[row] + (ptrdiff_t)column * BLOCK_CHANNELS + lane),
                                            largest);
            words_store(output + (ptrdiff_t)x * BLOCK_CHANNELS + lane, largest);
        }
    }
}

static void add(const struct pomk_add *add)
{
    const struct pomk_requantization *q = &add->requantization;
    const int16_t *a = add->a, *b = add->b;
    int16_t *output = add->output;
    for (size_t i = 0; i < add->n_pixels * BLOCK_CHANNELS; i += WORDS) {
        const words sum = clamp(words_add(words_load(a + i), words_load(b + i)), q->low, q->high);
        if (add->fine) words_store(add->fine + i, sum);
        if (output)
            words_store(output + i,
                        q->coarse_multipliers ? coarse(sum, q, (ptrdiff_t)(i % BLOCK_CHANNELS)) : sum);
    }
}

/* Three registers hold whole pixels, so the colours' constants come round every three. */
static void convert_bytes(void *output, const uint8_t *bytes, size_t n, const float scale[3],
                          const float shift[3])
{
    enum { PERIOD = 3 * WORDS };
    _Alignas(POMK_ALIGN_BYTES) int16_t scales[PERIOD], shifts[PERIOD];
    for (int i = 0; i < PERIOD; i++) {
        scales[i] = (int16_t)scale[i % 3];
        shifts[i] = (int16_t)shift[i % 3];
    }
    int16_t *to = output;
    for (size_t i = 0; i < n; i += PERIOD) {
        uint8_t rest[PERIOD] = {0};
        _Alignas(POMK_ALIGN_BYTES) int16_t converted[PERIOD];
        const size_t left = n - i;
        const uint8_t *from = bytes + i;
        if (left < PERIOD) from = memcpy(rest, from, left);
        for (int k = 0; k < PERIOD; k += WORDS) {
            const words a = words_add(words_multiply(words_from_bytes(from + k), words_load(scales + k)),
                                      words_load(shifts + k));
            words_store_anywhere(left < PERIOD ? converted + k : to + i + k, a);
        }
        if (left < PERIOD) memcpy(to + i, converted, left * sizeof *to);
    }
}

static void sum_pixels(void *sums, const void *input, size_t n_pixels)
{
    const int16_t *from = input;
    int32_t *to = sums;
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += WORDS) {
        lanes low = load_lanes(to + lane), high = load_lanes(to + lane + VECTOR_LANES);
        for (size_t i = 0; i < n_pixels; i++) {
            const words a = words_load(from + i * BLOCK_CHANNELS + lane);
            low = lanes_add(low, widen_low(a));
            high = lanes_add(high, widen_high(a));
        }
        store_lanes(to + lane, low);
        store_lanes(to + lane + VECTOR_LANES, high);
    }
}

static void average(float *features, const void *sums, size_t n, const float *scales, int32_t shift)
{
    const size_t n_columns = (n + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS * BLOCK_CHANNELS;
    for (size_t column = 0; column < n_columns; column++) {
        const size_t channel = COLUMN_CHANNEL(column);
        if (channel < n)
            features[channel] = (float)(((const int32_t *)sums)[column] - shift) * scales[channel];
    }
}
