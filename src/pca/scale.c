// SPDX-License-Identifier: Apache-2.0
/* The scaler on its own: what a StandardScaler stage needs of moments, without an eigenproblem. */
#include <math.h>
#include <stdlib.h>

#include "base/error.h"
#include "pca/model.h"
#include "pca/moments.h"

enum pom_status pomi_check_row(const float *row, int width, size_t index, struct pom_error *err)
{
    for (int j = 0; j < width; j++)
        if (!isfinite(row[j]))
            return pomi_fail(err, POM_ERROR_NUMERIC, "not_finite",
                             "row %zu of those given (the first is 0), column %d is %s", index, j,
                             isnan(row[j]) ? "not a number" : "infinite");
    return POM_OK;
}

enum pom_status pomi_write_float(float *to, double value, const char *what, size_t row, int column,
                                 struct pom_error *err)
{
    *to = (float)value;
    if (isfinite(*to)) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_NUMERIC, "not_finite",
        "row %zu of those given (the first is 0): %s %d is %g, beyond the range of a 32-bit float", row, what,
        column, value);
}

enum pom_status pom_moments_scaler(const struct pom_moments *moments, double *mean, double *sample_std,
                                   struct pom_error *err)
{
    if (moments == NULL) return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "moments is NULL");
    int64_t n_rows = pom_moments_count(moments);
    if (n_rows < 2)
        return pomi_fail(err, POM_ERROR_NUMERIC, "too_few_rows",
                         "a scaler needs at least 2 rows, there are %lld", (long long)n_rows);
    struct pom_moments *all;
    POMI_TRY(pomi_moments_completed(&all, moments, err));
    for (int j = 0; j < all->width; j++) {
        if (mean != NULL) mean[j] = all->mean[j];
        if (sample_std != NULL) sample_std[j] = pomi_moments_sample_std(all, j);
    }
    pom_moments_free(all);
    return POM_OK;
}

enum pom_status pom_scale_rows(const double *mean, const double *sample_std, int width, const float *rows,
                               size_t n_rows, float *scaled, struct pom_error *err)
{
    if (width < 1 || ((rows == NULL || scaled == NULL) && n_rows > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "width is below 1, or rows or scaled is NULL");
    for (size_t r = 0; r < n_rows; r++) {
        const float *row = rows + r * (size_t)width;
        POMI_TRY(pomi_check_row(row, width, r, err));
        for (int j = 0; j < width; j++)
            POMI_TRY(pomi_write_float(&scaled[r * (size_t)width + (size_t)j],
                                      pomi_scale_value(mean, sample_std, j, row[j]), "scaled column", r, j,
                                      err));
    }
    return POM_OK;
}
