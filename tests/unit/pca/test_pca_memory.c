// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation from moments to a projection fails once: the answer is MEMORY and nothing leaks. Two libraries
 * answer otherwise: the C library's qsort does without, and jansson's lexer calls it a syntax error (FORMAT).
 */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pca_samples.h"

#include "../failing_allocation.h"

enum { ROWS = 300, WIDTH = 20, K = 9 };

static float *rows;
static float projected[ROWS][K];

static enum pom_status use_pca(const struct pom_pca *pca)
{
    void *data;
    size_t size_bytes;
    enum pom_status status = pom_pca_save_memory(pca, &data, &size_bytes, NULL);
    if (status != POM_OK) return status;
    struct pom_pca *opened;
    status = pom_pca_open_memory(&opened, data, size_bytes, NULL);
    free(data);
    if (status == POM_OK) status = pom_pca_apply(opened, rows, ROWS, 0, projected[0], NULL, NULL);
    pom_pca_free(opened);
    return status;
}

static enum pom_status use_moments(const struct pom_moments *moments)
{
    void *data;
    size_t size_bytes;
    enum pom_status status = pom_moments_save_memory(moments, &data, &size_bytes, NULL);
    if (status != POM_OK) return status;
    struct pom_moments *opened;
    status = pom_moments_open_memory(&opened, data, size_bytes, NULL);
    free(data);
    if (status != POM_OK) return status;

    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.n_components = K;
    options.network_name = "a network";
    struct pom_pca *pca;
    status = pom_pca_fit(&pca, opened, &options, NULL);
    if (status == POM_OK) status = use_pca(pca);
    pom_pca_free(pca);
    pom_moments_free(opened);
    return status;
}

static enum pom_status all_steps(void)
{
    struct pom_moments *moments;
    enum pom_status status = pom_moments_new(&moments, WIDTH, NULL);
    if (status == POM_OK) status = pom_moments_add(moments, rows, ROWS, NULL);
    if (status == POM_OK) status = use_moments(moments);
    pom_moments_free(moments);
    return status;
}

static void each_allocation_may_fail(void **state)
{
    (void)state;
    rows = sample_rows(ROWS, WIDTH, 1);
    assert_int_equal(all_steps(), POM_OK); /* libraries allocate what they keep */
    long n_living_before = n_living, n_failures = 0, n_elsewhere = 0;
    for (;; n_failures++) {
        n_until_failure = n_failures;
        enum pom_status status = all_steps();
        bool failed = n_until_failure < 0;
        n_until_failure = -1;
        assert_int_equal(n_living, n_living_before);
        if (!failed) break;
        if (status == POM_ERROR_MEMORY) continue;
        n_elsewhere++;
        assert_true(status == POM_OK || status == POM_ERROR_FORMAT);
    }
    assert_true(n_failures > 50 && n_elsewhere < n_failures / 3);
    free(rows);
}

int main(void)
{
#ifdef CANNOT_REPLACE_MALLOC
    print_message("skipped: this build has an allocator of its own\n");
    return 77;
#endif
    if (!POMI_HAVE_LAPACK) {
        print_message("skipped: built without LAPACK\n");
        return 77;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
