// SPDX-License-Identifier: Apache-2.0
/* The memory of an image; what an image is, pomona/image.h says. */
#ifndef POMONA_BASE_IMAGE_H
#define POMONA_BASE_IMAGE_H

#include "base/error.h"
#include "pomona/image.h"

/*
 * Gives the image its size and room for its pixels and `extra_bytes` behind them, reusing its memory when
 * that is large enough. Content is not kept. Sides are positive. Errors: MEMORY; the image is then empty.
 */
enum pom_status pomi_image_resize_memory(struct pom_image *image, int width_px, int height_px,
                                         size_t extra_bytes, struct pom_error *err);

#endif
