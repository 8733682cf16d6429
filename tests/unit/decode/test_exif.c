// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "decode/exif.h"

/* "Exif\0\0", a TIFF header and one entry of 12 bytes. */
static const uint8_t little_endian[] = {'E',  'x',  'i', 'f', 0, 0, 'I', 'I', 42, 0, 8, 0, 0, 0, 1, 0,
                                        0x12, 0x01, 3,   0,   1, 0, 0,   0,   6,  0, 0, 0, 0, 0, 0, 0};
static const uint8_t big_endian[] = {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0,
                                     3,   0,   0, 0,  1, 0, 8, 0, 0, 0, 0,    0,    0};
enum { VALUE = 24, COUNT = 20, TYPE = 18, OFFSET = 10 }; // in little_endian

static struct pomi_view text(const char *xmp)
{
    return (struct pomi_view){(const uint8_t *)xmp, strlen(xmp)};
}

static const struct pomi_view nothing;

static void both_byte_orders_are_read(void **state)
{
    (void)state;
    struct pomi_view little = {little_endian, sizeof little_endian}, big = {big_endian, sizeof big_endian};
    assert_int_equal(pomi_exif_orientation(little, nothing), 6);
    assert_int_equal(pomi_exif_orientation(big, nothing), 8);
}

static void what_is_no_orientation_means_upright(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{VALUE, 0},    {VALUE, 9},        {COUNT, 2}, {TYPE, 2}, {TYPE, 5},
                   {OFFSET, 200}, {OFFSET + 3, 255}, {6, 'X'},   {8, 43},   {16, 0x13}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t exif[sizeof little_endian];
        memcpy(exif, little_endian, sizeof exif);
        exif[changes[i].at] = changes[i].value;
        assert_int_equal(pomi_exif_orientation((struct pomi_view){exif, sizeof exif}, nothing), 1);
    }
    assert_int_equal(pomi_exif_orientation(nothing, nothing), 1);
}

static void no_length_is_read_beyond(void **state)
{
    (void)state;
    for (size_t n_bytes = 0; n_bytes < sizeof little_endian; n_bytes++) {
        uint8_t *exif = malloc(n_bytes + 1); // its own allocation, so that the address sanitizer sees its end
        memcpy(exif + 1, little_endian, n_bytes);
        int orientation = pomi_exif_orientation((struct pomi_view){exif + 1, n_bytes}, nothing);
        assert_int_equal(orientation,
                         n_bytes < VALUE + 4 ? 1 : 6); // an entry is read when all of it is there
        free(exif);
    }
}

static void xmp_counts_only_where_exif_is_silent(void **state)
{
    (void)state;
    struct pomi_view exif = {little_endian, sizeof little_endian};
    assert_int_equal(pomi_exif_orientation(nothing, text("<a tiff:Orientation=\"3\"/>")), 3);
    assert_int_equal(pomi_exif_orientation(nothing, text("<tiff:Orientation>5</tiff:Orientation>")), 5);
    assert_int_equal(pomi_exif_orientation(exif, text("<a tiff:Orientation=\"3\"/>")), 6);
    assert_int_equal(pomi_exif_orientation(nothing, text("tiff:Orientation='2' tiff:Orientation=\"4")), 4);
    assert_int_equal(pomi_exif_orientation(nothing, text("tiff:Orientation=\"")), 1);
    assert_int_equal(pomi_exif_orientation(nothing, text("tiff:Orientation>9")), 1);
    uint8_t silent[sizeof little_endian];
    memcpy(silent, little_endian, sizeof silent);
    silent[VALUE] = 0; // a tag that says nothing still is a tag
    assert_int_equal(
        pomi_exif_orientation((struct pomi_view){silent, sizeof silent}, text("tiff:Orientation>3")), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_byte_orders_are_read),
        cmocka_unit_test(what_is_no_orientation_means_upright),
        cmocka_unit_test(no_length_is_read_beyond),
        cmocka_unit_test(xmp_counts_only_where_exif_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
