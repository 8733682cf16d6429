// SPDX-License-Identifier: Apache-2.0
/*
 * The weights of one axis, in the steps and the precision of Pillow's Resample.c, because the bytes depend on
 * both: computed in double from a centre and a support that grows when shrinking, divided by their sum,
 * rounded to 22 bits away from zero.
 */
#include "resize/resize.h"

#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/sizes.h"
#include "kernels/kernels.h"

static double box(double x)
{
    return x > -0.5 && x <= 0.5 ? 1.0 : 0.0;
}

static double bilinear(double x)
{
    x = fabs(x);
    return x < 1.0 ? 1.0 - x : 0.0;
}

static double hamming(double x)
{
    x = fabs(x);
    if (x == 0.0) return 1.0;
    if (x >= 1.0) return 0.0;
    x = x * M_PI;
    return sin(x) / x * (0.54f + 0.46f * cos(x));
}

/* Keys' cubic convolution, a = -0.5. */
static double bicubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
    if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
    return 0.0;
}

static double sinc(double x)
{
    if (x == 0.0) return 1.0;
    x = x * M_PI;
    return sin(x) / x;
}

static double lanczos(double x)
{
    return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0;
}

static const struct filter {
    double (*weight)(double distance);
    double support; /* the weight is 0 at larger distances, in pixels of the coarser side */
} filters[] = {
    [POM_FILTER_BOX] = {box, 0.5},         [POM_FILTER_BILINEAR] = {bilinear, 1.0},
    [POM_FILTER_HAMMING] = {hamming, 1.0}, [POM_FILTER_BICUBIC] = {bicubic, 2.0},
    [POM_FILTER_LANCZOS] = {lanczos, 3.0},
};

static int32_t to_fixed_point(double weight)
{
    const int one = 1 << POMK_RESAMPLE_BITS;
    return weight < 0 ? (int32_t)(-0.5 + weight * one) : (int32_t)(0.5 + weight * one);
}

static bool is_same(const struct pomi_resize_stretch *a, const struct pomi_resize_stretch *b)
{
    return a->in_size_px == b->in_size_px && a->out_size_px == b->out_size_px && a->begin == b->begin &&
           a->end == b->end && a->filter == b->filter;
}

/* Lays out firsts, n_weights and weights; returns one row of doubles behind them through `row`. */
static enum pom_status make_room(struct pomi_resize_axis *axis, double support, double **row,
                                 struct pom_error *err)
{
    double max_weights = ceil(support) * 2 + 1;
    if (max_weights > INT_MAX / 8)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_size", "too many pixels to be resampled to %d",
                         axis->stretch.out_size_px);
    axis->max_weights = (int)max_weights;
    size_t n_out = (size_t)axis->stretch.out_size_px, n_in = (size_t)axis->max_weights, n_bytes, row_bytes;
    if (!pomi_size_multiply(n_out, (n_in + 2) * sizeof(int32_t), &n_bytes) ||
        !pomi_size_multiply(n_in, sizeof(double), &row_bytes) ||
        !pomi_size_add(n_bytes, sizeof(double) + row_bytes, &row_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "resampling weights");
    POMI_TRY(pomi_bytes_reserve(&axis->memory, row_bytes, err));
    axis->firsts = (int32_t *)(void *)axis->memory.data;
    axis->n_weights = axis->firsts + n_out;
    axis->weights = axis->n_weights + n_out;
    *row = (double *)(void *)(axis->memory.data + pomi_size_align(n_bytes, sizeof(double)));
    return POM_OK;
}

enum pom_status pomi_resize_axis_make(struct pomi_resize_axis *axis,
                                      const struct pomi_resize_stretch *stretch, struct pom_error *err)
{
    if (axis->memory.data != NULL && is_same(&axis->stretch, stretch)) return POM_OK;
    axis->stretch = (struct pomi_resize_stretch){0}; // until it is complete
    struct pomi_resize_axis made = *axis;
    made.stretch = *stretch;

    const struct filter *filter = &filters[stretch->filter];
    double scale = (double)(stretch->end - stretch->begin) / stretch->out_size_px;
    double filter_scale = scale < 1.0 ? 1.0 : scale;
    double support = filter->support * filter_scale;
    double inverse_scale = 1.0 / filter_scale;
    double *row = NULL;
    enum pom_status status = make_room(&made, support, &row, err);
    axis->memory = made.memory;
    if (status != POM_OK) return status;

    for (int i = 0; i < stretch->out_size_px; i++) {
        double centre = stretch->begin + (i + 0.5) * scale;
        int first = (int)(centre - support + 0.5), end = (int)(centre + support + 0.5);
        if (first < 0) first = 0;
        if (end > stretch->in_size_px) end = stretch->in_size_px;
        int n_weights = end - first;
        double sum = 0.0;
        for (int t = 0; t < n_weights; t++) {
            row[t] = filter->weight((t + first - centre + 0.5) * inverse_scale);
            sum += row[t];
        }
        made.firsts[i] = first;
        made.n_weights[i] = n_weights;
        for (int t = 0; t < n_weights; t++)
            made.weights[(size_t)i * (size_t)made.max_weights + (size_t)t] =
                to_fixed_point(sum != 0.0 ? row[t] / sum : row[t]);
    }
    *axis = made;
    return POM_OK;
}
