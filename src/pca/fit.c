// SPDX-License-Identifier: Apache-2.0
/*
 * From moments to a PCA: the covariance of the scaled rows, its eigenvalues and eigenvectors (LAPACK dsyevd),
 * the number of components, their signs.
 *
 * Constant columns take no part in the eigenproblem. Their covariance with everything is zero, so each is a
 * component of its own with variance 0; these come last, and their entries in all other components are
 * exactly 0.
 */
#include "config.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"
#include "pca/model.h"
#include "pca/moments.h"

#if POMI_HAVE_LAPACK
#include <lapacke.h>
#include <pthread.h>

/* Present when the LAPACK is OpenBLAS. */
extern int openblas_get_num_threads(void) __attribute__((weak));
extern void openblas_set_num_threads(int n_threads) __attribute__((weak));
#endif

/* Ratios are added up to find k; their sum is good to this much, and so is what `variance` asks for. */
#define RATIO_SUM_ERROR 1e-12

/* Entries of a component that differ by less count as equal when the largest is looked for: rounding must not
 * decide the sign of (0.7071, -0.7071). */
#define EQUAL_ENTRIES 1e-10

void pom_pca_options_init(struct pom_pca_options *options)
{
    if (options == NULL) return;
    *options = (struct pom_pca_options){.scale = POM_SCALE_MEAN_STD, .variance = 0.95};
}

static enum pom_status check_options(const struct pom_moments *moments, const struct pom_pca_options *options,
                                     struct pom_error *err)
{
    if (pomi_scale_name(options->scale) == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "scale %d: none is 0, std 1, mean-std 2",
                         (int)options->scale);
    if (options->n_components < 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "%d components: ask for at least one",
                         options->n_components);
    if (options->n_components == 0 && !(options->variance > 0 && options->variance <= 1))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "a share of the variance of %g: it must be above 0 and at most 1",
                         options->variance);
    if (options->n_components > moments->width)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "%d components of rows of %d numbers: there are only %d", options->n_components,
                         moments->width, moments->width);
    int64_t n_rows = pom_moments_count(moments);
    if (n_rows < 2)
        return pomi_fail(err, POM_ERROR_NUMERIC, "too_few_rows",
                         "a PCA needs at least 2 rows, there are %lld", (long long)n_rows);
    if (n_rows < options->n_components)
        return pomi_fail(err, POM_ERROR_NUMERIC, "too_few_rows",
                         "%d components need at least %d rows, there are %lld: ask for fewer components",
                         options->n_components, options->n_components, (long long)n_rows);
    return POM_OK;
}

#if POMI_HAVE_LAPACK
/*
 * OpenBLAS adds up in another order for each number of threads, and the last bits of a PCA may not depend on
 * the machine's cores. Its thread count belongs to the process: it is set to one while we solve, one fit at a
 * time.
 */
static pthread_mutex_t one_fit_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static int enter_single_thread(void)
{
    pthread_mutex_lock(&one_fit_at_a_time);
    int n_threads = openblas_get_num_threads != NULL ? openblas_get_num_threads() : 1;
    if (openblas_set_num_threads != NULL && n_threads > 1) openblas_set_num_threads(1);
    return n_threads;
}

static void leave_single_thread(int n_threads)
{
    if (openblas_set_num_threads != NULL && n_threads > 1) openblas_set_num_threads(n_threads);
    pthread_mutex_unlock(&one_fit_at_a_time);
}

/* matrix[n][n], symmetric, becomes its eigenvectors, one per row; eigenvalues ascending. */
static enum pom_status solve(double *matrix, double *eigenvalues, int n, struct pom_error *err)
{
    size_t n_work = 1 + 6 * (size_t)n + 2 * (size_t)n * (size_t)n, n_integers = 3 + 5 * (size_t)n;
    double *work = malloc(n_work * sizeof *work);
    lapack_int *integers = malloc(n_integers * sizeof *integers);
    enum pom_status status = POM_OK;
    if (work == NULL || integers == NULL) {
        status = pomi_fail_memory(err, n_work * sizeof *work, "the eigenvalues of a covariance");
    } else {
        int n_threads = enter_single_thread();
        lapack_int info = LAPACKE_dsyevd_work(LAPACK_COL_MAJOR, 'V', 'L', n, matrix, n, eigenvalues, work,
                                              (lapack_int)n_work, integers, (lapack_int)n_integers);
        leave_single_thread(n_threads);
        if (info != 0)
            status = pomi_fail(err, POM_ERROR_NUMERIC, "no_convergence",
                               "the eigenvalues of a covariance of %d columns did not converge (dsyevd: %d)",
                               n, (int)info);
    }
    free(work);
    free(integers);
    return status;
}
#else
static enum pom_status solve(double *matrix, double *eigenvalues, int n, struct pom_error *err)
{
    (void)matrix, (void)eigenvalues, (void)n;
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "no_lapack",
                     "this build has no LAPACK to fit a PCA with: build with OpenBLAS and LAPACKE, or pass "
                     "solve_symmetric");
}
#endif

/* What fitting works on, released together. */
struct fit {
    struct pom_moments *moments; /* with all rows in the cross-products */
    double *std;                 /* [width] sample standard deviation */
    int *varying;                /* [n_varying] the columns that are not constant */
    int n_varying;
    double *matrix;      /* [n_varying][n_varying] covariance, then eigenvectors */
    double *eigenvalues; /* [width] descending; 0 from n_varying on */
    double total;        /* trace of the covariance */
};

static void fit_release(struct fit *fit)
{
    pom_moments_free(fit->moments);
    free(fit->std);
    free(fit->varying);
    free(fit->matrix);
    free(fit->eigenvalues);
}

static enum pom_status find_deviations(struct fit *fit, struct pom_error *err)
{
    int width = fit->moments->width;
    fit->std = malloc((size_t)width * sizeof *fit->std);
    fit->varying = malloc((size_t)width * sizeof *fit->varying);
    fit->eigenvalues = calloc((size_t)width, sizeof *fit->eigenvalues);
    if (fit->std == NULL || fit->varying == NULL || fit->eigenvalues == NULL)
        return pomi_fail_memory(err, (size_t)width * 20, "the deviations of a PCA");
    for (int j = 0; j < width; j++) {
        fit->std[j] = pomi_moments_sample_std(fit->moments, j);
        if (fit->std[j] > 0) fit->varying[fit->n_varying++] = j;
    }
    if (fit->n_varying == 0)
        return pomi_fail(err, POM_ERROR_NUMERIC, "no_variance",
                         "all %lld rows are equal: there is no variance to find components of",
                         (long long)fit->moments->n_rows);
    return POM_OK;
}

static enum pom_status find_covariance(struct fit *fit, enum pom_scale scale, struct pom_error *err)
{
    size_t n = (size_t)fit->n_varying, n_numbers;
    if (!pomi_size_multiply(n, n * sizeof(double), &n_numbers) || (fit->matrix = malloc(n_numbers)) == NULL)
        return pomi_fail_memory(err, n * n * sizeof(double), "a covariance");
    double n_degrees = (double)(fit->moments->n_rows - 1);
    for (size_t a = 0; a < n; a++) {
        for (size_t b = 0; b <= a; b++) {
            int i = fit->varying[a], j = fit->varying[b];
            double covariance = *pomi_moments_cross_product(fit->moments, i, j) / n_degrees;
            if (scale != POM_SCALE_NONE) covariance /= fit->std[i] * fit->std[j];
            fit->matrix[a * n + b] = fit->matrix[b * n + a] = covariance;
        }
        fit->total += fit->matrix[a * n + a];
    }
    if (!isfinite(fit->total))
        return pomi_fail(err, POM_ERROR_NUMERIC, "not_finite",
                         "the variance of the rows is beyond double's range");
    return POM_OK;
}

/* Eigenvalues that rounding made negative become 0. */
static enum pom_status find_components(struct fit *fit, const struct pom_pca_options *options,
                                       struct pom_error *err)
{
    int n = fit->n_varying;
    if (options->solve_symmetric == NULL)
        POMI_TRY(solve(fit->matrix, fit->eigenvalues, n, err));
    else if (options->solve_symmetric(options->user, fit->matrix, fit->eigenvalues, n) != 0)
        return pomi_fail(err, POM_ERROR_NUMERIC, "no_convergence",
                         "the caller's solver found no eigenvalues of a covariance of %d columns", n);
    for (int i = 0; i < n / 2; i++) {
        double ascending = fit->eigenvalues[i];
        fit->eigenvalues[i] = fit->eigenvalues[n - 1 - i];
        fit->eigenvalues[n - 1 - i] = ascending;
    }
    for (int i = 0; i < n; i++) {
        if (!isfinite(fit->eigenvalues[i]))
            return pomi_fail(err, POM_ERROR_NUMERIC, "no_convergence",
                             "eigenvalue %d of the covariance is not finite", i);
        if (fit->eigenvalues[i] < 0) fit->eigenvalues[i] = 0;
    }
    return POM_OK;
}

static double ratio(const struct fit *fit, int component)
{
    return fmin(fit->eigenvalues[component] / fit->total, 1);
}

static int choose_n_components(const struct fit *fit, const struct pom_pca_options *options)
{
    if (options->n_components > 0) return options->n_components;
    int64_t n_rows = fit->moments->n_rows;
    int limit = n_rows < fit->n_varying ? (int)n_rows : fit->n_varying;
    double sum = 0;
    for (int k = 1; k < limit; k++) {
        sum += ratio(fit, k - 1);
        if (sum >= options->variance - RATIO_SUM_ERROR) return k;
    }
    return limit;
}

/* The largest-magnitude entry becomes positive; of equal ones the first decides. */
static void fix_sign(double *component, int width)
{
    double largest = 0;
    for (int j = 0; j < width; j++) largest = fmax(largest, fabs(component[j]));
    int decides = 0;
    while (fabs(component[decides]) < largest * (1 - EQUAL_ENTRIES)) decides++;
    if (component[decides] > 0) return;
    for (int j = 0; j < width; j++) component[j] = 0 - component[j]; /* 0 - 0 is 0, where -0 would be -0 */
}

static void write_component(const struct fit *fit, int component, double *entries)
{
    int n = fit->n_varying, width = fit->moments->width;
    if (component < n) {
        const double *eigenvector = fit->matrix + (size_t)(n - 1 - component) * (size_t)n;
        for (int a = 0; a < n; a++) entries[fit->varying[a]] = eigenvector[a];
        fix_sign(entries, width);
        return;
    }
    int n_passed = component - n;
    for (int j = 0; j < width; j++)
        if (fit->std[j] == 0 && n_passed-- == 0) entries[j] = 1;
}

static enum pom_status fit_steps(struct pom_pca **pca, struct fit *fit, const struct pom_moments *moments,
                                 const struct pom_pca_options *options, struct pom_error *err)
{
    POMI_TRY(check_options(moments, options, err));
    POMI_TRY(pomi_moments_completed(&fit->moments, moments, err));
    POMI_TRY(find_deviations(fit, err));
    POMI_TRY(find_covariance(fit, options->scale, err));
    POMI_TRY(find_components(fit, options, err));

    int width = moments->width, k = choose_n_components(fit, options);
    POMI_TRY(pomi_pca_new(pca, width, k, options->network_name, options->network_identity, err));
    (*pca)->info.scale = options->scale;
    (*pca)->info.n_rows = fit->moments->n_rows;
    memcpy((*pca)->mean, fit->moments->mean, (size_t)width * sizeof(double));
    memcpy((*pca)->sample_std, fit->std, (size_t)width * sizeof(double));
    for (int j = 0; j < width; j++) (*pca)->all_ratios[j] = ratio(fit, j);
    for (int c = 0; c < k; c++) {
        (*pca)->explained_variance[c] = fit->eigenvalues[c];
        (*pca)->ratios[c] = ratio(fit, c);
        write_component(fit, c, (*pca)->components + (size_t)c * (size_t)width);
    }
    pomi_pca_complete(*pca);
    return POM_OK;
}

enum pom_status pom_pca_fit(struct pom_pca **pca, const struct pom_moments *moments,
                            const struct pom_pca_options *options, struct pom_error *err)
{
    if (pca == NULL || moments == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca or moments is NULL");
    *pca = NULL;
    struct pom_pca_options defaults;
    pom_pca_options_init(&defaults);
    struct fit fit = {0};
    enum pom_status status = fit_steps(pca, &fit, moments, options == NULL ? &defaults : options, err);
    fit_release(&fit);
    return status;
}
