// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>
#include <jpeglib.h>
#include <math.h>

#include "report/data.h"
#include "report/thumbnails.h"

static void escaped_is(const char *text, const char *expected)
{
    struct pomi_bytes json = {0};
    assert_int_equal(pomi_report_json_text(&json, text, NULL), POM_OK);
    assert_int_equal(pomi_bytes_append(&json, "", 1, NULL), POM_OK);
    assert_string_equal((char *)json.data, expected);
    pomi_bytes_release(&json);
}

static void hostile_names_stay_inside_their_string(void **state)
{
    (void)state;
    escaped_is("plain/name.jpg", "\"plain/name.jpg\"");
    escaped_is("</script><script>alert(1)", "\"\\u003c/script\\u003e\\u003cscript\\u003ealert(1)\"");
    escaped_is("<!--", "\"\\u003c!--\"");
    escaped_is("it's \"so\" \\ & more", "\"it's \\u0022so\\u0022 \\u005c \\u0026 more\"");
    escaped_is("two\nlines\ttab\x7f", "\"two\\u000alines\\u0009tab\\u007f\"");
    escaped_is("caf\xc3\xa9 \xf0\x9f\x8d\x90", "\"caf\xc3\xa9 \xf0\x9f\x8d\x90\"");
    escaped_is("bad\xff\xc3(", "\"bad\\u005cxff\\u005cxc3(\"");
    escaped_is("", "\"\"");
    escaped_is(NULL, "\"\"");
}

/* Every byte value in a name comes back out of a JSON parser, and no byte ends the element it is in. */
static void every_byte_survives_a_parser(void **state)
{
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char text[] = {'a', (char)byte, 'b', '\0'};
        struct pomi_bytes json = {0};
        assert_int_equal(pomi_report_json_text(&json, text, NULL), POM_OK);
        assert_null(memchr(json.data, '<', json.size_bytes));
        json_t *parsed = json_loadb((char *)json.data, json.size_bytes, JSON_DECODE_ANY, NULL);
        assert_non_null(parsed);
        if (byte < 0x80) assert_string_equal(json_string_value(parsed), text);
        json_decref(parsed);
        pomi_bytes_release(&json);
    }
}

static int stored_at(const struct pomi_bytes *block, size_t i)
{
    return (int16_t)(uint16_t)(block->data[2 * i] | block->data[2 * i + 1] << 8);
}

static void quantised_values_are_within_half_a_step(void **state)
{
    (void)state;
    float values[][2] = {{-3.5f, 9}, {0, 9}, {1e-6f, 9}, {1.2345f, 9}, {3.4f, 9}, {NAN, 9}, {INFINITY, 9}};
    size_t n = sizeof values / sizeof values[0];
    struct pomi_bytes block = {0};
    double scale;
    assert_int_equal(pomi_report_quantise(&block, &scale, values[0], n, 2, NULL), POM_OK);
    assert_int_equal(block.size_bytes, 2 * n);
    assert_float_equal(scale, 3.5 / 32767, 1e-9);
    for (size_t i = 0; i < 5; i++)
        assert_true(fabs(stored_at(&block, i) * scale - values[i][0]) <= scale / 2 * 1.001);
    assert_int_equal(stored_at(&block, 0), -32767);
    assert_int_equal(stored_at(&block, 5), 0);
    assert_int_equal(stored_at(&block, 6), 0);
    pomi_bytes_release(&block);

    float zeros[3] = {0};
    block = (struct pomi_bytes){0};
    assert_int_equal(pomi_report_quantise(&block, &scale, zeros, 3, 1, NULL), POM_OK);
    assert_float_equal(scale, 0, 0);
    assert_int_equal(stored_at(&block, 2), 0);
    pomi_bytes_release(&block);
}

static void shrinking_averages_and_keeps_the_shape(void **state)
{
    (void)state;
    uint8_t from[4 * 2 * 3], to[64 * 64 * 3] = {0};
    for (int i = 0; i < 8; i++)
        for (int c = 0; c < 3; c++) from[3 * i + c] = (uint8_t)(10 * i + c);
    struct pom_image image = {from, 4, 2, sizeof from};
    struct pomi_tile tile = pomi_thumbnail_shrink(to, 64 * 3, 2, &image); /* 4x2 to 2x1 */
    assert_int_equal(tile.width_px, 2);
    assert_int_equal(tile.height_px, 1);
    assert_int_equal(to[0], (0 + 10 + 40 + 50) / 4);
    assert_int_equal(to[3 + 2], (20 + 30 + 60 + 70) / 4 + 2);

    tile = pomi_thumbnail_shrink(to, 64 * 3, 64, &image); /* smaller photos stay as they are */
    assert_int_equal(tile.width_px, 4);
    assert_int_equal(tile.height_px, 2);
    assert_int_equal(to[64 * 3], 40);

    image = (struct pom_image){from, 8, 1, sizeof from}; /* a line does not vanish */
    tile = pomi_thumbnail_shrink(to, 64 * 3, 2, &image);
    assert_int_equal(tile.width_px, 2);
    assert_int_equal(tile.height_px, 1);
}

/* Photo i is a square of one colour; every fifth is gone. */
static bool load_colour(void *user, size_t index, struct pom_image *image)
{
    (void)user;
    if (index % 5 == 4) return false;
    int edge_px = index % 2 ? 200 : 30;
    size_t size_bytes = (size_t)edge_px * (size_t)edge_px * 3;
    if (image->capacity_bytes < size_bytes) {
        free(image->pixels);
        image->pixels = malloc(size_bytes);
        image->capacity_bytes = size_bytes;
    }
    for (size_t i = 0; i < size_bytes; i++) image->pixels[i] = (uint8_t)(i % 3 == 0 ? index * 7 % 256 : 80);
    image->width_px = image->height_px = edge_px;
    return true;
}

static void a_sheet_holds_its_tiles_where_the_page_looks_for_them(void **state)
{
    (void)state;
    enum { N = 70, TILE = 64 };
    size_t indices[N];
    struct pomi_tile tiles[N];
    for (size_t i = 0; i < N; i++) indices[i] = i;
    struct pomi_report report = {.load_photo = load_colour};
    struct pomi_bytes jpeg = {0};
    assert_int_equal(pomi_thumbnail_sheet(&jpeg, tiles, &report, indices, N, TILE, NULL), POM_OK);

    struct jpeg_decompress_struct decoder;
    struct jpeg_error_mgr errors;
    decoder.err = jpeg_std_error(&errors);
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, jpeg.data, jpeg.size_bytes);
    jpeg_read_header(&decoder, TRUE);
    jpeg_start_decompress(&decoder);
    assert_int_equal(decoder.output_width, 32 * TILE);
    assert_int_equal(decoder.output_height, 3 * TILE);
    uint8_t *pixels = malloc((size_t)3 * 32 * TILE * 3 * TILE);
    while (decoder.output_scanline < decoder.output_height) {
        JSAMPROW row = pixels + (size_t)decoder.output_scanline * 3 * 32 * TILE;
        jpeg_read_scanlines(&decoder, &row, 1);
    }
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(tiles[i].width_px, i % 5 == 4 ? 0 : i % 2 ? 64 : 30);
        if (tiles[i].width_px == 0) continue;
        size_t x = i % 32 * TILE + 15, y = i / 32 * TILE + 15;
        assert_in_range(pixels[(y * 32 * TILE + x) * 3] + 8, i * 7 % 256, i * 7 % 256 + 16);
    }
    jpeg_destroy_decompress(&decoder);
    free(pixels);
    pomi_bytes_release(&jpeg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_names_stay_inside_their_string),
        cmocka_unit_test(every_byte_survives_a_parser),
        cmocka_unit_test(quantised_values_are_within_half_a_step),
        cmocka_unit_test(shrinking_averages_and_keeps_the_shape),
        cmocka_unit_test(a_sheet_holds_its_tiles_where_the_page_looks_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
