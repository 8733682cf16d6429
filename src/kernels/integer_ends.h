// SPDX-License-Identifier: Apache-2.0
/* Where integers begin and end, in all their formats: a photo's bytes to words, and sums to features. */
#include "kernels/template.h"

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

static void average(float *features, const void *sums, size_t n, const float *scales, int32_t shift)
{
    const size_t n_columns = (n + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS * BLOCK_CHANNELS;
    for (size_t column = 0; column < n_columns; column++) {
        const size_t channel = COLUMN_CHANNEL(column);
        if (channel < n)
            features[channel] = (float)(((const int32_t *)sums)[column] - shift) * scales[channel];
    }
}
