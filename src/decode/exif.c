// SPDX-License-Identifier: Apache-2.0
/*
 * EXIF is a small TIFF file: byte order mark, 42, offset of the first directory; a directory is a count and
 * entries of 12 bytes: tag (2), type (2), number of values (4), value (4, when it fits). Damaged EXIF is no
 * reason to refuse a photo: it then has no orientation.
 */
#include "decode/exif.h"

#include <stdbool.h>
#include <string.h>

#define ORIENTATION_TAG 0x0112
#define ENTRY_BYTES     12

struct tiff {
    struct pomi_view bytes;
    bool big_endian;
};

static uint32_t read_number(const struct tiff *tiff, size_t offset, int n_bytes)
{
    uint32_t number = 0;
    for (int i = 0; i < n_bytes; i++) {
        int shift = 8 * (tiff->big_endian ? n_bytes - 1 - i : i);
        number |= (uint32_t)tiff->bytes.data[offset + (size_t)i] << shift;
    }
    return number;
}

/* The value of an integer entry; -1 for what cannot be an orientation. */
static int entry_value(const struct tiff *tiff, size_t entry)
{
    enum { SHORT = 3, LONG = 4, SIGNED_SHORT = 8, SIGNED_LONG = 9 };
    uint32_t type = read_number(tiff, entry + 2, 2), n_values = read_number(tiff, entry + 4, 4);
    if (n_values != 1) return -1;
    uint32_t value;
    if (type == SHORT || type == SIGNED_SHORT)
        value = read_number(tiff, entry + 8, 2);
    else if (type == LONG || type == SIGNED_LONG)
        value = read_number(tiff, entry + 8, 4);
    else
        return -1;
    return value >= 1 && value <= 8 ? (int)value : -1;
}

/* 0: EXIF has no such tag. -1: it has one that says nothing. */
static int tiff_orientation(struct pomi_view exif)
{
    for (int i = 0; i < 2 && exif.size_bytes >= 6 && memcmp(exif.data, "Exif\0\0", 6) == 0; i++)
        exif = (struct pomi_view){exif.data + 6, exif.size_bytes - 6};
    if (exif.size_bytes < 8) return 0;
    struct tiff tiff = {exif, exif.data[0] == 'M'};
    bool is_tiff = (memcmp(exif.data, "II", 2) == 0 || memcmp(exif.data, "MM", 2) == 0) &&
                   (memcmp(exif.data + 2, "*\0", 2) == 0 || memcmp(exif.data + 2, "\0*", 2) == 0);
    if (!is_tiff) return 0;

    size_t directory = read_number(&tiff, 4, 4);
    if (directory > exif.size_bytes - 2) return 0;
    uint32_t n_entries = read_number(&tiff, directory, 2);
    size_t entry = directory + 2;
    for (uint32_t i = 0; i < n_entries && exif.size_bytes - entry >= ENTRY_BYTES; i++, entry += ENTRY_BYTES)
        if (read_number(&tiff, entry, 2) == ORIENTATION_TAG) return entry_value(&tiff, entry);
    return 0;
}

/* Either form that XMP has: tiff:Orientation="6" and <tiff:Orientation>6</tiff:Orientation>. */
static int xmp_orientation(struct pomi_view xmp)
{
    static const char name[] = "tiff:Orientation";
    if (xmp.size_bytes == 0) return 0;
    const uint8_t *end = xmp.data + xmp.size_bytes, *at = xmp.data;
    while (at < end && (at = memmem(at, (size_t)(end - at), name, sizeof name - 1)) != NULL) {
        at += sizeof name - 1;
        const uint8_t *digit = NULL;
        if (end - at >= 3 && at[0] == '=' && at[1] == '"') digit = at + 2;
        if (end - at >= 2 && at[0] == '>') digit = at + 1;
        if (digit != NULL && *digit >= '0' && *digit <= '9') return *digit - '0';
    }
    return 0;
}

int pomi_exif_orientation(struct pomi_view exif, struct pomi_view xmp)
{
    int orientation = tiff_orientation(exif);
    if (orientation == 0) orientation = xmp_orientation(xmp);
    return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
