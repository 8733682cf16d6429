// SPDX-License-Identifier: Apache-2.0
/*
 * The table of layers in bytes, once per set that multiplies bytes: the end of every bytes_NAME.c, after its registers,
 * tiles and SET_NAME. It serves int8.
 */
#include <string.h>

#include "kernels/bytes_conv.h"

#include "kernels/conv_template.h"
#include "kernels/bytes_depthwise.h"
#include "kernels/integer_ends.h"

static void max_pool(const struct pomk_max_pool *p)
{
    const element *const *rows = (const element *const *)p->rows;
    for (int x = 0; x < p->n_pixels; x++) {
        const int left = x * p->stride - p->pad_left;
        const int begin = left < 0 ? 0 : left,
                  end = left + p->kernel < p->width ? left + p->kernel : p->width;
        element largest[BLOCK_CHANNELS] = {0};
        for (int row = 0; row < p->n_rows; row++)
            for (ptrdiff_t column = begin; column < end; column++)
                for (int c = 0; c < BLOCK_CHANNELS; c++) {
                    const element value = rows[row][column * BLOCK_CHANNELS + c];
                    if (largest[c] < value) largest[c] = value;
                }
        memcpy((element *)p->output + (ptrdiff_t)x * BLOCK_CHANNELS, largest, sizeof largest);
    }
}

static void add(const struct pomk_add *add)
{
    const struct pomk_requantization *q = &add->requantization;
    for (size_t i = 0; i < add->n_pixels; i += GROUP_PIXELS) {
        const int n = add->n_pixels - i < GROUP_PIXELS ? (int)(add->n_pixels - i) : GROUP_PIXELS;
        const size_t at = i * BLOCK_CHANNELS;
        words a[2], b[2];
        load_group_words((const int16_t *)add->a + at, n, a);
        load_group_words((const int16_t *)add->b + at, n, b);
        UNROLL
        for (int h = 0; h < 2; h++) a[h] = clamp(words_add(a[h], b[h]), q->low, q->high);
        store_forms(a, n, q, 0, add->fine ? add->fine + at : NULL,
                    add->output ? (element *)add->output + at : NULL, in_a_row);
    }
}

static void sum_pixels(void *sums, const void *input, size_t n_pixels)
{
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        int32_t *to = (int32_t *)sums + lane;
        lanes sum = load_lanes(to);
        for (size_t i = 0; i < n_pixels; i++)
            sum = lanes_add(sum, lanes_from_bytes((const element *)input + i * BLOCK_CHANNELS + lane));
        store_lanes(to, sum);
    }
}

#define BYTES_SYMBOL_(name) pomk_bytes_##name
#define BYTES_SYMBOL(name)  BYTES_SYMBOL_(name)

#define LAYERS BYTES_SYMBOL(SET_NAME)
#include "kernels/layers_table.h"
