// SPDX-License-Identifier: Apache-2.0
/*
 * Safetensors: a JSON header before plain arrays. A header is outside data: every number in it is checked
 * against the bytes that are there before anything is read, and the arrays must cover the data exactly, so
 * that nothing can hide between them.
 */
#include "base/safetensors.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sizes.h"
#include "base/text.h"

#define LENGTH_FIELD_BYTES 8
#define MAX_HEADER_BYTES   ((size_t)100 * 1000 * 1000)
#define DATA_ALIGNMENT     8

static const struct {
    const char *name;
    size_t size_bytes;
} dtypes[] = {
    [POMI_F64] = {"F64", 8}, [POMI_F32] = {"F32", 4},   [POMI_F16] = {"F16", 2}, [POMI_BF16] = {"BF16", 2},
    [POMI_I64] = {"I64", 8}, [POMI_I32] = {"I32", 4},   [POMI_I16] = {"I16", 2}, [POMI_I8] = {"I8", 1},
    [POMI_U8] = {"U8", 1},   [POMI_BOOL] = {"BOOL", 1},
};
#define N_DTYPES ((int)(sizeof dtypes / sizeof dtypes[0]))

struct pomi_safetensors {
    json_t *header; /* owns every name and metadata string */
    struct pomi_tensor *tensors;
    size_t n_tensors;
};

size_t pomi_dtype_bytes(enum pomi_dtype dtype)
{
    return dtypes[dtype].size_bytes;
}

float pomi_half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 0x1f, mantissa = half & 0x3ff;
    if (exponent == 0) {
        float value = ldexpf((float)mantissa, -24);
        return sign != 0 ? -value : value;
    }
    uint32_t bits = sign | (exponent == 0x1f ? 0xff : exponent + 112) << 23 | mantissa << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static enum pom_status fail(struct pom_error *err, const char *name, const char *what)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "not a sound safetensors file: tensor \"%s\" %s", name,
                     what);
}

/* A non-negative integer that fits size_t. */
static bool read_size(const json_t *value, size_t *result)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
    *result = (size_t)json_integer_value(value);
    return true;
}

static enum pom_status read_tensor(const char *name, const json_t *entry, struct pomi_view data,
                                   struct pomi_tensor *tensor, struct pom_error *err)
{
    if (!json_is_object(entry) || json_object_size(entry) != 3)
        return fail(err, name, "is not described by dtype, shape and data_offsets");
    const char *dtype = json_string_value(json_object_get(entry, "dtype"));
    const json_t *shape = json_object_get(entry, "shape");
    const json_t *offsets = json_object_get(entry, "data_offsets");
    if (dtype == NULL || !json_is_array(shape) || !json_is_array(offsets) || json_array_size(offsets) != 2)
        return fail(err, name, "is not described by dtype, shape and data_offsets");

    int code = 0;
    while (code < N_DTYPES && strcmp(dtype, dtypes[code].name) != 0) code++;
    if (code == N_DTYPES)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported", "tensor \"%s\" has the dtype \"%.16s\"",
                         name, dtype);

    *tensor = (struct pomi_tensor){.name = name, .dtype = (enum pomi_dtype)code, .n_elements = 1};
    if (json_array_size(shape) > POMI_TENSOR_MAX_DIMENSIONS)
        return fail(err, name, "has more than 8 dimensions");
    tensor->n_dimensions = (int)json_array_size(shape);
    for (int i = 0; i < tensor->n_dimensions; i++) {
        size_t extent;
        if (!read_size(json_array_get(shape, (size_t)i), &extent) ||
            !pomi_size_multiply(tensor->n_elements, extent, &tensor->n_elements))
            return fail(err, name, "has an impossible shape");
        tensor->shape[i] = (int64_t)extent;
    }

    size_t begin, end;
    if (!read_size(json_array_get(offsets, 0), &begin) || !read_size(json_array_get(offsets, 1), &end) ||
        begin > end || end > data.size_bytes)
        return fail(err, name, "points outside the file");
    if (!pomi_size_multiply(tensor->n_elements, dtypes[code].size_bytes, &tensor->size_bytes) ||
        tensor->size_bytes != end - begin)
        return fail(err, name, "has data_offsets that do not fit its shape");
    tensor->data = data.data + begin;
    return POM_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct pomi_tensor *)a)->name, ((const struct pomi_tensor *)b)->name);
}

static int by_position(const void *a, const void *b)
{
    const struct pomi_tensor *left = a, *right = b;
    if (left->data != right->data) return left->data < right->data ? -1 : 1;
    return (left->size_bytes > right->size_bytes) - (left->size_bytes < right->size_bytes);
}

/* In order of position each array must begin where the one before it ends. */
static enum pom_status check_cover(struct pomi_tensor *tensors, size_t n_tensors, struct pomi_view data,
                                   struct pom_error *err)
{
    if (n_tensors > 0) qsort(tensors, n_tensors, sizeof *tensors, by_position);
    const uint8_t *position = data.data;
    for (size_t i = 0; i < n_tensors; i++) {
        if (tensors[i].data != position)
            return fail(err, tensors[i].name, "leaves a hole in the data or overlaps another");
        position += tensors[i].size_bytes;
    }
    if (position != data.data + data.size_bytes)
        return pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                         "not a sound safetensors file: %zu bytes at its end belong to no tensor",
                         (size_t)(data.data + data.size_bytes - position));
    if (n_tensors > 0) qsort(tensors, n_tensors, sizeof *tensors, by_name);
    return POM_OK;
}

static enum pom_status check_metadata(const json_t *metadata, struct pom_error *err)
{
    const char *key;
    json_t *value;
    if (metadata == NULL) return POM_OK;
    if (!json_is_object(metadata))
        return pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                         "not a sound safetensors file: __metadata__ is not an object");
    json_object_foreach((json_t *)metadata, key, value)
    {
        if (!json_is_string(value))
            return pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                             "not a sound safetensors file: metadata \"%.64s\" is not a string", key);
    }
    return POM_OK;
}

static enum pom_status read_header(struct pomi_safetensors *container, struct pomi_view data,
                                   struct pom_error *err)
{
    POMI_TRY(check_metadata(json_object_get(container->header, "__metadata__"), err));
    container->tensors = calloc(json_object_size(container->header) + 1, sizeof *container->tensors);
    if (container->tensors == NULL)
        return pomi_fail_memory(err, json_object_size(container->header) * sizeof *container->tensors,
                                "a table of tensors");
    const char *name;
    json_t *entry;
    json_object_foreach(container->header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) continue;
        POMI_TRY(read_tensor(name, entry, data, &container->tensors[container->n_tensors], err));
        container->n_tensors++;
    }
    return check_cover(container->tensors, container->n_tensors, data, err);
}

enum pom_status pomi_safetensors_open(struct pomi_safetensors **container, struct pomi_view bytes,
                                      struct pom_error *err)
{
    *container = NULL;
    if (bytes.size_bytes < LENGTH_FIELD_BYTES + 2)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "not a safetensors file: it has only %zu bytes",
                         bytes.size_bytes);
    uint64_t header_bytes = 0;
    for (int i = LENGTH_FIELD_BYTES - 1; i >= 0; i--) header_bytes = header_bytes << 8 | bytes.data[i];
    if (header_bytes > MAX_HEADER_BYTES || bytes.data[LENGTH_FIELD_BYTES] != '{')
        return pomi_fail(err, POM_ERROR_FORMAT, "not_safetensors",
                         "not a safetensors file: it does not begin with a header's length and a brace");
    if (header_bytes > bytes.size_bytes - LENGTH_FIELD_BYTES)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated",
                         "the file ends within its header: %zu of %zu bytes are there",
                         bytes.size_bytes - LENGTH_FIELD_BYTES, (size_t)header_bytes);

    struct pomi_safetensors *opened = calloc(1, sizeof *opened);
    if (opened == NULL) return pomi_fail_memory(err, sizeof *opened, "a safetensors file");
    const char *header = (const char *)bytes.data + LENGTH_FIELD_BYTES;
    struct pomi_view data = {bytes.data + LENGTH_FIELD_BYTES + header_bytes,
                             bytes.size_bytes - LENGTH_FIELD_BYTES - (size_t)header_bytes};
    json_error_t where = {0};
    opened->header = json_loadb(header, (size_t)header_bytes, JSON_REJECT_DUPLICATES, &where);
    enum pom_status status;
    if (pomi_json_out_of_memory(opened->header, &where))
        status = pomi_fail_memory(err, (size_t)header_bytes, "a safetensors header");
    else if (!json_is_object(opened->header))
        status = pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                           "not a sound safetensors file: its header is not valid JSON (%s)", where.text);
    else
        status = read_header(opened, data, err);
    if (status != POM_OK) {
        pomi_safetensors_free(opened);
        return status;
    }
    *container = opened;
    return POM_OK;
}

void pomi_safetensors_free(struct pomi_safetensors *container)
{
    if (container == NULL) return;
    json_decref(container->header);
    free(container->tensors);
    free(container);
}

size_t pomi_safetensors_count(const struct pomi_safetensors *container)
{
    return container->n_tensors;
}

const struct pomi_tensor *pomi_safetensors_at(const struct pomi_safetensors *container, size_t index)
{
    return index < container->n_tensors ? &container->tensors[index] : NULL;
}

const struct pomi_tensor *pomi_safetensors_find(const struct pomi_safetensors *container, const char *name)
{
    struct pomi_tensor wanted = {.name = name};
    if (container->n_tensors == 0) return NULL;
    return bsearch(&wanted, container->tensors, container->n_tensors, sizeof wanted, by_name);
}

const char *pomi_safetensors_metadata(const struct pomi_safetensors *container, const char *key)
{
    return json_string_value(json_object_get(json_object_get(container->header, "__metadata__"), key));
}

/* Appends `text` as a JSON string. */
static enum pom_status print_string(struct pomi_bytes *bytes, const char *text, struct pom_error *err)
{
    if (!pomi_utf8_valid(text, strlen(text)))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_text", "a name or metadata is not valid UTF-8: %.64s",
                         text);
    json_t *string = json_string(text);
    if (string == NULL) return pomi_fail_memory(err, strlen(text), "a JSON string");
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);
    json_decref(string);
    if (quoted == NULL) return pomi_fail_memory(err, strlen(text), "a JSON string");
    enum pom_status status = pomi_bytes_append(bytes, quoted, strlen(quoted), err);
    free(quoted);
    return status;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct pomi_metadata *)a)->key, ((const struct pomi_metadata *)b)->key);
}

static enum pom_status print_header(struct pomi_bytes *header, const struct pomi_tensor *tensors,
                                    size_t n_tensors, const struct pomi_metadata *metadata, size_t n_metadata,
                                    struct pom_error *err)
{
    const char *separator = "";
    POMI_TRY(pomi_bytes_print(header, err, "{"));
    if (n_metadata > 0) {
        POMI_TRY(pomi_bytes_print(header, err, "\"__metadata__\":{"));
        for (size_t i = 0; i < n_metadata; i++) {
            POMI_TRY(pomi_bytes_print(header, err, "%s", i > 0 ? "," : ""));
            POMI_TRY(print_string(header, metadata[i].key, err));
            POMI_TRY(pomi_bytes_print(header, err, ":"));
            POMI_TRY(print_string(header, metadata[i].value, err));
        }
        POMI_TRY(pomi_bytes_print(header, err, "}"));
        separator = ",";
    }
    size_t begin = 0, end;
    for (size_t i = 0; i < n_tensors; i++, begin = end) {
        if (!pomi_size_add(begin, tensors[i].size_bytes, &end))
            return pomi_fail_memory(err, tensors[i].size_bytes, "tensors");
        POMI_TRY(pomi_bytes_print(header, err, "%s", separator));
        POMI_TRY(print_string(header, tensors[i].name, err));
        POMI_TRY(
            pomi_bytes_print(header, err, ":{\"dtype\":\"%s\",\"shape\":[", dtypes[tensors[i].dtype].name));
        for (int j = 0; j < tensors[i].n_dimensions; j++)
            POMI_TRY(
                pomi_bytes_print(header, err, "%s%lld", j > 0 ? "," : "", (long long)tensors[i].shape[j]));
        POMI_TRY(pomi_bytes_print(header, err, "],\"data_offsets\":[%zu,%zu]}", begin, end));
        separator = ",";
    }
    POMI_TRY(pomi_bytes_print(header, err, "}"));
    while (header->size_bytes % DATA_ALIGNMENT != 0) POMI_TRY(pomi_bytes_append(header, " ", 1, err));
    return POM_OK;
}

/* A file before it is written: its parts in order, of which the first is the header with its length. */
struct layout {
    struct pomi_bytes header;
    struct pomi_view *parts; /* [n_parts] */
    size_t n_parts, size_bytes;
};

static void layout_release(struct layout *layout)
{
    pomi_bytes_release(&layout->header);
    free(layout->parts);
}

/* `tensors` and `metadata` are sorted. */
static enum pom_status lay_out_sorted(struct layout *layout, const struct pomi_tensor *tensors,
                                      size_t n_tensors, const struct pomi_metadata *metadata,
                                      size_t n_metadata, struct pom_error *err)
{
    static const uint8_t no_length[LENGTH_FIELD_BYTES] = {0};
    for (size_t i = 0; i + 1 < n_tensors; i++) {
        if (strcmp(tensors[i].name, tensors[i + 1].name) == 0)
            return pomi_fail(err, POM_ERROR_ARGUMENT, "duplicate", "two tensors have the name \"%s\"",
                             tensors[i].name);
    }
    struct pomi_bytes *header = &layout->header;
    POMI_TRY(pomi_bytes_append(header, no_length, LENGTH_FIELD_BYTES, err));
    POMI_TRY(print_header(header, tensors, n_tensors, metadata, n_metadata, err));
    const uint64_t length_bytes = header->size_bytes - LENGTH_FIELD_BYTES;
    for (int i = 0; i < LENGTH_FIELD_BYTES; i++) header->data[i] = (uint8_t)(length_bytes >> (8 * i));
    layout->parts[layout->n_parts++] = pomi_bytes_view(header);
    for (size_t i = 0; i < n_tensors; i++)
        layout->parts[layout->n_parts++] = (struct pomi_view){tensors[i].data, tensors[i].size_bytes};
    for (size_t i = 0; i < layout->n_parts; i++)
        layout->size_bytes += layout->parts[i].size_bytes; /* print_header checked the sum */
    return POM_OK;
}

/* The caller releases *layout, whatever is returned. */
static enum pom_status lay_out(struct layout *layout, const struct pomi_tensor *tensors, size_t n_tensors,
                               const struct pomi_metadata *metadata, size_t n_metadata, struct pom_error *err)
{
    struct pomi_tensor *sorted_tensors = malloc((n_tensors + 1) * sizeof *sorted_tensors);
    struct pomi_metadata *sorted_metadata = malloc((n_metadata + 1) * sizeof *sorted_metadata);
    *layout = (struct layout){.parts = calloc(n_tensors + 1, sizeof *layout->parts)};
    enum pom_status status = POM_ERROR_MEMORY;
    if (sorted_tensors == NULL || sorted_metadata == NULL || layout->parts == NULL) {
        pomi_fail_memory(err, n_tensors * sizeof *sorted_tensors, "a table of tensors");
    } else {
        for (size_t i = 0; i < n_tensors; i++) sorted_tensors[i] = tensors[i];
        for (size_t i = 0; i < n_metadata; i++) sorted_metadata[i] = metadata[i];
        qsort(sorted_tensors, n_tensors, sizeof *sorted_tensors, by_name);
        qsort(sorted_metadata, n_metadata, sizeof *sorted_metadata, by_key);
        status = lay_out_sorted(layout, sorted_tensors, n_tensors, sorted_metadata, n_metadata, err);
    }
    free(sorted_tensors);
    free(sorted_metadata);
    return status;
}

enum pom_status pomi_safetensors_write(struct pomi_bytes *bytes, const struct pomi_tensor *tensors,
                                       size_t n_tensors, const struct pomi_metadata *metadata,
                                       size_t n_metadata, struct pom_error *err)
{
    struct layout layout;
    enum pom_status status = lay_out(&layout, tensors, n_tensors, metadata, n_metadata, err);
    if (status == POM_OK) status = pomi_bytes_reserve(bytes, bytes->size_bytes + layout.size_bytes, err);
    for (size_t i = 0; i < layout.n_parts && status == POM_OK; i++)
        status = pomi_bytes_append(bytes, layout.parts[i].data, layout.parts[i].size_bytes, err);
    layout_release(&layout);
    return status;
}

enum pom_status pomi_safetensors_sha256(char text[POMI_SHA256_TEXT_BYTES], const struct pomi_tensor *tensors,
                                        size_t n_tensors, const struct pomi_metadata *metadata,
                                        size_t n_metadata, struct pom_error *err)
{
    struct layout layout;
    enum pom_status status = lay_out(&layout, tensors, n_tensors, metadata, n_metadata, err);
    if (status == POM_OK) pomi_sha256_text_of_parts(layout.parts, layout.n_parts, text);
    layout_release(&layout);
    return status;
}
