// SPDX-License-Identifier: Apache-2.0
/*
 * Moments against sums by hand and in long double; any cut of the rows, any kernel set: the same bytes; any
 * order of merging: the same numbers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "pca/moments.h"
#include "pca_samples.h"

/* Mean and cross-products with all rows in. */
static struct pom_moments *complete(const struct pom_moments *moments)
{
    struct pom_moments *completed;
    assert_int_equal(pomi_moments_completed(&completed, moments, NULL), POM_OK);
    return completed;
}

static void assert_close(const struct pom_moments *moments, const struct pom_moments *expected,
                         double tolerance)
{
    struct pom_moments *a = complete(moments), *b = complete(expected);
    assert_int_equal(a->n_rows, b->n_rows);
    for (int i = 0; i < a->width; i++) {
        assert_true(fabs(a->mean[i] - b->mean[i]) <= tolerance * fabs(b->mean[i]));
        for (int j = i; j < a->width; j++) {
            double scale = sqrt(*pomi_moments_cross_product(b, i, i) * *pomi_moments_cross_product(b, j, j));
            double difference = *pomi_moments_cross_product(a, i, j) - *pomi_moments_cross_product(b, i, j);
            assert_true(fabs(difference) <= tolerance * scale);
        }
    }
    pom_moments_free(a);
    pom_moments_free(b);
}

static void assert_same_bytes(const struct pom_moments *a, const struct pom_moments *b)
{
    void *a_data, *b_data;
    size_t a_bytes, b_bytes;
    assert_int_equal(pom_moments_save_memory(a, &a_data, &a_bytes, NULL), POM_OK);
    assert_int_equal(pom_moments_save_memory(b, &b_data, &b_bytes, NULL), POM_OK);
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(a_data, b_data, a_bytes);
    free(a_data);
    free(b_data);
}

static void three_rows_by_hand(void **state)
{
    (void)state;
    const float rows[3][2] = {{1, 2}, {3, 6}, {5, 7}};
    struct pom_moments *moments = moments_of(rows[0], 3, 2);
    assert_int_equal(pom_moments_count(moments), 3);
    struct pom_moments *completed = complete(moments);
    assert_true(completed->mean[0] == 3 && completed->mean[1] == 5);
    assert_true(*pomi_moments_cross_product(completed, 0, 0) == 8);  /* 4 + 0 + 4 */
    assert_true(*pomi_moments_cross_product(completed, 0, 1) == 10); /* 6 + 0 + 4 */
    assert_true(*pomi_moments_cross_product(completed, 1, 1) == 14); /* 9 + 1 + 4 */
    pom_moments_free(completed);
    pom_moments_free(moments);
}

static void sums_agree_with_long_double(void **state)
{
    (void)state;
    enum { ROWS = 1111, WIDTH = 21 };
    float *rows = sample_rows(ROWS, WIDTH, 1);
    struct pom_moments *moments = moments_of(rows, ROWS, WIDTH), *completed = complete(moments);
    long double mean[WIDTH] = {0};
    for (int r = 0; r < ROWS; r++)
        for (int j = 0; j < WIDTH; j++) mean[j] += rows[r * WIDTH + j] / (long double)ROWS;
    for (int i = 0; i < WIDTH; i++) {
        assert_true(fabsl(completed->mean[i] - mean[i]) < 1e-15L * (1 + mean[i]));
        for (int j = i; j < WIDTH; j++) {
            long double sum = 0;
            for (int r = 0; r < ROWS; r++)
                sum += (rows[r * WIDTH + i] - mean[i]) * (rows[r * WIDTH + j] - mean[j]);
            assert_true(fabsl(*pomi_moments_cross_product(completed, i, j) - sum) < 1e-13L * ROWS);
        }
    }
    pom_moments_free(completed);
    pom_moments_free(moments);
    free(rows);
}

static void any_cut_into_calls_gives_the_same_bytes(void **state)
{
    (void)state;
    enum { ROWS = 1500, WIDTH = 19 };
    float *rows = sample_rows(ROWS, WIDTH, 2);
    struct pom_moments *whole = moments_of(rows, ROWS, WIDTH);
    const size_t cuts[] = {
        1, 7, 100, POMI_MOMENTS_BLOCK_ROWS - 1, POMI_MOMENTS_BLOCK_ROWS, POMI_MOMENTS_BLOCK_ROWS + 1, 1024};
    for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
        struct pom_moments *cut = moments_of(rows, 0, WIDTH);
        for (size_t first = 0; first < ROWS; first += cuts[c]) {
            size_t n_rows = ROWS - first < cuts[c] ? ROWS - first : cuts[c];
            assert_int_equal(pom_moments_add(cut, rows + first * WIDTH, n_rows, NULL), POM_OK);
        }
        assert_same_bytes(cut, whole);
        pom_moments_free(cut);
    }
    pom_moments_free(whole);
    free(rows);
}

static void every_kernel_set_gives_the_same_bytes(void **state)
{
    (void)state;
    enum { ROWS = 700, WIDTH = 45 };
    float *rows = sample_rows(ROWS, WIDTH, 3);
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    struct pom_moments *first = NULL;
    for (int i = 0; i < n_sets; i++) {
        struct pom_moments *moments = moments_of(rows, 0, WIDTH);
        moments->kernels = sets[i];
        assert_int_equal(pom_moments_add(moments, rows, ROWS, NULL), POM_OK);
        if (first == NULL) {
            first = moments;
            continue;
        }
        assert_same_bytes(moments, first);
        pom_moments_free(moments);
    }
    pom_moments_free(first);
    free(rows);
}

/* Moments of one machine or version meet those of another: how blocks are cut and summed may not drift. */
static void the_bytes_are_those_of_every_machine_and_version(void **state)
{
    (void)state;
    enum { ROWS = 700, WIDTH = 45 };
    float *rows = sample_rows(ROWS, WIDTH, 3);
    struct pom_moments *moments = moments_of(rows, ROWS, WIDTH), *completed = complete(moments);
    double numbers[WIDTH + WIDTH * (WIDTH + 1) / 2], *next = numbers;
    for (int j = 0; j < WIDTH; j++) *next++ = completed->mean[j];
    for (int i = 0; i < WIDTH; i++)
        for (int j = i; j < WIDTH; j++) *next++ = *pomi_moments_cross_product(completed, i, j);
    char hash[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text(numbers, sizeof numbers, hash);
    assert_string_equal(hash, "7cd0fe3f5324f19e7b2400b1486579848eb39b8bdf6da74ea27a21d56124ba0f");
    pom_moments_free(completed);
    pom_moments_free(moments);
    free(rows);
}

static void merging_gives_the_same_as_adding_all(void **state)
{
    (void)state;
    enum { ROWS = 1700, WIDTH = 19 };
    float *rows = sample_rows(ROWS, WIDTH, 4);
    struct pom_moments *whole = moments_of(rows, ROWS, WIDTH);
    const size_t ends[][4] = {
        {0, 1, 2, ROWS}, {0, 256, 600, ROWS}, {0, 300, 1690, ROWS}, {0, 512, 1024, ROWS}};
    for (size_t c = 0; c < sizeof ends / sizeof ends[0]; c++) {
        struct pom_moments *thirds[2][3];
        for (int copy = 0; copy < 2; copy++)
            for (int t = 0; t < 3; t++)
                thirds[copy][t] = moments_of(rows + ends[c][t] * WIDTH, ends[c][t + 1] - ends[c][t], WIDTH);
        /* (a b) c and b (c a) */
        assert_int_equal(pom_moments_merge(thirds[0][0], thirds[0][1], NULL), POM_OK);
        assert_int_equal(pom_moments_merge(thirds[0][0], thirds[0][2], NULL), POM_OK);
        assert_int_equal(pom_moments_merge(thirds[1][2], thirds[1][0], NULL), POM_OK);
        assert_int_equal(pom_moments_merge(thirds[1][1], thirds[1][2], NULL), POM_OK);
        assert_close(thirds[0][0], whole, 1e-13);
        assert_close(thirds[1][1], whole, 1e-13);
        for (int copy = 0; copy < 2; copy++)
            for (int t = 0; t < 3; t++) pom_moments_free(thirds[copy][t]);
    }
    pom_moments_free(whole);
    free(rows);
}

static void merging_with_empty_moments_changes_nothing(void **state)
{
    (void)state;
    enum { ROWS = 600, WIDTH = 10 };
    float *rows = sample_rows(ROWS, WIDTH, 5);
    struct pom_moments *all = moments_of(rows, ROWS, WIDTH), *same = moments_of(rows, ROWS, WIDTH);
    struct pom_moments *empty = moments_of(rows, 0, WIDTH), *filled = moments_of(rows, 0, WIDTH);
    assert_int_equal(pom_moments_merge(same, empty, NULL), POM_OK);
    assert_same_bytes(same, all);
    assert_int_equal(pom_moments_merge(filled, all, NULL), POM_OK);
    assert_same_bytes(filled, all);
    pom_moments_free(all);
    pom_moments_free(same);
    pom_moments_free(empty);
    pom_moments_free(filled);
    free(rows);
}

/* Sums of squares would lose all digits here: (10^8)^2 has 16 of them, the variance is 16. */
static void far_from_zero_nothing_cancels(void **state)
{
    (void)state;
    enum { ROWS = 1000 };
    float rows[ROWS][2];
    for (int r = 0; r < ROWS; r++) {
        rows[r][0] = r % 2 == 0 ? 1e8f : 1e8f + 8;
        rows[r][1] = r % 4 < 2 ? -1e8f : -1e8f + 8;
    }
    struct pom_moments *moments = moments_of(rows[0], ROWS, 2), *completed = complete(moments);
    assert_true(fabs(completed->mean[0] - 100000004.0) < 1e-6);
    assert_true(fabs(*pomi_moments_cross_product(completed, 0, 0) - 16.0 * ROWS) < 1e-9 * ROWS);
    assert_true(fabs(*pomi_moments_cross_product(completed, 1, 1) - 16.0 * ROWS) < 1e-9 * ROWS);
    assert_true(fabs(*pomi_moments_cross_product(completed, 0, 1)) < 1e-9 * ROWS);
    pom_moments_free(completed);
    pom_moments_free(moments);
}

static void a_mean_that_drifts_is_followed(void **state)
{
    (void)state;
    enum { ROWS = 4096 };
    float *rows = malloc(ROWS * sizeof *rows);
    for (int r = 0; r < ROWS; r++) rows[r] = (float)r * 1000;
    struct pom_moments *moments = moments_of(rows, ROWS, 1), *completed = complete(moments);
    double n = ROWS, expected = 1e6 * n * (n * n - 1) / 12; /* of 0 ... n - 1, times 1000^2 */
    assert_true(fabs(*pomi_moments_cross_product(completed, 0, 0) - expected) < 1e-14 * expected);
    pom_moments_free(completed);
    pom_moments_free(moments);
    free(rows);
}

static void a_constant_column_has_no_variance_at_all(void **state)
{
    (void)state;
    enum { ROWS = 777, WIDTH = 3 };
    float *rows = sample_rows(ROWS, WIDTH, 6);
    for (int r = 0; r < ROWS; r++) rows[r * WIDTH + 1] = 0.1f;
    struct pom_moments *a = moments_of(rows, 123, WIDTH),
                       *b = moments_of(rows + 123 * WIDTH, ROWS - 123, WIDTH);
    assert_int_equal(pom_moments_merge(a, b, NULL), POM_OK);
    struct pom_moments *completed = complete(a);
    assert_true(completed->mean[1] == 0.1f);
    for (int j = 0; j < WIDTH; j++) assert_true(*pomi_moments_cross_product(completed, 1, j) == 0);
    pom_moments_free(completed);
    pom_moments_free(a);
    pom_moments_free(b);
    free(rows);
}

static void a_value_that_is_not_finite_is_refused_with_its_place(void **state)
{
    (void)state;
    float rows[400][3];
    memset(rows, 0, sizeof rows);
    struct pom_moments *moments = moments_of(rows[0], 10, 3), *before = moments_of(rows[0], 10, 3);
    const float bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        rows[399][2] = bad[i];
        struct pom_error err;
        assert_int_equal(pom_moments_add(moments, rows[0], 400, &err), POM_ERROR_NUMERIC);
        assert_string_equal(err.reason, "not_finite");
        assert_non_null(strstr(err.message, "row 399 "));
        assert_non_null(strstr(err.message, "column 2 "));
        assert_same_bytes(moments, before);
    }
    pom_moments_free(moments);
    pom_moments_free(before);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct pom_moments *moments, *wider;
    struct pom_error err;
    assert_int_equal(pom_moments_new(&moments, 0, &err), POM_ERROR_ARGUMENT);
    assert_null(moments);
    assert_int_equal(pom_moments_new(&moments, POMI_MOMENTS_MAX_WIDTH + 1, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_moments_new(NULL, 3, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_moments_new(&moments, 3, &err), POM_OK);
    assert_int_equal(pom_moments_new(&wider, 4, &err), POM_OK);
    assert_int_equal(pom_moments_merge(moments, wider, &err), POM_ERROR_MISMATCH);
    assert_string_equal(err.reason, "width_mismatch");
    assert_int_equal(pom_moments_merge(moments, moments, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_moments_add(moments, NULL, 1, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_moments_add(moments, NULL, 0, &err), POM_OK);
    assert_int_equal(pom_moments_count(moments), 0);
    pom_moments_free(moments);
    pom_moments_free(wider);
    pom_moments_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_rows_by_hand),
        cmocka_unit_test(sums_agree_with_long_double),
        cmocka_unit_test(any_cut_into_calls_gives_the_same_bytes),
        cmocka_unit_test(every_kernel_set_gives_the_same_bytes),
        cmocka_unit_test(the_bytes_are_those_of_every_machine_and_version),
        cmocka_unit_test(merging_gives_the_same_as_adding_all),
        cmocka_unit_test(merging_with_empty_moments_changes_nothing),
        cmocka_unit_test(far_from_zero_nothing_cancels),
        cmocka_unit_test(a_mean_that_drifts_is_followed),
        cmocka_unit_test(a_constant_column_has_no_variance_at_all),
        cmocka_unit_test(a_value_that_is_not_finite_is_refused_with_its_place),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
