// SPDX-License-Identifier: Apache-2.0
//
// Randomness: a stream of random numbers for choices, and noise fields in space for textures.
// Both are integer hashes of our own, so a seed means the same on every machine and in every thread.
#ifndef DEMO_PHOTOS_NOISE_H
#define DEMO_PHOTOS_NOISE_H

#include <stdint.h>
#include "vec.h"

// A stream of random numbers (splitmix64, Steele, Lea and Flood 2014). C leaves open in which order a call's
// arguments are evaluated, so no two draws may stand in one argument list: the picture would depend on the
// compiler.
struct rng {
    uint64_t state;
};

uint64_t rng_next(struct rng *rng);
float rng_unit(struct rng *rng);                         // [0, 1)
float rng_range(struct rng *rng, float low, float high); // [low, high)
int rng_below(struct rng *rng, int n);                   // 0 .. n-1
int rng_chance(struct rng *rng, float probability);
struct v3 rng_in_box(struct rng *rng, struct v3 low, struct v3 high);
struct axes rng_spun(struct rng *rng, struct v3 up); // a frame with y along `up`, turned round it by chance

// A well-mixed 32-bit hash of a lattice point; hash_unit maps a hash to [0, 1).
uint32_t hash_lattice(int x, int y, int z, uint32_t seed);
float hash_unit(uint32_t hash);

// Smooth value noise with features of size 1, in [-1, 1].
float noise(struct v3 p, uint32_t seed);

// A sum of `octaves` noises, each of half the size and half the height of the one before, about [-1, 1].
float fbm(struct v3 p, int octaves, uint32_t seed);

// Scattered points, one for each unit cell. Returns the distance to the nearest (1 is "far") and, in *id, a
// random number in [0, 1) that belongs to that point.
float cells(struct v3 p, uint32_t seed, float *id);

#endif
