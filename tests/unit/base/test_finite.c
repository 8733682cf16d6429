// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/finite.h"

static void finite_numbers_are_told_from_others(void **state)
{
    (void)state;
    const float fine[] = {0.0f, -0.0f, 1e-45f, 3.4028235e38f, -3.4028235e38f};
    assert_true(pomi_all_finite(fine, 5));
    assert_true(pomi_all_finite(NULL, 0));
    const float others[] = {INFINITY, -INFINITY, NAN};
    for (int i = 0; i < 3; i++) {
        float row[] = {1.0f, 2.0f, others[i]};
        assert_false(pomi_all_finite(row, 3));
        assert_true(pomi_all_finite(row, 2));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finite_numbers_are_told_from_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
