// SPDX-License-Identifier: Apache-2.0
/* The PCA file: all comes back, the same PCA gives the same bytes, and a damaged file is refused by what is
 * wrong. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/safetensors.h"
#include "pca/model.h"

enum { WIDTH = 3, K = 2 };

/* Written by hand, so that these tests need no LAPACK: columns with deviations 3, 2 and 0. */
struct parts {
    const char *format, *scale;
    int64_t n_rows;
    double mean[WIDTH], sample_std[WIDTH], scale_numbers[WIDTH];
    double components[K][WIDTH];
    double explained_variance[K], ratios[K], all_ratios[WIDTH];
    int n_tensors; /* of the 9 below: the last is one too many */
    int mean_length;
    enum pomi_dtype components_dtype;
};

static const struct parts good = {
    .format = "pomona-pca/1",
    .scale = "mean-std",
    .n_rows = 10,
    .mean = {1, 2, 3},
    .sample_std = {3, 2, 0},
    .scale_numbers = {3, 2, 1},
    .components = {{0.6, 0.8, 0}, {0.8, -0.6, 0}},
    .explained_variance = {1.5, 0.5},
    .ratios = {0.75, 0.25},
    .all_ratios = {0.75, 0.25, 0},
    .n_tensors = 8,
    .mean_length = WIDTH,
    .components_dtype = POMI_F64,
};

static void write_parts(const struct parts *parts, struct pomi_bytes *bytes)
{
    const struct pomi_tensor tensors[] = {
        {"n_rows", POMI_I64, 1, {1}, 1, &parts->n_rows, 8},
        {"mean",
         POMI_F64,
         1,
         {parts->mean_length},
         (size_t)parts->mean_length,
         parts->mean,
         (size_t)parts->mean_length * 8},
        {"sample_std", POMI_F64, 1, {WIDTH}, WIDTH, parts->sample_std, WIDTH * 8},
        {"scale", POMI_F64, 1, {WIDTH}, WIDTH, parts->scale_numbers, WIDTH * 8},
        {"components", parts->components_dtype, 2, {K, WIDTH}, K * WIDTH, parts->components, K * WIDTH * 8},
        {"explained_variance", POMI_F64, 1, {K}, K, parts->explained_variance, K * 8},
        {"ratios", POMI_F64, 1, {K}, K, parts->ratios, K * 8},
        {"all_ratios", POMI_F64, 1, {WIDTH}, WIDTH, parts->all_ratios, WIDTH * 8},
        {"zoo", POMI_F64, 1, {1}, 1, parts->mean, 8},
    };
    const struct pomi_metadata metadata[] = {
        {"format", parts->format}, {"scale", parts->scale}, {"network_identity", "0123abcd"}};
    assert_int_equal(pomi_safetensors_write(bytes, tensors, (size_t)parts->n_tensors, metadata, 3, NULL),
                     POM_OK);
}

static enum pom_status open_parts(struct pom_pca **pca, const struct parts *parts, struct pom_error *err)
{
    struct pomi_bytes bytes = {0};
    write_parts(parts, &bytes);
    enum pom_status status = pom_pca_open_memory(pca, bytes.data, bytes.size_bytes, err);
    pomi_bytes_release(&bytes);
    assert_true((status == POM_OK) == (*pca != NULL));
    return status;
}

static void what_is_in_a_file_is_in_the_pca(void **state)
{
    (void)state;
    struct pom_pca *pca;
    assert_int_equal(open_parts(&pca, &good, NULL), POM_OK);
    const struct pom_pca_info *info = pom_pca_info(pca);
    assert_int_equal(info->width, WIDTH);
    assert_int_equal(info->n_components, K);
    assert_int_equal(info->scale, POM_SCALE_MEAN_STD);
    assert_int_equal(info->n_rows, 10);
    assert_memory_equal(info->mean, good.mean, sizeof good.mean);
    assert_memory_equal(info->sample_std, good.sample_std, sizeof good.sample_std);
    assert_memory_equal(info->scale_std, good.scale_numbers, sizeof good.scale_numbers);
    assert_memory_equal(info->components, good.components, sizeof good.components);
    assert_memory_equal(info->explained_variance, good.explained_variance, sizeof good.explained_variance);
    assert_memory_equal(info->ratios, good.ratios, sizeof good.ratios);
    assert_memory_equal(info->all_ratios, good.all_ratios, sizeof good.all_ratios);
    assert_string_equal(info->network_identity, "0123abcd");
    assert_string_equal(info->network_name, "");

    const float row[WIDTH] = {4, 6, 99};
    float projected[K];
    assert_int_equal(pom_pca_apply(pca, row, 1, 0, projected, NULL, NULL), POM_OK);
    assert_true(fabsf(projected[0] - 2.2f) < 1e-6f); /* 0.6 (4-1)/3 + 0.8 (6-2)/2 */
    assert_true(fabsf(projected[1] + 0.4f) < 1e-6f); /* 0.8 (4-1)/3 - 0.6 (6-2)/2 */
    pom_pca_free(pca);
    pom_pca_free(NULL);
}

static void saving_what_was_opened_gives_the_same_bytes(void **state)
{
    (void)state;
    struct pom_pca *first, *second, *made;
    assert_int_equal(pomi_pca_new(&made, WIDTH, K, "net \"x\" \\ \xc3\xa9\n", "f00d", NULL), POM_OK);
    made->info.scale = POM_SCALE_STD;
    made->info.n_rows = 10;
    memcpy(made->mean, good.mean, sizeof good.mean);
    memcpy(made->sample_std, good.sample_std, sizeof good.sample_std);
    memcpy(made->components, good.components, sizeof good.components);
    memcpy(made->explained_variance, good.explained_variance, sizeof good.explained_variance);
    memcpy(made->ratios, good.ratios, sizeof good.ratios);
    memcpy(made->all_ratios, good.all_ratios, sizeof good.all_ratios);
    pomi_pca_complete(made);

    void *data, *again;
    size_t size_bytes, again_bytes;
    assert_int_equal(pom_pca_save_memory(made, &data, &size_bytes, NULL), POM_OK);
    assert_int_equal(pom_pca_open_memory(&first, data, size_bytes, NULL), POM_OK);
    assert_string_equal(pom_pca_info(first)->network_name, "net \"x\" \\ \xc3\xa9\n");
    assert_int_equal(pom_pca_save_memory(first, &again, &again_bytes, NULL), POM_OK);
    assert_int_equal(again_bytes, size_bytes);
    assert_memory_equal(again, data, size_bytes);

    char path[] = "/tmp/pomona-pca-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    close(descriptor);
    assert_int_equal(pom_pca_save(first, path, NULL), POM_OK);
    assert_int_equal(pom_pca_open(&second, path, NULL), POM_OK);
    free(again);
    assert_int_equal(pom_pca_save_memory(second, &again, &again_bytes, NULL), POM_OK);
    assert_int_equal(again_bytes, size_bytes);
    assert_memory_equal(again, data, size_bytes);
    unlink(path);
    free(again);
    free(data);
    pom_pca_free(made);
    pom_pca_free(first);
    pom_pca_free(second);
}

#define ASSERT_REFUSED(change, expected_status, expected_words)                                              \
    do {                                                                                                     \
        struct parts parts = good;                                                                           \
        struct pom_error err = {0};                                                                          \
        struct pom_pca *pca;                                                                                 \
        change;                                                                                              \
        assert_int_equal(open_parts(&pca, &parts, &err), expected_status);                                   \
        if (strstr(err.message, expected_words) == NULL) fail_msg("%s", err.message);                        \
    } while (0)

static void a_wrong_file_is_refused_by_what_is_wrong(void **state)
{
    (void)state;
    ASSERT_REFUSED(parts.format = "pomona-pca/2", POM_ERROR_UNSUPPORTED, "this version reads pomona-pca/1");
    ASSERT_REFUSED(parts.format = "pomona-network/1", POM_ERROR_FORMAT, "not a PCA file");
    ASSERT_REFUSED(parts.scale = "robust", POM_ERROR_FORMAT, "\"scale\"");
    ASSERT_REFUSED(parts.n_tensors = 7, POM_ERROR_FORMAT, "has 8 tensors, this one 7");
    ASSERT_REFUSED(parts.n_tensors = 9, POM_ERROR_FORMAT, "has 8 tensors, this one 9");
    ASSERT_REFUSED(parts.mean_length = 2, POM_ERROR_FORMAT, "\"mean\"");
    ASSERT_REFUSED(parts.components_dtype = POMI_I64, POM_ERROR_FORMAT, "\"components\" is not of the type");
    ASSERT_REFUSED(parts.n_rows = 1, POM_ERROR_FORMAT, "n_rows");
    ASSERT_REFUSED(parts.mean[2] = NAN, POM_ERROR_FORMAT, "\"mean\": element 2 is not finite");
    ASSERT_REFUSED(parts.sample_std[0] = -3, POM_ERROR_FORMAT, "\"sample_std\": element 0 is -3");
    ASSERT_REFUSED(parts.scale_numbers[1] = 0, POM_ERROR_FORMAT, "\"scale\": element 1 is 0");
    ASSERT_REFUSED(parts.scale_numbers[2] = 2, POM_ERROR_FORMAT, "\"scale\": element 2 is 2");
    ASSERT_REFUSED(parts.scale = "none", POM_ERROR_FORMAT, "\"scale\": element 0 is 3");
    ASSERT_REFUSED(parts.components[1][0] = 0.9, POM_ERROR_FORMAT, "row 1");
    ASSERT_REFUSED(parts.components[1][0] = INFINITY, POM_ERROR_FORMAT, "\"components\": element 3");
    ASSERT_REFUSED(parts.components[1][0] = 1e200, POM_ERROR_FORMAT, "row 1");
    ASSERT_REFUSED(parts.explained_variance[1] = -0.1, POM_ERROR_FORMAT, "\"explained_variance\": element 1");
    ASSERT_REFUSED(parts.explained_variance[1] = 1.6, POM_ERROR_FORMAT, "\"explained_variance\": element 1");
    ASSERT_REFUSED(parts.ratios[1] = 0.2, POM_ERROR_FORMAT, "\"ratios\": element 1");
    ASSERT_REFUSED(parts.all_ratios[2] = 0.26, POM_ERROR_FORMAT, "\"all_ratios\": element 2");
    ASSERT_REFUSED(parts.all_ratios[2] = 0.1, POM_ERROR_FORMAT, "the sum is 1.1");
    ASSERT_REFUSED(parts.all_ratios[0] = 1.1, POM_ERROR_FORMAT, "\"all_ratios\": element 0");
}

static void no_prefix_of_a_file_opens(void **state)
{
    (void)state;
    struct pomi_bytes bytes = {0};
    write_parts(&good, &bytes);
    for (size_t length = 0; length < bytes.size_bytes; length++) {
        struct pom_pca *pca;
        assert_int_equal(pom_pca_open_memory(&pca, bytes.data, length, NULL), POM_ERROR_FORMAT);
        assert_null(pca);
    }
    pomi_bytes_release(&bytes);
}

static void a_file_error_names_the_file(void **state)
{
    (void)state;
    struct pom_pca *pca;
    struct pom_error err;
    assert_int_equal(pom_pca_open(&pca, "/nowhere/a.safetensors", &err), POM_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "/nowhere/a.safetensors"));
    assert_int_equal(pom_pca_open(&pca, "/dev/null/b", &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(open_parts(&pca, &good, NULL), POM_OK);
    assert_int_not_equal(pom_pca_save(pca, "/nowhere/a.safetensors", &err), POM_OK);
    assert_non_null(strstr(err.message, "/nowhere/"));
    pom_pca_free(pca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_in_a_file_is_in_the_pca),
        cmocka_unit_test(saving_what_was_opened_gives_the_same_bytes),
        cmocka_unit_test(a_wrong_file_is_refused_by_what_is_wrong),
        cmocka_unit_test(no_prefix_of_a_file_opens),
        cmocka_unit_test(a_file_error_names_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
