// SPDX-License-Identifier: Apache-2.0
//
// Distance functions of the solids; see shape.h. Most are bounds rather than exact distances: the factors
// below keep them short enough that marching along a ray by them never steps through a surface.
#include "shape.h"
#include "noise.h"

// Cubic through b and c with neighbours a and d (Catmull and Rom).
static float cubic(float a, float b, float c, float d, float t)
{
    return b + 0.5f * t * (c - a + t * (2.0f * a - 5.0f * b + 4.0f * c - d + t * (3.0f * (b - c) + d - a)));
}

void profile_init(struct profile *profile, const struct body *body)
{
    *profile = (struct profile){.lobes = body->lobes,
                                .lobe_depth = body->lobe_depth,
                                .crease = body->crease,
                                .lump = body->lump,
                                .eyes = body->eyes};
    for (int i = 0; i < PROFILE_STEPS + 3; i++) {
        // The outline goes on past a pole as its own mirror image.
        int step = i - 1;
        if (step < 0) step = -step;
        if (step > PROFILE_STEPS) step = 2 * PROFILE_STEPS - step;
        float angle = PI * (float)step / PROFILE_STEPS, at = 6.0f * (float)step / PROFILE_STEPS;
        int k = at >= 6.0f ? 5 : (int)at;
        const float *r = body->radius;
        float radius = cubic(r[k > 0 ? k - 1 : 1], r[k], r[k + 1], r[k < 5 ? k + 2 : 5], at - (float)k);
        radius -= body->top[0] * bell(angle / body->top[1]);
        radius -= body->bottom[0] * bell((PI - angle) / body->bottom[1]);
        profile->radius[i] = radius;
    }
    for (int i = 0; i <= PROFILE_STEPS; i++) {
        // A slope s shortens true distance by 1/sqrt(1 + s^2). A ray may drift some way along the outline
        // before it lands, so the steepest slope within 20 degrees counts. Beyond 1.2, deep in a stem's
        // hollow, a missed hit is hidden.
        float steepest = 0.0f;
        for (int k = i - 7 < 0 ? 0 : i - 7; k <= i + 7 && k <= PROFILE_STEPS; k++) {
            float rise = 0.5f * (profile->radius[k + 2] - profile->radius[k]) * (PROFILE_STEPS / PI);
            steepest = maxf(steepest, absf(rise / profile->radius[k + 1]));
        }
        steepest = minf(steepest, 1.2f) + 0.15f + 4.0f * body->eyes;
        profile->step[i] = 1.0f / sqrtf(1.0f + steepest * steepest);
    }
}

void eye_lattice(struct v3 d, float *a, float *b)
{
    float turn = arc_tangent(d.z, d.x) * (12.0f / (2.0f * PI)), rise = arc_cosine(d.y) * 3.0f;
    *a = turn + rise;
    *b = turn - rise;
}

// Height of a pineapple's surface: 1 in the middle of an eye, 0 between eyes.
static float eye_height(struct v3 d)
{
    float a, b;
    eye_lattice(d, &a, &b);
    float edge = 2.0f * maxf(absf(fraction(a) - 0.5f), absf(fraction(b) - 0.5f));
    return 1.0f - edge * edge;
}

// Position in a profile's tables of direction d.
static float table_position(struct v3 d)
{
    return arc_cosine(d.y) * (PROFILE_STEPS / PI);
}

static float radius_at(const struct part *part, struct v3 d, float at)
{
    const struct profile *profile = part->profile;
    int i = (int)at;
    if (i > PROFILE_STEPS - 1) i = PROFILE_STEPS - 1;
    const float *r = profile->radius + i;
    float radius = cubic(r[0], r[1], r[2], r[3], at - (float)i);
    float ring = sqrtf(d.x * d.x + d.z * d.z) + 1e-9f, c = d.x / ring, s = d.z / ring;
    if (profile->lobes) {
        // cos(n a) from cos(a) and sin(a), by turning n times.
        float cn = 1.0f, sn = 0.0f;
        for (int k = 0; k < profile->lobes; k++) {
            float t = cn * c - sn * s;
            sn = sn * c + cn * s;
            cn = t;
        }
        radius *= 1.0f + profile->lobe_depth * cn * ring * (0.6f - 0.4f * d.y);
    }
    if (profile->crease > 0.0f) radius -= profile->crease * ring * bell((1.0f - c) * 7.0f);
    if (profile->lump > 0.0f) {
        const float *k = part->lump; // a quadratic and a cubic form: slow, smooth unevenness
        radius *= 1.0f + profile->lump * (k[0] * (d.x * d.x - d.z * d.z) + 2.0f * k[1] * d.x * d.z +
                                          k[2] * d.y * d.x + 3.0f * k[3] * d.x * d.y * d.z);
    }
    if (profile->eyes > 0.0f) radius += profile->eyes * eye_height(d) * ring;
    return radius;
}

float part_radius(const struct part *part, struct v3 d)
{
    return radius_at(part, d, table_position(d));
}

static float lathe_distance(const struct part *part, struct v3 p)
{
    float r = length(p) + 1e-9f;
    struct v3 d = scale(p, 1.0f / r);
    float at = table_position(d);
    float distance = (r - radius_at(part, d, at)) * part->profile->step[(int)(at + 0.5f)];
    for (int i = 0; i < part->n_cuts; i++)
        distance = maxf(distance, dot(part->cut[i].normal, p) - part->cut[i].offset);
    return distance;
}

// Thickness of a banana along its length, t from -1 (flower end) to 1 (stem end).
static float banana_radius(float t)
{
    float body = 1.0f - 0.30f * t * t * t * t;
    float flower = smoothstep(-1.0f, -0.78f, t), stem = smoothstep(0.93f, 0.64f, t);
    return body * (0.22f + 0.78f * flower * (1.0f - 0.25f * (1.0f - flower))) * (0.24f + 0.76f * stem);
}

static float banana_distance(const struct part *part, struct v3 p)
{
    float angle = clampf(arc_tangent(p.x, 1.0f - p.y), -part->a[0], part->a[0]);
    float s = sine(angle), c = cosine(angle);
    struct v3 q = v3(p.x - s, p.y - 1.0f + c, p.z);
    float inward = c * q.y - s * q.x, along = c * q.x + s * q.y;
    float r = sqrtf(inward * inward + along * along + q.z * q.z) + 1e-9f;
    float u = inward / r, v = q.z / r;
    float five =
        u * (u * u * u * u - 10.0f * u * u * v * v + 5.0f * v * v * v * v); // cos of five times the angle
    return (r - part->a[1] * banana_radius(angle / part->a[0]) * (1.0f - 0.07f * five)) * 0.75f;
}

static float rod_distance(const struct part *part, struct v3 p)
{
    float y = clampf(p.y, 0.0f, 1.0f);
    float x = p.x - part->a[2] * 4.0f * y * (1.0f - y);
    float radius = lerp(part->a[0], part->a[1], y) + part->a[3] * smoothstep(0.8f, 1.0f, y);
    float slope = 4.0f * part->a[2];
    return (length(v3(x, p.y - y, p.z)) - radius) * (0.95f / sqrtf(1.0f + slope * slope));
}

// A thin sheet: half width by position along it, lifted and folded.
static float sheet_distance(struct v3 p, float x, float half_width, float height, float fold, float thickness)
{
    float z = absf(p.z);
    float side = z - half_width, above = absf(p.y - height - fold * z) - thickness;
    float outside = length(v3(maxf(side, 0.0f), maxf(above, 0.0f), p.x - x));
    return outside + minf(maxf(side, above), 0.0f);
}

// Far from a sheet its box is near enough: how far p is outside low..high along the worst axis.
static float beyond(float p, float low, float high)
{
    return maxf(low - p, p - high);
}

static float leaf_distance(const struct part *part, struct v3 p)
{
    float bend = part->a[1], fold = part->a[2] * part->a[0];
    float box = maxf(beyond(p.y, minf(bend, 0.0f), maxf(bend, 0.0f) + fold),
                     beyond(p.z, -part->a[0] * 1.05f, part->a[0] * 1.05f));
    if (box > 0.1f) return box;
    float x = clampf(p.x, 0.0f, 1.0f);
    float width = part->a[0] * 4.0f * x * (1.0f - x) * (1.2f - 0.4f * x);
    return 0.6f * sheet_distance(p, x, width, part->a[1] * x * x, part->a[2], part->a[3]);
}

static float rosette_distance(const struct part *part, struct v3 p)
{
    float ring = sqrtf(p.x * p.x + p.z * p.z), rise = 1.15f * part->a[2], curl = part->a[3];
    // Where a leaf is highest: at its end, or on the way there when it droops.
    float peak = curl < 0.0f && rise < -2.0f * curl ? -0.25f * rise * rise / curl : rise + curl;
    float box = maxf(beyond(p.y, minf(0.85f * part->a[2] + curl, 0.0f) - 0.02f, maxf(peak, 0.0f) + 0.05f),
                     ring - 1.05f);
    if (box > 0.1f) return box;
    float sector = 2.0f * PI / part->a[0];
    float angle = arc_tangent(p.z, p.x), k = floor_small(angle / sector + 0.5f);
    // Sector n is sector 0 again where the angle wraps round.
    int index = (int)k < 0 ? (int)k + (int)part->a[0] : (int)k;
    if (index >= (int)part->a[0]) index -= (int)part->a[0];
    uint32_t h = hash_lattice(index, 7, 0, part->seed);
    angle -= k * sector + 0.35f * sector * (hash_unit(h) - 0.5f);
    struct v3 q = v3(ring * cosine(angle), p.y, ring * sine(angle));
    float reach = 1.0f - 0.3f * hash_unit(h * 0x9e3779b1u),
          lift = part->a[2] * (0.85f + 0.3f * hash_unit(h * 0x85ebca6bu));
    float x = clampf(q.x, 0.0f, reach), t = x / reach;
    float width = part->a[1] * (0.35f + 2.2f * t * (1.0f - t)) * sqrtf(maxf(1.0f - t, 0.0f)) + part->a[4];
    float steep = 1.0f / sqrtf(1.0f + 0.5f * lift * lift);
    float d = 0.55f * steep *
              sheet_distance(q, x, width, x * (lift + part->a[3] * x), 0.12f, 0.012f + 0.004f * lift);
    // Near the seam between two sectors the neighbour may be nearer than this bound knows.
    return minf(d, 0.05f + 0.5f * absf(d));
}

static float segment_distance(float px, float py, float ax, float ay, float bx, float by)
{
    float dx = bx - ax, dy = by - ay;
    float t = clampf(((px - ax) * dx + (py - ay) * dy) / (dx * dx + dy * dy), 0.0f, 1.0f);
    return sqrtf(square(px - ax - t * dx) + square(py - ay - t * dy));
}

static float dish_distance(struct v3 p)
{
    float r = sqrtf(p.x * p.x + p.z * p.z), y = p.y - 0.025f;
    return minf(segment_distance(r, y, 0.0f, 0.0f, 0.66f, 0.0f),
                segment_distance(r, y, 0.66f, 0.0f, 0.98f, 0.11f)) -
           0.022f;
}

static float board_distance(const struct part *part, struct v3 p)
{
    float round = part->a[3];
    struct v3 q =
        v3(absf(p.x) - part->a[0] + round, absf(p.y) - part->a[1] + round, absf(p.z) - part->a[2] + round);
    float outside = length(v3(maxf(q.x, 0.0f), maxf(q.y, 0.0f), maxf(q.z, 0.0f)));
    return outside + minf(maxf(q.x, maxf(q.y, q.z)), 0.0f) - round;
}

float part_distance(const struct part *part, struct v3 p)
{
    switch (part->shape) {
    case SHAPE_LATHE:
        return lathe_distance(part, p);
    case SHAPE_BANANA:
        return banana_distance(part, p);
    case SHAPE_ROD:
        return rod_distance(part, p);
    case SHAPE_LEAF:
        return leaf_distance(part, p);
    case SHAPE_ROSETTE:
        return rosette_distance(part, p);
    case SHAPE_DISH:
        return dish_distance(p);
    case SHAPE_BOARD:
        return board_distance(part, p);
    }
    return 1e9f;
}

float part_level(const struct part *part, struct v3 p)
{
    float level;
    if (part->shape == SHAPE_LATHE) {
        float r = length(p) + 1e-9f;
        level = r - part_radius(part, scale(p, 1.0f / r));
        for (int i = 0; i < part->n_cuts; i++)
            level = maxf(level, dot(part->cut[i].normal, p) - part->cut[i].offset);
    } else {
        level = part_distance(part, p);
    }
    return part->skin->relief ? level - part->skin->relief(part, p) : level;
}

// The extent of a lathe or banana part, from a grid of points on its surface: its local bounding box, how far
// it reaches from local point `middle`, and the height of its lowest point in the world.
struct extent {
    struct v3 low, high;
    float reach, lowest;
};

static struct extent scan_surface(const struct part *part, struct v3 middle)
{
    struct extent e = {{1e9f, 1e9f, 1e9f}, {-1e9f, -1e9f, -1e9f}, 0.0f, 1e9f};
    for (int i = 0; i <= 24; i++) {
        for (int j = 0; j < 24; j++) {
            float a = PI * (float)i / 24.0f, b = 2.0f * PI * (float)j / 24.0f;
            struct v3 p;
            if (part->shape == SHAPE_LATHE) {
                struct v3 d = v3(sine(a) * cosine(b), cosine(a), sine(a) * sine(b));
                float r = part_radius(part, d);
                for (int k = 0; k < part->n_cuts; k++) {
                    float towards = dot(part->cut[k].normal, d);
                    if (towards * r > part->cut[k].offset) r = part->cut[k].offset / towards;
                }
                p = scale(d, r);
            } else {
                float t = 2.0f * (float)i / 24.0f - 1.0f, r = part->a[1] * banana_radius(t);
                float s = sine(t * part->a[0]), c = cosine(t * part->a[0]), inward = r * cosine(b);
                p = v3(s - inward * s, 1.0f - c + inward * c, r * sine(b));
            }
            e.low = v3(minf(e.low.x, p.x), minf(e.low.y, p.y), minf(e.low.z, p.z));
            e.high = v3(maxf(e.high.x, p.x), maxf(e.high.y, p.y), maxf(e.high.z, p.z));
            e.reach = maxf(e.reach, length(sub(p, middle)));
            e.lowest = minf(e.lowest, part->at.y + part->size * to_outer(&part->axes, p).y);
        }
    }
    return e;
}

float part_lowest(const struct part *part)
{
    return scan_surface(part, v3(0.0f, 0.0f, 0.0f)).lowest;
}

void part_set_bound(struct part *part)
{
    struct v3 middle = v3(0.0f, 0.0f, 0.0f);
    float radius = 1.0f;
    const float *a = part->a;
    switch (part->shape) {
    case SHAPE_LATHE:
    case SHAPE_BANANA: {
        struct extent e = scan_surface(part, middle);
        middle = scale(add(e.low, e.high), 0.5f);
        radius = 1.04f * scan_surface(part, middle).reach;
        break;
    }
    case SHAPE_ROD:
        middle = v3(a[2], 0.5f, 0.0f);
        radius = 0.5f + absf(a[2]) + maxf(a[0], a[1]) + a[3];
        break;
    case SHAPE_LEAF:
        middle.x = 0.5f;
        radius = 0.55f + absf(a[1]) + a[0] * (0.2f + absf(a[2]));
        break;
    case SHAPE_ROSETTE:
        middle.y = 0.5f * (a[2] + a[3]);
        radius = 0.1f + length(v3(1.05f, 0.5f * absf(1.15f * a[2] + a[3]) + 0.1f, 0.0f));
        break;
    case SHAPE_DISH:
        radius = 1.05f;
        break;
    case SHAPE_BOARD:
        radius = length(v3(a[0], a[1], a[2]));
        break;
    }
    part->centre = mad(part->at, to_outer(&part->axes, middle), part->size);
    part->bound = radius * part->size;
    part->top = part->centre.y + part->bound;
    if (part->shape == SHAPE_DISH) part->top = part->at.y + 0.16f * part->size;
    if (part->shape == SHAPE_BOARD) part->top = part->at.y + a[1] * part->size; // boards lie level
}
