// SPDX-License-Identifier: Apache-2.0
//
// Painters of surfaces: colour, shine and fine relief of each skin and cut face as functions of a point on
// it. Points are local to the part: y runs to the stem, the body's radius is about 1.
#include "skin.h"
#include "noise.h"

// ---- Shared marks ----

static struct v3 direction(struct v3 p)
{
    return normalize(p);
}

// Dots of the given radius (in cells of size 1/density) on a share of the cells: 1 inside, 0 outside.
static float dots(struct v3 p, float density, float radius, float share, uint32_t seed)
{
    float id, d = cells(scale(p, density), seed, &id);
    if (id > share) return 0.0f;
    return smoothstep(radius, 0.5f * radius, d * (0.7f + id / share * 0.6f));
}

// Bruises: a few soft brown patches, on riper fruit more.
static void bruise(const struct part *part, struct v3 p, float share, struct surface *s)
{
    float id, d = cells(add(scale(p, 1.3f), v3(9.0f * part->tone[0], 0.0f, 0.0f)), part->seed ^ 77u, &id);
    if (id > share * part->tone[3]) return;
    float ragged = 0.10f * noise(scale(p, 7.0f), part->seed ^ 78u);
    float depth = smoothstep(0.34f, 0.08f, d + ragged) * 0.65f;
    s->colour = mix(s->colour, mul(s->colour, v3(0.42f, 0.30f, 0.24f)), depth);
    s->gloss *= 1.0f - 0.5f * depth;
}

// The side that hung in the sun, as a field from -1 to 1 round the fruit.
static float sunny_side(const struct part *part, struct v3 d)
{
    float turn = 2.0f * PI * part->tone[1];
    return d.x * cosine(turn) + d.z * sine(turn);
}

// How far p is inside the outer skin, seen on a cut face: 1 at the skin, 0 at the middle.
static float depth_on_face(const struct part *part, struct v3 p)
{
    return length(p) / part_radius(part, direction(p));
}

static const struct cut *face_at(const struct part *part, struct v3 p)
{
    for (int i = 0; i < part->n_cuts; i++)
        if (dot(part->cut[i].normal, p) > part->cut[i].offset - 0.006f) return &part->cut[i];
    return 0;
}

static const struct v3 SEED_BLACK = {0.012f, 0.009f, 0.008f};

// Drop-shaped seeds in a ring on a cut face, pointing inward: 1 on a seed. `turn` is the angle in whole turns
// from -0.5 to 0.5, `count` how many have room, `share` how many there are, `size` their half width, as
// `depth` counts.
static float seed_ring(float turn, float depth, float count, float ring, float size, float share,
                       uint32_t seed)
{
    float at = turn * count + 0.5f * count, nth = floor_small(at);
    uint32_t h = hash_lattice((int)nth, 0, 0, seed);
    if (hash_unit(h * 0x9e3779b1u) > share) return 0.0f;
    float across = (at - nth - 0.35f - 0.3f * hash_unit(h * 0x85ebca6bu)) * 2.0f * PI * depth / count;
    float out = depth - ring - 0.09f * (hash_unit(h) - 0.5f);
    return smoothstep(1.15f, 0.8f, length(v3(across, out / (out > 0.0f ? 1.7f : 2.4f), 0.0f)) / size);
}

// ---- Apples and pears ----

// Palette: ground colour, blush, streak, hollow.
static void paint_apple(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float patch = fbm(scale(d, 1.5f), 3, part->seed);
    float red =
        smoothstep(-0.55f, 0.45f, patch + 0.55f * sunny_side(part, d) + 1.5f * (part->tone[0] - 0.05f));
    // Streaks run from stem to foot: noise that is fine round the axis and slow along it.
    float ring = sqrtf(d.x * d.x + d.z * d.z) + 0.02f;
    struct v3 along = v3(d.x / ring, 0.22f * d.y, d.z / ring);
    float streak = 0.5f + 0.5f * fbm(scale(along, 8.0f), 3, part->seed ^ 1u);
    s->colour =
        mix(part->palette[0], part->palette[1], red * (0.55f + 0.45f * smoothstep(0.2f, 0.6f, streak)));
    s->colour = mix(s->colour, part->palette[2], red * 0.55f * smoothstep(0.45f, 0.85f, streak));
    float fleck = dots(d, 9.0f, 0.14f, 0.75f, part->seed ^ 2u) * smoothstep(0.95f, 0.3f, d.y);
    s->colour = mix(s->colour, mix(part->palette[0], v3(0.9f, 0.85f, 0.6f), 0.5f), 0.55f * fleck);
    float hollow = smoothstep(0.80f, 0.97f, d.y + 0.05f * noise(scale(along, 6.0f), part->seed ^ 3u));
    s->colour = mix(s->colour, part->palette[3], 0.8f * hollow);
    s->colour =
        scale(s->colour, 1.0f - 0.55f * smoothstep(0.93f, 1.0f, d.y) - 0.6f * smoothstep(0.965f, 1.0f, -d.y));
    bruise(part, p, 0.18f, s);
    s->gloss = 0.9f;
    s->roughness = 0.14f;
    s->translucency = 0.06f;
}

// Palette: ground colour, blush, russet, stem end.
static void paint_pear(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float patch = fbm(scale(d, 1.8f), 3, part->seed);
    float blush = smoothstep(0.35f, 1.1f, 0.6f * patch + sunny_side(part, d) * (0.5f + part->tone[0]));
    s->colour = mix(part->palette[0], part->palette[1], 0.7f * blush);
    s->colour = scale(s->colour, 1.0f + 0.12f * patch);
    float speck = dots(p, 13.0f, 0.20f, 0.9f, part->seed ^ 1u);
    float russet = smoothstep(0.35f, 0.8f,
                              fbm(scale(p, 3.0f), 4, part->seed ^ 2u) + 0.6f * smoothstep(0.9f, 1.4f, p.y) +
                                  0.5f * smoothstep(-0.75f, -0.95f, d.y));
    s->colour = mix(s->colour, part->palette[2], maxf(0.5f * speck, 0.6f * russet));
    s->colour = scale(s->colour, 1.0f - 0.6f * smoothstep(0.975f, 1.0f, -d.y));
    bruise(part, p, 0.25f, s);
    s->gloss = 0.55f;
    s->roughness = 0.30f - 0.1f * russet;
    s->translucency = 0.08f;
}

// ---- Citrus ----

static float citrus_relief(const struct part *part, struct v3 p)
{
    if (face_at(part, p)) return 0.004f * noise(scale(p, 30.0f), part->seed);
    float id, d = cells(scale(p, 15.0f), part->seed, &id);
    return 0.012f * smoothstep(0.05f, 0.42f, d) + 0.02f * noise(scale(p, 4.0f), part->seed ^ 1u);
}

// The face of a fruit cut across: rind, pith, and segments of juice sacs. Palette: rind, second tone, flesh,
// stem end.
static void paint_citrus_face(const struct part *part, struct v3 p, struct surface *s)
{
    float depth = depth_on_face(part, p), segments = part->palette[2].x > 0.5f ? 10.0f : 9.0f;
    float turn = arc_tangent(p.z, p.x) * segments / (2.0f * PI) + part->tone[0];
    float nth = floor_small(turn), across = absf(turn - nth - 0.5f) * 2.0f; // 1 on a membrane
    float wall = depth * (1.0f - across) / segments * 6.0f;                 // distance to it
    float rounded = depth + 0.06f * bell((1.0f - across) * 3.0f) + 0.012f * noise(scale(p, 6.0f), part->seed);
    float sac = noise(v3(turn * 5.0f, depth * 5.0f, nth * 3.7f), part->seed ^ 5u) +
                0.6f * noise(v3(turn * 11.0f, depth * 10.0f, nth), part->seed ^ 6u);
    struct v3 pith = v3(0.86f, 0.80f, 0.62f);
    struct v3 flesh = scale(part->palette[2], 1.0f + 0.26f * sac);
    float juicy = smoothstep(0.02f, 0.075f, wall) * smoothstep(0.885f, 0.845f, rounded) *
                  smoothstep(0.07f, 0.12f, depth);
    s->colour = mix(mix(pith, part->palette[2], 0.15f), flesh, juicy);
    s->colour = mix(s->colour, part->palette[0], smoothstep(0.945f, 0.965f, depth));
    s->gloss = 0.7f * juicy + 0.1f;
    s->roughness = 0.18f;
    s->translucency = 0.35f * juicy + 0.1f;
}

static void paint_citrus(const struct part *part, struct v3 p, struct surface *s)
{
    if (face_at(part, p)) {
        paint_citrus_face(part, p, s);
        return;
    }
    struct v3 d = direction(p);
    float patch = fbm(scale(d, 2.0f), 3, part->seed ^ 2u);
    s->colour = mix(part->palette[0], part->palette[1],
                    smoothstep(-0.2f, 0.9f, patch + 0.8f * (part->tone[0] - 0.5f)));
    s->colour = mix(s->colour, part->palette[3], 0.5f * smoothstep(0.90f, 1.0f, absf(d.y)));
    float id, pore = cells(scale(p, 15.0f), part->seed, &id);
    s->colour = scale(s->colour, 0.90f + 0.10f * smoothstep(0.0f, 0.35f, pore));
    // The button where the stem was.
    float button =
        smoothstep(0.11f, 0.085f, sqrtf(d.x * d.x + d.z * d.z) + 0.012f * noise(scale(d, 30.0f), part->seed));
    if (d.y > 0.0f) s->colour = mix(s->colour, v3(0.17f, 0.19f, 0.06f), 0.9f * button);
    if (d.y < 0.0f)
        s->colour = scale(s->colour, 1.0f - 0.6f * smoothstep(0.05f, 0.02f, sqrtf(d.x * d.x + d.z * d.z)));
    bruise(part, p, 0.10f, s);
    s->gloss = 0.65f;
    s->roughness = 0.24f;
    s->translucency = 0.08f;
}

// ---- Stone fruit and berries ----

// Palette: ground colour, blush, bloom. The finish says what is downy (a peach), waxy (a plum) or smooth.
static void paint_stone_fruit(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float patch = fbm(scale(d, 1.7f), 4, part->seed), fine = fbm(scale(d, 7.0f), 2, part->seed ^ 1u);
    float red = smoothstep(
        -0.55f, 0.65f, patch + 0.25f * fine + 0.75f * sunny_side(part, d) + 0.9f * (part->tone[0] - 0.45f));
    s->colour = mix(part->palette[0], part->palette[1], red);
    float bloom =
        part->finish[1] * smoothstep(-0.6f, 0.9f, fbm(scale(d, 2.6f), 4, part->seed ^ 2u) + 0.15f * fine);
    s->colour = mix(s->colour, part->palette[2], bloom);
    s->colour = scale(s->colour, 1.0f - 0.5f * smoothstep(0.95f, 1.0f, d.y));
    float ring = sqrtf(d.x * d.x + d.z * d.z) + 1e-6f;
    s->colour = scale(s->colour, 1.0f - 0.25f * bell((1.0f - d.x / ring) * 30.0f) * ring);
    bruise(part, p, 0.2f, s);
    s->gloss = part->finish[2] * (1.0f - 0.6f * bloom);
    s->roughness = 0.18f + 0.3f * bloom + 0.3f * part->finish[0];
    s->fuzz = 0.8f * part->finish[0];
    s->translucency = 0.12f;
}

// Palette: ground colour, blush.
static void paint_cherry(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float red = smoothstep(-0.5f, 0.6f, fbm(scale(d, 1.6f), 2, part->seed) + 0.7f * (part->tone[0] - 0.3f));
    s->colour = mix(part->palette[0], part->palette[1], red);
    s->colour = mix(s->colour, part->palette[0], 0.3f * dots(d, 11.0f, 0.12f, 0.4f, part->seed));
    s->colour = scale(s->colour, 1.0f - 0.5f * smoothstep(0.90f, 1.0f, d.y));
    s->gloss = 1.0f;
    s->roughness = 0.07f;
    s->translucency = 0.15f;
}

// Palette: ripe, less ripe (shoulders).
static void paint_tomato(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float unripe = smoothstep(
        0.35f, 1.1f, d.y + 0.35f * fbm(scale(d, 2.0f), 3, part->seed) + 0.3f * (part->tone[0] - 0.5f));
    s->colour = mix(part->palette[0], part->palette[1], 0.75f * unripe);
    s->colour = mix(s->colour, part->palette[1], 0.25f * dots(d, 16.0f, 0.16f, 0.5f, part->seed));
    s->colour = scale(s->colour, 1.0f - 0.5f * smoothstep(0.995f, 1.0f, -d.y));
    s->gloss = 1.0f;
    s->roughness = 0.08f;
    s->translucency = 0.16f;
}

// Seeds of a strawberry sit in rows round it, each row turned by half a step. Returns how near p is to a
// seed, 0 at its middle, 1 at the rim of its pit.
static float seed_distance(struct v3 d)
{
    float rows = arc_cosine(d.y) * 5.4f;
    float row = floor_small(rows), ring = sine((row + 0.5f) / 5.4f);
    if (ring < 0.12f) return 1.0f;
    float count = floor_small(ring * 17.0f + 1.0f);
    float turn = arc_tangent(d.z, d.x) * count / (2.0f * PI) + (((int)row & 1) ? 0.5f : 0.0f);
    float u = (fraction(turn) - 0.5f) * 2.0f * ring * 17.0f / count, v = (rows - row - 0.5f) * 2.0f;
    return minf(sqrtf(u * u * 1.5f + v * v * 0.9f), 1.0f);
}

static float strawberry_relief(const struct part *part, struct v3 p)
{
    float near = seed_distance(direction(p));
    return 0.055f * smoothstep(0.0f, 0.95f, near) + 0.03f * smoothstep(0.32f, 0.10f, near) +
           0.012f * noise(scale(p, 4.0f), part->seed);
}

// Palette: ripe, pale shoulder, seed.
static void paint_strawberry(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float near = seed_distance(d), patch = fbm(scale(d, 2.2f), 2, part->seed);
    float pale = smoothstep(0.45f, 1.0f, d.y + 0.25f * patch + 0.25f * (part->tone[0] - 0.5f));
    s->colour = mix(part->palette[0], part->palette[1], pale);
    s->colour = scale(s->colour, 0.62f + 0.38f * smoothstep(0.25f, 0.75f, near) + 0.10f * patch);
    float seed = smoothstep(0.36f, 0.26f, near);
    s->colour = mix(s->colour, part->palette[2], 0.9f * seed);
    s->gloss = 0.9f - 0.4f * seed;
    s->roughness = 0.15f;
    s->translucency = 0.18f * (1.0f - seed);
}

static float blueberry_relief(const struct part *part, struct v3 p)
{
    // The crown: a ring of five blunt points round a dip.
    struct v3 d = direction(p);
    float ring = sqrtf(d.x * d.x + d.z * d.z);
    if (d.y < 0.0f || ring > 0.62f) return 0.0f;
    float points = 0.5f + 0.5f * cosine(5.0f * arc_tangent(d.z, d.x) + 6.0f * part->tone[0]);
    float rim = 0.34f + 0.10f * points;
    return 0.10f * bell((ring - rim) / 0.13f) - 0.09f * smoothstep(0.34f, 0.20f, ring);
}

// Palette: skin, bloom.
static void paint_blueberry(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float wax = smoothstep(-0.5f, 0.45f,
                           fbm(add(scale(d, 2.1f), v3(part->tone[1] * 9.0f, 0.0f, 0.0f)), 3, part->seed) +
                               0.5f * (part->tone[0] - 0.4f));
    float ring = sqrtf(d.x * d.x + d.z * d.z);
    s->colour = mix(part->palette[0], part->palette[1], 0.85f * wax);
    if (d.y > 0.0f) {
        s->colour = scale(s->colour, 1.0f - 0.75f * smoothstep(0.36f, 0.24f, ring));
        s->colour = mix(s->colour, v3(0.06f, 0.04f, 0.05f), 0.5f * bell((ring - 0.40f) / 0.12f));
    }
    s->gloss = 0.6f - 0.4f * wax;
    s->roughness = 0.22f + 0.3f * wax;
    s->fuzz = 0.45f;
}

// Palette: skin, second tone, bloom.
static void paint_grape(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float patch = fbm(add(scale(d, 1.3f), v3(part->tone[1] * 9.0f, 0.0f, 0.0f)), 2, part->seed);
    s->colour =
        mix(part->palette[0], part->palette[1], clampf(part->tone[0] * 0.8f + 0.5f * patch, 0.0f, 1.0f));
    float bloom = 0.45f * smoothstep(-0.1f, 0.8f, fbm(scale(d, 2.4f), 3, part->seed ^ 1u));
    s->colour = mix(s->colour, part->palette[2], bloom);
    s->colour = mix(s->colour, v3(0.10f, 0.06f, 0.03f), smoothstep(0.985f, 0.995f, -d.y));
    s->gloss = 0.85f - 0.8f * bloom;
    s->roughness = 0.10f + 0.5f * bloom;
    s->translucency = 0.40f;
    s->fuzz = 0.12f;
}

// ---- Fruit with a character of its own ----

// Palette: ripe, green tip, brown. x along the arc.
static void paint_banana(const struct part *part, struct v3 p, struct surface *s)
{
    float angle = arc_tangent(p.x, 1.0f - p.y), t = angle / part->a[0];
    float ripe = part->tone[0];
    float patch = fbm(scale(p, 2.5f), 3, part->seed);
    s->colour = scale(part->palette[0], 1.0f + 0.10f * patch);
    float green = smoothstep(0.62f, 1.0f, absf(t) + 0.12f * patch) * (1.1f - 1.1f * ripe) +
                  smoothstep(0.5f, 0.95f, t) * 0.35f;
    s->colour = mix(s->colour, part->palette[1], clampf(green, 0.0f, 0.85f));
    // Sugar spots, drawn out along the fruit, and bruises along the edges.
    struct v3 q = v3(angle * 7.0f, (length(v3(p.x, 1.0f - p.y, 0.0f)) - 1.0f) * 15.0f, p.z * 15.0f);
    float id, spot = cells(q, part->seed, &id);
    float spotted = smoothstep(0.34f, 0.16f, spot + 0.15f * id) * (id < 0.2f + 0.75f * ripe) *
                    smoothstep(0.25f, 0.7f, ripe);
    float line = smoothstep(0.45f, 0.8f, fbm(v3(angle * 3.0f, q.y * 1.6f, q.z * 1.6f), 3, part->seed ^ 1u));
    s->colour = mix(s->colour, part->palette[2], clampf(0.75f * spotted + 0.30f * line, 0.0f, 0.9f));
    float tip = smoothstep(-0.955f, -0.985f, t) + smoothstep(0.955f, 0.985f, t) * 0.8f;
    s->colour = mix(s->colour, scale(part->palette[2], 0.35f), clampf(tip, 0.0f, 1.0f));
    s->gloss = 0.35f;
    s->roughness = 0.42f;
    s->translucency = 0.08f;
}

static float kiwi_relief(const struct part *part, struct v3 p)
{
    if (face_at(part, p)) return 0.0f;
    return 0.016f * noise(v3(42.0f * p.x, 13.0f * p.y, 42.0f * p.z), part->seed) +
           0.02f * noise(scale(p, 5.0f), part->seed ^ 1u);
}

// Cut across: a pale core, rays, a ring of black seeds. Palette: flesh, pale rays, skin, core.
static void paint_kiwi(const struct part *part, struct v3 p, struct surface *s)
{
    if (!face_at(part, p)) {
        float hair = noise(v3(50.0f * p.x, 11.0f * p.y, 50.0f * p.z), part->seed) +
                     0.6f * fbm(scale(p, 4.0f), 3, part->seed ^ 2u);
        s->colour = scale(part->palette[2], 1.0f + 0.28f * hair);
        s->gloss = 0.12f;
        s->roughness = 0.7f;
        s->fuzz = 0.5f;
        return;
    }
    float depth = depth_on_face(part, p), turn = arc_tangent(p.z, p.x) / (2.0f * PI);
    float wobble = 0.03f * noise(scale(p, 5.0f), part->seed ^ 3u);
    float ray = 0.5f + 0.5f * noise(v3(turn * 36.0f, depth * 1.6f, 0.0f), part->seed ^ 4u);
    float core = smoothstep(0.30f, 0.22f, depth + wobble + 0.05f * ray);
    s->colour = mix(part->palette[0], part->palette[1],
                    0.75f * ray * smoothstep(1.0f, 0.45f, depth) * smoothstep(0.2f, 0.4f, depth));
    s->colour = mix(s->colour, scale(part->palette[0], 0.62f), smoothstep(0.72f, 0.95f, depth));
    s->colour = mix(s->colour, part->palette[3], core);
    float sown = maxf(seed_ring(turn, depth, 17.0f, 0.42f, 0.028f, 0.88f, part->seed),
                      seed_ring(turn, depth, 23.0f, 0.53f, 0.028f, 0.88f, part->seed ^ 5u));
    s->colour = mix(s->colour, SEED_BLACK, sown);
    s->colour = mix(s->colour, part->palette[2], smoothstep(0.962f, 0.978f, depth));
    s->gloss = 0.75f;
    s->roughness = 0.16f;
    s->translucency = 0.3f;
}

static float avocado_relief(const struct part *part, struct v3 p)
{
    if (face_at(part, p)) return 0.006f * noise(scale(p, 6.0f), part->seed);
    float id, d = cells(scale(p, 10.0f), part->seed, &id);
    return 0.04f * smoothstep(0.55f, 0.1f, d) + 0.02f * noise(scale(p, 6.0f), part->seed ^ 1u);
}

// Halved lengthwise. Palette: flesh, flesh under the skin, skin.
static void paint_avocado(const struct part *part, struct v3 p, struct surface *s)
{
    if (!face_at(part, p)) {
        float patch = fbm(scale(p, 3.0f), 3, part->seed ^ 2u);
        s->colour = scale(part->palette[2], 1.0f + 0.5f * patch);
        s->gloss = 0.5f;
        s->roughness = 0.35f;
        return;
    }
    // The flesh's outline follows the skin at a constant distance, so measure depth in units of length, not
    // share.
    float under =
        part_radius(part, direction(p)) - length(p) + 0.02f * noise(scale(p, 4.0f), part->seed ^ 3u);
    s->colour = mix(part->palette[1], part->palette[0], smoothstep(0.03f, 0.26f, under));
    s->colour = scale(s->colour, 1.0f + 0.05f * fbm(scale(p, 4.0f), 3, part->seed ^ 4u));
    s->colour = mix(s->colour, part->palette[2], smoothstep(0.045f, 0.03f, under));
    float vein = dots(p, 5.0f, 0.10f, 0.25f * part->tone[2], part->seed ^ 5u);
    s->colour = mix(s->colour, v3(0.25f, 0.17f, 0.05f), 0.5f * vein);
    s->gloss = 0.45f;
    s->roughness = 0.28f;
    s->translucency = 0.22f;
}

// Palette: brown, dark.
static void paint_pit(const struct part *part, struct v3 p, struct surface *s)
{
    float patch = fbm(scale(p, 1.7f), 4, part->seed),
          vein = 1.0f - 4.0f * absf(fbm(scale(p, 2.3f), 3, part->seed ^ 1u));
    s->colour = mix(part->palette[0], part->palette[1], clampf(0.5f + patch, 0.0f, 1.0f));
    s->colour = scale(s->colour, 1.0f - 0.25f * clampf(vein, 0.0f, 1.0f));
    s->gloss = 0.6f;
    s->roughness = 0.2f;
}

// Palette: flesh, rind's inside, light skin, dark stripe.
static void paint_watermelon(const struct part *part, struct v3 p, struct surface *s)
{
    float depth = depth_on_face(part, p);
    const struct cut *face = face_at(part, p);
    if (!face || depth > 0.975f) {
        struct v3 d = direction(p);
        float turn = arc_tangent(d.z, d.x) * (10.0f / (2.0f * PI));
        float ragged =
            0.22f * fbm(scale(d, 7.0f), 3, part->seed) + 0.13f * noise(scale(d, 3.0f), part->seed ^ 1u);
        float stripe = smoothstep(0.20f, 0.32f, absf(fraction(turn) - 0.5f) + ragged);
        float mottle = 0.25f * noise(scale(d, 16.0f), part->seed ^ 2u);
        s->colour = scale(mix(part->palette[3], part->palette[2], stripe), 1.0f + mottle);
        s->gloss = 0.6f;
        s->roughness = 0.25f;
        return;
    }
    float wobble = 0.010f * noise(scale(p, 5.0f), part->seed ^ 3u);
    float grain = fbm(scale(p, 9.0f), 3, part->seed ^ 4u), fibre = fbm(scale(p, 2.0f), 2, part->seed ^ 5u);
    struct v3 ripe = scale(part->palette[0], 1.0f + 0.16f * grain + 0.14f * fibre);
    s->colour = mix(ripe, v3(0.90f, 0.42f, 0.36f), 0.7f * smoothstep(0.72f, 0.87f, depth + wobble));
    s->colour = mix(s->colour, part->palette[1], smoothstep(0.855f, 0.905f, depth + wobble));
    s->colour = mix(s->colour, part->palette[2], 0.7f * smoothstep(0.925f, 0.97f, depth + wobble));
    // The angle within the face: any two axes across its normal will do.
    struct v3 n = face->normal,
              u = absf(n.x) < 0.9f ? normalize(cross(n, v3(1.0f, 0.0f, 0.0f))) : v3(0.0f, 1.0f, 0.0f);
    float turn = arc_tangent(dot(p, cross(n, u)), dot(p, u)) / (2.0f * PI);
    float sown = maxf(seed_ring(turn, depth, 19.0f, 0.50f, 0.036f, 0.70f, part->seed ^ 6u),
                      seed_ring(turn, depth, 27.0f, 0.67f, 0.036f, 0.75f, part->seed ^ 7u));
    s->colour = mix(s->colour, SEED_BLACK, sown);
    s->gloss = 0.6f;
    s->roughness = 0.2f;
    s->translucency = 0.28f * (1.0f - sown);
}

// Position within a pineapple's lattice of eyes: u and v along its two directions, each -1 to 1.
static void eye_position(struct v3 d, float *u, float *v, uint32_t *id)
{
    float a, b;
    eye_lattice(d, &a, &b);
    *u = 2.0f * (fraction(a) - 0.5f);
    *v = 2.0f * (fraction(b) - 0.5f);
    *id = hash_lattice((int)floor_small(a), (int)floor_small(b), 0, 1u);
}

static float pineapple_relief(const struct part *part, struct v3 p)
{
    float u, v;
    uint32_t id;
    eye_position(direction(p), &u, &v, &id);
    // A spiny bract lies across the middle of each eye.
    return 0.03f * bell(2.2f * (u - v)) * bell(0.9f * (u + v)) + 0.012f * noise(scale(p, 12.0f), part->seed);
}

// Palette: eye, rim, bract, shade between eyes.
static void paint_pineapple(const struct part *part, struct v3 p, struct surface *s)
{
    struct v3 d = direction(p);
    float u, v;
    uint32_t id;
    eye_position(d, &u, &v, &id);
    float edge = maxf(absf(u), absf(v)),
          ripe = fbm(scale(d, 1.5f), 2, part->seed) + 1.3f * (part->tone[0] - 0.5f) - 0.35f * d.y;
    struct v3 skin = mix(part->palette[1], part->palette[0],
                         smoothstep(-0.7f, 0.5f, ripe + 0.5f * (hash_unit(id) - 0.5f)));
    s->colour = mix(skin, part->palette[1], 0.6f * smoothstep(0.45f, 0.85f, edge));
    s->colour = mix(s->colour, part->palette[3], smoothstep(0.78f, 0.98f, edge));
    float bract = bell(1.9f * (u - v)) * bell(0.75f * (u + v));
    s->colour = mix(s->colour, part->palette[2], 0.75f * smoothstep(0.15f, 0.7f, bract));
    float tip = bell(5.0f * (u - v)) * bell(1.6f * (u + v));
    s->colour = mix(s->colour, v3(0.45f, 0.33f, 0.18f), 0.6f * tip);
    s->colour = scale(s->colour, 1.0f + 0.22f * noise(scale(p, 11.0f), part->seed ^ 1u));
    s->gloss = 0.35f;
    s->roughness = 0.4f;
}

// ---- Stems, leaves, crockery ----

// Palette: middle, top end.
static void paint_stem(const struct part *part, struct v3 p, struct surface *s)
{
    float grain = noise(v3(30.0f * p.x, 5.0f * p.y, 30.0f * p.z), part->seed);
    s->colour =
        scale(mix(part->palette[0], part->palette[1], smoothstep(0.65f, 1.0f, p.y)), 1.0f + 0.25f * grain);
    s->gloss = 0.25f;
    s->roughness = 0.5f;
}

// Palette: blade, vein. Serves single leaves (along x) and rosettes (x is the distance from the axis).
static void paint_leaf(const struct part *part, struct v3 p, struct surface *s)
{
    float x = p.x, z = absf(p.z);
    if (part->shape == SHAPE_ROSETTE) {
        x = sqrtf(p.x * p.x + p.z * p.z);
        float sector = 2.0f * PI / part->a[0], angle = arc_tangent(p.z, p.x) / sector;
        z = absf(angle - floor_small(angle + 0.5f)) * sector * x;
    }
    float side = absf(fraction(7.0f * (x - 0.9f * z)) - 0.5f), patch = fbm(scale(p, 5.0f), 2, part->seed);
    float vein = maxf(smoothstep(0.022f, 0.006f, z),
                      part->shape == SHAPE_LEAF ? 0.45f * smoothstep(0.10f, 0.03f, side) : 0.0f);
    s->colour = scale(mix(part->palette[0], part->palette[1], 0.6f * vein),
                      1.0f + 0.22f * patch + 0.25f * (part->tone[0] - 0.5f));
    s->gloss = 0.5f;
    s->roughness = 0.30f;
    s->translucency = 0.3f;
}

static void paint_china(const struct part *part, struct v3 p, struct surface *s)
{
    float r = sqrtf(p.x * p.x + p.z * p.z);
    s->colour = part->palette[0];
    s->colour = mix(s->colour, part->palette[1],
                    smoothstep(0.012f, 0.006f, absf(r - 0.955f)) * (part->tone[0] > 0.6f));
    s->gloss = 0.8f;
    s->roughness = 0.12f;
}

// Palette: light wood, dark wood.
static void paint_board(const struct part *part, struct v3 p, struct surface *s)
{
    float bend = fbm(v3(0.35f * p.x, 1.1f * p.z, p.y), 3, part->seed);
    float band = fraction(3.5f * p.z + 2.5f * bend),
          fibre = noise(v3(2.5f * p.x, 40.0f * p.y, 48.0f * p.z), part->seed ^ 1u);
    float ring = smoothstep(0.0f, 0.7f, band) * smoothstep(1.0f, 0.85f, band);
    s->colour =
        mix(part->palette[0], part->palette[1], clampf(0.2f + 0.5f * ring + 0.2f * fibre, 0.0f, 1.0f));
    s->gloss = 0.3f;
    s->roughness = 0.5f;
}

const struct skin SKIN_APPLE = {paint_apple, 0}, SKIN_PEAR = {paint_pear, 0},
                  SKIN_CITRUS = {paint_citrus, citrus_relief}, SKIN_STONE_FRUIT = {paint_stone_fruit, 0},
                  SKIN_CHERRY = {paint_cherry, 0}, SKIN_TOMATO = {paint_tomato, 0},
                  SKIN_STRAWBERRY = {paint_strawberry, strawberry_relief},
                  SKIN_BLUEBERRY = {paint_blueberry, blueberry_relief}, SKIN_GRAPE = {paint_grape, 0},
                  SKIN_BANANA = {paint_banana, 0}, SKIN_KIWI = {paint_kiwi, kiwi_relief},
                  SKIN_AVOCADO = {paint_avocado, avocado_relief}, SKIN_WATERMELON = {paint_watermelon, 0},
                  SKIN_PINEAPPLE = {paint_pineapple, pineapple_relief}, SKIN_PIT = {paint_pit, 0};
const struct skin SKIN_STEM = {paint_stem, 0}, SKIN_LEAF = {paint_leaf, 0}, SKIN_CHINA = {paint_china, 0},
                  SKIN_BOARD = {paint_board, 0};
