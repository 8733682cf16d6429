// SPDX-License-Identifier: Apache-2.0
//
// Three-component vectors and the few elementary functions the picture maker needs.
//
// sine, arc cosine and the like are polynomials of our own instead of libm's: good to about 1e-4, which is
// far below one grey level, quick to inline, and the same bits on every machine with IEEE floats, so that a
// seed names the same pictures everywhere. Only +, -, *, / and sqrtf remain, which IEEE 754 defines exactly.
#ifndef DEMO_PHOTOS_VEC_H
#define DEMO_PHOTOS_VEC_H

#include <math.h>

#define PI 3.14159265f

struct v3 {
    float x, y, z;
};

// Three orthogonal unit axes: where a local frame's x, y and z point in the frame around it.
struct axes {
    struct v3 x, y, z;
};

static inline struct v3 v3(float x, float y, float z)
{
    return (struct v3){x, y, z};
}

static inline struct v3 add(struct v3 a, struct v3 b)
{
    return v3(a.x + b.x, a.y + b.y, a.z + b.z);
}

static inline struct v3 sub(struct v3 a, struct v3 b)
{
    return v3(a.x - b.x, a.y - b.y, a.z - b.z);
}

static inline struct v3 mul(struct v3 a, struct v3 b)
{
    return v3(a.x * b.x, a.y * b.y, a.z * b.z);
}

static inline struct v3 scale(struct v3 a, float s)
{
    return v3(a.x * s, a.y * s, a.z * s);
}

static inline struct v3 mad(struct v3 a, struct v3 b, float s)
{
    return v3(a.x + b.x * s, a.y + b.y * s, a.z + b.z * s);
}

static inline float dot(struct v3 a, struct v3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct v3 cross(struct v3 a, struct v3 b)
{
    return v3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x);
}

static inline float length(struct v3 a)
{
    return sqrtf(dot(a, a));
}

static inline struct v3 normalize(struct v3 a)
{
    return scale(a, 1.0f / (length(a) + 1e-20f));
}

static inline float minf(float a, float b)
{
    return a < b ? a : b;
}

static inline float maxf(float a, float b)
{
    return a > b ? a : b;
}

static inline float clampf(float a, float low, float high)
{
    return minf(maxf(a, low), high);
}

static inline float absf(float a)
{
    return a < 0.0f ? -a : a;
}

static inline float lerp(float a, float b, float t)
{
    return a + (b - a) * t;
}

static inline struct v3 mix(struct v3 a, struct v3 b, float t)
{
    return mad(a, sub(b, a), t);
}

// 0 below `low`, 1 above `high`, smooth between; `low` may be the larger one for a falling step.
static inline float smoothstep(float low, float high, float a)
{
    float t = clampf((a - low) / (high - low), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

// A bell of height 1 at 0 that is exactly 0 from |a| = 1 on.
static inline float bell(float a)
{
    float t = maxf(1.0f - a * a, 0.0f);
    return t * t;
}

static inline float square(float a)
{
    return a * a;
}

// floorf without a call; `a` within int range.
static inline float floor_small(float a)
{
    float t = (float)(int)a;
    return t > a ? t - 1.0f : t;
}

static inline float fraction(float a)
{
    return a - floor_small(a);
}

static inline float sine(float a)
{
    a = a * (0.5f / PI);
    a = 2.0f * (a - floor_small(a + 0.5f)); // half turns, -1 to 1
    if (a > 0.5f) a = 1.0f - a;
    if (a < -0.5f) a = -1.0f - a;
    float t = a * a; // minimax of sin(pi a) on [-1/2, 1/2]
    return a * (3.14158f + t * (-5.16740f + t * (2.54160f + t * -0.55610f)));
}

static inline float cosine(float a)
{
    return sine(a + 0.5f * PI);
}

// Abramowitz & Stegun 4.4.45, absolute error below 7e-5.
static inline float arc_cosine(float a)
{
    float b = minf(absf(a), 1.0f);
    float r = sqrtf(1.0f - b) * (1.5707288f + b * (-0.2121144f + b * (0.0742610f - 0.0187293f * b)));
    return a < 0.0f ? PI - r : r;
}

// The angle of (x, y), in -pi to pi.
static inline float arc_tangent(float y, float x)
{
    float ax = absf(x), ay = absf(y);
    float q = minf(ax, ay) / (maxf(ax, ay) + 1e-20f), s = q * q;
    float r = ((-0.0464964749f * s + 0.15931422f) * s - 0.327622764f) * s * q + q;
    if (ay > ax) r = 0.5f * PI - r;
    if (x < 0.0f) r = PI - r;
    return y < 0.0f ? -r : r;
}

static inline struct v3 to_outer(const struct axes *a, struct v3 p)
{
    return add(add(scale(a->x, p.x), scale(a->y, p.y)), scale(a->z, p.z));
}

static inline struct v3 to_local(const struct axes *a, struct v3 p)
{
    return v3(dot(a->x, p), dot(a->y, p), dot(a->z, p));
}

// The frame whose y axis is `up` and whose x axis lies `spin` radians round it.
static inline struct axes axes_along(struct v3 up, float spin)
{
    struct v3 y = normalize(up);
    struct v3 side = absf(y.y) < 0.9f ? v3(0.0f, 1.0f, 0.0f) : v3(1.0f, 0.0f, 0.0f);
    struct v3 u = normalize(cross(side, y)), w = cross(u, y);
    struct v3 x = add(scale(u, cosine(spin)), scale(w, sine(spin)));
    return (struct axes){x, y, cross(x, y)};
}

// Linear light from an sRGB colour written 0xRRGGBB (a cubic fit of the sRGB curve, error below one level).
static inline float linear_from_srgb(float c)
{
    return c * (c * (c * 0.305306011f + 0.682171111f) + 0.012522878f);
}

static inline struct v3 rgb(unsigned hex)
{
    return v3(linear_from_srgb((float)(hex >> 16 & 255) / 255.0f),
              linear_from_srgb((float)(hex >> 8 & 255) / 255.0f),
              linear_from_srgb((float)(hex & 255) / 255.0f));
}

#endif
