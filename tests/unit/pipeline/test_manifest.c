// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/manifest.h"
#include "store/store.h"

#include "../own_folder.h"

static struct pom_error err;

static enum pom_status read_text(json_t **manifest, const char *text)
{
    struct pomi_view content = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(pomi_store_write(NULL, "run.json", content, &err), POM_OK);
    return pomi_manifest_read(manifest, NULL, ".", &err);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    json_t *manifest, *read;
    assert_int_equal(pomi_manifest_read(&read, NULL, ".", &err), POM_ERROR_NOT_FOUND);
    manifest =
        json_pack("{s:s, s:{s:I}}", "format", POMI_MANIFEST_FORMAT, "counts", "listed", (json_int_t)1 << 53);
    assert_int_equal(pomi_manifest_write(manifest, NULL, ".", &err), POM_OK);
    assert_int_equal(pomi_manifest_read(&read, NULL, ".", &err), POM_OK);
    assert_true(json_equal(manifest, read));
    json_decref(read);
    json_decref(manifest);
}

static void other_files_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "{",
                                        "[]",
                                        "null",
                                        "{}",
                                        "{\"format\": 1}",
                                        "{\"format\": \"pomona-run/2\"}",
                                        "{\"format\": \"pomona-run/1\"",
                                        "{\"format\": \"pomona-run/1\"} trailing"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *manifest;
        assert_int_equal(read_text(&manifest, texts[i]), POM_ERROR_FORMAT);
        assert_non_null(strstr(err.message, "./run.json is not a manifest of this version of pomona"));
        assert_null(manifest);
    }
}

static void the_first_other_setting_is_named(void **state)
{
    (void)state;
    json_t *same = json_pack("{s:s, s:i}", "filter", "bicubic", "part_rows", 7);
    json_t *other = json_pack("{s:s, s:i}", "filter", "bicubic", "part_rows", 8);
    json_t *more = json_pack("{s:s, s:i, s:b}", "filter", "bicubic", "part_rows", 7, "turned", 1);
    json_t *manifest = json_pack("{s:O}", "settings", same);
    assert_int_equal(pomi_manifest_same_settings(manifest, same, "out", &err), POM_OK);
    assert_int_equal(pomi_manifest_same_settings(manifest, other, "out", &err), POM_ERROR_MISMATCH);
    assert_string_equal(err.message, "out was made with part_rows 7, and this run has 8: use the same "
                                     "settings, --overwrite, or another output");
    assert_int_equal(pomi_manifest_same_settings(manifest, more, "out", &err), POM_ERROR_MISMATCH);
    assert_non_null(strstr(err.message, "out was made with turned nothing, and this run has true"));

    /* A manifest of an earlier version, or one that somebody edited. */
    json_t *without = json_pack("{s:s}", "settings", "gone");
    assert_int_equal(pomi_manifest_same_settings(without, same, "out", &err), POM_ERROR_MISMATCH);
    assert_non_null(strstr(err.message, "filter nothing, and this run has \"bicubic\""));
    json_decref(same);
    json_decref(other);
    json_decref(more);
    json_decref(manifest);
    json_decref(without);
}

static void text_that_is_not_utf8_is_escaped(void **state)
{
    (void)state;
    json_t *text = pomi_manifest_text("pears \xe9"), *none = pomi_manifest_text(NULL);
    assert_string_equal(json_string_value(text), "pears \\xe9");
    assert_string_equal(json_string_value(none), "");
    json_decref(text);
    json_decref(none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(other_files_are_refused_by_name),
        TEST(the_first_other_setting_is_named),
        TEST(text_that_is_not_utf8_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
