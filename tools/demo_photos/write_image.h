// SPDX-License-Identifier: Apache-2.0
//
// Pictures to bytes, and bytes to files.
#ifndef DEMO_PHOTOS_WRITE_IMAGE_H
#define DEMO_PHOTOS_WRITE_IMAGE_H

#include <stddef.h>
#include "render.h"

enum format { FORMAT_JPEG, FORMAT_PNG, FORMAT_WEBP };

struct encoding {
    enum format format;
    int quality;     // 1 to 100; not for PNG
    int progressive; // JPEG
    int orientation; // JPEG: 1 to 8 stores the picture turned and says so in EXIF, as cameras do; 0: no EXIF
};

struct bytes {
    unsigned char *data; // owner frees
    size_t size;
};

// Encodes the picture. Returns 0, or -1 when memory runs out or the encoder refuses; *out is set only on 0.
int encode_image(const struct image *image, const struct encoding *encoding, struct bytes *out);

// Writes a whole file, replacing one of that name. Returns 0, or -1 with errno set.
int write_file(const char *path, const unsigned char *data, size_t size);

#endif
