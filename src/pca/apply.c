// SPDX-License-Identifier: Apache-2.0
/*
 * Applying a PCA: each row is scaled, centred (or not) and multiplied with the components, in double. The sum
 * over the columns goes in runs of RUN_COLUMNS in ascending order, the same for every row wherever it stands,
 * so that any cut of the rows into calls gives the same bytes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "pca/model.h"

enum {
    GROUP_ROWS =
        64, /* rows prepared at a time: they share each panel of components while it is in the cache */
    RUN_COLUMNS = 256 /* part of the result's definition: another number gives other last bits */
};

/* A constant column is 0 in both of StandardScaler's modes. */
static double scale_value(const struct pom_pca *pca, int column, double value)
{
    if (pca->info.scale == POM_SCALE_NONE) return value;
    return pomi_scale_value(pca->info.scale == POM_SCALE_MEAN_STD ? pca->mean : NULL, pca->sample_std, column,
                            value);
}

/* What the components are multiplied with. */
static double prepare_value(const struct pom_pca *pca, int column, double value, unsigned flags)
{
    if (flags & POM_PCA_SPARK_COMPATIBLE) return scale_value(pca, column, value);
    if (pca->info.scale != POM_SCALE_NONE && pca->sample_std[column] == 0) return 0;
    return (value - pca->mean[column]) / pca->scale_std[column];
}

/* projected[8 rows][8 components] of one panel of prepared rows and one of components. */
static void project_panels(const struct pomk_kernels *kernels, double *sums, const double *rows,
                           const double *components, size_t width)
{
    memset(sums, 0, POMK_F64_PANEL * POMK_F64_PANEL * sizeof *sums);
    for (size_t first = 0; first < width; first += RUN_COLUMNS) {
        size_t n_columns = width - first < RUN_COLUMNS ? width - first : RUN_COLUMNS;
        kernels->add_products(sums, rows + first * POMK_F64_PANEL, components + first * POMK_F64_PANEL,
                              n_columns);
    }
}

/* prepared: [GROUP_ROWS / 8][width][8] */
static enum pom_status apply_group(const struct pom_pca *pca, const float *rows, size_t first_row,
                                   size_t n_rows, unsigned flags, double *prepared, float *projected,
                                   float *scaled, struct pom_error *err)
{
    size_t width = (size_t)pca->info.width, k = (size_t)pca->info.n_components;
    for (size_t r = 0; r < n_rows; r++) {
        const float *row = rows + (first_row + r) * width;
        POMI_TRY(pomi_check_row(row, (int)width, first_row + r, err));
        double *panel = prepared + r / POMK_F64_PANEL * width * POMK_F64_PANEL + r % POMK_F64_PANEL;
        for (size_t j = 0; j < width; j++)
            panel[j * POMK_F64_PANEL] = prepare_value(pca, (int)j, row[j], flags);
        for (size_t j = 0; scaled != NULL && j < width; j++)
            POMI_TRY(pomi_write_float(&scaled[(first_row + r) * width + j], scale_value(pca, (int)j, row[j]),
                                      "scaled column", first_row + r, (int)j, err));
    }
    for (size_t c = 0; c < k; c += POMK_F64_PANEL) {
        for (size_t r = 0; r < n_rows; r += POMK_F64_PANEL) {
            double sums[POMK_F64_PANEL][POMK_F64_PANEL];
            project_panels(pca->kernels, sums[0], prepared + r * width, pca->component_panels + c * width,
                           width);
            for (size_t i = 0; i < POMK_F64_PANEL && r + i < n_rows; i++)
                for (size_t j = 0; j < POMK_F64_PANEL && c + j < k; j++)
                    POMI_TRY(pomi_write_float(&projected[(first_row + r + i) * k + c + j], sums[i][j],
                                              "component", first_row + r + i, (int)(c + j), err));
        }
    }
    return POM_OK;
}

enum pom_status pom_pca_apply(const struct pom_pca *pca, const float *rows, size_t n_rows, unsigned flags,
                              float *projected, float *scaled, struct pom_error *err)
{
    if (pca == NULL || ((rows == NULL || projected == NULL) && n_rows > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca, rows or projected is NULL");
    if (flags & ~(unsigned)POM_PCA_SPARK_COMPATIBLE)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "flags %#x: only 0x1 is known", flags);
    if (n_rows == 0) return POM_OK;

    size_t group_rows = n_rows < GROUP_ROWS ? pomk_f64_panels(n_rows) * POMK_F64_PANEL : GROUP_ROWS;
    size_t n_numbers = group_rows * (size_t)pca->info.width; /* 64 times the width of a row that exists */
    double *prepared = calloc(n_numbers, sizeof *prepared);
    if (prepared == NULL) return pomi_fail_memory(err, n_numbers * sizeof *prepared, "rows to project");
    enum pom_status status = POM_OK;
    for (size_t first = 0; first < n_rows && status == POM_OK; first += group_rows) {
        size_t n_group = n_rows - first < group_rows ? n_rows - first : group_rows;
        status = apply_group(pca, rows, first, n_group, flags, prepared, projected, scaled, err);
    }
    free(prepared);
    return status;
}
