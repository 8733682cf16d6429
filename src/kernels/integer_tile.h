// SPDX-License-Identifier: Apache-2.0
/*
 * What the tiles of words_conv.h and bytes_conv.h share: a photo's rows are words in both, and sums of 32 bits begin
 * with the bias.
 */
#include "kernels/template.h"

enum { IMAGE_DWORD_CHANNELS = 2, WORDS = 2 * VECTOR_LANES };
typedef int16_t image_element, residual_element, weight;

#include "kernels/conv_tile.h"

ALWAYS_INLINE lanes broadcast_words(const int16_t *p)
{
    int32_t dword;
    memcpy(&dword, p, sizeof dword);
    return lanes_set(dword);
}
#define broadcast_image    broadcast_words
#define multiply_add_image multiply_add_words

ALWAYS_INLINE void start_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                              const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    (void)tile;
    UNROLL
    for (int j = 0; j < n_vectors; j++) {
        const lanes bias = load_lanes((const int32_t *)conv->bias + j * VECTOR_LANES);
        UNROLL
        for (int i = 0; i < n_pixels; i++) acc[i][j] = bias;
    }
}

ALWAYS_INLINE words clamp(words a, int low, int high)
{
    return words_smaller(words_greater(a, words_set(low)), words_set(high));
}
