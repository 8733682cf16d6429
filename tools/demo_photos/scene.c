// SPDX-License-Identifier: Apache-2.0
//
// Grounds, light, backdrop and camera; see scene.h.
#include <string.h>
#include "scene.h"

struct ground_colours {
    unsigned light, dark, accent;
};

// Each ground kind in a few colours: the pattern's light and dark part, and a third for veins, stripes and
// joints.
enum { N_COLOURS = 5 };
static const struct ground_colours COLOURS[N_GROUNDS][N_COLOURS] = {
    [GROUND_CUTOUT] = {{0xffffff}, {0xffffff}, {0xffffff}, {0xffffff}, {0xffffff}},
    [GROUND_STUDIO] = {{0xf7f7f6}, {0xf8f7f4}, {0xf4f6f8}, {0xf0f0f0}, {0xfaf9f7}},
    [GROUND_PAPER] = {{0xf2d7c4}, {0xcfe0e6}, {0xe9e1c8}, {0xd9cfe2}, {0xb9cdbb}},
    [GROUND_WOOD] = {{0xc69563, 0x9c6a3c, 0x4a2c16},
                     {0x8d5d38, 0x5f3a20, 0x26150b},
                     {0xd9bb8d, 0xbc9461, 0x6e4d2c},
                     {0x9b8a77, 0x6f6151, 0x332b24},
                     {0xb57b48, 0x7d4b26, 0x341c0d}},
    [GROUND_CLOTH] = {{0xe9e4d8, 0xcfc8b8, 0xb03a35},
                      {0xdfe3e6, 0xb9c0c6, 0x4a6a94},
                      {0xcdbb9b, 0xa8946f, 0xf0e8d8},
                      {0x7f8b92, 0x5f6b72, 0xdcdcd6},
                      {0xece6da, 0xd2cbbd, 0x5d7f56}},
    [GROUND_MARBLE] = {{0xeceae6, 0xcfccc8, 0x8a8884},
                       {0xe4e2df, 0xc4bfb8, 0x9a866a},
                       {0x3a3d40, 0x232527, 0xb9b6b0},
                       {0xdfe1e3, 0xb4b9be, 0x6d757c},
                       {0xe9dfd2, 0xd2c0ab, 0x9b7d60}},
    [GROUND_STONE] = {{0x55585c, 0x35373a, 0x77797c},
                      {0x9d9a95, 0x7f7c77, 0xb5b2ad},
                      {0x3d3f42, 0x26282a, 0x5a5c5f},
                      {0x77706a, 0x595450, 0x8f8880},
                      {0x8a9298, 0x697177, 0xa4abb0}},
    [GROUND_MAT] = {{0x1d3a25, 0x0d1f12},
                    {0x1a1c1e, 0x0a0b0c},
                    {0x20252b, 0x0d1013},
                    {0x25472c, 0x10261a},
                    {0x3a2a1c, 0x1c130c}},
};

static struct v3 tinted(struct v3 colour, float strength, struct rng *rng)
{
    struct v3 tint = rng_in_box(rng, v3(-strength, -strength, -strength), v3(strength, strength, strength));
    return mul(colour, add(v3(1.0f, 1.0f, 1.0f), tint));
}

// White light of a colour temperature between candle-like (-1) and open shade (1), at constant brightness.
static struct v3 white_of(float coolness)
{
    struct v3 white = v3(1.0f - 0.22f * coolness, 1.0f, 1.0f + 0.34f * coolness);
    return scale(white, 1.0f / (0.3f * white.x + 0.6f * white.y + 0.1f * white.z));
}

static void light_init(struct light *light, int indoors, struct rng *rng)
{
    float turn = rng_range(rng, 0.0f, 2.0f * PI);
    float height = rng_range(rng, 0.55f, 1.15f);
    // More often from behind and beside than from the camera: that is what shows shape.
    if (cosine(turn) > 0.55f) turn += 0.5f * PI;
    light->towards = v3(sine(turn) * cosine(height), sine(height), cosine(turn) * cosine(height));
    // The camera has balanced most of the lamp's colour away; the shade keeps the rest, the other way round.
    float coolness = rng_range(rng, -0.45f, 0.30f);
    float ambient = rng_range(rng, 0.24f, 0.48f);
    light->key = scale(white_of(coolness), 1.30f * (1.0f - ambient) / light->towards.y);
    light->key = scale(light->key, minf(1.0f, 1.55f / maxf(light->key.y, 0.1f)));
    light->sky = scale(white_of(-0.35f * coolness + rng_range(rng, 0.0f, 0.15f)), ambient);
    light->softness = indoors ? rng_range(rng, 0.10f, 0.38f) : rng_range(rng, 0.05f, 0.12f);
    light->box = axes_along(light->towards, rng_range(rng, -0.3f, 0.3f));
    light->box_x = rng_range(rng, 0.16f, 0.42f);
    light->box_z = rng_range(rng, 0.16f, 0.42f);
    light->panes = rng_chance(rng, 0.3f);
}

void scene_init(struct scene *scene, enum ground_kind kind, struct rng *rng)
{
    memset(scene, 0, sizeof(*scene));
    struct ground *ground = &scene->ground;
    const struct ground_colours *colours = &COLOURS[kind][rng_below(rng, N_COLOURS)];
    float turn = rng_range(rng, -0.6f, 0.6f);
    if (rng_chance(rng, 0.4f)) turn += 0.5f * PI;
    ground->kind = kind;
    ground->seed = (uint32_t)rng_next(rng);
    ground->turn_cos = cosine(turn);
    ground->turn_sin = sine(turn);
    ground->scale = rng_range(rng, 0.8f, 1.35f);
    ground->pattern = rng_below(rng, 4);
    ground->edge = rng_range(rng, 5.0f, 9.0f);
    ground->light = tinted(rgb(colours->light), 0.05f, rng);
    ground->dark = tinted(rgb(colours->dark), 0.05f, rng);
    ground->accent = rgb(colours->accent);
    light_init(&scene->light, kind != GROUND_MAT, rng);

    int dim = rng_chance(rng, 0.5f);
    scene->backdrop[0] = tinted(rgb(dim ? 0x5a4c40 : 0xb5aca0), 0.25f, rng);
    scene->backdrop[1] = tinted(rgb(dim ? 0x2c2a2a : 0xd8d6d2), 0.15f, rng);
    scene->n_lamps = rng_below(rng, 8);
    for (int i = 0; i < scene->n_lamps; i++) {
        scene->lamps[i].towards = normalize(rng_in_box(rng, v3(-0.7f, -0.3f, -1.0f), v3(0.7f, 0.2f, -1.0f)));
        float strength = rng_range(rng, 0.15f, 0.6f);
        scene->lamps[i].colour = scale(tinted(rgb(0xffd9a0), 0.3f, rng), strength);
        scene->lamps[i].size = rng_range(rng, 0.02f, 0.07f);
    }
    if (kind == GROUND_CUTOUT || kind == GROUND_STUDIO || kind == GROUND_PAPER) {
        // A sheet that runs up behind the fruit: no edge, no room.
        scene->backdrop[0] = scene->backdrop[1] = ground->light;
        scene->n_lamps = 0;
    }
}

struct part *scene_add(struct scene *scene, enum shape shape, const struct skin *skin, struct rng *rng)
{
    if (scene->n_parts == MAX_PARTS) return NULL;
    struct part *part = &scene->parts[scene->n_parts++];
    memset(part, 0, sizeof(*part));
    part->shape = shape;
    part->axes = (struct axes){v3(1.0f, 0.0f, 0.0f), v3(0.0f, 1.0f, 0.0f), v3(0.0f, 0.0f, 1.0f)};
    part->size = 1.0f;
    part->skin = skin;
    part->seed = (uint32_t)rng_next(rng);
    for (int i = 0; i < 4; i++) {
        part->lump[i] = rng_unit(rng) - 0.5f;
        part->tone[i] = rng_unit(rng);
    }
    part->piece = scene->n_pieces;
    return part;
}

void scene_block(struct scene *scene, struct v3 at, float radius, struct v3 colour)
{
    if (scene->n_blockers == MAX_BLOCKERS) return;
    scene->blockers[scene->n_blockers++] = (struct blocker){at, radius, colour, scene->n_pieces};
}

void scene_shift(struct scene *scene, int first_part, int first_blocker, struct v3 by)
{
    for (int i = first_part; i < scene->n_parts; i++) {
        scene->parts[i].at = add(scene->parts[i].at, by);
        scene->parts[i].centre = add(scene->parts[i].centre, by);
        scene->parts[i].top += by.y;
    }
    for (int i = first_blocker; i < scene->n_blockers; i++)
        scene->blockers[i].at = add(scene->blockers[i].at, by);
}

static float part_reach(const struct part *part)
{
    return part->shape == SHAPE_LATHE || part->shape == SHAPE_BANANA ? part->bound : 0.7f * part->bound;
}

void scene_aim(struct scene *scene, int first_part, float elevation, float fill, float aspect,
               struct rng *rng)
{
    struct camera *camera = &scene->camera;
    float roll = rng_range(rng, -0.06f, 0.06f);
    struct v3 back = v3(0.0f, sine(elevation), cosine(elevation));
    struct v3 right = v3(1.0f, 0.0f, 0.0f), up = cross(back, right);
    camera->axes.x = add(scale(right, cosine(roll)), scale(up, sine(roll)));
    camera->axes.y = cross(back, camera->axes.x);
    camera->axes.z = back;
    camera->slope = rng_range(rng, 0.20f, 0.34f); // 23 to 38 degrees: portrait lenses rather than wide ones

    // The middle of what is to be seen (leaves fill less of their sphere than fruit), then the distance from
    // which the outermost part just fits.
    float left = 1e9f, right_most = -1e9f, low = 1e9f, high = -1e9f;
    for (int i = first_part; i < scene->n_parts; i++) {
        const struct part *part = &scene->parts[i];
        float x = dot(part->centre, camera->axes.x), y = dot(part->centre, camera->axes.y);
        float reach = part_reach(part);
        left = minf(left, x - reach);
        right_most = maxf(right_most, x + reach);
        low = minf(low, y - reach);
        high = maxf(high, y + reach);
    }
    struct v3 target =
        add(scale(camera->axes.x, 0.5f * (left + right_most)), scale(camera->axes.y, 0.5f * (low + high)));
    float slope_x = camera->slope * maxf(aspect, 1.0f), slope_y = camera->slope * maxf(1.0f / aspect, 1.0f);
    float distance = 0.0f;
    for (int i = first_part; i < scene->n_parts; i++) {
        const struct part *part = &scene->parts[i];
        struct v3 offset = sub(part->centre, target);
        float near = dot(offset, camera->axes.z);
        distance =
            maxf(distance, near + (absf(dot(offset, camera->axes.x)) + part_reach(part)) / (slope_x * fill));
        distance =
            maxf(distance, near + (absf(dot(offset, camera->axes.y)) + part_reach(part)) / (slope_y * fill));
    }
    // Rarely is the subject exactly in the middle.
    float spare = maxf(1.0f - fill, 0.0f) * distance * camera->slope;
    target = mad(target, camera->axes.x, 0.7f * spare * rng_range(rng, -1.0f, 1.0f));
    target = mad(target, camera->axes.y, 0.5f * spare * rng_range(rng, -1.0f, 1.0f));
    camera->at = mad(target, back, distance);
    if (camera->at.y < 0.3f) camera->at.y = 0.3f;
    camera->focus = distance - 0.4f;
    camera->blur = rng_chance(rng, 0.7f) ? rng_range(rng, 0.3f, 1.0f) : 0.0f;
}

// u along the grain, v across.
static struct v3 wood_colour(const struct ground *ground, float u, float v, float plank, float footprint)
{
    uint32_t seed = ground->seed + (uint32_t)(int)plank * 977u;
    // Grain is the tree's rings cut lengthwise: bands across v, bent by slow noise along u.
    float bend = fbm(v3(0.22f * u, 0.9f * v, plank), 3, seed);
    float band = fraction(2.2f * v + 2.6f * bend);
    float ring = smoothstep(0.0f, 0.75f, band) * smoothstep(1.0f, 0.85f, band);
    float fibre =
        noise(v3(1.6f * u, 42.0f * v, plank), seed ^ 5u) * clampf(1.4f - 40.0f * footprint, 0.0f, 1.0f);
    float stain = fbm(v3(0.5f * u, 0.5f * v, plank + 9.0f), 2, seed ^ 11u);
    struct v3 colour = mix(ground->light, ground->dark,
                           clampf(0.20f + 0.55f * ring + 0.25f * fibre + 0.25f * stain, 0.0f, 1.0f));
    return scale(colour, 0.85f + 0.3f * hash_unit(hash_lattice((int)plank, 3, 0, ground->seed)));
}

static void paint_wood(const struct ground *ground, float u, float v, float footprint, struct surface *out)
{
    const float width = 1.9f;
    float plank = floor_small(v / width), across = v - plank * width;
    u += 7.0f * hash_unit(hash_lattice((int)plank, 1, 0, ground->seed));
    out->colour = wood_colour(ground, u, v, plank, footprint);
    float joint = minf(across, width - across);
    out->colour = mix(out->colour, scale(ground->accent, 0.4f), smoothstep(0.035f + footprint, 0.01f, joint));
    out->gloss = 0.35f;
    out->roughness = 0.45f;
}

static void paint_cloth(const struct ground *ground, float u, float v, float footprint, struct surface *out,
                        struct v3 *normal)
{
    float warp = 9.0f * u, weft = 9.0f * v;
    if (ground->pattern == 1) {
        // Gingham: two sets of stripes, mixed half and half where they cross.
        float a = smoothstep(0.46f, 0.5f, absf(fraction(0.8f * u) - 0.5f) + 0.25f);
        float b = smoothstep(0.46f, 0.5f, absf(fraction(0.8f * v) - 0.5f) + 0.25f);
        out->colour = mix(ground->light, ground->accent, 0.42f * (a + b));
    } else if (ground->pattern == 2) {
        float stripe = absf(fraction(0.35f * v) - 0.5f);
        float line = smoothstep(0.10f, 0.09f, stripe) *
                     (1.0f - smoothstep(0.06f, 0.05f, stripe) * smoothstep(0.03f, 0.04f, stripe));
        out->colour = mix(ground->light, ground->accent, 0.8f * line);
    } else {
        out->colour =
            mix(ground->light, ground->dark, 0.3f + 0.3f * noise(v3(0.6f * u, 0.6f * v, 0.0f), ground->seed));
    }
    // Threads of uneven thickness over and under each other.
    float fine = clampf(1.3f - 22.0f * footprint, 0.0f, 1.0f);
    float threads = noise(v3(0.7f * warp, 14.0f * weft, 0.0f), ground->seed ^ 1u) +
                    noise(v3(14.0f * warp, 0.7f * weft, 5.0f), ground->seed ^ 2u);
    float weave = noise(v3(4.0f * warp, 4.0f * weft, 2.0f), ground->seed ^ 3u);
    out->colour = scale(out->colour, 1.0f + fine * (0.09f * threads + 0.07f * weave));
    // Soft folds tilt the surface.
    float e = 0.15f, f = 0.32f;
    float here = fbm(v3(f * u, f * v, 3.0f), 2, ground->seed ^ 4u);
    float du = fbm(v3(f * (u + e), f * v, 3.0f), 2, ground->seed ^ 4u) - here;
    float dv = fbm(v3(f * u, f * (v + e), 3.0f), 2, ground->seed ^ 4u) - here;
    *normal = normalize(v3(-1.1f * du / e, 1.0f, -1.1f * dv / e));
    out->gloss = 0.05f;
    out->roughness = 1.0f;
}

static void paint_marble(const struct ground *ground, float u, float v, struct surface *out)
{
    struct v3 p = v3(0.45f * u, 0.45f * v, 0.0f);
    float warp = fbm(p, 3, ground->seed);
    p = add(p, v3(0.9f * warp, -0.7f * warp, 0.0f));
    float vein = 1.0f - absf(fbm(scale(p, 1.1f), 4, ground->seed ^ 1u)) * 3.2f;
    float thin = 1.0f - absf(fbm(scale(p, 2.6f), 3, ground->seed ^ 2u)) * 6.0f;
    float cloud = 0.5f + 0.5f * fbm(scale(p, 0.8f), 3, ground->seed ^ 3u);
    out->colour = mix(ground->light, ground->dark, clampf(cloud, 0.0f, 1.0f));
    out->colour = mix(out->colour, ground->accent,
                      0.55f * square(clampf(vein, 0.0f, 1.0f)) + 0.2f * clampf(thin, 0.0f, 1.0f));
    out->gloss = 0.8f;
    out->roughness = 0.12f;
}

void scene_paint_ground(const struct ground *ground, struct v3 p, float footprint, struct surface *out,
                        struct v3 *normal)
{
    float u = (p.x * ground->turn_cos + p.z * ground->turn_sin) * ground->scale;
    float v = (p.z * ground->turn_cos - p.x * ground->turn_sin) * ground->scale;
    footprint *= ground->scale;
    *out = (struct surface){.colour = ground->light, .gloss = 0.1f, .roughness = 0.8f};
    switch (ground->kind) {
    case GROUND_WOOD:
        paint_wood(ground, u, v, footprint, out);
        break;
    case GROUND_CLOTH:
        paint_cloth(ground, u, v, footprint, out, normal);
        break;
    case GROUND_MARBLE:
        paint_marble(ground, u, v, out);
        break;
    case GROUND_STONE: {
        float rough = fbm(v3(1.3f * u, 1.3f * v, 0.0f), 5, ground->seed),
              grain = noise(v3(26.0f * u, 26.0f * v, 1.0f), ground->seed ^ 1u);
        out->colour = mix(ground->light, ground->dark, clampf(0.5f + 0.7f * rough, 0.0f, 1.0f));
        out->colour = mix(out->colour, ground->accent,
                          smoothstep(0.45f, 0.9f, grain) * clampf(1.0f - 15.0f * footprint, 0.0f, 1.0f));
        out->gloss = 0.25f;
        out->roughness = 0.5f;
        break;
    }
    case GROUND_MAT: {
        float id, dent = cells(v3(5.0f * u, 0.5f, 5.0f * v), ground->seed, &id);
        out->colour = mix(ground->dark, ground->light, smoothstep(0.1f, 0.5f, dent));
        out->gloss = 0.2f;
        out->roughness = 0.4f;
        break;
    }
    case GROUND_PAPER:
    case GROUND_STUDIO: {
        float fleck = fbm(v3(7.0f * u, 7.0f * v, 0.0f), 2, ground->seed);
        out->colour = scale(ground->light, 1.0f + 0.012f * fleck);
        break;
    }
    case GROUND_CUTOUT:
    case N_GROUNDS:
        break;
    }
}

struct v3 scene_surroundings(const struct scene *scene, struct v3 d, float roughness)
{
    const struct light *light = &scene->light;
    struct v3 below = mul(scene->ground.light, scale(add(light->key, light->sky), 0.45f));
    struct v3 sky = scale(light->sky, 0.55f + 0.45f * d.y);
    struct v3 seen = mix(below, sky, smoothstep(-0.15f - roughness, 0.1f + roughness, d.y));
    struct v3 l = to_local(&light->box, d);
    if (l.y > 0.05f) {
        float x = absf(l.x / l.y), z = absf(l.z / l.y), soft = 0.02f + 0.6f * roughness;
        float lit = smoothstep(light->box_x + soft, light->box_x - soft, x) *
                    smoothstep(light->box_z + soft, light->box_z - soft, z);
        if (light->panes)
            lit *=
                1.0f - 0.8f * maxf(bell(x / (0.04f + soft)), bell(z / (0.04f + soft))) * (1.0f - roughness);
        // The same light spread wider is weaker.
        seen = mad(seen, light->key, lit * 5.0f / (1.0f + 14.0f * roughness * roughness));
    }
    return seen;
}

struct v3 scene_backdrop(const struct scene *scene, struct v3 d)
{
    float up = smoothstep(-0.45f, 0.25f, d.y);
    struct v3 colour = mix(scene->backdrop[0], scene->backdrop[1], up);
    float blotch = fbm(v3(3.0f * d.x, 4.0f * d.y, 3.0f * d.z), 2, scene->ground.seed);
    if (scene->n_lamps) colour = scale(colour, 1.0f + 0.35f * blotch);
    for (int i = 0; i < scene->n_lamps; i++) {
        float off = length(sub(d, scene->lamps[i].towards)) / scene->lamps[i].size;
        colour = mad(colour, scene->lamps[i].colour, smoothstep(1.08f, 0.95f, off));
    }
    return mul(colour, scale(add(scene->light.sky, scene->light.key), 0.7f));
}
