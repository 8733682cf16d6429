// SPDX-License-Identifier: Apache-2.0
/* The weights' side of Winograd's convolution; winograd_template.h has the other two. Done once per network, for all sets. */
#include "kernels/layers.h"

enum { SIDE = 3, MAX_PATCH = 6 };

/* G of F(4x4, 3x3): row p evaluates a kernel's row at point p of 0, 1, -1, 2, -2, infinity, over the product of that point's
 * distances to the others. */
static const double large[MAX_PATCH][SIDE] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

/* Of F(2x2, 3x3): 0, 1, -1, infinity. */
static const double small[MAX_PATCH][SIDE] = {
    {1, 0, 0},
    {1.0 / 2, 1.0 / 2, 1.0 / 2},
    {1.0 / 2, -1.0 / 2, 1.0 / 2},
    {0, 0, 1},
};

void pomk_winograd_weights(int tile_px, float *points, const float *weights, int n_outputs, int n_channels)
{
    const double(*at_point)[SIDE] = tile_px == 4 ? large : small;
    const size_t n = (size_t)n_channels, patch = (size_t)tile_px + 2;
    for (int output = 0; output < n_outputs;
         output++, weights += SIDE * SIDE * n, points += patch * patch * n)
        for (size_t c = 0; c < n; c++) {
            double columns[MAX_PATCH][SIDE];
            for (size_t p = 0; p < patch; p++)
                for (size_t x = 0; x < SIDE; x++) {
                    double sum = 0;
                    for (size_t y = 0; y < SIDE; y++) sum += at_point[p][y] * weights[(y * SIDE + x) * n + c];
                    columns[p][x] = sum;
                }
            for (size_t p = 0; p < patch; p++)
                for (size_t q = 0; q < patch; q++) {
                    double sum = 0;
                    for (size_t x = 0; x < SIDE; x++) sum += at_point[q][x] * columns[p][x];
                    points[(p * patch + q) * n + c] = (float)sum;
                }
        }
}
