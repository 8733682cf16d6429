// SPDX-License-Identifier: Apache-2.0
/* Pillow-exact resampling; the public contract is in pomona/image.h. */
#ifndef POMONA_RESIZE_RESIZE_H
#define POMONA_RESIZE_RESIZE_H

#include "base/error.h"
#include "pomona/image.h"

/* What one thread needs to resize again and again without allocating. Zeroed is empty. */
struct pomi_resize_workspace {
    void *memory;
    size_t capacity_bytes;
};

void pomi_resize_workspace_release(struct pomi_resize_workspace *workspace);

enum pom_status pomi_resize(struct pom_image *image, const struct pom_image *source, int width_px,
                            int height_px, const struct pom_resize_options *options,
                            struct pomi_resize_workspace *workspace, struct pom_error *err);

#endif
