// SPDX-License-Identifier: Apache-2.0
/*
 * Moments as bytes: a safetensors file with metadata "format" = "pomona-moments/1" and
 *
 *     n_rows          I64 [1]                    rows in mean and cross_products, a number of whole blocks
 *     mean            F64 [width]
 *     cross_products  F64 [width (width + 1) / 2]  the upper triangle row by row: (0,0) (0,1) ... (1,1) ...
 *     pending         F32 [n_pending][width]     rows that do not fill a block yet, as they came
 *
 * Because pending rows travel as rows, saving and opening at any moment changes no bit of the final result.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/sizes.h"
#include "pca/moments.h"
#include "pca/tensors.h"

#define MOMENTS_FORMAT  "pomona-moments/1"
#define MOMENTS_TENSORS 4

/* Doubles count rows exactly up to here. */
#define MAX_ROWS (INT64_C(1) << 53)

static size_t triangle_size(int width)
{
    return (size_t)width * ((size_t)width + 1) / 2; /* the width is limited: no overflow */
}

enum pom_status pom_moments_save_memory(const struct pom_moments *moments, void **data, size_t *size_bytes,
                                        struct pom_error *err)
{
    if (moments == NULL || data == NULL || size_bytes == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "moments, data or size_bytes is NULL");
    *data = NULL;
    *size_bytes = 0;

    double *triangle = malloc(triangle_size(moments->width) * sizeof *triangle);
    if (triangle == NULL)
        return pomi_fail_memory(err, triangle_size(moments->width) * sizeof *triangle, "saved moments");
    double *next = triangle;
    for (int i = 0; i < moments->width; i++)
        for (int j = i; j < moments->width; j++) *next++ = *pomi_moments_cross_product(moments, i, j);

    size_t width = (size_t)moments->width;
    const struct pomi_tensor tensors[MOMENTS_TENSORS] = {
        pomi_tensors_made("n_rows", POMI_I64, 1, 0, &moments->n_rows),
        pomi_tensors_made("mean", POMI_F64, width, 0, moments->mean),
        pomi_tensors_made("cross_products", POMI_F64, triangle_size(moments->width), 0, triangle),
        pomi_tensors_made("pending", POMI_F32, (size_t)moments->n_pending, width, moments->pending),
    };
    const struct pomi_metadata metadata[] = {{"format", MOMENTS_FORMAT}, {"pomona_version", POMI_VERSION}};
    struct pomi_bytes bytes = {0};
    enum pom_status status = pomi_safetensors_write(&bytes, tensors, MOMENTS_TENSORS, metadata, 2, err);
    free(triangle);
    if (status != POM_OK) {
        pomi_bytes_release(&bytes);
        return status;
    }
    *data = bytes.data;
    *size_bytes = bytes.size_bytes;
    return POM_OK;
}

/* Numbers that no rows of floats can have would come back as NaN much later. */
static enum pom_status check_moments(const struct pom_moments *moments, struct pom_error *err)
{
    int width = moments->width;
    double n_rows = (double)moments->n_rows;
    if (moments->n_rows < 0 || moments->n_rows > MAX_ROWS)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "n_rows is %lld", (long long)moments->n_rows);
    for (int j = 0; j < width; j++) {
        double square = *pomi_moments_cross_product(moments, j, j);
        if (fabs(moments->mean[j]) > FLT_MAX || square < 0 || square > 4.0 * FLT_MAX * FLT_MAX * n_rows)
            return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                             "no %lld rows have a column %d of mean %g and sum of squares %g",
                             (long long)moments->n_rows, j, moments->mean[j], square);
    }
    for (int i = 0; i < width; i++)
        for (int j = i + 1; j < width; j++) {
            double product = *pomi_moments_cross_product(moments, i, j);
            double largest = sqrt(*pomi_moments_cross_product(moments, i, i)) *
                             sqrt(*pomi_moments_cross_product(moments, j, j));
            if (fabs(product) > largest * (1 + 1e-6))
                return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                                 "the cross-product of columns %d and %d is %g, at most %g is possible", i, j,
                                 product, largest);
        }
    return POM_OK;
}

static enum pom_status read_moments(struct pom_moments **moments, const struct pomi_safetensors *container,
                                    struct pom_error *err)
{
    int width, n_pending;
    POMI_TRY(pomi_tensors_length(container, "mean", POMI_F64, 1, 0, 1, POMI_MOMENTS_MAX_WIDTH, &width, err));
    POMI_TRY(pomi_tensors_length(container, "pending", POMI_F32, 2, 0, 0, POMI_MOMENTS_BLOCK_ROWS - 1,
                                 &n_pending, err));
    /* The triangle is the largest part: when the file holds it, its moments are not much larger than the
     * file. */
    int triangle_length;
    POMI_TRY(pomi_tensors_length(container, "cross_products", POMI_F64, 1, 0, (int64_t)triangle_size(width),
                                 (int64_t)triangle_size(width), &triangle_length, err));

    POMI_TRY(pom_moments_new(moments, width, err));
    POMI_TRY(pomi_tensors_read(container, "n_rows", POMI_I64, 1, 0, &(*moments)->n_rows, err));
    POMI_TRY(pomi_tensors_read(container, "mean", POMI_F64, (size_t)width, 0, (*moments)->mean, err));
    POMI_TRY(pomi_tensors_read(container, "pending", POMI_F32, (size_t)n_pending, (size_t)width,
                               (*moments)->pending, err));
    (*moments)->n_pending = n_pending;

    size_t n_numbers = (size_t)triangle_length;
    double *triangle = malloc(n_numbers * sizeof *triangle);
    if (triangle == NULL) return pomi_fail_memory(err, n_numbers * sizeof *triangle, "saved moments");
    enum pom_status status =
        pomi_tensors_read(container, "cross_products", POMI_F64, n_numbers, 0, triangle, err);
    const double *next = triangle;
    for (int i = 0; i < width && status == POM_OK; i++)
        for (int j = i; j < width; j++) *pomi_moments_cross_product(*moments, i, j) = *next++;
    free(triangle);
    POMI_TRY(status);
    return check_moments(*moments, err);
}

enum pom_status pom_moments_open_memory(struct pom_moments **moments, const void *data, size_t size_bytes,
                                        struct pom_error *err)
{
    if (moments == NULL || (data == NULL && size_bytes > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "moments or data is NULL");
    *moments = NULL;
    struct pomi_safetensors *container;
    POMI_TRY(pomi_tensors_open(&container, (struct pomi_view){data, size_bytes}, MOMENTS_FORMAT,
                               MOMENTS_TENSORS, "moments file", err));
    enum pom_status status = read_moments(moments, container, err);
    pomi_safetensors_free(container);
    if (status != POM_OK) {
        pom_moments_free(*moments);
        *moments = NULL;
        return pomi_fail_in(err, status, "moments");
    }
    return POM_OK;
}
