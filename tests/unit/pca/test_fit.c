// SPDX-License-Identifier: Apache-2.0
/*
 * Fitting, on rows whose covariance has eigenvectors one can name, and on others by what every PCA must
 * satisfy: orthonormal components that turn the covariance into the diagonal of the explained variances.
 */
#include "config.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pca_samples.h"

extern void openblas_set_num_threads(int n_threads) __attribute__((weak));

#define ASSERT_NEAR(a, b, tolerance) assert_true(fabs((a) - (b)) <= (tolerance))

/* The cross: 1.5 (1, 1) and 0.5 (1, -1) both ways, around (10, 20). Covariance [[5, 4], [4, 5]] / 3. */
static const float cross[4][2] = {{11.5f, 21.5f}, {8.5f, 18.5f}, {10.5f, 19.5f}, {9.5f, 20.5f}};

static void two_columns_by_hand(void **state)
{
    (void)state;
    struct pom_pca *pca = pca_of(cross[0], 4, 2, POM_SCALE_NONE, 2);
    const struct pom_pca_info *info = pom_pca_info(pca);
    assert_int_equal(info->width, 2);
    assert_int_equal(info->n_components, 2);
    assert_int_equal(info->n_rows, 4);
    assert_int_equal(info->n_all_ratios, 2);
    assert_string_equal(info->network_name, "");
    ASSERT_NEAR(info->mean[0], 10, 1e-14);
    ASSERT_NEAR(info->mean[1], 20, 1e-14);
    ASSERT_NEAR(info->sample_std[0], sqrt(5.0 / 3), 1e-15);
    assert_true(info->scale_std[0] == 1 && info->scale_std[1] == 1);
    ASSERT_NEAR(info->explained_variance[0], 3, 1e-14);
    ASSERT_NEAR(info->explained_variance[1], 1.0 / 3, 1e-14);
    ASSERT_NEAR(info->ratios[0], 0.9, 1e-15);
    ASSERT_NEAR(info->all_ratios[1], 0.1, 1e-15);
    /* Both entries of the second are equal in magnitude: the first is the positive one. */
    const double expected[] = {M_SQRT1_2, M_SQRT1_2, M_SQRT1_2, -M_SQRT1_2};
    for (int i = 0; i < 4; i++) ASSERT_NEAR(info->components[i], expected[i], 1e-15);
    pom_pca_free(pca);
}

/* Scaled, the covariance is the correlation [[1, 0.8], [0.8, 1]], whatever the columns were multiplied with.
 */
static void scaling_makes_it_the_correlation(void **state)
{
    (void)state;
    float rows[4][2];
    for (int r = 0; r < 4; r++) {
        rows[r][0] = cross[r][0] * 64;
        rows[r][1] = cross[r][1] / 1024;
    }
    for (int scale = POM_SCALE_STD; scale <= POM_SCALE_MEAN_STD; scale++) {
        struct pom_pca *pca = pca_of(rows[0], 4, 2, (enum pom_scale)scale, 2);
        const struct pom_pca_info *info = pom_pca_info(pca);
        ASSERT_NEAR(info->explained_variance[0], 1.8, 1e-14);
        ASSERT_NEAR(info->explained_variance[1], 0.2, 1e-14);
        ASSERT_NEAR(info->scale_std[0], 64 * sqrt(5.0 / 3), 1e-13);
        ASSERT_NEAR(info->components[0], M_SQRT1_2, 1e-15);
        pom_pca_free(pca);
    }
}

/* Columns with variances in the ratio 16 : 3 : 1, that is 0.8, 0.15 and 0.05 of the whole. */
static const float axes[6][3] = {{4, 0, 0},           {-4, 0, 0}, {0, 1.7320508f, 0},
                                 {0, -1.7320508f, 0}, {0, 0, 1},  {0, 0, -1}};

static void the_share_of_the_variance_chooses_k(void **state)
{
    (void)state;
    struct pom_moments *moments = moments_of(axes[0], 6, 3);
    const struct {
        double variance;
        int k;
    } expected[] = {{0.01, 1}, {0.79, 1}, {0.81, 2}, {0.94, 2}, {0.96, 3}, {1, 3}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++) {
        struct pom_pca_options options;
        pom_pca_options_init(&options);
        options.scale = POM_SCALE_NONE;
        options.variance = expected[i].variance;
        struct pom_pca *pca;
        assert_int_equal(pom_pca_fit(&pca, moments, &options, NULL), POM_OK);
        assert_int_equal(pom_pca_info(pca)->n_components, expected[i].k);

        /* Exactly the share that these k have must give the same k, not one more. */
        double sum = 0;
        for (int c = 0; c < expected[i].k; c++) sum += pom_pca_info(pca)->ratios[c];
        pom_pca_free(pca);
        options.variance = fmin(sum + 1e-15, 1);
        assert_int_equal(pom_pca_fit(&pca, moments, &options, NULL), POM_OK);
        assert_int_equal(pom_pca_info(pca)->n_components, expected[i].k);
        pom_pca_free(pca);
    }
    pom_moments_free(moments);
}

static double covariance(const float *rows, size_t n_rows, int width, const struct pom_pca_info *info, int i,
                         int j)
{
    long double sum = 0;
    for (size_t r = 0; r < n_rows; r++)
        sum += ((long double)rows[r * (size_t)width + (size_t)i] - info->mean[i]) *
               ((long double)rows[r * (size_t)width + (size_t)j] - info->mean[j]);
    return (double)(sum / (n_rows - 1)) / info->scale_std[i] / info->scale_std[j];
}

/* What defines a PCA: C C' = 1 and C cov C' = diag(explained variance), descending. */
static void check_definition(const float *rows, size_t n_rows, int width, enum pom_scale scale, int k)
{
    struct pom_pca *pca = pca_of(rows, n_rows, width, scale, k);
    const struct pom_pca_info *info = pom_pca_info(pca);
    double *cov = malloc((size_t)width * (size_t)width * sizeof *cov);
    double trace = 0, all = 0;
    for (int i = 0; i < width; i++) {
        for (int j = 0; j < width; j++) cov[i * width + j] = covariance(rows, n_rows, width, info, i, j);
        trace += cov[i * width + i];
        all += info->all_ratios[i];
    }
    ASSERT_NEAR(all, 1, 1e-12);
    for (int a = 0; a < k; a++) {
        const double *first = info->components + a * width;
        ASSERT_NEAR(info->ratios[a], info->explained_variance[a] / trace, 1e-13);
        assert_true(info->explained_variance[a] >= 0);
        assert_true(a == 0 || info->explained_variance[a] <= info->explained_variance[a - 1]);
        int largest = 0;
        for (int j = 0; j < width; j++)
            if (fabs(first[j]) > fabs(first[largest]) * (1 + 1e-10)) largest = j;
        assert_true(first[largest] > 0);
        for (int b = 0; b < k; b++) {
            const double *second = info->components + b * width;
            double dot = 0, turned = 0;
            for (int i = 0; i < width; i++) {
                dot += first[i] * second[i];
                for (int j = 0; j < width; j++) turned += first[i] * cov[i * width + j] * second[j];
            }
            ASSERT_NEAR(dot, a == b ? 1 : 0, 1e-13);
            ASSERT_NEAR(turned, a == b ? info->explained_variance[a] : 0, 1e-13 * trace);
        }
    }
    free(cov);
    pom_pca_free(pca);
}

static void components_are_what_defines_a_pca(void **state)
{
    (void)state;
    const struct {
        size_t n_rows;
        int width, k;
    } shapes[] = {{100, 1, 1}, {700, 17, 17}, {700, 40, 5}, {20, 40, 20}, {2, 9, 2}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        float *rows = sample_rows(shapes[i].n_rows, shapes[i].width, (unsigned)i);
        for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++)
            check_definition(rows, shapes[i].n_rows, shapes[i].width, (enum pom_scale)scale, shapes[i].k);
        free(rows);
    }
}

static void columns_that_repeat_add_no_direction(void **state)
{
    (void)state;
    enum { ROWS = 300, WIDTH = 12 };
    float *rows = sample_rows(ROWS, WIDTH, 7);
    for (int r = 0; r < ROWS; r++)
        for (int j = 6; j < WIDTH; j++) rows[r * WIDTH + j] = rows[r * WIDTH + j - 6];
    check_definition(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, WIDTH);
    struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, WIDTH);
    for (int c = 6; c < WIDTH; c++) assert_true(pom_pca_info(pca)->ratios[c] < 1e-14);
    pom_pca_free(pca);
    free(rows);
}

/* 3 rows lie in a plane: two components have all the variance. */
static void few_rows_have_few_directions(void **state)
{
    (void)state;
    enum { WIDTH = 10 };
    float *rows = sample_rows(3, WIDTH, 8);
    struct pom_moments *moments = moments_of(rows, 3, WIDTH);
    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.scale = POM_SCALE_NONE;
    options.variance = 1;
    struct pom_pca *pca;
    assert_int_equal(pom_pca_fit(&pca, moments, &options, NULL), POM_OK);
    assert_int_equal(pom_pca_info(pca)->n_components, 2);
    pom_pca_free(pca);
    options.n_components = 3;
    assert_int_equal(pom_pca_fit(&pca, moments, &options, NULL), POM_OK);
    assert_true(pom_pca_info(pca)->ratios[2] < 1e-14);
    pom_pca_free(pca);
    pom_moments_free(moments);
    free(rows);
}

static void constant_columns_stay_out_of_all_components_with_variance(void **state)
{
    (void)state;
    enum { ROWS = 300, WIDTH = 9 };
    float *rows = sample_rows(ROWS, WIDTH, 9);
    for (int r = 0; r < ROWS; r++) rows[r * WIDTH + 2] = 0.3f, rows[r * WIDTH + 5] = 0;
    for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++) {
        check_definition(rows, ROWS, WIDTH, (enum pom_scale)scale, WIDTH);
        struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, (enum pom_scale)scale, WIDTH);
        const struct pom_pca_info *info = pom_pca_info(pca);
        assert_true(info->sample_std[2] == 0 && info->sample_std[5] == 0);
        assert_true(info->scale_std[2] == 1 && info->scale_std[5] == 1);
        for (int c = 0; c < WIDTH - 2; c++)
            assert_true(info->components[c * WIDTH + 2] == 0 && info->components[c * WIDTH + 5] == 0);
        assert_true(info->components[7 * WIDTH + 2] == 1 && info->components[8 * WIDTH + 5] == 1);
        assert_true(info->explained_variance[7] == 0 && info->explained_variance[8] == 0);
        pom_pca_free(pca);
    }
    free(rows);
}

static void merged_moments_give_the_same_pca(void **state)
{
    (void)state;
    enum { ROWS = 900, WIDTH = 15 };
    float *rows = sample_rows(ROWS, WIDTH, 10);
    struct pom_moments *a = moments_of(rows, 401, WIDTH),
                       *b = moments_of(rows + 401 * WIDTH, ROWS - 401, WIDTH);
    assert_int_equal(pom_moments_merge(a, b, NULL), POM_OK);
    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.n_components = 3;
    struct pom_pca *merged, *whole = pca_of(rows, ROWS, WIDTH, options.scale, 3);
    assert_int_equal(pom_pca_fit(&merged, a, &options, NULL), POM_OK);
    for (int i = 0; i < 3 * WIDTH; i++)
        ASSERT_NEAR(pom_pca_info(merged)->components[i], pom_pca_info(whole)->components[i], 1e-11);
    pom_pca_free(merged);
    pom_pca_free(whole);
    pom_moments_free(a);
    pom_moments_free(b);
    free(rows);
}

static void the_number_of_threads_changes_no_byte(void **state)
{
    (void)state;
    if (openblas_set_num_threads == NULL) skip();
    enum { ROWS = 500, WIDTH = 400, K = 300 };
    float *rows = sample_rows(ROWS, WIDTH, 11);
    void *data[2];
    size_t size_bytes[2];
    for (int i = 0; i < 2; i++) {
        openblas_set_num_threads(i + 1);
        struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, K);
        assert_int_equal(pom_pca_save_memory(pca, &data[i], &size_bytes[i], NULL), POM_OK);
        pom_pca_free(pca);
    }
    assert_int_equal(size_bytes[0], size_bytes[1]);
    assert_memory_equal(data[0], data[1], size_bytes[0]);
    free(data[0]);
    free(data[1]);
    free(rows);
}

/* [[a, b], [b, a]] has the eigenvectors (1, -1) and (1, 1): what the caller's solver is asked for the cross. */
static int solve_two_columns(void *user, double *matrix, double *eigenvalues, int n)
{
    ++*(int *)user;
    if (n != 2) return 1;
    const double vectors[] = {M_SQRT1_2, -M_SQRT1_2, M_SQRT1_2, M_SQRT1_2};
    eigenvalues[0] = matrix[0] - matrix[1];
    eigenvalues[1] = matrix[0] + matrix[1];
    memcpy(matrix, vectors, sizeof vectors);
    return 0;
}

static int solve_nothing(void *user, double *matrix, double *eigenvalues, int n)
{
    (void)user, (void)matrix, (void)eigenvalues, (void)n;
    return 1;
}

static void a_caller_brings_a_solver(void **state)
{
    (void)state;
    int n_calls = 0;
    struct pom_moments *moments = moments_of(cross[0], 4, 2);
    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.scale = POM_SCALE_NONE;
    options.n_components = 2;
    options.solve_symmetric = solve_two_columns;
    options.user = &n_calls;
    struct pom_pca *pca;
    struct pom_error err;
    assert_int_equal(pom_pca_fit(&pca, moments, &options, &err), POM_OK);
    assert_int_equal(n_calls, 1);
    const double expected[] = {M_SQRT1_2, M_SQRT1_2, M_SQRT1_2, -M_SQRT1_2};
    for (int i = 0; i < 4; i++) ASSERT_NEAR(pom_pca_info(pca)->components[i], expected[i], 1e-15);
    ASSERT_NEAR(pom_pca_info(pca)->explained_variance[0], 3, 1e-14);
    pom_pca_free(pca);
    options.solve_symmetric = solve_nothing;
    assert_int_equal(pom_pca_fit(&pca, moments, &options, &err), POM_ERROR_NUMERIC);
    assert_string_equal(err.reason, "no_convergence");
    pom_moments_free(moments);
}

static void assert_refused(const struct pom_moments *moments, const struct pom_pca_options *options,
                           enum pom_status status, const char *reason)
{
    struct pom_pca *pca;
    struct pom_error err;
    assert_int_equal(pom_pca_fit(&pca, moments, options, &err), status);
    assert_string_equal(err.reason, reason);
    assert_null(pca);
}

static void what_cannot_be_fitted_is_refused(void **state)
{
    (void)state;
    float *rows = sample_rows(5, 8, 12);
    struct pom_moments *none = moments_of(rows, 0, 8), *one = moments_of(rows, 1, 8),
                       *five = moments_of(rows, 5, 8);
    const float equal[4][2] = {{3, 4}, {3, 4}, {3, 4}, {3, 4}};
    struct pom_moments *constant = moments_of(equal[0], 4, 2);
    struct pom_pca_options options;
    pom_pca_options_init(&options);
    assert_refused(none, &options, POM_ERROR_NUMERIC, "too_few_rows");
    assert_refused(one, &options, POM_ERROR_NUMERIC, "too_few_rows");
    assert_refused(constant, &options, POM_ERROR_NUMERIC, "no_variance");
    options.n_components = 6;
    assert_refused(five, &options, POM_ERROR_NUMERIC, "too_few_rows");
    options.n_components = 9;
    assert_refused(five, &options, POM_ERROR_ARGUMENT, "bad_argument");
    options.n_components = -1;
    assert_refused(five, &options, POM_ERROR_ARGUMENT, "bad_argument");
    options.n_components = 0;
    const double shares[] = {0, -1, 1.0001, NAN};
    for (int i = 0; i < 4; i++) {
        options.variance = shares[i];
        assert_refused(five, &options, POM_ERROR_ARGUMENT, "bad_argument");
    }
    pom_pca_options_init(&options);
    options.scale = (enum pom_scale)3;
    assert_refused(five, &options, POM_ERROR_ARGUMENT, "bad_argument");
    assert_int_equal(pom_pca_fit(NULL, five, NULL, NULL), POM_ERROR_ARGUMENT);
    pom_moments_free(none);
    pom_moments_free(one);
    pom_moments_free(five);
    pom_moments_free(constant);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_columns_by_hand),
        cmocka_unit_test(scaling_makes_it_the_correlation),
        cmocka_unit_test(the_share_of_the_variance_chooses_k),
        cmocka_unit_test(components_are_what_defines_a_pca),
        cmocka_unit_test(columns_that_repeat_add_no_direction),
        cmocka_unit_test(few_rows_have_few_directions),
        cmocka_unit_test(constant_columns_stay_out_of_all_components_with_variance),
        cmocka_unit_test(merged_moments_give_the_same_pca),
        cmocka_unit_test(the_number_of_threads_changes_no_byte),
        cmocka_unit_test(a_caller_brings_a_solver),
        cmocka_unit_test(what_cannot_be_fitted_is_refused),
    };
    if (!POMI_HAVE_LAPACK) {
        print_message("skipped: built without LAPACK\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
