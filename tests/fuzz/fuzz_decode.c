// SPDX-License-Identifier: Apache-2.0
/*
 * Photos: the bytes are a file, recognised by content. It is decoded as seen and as stored, into memory that
 * is used again; every pixel is looked at, so that a sanitizer sees those that were never written, and both
 * ways must agree.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pomona/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

/* The sum of all bytes does not depend on which way up the photo is. */
static uint64_t sum_of_pixels(const struct pom_image *image)
{
    uint64_t sum = 0;
    size_t n_bytes = (size_t)image->width_px * (size_t)image->height_px * 3;
    if (n_bytes == 0 || n_bytes > image->capacity_bytes) abort();
    for (size_t i = 0; i < n_bytes; i++) sum += image->pixels[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pom_image image = {0};
    struct pom_error err;
    struct pom_decode_options options = {.max_pixels = 1 << 17, .max_progressive_scans = 20};
    enum pom_status seen = pom_image_decode(&image, data, size_bytes, &options, &err);
    if (seen != POM_OK && (image.width_px != 0 || err.reason[0] == '\0' || err.message[0] == '\0')) abort();
    int width_px = image.width_px, height_px = image.height_px;
    uint64_t sum = seen == POM_OK ? sum_of_pixels(&image) : 0;

    options.ignore_exif_rotation = 1;
    enum pom_status stored = pom_image_decode(&image, data, size_bytes, &options, &err);
    if (stored != seen) abort();
    if (stored == POM_OK) {
        if (sum_of_pixels(&image) != sum) abort();
        if (image.width_px + image.height_px != width_px + height_px) abort();
    }
    pom_image_release(&image);
    return 0;
}
