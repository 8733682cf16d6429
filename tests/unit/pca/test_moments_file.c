// SPDX-License-Identifier: Apache-2.0
/* Saved moments: nothing is lost on the way, and bytes that are no moments are refused. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/safetensors.h"
#include "pca_samples.h"

static void going_through_bytes_at_any_moment_changes_nothing(void **state)
{
    (void)state;
    enum { ROWS = 600, WIDTH = 11 };
    float *rows = sample_rows(ROWS, WIDTH, 1);
    struct pom_moments *direct = moments_of(rows, ROWS, WIDTH);
    void *direct_data, *data;
    size_t direct_bytes, size_bytes;
    assert_int_equal(pom_moments_save_memory(direct, &direct_data, &direct_bytes, NULL), POM_OK);
    const size_t stops[] = {0, 1, 255, 256, 257, 599, ROWS};
    for (size_t i = 0; i < sizeof stops / sizeof stops[0]; i++) {
        struct pom_moments *before = moments_of(rows, stops[i], WIDTH), *after;
        assert_int_equal(pom_moments_save_memory(before, &data, &size_bytes, NULL), POM_OK);
        pom_moments_free(before);
        assert_int_equal(pom_moments_open_memory(&after, data, size_bytes, NULL), POM_OK);
        free(data);
        assert_int_equal(pom_moments_count(after), stops[i]);
        assert_int_equal(pom_moments_add(after, rows + stops[i] * WIDTH, ROWS - stops[i], NULL), POM_OK);
        assert_int_equal(pom_moments_save_memory(after, &data, &size_bytes, NULL), POM_OK);
        assert_int_equal(size_bytes, direct_bytes);
        assert_memory_equal(data, direct_data, size_bytes);
        free(data);
        pom_moments_free(after);
    }
    free(direct_data);
    pom_moments_free(direct);
    free(rows);
}

/* Moments of width 2 as someone else may write them. */
struct parts {
    int64_t n_rows;
    double mean[2];
    double cross_products[3];
    float pending[2];
    int n_pending;
    const char *format;
};

static const struct parts good = {10, {1, 2}, {4, 3, 4}, {5, 6}, 1, "pomona-moments/1"};

static enum pom_status open_parts(const struct parts *parts, struct pom_error *err)
{
    const struct pomi_tensor tensors[] = {
        {"n_rows", POMI_I64, 1, {1}, 1, &parts->n_rows, 8},
        {"mean", POMI_F64, 1, {2}, 2, parts->mean, 16},
        {"cross_products", POMI_F64, 1, {3}, 3, parts->cross_products, 24},
        {"pending",
         POMI_F32,
         2,
         {parts->n_pending, 2},
         (size_t)parts->n_pending * 2,
         parts->pending,
         (size_t)parts->n_pending * 8},
    };
    struct pomi_metadata metadata = {"format", parts->format};
    struct pomi_bytes bytes = {0};
    assert_int_equal(pomi_safetensors_write(&bytes, tensors, 4, &metadata, 1, NULL), POM_OK);
    struct pom_moments *moments;
    enum pom_status status = pom_moments_open_memory(&moments, bytes.data, bytes.size_bytes, err);
    assert_true((status == POM_OK) == (moments != NULL));
    pom_moments_free(moments);
    pomi_bytes_release(&bytes);
    return status;
}

#define ASSERT_REFUSED(change, expected_status, expected_words)                                              \
    do {                                                                                                     \
        struct parts parts = good;                                                                           \
        struct pom_error err = {0};                                                                          \
        change;                                                                                              \
        assert_int_equal(open_parts(&parts, &err), expected_status);                                         \
        if (strstr(err.message, expected_words) == NULL) fail_msg("%s", err.message);                        \
    } while (0)

static void impossible_moments_are_refused(void **state)
{
    (void)state;
    assert_int_equal(open_parts(&good, NULL), POM_OK);
    ASSERT_REFUSED(parts.format = "pomona-moments/2", POM_ERROR_UNSUPPORTED, "reads pomona-moments/1");
    ASSERT_REFUSED(parts.format = "pomona-pca/1", POM_ERROR_FORMAT, "not a moments file");
    ASSERT_REFUSED(parts.n_rows = -1, POM_ERROR_FORMAT, "n_rows");
    ASSERT_REFUSED(parts.n_rows = INT64_MAX, POM_ERROR_FORMAT, "n_rows");
    ASSERT_REFUSED(parts.n_rows = 0, POM_ERROR_FORMAT, "no 0 rows");
    ASSERT_REFUSED(parts.mean[1] = NAN, POM_ERROR_FORMAT, "\"mean\": element 1 is not finite");
    ASSERT_REFUSED(parts.mean[1] = 1e300, POM_ERROR_FORMAT, "column 1");
    ASSERT_REFUSED(parts.pending[0] = INFINITY, POM_ERROR_FORMAT, "\"pending\": element 0 is not finite");
    ASSERT_REFUSED(parts.cross_products[0] = -1, POM_ERROR_FORMAT, "column 0");
    ASSERT_REFUSED(parts.cross_products[0] = 1e80, POM_ERROR_FORMAT, "column 0");
    ASSERT_REFUSED(parts.cross_products[1] = 4.1, POM_ERROR_FORMAT, "columns 0 and 1");
}

static void no_prefix_of_saved_moments_opens(void **state)
{
    (void)state;
    const float rows[3][2] = {{1, 2}, {3, 6}, {5, 7}};
    struct pom_moments *moments = moments_of(rows[0], 3, 2), *opened;
    void *data;
    size_t size_bytes;
    assert_int_equal(pom_moments_save_memory(moments, &data, &size_bytes, NULL), POM_OK);
    pom_moments_free(moments);
    for (size_t length = 0; length < size_bytes; length++) {
        assert_int_equal(pom_moments_open_memory(&opened, data, length, NULL), POM_ERROR_FORMAT);
        assert_null(opened);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(going_through_bytes_at_any_moment_changes_nothing),
        cmocka_unit_test(impossible_moments_are_refused),
        cmocka_unit_test(no_prefix_of_saved_moments_opens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
