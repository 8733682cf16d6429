// SPDX-License-Identifier: Apache-2.0
//
// One table row per kind of fruit: its outline, skin and colours, how it likes to lie and be looked at, and
// which function puts one piece together. Below the builders, the composition of a photo: one piece, a few,
// or a pile.
#include <stddef.h>
#include "fruit.h"
#include "skin.h"

struct kind;
typedef void build_fn(struct scene *scene, const struct kind *kind, const struct axes *pose, struct rng *rng);

struct kind {
    const char *name;
    build_fn *build;
    const struct skin *skin;
    struct body body;
    float size;
    unsigned palette[4]; // sRGB; meaning in skin.c
    float finish[3];     // fuzz, bloom, gloss (stone fruit)
    float tilt[2]; // how far the stem leans from upright, radians: 0 stands, 1.6 lies; unless build decides
    float elevation[2]; // of the camera, radians above the table
    int few;            // most pieces lying loose in one photo
    int pile;           // pieces in a market pile, 0: never piled
    float cut_share;    // how many are cut open
};

static build_fn build_stemmed, build_citrus, build_tomato, build_strawberry, build_plain, build_grapes,
    build_cherries, build_bananas, build_kiwi, build_avocado, build_watermelon, build_pineapple;

// clang-format off
static const struct kind KINDS[] = {
    {.name = "apple-green", .build = build_stemmed, .skin = &SKIN_APPLE, .size = 1.0f,
     .body = {.radius = {0.88f, 1.00f, 1.04f, 1.02f, 0.96f, 0.90f, 0.86f}, .top = {0.36f, 0.55f}, .bottom = {0.16f, 0.40f},
              .lobes = 5, .lobe_depth = 0.025f, .lump = 0.09f},
     .palette = {0x84aa42, 0xaeac50, 0x759e3a, 0x748244},
     .tilt = {0.0f, 0.8f}, .elevation = {0.35f, 0.95f}, .few = 4, .pile = 24},
    {.name = "apple-red", .build = build_stemmed, .skin = &SKIN_APPLE, .size = 1.0f,
     .body = {.radius = {0.92f, 1.04f, 1.05f, 1.00f, 0.94f, 0.92f, 0.90f}, .top = {0.40f, 0.55f}, .bottom = {0.20f, 0.40f},
              .lobes = 5, .lobe_depth = 0.045f, .lump = 0.09f},
     .palette = {0xcf9f48, 0xa8141c, 0x6c0a14, 0xa98a48},
     .tilt = {0.0f, 0.8f}, .elevation = {0.35f, 0.95f}, .few = 4, .pile = 24},
    {.name = "avocado", .build = build_avocado, .skin = &SKIN_AVOCADO, .size = 1.0f,
     .body = {.radius = {1.42f, 1.17f, 0.98f, 0.96f, 1.00f, 1.02f, 1.02f}, .lump = 0.06f},
     .palette = {0xdcd07e, 0x8aa03c, 0x262c1c},
     .elevation = {0.55f, 1.15f}, .few = 2, .cut_share = 0.75f},
    {.name = "banana", .build = build_bananas, .skin = &SKIN_BANANA, .size = 1.35f,
     .palette = {0xe2ba4a, 0x9fa650, 0x55351a},
     .elevation = {0.55f, 1.25f}, .few = 1},
    {.name = "blueberry", .build = build_plain, .skin = &SKIN_BLUEBERRY, .size = 0.42f,
     .body = {.radius = {0.86f, 0.93f, 0.99f, 1.00f, 0.97f, 0.92f, 0.89f}, .lump = 0.05f},
     .palette = {0x20284e, 0x7389b4},
     .tilt = {0.0f, 1.9f}, .elevation = {0.50f, 1.15f}, .few = 9, .pile = 44},
    {.name = "cherry", .build = build_cherries, .skin = &SKIN_CHERRY, .size = 0.62f,
     .body = {.radius = {0.92f, 1.02f, 1.06f, 1.02f, 0.97f, 0.94f, 0.93f}, .top = {0.22f, 0.55f}, .crease = 0.03f, .lump = 0.04f},
     .palette = {0xb0101e, 0x4e0410},
     .elevation = {0.40f, 1.05f}, .few = 3},
    {.name = "grapes", .build = build_grapes, .skin = &SKIN_GRAPE, .size = 0.34f,
     .body = {.radius = {1.16f, 1.10f, 1.02f, 0.98f, 1.00f, 1.06f, 1.10f}, .lump = 0.05f},
     .palette = {0x5c1a44, 0x2c1038, 0x8a7ca0},
     .elevation = {0.55f, 1.15f}, .few = 1},
    {.name = "kiwi", .build = build_kiwi, .skin = &SKIN_KIWI, .size = 0.95f,
     .body = {.radius = {1.20f, 1.13f, 1.03f, 1.00f, 1.03f, 1.13f, 1.20f}, .bottom = {-0.05f, 0.18f}, .lump = 0.06f},
     .palette = {0x84a43c, 0xbcc872, 0x7d5f38, 0xe9e4bc},
     .tilt = {1.2f, 1.7f}, .elevation = {0.45f, 1.05f}, .few = 3, .cut_share = 0.6f},
    {.name = "lemon", .build = build_citrus, .skin = &SKIN_CITRUS, .size = 0.95f,
     .body = {.radius = {1.38f, 1.20f, 1.03f, 0.97f, 1.03f, 1.20f, 1.38f}, .top = {-0.07f, 0.24f}, .bottom = {-0.17f, 0.30f}, .lump = 0.06f},
     .palette = {0xeac43c, 0xdfb834, 0xe9d668, 0xbfb83c},
     .tilt = {1.1f, 1.75f}, .elevation = {0.35f, 1.00f}, .few = 4, .pile = 22, .cut_share = 0.3f},
    {.name = "lime", .build = build_citrus, .skin = &SKIN_CITRUS, .size = 0.85f,
     .body = {.radius = {1.20f, 1.11f, 1.02f, 0.99f, 1.03f, 1.12f, 1.20f}, .bottom = {-0.09f, 0.26f}, .lump = 0.05f},
     .palette = {0x64852f, 0x8fa145, 0xc2cd84, 0x979f50},
     .tilt = {0.8f, 1.75f}, .elevation = {0.40f, 1.00f}, .few = 4, .pile = 22, .cut_share = 0.4f},
    {.name = "orange", .build = build_citrus, .skin = &SKIN_CITRUS, .size = 1.0f,
     .body = {.radius = {0.95f, 0.98f, 1.00f, 1.01f, 1.00f, 0.98f, 0.96f}, .top = {0.03f, 0.25f}, .lump = 0.05f},
     .palette = {0xe57d16, 0xdb6a0c, 0xe8942c, 0xc9832a},
     .tilt = {0.2f, 1.3f}, .elevation = {0.35f, 1.00f}, .few = 4, .pile = 24, .cut_share = 0.25f},
    {.name = "peach", .build = build_stemmed, .skin = &SKIN_STONE_FRUIT, .size = 1.0f,
     .body = {.radius = {0.90f, 0.99f, 1.03f, 1.02f, 1.00f, 0.98f, 0.96f}, .top = {0.22f, 0.45f}, .bottom = {-0.03f, 0.25f},
              .crease = 0.07f, .lump = 0.06f},
     .palette = {0xe09a48, 0xa82c36, 0xe0b482}, .finish = {0.75f, 0.12f, 0.15f},
     .tilt = {0.2f, 1.2f}, .elevation = {0.40f, 1.00f}, .few = 4, .pile = 24},
    {.name = "pear", .build = build_stemmed, .skin = &SKIN_PEAR, .size = 0.95f,
     .body = {.radius = {1.62f, 1.22f, 0.96f, 0.96f, 1.03f, 1.02f, 0.96f}, .top = {0.10f, 0.20f}, .bottom = {0.14f, 0.35f}, .lump = 0.10f},
     .palette = {0xa9ab48, 0xa5502e, 0x80602f},
     .tilt = {0.0f, 0.25f}, .elevation = {0.22f, 0.70f}, .few = 3},
    {.name = "pineapple", .build = build_pineapple, .skin = &SKIN_PINEAPPLE, .size = 1.0f,
     .body = {.radius = {1.46f, 1.36f, 1.12f, 1.00f, 1.09f, 1.30f, 1.40f}, .eyes = 0.06f},
     .palette = {0xc98a2c, 0x7f7030, 0x5e4424, 0x32240f},
     .tilt = {0.0f, 0.2f}, .elevation = {0.18f, 0.55f}, .few = 1},
    {.name = "plum", .build = build_stemmed, .skin = &SKIN_STONE_FRUIT, .size = 0.85f,
     .body = {.radius = {1.04f, 1.06f, 1.02f, 0.99f, 1.00f, 1.03f, 1.06f}, .top = {0.10f, 0.35f}, .crease = 0.06f, .lump = 0.06f},
     .palette = {0x5a2044, 0x2c1634, 0x7c80a8}, .finish = {0.15f, 0.65f, 0.9f},
     .tilt = {0.4f, 1.6f}, .elevation = {0.40f, 1.00f}, .few = 5, .pile = 26},
    {.name = "strawberry", .build = build_strawberry, .skin = &SKIN_STRAWBERRY, .size = 0.85f,
     .body = {.radius = {0.82f, 0.97f, 1.03f, 1.00f, 1.04f, 1.18f, 1.26f}, .lump = 0.12f},
     .palette = {0xb80e18, 0xd8705a, 0xd8a844},
     .tilt = {1.2f, 2.1f}, .elevation = {0.45f, 1.10f}, .few = 5, .pile = 26},
    {.name = "tomato", .build = build_tomato, .skin = &SKIN_TOMATO, .size = 1.0f,
     .body = {.radius = {0.82f, 0.92f, 1.00f, 1.04f, 0.98f, 0.88f, 0.83f}, .top = {0.14f, 0.50f}, .lobes = 6, .lobe_depth = 0.03f, .lump = 0.07f},
     .palette = {0xb81c10, 0xc4501c},
     .tilt = {0.0f, 0.9f}, .elevation = {0.40f, 1.00f}, .few = 4, .pile = 22},
    {.name = "watermelon", .build = build_watermelon, .skin = &SKIN_WATERMELON, .size = 1.8f,
     .body = {.radius = {1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f, 1.0f}, .lump = 0.03f},
     .palette = {0xc92a36, 0xdde6b8, 0x7a9f56, 0x1c4222},
     .elevation = {0.25f, 0.70f}, .few = 1},
};
// clang-format on

const int N_KINDS = (int)(sizeof(KINDS) / sizeof(KINDS[0]));

const char *kind_name(int kind)
{
    return KINDS[kind].name;
}

// ---- Putting a piece together, round the world's origin ----

static void set_palette(struct part *part, const unsigned *hex, int n, struct rng *rng)
{
    // No two fruits are quite the same colour.
    struct v3 tint = rng_in_box(rng, v3(0.92f, 0.92f, 0.88f), v3(1.08f, 1.08f, 1.12f));
    for (int i = 0; i < n; i++) part->palette[i] = mul(rgb(hex[i]), tint);
}

// Blocker spheres that fill a lathe body: one if it is round, three along the axis if it is long.
static void block_body(struct scene *scene, const struct part *part)
{
    const float *r = part->profile->radius + 1;
    float top = r[0], bottom = r[PROFILE_STEPS], side = r[PROFILE_STEPS / 2];
    int n = top + bottom > 2.15f * side ? 3 : 1;
    for (int i = 0; i < n; i++) {
        float y = n == 1 ? 0.5f * (top - bottom) * 0.5f : lerp(-0.42f * bottom, 0.45f * top, 0.5f * (float)i);
        float inside = 1e9f;
        for (int k = 0; k <= PROFILE_STEPS; k += 4) {
            float angle = PI * (float)k / PROFILE_STEPS;
            inside = minf(inside, length(v3(r[k] * sine(angle), r[k] * cosine(angle) - y, 0.0f)));
        }
        if (n == 1) inside = maxf(inside, 0.97f * side); // a hollow at the stem makes nothing smaller
        scene_block(scene, mad(part->at, part->axes.y, y * part->size), inside * part->size,
                    part->palette[0]);
    }
}

static struct part *add_body(struct scene *scene, const struct kind *kind, const struct axes *pose,
                             struct rng *rng)
{
    struct part *part = scene_add(scene, SHAPE_LATHE, kind->skin, rng);
    if (!part) return NULL;
    part->profile = &scene->profiles[0];
    part->axes = *pose;
    part->size = kind->size * rng_range(rng, 0.92f, 1.08f);
    set_palette(part, kind->palette, 4, rng);
    for (int i = 0; i < 3; i++) part->finish[i] = kind->finish[i];
    part_set_bound(part);
    return part;
}

static void cut_body(struct part *part, struct v3 normal, float offset)
{
    part->cut[part->n_cuts++] = (struct cut){normal, offset};
    part_set_bound(part);
}

// A half has its bulk below the face.
static void block_half(struct scene *scene, const struct part *part, struct v3 face)
{
    scene_block(scene, mad(part->at, face, -0.42f * part->size), 0.60f * part->size, part->palette[0]);
}

static void add_stem(struct scene *scene, struct v3 from, struct v3 to, float radius, float bend,
                     const unsigned colours[2], struct rng *rng)
{
    struct part *stem = scene_add(scene, SHAPE_ROD, &SKIN_STEM, rng);
    if (!stem) return;
    struct v3 along = sub(to, from);
    stem->at = from;
    stem->size = length(along);
    stem->axes = rng_spun(rng, along);
    stem->a[0] = radius / stem->size;
    stem->a[1] = 0.8f * stem->a[0];
    stem->a[2] = bend;
    stem->a[3] = 0.5f * stem->a[0];
    set_palette(stem, colours, 2, rng);
    part_set_bound(stem);
}

// A leaf that starts at `from`, points along `along` and faces `up` as far as it can.
static void add_leaf(struct scene *scene, struct v3 from, struct v3 along, struct v3 up, float size,
                     float half_width, struct rng *rng)
{
    static const unsigned green[2] = {0x3c6b24, 0x8fa85a};
    struct part *leaf = scene_add(scene, SHAPE_LEAF, &SKIN_LEAF, rng);
    if (!leaf) return;
    leaf->at = from;
    leaf->size = size;
    leaf->axes.x = normalize(along);
    leaf->axes.z = normalize(cross(leaf->axes.x, up));
    leaf->axes.y = cross(leaf->axes.z, leaf->axes.x);
    leaf->a[0] = half_width;
    leaf->a[1] = rng_range(rng, -0.35f, 0.05f);
    leaf->a[2] = rng_range(rng, 0.10f, 0.35f);
    leaf->a[3] = 0.008f;
    set_palette(leaf, green, 2, rng);
    part_set_bound(leaf);
}

struct rosette {
    float count, half_width, lift, curl, inner;
};

static void add_rosette(struct scene *scene, struct v3 at, struct v3 up, float size, struct rosette r,
                        const unsigned colours[2], struct rng *rng)
{
    struct part *part = scene_add(scene, SHAPE_ROSETTE, &SKIN_LEAF, rng);
    if (!part) return;
    part->at = at;
    part->size = size;
    part->axes = rng_spun(rng, up);
    part->a[0] = r.count;
    part->a[1] = r.half_width;
    part->a[2] = r.lift;
    part->a[3] = r.curl;
    part->a[4] = r.inner;
    set_palette(part, colours, 2, rng);
    part_set_bound(part);
}

// Where the surface is at the stem.
static struct v3 stem_end(const struct part *body)
{
    return mad(body->at, body->axes.y, body->size * part_radius(body, v3(0.0f, 1.0f, 0.0f)));
}

static struct v3 leaning(struct v3 up, float amount, struct rng *rng)
{
    struct v3 off = rng_in_box(rng, v3(-1.0f, -1.0f, -1.0f), v3(1.0f, 1.0f, 1.0f));
    return normalize(mad(up, off, amount));
}

static void build_plain(struct scene *scene, const struct kind *kind, const struct axes *pose,
                        struct rng *rng)
{
    struct part *body = add_body(scene, kind, pose, rng);
    if (body) block_body(scene, body);
}

// Apples, pears, peaches and plums: a stem in the hollow, now and then a leaf.
static void build_stemmed(struct scene *scene, const struct kind *kind, const struct axes *pose,
                          struct rng *rng)
{
    static const unsigned bark[2] = {0x5a3d22, 0x3a2817};
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    block_body(scene, body);
    float chance = kind->skin == &SKIN_STONE_FRUIT ? 0.25f : 0.9f;
    if (!rng_chance(rng, chance)) return;
    struct v3 root = mad(stem_end(body), body->axes.y, -0.06f), up = leaning(body->axes.y, 0.25f, rng);
    float long_stem = rng_range(rng, 0.35f, 0.62f) * (kind->skin == &SKIN_STONE_FRUIT ? 0.6f : 1.0f);
    struct v3 tip = mad(root, up, long_stem);
    add_stem(scene, root, tip, 0.05f, rng_range(rng, -0.15f, 0.15f), bark, rng);
    if (rng_chance(rng, 0.25f)) {
        struct v3 side = leaning(body->axes.x, 0.5f, rng);
        add_leaf(scene, mad(root, up, 0.6f * long_stem), mad(side, up, 0.35f), up, rng_range(rng, 0.9f, 1.3f),
                 0.26f, rng);
    }
}

static void build_citrus(struct scene *scene, const struct kind *kind, const struct axes *pose,
                         struct rng *rng)
{
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    if (rng_chance(rng, kind->cut_share)) {
        // The half shows its face: upward and to the camera.
        body->axes = rng_spun(rng, rng_in_box(rng, v3(-0.5f, 0.25f, 0.6f), v3(0.5f, 0.9f, 1.0f)));
        cut_body(body, v3(0.0f, 1.0f, 0.0f), 0.04f);
        block_half(scene, body, body->axes.y);
        return;
    }
    block_body(scene, body);
    if (rng_chance(rng, 0.15f)) {
        static const unsigned bark[2] = {0x4d5a26, 0x3a4a1c};
        struct v3 root = stem_end(body), tip = mad(root, leaning(body->axes.y, 0.3f, rng), 0.3f);
        add_stem(scene, root, tip, 0.04f, 0.0f, bark, rng);
        struct v3 along = leaning(body->axes.x, 0.5f, rng);
        add_leaf(scene, tip, along, body->axes.y, rng_range(rng, 1.0f, 1.4f), 0.24f, rng);
    }
}

static void build_tomato(struct scene *scene, const struct kind *kind, const struct axes *pose,
                         struct rng *rng)
{
    static const unsigned green[2] = {0x3f7a2a, 0x5e9a3c};
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    block_body(scene, body);
    struct v3 root = mad(stem_end(body), body->axes.y, 0.02f);
    add_rosette(scene, root, body->axes.y, body->size * rng_range(rng, 0.62f, 0.8f),
                (struct rosette){5.0f, 0.14f, 0.70f, -0.62f, 0.015f}, green, rng);
    add_stem(scene, mad(root, body->axes.y, -0.05f), mad(root, leaning(body->axes.y, 0.3f, rng), 0.35f),
             0.05f, 0.1f, green, rng);
}

static void build_strawberry(struct scene *scene, const struct kind *kind, const struct axes *pose,
                             struct rng *rng)
{
    static const unsigned green[2] = {0x4b8a2c, 0x86b04c};
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    block_body(scene, body);
    struct v3 root = mad(stem_end(body), body->axes.y, 0.01f);
    struct rosette calyx = {.count = (float)(8 + rng_below(rng, 3)), .half_width = 0.20f, .inner = 0.02f};
    calyx.lift = rng_range(rng, -0.05f, 0.25f);
    calyx.curl = rng_range(rng, -0.35f, 0.25f);
    add_rosette(scene, root, body->axes.y, body->size * rng_range(rng, 0.75f, 0.95f), calyx, green, rng);
    struct v3 up = leaning(body->axes.y, 0.3f, rng);
    add_stem(scene, root, mad(root, up, rng_range(rng, 0.2f, 0.5f)), 0.045f, 0.12f, green, rng);
}

static void build_kiwi(struct scene *scene, const struct kind *kind, const struct axes *pose, struct rng *rng)
{
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    // The first of a photo is always cut: it is the cut that tells a kiwi.
    if (body->piece == 1 || rng_chance(rng, kind->cut_share)) {
        body->axes = rng_spun(rng, rng_in_box(rng, v3(-0.45f, 0.25f, 0.6f), v3(0.45f, 0.9f, 1.0f)));
        cut_body(body, v3(0.0f, 1.0f, 0.0f), 0.03f);
        block_half(scene, body, body->axes.y);
        return;
    }
    block_body(scene, body);
}

static void build_avocado(struct scene *scene, const struct kind *kind, const struct axes *pose,
                          struct rng *rng)
{
    static const struct body pit_body = {.radius = {1.06f, 1.02f, 0.98f, 0.97f, 0.98f, 1.0f, 1.0f},
                                         .lump = 0.1f};
    static const unsigned brown[2] = {0x7a4a28, 0x4e2a14};
    (void)pose;
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    struct axes face = rng_spun(rng, rng_in_box(rng, v3(-0.25f, 1.0f, 0.0f), v3(0.25f, 1.0f, 0.45f)));
    // Local z is the cut's normal; the stem points somewhere across.
    body->axes = (struct axes){face.z, face.x, face.y};
    if (body->piece != 1 && !rng_chance(rng, kind->cut_share)) {
        block_body(scene, body);
        return;
    }
    cut_body(body, v3(0.0f, 0.0f, 1.0f), 0.03f);
    block_half(scene, body, body->axes.z);
    struct part *pit = scene_add(scene, SHAPE_LATHE, &SKIN_PIT, rng);
    if (!pit) return;
    if (scene->n_profiles == 1) profile_init(&scene->profiles[scene->n_profiles++], &pit_body);
    pit->profile = &scene->profiles[1];
    pit->axes = body->axes;
    pit->size = 0.44f * body->size;
    pit->at = add(body->at, to_outer(&body->axes, v3(0.0f, -0.12f * body->size, 0.0f)));
    set_palette(pit, brown, 2, rng);
    part_set_bound(pit);
}

// A slice: half a disc, a wedge, or a triangle cut from a disc, standing on its rind.
static void build_watermelon(struct scene *scene, const struct kind *kind, const struct axes *pose,
                             struct rng *rng)
{
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    float form = rng_unit(rng), turn = rng_range(rng, -0.7f, 0.7f), thick = rng_range(rng, 0.10f, 0.20f);
    struct v3 up = rng_in_box(rng, v3(-0.15f, 1.0f, -0.35f), v3(0.15f, 1.0f, 0.0f));
    if (form < 0.35f) { // a wedge: two faces that meet in an edge on top
        float half = rng_range(rng, 0.38f, 0.60f);
        body->axes = axes_along(up, 0.5f * PI + turn); // the edge runs across the picture
        cut_body(body, v3(0.0f, sine(half), cosine(half)), 0.0f);
        cut_body(body, v3(0.0f, sine(half), -cosine(half)), 0.0f);
    } else {
        struct v3 x = normalize(v3(cosine(turn), 0.1f * turn, sine(turn)));
        body->axes.x = x;
        body->axes.z = normalize(cross(x, up));
        body->axes.y = cross(body->axes.z, x);
        cut_body(body, v3(0.0f, 0.0f, 1.0f), thick);
        cut_body(body, v3(0.0f, 0.0f, -1.0f), thick);
        if (form < 0.65f) {
            cut_body(body, v3(0.0f, 1.0f, 0.0f), 0.0f);
        } else {
            float half = rng_range(rng, 0.45f, 0.7f);
            cut_body(body, v3(cosine(half), sine(half), 0.0f), 0.0f);
            cut_body(body, v3(-cosine(half), sine(half), 0.0f), 0.0f);
        }
    }
    scene_block(scene, mad(body->at, body->axes.y, -0.75f * body->size), 0.22f * body->size,
                body->palette[0]);
    scene_block(scene, mad(body->at, body->axes.y, -0.40f * body->size), 0.20f * body->size,
                body->palette[0]);
}

static void build_pineapple(struct scene *scene, const struct kind *kind, const struct axes *pose,
                            struct rng *rng)
{
    static const unsigned green[2] = {0x4a6b3a, 0x8a9a6a};
    struct part *body = add_body(scene, kind, pose, rng);
    if (!body) return;
    block_body(scene, body);
    // The crown: rings of stiff leaves, the inner ones shorter and steeper.
    struct v3 root = mad(stem_end(body), body->axes.y, -0.08f * body->size);
    for (int i = 0; i < 6; i++) {
        float t = (float)i / 5.0f;
        struct rosette ring = {(float)(9 - i / 2), 0.14f, lerp(0.7f, 4.2f, t), lerp(-0.25f, -0.4f, t), 0.02f};
        float reach = lerp(0.95f, 0.42f, t);
        add_rosette(scene, mad(root, body->axes.y, 0.10f * (float)i), body->axes.y, body->size * reach, ring,
                    green, rng);
    }
}

// A pair on two stems that meet.
static void build_cherries(struct scene *scene, const struct kind *kind, const struct axes *pose,
                           struct rng *rng)
{
    static const unsigned green[2] = {0x7c8f3a, 0x7a5a2e};
    (void)pose;
    int lying = rng_chance(rng, 0.4f);
    float turn = rng_range(rng, 0.0f, 2.0f * PI);
    struct v3 side = v3(cosine(turn), 0.0f, 0.6f * sine(turn));
    struct v3 joint = lying ? rng_in_box(rng, v3(-0.7f, 0.10f, -2.2f), v3(0.7f, 0.10f, -1.7f))
                            : rng_in_box(rng, v3(-0.4f, 1.7f, -0.9f), v3(0.4f, 2.2f, -0.2f));
    for (int i = 0; i < 2; i++) {
        struct v3 at = scale(side, i ? 0.66f : -0.66f);
        struct v3 up = normalize(sub(joint, at));
        if (lying) up = normalize(mad(up, v3(0.0f, 1.0f, 0.0f), 0.5f));
        struct axes axes = rng_spun(rng, up);
        struct part *body = add_body(scene, kind, &axes, rng);
        if (!body) return;
        body->at = at;
        part_set_bound(body);
        // Both rest on the same ground.
        float drop = part_lowest(body);
        body->at.y -= drop + 0.6f;
        part_set_bound(body);
        block_body(scene, body);
        add_stem(scene, mad(stem_end(body), up, -0.05f), joint, 0.030f, (i ? 0.08f : -0.08f), green, rng);
    }
    if (rng_chance(rng, 0.45f))
        add_leaf(scene, joint, rng_in_box(rng, v3(-1.0f, 0.0f, -0.4f), v3(1.0f, 0.0f, 0.5f)),
                 v3(0.0f, 1.0f, 0.3f), 1.3f, 0.25f, rng);
}

// A hand of bananas, joined at the stem.
static void build_bananas(struct scene *scene, const struct kind *kind, const struct axes *pose,
                          struct rng *rng)
{
    (void)pose;
    int n = rng_chance(rng, 0.4f) ? 1 : 2 + rng_below(rng, 3);
    float half = rng_range(rng, 0.80f, 1.0f), thick = rng_range(rng, 0.15f, 0.18f),
          turn = rng_range(rng, 0.0f, 2.0f * PI), ripe = rng_unit(rng);
    for (int i = 0; i < n; i++) {
        struct part *part = scene_add(scene, SHAPE_BANANA, kind->skin, rng);
        if (!part) return;
        part->size = kind->size * rng_range(rng, 0.95f, 1.05f);
        part->a[0] = half * rng_range(rng, 0.95f, 1.05f);
        part->a[1] = thick;
        part->tone[0] = ripe;
        set_palette(part, kind->palette, 3, rng);
        // Lying on its side, turned a little further than the one before, about the stem's end.
        float lean = rng_range(rng, -0.06f, 0.06f) + 0.10f * (float)i;
        float yaw = turn - 0.27f * (float)i;
        part->axes.x = v3(cosine(yaw), lean, sine(yaw));
        part->axes.z = normalize(v3(0.0f, 1.0f, 0.25f * (float)(i - 1)));
        part->axes.y = normalize(cross(part->axes.z, part->axes.x));
        part->axes.x = cross(part->axes.y, part->axes.z);
        struct v3 stem =
            scale(to_outer(&part->axes, v3(sine(part->a[0]), 1.0f - cosine(part->a[0]), 0.0f)), part->size);
        part->at = sub(v3(0.0f, 0.10f * (float)(i % 2), 0.0f), stem);
        part_set_bound(part);
        for (int k = -2; k <= 2; k++) {
            float angle = part->a[0] * 0.4f * (float)k;
            struct v3 local = v3(sine(angle), 1.0f - cosine(angle), 0.0f);
            scene_block(scene, mad(part->at, to_outer(&part->axes, local), part->size),
                        thick * part->size * 0.95f, part->palette[0]);
        }
    }
}

// ---- Composition ----

// Sets a piece down on the floor, its middle over the origin and its lowest body point touching.
static void set_down(struct scene *scene, int first_part, int first_blocker)
{
    float lowest = 1e9f, x = 0.0f, z = 0.0f, n = 0.0f;
    for (int i = first_part; i < scene->n_parts; i++) {
        const struct part *part = &scene->parts[i];
        if (part->shape != SHAPE_LATHE && part->shape != SHAPE_BANANA) continue;
        lowest = minf(lowest, part_lowest(part));
        x += part->centre.x;
        z += part->centre.z;
        n += 1.0f;
    }
    scene_shift(scene, first_part, first_blocker, v3(-x / n, scene->floor - lowest, -z / n));
}

// How far a piece moved by (x, z) must be lifted so as not to cut into what lies there already.
static float lift_at(const struct scene *scene, int first_blocker, float x, float z)
{
    float lift = 0.0f;
    for (int i = first_blocker; i < scene->n_blockers; i++) {
        const struct blocker *own = &scene->blockers[i];
        for (int k = 0; k < first_blocker; k++) {
            const struct blocker *other = &scene->blockers[k];
            float reach = 0.985f * (own->radius + other->radius);
            float across = square(own->at.x + x - other->at.x) + square(own->at.z + z - other->at.z);
            if (across >= reach * reach) continue;
            lift = maxf(lift, other->at.y + sqrtf(reach * reach - across) - own->at.y);
        }
    }
    return lift;
}

// Finds a place for the newest piece among the others: of many tried, the lowest and most central.
static void settle(struct scene *scene, int first_part, int first_blocker, float spread, float dislike_lift,
                   struct rng *rng)
{
    struct v3 best = v3(0.0f, 0.0f, 0.0f);
    float best_cost = 1e9f;
    for (int i = 0; i < 60; i++) {
        float angle = rng_range(rng, 0.0f, 2.0f * PI), far = sqrtf(rng_unit(rng));
        float x = spread * far * cosine(angle), z = spread * far * sine(angle);
        float lift = lift_at(scene, first_blocker, x, z);
        float cost = dislike_lift * lift + 0.5f * far + rng_range(rng, 0.0f, 0.15f);
        if (cost < best_cost) {
            best_cost = cost;
            best = v3(x, lift, z);
        }
    }
    scene_shift(scene, first_part, first_blocker, best);
}

// A bunch: berries dropped one by one within a drop-shaped outline, stem at the wide end, on the far side.
static void build_grapes(struct scene *scene, const struct kind *kind, const struct axes *pose,
                         struct rng *rng)
{
    static const unsigned twig[2] = {0x7d8a3e, 0x6b5a30};
    (void)pose;
    int pale = rng_chance(rng, 0.3f), n = 38 + rng_below(rng, 14);
    static const unsigned green[4] = {0xa9b84e, 0xc0bc5a, 0xd8dcae, 0};
    float lean = rng_range(rng, -0.5f, 0.5f);
    for (int i = 0; i < n; i++) {
        struct axes axes = rng_spun(rng, rng_in_box(rng, v3(-0.7f, -0.5f, -1.0f), v3(0.7f, 1.0f, 0.3f)));
        int first_part = scene->n_parts, first_blocker = scene->n_blockers;
        struct part *berry = add_body(scene, kind, &axes, rng);
        if (!berry) return;
        if (pale) set_palette(berry, green, 3, rng);
        berry->piece = ++scene->n_pieces; // each shades the others
        scene_block(scene, berry->at, 1.0f * berry->size, berry->palette[0]);
        set_down(scene, first_part, first_blocker);
        struct v3 best = v3(0.0f, 0.0f, 0.0f);
        float best_cost = 1e9f;
        for (int k = 0; k < 40; k++) {
            float t = rng_unit(rng),
                  width = 1.6f * (1.0f - t) * (0.45f + 0.55f * smoothstep(0.0f, 0.25f, t)) + 0.14f;
            float x = width * rng_range(rng, -1.0f, 1.0f), z = 3.3f * t - 1.5f;
            x += lean * z;
            float lift = lift_at(scene, first_blocker, x, z), cost = 2.0f * lift + 0.35f * t + 0.1f * absf(x);
            if (cost < best_cost) {
                best_cost = cost;
                best = v3(x, lift, z);
            }
        }
        scene_shift(scene, first_part, first_blocker, best);
    }
    struct v3 root = v3(-1.1f * lean, 0.8f, -1.1f),
              tip = v3(-2.0f * lean + rng_range(rng, -0.4f, 0.4f), 1.1f, -2.5f);
    add_stem(scene, root, tip, 0.055f, 0.12f, twig, rng);
    add_stem(scene, mad(tip, v3(-0.4f, 0.0f, 0.1f), 1.0f), mad(tip, v3(0.4f, 0.0f, -0.1f), 1.0f), 0.05f,
             0.05f, twig, rng);
    if (rng_chance(rng, 0.5f))
        add_leaf(scene, tip, v3(rng_chance(rng, 0.5f) ? 1.0f : -1.0f, -0.15f, 0.5f), v3(0.0f, 1.0f, 0.2f),
                 1.4f, 0.42f, rng);
}

static enum ground_kind choose_ground(int piled, struct rng *rng)
{
    // Out of 20. Catalogue pictures on white are common in fruit data sets, kitchens in everyone's photos.
    static const unsigned char loose[20] = {
        GROUND_CUTOUT, GROUND_CUTOUT, GROUND_CUTOUT, GROUND_STUDIO, GROUND_STUDIO, GROUND_PAPER, GROUND_PAPER,
        GROUND_WOOD,   GROUND_WOOD,   GROUND_WOOD,   GROUND_WOOD,   GROUND_CLOTH,  GROUND_CLOTH, GROUND_CLOTH,
        GROUND_MARBLE, GROUND_MARBLE, GROUND_MARBLE, GROUND_STONE,  GROUND_STONE,  GROUND_MAT};
    if (piled) return rng_chance(rng, 0.7f) ? GROUND_MAT : GROUND_WOOD;
    return (enum ground_kind)loose[rng_below(rng, 20)];
}

// A plate or a board under the fruit; sets the floor.
static void add_support(struct scene *scene, float size, struct rng *rng)
{
    static const unsigned china[3][2] = {{0xf2f0ec, 0x3f5f8f}, {0xdfe6e8, 0x6f8f9f}, {0x4a5560, 0x2a3038}};
    static const unsigned wood[2][2] = {{0xc99a64, 0x9a6838}, {0x8a5a34, 0x5a361c}};
    int plate = rng_chance(rng, 0.55f);
    struct part *part =
        scene_add(scene, plate ? SHAPE_DISH : SHAPE_BOARD, plate ? &SKIN_CHINA : &SKIN_BOARD, rng);
    if (plate) {
        part->size = 1.5f * size;
        set_palette(part, china[rng_below(rng, 3)], 2, rng);
        scene->floor = 0.047f * part->size;
    } else {
        float turn = rng_range(rng, -0.4f, 0.4f);
        part->axes = (struct axes){v3(cosine(turn), 0.0f, sine(turn)), v3(0.0f, 1.0f, 0.0f),
                                   v3(-sine(turn), 0.0f, cosine(turn))};
        part->a[0] = 1.7f * size;
        part->a[1] = 0.12f;
        part->a[2] = 1.15f * size;
        part->a[3] = 0.06f;
        part->at.y = 0.12f;
        set_palette(part, wood[rng_below(rng, 2)], 2, rng);
        scene->floor = 0.24f;
    }
    part_set_bound(part);
}

void fruit_compose(int index, float aspect, struct rng *rng, struct scene *scene)
{
    const struct kind *kind = &KINDS[index];
    int piled = kind->pile > 0 && rng_chance(rng, 0.2f);
    int n = piled ? kind->pile : rng_chance(rng, 0.45f) ? 1 : 1 + rng_below(rng, kind->few);
    if (kind->build == build_plain && !piled) n = 4 + rng_below(rng, kind->few); // berries come in handfuls
    enum ground_kind ground = choose_ground(piled, rng);
    scene_init(scene, ground, rng);

    struct body body = kind->body;
    float stretch = rng_range(rng, 0.96f, 1.05f);
    body.radius[0] *= stretch;
    body.radius[6] *= stretch;
    profile_init(&scene->profiles[scene->n_profiles++], &body);

    float spread = kind->size * (piled ? 0.92f : 1.15f) * sqrtf((float)n);
    int supported = !piled && ground >= GROUND_PAPER && ground != GROUND_MAT && rng_chance(rng, 0.35f);
    if (supported) add_support(scene, maxf(spread, 1.0f), rng);
    int first_fruit = scene->n_parts;
    for (int i = 0; i < n; i++) {
        int first_part = scene->n_parts, first_blocker = scene->n_blockers;
        float tilt = rng_range(rng, kind->tilt[0], kind->tilt[1]), towards = rng_range(rng, -1.2f, 1.2f);
        // What lies on its side is known by its outline.
        if (tilt > 1.0f) towards += towards < 0.0f ? -0.5f : 0.5f;
        // Leaning towards the camera rather than away: the stem side tells more.
        struct axes pose =
            axes_along(v3(sine(tilt) * sine(towards), cosine(tilt), sine(tilt) * cosine(towards)),
                       rng_range(rng, 0.0f, 2.0f * PI));
        scene->n_pieces++;
        kind->build(scene, kind, &pose, rng);
        set_down(scene, first_part, first_blocker);
        if (i > 0)
            settle(scene, first_part, first_blocker, piled ? spread : 1.0f + 1.6f * spread,
                   piled ? 1.0f : 30.0f, rng);
    }

    float elevation = rng_range(rng, kind->elevation[0], kind->elevation[1]);
    float fill = rng_chance(rng, 0.25f) ? rng_range(rng, 0.55f, 0.72f) : rng_range(rng, 0.74f, 0.95f);
    if (piled) {
        elevation = rng_range(rng, 0.8f, 1.25f);
        fill = rng_range(rng, 1.25f, 1.7f);
    }
    scene_aim(scene, first_fruit, elevation, fill, aspect, rng);
}
