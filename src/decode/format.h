// SPDX-License-Identifier: Apache-2.0
/*
 * What the decoders of the single formats share: the entry each of them has, and the canvas they write to.
 *
 * A canvas is the image plus its EXIF orientation: an orientation only changes where a pixel goes, so pixels
 * are written to their final place as they come and a turned photo needs no second copy. A new format is one
 * file with one such function and one row in the table of decode.c.
 */
#ifndef POMONA_DECODE_FORMAT_H
#define POMONA_DECODE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "pomona/image.h"

/* `options` has its defaults filled in. */
typedef enum pom_status pomi_decode_function(struct pom_image *image, struct pomi_view data,
                                             const struct pom_decode_options *options, struct pom_error *err);
pomi_decode_function pomi_decode_jpeg, pomi_decode_png, pomi_decode_webp;

/* The stored pixel (x, y) belongs at origin + x * x_step_bytes + y * y_step_bytes. */
struct pomi_canvas {
    uint8_t *origin;
    ptrdiff_t x_step_bytes;
    ptrdiff_t y_step_bytes;
    uint8_t
        *scratch; /* as many bytes as the decoder asked for; lives in the image's memory, behind the pixels */
};

/*
 * Checks the stored size against the limits, gives `image` its final size and room, and aims the canvas.
 * `orientation` is EXIF's, 1 to 8; anything else means 1. Errors: LIMIT "too_many_pixels", FORMAT "corrupt"
 * for an empty size, MEMORY.
 */
enum pom_status pomi_canvas_open(struct pomi_canvas *canvas, struct pom_image *image, int64_t width_px,
                                 int64_t height_px, int orientation, size_t scratch_bytes,
                                 const struct pom_decode_options *options, struct pom_error *err);

/* The same limit for a size that a header only claims, before anything is allocated for it. */
enum pom_status pomi_check_pixels(int64_t width_px, int64_t height_px,
                                  const struct pom_decode_options *options, struct pom_error *err);

/* Whether stored rows lie in the image as they are, so that a library can write them there itself. */
static inline int pomi_canvas_is_upright(const struct pomi_canvas *canvas)
{
    return canvas->x_step_bytes == 3 && canvas->y_step_bytes > 0;
}

/* Rows to collect before they are put down: a turned photo is then written in runs instead of single pixels, each of
 * which would be on another page of memory. */
#define POMI_CANVAS_ROWS 16

/* Copies n_rows x n_columns RGB pixels, whose rows are row_bytes apart, to the stored position (x, y). */
void pomi_canvas_put(const struct pomi_canvas *canvas, int x, int y, const uint8_t *rgb, size_t row_bytes,
                     int n_columns, int n_rows);

#endif
