// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void the_message_says_what_and_where(void **state)
{
    (void)state;
    struct pom_error err;
    assert_int_equal(pomi_fail(&err, POM_ERROR_FORMAT, "truncated", "ends after %d bytes", 7),
                     POM_ERROR_FORMAT);
    assert_int_equal(pomi_fail_in(&err, POM_ERROR_FORMAT, "%s", "photos/a.jpg"), POM_ERROR_FORMAT);
    assert_string_equal(err.message, "photos/a.jpg: ends after 7 bytes");
    assert_string_equal(err.reason, "truncated");
    assert_string_equal(pom_status_name(err.status), "format");
    assert_string_equal(pom_status_name((enum pom_status)99), "unknown");
}

static void a_caller_may_pass_no_error(void **state)
{
    (void)state;
    assert_int_equal(pomi_fail(NULL, POM_ERROR_IO, "unreadable", "x"), POM_ERROR_IO);
    assert_int_equal(pomi_fail_in(NULL, POM_ERROR_IO, "x"), POM_ERROR_IO);
}

static void long_messages_are_cut_and_terminated(void **state)
{
    (void)state;
    struct pom_error err;
    char text[4096];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    pomi_fail(&err, POM_ERROR_IO, text, "%s", text);
    pomi_fail_in(&err, POM_ERROR_IO, "%s", text);
    assert_int_equal(strlen(err.reason), sizeof err.reason - 1);
    assert_true(strlen(err.message) < sizeof err.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_message_says_what_and_where),
        cmocka_unit_test(a_caller_may_pass_no_error),
        cmocka_unit_test(long_messages_are_cut_and_terminated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
