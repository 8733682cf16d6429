// SPDX-License-Identifier: Apache-2.0
#include "pca/tensors.h"

#include <math.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "files are little-endian, numbers are copied as they are");

enum pom_status pomi_tensors_open(struct pomi_safetensors **container, struct pomi_view bytes,
                                  const char *format, size_t n_tensors, const char *what,
                                  struct pom_error *err)
{
    *container = NULL;
    enum pom_status status = pomi_safetensors_open(container, bytes, err);
    if (status != POM_OK) return pomi_fail_in(err, status, "not a %s", what);

    const char *found = pomi_safetensors_metadata(*container, "format");
    size_t name_length = (size_t)(strchr(format, '/') + 1 - format);
    if (found == NULL || strncmp(found, format, name_length) != 0)
        status = pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                           "not a %s: its metadata \"format\" is %s%.40s, expected %s", what,
                           found == NULL ? "absent" : "", found == NULL ? "" : found, format);
    else if (strcmp(found, format) != 0)
        status = pomi_fail(err, POM_ERROR_UNSUPPORTED, "unknown_version",
                           "a %s of format %.40s; this version reads %s", what, found, format);
    else if (pomi_safetensors_count(*container) != n_tensors)
        status = pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "a %s has %zu tensors, this one %zu", what,
                           n_tensors, pomi_safetensors_count(*container));
    if (status != POM_OK) {
        pomi_safetensors_free(*container);
        *container = NULL;
    }
    return status;
}

static enum pom_status find(const struct pomi_safetensors *container, const char *name, enum pomi_dtype dtype,
                            int n_dimensions, const struct pomi_tensor **tensor, struct pom_error *err)
{
    *tensor = pomi_safetensors_find(container, name);
    if (*tensor == NULL)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "tensor \"%s\" is missing", name);
    if ((*tensor)->dtype != dtype)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "tensor \"%s\" is not of the type it should be",
                         name);
    if ((*tensor)->n_dimensions != n_dimensions)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "tensor \"%s\" has %d dimensions, expected %d",
                         name, (*tensor)->n_dimensions, n_dimensions);
    return POM_OK;
}

enum pom_status pomi_tensors_length(const struct pomi_safetensors *container, const char *name,
                                    enum pomi_dtype dtype, int n_dimensions, int dimension, int64_t smallest,
                                    int64_t largest, int *length, struct pom_error *err)
{
    const struct pomi_tensor *tensor;
    POMI_TRY(find(container, name, dtype, n_dimensions, &tensor, err));
    int64_t found = tensor->shape[dimension];
    if (found < smallest || found > largest)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                         "tensor \"%s\" has length %lld in dimension %d, expected %lld to %lld", name,
                         (long long)found, dimension, (long long)smallest, (long long)largest);
    *length = (int)found;
    return POM_OK;
}

enum pom_status pomi_tensors_read(const struct pomi_safetensors *container, const char *name,
                                  enum pomi_dtype dtype, size_t n_rows, size_t n_columns, void *numbers,
                                  struct pom_error *err)
{
    const struct pomi_tensor *tensor;
    POMI_TRY(find(container, name, dtype, n_columns == 0 ? 1 : 2, &tensor, err));
    if ((uint64_t)tensor->shape[0] != n_rows || (n_columns != 0 && (uint64_t)tensor->shape[1] != n_columns))
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_file",
                         "tensor \"%s\" does not have the shape that the other tensors ask for", name);
    if (tensor->size_bytes > 0) memcpy(numbers, tensor->data, tensor->size_bytes);
    for (size_t i = 0; i < tensor->n_elements; i++)
        if ((dtype == POMI_F64 && !isfinite(((const double *)numbers)[i])) ||
            (dtype == POMI_F32 && !isfinite(((const float *)numbers)[i])))
            return pomi_fail(err, POM_ERROR_FORMAT, "bad_file", "tensor \"%s\": element %zu is not finite",
                             name, i);
    return POM_OK;
}

struct pomi_tensor pomi_tensors_made(const char *name, enum pomi_dtype dtype, size_t n_rows, size_t n_columns,
                                     const void *numbers)
{
    size_t n_elements = n_columns == 0 ? n_rows : n_rows * n_columns;
    return (struct pomi_tensor){
        .name = name,
        .dtype = dtype,
        .n_dimensions = n_columns == 0 ? 1 : 2,
        .shape = {(int64_t)n_rows, (int64_t)n_columns},
        .n_elements = n_elements,
        .data = numbers,
        .size_bytes = n_elements * pomi_dtype_bytes(dtype),
    };
}
