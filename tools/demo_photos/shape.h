// SPDX-License-Identifier: Apache-2.0
//
// The solids that fruit is made of. A part is one solid in a local frame of its own, given by a distance
// function: how far a point is from the surface at least (negative inside). Everything else about light and
// camera works from distances alone, so a new shape is one function here.
#ifndef DEMO_PHOTOS_SHAPE_H
#define DEMO_PHOTOS_SHAPE_H

#include <stdint.h>
#include "vec.h"

enum shape {
    SHAPE_LATHE,  // a body of revolution round local y, of about unit radius: most fruit
    SHAPE_BANANA, // a tube bent round a unit circle in the x-y plane;  a = {half length in radians,
                  // thickness}
    SHAPE_ROD,  // a stem from (0,0,0) to (0,1,0);                    a = {radius, radius at top, bend, knob}
    SHAPE_LEAF, // a leaf from (0,0,0) to (1,0,0), y up;              a = {half width, bend, fold, thickness}
    SHAPE_ROSETTE, // leaves round y, as on a strawberry;                a = {count, half width, lift, curl,
                   // inner radius}
    SHAPE_DISH,    // a plate of unit radius on y = 0
    SHAPE_BOARD, // a block with rounded edges round (0,0,0);          a = {half x, half y, half z, rounding}
};

enum { PROFILE_STEPS = 64 };

// The outline of a lathe body: its radius by the angle from the stem, and what departs from a figure of
// revolution.
struct profile {
    float
        radius[PROFILE_STEPS + 3]; // [i] at angle pi*(i-1)/PROFILE_STEPS; one more at each end for the cubic
    float step[PROFILE_STEPS + 1]; // distances times this do not overshoot, by the same angle
    int lobes;                     // bulges round the axis (an apple's feet, a tomato's ribs)
    float lobe_depth;
    float crease; // depth of one groove from pole to pole (peach, plum)
    float lump;   // how far each single fruit departs from the ideal
    float eyes;   // height of a pineapple's eyes
};

// What a profile is made from: a row of fruit.c's table.
struct body {
    float radius[7];  // at 0, 30 .. 180 degrees from the stem
    float top[2];     // depth and width (radians) of the hollow round the stem; negative depth is a tip
    float bottom[2];  // the same opposite the stem
    float lobe_depth; // of `lobes` bulges
    int lobes;
    float crease, lump, eyes;
};

struct surface {
    struct v3 colour;   // linear albedo
    float gloss;        // strength of reflections, 0 to 1
    float roughness;    // 0.05 a mirror, 1 matt
    float translucency; // how much light passes into the shade
    float fuzz;         // light rim of fine hairs, or of a waxy bloom
};

struct part;

struct skin {
    void (*paint)(const struct part *part, struct v3 p, struct surface *out); // p in the part's local frame
    float (*relief)(const struct part *part,
                    struct v3 p); // height of fine bumps at p, local units; NULL: smooth
};

struct cut {
    struct v3 normal; // local; what lies beyond the plane is cut away
    float offset;
};

struct part {
    enum shape shape;
    struct axes axes; // local to world
    struct v3 at;
    float size;       // local units to world units
    struct v3 centre; // of a sphere round it, world
    float bound;      // that sphere's radius, world
    float top;        // world height it does not exceed: flat things fill little of their sphere
    const struct profile *profile;
    struct cut cut[4]; // knife cuts through a lathe body
    int n_cuts;
    float a[5];
    const struct skin *skin;
    uint32_t seed;
    float lump[4]; // the shape's own unevenness, each in -0.5 to 0.5
    float tone[4]; // what differs from one fruit to the next in colour, each in [0, 1)
    struct v3 palette[4];
    float finish[3]; // stone fruit: fuzz, bloom, gloss
    int piece;       // parts of one fruit share a number
};

void profile_init(struct profile *profile, const struct body *body);

// Radius of an uncut lathe part in local unit direction d (d.y towards the stem).
float part_radius(const struct part *part, struct v3 d);

// Distance from local point p to the part, in local units; world = times part->size.
float part_distance(const struct part *part, struct v3 p);

// A pineapple's eyes are the cells of a lattice that winds round the fruit both ways: where direction d is in
// it, in cells along each.
void eye_lattice(struct v3 d, float *a, float *b);

// A function whose zero is the surface with its relief, for slopes: no bound on the distance, but free of its
// kinks.
float part_level(const struct part *part, struct v3 p);

// Completes centre, bound and top once shape, frame and parameters are set.
void part_set_bound(struct part *part);

// World height of the lowest point of a lathe or banana part.
float part_lowest(const struct part *part);

#endif
