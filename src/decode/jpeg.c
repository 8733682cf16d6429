// SPDX-License-Identifier: Apache-2.0
/*
 * JPEG by libjpeg-turbo, with the settings that Pillow leaves at their defaults: accurate integer DCT, fancy
 * upsampling, block smoothing.
 *
 * Pillow hands libjpeg a source that "suspends" where the data ends, instead of one that invents an end
 * marker, and so do we: what libjpeg could not finish then is a truncated photo, and a photo of which only
 * the end marker is missing is accepted in exactly the cases in which Pillow accepts it.
 */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "decode/exif.h"
#include "decode/format.h"

enum { MARKER_SOI = 0xd8, MARKER_EOI = 0xd9, MARKER_SOS = 0xda, MARKER_TEM = 0x01, MARKER_RST0 = 0xd0 };

#define SCRATCH_PIXEL_BYTES 4 /* for CMYK; RGB takes 3 of them */

struct jpeg_decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    struct jpeg_source_mgr source;
    jmp_buf failed;
};

static void on_error(j_common_ptr jpeg)
{
    longjmp(((struct jpeg_decoder *)jpeg->client_data)->failed, 1);
}

/* Warnings are damage that libjpeg, and so Pillow, gets over. */
static void ignore_message(j_common_ptr jpeg)
{
    (void)jpeg;
}

static void do_nothing(j_decompress_ptr jpeg)
{
    (void)jpeg;
}

static boolean suspend(j_decompress_ptr jpeg)
{
    (void)jpeg;
    return FALSE;
}

static void skip_input(j_decompress_ptr jpeg, long n_bytes)
{
    struct jpeg_source_mgr *source = jpeg->src;
    size_t n_skipped = n_bytes < 0 ? 0 : (size_t)n_bytes;
    if (n_skipped > source->bytes_in_buffer) n_skipped = source->bytes_in_buffer;
    source->next_input_byte += n_skipped;
    source->bytes_in_buffer -= n_skipped;
}

/*
 * The scans of the first photo in the data, up to `limit` + 1. libjpeg reads each scan over the whole photo,
 * so a small file with thousands of empty scans takes minutes; counting their markers takes microseconds.
 * Inside a scan 0xFF is followed by 0 or a restart marker, every other marker has a length: no scan that
 * libjpeg sees is missed.
 */
static int count_scans(struct pomi_view data, int limit)
{
    int n_scans = 0;
    const uint8_t *at = data.data, *end = data.data + data.size_bytes;
    while (n_scans <= limit && (at = memchr(at, 0xff, (size_t)(end - at))) != NULL) {
        while (at < end && *at == 0xff) at++;
        if (at == end) break;
        int marker = *at++;
        if (marker < 0xc0 || (marker >= MARKER_RST0 && marker <= MARKER_SOI)) continue;
        if (marker == MARKER_EOI) {
            if (n_scans > 0) break;
            continue;
        }
        if (marker == MARKER_SOS) n_scans++;
        if (end - at < 2) break;
        size_t length = (size_t)at[0] << 8 | at[1];
        if (length > (size_t)(end - at)) break;
        at += length;
    }
    return n_scans;
}

static enum pom_status fail_truncated(struct pom_error *err, const struct jpeg_decompress_struct *jpeg)
{
    if (jpeg->output_height == 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "the JPEG file ends before its first pixel");
    return pomi_fail(err, POM_ERROR_FORMAT, "truncated",
                     "the JPEG file ends too early: %u of %u rows were there", jpeg->output_scanline,
                     jpeg->output_height);
}

static enum pom_status fail_libjpeg(struct pom_error *err, struct jpeg_decompress_struct *jpeg)
{
    char text[JMSG_LENGTH_MAX];
    jpeg->err->format_message((j_common_ptr)jpeg, text);
    switch (jpeg->err->msg_code) {
    case JERR_OUT_OF_MEMORY:
        return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "out of memory while decoding a JPEG");
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_IMAGE_TOO_BIG:
    case JERR_NOT_COMPILED:
    case JERR_NOTIMPL:
    case JERR_SOF_UNSUPPORTED:
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "a kind of JPEG that is not supported: %s", text);
    default:
        return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "damaged JPEG: %s", text);
    }
}

static int find_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const char exif_name[] = "Exif\0"; // and the second zero, the string's own
    static const char xmp_name[] = "http://ns.adobe.com/xap/1.0/";
    struct pomi_view exif = {0}, xmp = {0};
    for (const struct jpeg_marker_struct *marker = jpeg->marker_list; marker != NULL; marker = marker->next) {
        struct pomi_view segment = {marker->data, marker->data_length};
        if (exif.data == NULL && segment.size_bytes >= sizeof exif_name &&
            memcmp(segment.data, exif_name, sizeof exif_name) == 0)
            exif = segment;
        if (segment.size_bytes >= sizeof xmp_name && memcmp(segment.data, xmp_name, sizeof xmp_name) == 0)
            xmp = segment;
    }
    return pomi_exif_orientation(exif, xmp);
}

/* As Pillow: every four-channel JPEG is taken to be inverted, as Adobe writes it. In place: 4 bytes become 3.
 */
static void cmyk_to_rgb(uint8_t *row, unsigned n_pixels)
{
    for (unsigned i = 0; i < n_pixels; i++) {
        int k = row[4 * i + 3];
        for (int channel = 0; channel < 3; channel++) {
            int product = (255 - row[4 * i + (unsigned)channel]) * k + 128;
            row[3 * i + (unsigned)channel] = (uint8_t)(k - ((product + (product >> 8)) >> 8));
        }
    }
}

static enum pom_status read_upright(struct jpeg_decompress_struct *jpeg, const struct pomi_canvas *canvas,
                                    struct pom_error *err)
{
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = canvas->origin + (ptrdiff_t)jpeg->output_scanline * canvas->y_step_bytes;
        if (jpeg_read_scanlines(jpeg, &row, 1) != 1) return fail_truncated(err, jpeg);
    }
    return POM_OK;
}

static enum pom_status read_converted(struct jpeg_decompress_struct *jpeg, const struct pomi_canvas *canvas,
                                      struct pom_error *err)
{
    size_t row_bytes = (size_t)jpeg->output_width * SCRATCH_PIXEL_BYTES;
    while (jpeg->output_scanline < jpeg->output_height) {
        int y = (int)jpeg->output_scanline, n_rows = 0;
        while (n_rows < POMI_CANVAS_ROWS && jpeg->output_scanline < jpeg->output_height) {
            JSAMPROW row = canvas->scratch + (size_t)n_rows++ * row_bytes;
            if (jpeg_read_scanlines(jpeg, &row, 1) != 1) return fail_truncated(err, jpeg);
            if (jpeg->out_color_space == JCS_CMYK) cmyk_to_rgb(row, jpeg->output_width);
        }
        pomi_canvas_put(canvas, 0, y, canvas->scratch, row_bytes, (int)jpeg->output_width, n_rows);
    }
    return POM_OK;
}

/* The largest of 1, 2, 4, 8 by which the photo can be divided and still serve as a preview. */
static unsigned preview_divisor(const struct jpeg_decompress_struct *jpeg, int preview_px)
{
    unsigned longer_px = jpeg->image_width > jpeg->image_height ? jpeg->image_width : jpeg->image_height;
    unsigned divisor = 8;
    while (divisor > 1 && (preview_px == 0 || longer_px / divisor < (unsigned)preview_px)) divisor /= 2;
    return divisor;
}

/* All that may jump to `failed`. */
static enum pom_status decode(struct jpeg_decoder *decoder, struct pom_image *image, struct pomi_view data,
                              const struct pom_decode_options *options, struct pom_error *err)
{
    struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
    jpeg_create_decompress(jpeg);
    jpeg->src = &decoder->source;
    decoder->source = (struct jpeg_source_mgr){
        .next_input_byte = data.data,
        .bytes_in_buffer = data.size_bytes,
        .init_source = do_nothing,
        .fill_input_buffer = suspend,
        .skip_input_data = skip_input,
        .resync_to_restart = jpeg_resync_to_restart,
        .term_source = do_nothing,
    };
    if (!options->ignore_exif_rotation) jpeg_save_markers(jpeg, JPEG_APP0 + 1, 0xffff);

    int header;
    do header = jpeg_read_header(jpeg, FALSE);
    while (header == JPEG_HEADER_TABLES_ONLY);
    if (header == JPEG_SUSPENDED) return fail_truncated(err, jpeg);
    if (jpeg->num_components != 1 && jpeg->num_components != 3 && jpeg->num_components != 4)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "a JPEG with %d channels: grey, RGB and CMYK ones are supported",
                         jpeg->num_components);
    jpeg->out_color_space = jpeg->num_components == 4 ? JCS_CMYK : JCS_RGB;

    POMI_TRY(pomi_check_pixels(jpeg->image_width, jpeg->image_height, options, err));
    jpeg->scale_denom = preview_divisor(jpeg, options->preview_px);
    jpeg_calc_output_dimensions(jpeg);

    struct pomi_canvas canvas;
    int orientation = options->ignore_exif_rotation ? 1 : find_orientation(jpeg);
    size_t scratch_bytes = (size_t)jpeg->output_width * SCRATCH_PIXEL_BYTES * POMI_CANVAS_ROWS;
    POMI_TRY(pomi_canvas_open(&canvas, image, jpeg->output_width, jpeg->output_height, orientation,
                              scratch_bytes, options, err));
    if (!jpeg_start_decompress(jpeg)) return fail_truncated(err, jpeg);
    bool is_upright = pomi_canvas_is_upright(&canvas) && jpeg->out_color_space == JCS_RGB;
    POMI_TRY(is_upright ? read_upright(jpeg, &canvas, err) : read_converted(jpeg, &canvas, err));
    jpeg_finish_decompress(jpeg); // FALSE when only the end marker is missing, which is accepted
    return POM_OK;
}

static enum pom_status decode_or_fail(struct jpeg_decoder *decoder, struct pom_image *image,
                                      struct pomi_view data, const struct pom_decode_options *options,
                                      struct pom_error *err)
{
    if (setjmp(decoder->failed) != 0) return fail_libjpeg(err, &decoder->jpeg);
    return decode(decoder, image, data, options, err);
}

enum pom_status pomi_decode_jpeg(struct pom_image *image, struct pomi_view data,
                                 const struct pom_decode_options *options, struct pom_error *err)
{
    if (count_scans(data, options->max_progressive_scans) > options->max_progressive_scans)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_many_scans",
                         "a JPEG with more than %d scans (max_progressive_scans): made to take long",
                         options->max_progressive_scans);
    struct jpeg_decoder decoder;
    memset(&decoder.jpeg, 0, sizeof decoder.jpeg);
    decoder.jpeg.err = jpeg_std_error(&decoder.errors);
    decoder.jpeg.client_data = &decoder;
    decoder.errors.error_exit = on_error;
    decoder.errors.output_message = ignore_message;
    enum pom_status status = decode_or_fail(&decoder, image, data, options, err);
    jpeg_destroy_decompress(
        &decoder.jpeg); // also of one that was never created: its memory manager is NULL then
    return status;
}
