// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/sizes.h"

static void appending_keeps_content_and_size(void **state)
{
    (void)state;
    struct pomi_bytes bytes = {0};
    for (int i = 0; i < 1000; i++) assert_int_equal(pomi_bytes_print(&bytes, NULL, "%03d,", i), POM_OK);
    assert_int_equal(bytes.size_bytes, 4000);
    assert_memory_equal(bytes.data + 3996, "999,", 4);
    pomi_bytes_release(&bytes);
    assert_null(bytes.data);
}

static void a_size_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    struct pomi_bytes bytes = {.size_bytes = 8};
    struct pom_error err;
    assert_int_equal(pomi_bytes_append(&bytes, "x", SIZE_MAX - 4, &err), POM_ERROR_MEMORY);
    size_t product;
    assert_false(pomi_size_multiply(SIZE_MAX / 2, 3, &product));
    assert_int_equal(pomi_size_align(65, 64), 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appending_keeps_content_and_size),
        cmocka_unit_test(a_size_that_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
