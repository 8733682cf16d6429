// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/embedded.h"

extern const struct pomi_embedded embedded_for_test[];

/* The embedding tool embeds itself here: a binary with zeros, quotes, digits after escapes and all the rest. */
static void a_binary_comes_through_unchanged(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s/embed", getenv("POMONA_BUILD"));
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    struct pomi_view embedded = pomi_embedded_find(embedded_for_test, "binary");
    assert_true(embedded.size_bytes > 1000);
    for (size_t i = 0; i < embedded.size_bytes; i++) assert_int_equal(getc(file), embedded.data[i]);
    assert_int_equal(getc(file), EOF);
    assert_int_equal(embedded.data[embedded.size_bytes], 0);
    fclose(file);
}

static void an_empty_file_and_a_missing_name_differ(void **state)
{
    (void)state;
    struct pomi_view empty = pomi_embedded_find(embedded_for_test, "empty");
    assert_non_null(empty.data);
    assert_int_equal(empty.size_bytes, 0);
    assert_null(pomi_embedded_find(embedded_for_test, "missing").data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_binary_comes_through_unchanged),
        cmocka_unit_test(an_empty_file_and_a_missing_name_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
