// SPDX-License-Identifier: Apache-2.0
/* Pillow-exact resampling; the public contract is in pomona/image.h. */
#ifndef POMONA_RESIZE_RESIZE_H
#define POMONA_RESIZE_RESIZE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "pomona/image.h"

struct pomk_kernels; /* kernels/kernels.h */

/* The part [begin, end) of an axis of in_size pixels, resampled to out_size pixels. */
struct pomi_resize_stretch {
    int in_size_px;
    int out_size_px;
    float begin, end; /* float, not double: what Pillow's box is made of */
    enum pom_filter filter;
};

/* Its weights: output pixel i weighs the n_weights[i] input pixels from firsts[i] on. Points into `memory`.
 */
struct pomi_resize_axis {
    struct pomi_resize_stretch stretch; /* what the table was made for */
    int max_weights;
    int32_t *firsts;    /* [out_size_px] */
    int32_t *n_weights; /* [out_size_px] */
    int32_t *weights;   /* [out_size_px][max_weights], 22-bit fixed point */
    struct pomi_bytes memory;
};

/*
 * What one thread needs to resize again and again without allocating: the tables of the last sizes, which are
 * kept while the sizes repeat, and the pixels between the two passes. Zeroed is empty. `kernels` may be set
 * to the set that the run has chosen; NULL means the best that this CPU has.
 */
struct pomi_resize_workspace {
    const struct pomk_kernels *kernels;
    struct pomi_resize_axis columns, rows;
    struct pomi_bytes between, strip;
};

void pomi_resize_workspace_release(struct pomi_resize_workspace *workspace);

enum pom_status pomi_resize(struct pom_image *image, const struct pom_image *source, int width_px,
                            int height_px, const struct pom_resize_options *options,
                            struct pomi_resize_workspace *workspace, struct pom_error *err);

/* Fills `axis` for `stretch`, unless that is what it holds already. Errors: MEMORY. */
enum pom_status pomi_resize_axis_make(struct pomi_resize_axis *axis,
                                      const struct pomi_resize_stretch *stretch, struct pom_error *err);

#endif
