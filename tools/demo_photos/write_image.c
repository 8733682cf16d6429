// SPDX-License-Identifier: Apache-2.0
//
// JPEG by libjpeg, PNG by libpng, WebP by libwebp; see write_image.h.
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/encode.h>
#include "write_image.h"

// ---- EXIF orientation ----

// The stored picture from which a viewer that obeys `orientation` gets `upright` back.
static int turn(const struct image *upright, int orientation, struct image *stored)
{
    int w = upright->width, h = upright->height, swaps = orientation >= 5;
    *stored = (struct image){swaps ? h : w, swaps ? w : h, malloc((size_t)w * (size_t)h * 3)};
    if (!stored->rgb) return -1;
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            // Orientations 2, 3, 7 and 8 count their columns from the far side; 3, 4, 6 and 7 their rows.
            int sx = swaps ? y : x, sy = swaps ? x : y;
            if (orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8)
                sx = stored->width - 1 - sx;
            if (orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7)
                sy = stored->height - 1 - sy;
            memcpy(stored->rgb + ((size_t)sy * (size_t)stored->width + (size_t)sx) * 3,
                   upright->rgb + ((size_t)y * (size_t)w + (size_t)x) * 3, 3);
        }
    }
    return 0;
}

// The smallest EXIF block: a TIFF header and one directory with one entry.
//
//  offset  bytes
//  0       "Exif" 0 0             APP1 identifier
//  6       "II" 42 0  8 0 0 0     little-endian TIFF, first directory 8 bytes into it
//  14      1 0                    one entry
//  16      0x12 0x01  3 0         tag 0x0112 Orientation, type 3 (16-bit)
//  20      1 0 0 0  o 0 0 0       one value: o
//  28      0 0 0 0                no further directory
static void write_orientation(struct jpeg_compress_struct *jpeg, int orientation)
{
    JOCTET exif[32] = {'E', 'x', 'i', 'f', 0,    0,    'I', 'I', 42, 0, 8, 0,
                       0,   0,   1,   0,   0x12, 0x01, 3,   0,   1,  0, 0, 0};
    exif[24] = (JOCTET)orientation;
    jpeg_write_marker(jpeg, JPEG_APP0 + 1, exif, sizeof(exif));
}

// ---- Encoders ----

struct jpeg_failure {
    struct jpeg_error_mgr base;
    jmp_buf escape;
};

static void jpeg_fail(j_common_ptr jpeg)
{
    longjmp(((struct jpeg_failure *)jpeg->err)->escape, 1);
}

static int encode_jpeg(const struct image *image, const struct encoding *encoding, struct bytes *out)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_failure failure;
    unsigned char *data = NULL;
    unsigned long size = 0;
    jpeg.err = jpeg_std_error(&failure.base);
    failure.base.error_exit = jpeg_fail;
    jpeg_create_compress(&jpeg);
    // libjpeg writes data and size through these pointers, so they live in memory and survive the longjmp.
    jpeg_mem_dest(&jpeg, &data, &size);
    if (setjmp(failure.escape)) {
        jpeg_destroy_compress(&jpeg);
        free(data);
        return -1;
    }
    jpeg.image_width = (JDIMENSION)image->width;
    jpeg.image_height = (JDIMENSION)image->height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, encoding->quality, TRUE);
    if (encoding->progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    if (encoding->orientation) write_orientation(&jpeg, encoding->orientation);
    while (jpeg.next_scanline < jpeg.image_height) {
        JSAMPROW row = image->rgb + (size_t)jpeg.next_scanline * (size_t)image->width * 3;
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    *out = (struct bytes){data, size};
    return 0;
}

static int encode_png(const struct image *image, struct bytes *out)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = (png_uint_32)image->width,
                     .height = (png_uint_32)image->height};
    png.format = PNG_FORMAT_RGB;
    png.flags = PNG_IMAGE_FLAG_FAST;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(png);
    unsigned char *data = malloc(size);
    if (!data) return -1;
    if (!png_image_write_to_memory(&png, data, &size, 0, image->rgb, 0, NULL)) {
        free(data);
        return -1;
    }
    *out = (struct bytes){data, size};
    return 0;
}

static int encode_webp(const struct image *image, int quality, struct bytes *out)
{
    uint8_t *data = NULL;
    size_t size =
        WebPEncodeRGB(image->rgb, image->width, image->height, image->width * 3, (float)quality, &data);
    if (size == 0) return -1;
    // libwebp's memory has its own free(); hand out ours.
    unsigned char *copy = malloc(size);
    if (copy) memcpy(copy, data, size);
    WebPFree(data);
    if (!copy) return -1;
    *out = (struct bytes){copy, size};
    return 0;
}

int encode_image(const struct image *image, const struct encoding *encoding, struct bytes *out)
{
    if (encoding->format == FORMAT_PNG) return encode_png(image, out);
    if (encoding->format == FORMAT_WEBP) return encode_webp(image, encoding->quality, out);
    if (encoding->orientation <= 1) return encode_jpeg(image, encoding, out);
    struct image stored;
    if (turn(image, encoding->orientation, &stored)) return -1;
    int status = encode_jpeg(&stored, encoding, out);
    free(stored.rgb);
    return status;
}

int write_file(const char *path, const unsigned char *data, size_t size)
{
    FILE *file = fopen(path, "wb");
    if (!file) return -1;
    size_t written = fwrite(data, 1, size, file);
    int cause = written == size ? 0 : errno;
    if (fclose(file) && !cause) cause = errno;
    if (!cause) return 0;
    remove(path);
    errno = cause;
    return -1;
}
