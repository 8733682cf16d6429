// SPDX-License-Identifier: Apache-2.0
//
// From a scene to a picture: what the camera sees, and what a camera does to it.
#ifndef DEMO_PHOTOS_RENDER_H
#define DEMO_PHOTOS_RENDER_H

#include "scene.h"

struct image {
    int width, height;
    unsigned char *rgb; // [height][width][3], sRGB; owner frees
};

// Renders the scene at width x height, both up to 16384; then enlarges it `enlarge` times in each direction,
// grain added afterwards, as a quick way to large pictures. Returns 0, or -1 when memory runs out; *out is
// set only on 0.
int render(const struct scene *scene, int width, int height, int enlarge, struct rng *rng, struct image *out);

#endif
