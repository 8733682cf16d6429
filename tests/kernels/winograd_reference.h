// SPDX-License-Identifier: Apache-2.0
/* Winograd's convolution as its contract spells it out (kernels/winograd_template.h), one number at a time. */
#include <math.h>

static void reference_points(float d[6])
{
    const float p[6] = {
        fmaf(4, d[0], fmaf(-5, d[2], d[4])),         fmaf(-4, d[2], d[4]) + fmaf(-4, d[1], d[3]),
        fmaf(-4, d[2], d[4]) - fmaf(-4, d[1], d[3]), fmaf(2, d[3] - d[1], d[4] - d[2]),
        fmaf(-2, d[3] - d[1], d[4] - d[2]),          fmaf(4, d[1], fmaf(-5, d[3], d[5])),
    };
    for (int i = 0; i < 6; i++) d[i] = p[i];
}

static void reference_values(const float m[6], float values[4])
{
    values[0] = m[0] + ((m[1] + m[2]) + (m[3] + m[4]));
    values[1] = fmaf(2, m[3] - m[4], m[1] - m[2]);
    values[2] = fmaf(4, m[3] + m[4], m[1] + m[2]);
    values[3] = fmaf(8, m[3] - m[4], m[1] - m[2]) + m[5];
}

/* Columns first. */
static void reference_patch(float patch[6][6])
{
    for (int x = 0; x < 6; x++) {
        float column[6];
        for (int y = 0; y < 6; y++) column[y] = patch[y][x];
        reference_points(column);
        for (int y = 0; y < 6; y++) patch[y][x] = column[y];
    }
    for (int y = 0; y < 6; y++) reference_points(patch[y]);
}

static void reference_tile(float products[6][6], float tile[4][4])
{
    float rows[4][6];
    for (int x = 0; x < 6; x++) {
        float column[6], values[4];
        for (int y = 0; y < 6; y++) column[y] = products[y][x];
        reference_values(column, values);
        for (int y = 0; y < 4; y++) rows[y][x] = values[y];
    }
    for (int y = 0; y < 4; y++) reference_values(rows[y], tile[y]);
}
