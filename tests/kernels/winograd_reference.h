// SPDX-License-Identifier: Apache-2.0
/* Winograd's convolution as its contract spells it out (kernels/winograd_template.h), one number at a time. `m` is the tile's
 * side, 4 or 2; patches and products are [m + 2][m + 2] of the arrays. */
#include <math.h>

static void reference_points(int m, float d[6])
{
    const float large[6] = {
        fmaf(4, d[0], fmaf(-5, d[2], d[4])),         fmaf(-4, d[2], d[4]) + fmaf(-4, d[1], d[3]),
        fmaf(-4, d[2], d[4]) - fmaf(-4, d[1], d[3]), fmaf(2, d[3] - d[1], d[4] - d[2]),
        fmaf(-2, d[3] - d[1], d[4] - d[2]),          fmaf(4, d[1], fmaf(-5, d[3], d[5])),
    };
    const float small[6] = {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
    for (int i = 0; i < m + 2; i++) d[i] = m == 4 ? large[i] : small[i];
}

static void reference_values(int m, const float p[6], float values[4])
{
    if (m == 2) {
        values[0] = p[0] + (p[1] + p[2]);
        values[1] = (p[1] - p[2]) - p[3];
        return;
    }
    values[0] = p[0] + ((p[1] + p[2]) + (p[3] + p[4]));
    values[1] = fmaf(2, p[3] - p[4], p[1] - p[2]);
    values[2] = fmaf(4, p[3] + p[4], p[1] + p[2]);
    values[3] = fmaf(8, p[3] - p[4], p[1] - p[2]) + p[5];
}

/* Columns first. */
static void reference_patch(int m, float patch[6][6])
{
    for (int x = 0; x < m + 2; x++) {
        float column[6] = {0};
        for (int y = 0; y < m + 2; y++) column[y] = patch[y][x];
        reference_points(m, column);
        for (int y = 0; y < m + 2; y++) patch[y][x] = column[y];
    }
    for (int y = 0; y < m + 2; y++) reference_points(m, patch[y]);
}

static void reference_tile(int m, float products[6][6], float tile[4][4])
{
    float rows[4][6] = {{0}};
    for (int x = 0; x < m + 2; x++) {
        float column[6] = {0}, values[4];
        for (int y = 0; y < m + 2; y++) column[y] = products[y][x];
        reference_values(m, column, values);
        for (int y = 0; y < m; y++) rows[y][x] = values[y];
    }
    for (int y = 0; y < m; y++) reference_values(m, rows[y], tile[y]);
}
