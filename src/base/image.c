// SPDX-License-Identifier: Apache-2.0
#include "base/image.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/sizes.h"

void pom_image_release(struct pom_image *image)
{
    free(image->pixels);
    *image = (struct pom_image){0};
}

enum pom_status pomi_image_resize_memory(struct pom_image *image, int width_px, int height_px,
                                         size_t extra_bytes, struct pom_error *err)
{
    size_t n_bytes;
    if (!pomi_size_multiply((size_t)width_px, (size_t)height_px, &n_bytes) ||
        !pomi_size_multiply(n_bytes, 3, &n_bytes) || !pomi_size_add(n_bytes, extra_bytes, &n_bytes) ||
        n_bytes > PTRDIFF_MAX) {
        pom_image_release(image);
        return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "%d x %d pixels do not fit into memory",
                         width_px, height_px);
    }
    if (n_bytes > image->capacity_bytes) {
        pom_image_release(image); // first: the old pixels need not be there beside the new ones
        image->pixels = malloc(n_bytes);
        if (image->pixels == NULL) return pomi_fail_memory(err, n_bytes, "the pixels of an image");
        image->capacity_bytes = n_bytes;
    }
    image->width_px = width_px;
    image->height_px = height_px;
    return POM_OK;
}
