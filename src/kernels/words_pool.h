// SPDX-License-Identifier: Apache-2.0
/*
 * The small kernels in 16-bit integers: max pooling, addition and sums.
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
