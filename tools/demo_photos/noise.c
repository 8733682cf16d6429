// SPDX-License-Identifier: Apache-2.0
//
// Random streams and noise fields; see noise.h.
#include "noise.h"

uint64_t rng_next(struct rng *rng)
{
    uint64_t z = rng->state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

float rng_unit(struct rng *rng)
{
    return (float)(rng_next(rng) >> 40) * (1.0f / 16777216.0f);
}

float rng_range(struct rng *rng, float low, float high)
{
    return low + (high - low) * rng_unit(rng);
}

int rng_below(struct rng *rng, int n)
{
    return (int)(rng_next(rng) % (uint64_t)n);
}

int rng_chance(struct rng *rng, float probability)
{
    return rng_unit(rng) < probability;
}

struct v3 rng_in_box(struct rng *rng, struct v3 low, struct v3 high)
{
    float x = rng_range(rng, low.x, high.x), y = rng_range(rng, low.y, high.y),
          z = rng_range(rng, low.z, high.z);
    return v3(x, y, z);
}

struct axes rng_spun(struct rng *rng, struct v3 up)
{
    return axes_along(up, rng_range(rng, 0.0f, 2.0f * PI));
}

uint32_t hash_lattice(int x, int y, int z, uint32_t seed)
{
    uint32_t h = (uint32_t)x * 0x8da6b343u ^ (uint32_t)y * 0xd8163841u ^ (uint32_t)z * 0xcb1ab31fu ^ seed;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    return h ^ (h >> 15);
}

float hash_unit(uint32_t hash)
{
    return (float)(hash >> 8) * (1.0f / 16777216.0f);
}

float noise(struct v3 p, uint32_t seed)
{
    float fx = floor_small(p.x), fy = floor_small(p.y), fz = floor_small(p.z);
    int x = (int)fx, y = (int)fy, z = (int)fz;
    float u = p.x - fx, v = p.y - fy, w = p.z - fz;
    u = u * u * (3.0f - 2.0f * u);
    v = v * v * (3.0f - 2.0f * v);
    w = w * w * (3.0f - 2.0f * w);
    // hash_lattice with one round of mixing: enough for the upper bits, which is all that a height needs. The
    // products belong to planes of corners, so each is taken once.
    uint32_t hx[2] = {(uint32_t)x * 0x8da6b343u ^ seed, (uint32_t)(x + 1) * 0x8da6b343u ^ seed};
    uint32_t hy[2] = {(uint32_t)y * 0xd8163841u, (uint32_t)(y + 1) * 0xd8163841u};
    uint32_t hz[2] = {(uint32_t)z * 0xcb1ab31fu, (uint32_t)(z + 1) * 0xcb1ab31fu};
    float corner[8];
    for (int i = 0; i < 8; i++) {
        uint32_t h = hx[i & 1] ^ hy[i >> 1 & 1] ^ hz[i >> 2];
        corner[i] = (float)(int32_t)((h ^ (h >> 15)) * 0x2c1b3c6du);
    }
    float low = lerp(lerp(corner[0], corner[1], u), lerp(corner[2], corner[3], u), v);
    float high = lerp(lerp(corner[4], corner[5], u), lerp(corner[6], corner[7], u), v);
    return lerp(low, high, w) * (1.0f / 2147483648.0f);
}

float fbm(struct v3 p, int octaves, uint32_t seed)
{
    float sum = 0.0f, height = 0.6f;
    for (int i = 0; i < octaves; i++) {
        sum += height * noise(p, seed + (uint32_t)i);
        height *= 0.5f;
        // Turned a little as well as shrunk, so that the octaves' lattices do not line up.
        p = v3(1.6f * p.x + 1.2f * p.z, 2.03f * p.y, 1.6f * p.z - 1.2f * p.x);
    }
    return sum;
}

float cells(struct v3 p, uint32_t seed, float *id)
{
    // Points keep to the middle half of their cell, so the nearest of the 8 cells around the nearest lattice
    // corner is the nearest of all wherever the distance is below a quarter, and nearly so beyond.
    int x = (int)floor_small(p.x - 0.5f), y = (int)floor_small(p.y - 0.5f), z = (int)floor_small(p.z - 0.5f);
    float best = 1.0f;
    *id = 0.0f;
    for (int i = 0; i < 8; i++) {
        int cx = x + (i & 1), cy = y + (i >> 1 & 1), cz = z + (i >> 2);
        uint32_t h = hash_lattice(cx, cy, cz, seed);
        struct v3 at = v3((float)cx + 0.25f + (float)(h & 1023) / 2048.0f,
                          (float)cy + 0.25f + (float)(h >> 10 & 1023) / 2048.0f,
                          (float)cz + 0.25f + (float)(h >> 20 & 1023) / 2048.0f);
        struct v3 d = sub(p, at);
        float distance = dot(d, d);
        if (distance < best) {
            best = distance;
            *id = hash_unit(h * 0x9e3779b1u);
        }
    }
    return sqrtf(best);
}
