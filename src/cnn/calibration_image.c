// SPDX-License-Identifier: Apache-2.0
/*
 * Built-in images for calibration: not photos, but made of what photos of fruit are made of, light backgrounds and dark
 * ones, smooth and rough surfaces, round things with highlights, saturated colours. Integers only.
 */
#include "cnn/calibrate.h"

/* Marsaglia's xorshift (Xorshift RNGs, 2003). */
static uint32_t next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    return *state ^= *state << 5;
}

static int between(uint32_t *state, int low, int high)
{
    return low + (int)(next(state) >> 8) % (high - low + 1);
}

/* Noise at one lattice point, 0..255. */
static int lattice(uint32_t seed, int x, int y)
{
    uint32_t h = seed ^ (uint32_t)x * 0x9e3779b1U ^ (uint32_t)y * 0x85ebca6bU;
    h ^= h >> 15;
    h *= 0x2c1b3c6dU;
    h ^= h >> 12;
    h *= 0x297a2d39U;
    return (int)((h ^ h >> 15) & 255);
}

/* Noise between lattice points that are `cell` pixels apart, 0..255. */
static int noise(uint32_t seed, int x, int y, int cell)
{
    const int i = x / cell, j = y / cell, u = x % cell, v = y % cell;
    const int top = lattice(seed, i, j) * (cell - u) + lattice(seed, i + 1, j) * u;
    const int bottom = lattice(seed, i, j + 1) * (cell - u) + lattice(seed, i + 1, j + 1) * u;
    return (top * (cell - v) + bottom * v) / (cell * cell);
}

struct disc {
    int x, y, radius; /* in 1/256 of the side */
    int colour[3], rough;
};

static uint8_t byte(int value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void pomi_calibration_image(uint8_t *rgb, int input_px, int index)
{
    enum { MAX_DISCS = 14 };
    uint32_t state = 0x9e3779b9U * (uint32_t)(index + 1);
    struct disc discs[MAX_DISCS];
    int from[3], to[3];
    const bool is_white = index % 2 == 0; /* as catalogues show fruit: one, on white */
    const int n_discs = is_white ? 1 + index % 4 / 2 : between(&state, 4, MAX_DISCS);
    const int background_rough = is_white ? 0 : between(&state, 0, 90);
    for (int c = 0; c < 3; c++) {
        from[c] = is_white ? 255 : between(&state, 10, 245);
        to[c] = is_white ? 255 : between(&state, 10, 245);
    }
    for (int i = 0; i < n_discs; i++) {
        struct disc *d = &discs[i];
        d->radius = is_white ? between(&state, 90, 126) : between(&state, 18, 70);
        d->x = is_white && i == 0 ? 128 : between(&state, 10, 246);
        d->y = is_white && i == 0 ? 128 : between(&state, 10, 246);
        if (is_white && i > 0) d->radius /= 3;
        d->rough = between(&state, 0, 110);
        for (int c = 0; c < 3; c++) d->colour[c] = between(&state, 20, 255);
        d->colour[between(&state, 0, 2)] /= 4;
    }
    const uint32_t seed = next(&state);
    const int cell = 2 + input_px * between(&state, 1, 6) / 100, fine_cell = 1 + input_px / 150;
    for (int y = 0; y < input_px; y++)
        for (int x = 0; x < input_px; x++, rgb += 3) {
            const int texture = (noise(seed, x, y, cell) + noise(~seed, x, y, fine_cell)) / 2 - 128;
            int colour[3];
            for (int c = 0; c < 3; c++)
                colour[c] =
                    from[c] + (to[c] - from[c]) * (x + y) / (2 * input_px) + texture * background_rough / 128;
            for (int i = 0; i < n_discs; i++) {
                const struct disc *d = &discs[i];
                const int dx = 256 * x / input_px - d->x, dy = 256 * y / input_px - d->y;
                const int distance2 = dx * dx + dy * dy, radius2 = d->radius * d->radius;
                if (distance2 >= radius2) continue;
                const int hx = dx + d->radius / 3,
                          hy = dy + d->radius / 3; /* the light comes from the upper left */
                const int light = 255 - 150 * (hx * hx + hy * hy) / (2 * radius2);
                const bool highlight = hx * hx + hy * hy < radius2 / 50;
                for (int c = 0; c < 3; c++)
                    colour[c] = highlight ? 250 : (d->colour[c] + texture * d->rough / 128) * light / 255;
            }
            for (int c = 0; c < 3; c++) rgb[c] = byte(colour[c]);
        }
}
