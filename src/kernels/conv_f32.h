// SPDX-License-Identifier: Apache-2.0
/*
 * What conv_template.h needs to know of fp32: a dword is one float; a tile begins with the bias and ends with
 * residual, activation and pooling. Included once per kernel set, after a vector_*.h.
 */
#include <string.h>

#include "kernels/template.h"

/* A block is a cache line, whatever the vector length. */
enum { BLOCK_CHANNELS = 16, DWORD_CHANNELS = 1, IMAGE_DWORD_CHANNELS = 1 };
#define SEPARATE_IMAGE_TILES 0
typedef float element, image_element, residual_element, weight;
typedef vector lanes;
#define COLUMN_CHANNEL(column) (column)

#include "kernels/conv_tile.h"

ALWAYS_INLINE lanes load_lanes(const void *p)
{
    return vector_load(p);
}
ALWAYS_INLINE lanes broadcast(const element *p)
{
    return vector_set(*p);
}
#define broadcast_image    broadcast
#define multiply_add       vector_multiply_add
#define multiply_add_image vector_multiply_add

ALWAYS_INLINE void pack_dword(void *to, const weight *values, int n)
{
    (void)n;
    memcpy(to, values, sizeof *values);
}

ALWAYS_INLINE vector activate(vector x, enum pomk_activation activation)
{
    if (activation == POMK_ACTIVATION_NONE) return x;
    x = vector_greater(vector_set(0.0f), x);
    return activation == POMK_ACTIVATION_RELU6 ? vector_smaller(vector_set(6.0f), x) : x;
}

/* Where vector j of the panel lies within a pixel's channel blocks. */
ALWAYS_INLINE ptrdiff_t vector_offset(int j, ptrdiff_t block_stride)
{
    const int channel = j * VECTOR_LANES;
    return channel / BLOCK_CHANNELS * block_stride + channel % BLOCK_CHANNELS;
}

ALWAYS_INLINE void start_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                              const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    UNROLL
    for (int j = 0; j < n_vectors; j++) {
        const vector bias = vector_load((const float *)conv->bias + j * VECTOR_LANES);
        UNROLL
        for (int i = 0; i < n_pixels; i++) acc[i][j] = bias;
    }
    if (conv->continues) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            const float *from = tile->output + vector_offset(j, conv->output_block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++) acc[i][j] = vector_load(from + i * BLOCK_CHANNELS);
        }
    }
}

ALWAYS_INLINE void finish_tile(const int n_pixels, const int n_vectors, const struct pomk_conv *conv,
                               const struct tile *tile, lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS])
{
    float *const output = tile->output;
    const ptrdiff_t block_stride = conv->output_block_stride;
    if (tile->residual) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            const float *from = (const float *)tile->residual + vector_offset(j, conv->residual_block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++)
                acc[i][j] = vector_add(acc[i][j], vector_load(from + i * BLOCK_CHANNELS));
        }
    }
    if (conv->activation != POMK_ACTIVATION_NONE) {
        const vector zero = vector_set(0.0f);
        UNROLL
        for (int i = 0; i < n_pixels; i++) {
            UNROLL
            for (int j = 0; j < n_vectors; j++) acc[i][j] = vector_greater(zero, acc[i][j]);
        }
        if (conv->activation == POMK_ACTIVATION_RELU6) {
            const vector six = vector_set(6.0f);
            UNROLL
            for (int i = 0; i < n_pixels; i++) {
                UNROLL
                for (int j = 0; j < n_vectors; j++) acc[i][j] = vector_smaller(six, acc[i][j]);
            }
        }
    }

    if (conv->pooled_sums) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            float *to = (float *)conv->pooled_sums + j * VECTOR_LANES;
            vector sum = vector_load(to);
            UNROLL
            for (int i = 0; i < n_pixels; i++) sum = vector_add(sum, acc[i][j]);
            vector_store(to, sum);
        }
    } else if (tile->output_offsets) {
        UNROLL
        for (int i = 0; i < n_pixels; i++) {
            float *to = output + tile->output_offsets[i];
            UNROLL
            for (int j = 0; j < n_vectors; j++) vector_store(to + vector_offset(j, block_stride), acc[i][j]);
        }
    } else {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            float *to = output + vector_offset(j, block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++) vector_store(to + i * BLOCK_CHANNELS, acc[i][j]);
        }
    }
}
