// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/text.h"

static void well_formed_text_is_told_from_the_rest(void **state)
{
    (void)state;
    const char *const good[] = {
        "", "plain", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x8d\x8e", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    const char *const bad[] = {"\x80",         "\xc0\xaf",         "\xc3", "\xe0\x80\x80",
                               "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "a\xe9z"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(pomi_utf8_valid(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pomi_utf8_valid(bad[i], strlen(bad[i])));
}

static void escaping_changes_bad_bytes_only(void **state)
{
    (void)state;
    char *escaped = pomi_utf8_escaped("caf\xe9/\xf0\x9f\x8d\x8e.jpg");
    assert_string_equal(escaped, "caf\\xe9/\xf0\x9f\x8d\x8e.jpg");
    free(escaped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_text_is_told_from_the_rest),
        cmocka_unit_test(escaping_changes_bad_bytes_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
