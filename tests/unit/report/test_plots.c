// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "report/plots.h"

#if POMI_HAVE_CAIRO

#include "report/drawing.h"

/* Fontconfig, below cairo, keeps what it loaded until the process ends: the leak checker need not name it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig";
}

enum { MOST_POINTS = 5000 };

static char texts[MOST_POINTS][32];
static const char *names[MOST_POINTS];
static float projected[MOST_POINTS][3];

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < MOST_POINTS; i++) {
        snprintf(texts[i], sizeof texts[i], "label %03d \xff\n<&", i % 200);
        names[i] = texts[i];
        for (int c = 0; c < 3; c++) projected[i][c] = (float)((i * (c + 7)) % 97);
    }
    return 0;
}

/* The plot is a file of its format. Returns its size. */
static size_t check_plot(const struct pomi_report *report, const char *name, const char *format)
{
    struct pomi_bytes first = {0};
    struct pom_error err = {0};
    if (pomi_report_plot(&first, report, name, format, &err) != POM_OK) fail_msg("%s: %s", name, err.message);
    if (strcmp(format, "png") == 0)
        assert_memory_equal(first.data, "\x89PNG\r\n\x1a\n", 8);
    else
        assert_memory_equal(first.data, "<?xml", 5);
    size_t size_bytes = first.size_bytes;
    pomi_bytes_release(&first);
    return size_bytes;
}

static void drawing_again_gives_the_same_bytes(void **state)
{
    (void)state;
    struct pomi_report report = {.title = "same",
                                 .n_points = MOST_POINTS,
                                 .paths = names,
                                 .n_components = 3,
                                 .projected = projected[0]};
    for (int is_png = 0; is_png < 2; is_png++) {
        struct pomi_bytes first = {0}, second = {0};
        const char *format = is_png ? "png" : "svg";
        assert_int_equal(pomi_report_plot(&first, &report, "components_2d", format, NULL), POM_OK);
        assert_int_equal(pomi_report_plot(&second, &report, "components_2d", format, NULL), POM_OK);
        assert_int_equal(first.size_bytes, second.size_bytes);
        assert_memory_equal(first.data, second.data, first.size_bytes);
        pomi_bytes_release(&first);
        pomi_bytes_release(&second);
    }
}

static void check_all(const struct pomi_report *report)
{
    for (int i = 0; pomi_report_plot_names[i] != NULL; i++) {
        check_plot(report, pomi_report_plot_names[i], "svg");
        check_plot(report, pomi_report_plot_names[i], "png");
    }
}

static void every_size_of_report_can_be_drawn(void **state)
{
    (void)state;
    const double ratios[] = {0.6, 0.3, 0.05, 0.03, 0.02};
    struct pomi_report report = {.title = "\xff\xe2\x80\xae<title>",
                                 .n_points = 300,
                                 .paths = names,
                                 .labels = names,
                                 .n_components = 3,
                                 .projected = projected[0],
                                 .ratios = ratios,
                                 .n_ratios = 5};
    check_all(&report); /* 200 labels */
    report.labels = NULL;
    check_all(&report);
    report.n_points = 1;
    check_all(&report);
    report.n_components = report.n_ratios = 1;
    check_all(&report);
    const double zero = 0;
    report.ratios = &zero;
    check_all(&report);
}

/* An SVG with thousands of signs would not open in an editor: its points are an image then. */
static void many_points_do_not_swell_the_svg(void **state)
{
    (void)state;
    struct pomi_report report = {.title = "many",
                                 .n_points = MOST_POINTS,
                                 .paths = names,
                                 .n_components = 3,
                                 .projected = projected[0]};
    assert_true(check_plot(&report, "components_2d", "svg") < 1500000);
}

static void what_cannot_be_drawn_is_said(void **state)
{
    (void)state;
    struct pomi_report report = {.title = "nothing"};
    struct pomi_bytes image = {0};
    struct pom_error err;
    for (int i = 0; pomi_report_plot_names[i] != NULL; i++) {
        assert_int_equal(pomi_report_plot(&image, &report, pomi_report_plot_names[i], "png", &err),
                         POM_ERROR_NOT_FOUND);
        assert_string_equal(err.reason, "nothing_to_plot");
    }
    assert_int_equal(pomi_report_plot(&image, &report, "scree", "gif", &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_report_plot(&image, &report, "pie", "png", &err), POM_ERROR_ARGUMENT);
    assert_int_equal(image.size_bytes, 0);
}

static void marks_are_the_smallest_k_that_reaches_them(void **state)
{
    (void)state;
    const double ratios[] = {0.5, 0.3, 0.1, 0.05, 0.05};
    assert_int_equal(pomi_components_reaching(ratios, 5, 0.80), 2); /* 0.5 + 0.3 counts as 0.8 */
    assert_int_equal(pomi_components_reaching(ratios, 5, 0.90), 3);
    assert_int_equal(pomi_components_reaching(ratios, 5, 0.95), 4);
    assert_int_equal(pomi_components_reaching(ratios, 5, 0.99), 5);
    assert_int_equal(pomi_components_reaching(ratios, 2, 0.99), 0);
    assert_int_equal(pomi_components_reaching(ratios, 0, 0.80), 0);
}

static void safe_text_is(const char *text, const char *expected)
{
    char *safe = pomi_drawing_safe_text(text, 20);
    assert_string_equal(safe, expected);
    free(safe);
}

/* Cairo stops drawing altogether at text that is not UTF-8. */
static void text_from_outside_is_made_safe_to_draw(void **state)
{
    (void)state;
    safe_text_is("Apple Golden 1", "Apple Golden 1");
    safe_text_is("two\nlines\x7f", "two_lines_");
    safe_text_is("x\xe2\x80\xaegpj.exe", "x_gpj.exe"); /* U+202E turns the reading direction */
    safe_text_is("a\xe2\x80\x8b\xe2\x81\xa6\xef\xbb\xbf\xc2\x85z", "a____z");
    safe_text_is("caf\xc3\xa9 \xff", "caf\xc3\xa9 \\xff");
    safe_text_is("seventeen letters a\xc3\xa9\xc3\xa9", "seventeen letters\xe2\x80\xa6");
    safe_text_is(NULL, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_size_of_report_can_be_drawn),
        cmocka_unit_test(drawing_again_gives_the_same_bytes),
        cmocka_unit_test(many_points_do_not_swell_the_svg),
        cmocka_unit_test(text_from_outside_is_made_safe_to_draw),
        cmocka_unit_test(what_cannot_be_drawn_is_said),
        cmocka_unit_test(marks_are_the_smallest_k_that_reaches_them),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}

#else

int main(void)
{
    puts("skipped: this build has no static plots (cairo was not found)");
    return 77;
}

#endif
