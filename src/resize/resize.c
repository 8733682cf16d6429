// SPDX-License-Identifier: Apache-2.0
/*
 * Resampling an image in two passes, along the columns and down the rows, with bytes in between: each pass
 * rounds and clips, so their order is part of the result. It is Pillow 13's: columns first, unless the height
 * shrinks by more than twice of what the width does.
 *
 * The fit modes are Pillow's ImageOps.fit and ImageOps.pad, down to the floats of the box they cut out.
 */
#include "resize/resize.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/image.h"
#include "base/sizes.h"
#include "kernels/kernels.h"

#define MAX_SIDE_PX (1 << 24) /* beyond it a float, and so a box, cannot hold every position */

/* The part of the source that is resampled, and where it goes. */
struct placement {
    float left, top, right, bottom;      /* in the source */
    int x_px, y_px, width_px, height_px; /* in the result; outside of it is black */
};

/* Rows of RGB pixels somewhere in an image. */
struct rows {
    uint8_t *pixels;
    ptrdiff_t stride_bytes;
    int width_px;
    int height_px;
};

void pomi_resize_workspace_release(struct pomi_resize_workspace *workspace)
{
    pomi_bytes_release(&workspace->columns.memory);
    pomi_bytes_release(&workspace->rows.memory);
    pomi_bytes_release(&workspace->between);
    pomi_bytes_release(&workspace->strip);
    *workspace = (struct pomi_resize_workspace){.kernels = workspace->kernels};
}

static struct placement stretch(const struct pom_image *source, int width_px, int height_px)
{
    return (struct placement){0,        0,        (float)source->width_px, (float)source->height_px, 0, 0,
                              width_px, height_px};
}

/* ImageOps.fit(source, (width, height), filter) */
static struct placement crop(const struct pom_image *source, int width_px, int height_px)
{
    double in_width = source->width_px, in_height = source->height_px;
    double in_shape = in_width / in_height, out_shape = (double)width_px / height_px;
    double crop_width = in_width, crop_height = in_height;
    if (in_shape > out_shape)
        crop_width = out_shape * in_height;
    else if (in_shape < out_shape)
        crop_height = in_width / out_shape;
    double left = (in_width - crop_width) * 0.5, top = (in_height - crop_height) * 0.5;
    return (struct placement){
        (float)left, (float)top, (float)(left + crop_width), (float)(top + crop_height), 0, 0,
        width_px,    height_px};
}

/* ImageOps.pad(source, (width, height), filter, color="black"); rint rounds halves to even as Python does. */
static struct placement pad(const struct pom_image *source, int width_px, int height_px)
{
    struct placement placement = stretch(source, width_px, height_px);
    double in_width = source->width_px, in_height = source->height_px;
    double in_shape = in_width / in_height, out_shape = (double)width_px / height_px;
    if (in_shape > out_shape)
        placement.height_px = (int)rint(in_height / in_width * width_px);
    else if (in_shape < out_shape)
        placement.width_px = (int)rint(in_width / in_height * height_px);
    placement.x_px = (int)rint((width_px - placement.width_px) * 0.5);
    placement.y_px = (int)rint((height_px - placement.height_px) * 0.5);
    return placement;
}

static void copy(const struct rows *to, const struct pom_image *source, int left, int top)
{
    for (int y = 0; y < to->height_px; y++)
        memcpy(to->pixels + y * to->stride_bytes,
               source->pixels + ((ptrdiff_t)(top + y) * source->width_px + left) * 3,
               (size_t)to->width_px * 3);
}

/* Pillow adds up positions instead of multiplying, so that is where the rounding errors must come from. */
static enum pom_status nearest(const struct rows *to, const struct pom_image *source,
                               const struct placement *part, struct pomi_bytes *table, struct pom_error *err)
{
    size_t table_bytes;
    if (!pomi_size_multiply((size_t)to->width_px, sizeof(int), &table_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "resampling positions");
    POMI_TRY(pomi_bytes_reserve(table, table_bytes, err));
    int *columns = (int *)(void *)table->data;
    double x_step = (double)(part->right - part->left) / to->width_px;
    double y_step = (double)(part->bottom - part->top) / to->height_px;

    double x = part->left + x_step * 0.5;
    for (int i = 0; i < to->width_px; i++, x += x_step)
        columns[i] = x >= 0.0 && x < source->width_px ? (int)x : -1;

    double y = part->top + y_step * 0.5;
    for (int row = 0; row < to->height_px; row++, y += y_step) {
        uint8_t *out = to->pixels + row * to->stride_bytes;
        bool is_inside = y >= 0.0 && y < source->height_px;
        const uint8_t *in = source->pixels + (is_inside ? (ptrdiff_t)y * source->width_px * 3 : 0);
        for (int i = 0; i < to->width_px; i++, out += 3) {
            if (is_inside && columns[i] >= 0)
                memcpy(out, in + (ptrdiff_t)columns[i] * 3, 3);
            else
                memset(out, 0, 3);
        }
    }
    return POM_OK;
}

/* Along the columns: every row of `in` to the width of `out`. */
static enum pom_status resample_columns(const struct rows *out, const struct rows *in,
                                        struct pomi_resize_workspace *workspace, struct pom_error *err)
{
    const struct pomi_resize_axis *axis = &workspace->columns;
    size_t strip_bytes;
    if (!pomi_size_multiply((size_t)in->width_px + (size_t)out->width_px, 3 * POMK_RESAMPLE_STRIP_ROWS,
                            &strip_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "a strip of rows");
    POMI_TRY(pomi_bytes_reserve(&workspace->strip, strip_bytes, err));
    workspace->kernels->resample_columns(&(struct pomk_resample_columns){
        .input = in->pixels,
        .input_stride = in->stride_bytes,
        .in_width_px = in->width_px,
        .n_rows = in->height_px,
        .output = out->pixels,
        .output_stride = out->stride_bytes,
        .out_width_px = out->width_px,
        .firsts = axis->firsts,
        .n_weights = axis->n_weights,
        .weights = axis->weights,
        .max_weights = axis->max_weights,
        .scratch = workspace->strip.data,
    });
    return POM_OK;
}

/* Down the rows. `in` begins at the source's row `skipped`. */
static void resample_rows(const struct rows *out, const struct rows *in, int skipped,
                          const struct pomi_resize_workspace *workspace)
{
    const struct pomi_resize_axis *axis = &workspace->rows;
    for (int y = 0; y < out->height_px; y++)
        workspace->kernels->resample_rows(
            out->pixels + y * out->stride_bytes, in->pixels + (axis->firsts[y] - skipped) * in->stride_bytes,
            in->stride_bytes, axis->weights + (size_t)y * (size_t)axis->max_weights, axis->n_weights[y],
            (size_t)out->width_px * 3);
}

/* Makes `between` a block of rows in the workspace. */
static enum pom_status open_between(struct rows *between, int width_px, int height_px,
                                    struct pomi_resize_workspace *workspace, struct pom_error *err)
{
    size_t n_bytes;
    if (!pomi_size_multiply((size_t)width_px, (size_t)height_px, &n_bytes) ||
        !pomi_size_multiply(n_bytes, 3, &n_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "half-resampled pixels");
    POMI_TRY(pomi_bytes_reserve(&workspace->between, n_bytes, err));
    *between = (struct rows){workspace->between.data, (ptrdiff_t)width_px * 3, width_px, height_px};
    return POM_OK;
}

static enum pom_status resample(const struct rows *to, const struct pom_image *source,
                                const struct placement *part, enum pom_filter filter,
                                struct pomi_resize_workspace *workspace, struct pom_error *err)
{
    struct pomi_resize_stretch columns = {source->width_px, to->width_px, part->left, part->right, filter};
    struct pomi_resize_stretch rows = {source->height_px, to->height_px, part->top, part->bottom, filter};
    bool keeps_width =
        to->width_px == source->width_px && part->left == 0 && part->right == (float)to->width_px;
    bool keeps_height =
        to->height_px == source->height_px && part->top == 0 && part->bottom == (float)to->height_px;
    int64_t height_loss = (int64_t)source->height_px - to->height_px;
    int64_t width_loss = (int64_t)source->width_px - to->width_px;
    bool rows_first = height_loss > 0 && height_loss > width_loss * 2;

    struct rows from = {source->pixels, (ptrdiff_t)source->width_px * 3, source->width_px, source->height_px};
    struct rows between = {0};
    if (!keeps_width) POMI_TRY(pomi_resize_axis_make(&workspace->columns, &columns, err));
    if (!keeps_height) POMI_TRY(pomi_resize_axis_make(&workspace->rows, &rows, err));
    if (keeps_height) return resample_columns(to, &from, workspace, err);
    if (keeps_width) {
        resample_rows(to, &from, 0, workspace);
        return POM_OK;
    }
    if (rows_first) {
        POMI_TRY(open_between(&between, from.width_px, to->height_px, workspace, err));
        resample_rows(&between, &from, 0, workspace);
        return resample_columns(to, &between, workspace, err);
    }
    // Only the rows that the second pass will look at.
    const struct pomi_resize_axis *down = &workspace->rows;
    int first = down->firsts[0];
    int end = down->firsts[to->height_px - 1] + down->n_weights[to->height_px - 1];
    from.pixels += first * from.stride_bytes;
    from.height_px = end - first;
    POMI_TRY(open_between(&between, to->width_px, from.height_px, workspace, err));
    POMI_TRY(resample_columns(&between, &from, workspace, err));
    resample_rows(to, &between, first, workspace);
    return POM_OK;
}

static enum pom_status check_arguments(const struct pom_image *source, int width_px, int height_px,
                                       const struct pom_resize_options *options, struct pom_error *err)
{
    if (source->pixels == NULL || source->width_px <= 0 || source->height_px <= 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "resizing an empty image");
    if (source->width_px > MAX_SIDE_PX || source->height_px > MAX_SIDE_PX)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_size",
                         "resizing from %d x %d: a side may have %d pixels", source->width_px,
                         source->height_px, MAX_SIDE_PX);
    if (width_px <= 0 || height_px <= 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_size",
                         "resizing to %d x %d: both sides must be positive", width_px, height_px);
    if ((int)options->filter < POM_FILTER_NEAREST || (int)options->filter > POM_FILTER_LANCZOS)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "resizing with an unknown filter, %d",
                         (int)options->filter);
    if ((int)options->fit < POM_FIT_STRETCH || (int)options->fit > POM_FIT_PAD)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "resizing with an unknown fit mode, %d",
                         (int)options->fit);
    return POM_OK;
}

enum pom_status pomi_resize(struct pom_image *image, const struct pom_image *source, int width_px,
                            int height_px, const struct pom_resize_options *options,
                            struct pomi_resize_workspace *workspace, struct pom_error *err)
{
    const struct pom_resize_options defaults = {.filter = POM_FILTER_BICUBIC, .fit = POM_FIT_STRETCH};
    if (options == NULL) options = &defaults;
    POMI_TRY(check_arguments(source, width_px, height_px, options, err));
    if (workspace->kernels == NULL) workspace->kernels = pomk_choose(NULL);
    POMI_TRY(pomi_image_resize_memory(image, width_px, height_px, 0, err));

    struct placement part = options->fit == POM_FIT_CROP  ? crop(source, width_px, height_px)
                            : options->fit == POM_FIT_PAD ? pad(source, width_px, height_px)
                                                          : stretch(source, width_px, height_px);
    ptrdiff_t stride_bytes = (ptrdiff_t)width_px * 3;
    if (part.width_px != width_px || part.height_px != height_px)
        memset(image->pixels, 0, (size_t)stride_bytes * (size_t)height_px);
    if (part.width_px == 0 || part.height_px == 0) return POM_OK; // so narrow that nothing of it is left

    struct rows to = {image->pixels + part.y_px * stride_bytes + (ptrdiff_t)part.x_px * 3, stride_bytes,
                      part.width_px, part.height_px};
    if (part.left == truncf(part.left) && part.right - part.left == (float)part.width_px &&
        part.top == truncf(part.top) && part.bottom - part.top == (float)part.height_px) {
        copy(&to, source, (int)part.left, (int)part.top);
        return POM_OK;
    }
    if (options->filter == POM_FILTER_NEAREST) return nearest(&to, source, &part, &workspace->strip, err);
    return resample(&to, source, &part, options->filter, workspace, err);
}
