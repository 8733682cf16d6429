// SPDX-License-Identifier: Apache-2.0
/*
 * Photos as pixels: decoding JPEG, PNG and WebP, and resampling.
 *
 * Both are byte-exact to Pillow: decoding to `Image.open(f).convert("RGB")` (after `ImageOps.exif_transpose`
 * when `exif_rotate` is set), resizing to `image.resize((w, h), filter)`. Functions are reentrant; an image
 * may be used by one thread at a time.
 *
 *     struct pom_image photo = {0}, small = {0};
 *     struct pom_error err;
 *     if (pom_image_decode(&photo, data, size, NULL, &err) || pom_image_resize(&small, &photo, 224, 224,
 * NULL, &err)) fprintf(stderr, "%s\n", err.message); pom_image_release(&photo); pom_image_release(&small);
 */
#ifndef POMONA_IMAGE_H
#define POMONA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* 8-bit RGB, rows without gaps: pixels[(y * width_px + x) * 3 + channel]. `capacity_bytes` is what is
 * allocated at `pixels`, so that an image can be decoded into again without a new allocation. A zeroed struct
 * is an empty image. */
struct pom_image {
    uint8_t *pixels;
    int width_px;
    int height_px;
    size_t capacity_bytes;
};

/* Frees the pixels and empties the struct. Safe on an empty image. */
POM_API void pom_image_release(struct pom_image *image);

struct pom_decode_options {
    int64_t max_pixels; /* refuse larger photos before allocating; 0: the default, 89478485 as in Pillow */
    int max_progressive_scans; /* refuse progressive JPEGs with more scans; 0: the default, 500 */
    int ignore_exif_rotation;  /* nonzero: leave the pixels as stored, as plain Pillow does */
};

/* Defaults: all zero. */
POM_API void pom_decode_options_init(struct pom_decode_options *options);

/* Decodes `size_bytes` bytes at `data` (borrowed for the call) into `image`, reusing its memory when it is
 * large enough. `options` may be NULL. On failure `image` is empty or holds no meaningful pixels, and is
 * still releasable. Errors: FORMAT (reasons "empty", "not_an_image", "truncated", "corrupt"), LIMIT
 * ("too_many_pixels", "too_many_scans"), UNSUPPORTED ("unsupported"), MEMORY. */
POM_API enum pom_status pom_image_decode(struct pom_image *image, const void *data, size_t size_bytes,
                                         const struct pom_decode_options *options, struct pom_error *err);

enum pom_filter {
    POM_FILTER_NEAREST = 0,
    POM_FILTER_BOX = 1,
    POM_FILTER_BILINEAR = 2,
    POM_FILTER_HAMMING = 3,
    POM_FILTER_BICUBIC = 4,
    POM_FILTER_LANCZOS = 5
};

enum pom_fit {
    POM_FIT_STRETCH = 0, /* the whole photo, sides scaled independently: what the Keras pipelines do */
    POM_FIT_CROP = 1,    /* the largest centred part with the target's shape */
    POM_FIT_PAD = 2      /* the whole photo, shape kept, centred on black */
};

struct pom_resize_options {
    enum pom_filter filter;
    enum pom_fit fit;
};

/* Defaults: bicubic, stretch. */
POM_API void pom_resize_options_init(struct pom_resize_options *options);

/* Resamples `source` to width_px x height_px into `image` (another image than `source`), reusing its memory
 * when it is large enough. `options` may be NULL. Errors: ARGUMENT, MEMORY. */
POM_API enum pom_status pom_image_resize(struct pom_image *image, const struct pom_image *source,
                                         int width_px, int height_px,
                                         const struct pom_resize_options *options, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
