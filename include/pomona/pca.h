// SPDX-License-Identifier: Apache-2.0
/*
 * Moments, scaling and PCA.
 *
 * Moments (count, mean, centred cross-products; double) are gathered in one pass and merge: memory is
 * O(width^2), whatever the number of rows. Fitting turns them into a PCA; applying needs only the PCA.
 *
 *     pom_moments_new(&moments, width, &err);
 *     pom_moments_add(moments, rows, n_rows, &err);              as often as there are rows
 *     pom_pca_fit(&pca, moments, &options, &err);
 *     pom_pca_apply(pca, rows, n_rows, 0, projected, NULL, &err);
 *
 * With mean m, sample standard deviation s (n - 1), components C [k][width] and rows x:
 *
 *     scale      the rows are scaled to     the components are          a row is projected to
 *                (as StandardScaler does)   eigenvectors of             default          Spark-compatible
 *     none       z = x                      cov(x)                      C (x - m)        C x
 *     std        z = x / s                  cov(x / s)                  C ((x - m) / s)  C (x / s)
 *     mean-std   z = (x - m) / s            cov(x / s)                  C ((x - m) / s)  C ((x - m) / s)
 *
 * cov is the sample covariance, whose denominator is n - 1; it does not depend on whether a mean was
 * subtracted. So std and mean-std find the same components, and the default projection is the same too: it is
 * always centred. Spark-compatible projections are those of pyspark.ml's PCAModel, which does not subtract
 * the mean of what it is given. A constant column (s = 0) is scaled to 0 by std and mean-std, as in Spark;
 * its entry is exactly 0 in every component with variance.
 *
 * Explained variance is the eigenvalue; ratios are eigenvalue / sum of all eigenvalues, which is what
 * pyspark.ml calls explainedVariance. The largest-magnitude entry of each component is positive; of entries
 * equal to a part in 10^10 the first decides. Sources: Chan, Golub and LeVeque 1979 for the merge, LAPACK's
 * dsyevd for the eigenvectors. docs/numbers.md says how far the results are from numpy's and Spark's.
 *
 * The same rows in the same order give the same moments, to the last bit, on every machine, and so does
 * applying the same PCA. Fitting gives the same bytes for any number of threads; on another CPU model LAPACK
 * may differ in the last digits.
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

/* For rows of `width` numbers, 1 to 32,000: about 4 width^2 bytes. The caller owns *moments, and releases it
 * with pom_moments_free, which takes NULL too. Errors: ARGUMENT, MEMORY. */
POM_API enum pom_status pom_moments_new(struct pom_moments **moments, int width, struct pom_error *err);
POM_API void pom_moments_free(struct pom_moments *moments);

/* Adds rows[n_rows][width], borrowed for the call. Rows are gathered into blocks of fixed size inside, so
 * that the result depends on the order of rows only, not on how calls cut it. Errors: ARGUMENT, NUMERIC with
 * the row and column of the first value that is not finite; nothing of that call is added. */
POM_API enum pom_status pom_moments_add(struct pom_moments *moments, const float *rows, size_t n_rows,
                                        struct pom_error *err);

/* Adds all of `other` to `moments`; `other` stays as it is. Rows of `other` that do not fill a block yet are
 * added to `moments` as rows. Merging in another order, or not at all, changes the last digits only. Errors:
 * ARGUMENT, MISMATCH (widths). */
POM_API enum pom_status pom_moments_merge(struct pom_moments *moments, const struct pom_moments *other,
                                          struct pom_error *err);

POM_API int64_t pom_moments_count(const struct pom_moments *moments);

/* The scaler on its own: mean[width] and sample_std[width] (n - 1), as pom_pca_info has them; either may be NULL. A constant
 * column has a sample_std of exactly 0. Errors: ARGUMENT, NUMERIC (fewer than 2 rows), MEMORY. */
POM_API enum pom_status pom_moments_scaler(const struct pom_moments *moments, double *mean,
                                           double *sample_std, struct pom_error *err);

/* scaled[n_rows][width] = (rows - mean) / sample_std, computed in double; all belong to the caller. mean NULL: nothing is
 * subtracted; sample_std NULL: nothing is divided; where it is 0, the column becomes 0. What pom_pca_apply and pyspark.ml's
 * StandardScaler give. Errors: ARGUMENT, NUMERIC as pom_pca_apply. */
POM_API enum pom_status pom_scale_rows(const double *mean, const double *sample_std, int width,
                                       const float *rows, size_t n_rows, float *scaled,
                                       struct pom_error *err);

/* A portable byte form, for sending moments between processes; docs/formats.md describes it. Going through it
 * changes no bit of any later result. The caller frees *data with free(). Errors: ARGUMENT, MEMORY, and when
 * opening FORMAT, UNSUPPORTED (a later version). */
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
    int n_components; /* k, at most width and at most the number of rows; 0: as many as `variance` asks for */
    double variance;  /* smallest k whose ratios add up to this (to 1e-12), in (0, 1]; used when n_components
                         is 0 */
    const char *network_identity; /* of the network that made the rows, written into the file; NULL: none */
    const char *network_name;
    /* The eigenproblem, for builds without LAPACK or to bring another solver: matrix[n][n], symmetric, becomes its
     * orthonormal eigenvectors, one per row; eigenvalues[n] ascending. Called once, from the calling thread; nonzero
     * fails the fit. NULL: LAPACK's dsyevd. */
    int (*solve_symmetric)(void *user, double *matrix, double *eigenvalues, int n);
    void *user;
};

/* Defaults: mean and std scaling, variance 0.95, LAPACK. */
POM_API void pom_pca_options_init(struct pom_pca_options *options);

/* Solves for the components. `options` NULL: the defaults. The caller owns *pca, and releases it with
 * pom_pca_free, which takes NULL too. n rows span n - 1 directions: components beyond those have variance 0,
 * and where they point means nothing. When LAPACK is OpenBLAS, its thread count is set to 1 during the call
 * (the order of its sums would depend on it), for the whole process, and set back. Errors: ARGUMENT (k above
 * width), NUMERIC (fewer than 2 rows, fewer rows than k, all columns constant, no convergence),
 * UNSUPPORTED (built without LAPACK, and no solve_symmetric), MEMORY. */
POM_API enum pom_status pom_pca_fit(struct pom_pca **pca, const struct pom_moments *moments,
                                    const struct pom_pca_options *options, struct pom_error *err);
POM_API void pom_pca_free(struct pom_pca *pca);

/* What a PCA is; pointers belong to the PCA and live as long as it. */
struct pom_pca_info {
    int width;        /* length of the rows it applies to */
    int n_components; /* k */
    enum pom_scale scale;
    int64_t n_rows;           /* rows it was fitted on */
    const double *mean;       /* [width], of the unscaled rows */
    const double *sample_std; /* [width], of the unscaled rows (n - 1); 0: a constant column */
    const double
        *scale_std; /* [width], what rows are divided by: sample_std; 1 where that is 0 or scale is none */
    const double *components;         /* [k][width], each of length 1 */
    const double *explained_variance; /* [k] eigenvalues */
    const double *ratios;             /* [k] eigenvalue / trace */
    const double *all_ratios;         /* [n_all_ratios] of every component, for the scree plot */
    int n_all_ratios;                 /* width */
    const char *network_identity;     /* "" when none was given */
    const char *network_name;
};

POM_API const struct pom_pca_info *pom_pca_info(const struct pom_pca *pca);

/* PCA files are safetensors (docs/formats.md); the same PCA gives the same bytes. Saving is complete or not
 * at all. A file is checked as a whole when it is opened. The caller frees *data with free(). Errors:
 * ARGUMENT, IO, NOT_FOUND, LIMIT (above 1 GiB), FORMAT, UNSUPPORTED (a later version), MEMORY. */
POM_API enum pom_status pom_pca_save(const struct pom_pca *pca, const char *path, struct pom_error *err);
POM_API enum pom_status pom_pca_open(struct pom_pca **pca, const char *path, struct pom_error *err);
POM_API enum pom_status pom_pca_save_memory(const struct pom_pca *pca, void **data, size_t *size_bytes,
                                            struct pom_error *err);
POM_API enum pom_status pom_pca_open_memory(struct pom_pca **pca, const void *data, size_t size_bytes,
                                            struct pom_error *err);

enum pom_pca_apply_flags {
    POM_PCA_SPARK_COMPATIBLE = 1 /* do not subtract the mean before projecting, as pyspark.ml's PCAModel */
};

/* rows[n_rows][width] -> projected[n_rows][k], and scaled[n_rows][width] (z above) when that is not NULL; all
 * belong to the caller. Computed in double. The same bytes for any cut of the rows into calls, from any
 * thread. Errors: ARGUMENT, MEMORY, NUMERIC (a value that is not finite or a result beyond float, with its
 * row and column; projected and scaled then hold nothing useful). */
POM_API enum pom_status pom_pca_apply(const struct pom_pca *pca, const float *rows, size_t n_rows,
                                      unsigned flags, float *projected, float *scaled, struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
