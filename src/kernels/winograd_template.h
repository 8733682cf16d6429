// SPDX-License-Identifier: Apache-2.0
/*
 * The transforms of Winograd's convolution, F(4x4, 3x3) and F(2x2, 3x3), of one block of 16 channels. Included once per kernel
 * set.
 *
 * Polynomials are multiplied point by point: at 0, 1, -1, 2, -2 and infinity, or at 0, 1, -1 and infinity (Lavin and Gray,
 * Fast Algorithms for Convolutional Neural Networks, 2015, section 4). The matrices are
 *
 *          | 4  0 -5  0  1  0 |             | 1  1  1  1  1  0 |             | 1  0 -1  0 |             | 1  1  1  0 |
 *          | 0 -4 -4  1  1  0 |             | 0  1 -1  2 -2  0 |        B' = | 0  1  1  0 |        A' = | 0  1 -1 -1 |
 *     B' = | 0  4 -4 -1  1  0 |        A' = | 0  1  1  4  4  0 |             | 0 -1  1  0 |
 *          | 0 -2 -1  2  1  0 |             | 0  1 -1  8 -8  1 |             | 0  1  0 -1 |
 *          | 0  2 -1 -2  1  0 |
 *          | 0  4  0 -5  0  1 |
 *
 * and G is in winograd_weights.c. Rows that differ in signs alone share their parts; the order of the operations below, first
 * along columns, then along rows, is the same for every set. A difference is a fused multiply-add with -1, which rounds alike.
 */
#include "kernels/template.h"

enum { MAX_WINOGRAD_TILE = 4, MAX_WINOGRAD_PATCH = 6 };

ALWAYS_INLINE vector vector_difference(vector a, vector b)
{
    return vector_multiply_add(vector_set(-1.0f), b, a);
}

/* From a row or column of a patch to its points, in place. */
ALWAYS_INLINE void to_points(const int tile_px, vector d[MAX_WINOGRAD_PATCH])
{
    if (tile_px == 2) {
        const vector first = vector_difference(d[0], d[2]), last = vector_difference(d[1], d[3]);
        const vector sum = vector_add(d[1], d[2]), difference = vector_difference(d[2], d[1]);
        d[0] = first;
        d[1] = sum;
        d[2] = difference;
        d[3] = last;
        return;
    }
    const vector four = vector_set(4.0f), minus_four = vector_set(-4.0f), minus_five = vector_set(-5.0f);
    const vector first = vector_multiply_add(four, d[0], vector_multiply_add(minus_five, d[2], d[4]));
    const vector last = vector_multiply_add(four, d[1], vector_multiply_add(minus_five, d[3], d[5]));
    const vector even1 = vector_multiply_add(minus_four, d[2], d[4]),
                 odd1 = vector_multiply_add(minus_four, d[1], d[3]);
    const vector even2 = vector_difference(d[4], d[2]), odd2 = vector_difference(d[3], d[1]);
    d[0] = first;
    d[1] = vector_add(even1, odd1);
    d[2] = vector_difference(even1, odd1);
    d[3] = vector_multiply_add(vector_set(2.0f), odd2, even2);
    d[4] = vector_multiply_add(vector_set(-2.0f), odd2, even2);
    d[5] = last;
}

/* From points to a row or column of a tile. */
ALWAYS_INLINE void from_points(const int tile_px, const vector m[MAX_WINOGRAD_PATCH],
                               vector values[MAX_WINOGRAD_TILE])
{
    const vector even1 = vector_add(m[1], m[2]), odd1 = vector_difference(m[1], m[2]);
    if (tile_px == 2) {
        values[0] = vector_add(m[0], even1);
        values[1] = vector_difference(odd1, m[3]);
        return;
    }
    const vector even2 = vector_add(m[3], m[4]), odd2 = vector_difference(m[3], m[4]);
    values[0] = vector_add(m[0], vector_add(even1, even2));
    values[1] = vector_multiply_add(vector_set(2.0f), odd2, odd1);
    values[2] = vector_multiply_add(vector_set(4.0f), even2, even1);
    values[3] = vector_add(vector_multiply_add(vector_set(8.0f), odd2, odd1), m[5]);
}

ALWAYS_INLINE void transform_patches(const int tile_px, const struct pomk_winograd_patches *p)
{
    const int patch_px = tile_px + 2;
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from = p->input + lane;
        float *to = p->points + lane;
        for (int tile = 0; tile < p->n_tiles; tile++) {
            vector rows[MAX_WINOGRAD_PATCH][MAX_WINOGRAD_PATCH];
            UNROLL
            for (int x = 0; x < patch_px; x++) {
                vector column[MAX_WINOGRAD_PATCH];
                UNROLL
                for (int y = 0; y < patch_px; y++)
                    column[y] = vector_load(from + y * p->row_stride + x * BLOCK_CHANNELS);
                to_points(tile_px, column);
                UNROLL
                for (int y = 0; y < patch_px; y++) rows[y][x] = column[y];
            }
            UNROLL
            for (int y = 0; y < patch_px; y++) {
                to_points(tile_px, rows[y]);
                UNROLL
                for (int x = 0; x < patch_px; x++)
                    vector_store(to + (y * patch_px + x) * p->point_stride, rows[y][x]);
            }
            from += tile_px * BLOCK_CHANNELS;
            to += BLOCK_CHANNELS;
        }
    }
}

ALWAYS_INLINE void transform_tiles(const int tile_px, const struct pomk_winograd_tiles *t)
{
    const int patch_px = tile_px + 2;
    for (int lane = 0; lane < BLOCK_CHANNELS; lane += VECTOR_LANES) {
        const float *from = t->products + lane;
        for (int left = 0; left < t->width; left += tile_px, from += BLOCK_CHANNELS) {
            vector rows[MAX_WINOGRAD_TILE][MAX_WINOGRAD_PATCH];
            UNROLL
            for (int x = 0; x < patch_px; x++) {
                vector products[MAX_WINOGRAD_PATCH], column[MAX_WINOGRAD_TILE];
                UNROLL
                for (int y = 0; y < patch_px; y++)
                    products[y] = vector_load(from + (y * patch_px + x) * t->product_stride);
                from_points(tile_px, products, column);
                UNROLL
                for (int y = 0; y < tile_px; y++) rows[y][x] = column[y];
            }
            UNROLL
            for (int y = 0; y < tile_px; y++) {
                if (y >= t->height) continue;
                vector values[MAX_WINOGRAD_TILE];
                from_points(tile_px, rows[y], values);
                UNROLL
                for (int x = 0; x < tile_px; x++) {
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

static void winograd_patches(const struct pomk_winograd_patches *patches)
{
    if (patches->tile_px == 4)
        transform_patches(4, patches);
    else
        transform_patches(2, patches);
}

static void winograd_tiles(const struct pomk_winograd_tiles *tiles)
{
    if (tiles->tile_px == 4)
        transform_tiles(4, tiles);
    else
        transform_tiles(2, tiles);
}
