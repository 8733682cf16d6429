// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "resize/resize.h"

static const enum pom_filter weighing_filters[] = {POM_FILTER_BOX, POM_FILTER_BILINEAR, POM_FILTER_HAMMING,
                                                   POM_FILTER_BICUBIC, POM_FILTER_LANCZOS};

static void weights_sum_to_one_and_stay_inside(void **state)
{
    (void)state;
    struct pomi_resize_axis axis = {0};
    for (size_t f = 0; f < sizeof weighing_filters / sizeof weighing_filters[0]; f++)
        for (int in = 1; in < 60; in += 7)
            for (int out = 1; out < 60; out += 5) {
                struct pomi_resize_stretch stretch = {in, out, 0, (float)in, weighing_filters[f]};
                assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
                for (int i = 0; i < out; i++) {
                    int64_t sum = 0;
                    assert_true(axis.firsts[i] >= 0 && axis.n_weights[i] >= 1);
                    assert_true(axis.firsts[i] + axis.n_weights[i] <= in);
                    assert_true(axis.n_weights[i] <= axis.max_weights);
                    for (int t = 0; t < axis.n_weights[i]; t++) sum += axis.weights[i * axis.max_weights + t];
                    assert_true(llabs(sum - (1 << 22)) <=
                                axis.n_weights[i]); // each is rounded by half at most
                }
            }
    pomi_bytes_release(&axis.memory);
}

static void halving_with_a_box_is_the_mean_of_two(void **state)
{
    (void)state;
    struct pomi_resize_axis axis = {0};
    struct pomi_resize_stretch stretch = {8, 4, 0, 8, POM_FILTER_BOX};
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(axis.firsts[i], 2 * i);
        assert_int_equal(axis.n_weights[i], 2);
        assert_int_equal(axis.weights[i * axis.max_weights], 1 << 21);
        assert_int_equal(axis.weights[i * axis.max_weights + 1], 1 << 21);
    }
    pomi_bytes_release(&axis.memory);
}

/* Pillow's Hamming window has its constants as floats; with doubles these two weights come out one off. */
static void hamming_has_the_precision_of_pillows_constants(void **state)
{
    (void)state;
    struct pomi_resize_axis axis = {0};
    struct pomi_resize_stretch stretch = {3, 22, 0, 3, POM_FILTER_HAMMING};
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    assert_int_equal(axis.weights[6 * axis.max_weights], 3128316);
    assert_int_equal(axis.weights[6 * axis.max_weights + 1], 1065988);
    pomi_bytes_release(&axis.memory);
}

static void a_repeated_size_is_not_computed_again(void **state)
{
    (void)state;
    struct pomi_resize_axis axis = {0};
    struct pomi_resize_stretch stretch = {100, 224, 0, 100, POM_FILTER_BICUBIC};
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    int32_t *weight = &axis.weights[5 * axis.max_weights];
    int32_t original = *weight;
    *weight = 42; // shows whether the table was written again
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    assert_int_equal(*weight, 42);
    stretch.filter = POM_FILTER_LANCZOS;
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    stretch.filter = POM_FILTER_BICUBIC;
    assert_int_equal(pomi_resize_axis_make(&axis, &stretch, NULL), POM_OK);
    assert_int_equal(axis.weights[5 * axis.max_weights], original);
    pomi_bytes_release(&axis.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_sum_to_one_and_stay_inside),
        cmocka_unit_test(halving_with_a_box_is_the_mean_of_two),
        cmocka_unit_test(hamming_has_the_precision_of_pillows_constants),
        cmocka_unit_test(a_repeated_size_is_not_computed_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
