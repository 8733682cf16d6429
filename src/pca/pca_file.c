// SPDX-License-Identifier: Apache-2.0
/*
 * The PCA file: a safetensors file, so that any language reads it. Metadata: "format" = "pomona-pca/1",
 * "scale" = "none", "std" or "mean-std", "network_name", "network_identity", "pomona_version". Tensors:
 *
 *     n_rows              I64 [1]           rows it was fitted on
 *     mean                F64 [width]       of the unscaled rows
 *     sample_std          F64 [width]       of the unscaled rows; 0: a constant column
 *     scale               F64 [width]       what rows are divided by: sample_std, but 1 where that is 0 or
 * when the scale is "none" components          F64 [k][width]    rows of length 1 explained_variance  F64 [k]
 * descending ratios              F64 [k]           explained_variance / its sum over all components
 *     all_ratios          F64 [width]       the same of every component
 */
#include "config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "pca/model.h"
#include "pca/moments.h"
#include "pca/tensors.h"
#include "store/store.h"

#define PCA_FORMAT  "pomona-pca/1"
#define PCA_TENSORS 8

/* All components of rows of 11,000 numbers; refused before anything is allocated. */
#define MAX_FILE_BYTES ((size_t)1 << 30)

/* How far what is equal in exact arithmetic may differ in a file, whoever wrote it. */
#define FILE_TOLERANCE 1e-6

static enum pom_status write_pca(const struct pom_pca *pca, struct pomi_bytes *bytes, struct pom_error *err)
{
    const struct pom_pca_info *info = &pca->info;
    size_t width = (size_t)info->width, k = (size_t)info->n_components;
    const struct pomi_tensor tensors[PCA_TENSORS] = {
        pomi_tensors_made("n_rows", POMI_I64, 1, 0, &info->n_rows),
        pomi_tensors_made("mean", POMI_F64, width, 0, info->mean),
        pomi_tensors_made("sample_std", POMI_F64, width, 0, info->sample_std),
        pomi_tensors_made("scale", POMI_F64, width, 0, info->scale_std),
        pomi_tensors_made("components", POMI_F64, k, width, info->components),
        pomi_tensors_made("explained_variance", POMI_F64, k, 0, info->explained_variance),
        pomi_tensors_made("ratios", POMI_F64, k, 0, info->ratios),
        pomi_tensors_made("all_ratios", POMI_F64, width, 0, info->all_ratios),
    };
    const struct pomi_metadata metadata[] = {
        {"format", PCA_FORMAT},
        {"scale", pomi_scale_name(info->scale)},
        {"network_name", info->network_name},
        {"network_identity", info->network_identity},
        {"pomona_version", POMI_VERSION},
    };
    return pomi_safetensors_write(bytes, tensors, PCA_TENSORS, metadata, sizeof metadata / sizeof metadata[0],
                                  err);
}

enum pom_status pom_pca_save_memory(const struct pom_pca *pca, void **data, size_t *size_bytes,
                                    struct pom_error *err)
{
    if (pca == NULL || data == NULL || size_bytes == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca, data or size_bytes is NULL");
    *data = NULL;
    *size_bytes = 0;
    struct pomi_bytes bytes = {0};
    enum pom_status status = write_pca(pca, &bytes, err);
    if (status != POM_OK) {
        pomi_bytes_release(&bytes);
        return status;
    }
    *data = bytes.data;
    *size_bytes = bytes.size_bytes;
    return POM_OK;
}

enum pom_status pom_pca_save(const struct pom_pca *pca, const char *path, struct pom_error *err)
{
    if (pca == NULL || path == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca or path is NULL");
    struct pomi_bytes bytes = {0};
    enum pom_status status = write_pca(pca, &bytes, err);
    if (status == POM_OK) status = pomi_store_write(NULL, path, pomi_bytes_view(&bytes), err);
    pomi_bytes_release(&bytes);
    return status;
}

static enum pom_status bad_value(struct pom_error *err, const char *name, int index, double value,
                                 const char *rule)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "tensor \"%s\": element %d is %g, it must be %s",
                     name, index, value, rule);
}

/* scale_std is still as the file has it. */
static enum pom_status check_scaler(const struct pom_pca *pca, struct pom_error *err)
{
    for (int j = 0; j < pca->info.width; j++) {
        double std = pca->sample_std[j];
        if (!(std >= 0)) return bad_value(err, "sample_std", j, std, "0 or above");
        double expected = pca->info.scale == POM_SCALE_NONE || std == 0 ? 1 : std;
        if (pca->scale_std[j] != expected)
            return bad_value(err, "scale", j, pca->scale_std[j],
                             "the sample_std, or 1 where nothing is divided");
    }
    return POM_OK;
}

static enum pom_status check_components(const struct pom_pca *pca, struct pom_error *err)
{
    const struct pom_pca_info *info = &pca->info;
    if (info->n_rows < 2)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "n_rows is %lld, a PCA needs 2",
                         (long long)info->n_rows);
    double sum = 0;
    for (int j = 0; j < info->width; j++) {
        double largest = j == 0 ? 1 : info->all_ratios[j - 1];
        if (info->all_ratios[j] < 0 || info->all_ratios[j] > largest)
            return bad_value(err, "all_ratios", j, info->all_ratios[j], "0 to 1 and descending");
        sum += info->all_ratios[j];
    }
    if (fabs(sum - 1) > FILE_TOLERANCE)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                         "tensor \"all_ratios\": the sum is %g, it must be 1", sum);
    for (int c = 0; c < info->n_components; c++) {
        if (info->explained_variance[c] < 0 ||
            (c > 0 && info->explained_variance[c] > info->explained_variance[c - 1]))
            return bad_value(err, "explained_variance", c, info->explained_variance[c],
                             "0 or above and descending");
        if (info->ratios[c] != info->all_ratios[c])
            return bad_value(err, "ratios", c, info->ratios[c], "equal to that of \"all_ratios\"");
        double length = 0;
        const double *component = info->components + (size_t)c * (size_t)info->width;
        for (int j = 0; j < info->width; j++) length += component[j] * component[j];
        if (!(fabs(length - 1) <= FILE_TOLERANCE))
            return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                             "tensor \"components\": the square of the length of row %d is %g, it must be 1",
                             c, length);
    }
    return POM_OK;
}

static enum pom_status read_pca(struct pom_pca **pca, const struct pomi_safetensors *container,
                                struct pom_error *err)
{
    const char *scale = pomi_safetensors_metadata(container, "scale");
    int scale_number = POM_SCALE_NONE;
    while (pomi_scale_name((enum pom_scale)scale_number) != NULL &&
           (scale == NULL || strcmp(scale, pomi_scale_name((enum pom_scale)scale_number)) != 0))
        scale_number++;
    if (pomi_scale_name((enum pom_scale)scale_number) == NULL)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                         "its metadata \"scale\" is not none, std or mean-std");

    int width, k;
    POMI_TRY(
        pomi_tensors_length(container, "components", POMI_F64, 2, 1, 1, POMI_MOMENTS_MAX_WIDTH, &width, err));
    POMI_TRY(pomi_tensors_length(container, "components", POMI_F64, 2, 0, 1, width, &k, err));
    POMI_TRY(pomi_pca_new(pca, width, k, pomi_safetensors_metadata(container, "network_name"),
                          pomi_safetensors_metadata(container, "network_identity"), err));
    struct pom_pca *read = *pca;
    size_t n = (size_t)width, n_components = (size_t)k;
    read->info.scale = (enum pom_scale)scale_number;
    POMI_TRY(pomi_tensors_read(container, "n_rows", POMI_I64, 1, 0, &read->info.n_rows, err));
    POMI_TRY(pomi_tensors_read(container, "mean", POMI_F64, n, 0, read->mean, err));
    POMI_TRY(pomi_tensors_read(container, "sample_std", POMI_F64, n, 0, read->sample_std, err));
    POMI_TRY(pomi_tensors_read(container, "scale", POMI_F64, n, 0, read->scale_std, err));
    POMI_TRY(pomi_tensors_read(container, "components", POMI_F64, n_components, n, read->components, err));
    POMI_TRY(pomi_tensors_read(container, "explained_variance", POMI_F64, n_components, 0,
                               read->explained_variance, err));
    POMI_TRY(pomi_tensors_read(container, "ratios", POMI_F64, n_components, 0, read->ratios, err));
    POMI_TRY(pomi_tensors_read(container, "all_ratios", POMI_F64, n, 0, read->all_ratios, err));
    POMI_TRY(check_scaler(read, err));
    POMI_TRY(check_components(read, err));
    pomi_pca_complete(read);
    return POM_OK;
}

enum pom_status pom_pca_open_memory(struct pom_pca **pca, const void *data, size_t size_bytes,
                                    struct pom_error *err)
{
    if (pca == NULL || (data == NULL && size_bytes > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca or data is NULL");
    *pca = NULL;
    struct pomi_safetensors *container;
    POMI_TRY(pomi_tensors_open(&container, (struct pomi_view){data, size_bytes}, PCA_FORMAT, PCA_TENSORS,
                               "PCA file", err));
    enum pom_status status = read_pca(pca, container, err);
    pomi_safetensors_free(container);
    if (status != POM_OK) {
        pom_pca_free(*pca);
        *pca = NULL;
        return pomi_fail_in(err, status, "PCA file");
    }
    return POM_OK;
}

enum pom_status pom_pca_open(struct pom_pca **pca, const char *path, struct pom_error *err)
{
    if (pca == NULL || path == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "pca or path is NULL");
    *pca = NULL;
    struct pomi_bytes bytes = {0};
    enum pom_status status = pomi_store_read(NULL, path, MAX_FILE_BYTES, &bytes, err);
    if (status == POM_OK) {
        status = pom_pca_open_memory(pca, bytes.data, bytes.size_bytes, err);
        if (status != POM_OK) pomi_fail_in(err, status, "%s", path);
    }
    pomi_bytes_release(&bytes);
    return status;
}
