// SPDX-License-Identifier: Apache-2.0
/*
 * Sizes, filters and fit modes: ten bytes are the sizes of source and result, filter and fit; the rest is
 * repeated as pixels. Every kernel set must give the same bytes, also with the workspace of another size
 * before it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"
#include "pomona/image.h"
#include "resize/resize.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { HEADER_BYTES = 10, MAX_PIXELS = 1 << 12 };

static int read_size(const uint8_t *data)
{
    return data[0] << 8 | data[1];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct pomi_resize_workspace workspace;
    if (size_bytes < HEADER_BYTES) return 0;
    struct pom_image source = {.width_px = read_size(data), .height_px = read_size(data + 2)};
    int width_px = read_size(data + 4), height_px = read_size(data + 6);
    struct pom_resize_options options = {(enum pom_filter)(data[8] % 7), (enum pom_fit)(data[9] % 4)};
    size_t n_pixels = (size_t)source.width_px * (size_t)source.height_px;
    if (n_pixels > MAX_PIXELS || (size_t)width_px * (size_t)height_px > MAX_PIXELS) return 0;
    if ((size_t)source.width_px * (size_t)height_px > 4 * MAX_PIXELS) return 0; // between the passes
    if ((size_t)source.height_px * (size_t)width_px > 4 * MAX_PIXELS) return 0;

    source.capacity_bytes = n_pixels * 3;
    source.pixels = malloc(source.capacity_bytes > 0 ? source.capacity_bytes : 1);
    if (source.pixels == NULL) abort();
    data += HEADER_BYTES;
    size_bytes -= HEADER_BYTES;
    for (size_t i = 0; i < source.capacity_bytes; i++)
        source.pixels[i] = size_bytes > 0 ? data[i % size_bytes] : (uint8_t)i;

    struct pom_image first = {0}, other = {0};
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    for (int i = 0; i < n_sets; i++) {
        struct pom_image *result = i == 0 ? &first : &other;
        workspace.kernels = sets[i];
        enum pom_status status =
            pomi_resize(result, &source, width_px, height_px, &options, &workspace, NULL);
        if (status == POM_ERROR_ARGUMENT) break;
        if (status != POM_OK) abort();
        if (i > 0 && memcmp(first.pixels, other.pixels, (size_t)width_px * (size_t)height_px * 3) != 0)
            abort();
    }
    pom_image_release(&first);
    pom_image_release(&other);
    pom_image_release(&source);
    return 0;
}
