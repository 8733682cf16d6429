// SPDX-License-Identifier: Apache-2.0
/*
 * Applying, against the formulas of pomona/pca.h in long double: every scale, centred and Spark-compatible;
 * any cut of the rows and any kernel set: the same bytes.
 */
#include "config.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pca/model.h"
#include "pca_samples.h"

/* Odd sizes: neither is a multiple of a panel, and the width goes beyond one run of columns. */
enum { ROWS = 150, WIDTH = 301, K = 13, CONSTANT = 7 };

static float *rows_with_a_constant_column(unsigned seed)
{
    float *rows = sample_rows(ROWS, WIDTH, seed);
    for (int r = 0; r < ROWS; r++) rows[r * WIDTH + CONSTANT] = 0.75f;
    return rows;
}

static long double formula(const struct pom_pca_info *info, const float *row, int component, unsigned flags)
{
    bool centred = !(flags & POM_PCA_SPARK_COMPATIBLE) || info->scale == POM_SCALE_MEAN_STD;
    long double sum = 0;
    for (int j = 0; j < info->width; j++)
        sum += info->components[component * info->width + j] *
               ((row[j] - (centred ? (long double)info->mean[j] : 0)) / info->scale_std[j]);
    return sum;
}

static void projections_follow_the_formulas(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(1);
    float projected[ROWS][K], scaled[ROWS][WIDTH];
    for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++) {
        struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, (enum pom_scale)scale, K);
        const struct pom_pca_info *info = pom_pca_info(pca);
        for (unsigned flags = 0; flags <= POM_PCA_SPARK_COMPATIBLE; flags++) {
            assert_int_equal(pom_pca_apply(pca, rows, ROWS, flags, projected[0], scaled[0], NULL), POM_OK);
            for (int r = 0; r < ROWS; r++) {
                for (int c = 0; c < K; c++) {
                    long double expected = formula(info, rows + r * WIDTH, c, flags);
                    assert_true(fabsl(projected[r][c] - expected) <=
                                FLT_EPSILON / 2 * fabsl(expected) + 1e-12L);
                }
                for (int j = 0; j < WIDTH; j++) {
                    double x = rows[r * WIDTH + j], expected = x;
                    if (scale == POM_SCALE_STD) expected = x / info->scale_std[j];
                    if (scale == POM_SCALE_MEAN_STD) expected = (x - info->mean[j]) / info->scale_std[j];
                    if (scale != POM_SCALE_NONE && j == CONSTANT) expected = 0;
                    assert_true(scaled[r][j] == (float)expected);
                }
            }
        }
        pom_pca_free(pca);
    }
    free(rows);
}

static void the_scaler_alone_gives_the_scaled_rows(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(3);
    float projected[ROWS][K], expected[ROWS][WIDTH], scaled[ROWS][WIDTH];
    double mean[WIDTH], sample_std[WIDTH];
    struct pom_moments *moments = NULL;
    assert_int_equal(pom_moments_new(&moments, WIDTH, NULL), POM_OK);
    assert_int_equal(pom_moments_add(moments, rows, 1, NULL), POM_OK);
    struct pom_error err = {0};
    assert_int_equal(pom_moments_scaler(moments, mean, sample_std, &err), POM_ERROR_NUMERIC);
    assert_string_equal(err.reason, "too_few_rows");
    assert_int_equal(pom_moments_add(moments, rows + WIDTH, ROWS - 1, NULL), POM_OK);
    assert_int_equal(pom_moments_scaler(moments, mean, sample_std, NULL), POM_OK);
    for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++) {
        struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, (enum pom_scale)scale, K);
        assert_memory_equal(mean, pom_pca_info(pca)->mean, sizeof mean);
        assert_memory_equal(sample_std, pom_pca_info(pca)->sample_std, sizeof sample_std);
        assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, projected[0], expected[0], NULL), POM_OK);
        assert_int_equal(pom_scale_rows(scale == POM_SCALE_MEAN_STD ? mean : NULL,
                                        scale != POM_SCALE_NONE ? sample_std : NULL, WIDTH, rows, ROWS,
                                        scaled[0], NULL),
                         POM_OK);
        assert_memory_equal(scaled, expected, sizeof scaled);
        pom_pca_free(pca);
    }
    assert_int_equal(pom_scale_rows(mean, NULL, WIDTH, rows, ROWS, scaled[0], NULL), POM_OK);
    assert_true(scaled[4][5] == (float)(rows[4 * WIDTH + 5] - mean[5]));
    rows[2 * WIDTH + 1] = NAN;
    assert_int_equal(pom_scale_rows(mean, NULL, WIDTH, rows, ROWS, scaled[0], &err), POM_ERROR_NUMERIC);
    assert_non_null(strstr(err.message, "row 2"));
    pom_moments_free(moments);
    free(rows);
}

/* What makes them worth having: uncorrelated, around zero, with the explained variances. */
static void projections_have_the_explained_variances(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(2);
    float projected[ROWS][K];
    struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, K);
    assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, projected[0], NULL, NULL), POM_OK);
    const double *variances = pom_pca_info(pca)->explained_variance;
    for (int a = 0; a < K; a++) {
        double mean = 0;
        for (int r = 0; r < ROWS; r++) mean += projected[r][a] / ROWS;
        assert_true(fabs(mean) < 1e-5);
        for (int b = 0; b < K; b++) {
            double sum = 0;
            for (int r = 0; r < ROWS; r++) sum += (double)projected[r][a] * projected[r][b] / (ROWS - 1);
            assert_true(fabs(sum - (a == b ? variances[a] : 0)) < 1e-5 * variances[0]);
        }
    }
    pom_pca_free(pca);
    free(rows);
}

static void any_cut_and_any_kernel_set_gives_the_same_bytes(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(3);
    static float whole[ROWS][K], cut[ROWS][K], whole_scaled[ROWS][WIDTH], cut_scaled[ROWS][WIDTH];
    struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, K);
    assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, whole[0], whole_scaled[0], NULL), POM_OK);
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    for (int i = 0; i < n_sets; i++) {
        pca->kernels = sets[i];
        const size_t cuts[] = {1, 7, 8, 63, 64, 65, ROWS};
        for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
            memset(cut, 0, sizeof cut);
            memset(cut_scaled, 0, sizeof cut_scaled);
            for (size_t first = 0; first < ROWS; first += cuts[c]) {
                size_t n_rows = ROWS - first < cuts[c] ? ROWS - first : cuts[c];
                assert_int_equal(
                    pom_pca_apply(pca, rows + first * WIDTH, n_rows, 0, cut[first], cut_scaled[first], NULL),
                    POM_OK);
            }
            assert_memory_equal(cut, whole, sizeof whole);
            assert_memory_equal(cut_scaled, whole_scaled, sizeof whole_scaled);
        }
    }
    pom_pca_free(pca);
    free(rows);
}

static void a_column_that_was_constant_cannot_disturb_new_rows(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(4);
    float before[K], after[K], scaled[WIDTH];
    for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++) {
        struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, (enum pom_scale)scale, K);
        for (unsigned flags = 0; flags <= POM_PCA_SPARK_COMPATIBLE; flags++) {
            rows[CONSTANT] = 0.75f;
            assert_int_equal(pom_pca_apply(pca, rows, 1, flags, before, NULL, NULL), POM_OK);
            rows[CONSTANT] = 1e30f;
            assert_int_equal(pom_pca_apply(pca, rows, 1, flags, after, scaled, NULL), POM_OK);
            assert_memory_equal(before, after, sizeof before);
            assert_true(scaled[CONSTANT] == (scale == POM_SCALE_NONE ? 1e30f : 0));
            rows[CONSTANT] = 0.75f;
        }
        pom_pca_free(pca);
    }
    free(rows);
}

static void what_cannot_be_projected_is_refused_with_its_place(void **state)
{
    (void)state;
    float *rows = rows_with_a_constant_column(5);
    static float projected[ROWS][K], scaled[ROWS][WIDTH];
    struct pom_pca *pca = pca_of(rows, ROWS, WIDTH, POM_SCALE_MEAN_STD, K);
    struct pom_error err;
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        rows[100 * WIDTH + 299] = bad[i];
        assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, projected[0], NULL, &err), POM_ERROR_NUMERIC);
        assert_string_equal(err.reason, "not_finite");
        assert_non_null(strstr(err.message, "row 100 "));
        assert_non_null(strstr(err.message, "column 299 "));
    }
    rows[100 * WIDTH + 299] = 3e38f; /* a float, but 3e38 standard deviations are none */
    pca->sample_std[299] = pca->scale_std[299] = 0.001;
    assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, projected[0], scaled[0], &err), POM_ERROR_NUMERIC);
    assert_non_null(strstr(err.message, "row 100 "));
    assert_non_null(strstr(err.message, "scaled column 299 "));
    assert_int_equal(pom_pca_apply(pca, rows, ROWS, 0, projected[0], NULL, &err), POM_ERROR_NUMERIC);
    assert_non_null(strstr(err.message, "component "));

    assert_int_equal(pom_pca_apply(pca, rows, 1, 2, projected[0], NULL, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_pca_apply(NULL, rows, 1, 0, projected[0], NULL, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_pca_apply(pca, rows, 1, 0, NULL, NULL, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_pca_apply(pca, NULL, 0, 0, NULL, NULL, &err), POM_OK);
    pom_pca_free(pca);
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projections_follow_the_formulas),
        cmocka_unit_test(the_scaler_alone_gives_the_scaled_rows),
        cmocka_unit_test(projections_have_the_explained_variances),
        cmocka_unit_test(any_cut_and_any_kernel_set_gives_the_same_bytes),
        cmocka_unit_test(a_column_that_was_constant_cannot_disturb_new_rows),
        cmocka_unit_test(what_cannot_be_projected_is_refused_with_its_place),
    };
    if (!POMI_HAVE_LAPACK) {
        print_message("skipped: built without LAPACK\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
