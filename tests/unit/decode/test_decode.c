// SPDX-License-Identifier: Apache-2.0
/* What all formats share: recognising, limits, memory, orientation. The pixels themselves: tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jpeglib.h>

#include "base/bytes.h"
#include "decode/decode.h"
#include "decode/format.h"

/* A JPEG of one colour per quarter, so that turning it shows. */
static struct pomi_bytes make_jpeg(int width, int height, boolean progressive)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *file = NULL;
    unsigned long file_bytes = 0;
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &file, &file_bytes);
    jpeg.image_width = (JDIMENSION)width;
    jpeg.image_height = (JDIMENSION)height;
    jpeg.input_components = 3;
    jpeg.in_color_space = JCS_RGB;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 95, TRUE);
    if (progressive) jpeg_simple_progression(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    uint8_t *row = malloc((size_t)width * 3);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            row[3 * x] = x < width / 2 ? 20 : 220;
            row[3 * x + 1] = y < height / 2 ? 20 : 220;
            row[3 * x + 2] = 128;
        }
        jpeg_write_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    free(row);
    return (struct pomi_bytes){file, file_bytes, file_bytes};
}

static void the_reason_says_what_was_there_instead(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n_bytes;
        enum pom_status status;
        const char *reason;
    } files[] = {
        {"", 0, POM_ERROR_FORMAT, "empty"},
        {"hello", 5, POM_ERROR_FORMAT, "not_an_image"},
        {"\xff\xd8", 2, POM_ERROR_FORMAT, "not_an_image"},
        {"\xff\xd8\xff", 3, POM_ERROR_FORMAT, "truncated"},
        {"\xff\xd8\xff\xd9", 4, POM_ERROR_FORMAT, "truncated"},
        {"RIFF\0\0\0\0WAVEfmt ", 16, POM_ERROR_FORMAT, "not_an_image"},
        {"GIF89a", 6, POM_ERROR_UNSUPPORTED, "unsupported"},
        {"\0\0\0\x18"
         "ftypheic",
         12, POM_ERROR_UNSUPPORTED, "unsupported"},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct pom_image image = {0};
        struct pom_error err = {0};
        struct pomi_view file = {(const uint8_t *)files[i].bytes, files[i].n_bytes};
        assert_int_equal(pomi_decode(&image, file, NULL, &err), files[i].status);
        assert_string_equal(err.reason, files[i].reason);
        assert_true(strlen(err.message) > 0);
        assert_null(image.pixels);
    }
}

static void limits_are_checked_before_anything_is_allocated(void **state)
{
    (void)state;
    struct pomi_bytes file = make_jpeg(40, 30, FALSE);
    struct pom_image image = {0};
    struct pom_error err = {0};
    struct pom_decode_options options = {.max_pixels = 40 * 30 - 1};
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_ERROR_LIMIT);
    assert_string_equal(err.reason, "too_many_pixels");
    assert_null(image.pixels);
    options.max_pixels = 40 * 30;
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_OK);
    options.max_pixels = -1;
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_ERROR_ARGUMENT);
    pom_image_release(&image);
    pomi_bytes_release(&file);
}

static void the_default_limit_is_pillows(void **state)
{
    (void)state;
    struct pom_decode_options options = {.max_pixels = 89478485};
    assert_int_equal(pomi_check_pixels(89478485, 1, &options, NULL), POM_OK);
    assert_int_equal(pomi_check_pixels(89478486, 1, &options, NULL), POM_ERROR_LIMIT);
    assert_int_equal(pomi_check_pixels(INT64_MAX, INT64_MAX, &options, NULL), POM_ERROR_LIMIT);
    assert_int_equal(pomi_check_pixels(0, 7, &options, NULL), POM_ERROR_FORMAT);
    assert_int_equal(pomi_decode_max_bytes(NULL), (size_t)89478485 * 11);
    options.max_pixels = INT64_MAX;
    assert_int_equal(pomi_decode_max_bytes(&options), SIZE_MAX);
    assert_int_equal(pomi_check_pixels((int64_t)1 << 31, 1, &options, NULL), POM_ERROR_LIMIT);
}

static void scans_are_counted(void **state)
{
    (void)state;
    struct pomi_bytes file = make_jpeg(40, 30, TRUE); // libjpeg's progression of a colour photo has ten scans
    struct pom_image image = {0};
    struct pom_error err = {0};
    struct pom_decode_options options = {.max_progressive_scans = 9};
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_ERROR_LIMIT);
    assert_string_equal(err.reason, "too_many_scans");
    options.max_progressive_scans = 10;
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_OK);

    // Photos that follow in the same file, as in burst and 3D files, are not this photo's scans.
    size_t n_bytes = file.size_bytes;
    assert_int_equal(pomi_bytes_reserve(&file, 3 * n_bytes, NULL), POM_OK);
    memcpy(file.data + n_bytes, file.data, n_bytes);
    memcpy(file.data + 2 * n_bytes, file.data, n_bytes);
    file.size_bytes = 3 * n_bytes;
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_OK);
    pom_image_release(&image);
    pomi_bytes_release(&file);
}

static void memory_is_kept_from_photo_to_photo(void **state)
{
    (void)state;
    struct pomi_bytes large = make_jpeg(64, 48, FALSE), small = make_jpeg(10, 10, FALSE);
    struct pom_image image = {0};
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&large), NULL, NULL), POM_OK);
    const uint8_t *pixels = image.pixels;
    size_t capacity_bytes = image.capacity_bytes;
    for (int i = 0; i < 20; i++) {
        const struct pomi_bytes *file = i % 2 == 0 ? &small : &large;
        struct pomi_view view = {file->data, i % 5 == 4 ? file->size_bytes / 2 : file->size_bytes};
        pomi_decode(&image, view, NULL, NULL); // some of them truncated
        assert_ptr_equal(image.pixels, pixels);
        assert_int_equal(image.capacity_bytes, capacity_bytes);
    }
    pom_image_release(&image);
    assert_null(image.pixels);
    pomi_bytes_release(&large);
    pomi_bytes_release(&small);
}

static void a_jpeg_cut_anywhere_never_gives_pixels_that_were_not_there(void **state)
{
    (void)state;
    struct pomi_bytes file = make_jpeg(40, 30, FALSE);
    struct pom_image image = {0};
    struct pom_error err = {0};
    for (size_t n_bytes = 3; n_bytes < file.size_bytes - 20; n_bytes++) {
        assert_int_equal(pomi_decode(&image, (struct pomi_view){file.data, n_bytes}, NULL, &err),
                         POM_ERROR_FORMAT);
        assert_string_equal(err.reason, "truncated");
        assert_int_equal(image.width_px, 0);
    }
    pom_image_release(&image);
    pomi_bytes_release(&file);
}

/* Smaller by the largest divisor that leaves enough, the same picture, and within the limit for the whole one. */
static void a_preview_is_a_smaller_jpeg(void **state)
{
    (void)state;
    static const struct {
        int preview_px, width, height;
    } expected[] = {{0, 203, 101}, {203, 203, 101}, {102, 203, 101}, {101, 102, 51},
                    {50, 51, 26},  {25, 26, 13},    {1, 26, 13}};
    struct pomi_bytes file = make_jpeg(203, 101, TRUE);
    struct pom_image image = {0};
    struct pom_error err = {0};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct pom_decode_options options = {.preview_px = expected[i].preview_px};
        assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_OK);
        assert_int_equal(image.width_px, expected[i].width);
        assert_int_equal(image.height_px, expected[i].height);
        const uint8_t *last = image.pixels + ((size_t)image.width_px * (size_t)image.height_px - 1) * 3;
        for (int channel = 0; channel < 2; channel++) {
            assert_in_range(image.pixels[channel], 10, 30);
            assert_in_range(last[channel], 210, 230);
        }
    }
    struct pom_decode_options options = {.preview_px = 8, .max_pixels = 203 * 101 - 1};
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_ERROR_LIMIT);
    options = (struct pom_decode_options){.preview_px = -1};
    assert_int_equal(pomi_decode(&image, pomi_bytes_view(&file), &options, &err), POM_ERROR_ARGUMENT);
    pom_image_release(&image);
    pomi_bytes_release(&file);
}

/* Where the stored pixel (x, y) of a 3 x 2 photo is seen, from EXIF's own table: what row 0 and column 0
 * stand for. */
static void each_orientation_puts_pixels_where_exif_says(void **state)
{
    (void)state;
    static const struct {
        int width, height;
        const char *seen; // the stored pixels are ABC / DEF
    } expected[] = {{3, 2, "ABCDEF"}, {3, 2, "ABCDEF"}, {3, 2, "CBAFED"}, {3, 2, "FEDCBA"}, {3, 2, "DEFABC"},
                    {2, 3, "ADBECF"}, {2, 3, "DAEBFC"}, {2, 3, "FCEBDA"}, {2, 3, "CFBEAD"}, {3, 2, "ABCDEF"}};
    struct pom_decode_options options = {.max_pixels = 100};
    struct pom_image image = {0};
    for (int orientation = 0; orientation <= 9; orientation++) {
        struct pomi_canvas canvas;
        assert_int_equal(pomi_canvas_open(&canvas, &image, 3, 2, orientation, 7, &options, NULL), POM_OK);
        assert_int_equal(image.width_px, expected[orientation].width);
        assert_int_equal(image.height_px, expected[orientation].height);
        assert_true(canvas.scratch + 7 <= image.pixels + image.capacity_bytes);
        memset(canvas.scratch, 0, 7);
        pomi_canvas_put(&canvas, 0, 0, (const uint8_t *)"AAABBB..DDDEEE", 8, 2, 2);
        pomi_canvas_put(&canvas, 2, 0, (const uint8_t *)"CCCFFF", 3, 1, 2);
        for (int i = 0; i < 18; i++) assert_int_equal(image.pixels[i], expected[orientation].seen[i / 3]);
    }
    pom_image_release(&image);
}

/* Turned photos are written in runs of several rows: the same as pixel by pixel. */
static void many_rows_at_once_are_the_same_as_single_pixels(void **state)
{
    (void)state;
    enum { WIDTH = 21, HEIGHT = 2 * POMI_CANVAS_ROWS + 5, ROW_BYTES = WIDTH * 4 };
    static uint8_t stored[HEIGHT * ROW_BYTES];
    for (size_t i = 0; i < sizeof stored; i++) stored[i] = (uint8_t)(i * 2654435761u >> 11);
    struct pom_decode_options options = {.max_pixels = WIDTH * HEIGHT};
    struct pom_image at_once = {0}, singly = {0};
    for (int orientation = 1; orientation <= 8; orientation++) {
        struct pomi_canvas canvas;
        assert_int_equal(pomi_canvas_open(&canvas, &at_once, WIDTH, HEIGHT, orientation, 0, &options, NULL),
                         POM_OK);
        pomi_canvas_put(&canvas, 0, 0, stored, ROW_BYTES, WIDTH, HEIGHT);
        assert_int_equal(pomi_canvas_open(&canvas, &singly, WIDTH, HEIGHT, orientation, 0, &options, NULL),
                         POM_OK);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                pomi_canvas_put(&canvas, x, y, stored + y * ROW_BYTES + x * 3, 3, 1, 1);
        assert_memory_equal(at_once.pixels, singly.pixels, WIDTH * HEIGHT * 3);
    }
    pom_image_release(&at_once);
    pom_image_release(&singly);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_says_what_was_there_instead),
        cmocka_unit_test(limits_are_checked_before_anything_is_allocated),
        cmocka_unit_test(the_default_limit_is_pillows),
        cmocka_unit_test(scans_are_counted),
        cmocka_unit_test(memory_is_kept_from_photo_to_photo),
        cmocka_unit_test(a_jpeg_cut_anywhere_never_gives_pixels_that_were_not_there),
        cmocka_unit_test(a_preview_is_a_smaller_jpeg),
        cmocka_unit_test(each_orientation_puts_pixels_where_exif_says),
        cmocka_unit_test(many_rows_at_once_are_the_same_as_single_pixels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
