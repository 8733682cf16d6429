// SPDX-License-Identifier: Apache-2.0
/*
 * Which format it is, by content and never by name, and the canvas that all decoders write to.
 */
#include "decode/decode.h"

#include <limits.h>
#include <stdbool.h>

#include "base/image.h"
#include "base/sizes.h"
#include "config.h"
#include "decode/format.h"

#define DEFAULT_MAX_PIXELS            89478485 /* Pillow's: a quarter of a GiB at 3 bytes per pixel */
#define DEFAULT_MAX_PROGRESSIVE_SCANS 500      /* a usual progressive photo has 10 */

/* 3 in the image, and the most that a library holds beside it: libjpeg the coefficients of a progressive CMYK photo, 4 of
 * 2 bytes. libwebp takes 4 and 3 for turning; libpng a few rows. */
#define MAX_BYTES_PER_PIXEL (3 + 8)

static const struct format {
    const char *name;
    const char *signature; /* the first bytes of a file; '?' stands for any byte */
    size_t signature_bytes;
    pomi_decode_function *decode; /* NULL: known, so that the message can name it, but not read */
} formats[] = {
    {"JPEG", "\xff\xd8\xff", 3, pomi_decode_jpeg},
#if POMI_HAVE_PNG
    {"PNG", "\x89PNG\r\n\x1a\n", 8, pomi_decode_png},
#else
    {"PNG", "\x89PNG\r\n\x1a\n", 8, NULL},
#endif
#if POMI_HAVE_WEBP
    {"WebP", "RIFF????WEBPVP8", 15, pomi_decode_webp},
#else
    {"WebP", "RIFF????WEBPVP8", 15, NULL},
#endif
    {"GIF", "GIF8", 4, NULL},
    {"TIFF", "II*\0", 4, NULL},
    {"TIFF", "MM\0*", 4, NULL},
    {"BMP", "BM????\0\0\0\0", 10, NULL},
    {"HEIC, AVIF or video", "????ftyp", 8, NULL},
    {"JPEG XL", "\xff\x0a", 2, NULL},
    {"JPEG XL", "\0\0\0\x0cJXL ", 8, NULL},
    {"JPEG 2000", "\0\0\0\x0cjP  ", 8, NULL},
};

static const struct format *recognise(struct pomi_view data)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct format *format = &formats[i];
        if (data.size_bytes < format->signature_bytes) continue;
        size_t n_equal = 0;
        while (
            n_equal < format->signature_bytes &&
            (format->signature[n_equal] == '?' || (uint8_t)format->signature[n_equal] == data.data[n_equal]))
            n_equal++;
        if (n_equal == format->signature_bytes) return format;
    }
    return NULL;
}

static struct pom_decode_options fill_in(const struct pom_decode_options *options)
{
    struct pom_decode_options filled = options != NULL ? *options : (struct pom_decode_options){0};
    if (filled.max_pixels == 0) filled.max_pixels = DEFAULT_MAX_PIXELS;
    if (filled.max_progressive_scans == 0) filled.max_progressive_scans = DEFAULT_MAX_PROGRESSIVE_SCANS;
    return filled;
}

size_t pomi_decode_max_bytes(const struct pom_decode_options *options)
{
    int64_t max_pixels = fill_in(options).max_pixels;
    size_t max_bytes;
    if (max_pixels < 0 || !pomi_size_multiply((size_t)max_pixels, MAX_BYTES_PER_PIXEL, &max_bytes))
        return SIZE_MAX;
    return max_bytes;
}

enum pom_status pomi_decode(struct pom_image *image, struct pomi_view data,
                            const struct pom_decode_options *options, struct pom_error *err)
{
    struct pom_decode_options filled = fill_in(options);
    image->width_px = image->height_px = 0;
    if (filled.max_pixels < 0 || filled.max_progressive_scans < 0 || filled.preview_px < 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "max_pixels, max_progressive_scans and preview_px may not be negative");
    if (data.size_bytes == 0) return pomi_fail(err, POM_ERROR_FORMAT, "empty", "the file is empty");

    const struct format *format = recognise(data);
    if (format == NULL)
        return pomi_fail(err, POM_ERROR_FORMAT, "not_an_image",
                         "not a JPEG, PNG or WebP photo: the first bytes belong to none of them");
    if (format->decode == NULL)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "a %s file, which this build does not read: convert it to JPEG, PNG or WebP",
                         format->name);
    enum pom_status status = format->decode(image, data, &filled, err);
    if (status != POM_OK) image->width_px = image->height_px = 0;
    return status;
}

enum pom_status pomi_check_pixels(int64_t width_px, int64_t height_px,
                                  const struct pom_decode_options *options, struct pom_error *err)
{
    if (width_px <= 0 || height_px <= 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "damaged file: it claims a size of %lld x %lld",
                         (long long)width_px, (long long)height_px);
    if (width_px > INT_MAX || height_px > INT_MAX || width_px > options->max_pixels / height_px)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_many_pixels",
                         "%lld x %lld pixels are more than the limit of %lld (max_pixels)",
                         (long long)width_px, (long long)height_px, (long long)options->max_pixels);
    return POM_OK;
}

enum pom_status pomi_canvas_open(struct pomi_canvas *canvas, struct pom_image *image, int64_t width_px,
                                 int64_t height_px, int orientation, size_t scratch_bytes,
                                 const struct pom_decode_options *options, struct pom_error *err)
{
    POMI_TRY(pomi_check_pixels(width_px, height_px, options, err));
    // What each of EXIF's eight orientations asks of the stored pixels to be seen upright.
    bool swaps = orientation >= 5 && orientation <= 8;
    bool mirrors_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    bool mirrors_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    int seen_width_px = (int)(swaps ? height_px : width_px);
    int seen_height_px = (int)(swaps ? width_px : height_px);
    POMI_TRY(pomi_image_resize_memory(image, seen_width_px, seen_height_px, scratch_bytes, err));

    ptrdiff_t row_bytes = (ptrdiff_t)seen_width_px * 3;
    canvas->scratch = image->pixels + row_bytes * seen_height_px;
    canvas->x_step_bytes = swaps ? row_bytes : 3;
    canvas->y_step_bytes = swaps ? 3 : row_bytes;
    canvas->origin = image->pixels;
    if (mirrors_x) {
        canvas->origin += (width_px - 1) * canvas->x_step_bytes;
        canvas->x_step_bytes = -canvas->x_step_bytes;
    }
    if (mirrors_y) {
        canvas->origin += (height_px - 1) * canvas->y_step_bytes;
        canvas->y_step_bytes = -canvas->y_step_bytes;
    }
    return POM_OK;
}

static inline void copy_pixel(uint8_t *to, const uint8_t *from)
{
    to[0] = from[0];
    to[1] = from[1];
    to[2] = from[2];
}

void pomi_canvas_put(const struct pomi_canvas *canvas, int x, int y, const uint8_t *rgb, size_t row_bytes,
                     int n_columns, int n_rows)
{
    ptrdiff_t x_step = canvas->x_step_bytes, y_step = canvas->y_step_bytes;
    uint8_t *to = canvas->origin + x * x_step + y * y_step;
    if (x_step == 3 || x_step == -3) { // a stored row is seen as a row
        for (int row = 0; row < n_rows; row++)
            for (int i = 0; i < n_columns; i++)
                copy_pixel(to + row * y_step + i * x_step, rgb + (size_t)row * row_bytes + (size_t)i * 3);
        return;
    }
    for (int row = 0; row < n_rows; row += POMI_CANVAS_ROWS) { // a stored column is seen as a row
        int end = n_rows - row < POMI_CANVAS_ROWS ? n_rows : row + POMI_CANVAS_ROWS;
        for (int i = 0; i < n_columns; i++)
            for (int r = row; r < end; r++)
                copy_pixel(to + i * x_step + r * y_step, rgb + (size_t)r * row_bytes + (size_t)i * 3);
    }
}
