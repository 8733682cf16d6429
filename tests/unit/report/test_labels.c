// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "report/labels.h"
#include "report/thin.h"

static void labels_are_sorted_counted_and_missing_ones_are_empty(void **state)
{
    (void)state;
    const char *names[] = {"pear", "apple", NULL, "pear", "", "fig"};
    struct pomi_report report = {.n_points = 6, .labels = names};
    struct pomi_labels labels;
    assert_int_equal(pomi_labels_find(&labels, &report, NULL), POM_OK);
    assert_int_equal(labels.n_labels, 4);
    const char *expected[] = {"", "apple", "fig", "pear"};
    const size_t counts[] = {2, 1, 1, 2};
    for (int i = 0; i < 4; i++) {
        assert_string_equal(labels.names[i], expected[i]);
        assert_int_equal(labels.n_points[i], counts[i]);
    }
    assert_int_equal(labels.of_point[0], 3);
    assert_int_equal(labels.of_point[2], 0);
    pomi_labels_release(&labels);
    report.labels = NULL;
    assert_int_equal(pomi_labels_find(&labels, &report, NULL), POM_OK);
    assert_int_equal(labels.n_labels, 1);
    pomi_labels_release(&labels);
}

/* One label of 1000, one of 100, one of 3: 63 photos are 30 + 30 + 3, spread over each label. */
static void the_choice_is_even_over_labels(void **state)
{
    (void)state;
    enum { N = 1103, MOST = 63 };
    const char *names[N];
    for (int i = 0; i < N; i++) names[i] = i < 1000 ? "a" : i < 1100 ? "b" : "c";
    struct pomi_report report = {.n_points = N, .labels = names};
    struct pomi_labels labels;
    assert_int_equal(pomi_labels_find(&labels, &report, NULL), POM_OK);
    size_t *chosen, n, counts[3] = {0};
    assert_int_equal(pomi_labels_choose(&chosen, &n, &labels, N, MOST, NULL), POM_OK);
    assert_int_equal(n, MOST);
    for (size_t i = 0; i < n; i++) {
        counts[labels.of_point[chosen[i]]]++;
        if (i > 0) assert_true(chosen[i] > chosen[i - 1]);
    }
    assert_int_equal(counts[0], 30);
    assert_int_equal(counts[1], 30);
    assert_int_equal(counts[2], 3);
    assert_in_range(chosen[14], 400,
                    600); /* the middle of the first label's 30 lies in the middle of its 1000 */
    free(chosen);

    assert_int_equal(pomi_labels_choose(&chosen, &n, &labels, N, 2 * N, NULL), POM_OK);
    assert_int_equal(n, N);
    free(chosen);
    assert_int_equal(pomi_labels_choose(&chosen, &n, &labels, N, 2, NULL), POM_OK);
    assert_int_equal(n, 2);
    free(chosen);
    pomi_labels_release(&labels);
}

static void two_hundred_and_forty_labels_look_different(void **state)
{
    (void)state;
    enum { N = POMI_N_COLOURS * POMI_N_SHAPES };
    for (int dark = 0; dark < 2; dark++)
        for (size_t i = 0; i < N; i++)
            for (size_t j = 0; j < i; j++) {
                struct pomi_colour a = pomi_label_colour(i, dark), b = pomi_label_colour(j, dark);
                int difference = abs(a.red - b.red) + abs(a.green - b.green) + abs(a.blue - b.blue);
                assert_true(difference > 24 || pomi_label_shape(i) != pomi_label_shape(j));
            }
    struct pomi_colour cherry =
        pomi_label_colour(0, false); /* the value that the colour's definition gives elsewhere */
    assert_int_equal(cherry.red, 0xbd);
    assert_int_equal(cherry.green, 0x37);
    assert_int_equal(cherry.blue, 0x48);
}

static bool remember_index(void *user, size_t index, struct pom_image *image)
{
    (void)image;
    *(size_t *)user = index;
    return false;
}

static void a_larger_table_is_thinned_evenly(void **state)
{
    (void)state;
    enum { N = 25, K = 40 };
    static float projected[N][K];
    char texts[N][8];
    const char *paths[N];
    for (int i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%d", i);
        paths[i] = texts[i];
        for (int c = 0; c < K; c++) projected[i][c] = (float)(100 * i + c);
    }
    size_t loaded = 0;
    struct pomi_report report = {.n_points = N,
                                 .paths = paths,
                                 .n_components = K,
                                 .projected = projected[0],
                                 .load_photo = remember_index,
                                 .user = &loaded};
    struct pomi_thinned thinned;
    assert_int_equal(pomi_thin(&thinned, &report, 10, NULL), POM_OK);
    const struct pomi_report *fewer = &thinned.report;
    assert_int_equal(fewer->n_points, 9); /* 0, 3, ..., 24 */
    assert_int_equal(fewer->n_points_total, N);
    assert_int_equal(fewer->n_components, POMI_REPORT_MAX_COMPONENTS);
    assert_int_equal(fewer->n_components_total, K);
    assert_string_equal(fewer->paths[8], "24");
    assert_float_equal(fewer->projected[8 * POMI_REPORT_MAX_COMPONENTS + 31], 2431, 0);
    assert_false(fewer->load_photo(fewer->user, 8, NULL));
    assert_int_equal(loaded, 24);
    pomi_thinned_release(&thinned);

    assert_int_equal(pomi_thin(&thinned, &report, N, NULL), POM_OK);
    assert_ptr_equal(thinned.report.projected, report.projected);
    pomi_thinned_release(&thinned);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_sorted_counted_and_missing_ones_are_empty),
        cmocka_unit_test(the_choice_is_even_over_labels),
        cmocka_unit_test(two_hundred_and_forty_labels_look_different),
        cmocka_unit_test(a_larger_table_is_thinned_evenly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
