// SPDX-License-Identifier: Apache-2.0
/*
 * Photos as pixels: decoding JPEG, PNG and WebP, and resampling.
 *
 * Both give the bytes that Pillow 13 gives: decoding those of `Image.open(f).convert("RGB")`, after
 * `ImageOps.exif_transpose` unless the rotation is ignored; resizing those of `image.resize((w, h), filter)`, or of
 * `ImageOps.fit` and `ImageOps.pad`. They are the same on every machine. Of a photo's metadata only its orientation is
 * read, and nothing of it is kept. Functions are reentrant; an image may be used by one thread at a time.
 *
 *     struct pom_image photo = {0}, small = {0};
 *     struct pom_error err;
 *     enum pom_status status = pom_image_decode(&photo, data, size_bytes, NULL, &err);
 *     if (status == POM_OK) status = pom_image_resize(&small, &photo, 224, 224, NULL, &err);
 *     if (status != POM_OK) fprintf(stderr, "%s\n", err.message);
 *     pom_image_release(&photo);
 *     pom_image_release(&small);
 */
#ifndef POMONA_IMAGE_H
#define POMONA_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * 8-bit RGB, rows without gaps: pixels[(y * width_px + x) * 3 + channel]. `capacity_bytes` is what is allocated at
 * `pixels` (by malloc): as much as the largest photo so far needed, so that a folder is decoded without an allocation
 * per photo. Release an image to give that back. A zeroed struct is an empty image.
 */
struct pom_image {
    uint8_t *pixels;
    int width_px;
    int height_px;
    size_t capacity_bytes;
};

/* Frees the pixels and empties the struct. Safe on an empty image. */
POM_API void pom_image_release(struct pom_image *image);

struct pom_decode_options {
    int64_t max_pixels; /* larger photos are refused before allocating; 0: 89478485, where Pillow warns */
    int max_progressive_scans; /* JPEGs with more scans are refused before decoding; 0: 500 (usual ones have 10) */
    int ignore_exif_rotation; /* nonzero: leave the pixels as stored, as plain Pillow does */
    int preview_px; /* for a preview: a JPEG may come at 1/2, 1/4 or 1/8 of its size, which is several times as fast, as
                       long as its longer side keeps so many pixels; 0: every photo at its own size, to the byte. Not for features */
};

/* Defaults: all zero. */
POM_API void pom_decode_options_init(struct pom_decode_options *options);

/*
 * Decodes `size_bytes` bytes at `data` (borrowed for the call) into `image`, reusing its memory when it is large enough.
 * What the file is, its content says, not its name. Alpha is dropped; of an animation the first frame is taken. A file
 * that ends too early is an error, as in Pillow; damage that Pillow gets over is none.
 *
 * `options` may be NULL. On failure the image has no pixels (its sides are 0), keeps its memory, and can be used again.
 * Errors, with their reasons: FORMAT ("empty", "not_an_image", "truncated", "corrupt"), LIMIT ("too_many_pixels",
 * "too_many_scans"), UNSUPPORTED ("unsupported"), MEMORY ("out_of_memory"), ARGUMENT.
 *
 * Memory: 3 bytes per pixel and a few rows, checked against max_pixels before it is allocated. Beside it, for as long as
 * the call lasts, the decoding libraries hold up to 6 bytes per pixel for a progressive JPEG (its coefficients; 3 with
 * the usual halved colours), about 4 for a lossless WebP, and rows for all else; a WebP with an orientation takes 3 more.
 */
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

/* How a photo of another shape gets the target's, and the same in Pillow's words. */
enum pom_fit {
    /* All of it, sides scaled independently, as the Keras pipelines do: image.resize((w, h), filter) */
    POM_FIT_STRETCH = 0,
    /* The largest centred part with the target's shape: ImageOps.fit(image, (w, h), filter) */
    POM_FIT_CROP = 1,
    /* All of it, shape kept, centred on black: ImageOps.pad(image, (w, h), filter, color="black") */
    POM_FIT_PAD = 2
};

struct pom_resize_options {
    enum pom_filter filter;
    enum pom_fit fit;
};

/* Defaults: bicubic, stretch. */
POM_API void pom_resize_options_init(struct pom_resize_options *options);

/*
 * Resamples `source` to width_px x height_px into `image` (another image than `source`), reusing its memory when it is
 * large enough. `options` may be NULL. A side of the source may have up to 2^24 pixels. Errors: ARGUMENT, MEMORY.
 */
POM_API enum pom_status pom_image_resize(struct pom_image *image, const struct pom_image *source,
                                         int width_px, int height_px,
                                         const struct pom_resize_options *options, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
