// SPDX-License-Identifier: Apache-2.0
//
// A scene: what lies on which ground, in what light, seen from where. World units are about one fruit's
// radius, y is up, the ground is y = 0 and the camera stands on the +z side.
#ifndef DEMO_PHOTOS_SCENE_H
#define DEMO_PHOTOS_SCENE_H

#include "noise.h"
#include "shape.h"

enum { MAX_PARTS = 384, MAX_BLOCKERS = 384, MAX_PROFILES = 4 };

enum ground_kind {
    GROUND_CUTOUT, // pure white without a shadow, as in catalogue pictures
    GROUND_STUDIO, // white paper
    GROUND_PAPER,  // coloured paper
    GROUND_WOOD,
    GROUND_CLOTH,
    GROUND_MARBLE,
    GROUND_STONE,
    GROUND_MAT, // the dark mat of a market tray
    N_GROUNDS
};

struct ground {
    enum ground_kind kind;
    uint32_t seed;
    float turn_cos, turn_sin; // the pattern's direction
    float scale;
    int pattern; // cloth: plain, checked, striped
    float edge;  // the table ends at z = -edge
    struct v3 light, dark, accent;
};

struct light {
    struct v3 towards; // unit
    struct v3 key;     // light of the lamp or window
    struct v3 sky;     // light from everywhere above
    float softness;    // of shadow edges
    struct axes box;   // the lamp's face: y points to it
    float box_x, box_z;
    int panes; // the lamp is a window with a cross in it
};

struct camera {
    struct v3 at;
    struct axes axes; // x right, y up, z backwards
    float slope;      // image half height at distance 1
    float focus;      // distance
    float blur;       // how strongly what is out of focus blurs, 0 for not at all
};

// A sphere that stands for a part where only its bulk matters: resting on others, shading them softly.
struct blocker {
    struct v3 at;
    float radius;
    struct v3 colour;
    int piece;
};

struct scene {
    struct part parts[MAX_PARTS];
    int n_parts;
    struct blocker blockers[MAX_BLOCKERS];
    int n_blockers;
    struct profile profiles[MAX_PROFILES];
    int n_profiles;
    int n_pieces;
    float floor; // height of what fruit rests on: 0, or a plate's or board's
    struct ground ground;
    struct light light;
    struct camera camera;
    struct v3 backdrop[2]; // what is behind the table: below and above
    struct {
        struct v3 towards, colour;
        float size;
    } lamps[8]; // out of focus in the backdrop
    int n_lamps;
};

// Ground, light and backdrop by chance; no parts yet.
void scene_init(struct scene *scene, enum ground_kind ground, struct rng *rng);

// A new part, cleared, with its frame set to the world's and a seed of its own; NULL when the scene is full.
struct part *scene_add(struct scene *scene, enum shape shape, const struct skin *skin, struct rng *rng);

void scene_block(struct scene *scene, struct v3 at, float radius, struct v3 colour);

// Moves parts and blockers from the given indices to the end.
void scene_shift(struct scene *scene, int first_part, int first_blocker, struct v3 by);

// Places the camera `elevation` radians above the horizon so that parts from `first_part` on fill `fill` of
// the picture.
void scene_aim(struct scene *scene, int first_part, float elevation, float fill, float aspect,
               struct rng *rng);

// The ground at world point p (y = 0), `footprint` being a pixel's size there; *normal comes in as (0,1,0).
void scene_paint_ground(const struct ground *ground, struct v3 p, float footprint, struct surface *out,
                        struct v3 *normal);

// Light that comes from direction d, mirrored in a surface of this roughness.
struct v3 scene_surroundings(const struct scene *scene, struct v3 d, float roughness);

// What the camera sees behind the table.
struct v3 scene_backdrop(const struct scene *scene, struct v3 d);

#endif
