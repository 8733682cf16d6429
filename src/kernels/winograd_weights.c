// SPDX-License-Identifier: Apache-2.0
/* The weights' side of Winograd's convolution; winograd_template.h has the other two. Done once per network, for all sets. */
#include "kernels/layers.h"

enum { SIDE = 3, PATCH = POMK_WINOGRAD_PATCH };

/* Row p evaluates a kernel's row at point p of 0, 1, -1, 2, -2, infinity, over the product of that point's distances to the
 * others. */
static const double at_point[PATCH][SIDE] = {
    {1.0 / 4, 0, 0},
    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
    {1.0 / 24, 1.0 / 12, 1.0 / 6},
    {1.0 / 24, -1.0 / 12, 1.0 / 6},
    {0, 0, 1},
};

void pomk_winograd_weights(float *points, const float *weights, int n_outputs, int n_channels)
{
    const size_t n = (size_t)n_channels;
    for (int output = 0; output < n_outputs;
         output++, weights += SIDE * SIDE * n, points += PATCH * PATCH * n)
        for (size_t c = 0; c < n; c++) {
            double columns[PATCH][SIDE];
            for (int p = 0; p < PATCH; p++)
                for (int x = 0; x < SIDE; x++) {
                    double sum = 0;
                    for (size_t y = 0; y < SIDE; y++)
                        sum += at_point[p][y] * weights[(y * SIDE + (size_t)x) * n + c];
                    columns[p][x] = sum;
                }
            for (size_t p = 0; p < PATCH; p++)
                for (size_t q = 0; q < PATCH; q++) {
                    double sum = 0;
                    for (int x = 0; x < SIDE; x++) sum += at_point[q][x] * columns[p][x];
                    points[(p * PATCH + q) * n + c] = (float)sum;
                }
        }
}
