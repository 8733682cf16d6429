// SPDX-License-Identifier: Apache-2.0
/*
 * The AVX-512 set with VNNI in bytes: what int8 runs in. 32 registers of 64 bytes or 16 sums.
 */
#include <string.h>

#include "kernels/kernels.h"

/* Words for the photo, and the registers of 32-bit integers. */
#define multiply_add multiply_add_image
#include "kernels/words_avx512.h"
#undef multiply_add
#undef COLUMN_CHANNEL
#define COLUMN_CHANNEL(column) (column)

#define TILES(X) X(1, 14) X(2, 14) X(3, 8)
static const double tile_cost[] = {0, 1.2, 1.0, 1.0};

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
        __m128i largest = _mm_setzero_si128();
        for (int row = 0; row < p->n_rows; row++)
            for (ptrdiff_t column = begin; column < end; column++)
                largest = _mm_max_epu8(
                    largest, _mm_load_si128((const __m128i *)(rows[row] + column * BLOCK_CHANNELS)));
        _mm_store_si128((__m128i *)((element *)p->output + (ptrdiff_t)x * BLOCK_CHANNELS), largest);
    }
}

static void add(const struct pomk_add *add)
{
    const struct pomk_requantization *q = &add->requantization;
    for (size_t i = 0; i < add->n_pixels * BLOCK_CHANNELS; i += BLOCK_CHANNELS) {
        const lanes sum = saturate(
            lanes_add(load_fine((const int16_t *)add->a + i), load_fine((const int16_t *)add->b + i)));
        store_forms(clamp(sum, q->low, q->high), q, 0, add->fine ? add->fine + i : NULL,
                    add->output ? (element *)add->output + i : NULL);
    }
}

static void sum_pixels(void *sums, const void *input, size_t n_pixels)
{
    lanes sum = load_lanes(sums);
    for (size_t i = 0; i < n_pixels; i++)
        sum = lanes_add(sum, _mm512_cvtepu8_epi32(_mm_load_si128((const __m128i *)input + i)));
    store_lanes(sums, sum);
}

#define LAYERS pomk_bytes_avx512vnni
#include "kernels/layers_table.h"
