// SPDX-License-Identifier: Apache-2.0
/*
 * PNG by libpng, which unpacks and unfilters; the conversions to RGB are written out here, because they are
 * Pillow's and not libpng's: 16-bit grey is clipped to 255 while other 16-bit channels lose their low byte,
 * palette entries that the file does not define are black, alpha and tRNS are dropped, and gamma is left
 * alone.
 *
 * The file is in memory, so orientation is looked up first by walking over its chunks.
 */
#include "config.h"
#if POMI_HAVE_PNG
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "decode/exif.h"
#include "decode/format.h"

#define SIGNATURE_BYTES 8

struct png_decoder {
    png_structp png;
    png_infop info;
    struct pomi_view rest; /* of the file, not yet read */
    bool is_truncated;
    bool is_out_of_memory;
    char message[96];
    jmp_buf failed;
};

static void on_error(png_structp png, png_const_charp message)
{
    struct png_decoder *decoder = png_get_error_ptr(png);
    snprintf(decoder->message, sizeof decoder->message, "%s", message);
    longjmp(decoder->failed, 1);
}

/* Warnings are damage that Pillow gets over as well. */
static void ignore_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t n_bytes)
{
    struct png_decoder *decoder = png_get_mem_ptr(png);
    void *memory = malloc(n_bytes);
    if (memory == NULL) decoder->is_out_of_memory = true;
    return memory;
}

static void release(png_structp png, png_voidp memory)
{
    (void)png;
    free(memory);
}

static void read_bytes(png_structp png, png_bytep to, size_t n_bytes)
{
    struct png_decoder *decoder = png_get_io_ptr(png);
    if (n_bytes > decoder->rest.size_bytes) {
        decoder->is_truncated = true;
        png_error(png, "the data ends");
    }
    memcpy(to, decoder->rest.data, n_bytes);
    decoder->rest.data += n_bytes;
    decoder->rest.size_bytes -= n_bytes;
}

struct chunk_walk {
    struct pomi_view exif, xmp;
    bool ends_inside_chunk; /* one that follows the pixels */
};

/* The XMP packet in an uncompressed iTXt chunk: keyword, 0, compression flag and method, language, 0,
 * keyword, 0. */
static struct pomi_view xmp_of_text(struct pomi_view text)
{
    static const char keyword[] = "XML:com.adobe.xmp\0"; // and a flag of 0, the string's own terminator
    if (text.size_bytes < sizeof keyword || memcmp(text.data, keyword, sizeof keyword) != 0)
        return (struct pomi_view){0};
    return (struct pomi_view){text.data + sizeof keyword, text.size_bytes - sizeof keyword};
}

/* Names are letters; anything else is not a chunk any more. */
static bool is_chunk_name(const uint8_t *type)
{
    for (int i = 0; i < 4; i++)
        if (!(type[i] >= 'a' && type[i] <= 'z') && !(type[i] >= 'A' && type[i] <= 'Z')) return false;
    return true;
}

/* A chunk is length (4), type (4), data, CRC (4). */
static struct chunk_walk walk_chunks(struct pomi_view file)
{
    struct chunk_walk walk = {0};
    bool has_pixels = false;
    size_t offset = SIGNATURE_BYTES;
    while (file.size_bytes - offset >= 8) {
        const uint8_t *header = file.data + offset;
        size_t length =
            (size_t)header[0] << 24 | (size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3];
        const uint8_t *type = header + 4;
        struct pomi_view content = {header + 8, length};
        if (!is_chunk_name(type) || memcmp(type, "IEND", 4) == 0) break;
        bool is_pixels = memcmp(type, "IDAT", 4) == 0;
        if (length > file.size_bytes - offset - 8) {
            walk.ends_inside_chunk = has_pixels && !is_pixels;
            break;
        }
        if (is_pixels) has_pixels = true;
        if (memcmp(type, "eXIf", 4) == 0) walk.exif = content;
        if (memcmp(type, "iTXt", 4) == 0) {
            struct pomi_view xmp = xmp_of_text(content);
            if (xmp.data != NULL) walk.xmp = xmp;
        }
        if (file.size_bytes - offset - 8 - length < 4) break;
        offset += 12 + length;
    }
    return walk;
}

/* How stored pixels become RGB; read from the header once. */
struct pixel_format {
    int color_type;
    int bit_depth;
    uint8_t palette[256][3];
};

static void read_pixel_format(const struct png_decoder *decoder, struct pixel_format *format)
{
    memset(format, 0, sizeof *format);
    format->color_type = png_get_color_type(decoder->png, decoder->info);
    format->bit_depth = png_get_bit_depth(decoder->png, decoder->info);
    png_colorp palette = NULL;
    int n_colors = 0;
    if (format->color_type == PNG_COLOR_TYPE_PALETTE)
        png_get_PLTE(decoder->png, decoder->info, &palette, &n_colors);
    for (int i = 0; i < n_colors && i < 256; i++) {
        format->palette[i][0] = palette[i].red;
        format->palette[i][1] = palette[i].green;
        format->palette[i][2] = palette[i].blue;
    }
}

static inline void put(uint8_t *to, uint8_t red, uint8_t green, uint8_t blue)
{
    to[0] = red;
    to[1] = green;
    to[2] = blue;
}

/* Converts one row as libpng gives it (a byte per sample below 8 bits, big-endian at 16) to pixels step bytes
 * apart. */
static void convert_row(const struct pixel_format *format, const uint8_t *from, uint8_t *to, ptrdiff_t step,
                        int n_pixels)
{
    int sample_bytes = format->bit_depth == 16 ? 2 : 1;
    switch (format->color_type) {
    case PNG_COLOR_TYPE_GRAY: {
        int scale = format->bit_depth < 8 ? 255 / ((1 << format->bit_depth) - 1) : 1;
        for (int i = 0; i < n_pixels; i++, from += sample_bytes, to += step) {
            uint8_t grey = sample_bytes == 1 ? (uint8_t)(from[0] * scale) : from[0] != 0 ? 255 : from[1];
            put(to, grey, grey, grey);
        }
        break;
    }
    case PNG_COLOR_TYPE_GRAY_ALPHA:
        for (int i = 0; i < n_pixels; i++, from += 2 * sample_bytes, to += step)
            put(to, from[0], from[0], from[0]);
        break;
    case PNG_COLOR_TYPE_PALETTE:
        for (int i = 0; i < n_pixels; i++, to += step) {
            const uint8_t *color = format->palette[from[i]];
            put(to, color[0], color[1], color[2]);
        }
        break;
    default: { // RGB, RGB and alpha
        int n_samples = format->color_type == PNG_COLOR_TYPE_RGB_ALPHA ? 4 : 3;
        for (int i = 0; i < n_pixels; i++, from += n_samples * sample_bytes, to += step)
            put(to, from[0], from[sample_bytes], from[2 * sample_bytes]);
    }
    }
}

/* One pass of an interlaced file, or all of a plain one: every dx-th pixel of every dy-th row from (x0, y0)
 * on. */
static void read_pass(const struct png_decoder *decoder, const struct pixel_format *format,
                      const struct pomi_canvas *canvas, int x0, int dx, int n_columns, int y0, int dy,
                      int n_rows)
{
    ptrdiff_t step = dx * canvas->x_step_bytes;
    for (int i = 0; i < n_rows; i++) {
        ptrdiff_t y = y0 + (ptrdiff_t)i * dy;
        uint8_t *to = canvas->origin + x0 * canvas->x_step_bytes + y * canvas->y_step_bytes;
        png_read_row(decoder->png, canvas->scratch, NULL);
        convert_row(format, canvas->scratch, to, step, n_columns);
    }
}

/* All that may jump to `failed`. */
static enum pom_status decode(struct png_decoder *decoder, struct pom_image *image, int orientation,
                              const struct pom_decode_options *options, struct pom_error *err)
{
    png_structp png = decoder->png;
    png_set_read_fn(png, decoder, read_bytes);
    png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX); // max_pixels is the limit
    png_set_benign_errors(png, 1);
    png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, NULL, -1); // nothing ancillary is needed
#ifdef PNG_MAXIMUM_INFLATE_WINDOW
    png_set_option(png, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON); // as zlib does when left alone
#endif
    // Pillow checks the CRC of what precedes the pixels, and leaves the pixels to zlib's own checks.
    png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
    png_read_info(png, decoder->info);
    png_set_crc_action(png, PNG_CRC_QUIET_USE, PNG_CRC_QUIET_USE);

    png_uint_32 width = png_get_image_width(png, decoder->info);
    png_uint_32 height = png_get_image_height(png, decoder->info);
    POMI_TRY(pomi_check_pixels(width, height, options, err));
    struct pixel_format format;
    read_pixel_format(decoder, &format);
    png_set_packing(png);
    png_read_update_info(png, decoder->info);

    struct pomi_canvas canvas;
    POMI_TRY(pomi_canvas_open(&canvas, image, width, height, orientation,
                              png_get_rowbytes(png, decoder->info), options, err));
    if (png_get_interlace_type(png, decoder->info) == PNG_INTERLACE_NONE) {
        read_pass(decoder, &format, &canvas, 0, 1, (int)width, 0, 1, (int)height);
        return POM_OK;
    }
    for (int pass = 0; pass < PNG_INTERLACE_ADAM7_PASSES; pass++) {
        int n_columns = (int)PNG_PASS_COLS(width, pass), n_rows = (int)PNG_PASS_ROWS(height, pass);
        if (n_columns == 0 || n_rows == 0) continue;
        read_pass(decoder, &format, &canvas, PNG_PASS_START_COL(pass), PNG_PASS_COL_OFFSET(pass), n_columns,
                  PNG_PASS_START_ROW(pass), PNG_PASS_ROW_OFFSET(pass), n_rows);
    }
    return POM_OK;
}

static enum pom_status decode_or_fail(struct png_decoder *decoder, struct pom_image *image, int orientation,
                                      const struct pom_decode_options *options, struct pom_error *err)
{
    if (setjmp(decoder->failed) == 0) return decode(decoder, image, orientation, options, err);
    if (decoder->is_out_of_memory)
        return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "out of memory while decoding a PNG");
    if (decoder->is_truncated)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "the PNG file ends before its last pixel");
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "damaged PNG: %s", decoder->message);
}

enum pom_status pomi_decode_png(struct pom_image *image, struct pomi_view data,
                                const struct pom_decode_options *options, struct pom_error *err)
{
    struct chunk_walk walk = walk_chunks(data);
    if (walk.ends_inside_chunk)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "the PNG file ends inside a chunk");
    int orientation = options->ignore_exif_rotation ? 1 : pomi_exif_orientation(walk.exif, walk.xmp);

    struct png_decoder decoder = {.rest = data};
    decoder.png = png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &decoder, on_error, ignore_warning,
                                           &decoder, allocate, release);
    if (decoder.png != NULL) decoder.info = png_create_info_struct(decoder.png);
    enum pom_status status = decoder.info != NULL ? decode_or_fail(&decoder, image, orientation, options, err)
                                                  : pomi_fail_memory(err, 0, "a PNG decoder");
    png_destroy_read_struct(&decoder.png, &decoder.info, NULL);
    return status;
}
#endif
