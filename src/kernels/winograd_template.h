// SPDX-License-Identifier: Apache-2.0
/*
 * The transforms of Winograd's convolution F(4x4, 3x3), of one block of 16 channels. Included once per kernel set.
 *
 * Polynomials are multiplied point by point: at 0, 1, -1, 2, -2 and infinity (Lavin and Gray, Fast Algorithms for
 * Convolutional Neural Networks, 2015, section 4.3). The matrices are
 *
 *          | 4  0 -5  0  1  0 |             | 1  1  1  1  1  0 |
 *          | 0 -4 -4  1  1  0 |             | 0  1 -1  2 -2  0 |
 *     B' = | 0  4 -4 -1  1  0 |        A' = | 0  1  1  4  4  0 |
 *          | 0 -2 -1  2  1  0 |             | 0  1 -1  8 -8  1 |
 *          | 0  2 -1 -2  1  0 |
 *          | 0  4  0 -5  0  1 |
 *
 * and G is in winograd_weights.c. Rows that differ in signs alone share their parts; the order of the operations below, first
 * along columns, then along rows, is the same for every set. A difference is a fused multiply-add with -1, which rounds alike.
 */
#include "kernels/template.h"

/* From six values of a row or column to its six points, in place. */
ALWAYS_INLINE void to_points(vector d[POMK_WINOGRAD_PATCH])
{
    const vector four = vector_set(4.0f), minus_five = vector_set(-5.0f), minus_four = vector_set(-4.0f);
    const vector minus_one = vector_set(-1.0f), two = vector_set(2.0f), minus_two = vector_set(-2.0f);
    const vector zeroth = vector_multiply_add(four, d[0], vector_multiply_add(minus_five, d[2], d[4]));
    const vector last = vector_multiply_add(four, d[1], vector_multiply_add(minus_five, d[3], d[5]));
    const vector even1 = vector_multiply_add(minus_four, d[2], d[4]),
                 odd1 = vector_multiply_add(minus_four, d[1], d[3]);
    const vector even2 = vector_multiply_add(minus_one, d[2], d[4]),
                 odd2 = vector_multiply_add(minus_one, d[1], d[3]);
    d[0] = zeroth;
    d[1] = vector_add(even1, odd1);
    d[2] = vector_multiply_add(minus_one, odd1, even1);
    d[3] = vector_multiply_add(two, odd2, even2);
    d[4] = vector_multiply_add(minus_two, odd2, even2);
    d[5] = last;
}

/* From six points to the four values of a tile's row or column. */
ALWAYS_INLINE void from_points(const vector m[POMK_WINOGRAD_PATCH], vector values[POMK_WINOGRAD_TILE])
{
    const vector minus_one = vector_set(-1.0f);
    const vector even1 = vector_add(m[1], m[2]), odd1 = vector_multiply_add(minus_one, m[2], m[1]);
    const vector even2 = vector_add(m[3], m[4]), odd2 = vector_multiply_add(minus_one, m[4], m[3]);
    values[0] = vector_add(m[0], vector_add(even1, even2));
    values[1] = vector_multiply_add(vector_set(2.0f), odd2, odd1);
    values[2] = vector_multiply_add(vector_set(4.0f), even2, even1);
    values[3] = vector_add(vector_multiply_add(vector_set(8.0f), odd2, odd1), m[5]);
}

static void winograd_patches(const struct pomk_winograd_patches *p)
{
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from = p->input + lane;
        float *to = p->points + lane;
        for (int tile = 0; tile < p->n_tiles; tile++) {
            vector rows[POMK_WINOGRAD_PATCH][POMK_WINOGRAD_PATCH];
            UNROLL
            for (int x = 0; x < POMK_WINOGRAD_PATCH; x++) {
                vector column[POMK_WINOGRAD_PATCH];
                UNROLL
                for (int y = 0; y < POMK_WINOGRAD_PATCH; y++)
                    column[y] = vector_load(from + y * p->row_stride + x * BLOCK_CHANNELS);
                to_points(column);
                UNROLL
                for (int y = 0; y < POMK_WINOGRAD_PATCH; y++) rows[y][x] = column[y];
            }
            UNROLL
            for (int y = 0; y < POMK_WINOGRAD_PATCH; y++) {
                to_points(rows[y]);
                UNROLL
                for (int x = 0; x < POMK_WINOGRAD_PATCH; x++)
                    vector_store(to + (y * POMK_WINOGRAD_PATCH + x) * p->point_stride, rows[y][x]);
            }
            from += POMK_WINOGRAD_TILE * BLOCK_CHANNELS;
            to += BLOCK_CHANNELS;
        }
    }
}

static void winograd_tiles(const struct pomk_winograd_tiles *t)
{
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from = t->products + lane;
        for (int left = 0; left < t->width; left += POMK_WINOGRAD_TILE, from += BLOCK_CHANNELS) {
            vector rows[POMK_WINOGRAD_TILE][POMK_WINOGRAD_PATCH];
            UNROLL
            for (int x = 0; x < POMK_WINOGRAD_PATCH; x++) {
                vector products[POMK_WINOGRAD_PATCH], column[POMK_WINOGRAD_TILE];
                UNROLL
                for (int y = 0; y < POMK_WINOGRAD_PATCH; y++)
                    products[y] = vector_load(from + (y * POMK_WINOGRAD_PATCH + x) * t->product_stride);
                from_points(products, column);
                UNROLL
                for (int y = 0; y < POMK_WINOGRAD_TILE; y++) rows[y][x] = column[y];
            }
            UNROLL
            for (int y = 0; y < POMK_WINOGRAD_TILE; y++) {
                if (y >= t->height) continue;
                vector values[POMK_WINOGRAD_TILE];
                from_points(rows[y], values);
                UNROLL
                for (int x = 0; x < POMK_WINOGRAD_TILE; x++) {
                    if (left + x >= t->width) continue;
                    const ptrdiff_t at = (ptrdiff_t)(left + x) * BLOCK_CHANNELS + lane;
                    vector value = values[x];
                    if (t->residual)
                        value = vector_add(value, vector_load(t->residual + y * t->residual_row_stride + at));
                    vector_store(t->output + y * t->row_stride + at, activate(value, t->activation));
                }
            }
        }
    }
}
