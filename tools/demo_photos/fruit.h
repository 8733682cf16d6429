// SPDX-License-Identifier: Apache-2.0
//
// The kinds of fruit, and how a photo of one is composed.
#ifndef DEMO_PHOTOS_FRUIT_H
#define DEMO_PHOTOS_FRUIT_H

#include "scene.h"

extern const int N_KINDS;

const char *kind_name(int kind);

// Fills *scene with fruit of one kind on some ground, lit and framed for a picture of this width / height.
void fruit_compose(int kind, float aspect, struct rng *rng, struct scene *scene);

#endif
