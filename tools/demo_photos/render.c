// SPDX-License-Identifier: Apache-2.0
//
// A small ray marcher. For each pixel a ray walks through the distance fields of the few parts whose bounding
// sphere it meets (listed once per tile); where it lands, the surface is lit by one soft lamp with a shadow,
// by the sky with ambient occlusion from spheres, and by light thrown back from the ground and from
// neighbours. Pixels on an edge are refined with four more rays. The second half of the file is the camera:
// depth of field, exposure, tone, vignette, softness and grain.
#include <stdlib.h>
#include <string.h>
#include "render.h"

enum { TILE = 16, MAX_NEAR = 96 };

// One point of the picture in linear light.
struct sample {
    struct v3 colour;
    float depth;  // along the ray
    int piece;    // of fruit, -1 for the ground, -2 for the backdrop
    float cutout; // 1 where a cut-out background shows
};

struct hit {
    const struct part *part;
    float t;
};

static float world_distance(const struct part *part, struct v3 p)
{
    return part_distance(part, to_local(&part->axes, scale(sub(p, part->at), 1.0f / part->size))) *
           part->size;
}

// First surface along o + t d among `near`, below t_end. `spread` is the radius of a pixel at distance 1.
static struct hit march(const struct part *const *near, int n_near, struct v3 o, struct v3 d, float t_end,
                        float spread)
{
    // The parts whose sphere the ray meets, in the order in which it enters them.
    struct {
        const struct part *part;
        float enter, leave;
    } met[MAX_NEAR];
    int n = 0;
    for (int i = 0; i < n_near; i++) {
        struct v3 to_centre = sub(near[i]->centre, o);
        float along = dot(to_centre, d), off = dot(to_centre, to_centre) - along * along, r = near[i]->bound;
        if (off > r * r || along < -r) continue;
        float half = sqrtf(r * r - off), enter = maxf(along - half, 0.0f);
        if (d.y < -1e-4f) enter = maxf(enter, (near[i]->top + 1e-3f - o.y) / d.y);
        if (enter > along + half) continue;
        int k = n++;
        for (; k > 0 && met[k - 1].enter > enter; k--) met[k] = met[k - 1];
        met[k].part = near[i];
        met[k].enter = enter;
        met[k].leave = along + half;
    }
    struct hit hit = {NULL, t_end};
    for (int i = 0; i < n && met[i].enter < hit.t; i++) {
        // Round bodies let one step further than the bound allows and come back by the secant; what has edges
        // does not.
        const struct part *part = met[i].part;
        int round = part->shape == SHAPE_BANANA || (part->shape == SHAPE_LATHE && part->n_cuts == 0);
        float stride = round ? 1.5f : 1.0f;
        float t = met[i].enter, last = minf(met[i].leave, hit.t), before = 0.0f;
        for (int step = 0; step < 60 && t < last; step++) {
            float distance = world_distance(part, mad(o, d, t));
            if (distance < spread * t) {
                if (distance < 0.0f && step > 0) t += stride * before * distance / (before - distance);
                hit = (struct hit){part, t};
                break;
            }
            t += stride * distance;
            before = distance;
        }
    }
    return hit;
}

// How much of the lamp is seen from p, 0 to 1: the closest pass of the ray to anything, relative to how wide
// the lamp's cone is there (after Quilez, "soft shadows in raymarched SDFs"). `own`, the part that p is on,
// is left out: fruit is convex nearly everywhere, so its own shade is where it faces away.
static float lamp_visible(const struct scene *scene, struct v3 p, struct v3 normal, const struct part *own)
{
    const struct light *light = &scene->light;
    struct v3 d = light->towards;
    float visible = 1.0f, narrow = 0.5f / light->softness;
    p = mad(p, normal, 0.015f);
    for (int i = 0; i < scene->n_parts; i++) {
        const struct part *part = &scene->parts[i];
        struct v3 to_centre = sub(part->centre, p);
        float along = dot(to_centre, d);
        if (part == own || along < -part->bound) continue;
        float off = dot(to_centre, to_centre) - along * along;
        float reach = part->bound + maxf(along, 0.0f) * light->softness;
        if (off > reach * reach) continue;
        float half = sqrtf(reach * reach - off), t = maxf(along - half, 0.01f);
        // Past the middle a body only recedes, faster than the cone widens.
        float last = minf(along + 0.3f * part->bound, (part->top - p.y) / d.y);
        for (int step = 0; step < 20 && t < last; step++) {
            float distance = world_distance(part, mad(p, d, t));
            visible = minf(visible, 0.5f + distance * narrow / t);
            if (visible < 0.02f) return 0.0f;
            t += maxf(distance, 0.03f + 0.05f * t);
        }
    }
    return smoothstep(0.0f, 1.0f, visible);
}

// Ambient light at p: what the spheres leave over of it, and what colour they add. `piece` does not shade
// itself.
static float ambient_left(const struct scene *scene, struct v3 p, struct v3 normal, int piece,
                          struct v3 *bounce)
{
    float left = 1.0f;
    *bounce = v3(0.0f, 0.0f, 0.0f);
    for (int i = 0; i < scene->n_blockers; i++) {
        const struct blocker *b = &scene->blockers[i];
        if (b->piece == piece) continue;
        struct v3 d = sub(b->at, p);
        float square_distance = dot(d, d), r2 = b->radius * b->radius;
        if (square_distance > 36.0f * r2) continue;
        float facing = dot(d, normal) / sqrtf(square_distance + 1e-9f);
        // Solid angle of the sphere, weighted by the cosine; spheres partly below the horizon fade in.
        float cover = clampf(0.35f + facing, 0.0f, 1.0f) / 1.35f * r2 / maxf(square_distance, r2);
        left *= 1.0f - minf(1.2f * cover, 0.95f);
        *bounce = mad(*bounce, b->colour, cover);
    }
    return left;
}

// What a surface sends to the eye. `view` points to the eye.
static struct v3 lit(const struct scene *scene, const struct surface *s, struct v3 p, struct v3 normal,
                     struct v3 view, const struct part *own)
{
    const struct light *light = &scene->light;
    float facing = dot(normal, light->towards);
    float wrap = 0.08f + 0.4f * light->softness + 0.5f * s->translucency;
    float visible = facing > -wrap ? lamp_visible(scene, p, normal, own) : 0.0f;
    float direct = clampf((facing + wrap) / (1.0f + wrap), 0.0f, 1.0f) * visible;
    struct v3 bounce;
    float open = ambient_left(scene, p, normal, own ? own->piece : -1, &bounce);

    // Light comes from above, and from the ground as far as the fruit itself does not darken it.
    struct v3 total = scale(light->key, direct);
    total = mad(total, light->sky, open * (0.55f + 0.45f * normal.y));
    struct v3 ground_light = mul(scene->ground.light, add(light->sky, scale(light->key, 0.8f)));
    float ground_open = smoothstep(scene->floor - 0.2f, scene->floor + 0.9f, p.y);
    total = mad(total, ground_light, 0.55f * open * ground_open * (0.5f - 0.5f * normal.y));
    total = add(total, mul(bounce, scale(add(light->sky, light->key), 0.35f)));
    struct v3 colour = mul(s->colour, total);
    // Light that entered elsewhere comes out with the flesh's colour, deepened.
    struct v3 deep = mul(s->colour, s->colour);
    colour = add(colour,
                 mul(deep, scale(light->key, s->translucency * (0.35f + 0.3f * visible - 0.25f * facing))));

    float grazing = 1.0f - clampf(dot(normal, view), 0.0f, 1.0f);
    float fresnel = 0.04f + 0.60f * grazing * grazing * grazing * grazing * grazing;
    struct v3 mirrored = sub(scale(normal, 2.0f * dot(normal, view)), view);
    struct v3 seen = scene_surroundings(scene, mirrored, s->roughness);
    float shaded = open * lerp(0.35f, 1.0f, visible);
    if (mirrored.y < 0.0f) shaded *= lerp(1.0f, ground_open, minf(1.0f, -3.0f * mirrored.y));
    colour = mad(colour, seen, s->gloss * fresnel * shaded);
    return mad(colour, mul(total, mix(s->colour, v3(0.9f, 0.9f, 0.9f), 0.5f)), s->fuzz * grazing * grazing);
}

static struct v3 fruit_normal(const struct part *part, struct v3 p, float step)
{
    // Four corners of a tetrahedron give the gradient; fine bumps are in this difference only.
    static const struct v3 corner[4] = {{1, -1, -1}, {-1, -1, 1}, {-1, 1, -1}, {1, 1, 1}};
    struct v3 sum = v3(0.0f, 0.0f, 0.0f);
    for (int i = 0; i < 4; i++) sum = mad(sum, corner[i], part_level(part, mad(p, corner[i], step)));
    return to_outer(&part->axes, normalize(sum));
}

static struct sample look(const struct scene *scene, const struct part *const *near, int n_near, struct v3 d,
                          float spread)
{
    struct v3 o = scene->camera.at, view = scale(d, -1.0f);
    float ground_at = d.y < -1e-4f ? -o.y / d.y : 1e9f;
    struct hit hit = march(near, n_near, o, d, ground_at, spread);
    struct sample sample = {.depth = minf(hit.t, 60.0f)};
    if (hit.part) {
        struct v3 p = mad(o, d, hit.t);
        struct v3 local = to_local(&hit.part->axes, scale(sub(p, hit.part->at), 1.0f / hit.part->size));
        struct surface surface = {.gloss = 0.5f, .roughness = 0.4f};
        struct v3 normal =
            fruit_normal(hit.part, local, maxf(0.004f, 0.7f * spread * hit.t / hit.part->size));
        if (dot(normal, view) < 0.0f) normal = normalize(mad(normal, view, -dot(normal, view)));
        hit.part->skin->paint(hit.part, local, &surface);
        sample.colour = lit(scene, &surface, p, normal, view, hit.part);
        sample.piece = hit.part->piece;
        return sample;
    }
    struct v3 p = mad(o, d, ground_at);
    int sheet = scene->ground.kind <= GROUND_PAPER;
    if (scene->ground.kind == GROUND_CUTOUT) {
        sample.colour = v3(4.0f, 4.0f, 4.0f);
        sample.cutout = 1.0f;
        sample.piece = -1;
        return sample;
    }
    struct v3 behind = scene_backdrop(scene, d);
    if (ground_at > 1e8f || (!sheet && p.z < -scene->ground.edge)) {
        sample.colour = behind;
        sample.depth = 60.0f;
        sample.piece = -2;
        return sample;
    }
    struct surface surface;
    struct v3 normal = v3(0.0f, 1.0f, 0.0f);
    scene_paint_ground(&scene->ground, p, spread * ground_at, &surface, &normal);
    sample.colour = lit(scene, &surface, p, normal, view, NULL);
    if (surface.roughness < 0.3f) {
        // Polished stone shows the fruit upside down, faintly: its colour is enough.
        struct v3 mirrored = v3(d.x, -d.y, d.z);
        struct hit seen = march(near, n_near, mad(p, mirrored, 0.01f), mirrored, 6.0f, spread);
        if (seen.part)
            sample.colour = mix(sample.colour, scale(seen.part->palette[0], 0.35f),
                                (0.15f + 0.3f * square(1.0f + d.y)) / (1.0f + 2.0f * seen.t));
    }
    if (sheet) sample.colour = mix(sample.colour, behind, smoothstep(4.0f, 14.0f, -p.z));
    sample.piece = -1;
    return sample;
}

static struct v3 pixel_ray(const struct camera *camera, float x, float y, int width, int height)
{
    float unit = 2.0f * camera->slope / (float)(width < height ? width : height);
    struct v3 d = v3((x - 0.5f * (float)width) * unit, (0.5f * (float)height - y) * unit, -1.0f);
    return normalize(to_outer(&camera->axes, d));
}

static int differs(const struct sample *a, const struct sample *b)
{
    if (a->piece != b->piece) return 1;
    if (a->piece < 0) return 0;
    struct v3 d = sub(a->colour, b->colour);
    return absf(d.x) + absf(d.y) + absf(d.z) > 0.6f;
}

// Parts whose bounding sphere, or its mirror image below the ground, meets the cone of a tile.
static int near_tile(const struct scene *scene, int x, int y, int width, int height, const struct part **near)
{
    const struct camera *camera = &scene->camera;
    struct v3 d = pixel_ray(camera, (float)x + 0.5f * TILE, (float)y + 0.5f * TILE, width, height);
    float widen = 1.45f * TILE * camera->slope / (float)(width < height ? width : height);
    int n = 0;
    for (int i = 0; i < scene->n_parts && n < MAX_NEAR; i++) {
        const struct part *part = &scene->parts[i];
        int meets = 0;
        for (int image = 0; image < 2; image++) {
            if (image == 1 && scene->ground.kind != GROUND_MARBLE) break;
            struct v3 centre = part->centre;
            if (image == 1) centre.y = -centre.y;
            struct v3 to_centre = sub(centre, camera->at);
            float along = dot(to_centre, d), off = dot(to_centre, to_centre) - along * along;
            float reach = part->bound + along * widen;
            if (along > -part->bound && off < reach * reach) meets = 1;
        }
        if (meets) near[n++] = part;
    }
    return n;
}

static void trace(const struct scene *scene, struct sample *samples, int width, int height)
{
    float spread = scene->camera.slope / (float)(width < height ? width : height);
    const struct part *near[MAX_NEAR];
    for (int pass = 0; pass < 2; pass++) {
        for (int top = 0; top < height; top += TILE) {
            for (int left = 0; left < width; left += TILE) {
                int n_near = near_tile(scene, left, top, width, height, near);
                for (int y = top; y < top + TILE && y < height; y++) {
                    for (int x = left; x < left + TILE && x < width; x++) {
                        struct sample *s = &samples[y * width + x];
                        if (pass == 0) {
                            *s = look(
                                scene, near, n_near,
                                pixel_ray(&scene->camera, (float)x + 0.5f, (float)y + 0.5f, width, height),
                                spread);
                            continue;
                        }
                        if (!((x + 1 < width && differs(s, s + 1)) ||
                              (y + 1 < height && differs(s, s + width))))
                            continue;
                        static const float at[4][2] = {
                            {0.375f, 0.125f}, {0.875f, 0.375f}, {0.125f, 0.625f}, {0.625f, 0.875f}};
                        struct sample sum = *s;
                        for (int k = 0; k < 4; k++) {
                            struct v3 d = pixel_ray(&scene->camera, (float)x + at[k][0], (float)y + at[k][1],
                                                    width, height);
                            struct sample more = look(scene, near, n_near, d, spread);
                            // What shines is bounded before averaging, or its edge would stay jagged.
                            sum.colour =
                                add(sum.colour, v3(minf(more.colour.x, 1.6f), minf(more.colour.y, 1.6f),
                                                   minf(more.colour.z, 1.6f)));
                            sum.cutout += more.cutout;
                        }
                        s->colour = scale(sum.colour, 0.2f);
                        s->cutout = sum.cutout * 0.2f;
                    }
                }
            }
        }
    }
}

// ---- The camera ----

// Mean over a window of 2 * radius + 1 along lines of n values `stride` apart; 4 values per pixel.
static void box_blur(const float *in, float *out, int n, int stride, int radius)
{
    float sum[4] = {0};
    for (int i = -radius; i <= radius; i++) {
        const float *v = in + (size_t)(i < 0 ? 0 : i >= n ? n - 1 : i) * (size_t)stride;
        for (int c = 0; c < 4; c++) sum[c] += v[c];
    }
    for (int i = 0; i < n; i++) {
        const float *leaving = in + (size_t)(i - radius < 0 ? 0 : i - radius) * (size_t)stride;
        const float *entering = in + (size_t)(i + radius + 1 >= n ? n - 1 : i + radius + 1) * (size_t)stride;
        for (int c = 0; c < 4; c++) {
            out[(size_t)i * (size_t)stride + (size_t)c] = sum[c] / (float)(2 * radius + 1);
            sum[c] += entering[c] - leaving[c];
        }
    }
}

// Blurs what is out of focus. Only such pixels give colour to the blur, so that the sharp fruit does not
// smear out.
static void defocus(const struct camera *camera, const struct sample *samples, float *rgb, int width,
                    int height, float *work)
{
    int side = width < height ? width : height;
    int radius = (int)(0.022f * camera->blur * (float)side + 0.5f);
    if (radius < 1) return;
    size_t n = (size_t)width * (size_t)height;
    float *a = work, *b = work + 4 * n;
    for (size_t i = 0; i < n; i++) {
        float off = samples[i].depth / camera->focus - 1.0f;
        float w = samples[i].piece >= 0 ? smoothstep(0.30f, 0.8f, off) : smoothstep(0.12f, 0.55f, absf(off));
        w = maxf(w, 1e-4f);
        for (int c = 0; c < 3; c++) a[4 * i + (size_t)c] = rgb[3 * i + (size_t)c] * w;
        a[4 * i + 3] = w;
    }
    for (int round = 0; round < 2; round++) {
        for (int y = 0; y < height; y++)
            box_blur(a + (size_t)y * (size_t)width * 4, b + (size_t)y * (size_t)width * 4, width, 4, radius);
        for (int x = 0; x < width; x++)
            box_blur(b + (size_t)x * 4, a + (size_t)x * 4, height, 4 * width, radius);
    }
    for (size_t i = 0; i < n; i++) {
        float off = samples[i].depth / camera->focus - 1.0f;
        float w = samples[i].piece >= 0 ? smoothstep(0.30f, 0.8f, off) : smoothstep(0.12f, 0.55f, absf(off));
        for (int c = 0; c < 3; c++)
            rgb[3 * i + (size_t)c] = lerp(rgb[3 * i + (size_t)c], a[4 * i + (size_t)c] / a[4 * i + 3], w);
    }
}

// 8-bit sRGB for linear values in steps of 1/4095, by the same cubic that reads colours.
struct srgb_table {
    unsigned char level[4096];
};

static void srgb_table_init(struct srgb_table *table)
{
    int level = 0;
    for (int i = 0; i < 4096; i++) {
        while (level < 255 && linear_from_srgb(((float)level + 0.5f) / 255.0f) < (float)i / 4095.0f) level++;
        table->level[i] = (unsigned char)level;
    }
}

// Film-like response: a toe that keeps blacks deep and a shoulder that keeps highlights from clipping hard
// (after Narkowicz's fit of the ACES curve).
static float film(float v)
{
    return v * (2.51f * v + 0.03f) / (v * (2.43f * v + 0.59f) + 0.14f);
}

// Three taps along and across: a lens a little softer than the pixels.
static void soften(float *rgb, int width, int height, float amount, float *work)
{
    float side = 0.25f * amount, middle = 1.0f - 2.0f * side;
    size_t row = (size_t)width * 3;
    for (int pass = 0; pass < 2; pass++) {
        memcpy(work, rgb, (size_t)height * row * sizeof(float));
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                size_t at = (size_t)y * row + (size_t)x * 3;
                size_t before = pass ? (y > 0 ? at - row : at) : (x > 0 ? at - 3 : at);
                size_t after = pass ? (y + 1 < height ? at + row : at) : (x + 1 < width ? at + 3 : at);
                for (size_t c = 0; c < 3; c++)
                    rgb[at + c] = middle * work[at + c] + side * (work[before + c] + work[after + c]);
            }
        }
    }
}

static void develop(const struct sample *samples, float *rgb, int width, int height, struct rng *rng)
{
    float exposure = rng_range(rng, 0.50f, 0.74f),
          vignette = rng_chance(rng, 0.6f) ? rng_range(rng, 0.05f, 0.35f) : 0.0f;
    float vivid = rng_range(rng, 0.84f, 1.0f);
    struct v3 balance = rng_in_box(rng, v3(0.96f, 1.0f, 0.94f), v3(1.05f, 1.0f, 1.05f));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            size_t i = (size_t)y * (size_t)width + (size_t)x;
            float u = 2.0f * (float)x / (float)width - 1.0f, v = 2.0f * (float)y / (float)height - 1.0f;
            float gain = exposure * (1.0f - 0.5f * vignette * (u * u + v * v));
            struct v3 colour = mul(v3(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]), scale(balance, gain));
            float grey = 0.3f * colour.x + 0.6f * colour.y + 0.1f * colour.z;
            colour = mix(v3(grey, grey, grey), colour, vivid);
            float white = samples[i].cutout;
            rgb[3 * i] = lerp(film(maxf(colour.x, 0.0f)), 1.0f, white);
            rgb[3 * i + 1] = lerp(film(maxf(colour.y, 0.0f)), 1.0f, white);
            rgb[3 * i + 2] = lerp(film(maxf(colour.z, 0.0f)), 1.0f, white);
        }
    }
}

// Enlarges by linear interpolation, adds grain at the final size, and rounds.
static void print_out(const float *rgb, int width, int height, int enlarge, int clean, struct rng *rng,
                      struct image *out)
{
    struct srgb_table table;
    srgb_table_init(&table);
    uint32_t seed = (uint32_t)rng_next(rng);
    float grain = rng_range(rng, 0.004f, 0.022f);
    if (clean) grain = 0.002f;
    unsigned char *to = out->rgb;
    for (int y = 0; y < out->height; y++) {
        float sy = clampf(((float)y + 0.5f) / (float)enlarge - 0.5f, 0.0f, (float)(height - 1));
        int y0 = (int)sy, y1 = y0 + 1 < height ? y0 + 1 : y0;
        const float *upper = rgb + (size_t)y0 * (size_t)width * 3,
                    *lower = rgb + (size_t)y1 * (size_t)width * 3;
        for (int x = 0; x < out->width; x++) {
            float sx = clampf(((float)x + 0.5f) / (float)enlarge - 0.5f, 0.0f, (float)(width - 1));
            int x0 = (int)sx, x1 = x0 + 1 < width ? x0 + 1 : x0;
            uint32_t h = hash_lattice(x, y, 0, seed);
            // Sum of four bytes: near enough to a bell curve. Colour channels share two thirds of the grain.
            float shared = ((float)(h & 255) + (float)(h >> 8 & 255) + (float)(h >> 16 & 255) +
                            (float)(h >> 24) - 510.0f) /
                           147.0f;
            for (int c = 0; c < 3; c++) {
                float a = lerp(upper[3 * x0 + c], upper[3 * x1 + c], sx - (float)x0);
                float b = lerp(lower[3 * x0 + c], lower[3 * x1 + c], sx - (float)x0);
                float v = lerp(a, b, sy - (float)y0);
                float own = (float)(h >> (5 * c + 3) & 255) / 74.0f - 1.72f;
                // Shot noise grows with the root of the light; near white nothing is left to vary.
                v += grain * (0.7f * shared + 0.4f * own) * sqrtf(maxf(v, 0.0f)) *
                     minf(1.0f, 8.0f * maxf(1.0f - v, 0.0f)) * 0.8f;
                *to++ = table.level[(int)(clampf(v, 0.0f, 1.0f) * 4095.0f + 0.5f)];
            }
        }
    }
}

int render(const struct scene *scene, int width, int height, int enlarge, struct rng *rng, struct image *out)
{
    size_t n = (size_t)width * (size_t)height;
    size_t n_out = n * (size_t)enlarge * (size_t)enlarge;
    struct sample *samples = malloc(n * sizeof(*samples));
    float *rgb = malloc(n * 3 * sizeof(*rgb)), *work = malloc(n * 8 * sizeof(*work));
    struct image image = {width * enlarge, height * enlarge, malloc(n_out * 3)};
    int status = -1;
    if (samples && rgb && work && image.rgb) {
        trace(scene, samples, width, height);
        for (size_t i = 0; i < n; i++) {
            rgb[3 * i] = samples[i].colour.x;
            rgb[3 * i + 1] = samples[i].colour.y;
            rgb[3 * i + 2] = samples[i].colour.z;
        }
        int clean = scene->ground.kind == GROUND_CUTOUT;
        if (scene->camera.blur > 0.0f && !clean) defocus(&scene->camera, samples, rgb, width, height, work);
        develop(samples, rgb, width, height, rng);
        soften(rgb, width, height, rng_range(rng, 0.1f, 0.8f), work);
        print_out(rgb, width, height, enlarge, clean, rng, &image);
        *out = image;
        image.rgb = NULL;
        status = 0;
    }
    free(samples);
    free(rgb);
    free(work);
    free(image.rgb);
    return status;
}
