// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/hash.h"
#include "config.h"
#include "report/report.h"

enum { MOST_POINTS = 200 };

static char texts[MOST_POINTS][16];
static const char *names[MOST_POINTS];
static float projected[MOST_POINTS][3];
static const double ratios[] = {0.6, 0.3, 0.1};

static char *make_page(const struct pomi_report *report)
{
    struct pomi_bytes html = {0};
    struct pom_error err = {0};
    if (pomi_report_html(&html, report, &err) != POM_OK) fail_msg("%s", err.message);
    assert_int_equal(pomi_bytes_append(&html, "", 1, NULL), POM_OK);
    return (char *)html.data;
}

/* The content of the element `<script type="..." id="ID">`, to be freed. */
static char *element_text(const char *page, const char *id)
{
    char opening[64];
    snprintf(opening, sizeof opening, " id=\"%s\">", id);
    const char *from = strstr(page, opening);
    if (from == NULL) return NULL;
    from += strlen(opening);
    return strndup(from, (size_t)(strstr(from, "</script>") - from));
}

static json_t *page_data(const char *page)
{
    char *text = element_text(page, "report");
    assert_non_null(text);
    json_error_t error;
    json_t *data = json_loads(text, 0, &error);
    if (data == NULL) fail_msg("%s", error.text);
    free(text);
    return data;
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++) n++;
    return n;
}

/* What each report's page must be, however empty. */
static json_t *check_page(const struct pomi_report *report)
{
    char *page = make_page(report);
    assert_int_equal(strncmp(page, "<!DOCTYPE html>", 15), 0);
    assert_non_null(strstr(page, "</html>"));
    assert_null(strstr(page, "<!-- @"));
    assert_int_equal(count(page, "<script"), count(page, "</script>"));
    assert_int_equal(count(page, "Content-Security-Policy"), 1);
    assert_null(strstr(page, "unsafe-"));
    assert_null(strstr(page, "sourceMappingURL"));
    assert_non_null(strstr(page, "Permission is hereby granted")); /* the plotting library's licence */
    json_t *data = page_data(page);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(data, "points"), "n")),
                     report->n_points);
    assert_int_equal(json_array_size(json_object_get(data, "names")), report->n_points);
    free(page);
    return data;
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < MOST_POINTS; i++) {
        snprintf(texts[i], sizeof texts[i], "f/%03d.jpg", i);
        names[i] = texts[i];
        for (int c = 0; c < 3; c++) projected[i][c] = (float)((i * (c + 7)) % 19);
    }
    return 0;
}

static void empty_and_small_reports_are_whole_pages(void **state)
{
    (void)state;
    struct pomi_report nothing = {.title = "", .manifest_json = NULL};
    json_decref(check_page(&nothing));
    struct pomi_report one = {.title = "one",
                              .manifest_json = "{}",
                              .n_points = 1,
                              .paths = names,
                              .n_components = 3,
                              .projected = projected[0],
                              .ratios = ratios,
                              .n_ratios = 3};
    json_decref(check_page(&one));
    struct pomi_report one_component = {.n_points = 5,
                                        .paths = names,
                                        .labels = names,
                                        .n_components = 1,
                                        .projected = projected[0],
                                        .ratios = ratios,
                                        .n_ratios = 1};
    json_decref(check_page(&one_component));
    struct pomi_report no_pca = {.n_points = 5, .paths = names, .labels = names};
    json_t *data = check_page(&no_pca);
    assert_int_equal(json_array_size(json_object_get(json_object_get(data, "points"), "scales")), 0);
    json_decref(data);
    struct pomi_report many_labels = {.n_points = MOST_POINTS,
                                      .paths = names,
                                      .labels = names,
                                      .n_components = 3,
                                      .projected = projected[0],
                                      .ratios = ratios,
                                      .n_ratios = 3};
    data = check_page(&many_labels);
    assert_int_equal(json_array_size(json_object_get(data, "labels")), MOST_POINTS);
    assert_int_equal(json_array_size(json_object_get(data, "folders")), 1);
    json_decref(data);
}

static void the_same_data_gives_the_same_page(void **state)
{
    (void)state;
    struct pomi_report report = {.title = "same",
                                 .n_points = MOST_POINTS,
                                 .paths = names,
                                 .labels = names,
                                 .n_components = 3,
                                 .projected = projected[0],
                                 .ratios = ratios,
                                 .n_ratios = 3};
    char *first = make_page(&report), *second = make_page(&report);
    assert_string_equal(first, second);
    free(first);
    free(second);
}

static void a_manifest_that_is_not_json_is_left_out(void **state)
{
    (void)state;
    struct pomi_report report = {.manifest_json = "{\"version\": </script>"};
    json_t *data = check_page(&report);
    assert_true(json_is_null(json_object_get(data, "manifest")));
    json_decref(data);
    report.manifest_json = "{\"version\": \"</script><b>\"}";
    data = check_page(&report);
    assert_string_equal(json_string_value(json_object_get(json_object_get(data, "manifest"), "version")),
                        "</script><b>");
    json_decref(data);
}

static void hostile_texts_come_back_as_they_went_in(void **state)
{
    (void)state;
    const char *hostile = "x</script><script>document.title='owned'</script>\n\"'&\xe2\x80\xae"
                          "gpj.\xf0\x9f\x8d\x8e";
    const char *path = "a/<img src=x onerror=alert(1)>/<!--<script>.jpg";
    struct pomi_failure failure = {hostile, hostile, "decode", "corrupt", hostile};
    struct pomi_report report = {.title = hostile,
                                 .n_points = 1,
                                 .paths = &path,
                                 .labels = &hostile,
                                 .failures = &failure,
                                 .n_failures = 1};
    json_t *data = check_page(&report);
    assert_string_equal(json_string_value(json_object_get(data, "title")), hostile);
    const json_t *row = json_array_get(json_object_get(data, "failures"), 0);
    assert_string_equal(json_string_value(json_array_get(row, 4)), hostile);
    assert_string_equal(json_string_value(json_array_get(json_object_get(data, "folders"), 0)),
                        "a/<img src=x onerror=alert(1)>/");
    assert_string_equal(json_string_value(json_array_get(json_object_get(data, "names"), 0)),
                        "<!--<script>.jpg");
    json_decref(data);
}

/* Each script that runs and the style sheet are named in the policy by their hash. */
static void the_policy_names_every_script_by_its_hash(void **state)
{
    (void)state;
    struct pomi_report report = {.title = ""};
    char *page = make_page(&report);
    const char *policy = strstr(page, "Content-Security-Policy");
    size_t n_checked = 0;
    for (const char *at = page; (at = strstr(at, "<script>")) != NULL; n_checked++) {
        at += strlen("<script>");
        uint8_t digest[POMI_MAX_DIGEST_BYTES];
        char text[POMI_BASE64_BYTES(POMI_SHA256_BYTES)];
        size_t script_bytes = (size_t)(strstr(at, "</script>") - at);
        pomi_base64(text, digest, pomi_digest(POMI_HASH_SHA256, at, script_bytes, digest));
        const char *named = strstr(policy, text);
        assert_non_null(named);
        assert_true(named < strstr(policy, "\">"));
    }
    assert_true(n_checked > 5);
    free(page);
}

int main(void)
{
#if !POMI_HAVE_REPORT_PAGE
    puts("skipped: this build has no HTML report (PicoGL.js was not found)");
    return 77;
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_and_small_reports_are_whole_pages),
        cmocka_unit_test(the_same_data_gives_the_same_page),
        cmocka_unit_test(a_manifest_that_is_not_json_is_left_out),
        cmocka_unit_test(hostile_texts_come_back_as_they_went_in),
        cmocka_unit_test(the_policy_names_every_script_by_its_hash),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
