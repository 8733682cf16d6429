// SPDX-License-Identifier: Apache-2.0
/*
 * Moments, scaling and PCA.
 *
 * Moments (count, mean, centred cross-products; double) are gathered in one pass and merge: memory is
 * O(width^2), whatever the number of rows. Fitting turns them into a PCA; applying needs only the PCA.
 * Formulas: Chan, Golub and LeVeque 1979 for the merge; the components are eigenvectors of the centred sample
 * covariance (n - 1), the largest-magnitude entry of each component is positive, ratios are eigenvalue /
 * trace.
 *
 * A `struct pom_moments` belongs to one thread at a time; a `struct pom_pca` is immutable and may be shared.
 */
#ifndef POMONA_PCA_H
#define POMONA_PCA_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_moments;
struct pom_pca;

/* For rows of `width` numbers. The caller owns *moments. Errors: ARGUMENT, MEMORY. */
POM_API enum pom_status pom_moments_new(struct pom_moments **moments, int width, struct pom_error *err);
POM_API void pom_moments_free(struct pom_moments *moments);

/* Adds rows[n_rows][width], borrowed for the call. Rows are gathered into blocks of fixed size inside, so
 * that the result depends on the order of rows only, not on how calls cut it. Errors: NUMERIC with the row
 * and column of the first value that is not finite; nothing of that call is added. */
POM_API enum pom_status pom_moments_add(struct pom_moments *moments, const float *rows, size_t n_rows,
                                        struct pom_error *err);

/* Adds all of `other` to `moments`; `other` stays as it is. Errors: MISMATCH (widths). */
POM_API enum pom_status pom_moments_merge(struct pom_moments *moments, const struct pom_moments *other,
                                          struct pom_error *err);

POM_API int64_t pom_moments_count(const struct pom_moments *moments);

/* A portable byte form, for sending moments between processes. The caller frees *data with free(). */
POM_API enum pom_status pom_moments_save_memory(const struct pom_moments *moments, void **data,
                                                size_t *size_bytes, struct pom_error *err);
POM_API enum pom_status pom_moments_open_memory(struct pom_moments **moments, const void *data,
                                                size_t size_bytes, struct pom_error *err);

enum pom_scale {
    POM_SCALE_NONE = 0,
    POM_SCALE_STD =
        1, /* divide by the sample standard deviation (n - 1), as Spark's StandardScaler default */
    POM_SCALE_MEAN_STD = 2 /* subtract the mean as well */
};

struct pom_pca_options {
    enum pom_scale scale;
    int n_components; /* k; 0: as many as `variance` asks for */
    double variance;  /* smallest k whose ratios add up to this, in (0, 1]; used when n_components is 0 */
    const char *network_identity; /* of the network that made the rows, written into the file; NULL: none */
    const char *network_name;
};

/* Defaults: mean and std scaling, variance 0.95. */
POM_API void pom_pca_options_init(struct pom_pca_options *options);

/* Solves for the components. The caller owns *pca.
 * Errors: NUMERIC (fewer than 2 rows, fewer rows than k, all columns constant), ARGUMENT, UNSUPPORTED (built
 * without LAPACK), MEMORY. */
POM_API enum pom_status pom_pca_fit(struct pom_pca **pca, const struct pom_moments *moments,
                                    const struct pom_pca_options *options, struct pom_error *err);
POM_API void pom_pca_free(struct pom_pca *pca);

/* What a PCA is; pointers belong to the PCA and live as long as it. */
struct pom_pca_info {
    int width;        /* length of the rows it applies to */
    int n_components; /* k */
    enum pom_scale scale;
    int64_t n_rows;          /* rows it was fitted on */
    const double *mean;      /* [width], of the unscaled rows */
    const double *scale_std; /* [width], what rows are divided by; 1 where the scaler leaves a column alone */
    const double *components;         /* [k][width], each of length 1 */
    const double *explained_variance; /* [k] eigenvalues */
    const double *ratios;             /* [k] eigenvalue / trace */
    const double *all_ratios;         /* [n_all_ratios] of every component, for the scree plot */
    int n_all_ratios;
    const char *network_identity; /* "" when none was given */
    const char *network_name;
};

POM_API const struct pom_pca_info *pom_pca_info(const struct pom_pca *pca);

/* PCA files are safetensors (docs/formats.md). Saving is complete or not at all.
 * Errors: IO, NOT_FOUND, FORMAT, MEMORY. */
POM_API enum pom_status pom_pca_save(const struct pom_pca *pca, const char *path, struct pom_error *err);
POM_API enum pom_status pom_pca_open(struct pom_pca **pca, const char *path, struct pom_error *err);
POM_API enum pom_status pom_pca_save_memory(const struct pom_pca *pca, void **data, size_t *size_bytes,
                                            struct pom_error *err);
POM_API enum pom_status pom_pca_open_memory(struct pom_pca **pca, const void *data, size_t size_bytes,
                                            struct pom_error *err);

enum pom_pca_apply_flags {
    POM_PCA_SPARK_COMPATIBLE = 1 /* do not subtract the mean before projecting, as pyspark.ml's PCAModel */
};

/* rows[n_rows][width] -> projected[n_rows][k], and scaled[n_rows][width] when that is not NULL. The same
 * bytes for any cut of the rows into calls. Errors: NUMERIC (a value that is not finite, with its row and
 * column). */
POM_API enum pom_status pom_pca_apply(const struct pom_pca *pca, const float *rows, size_t n_rows,
                                      unsigned flags, float *projected, float *scaled, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
