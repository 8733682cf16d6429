// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sink/text_lines.h"

static void check(enum pom_status (*append)(struct pomi_bytes *, const char *, struct pom_error *),
                  const char *text, const char *expected)
{
    struct pomi_bytes line = {0};
    assert_int_equal(append(&line, text, NULL), POM_OK);
    assert_int_equal(line.size_bytes, strlen(expected));
    assert_memory_equal(line.data, expected, line.size_bytes);
    pomi_bytes_release(&line);
}

static void csv_quotes_only_what_needs_it(void **state)
{
    (void)state;
    check(pomi_csv_append, "a/b c.jpg", "a/b c.jpg");
    check(pomi_csv_append, "", "\"\"");
    check(pomi_csv_append, "a,b", "\"a,b\"");
    check(pomi_csv_append, "say \"hi\"", "\"say \"\"hi\"\"\"");
    check(pomi_csv_append, "two\nlines\r", "\"two\nlines\r\"");
    check(pomi_csv_append, "it's back\\slash", "it's back\\slash");
    check(pomi_csv_append, "🍎", "🍎");
}

static void json_escapes_what_it_must(void **state)
{
    (void)state;
    check(pomi_json_append, "a/b c.jpg", "\"a/b c.jpg\"");
    check(pomi_json_append, "", "\"\"");
    check(pomi_json_append, "\"\\", "\"\\\"\\\\\"");
    check(pomi_json_append, "\n\t\r\x01\x1f\x7f", "\"\\n\\t\\u000d\\u0001\\u001f\x7f\"");
    check(pomi_json_append, "🍎é", "\"🍎é\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_quotes_only_what_needs_it),
        cmocka_unit_test(json_escapes_what_it_must),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
