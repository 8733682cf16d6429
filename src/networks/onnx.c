// SPDX-License-Identifier: Apache-2.0
/* The protobuf wire format and the messages of ONNX. A cursor never leaves the message it was made for. */
#include "networks/onnx.h"

#include <stdlib.h>
#include <string.h>

#include "base/safetensors.h"
#include "base/sizes.h"

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct cursor {
    const uint8_t *at, *end;
    bool is_broken;
};

struct field {
    uint64_t number;
    enum wire_type type;
    uint64_t value;         /* of a varint or a fixed one */
    struct pomi_view bytes; /* of WIRE_BYTES */
};

static struct cursor cursor_over(struct pomi_view message)
{
    static const uint8_t nothing[1];
    const uint8_t *begin = message.data != NULL ? message.data : nothing;
    return (struct cursor){begin, begin + message.size_bytes, false};
}

static bool broken(struct cursor *cursor)
{
    cursor->is_broken = true;
    return false;
}

static bool next_varint(struct cursor *cursor, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        if (cursor->at == cursor->end) return broken(cursor);
        uint8_t byte = *cursor->at++;
        if (shift == 63 && byte > 1) return broken(cursor);
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return true;
    }
    return broken(cursor);
}

static bool next_bytes(struct cursor *cursor, uint64_t n_bytes, struct pomi_view *bytes)
{
    if (n_bytes > (uint64_t)(cursor->end - cursor->at)) return broken(cursor);
    *bytes = (struct pomi_view){cursor->at, (size_t)n_bytes};
    cursor->at += n_bytes;
    return true;
}

static uint64_t little_endian(struct pomi_view bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes.size_bytes; i > 0; i--) value = value << 8 | bytes.data[i - 1];
    return value;
}

/* False at the end of the message, and when it is damaged (is_broken). */
static bool next_field(struct cursor *cursor, struct field *field)
{
    uint64_t key, n_bytes;
    *field = (struct field){0};
    if (cursor->at == cursor->end || !next_varint(cursor, &key)) return false;
    field->number = key >> 3;
    field->type = (enum wire_type)(key & 7);
    switch (field->type) {
    case WIRE_VARINT:
        return next_varint(cursor, &field->value);
    case WIRE_BYTES:
        return next_varint(cursor, &n_bytes) && next_bytes(cursor, n_bytes, &field->bytes);
    case WIRE_FIXED32:
    case WIRE_FIXED64:
        if (!next_bytes(cursor, field->type == WIRE_FIXED32 ? 4 : 8, &field->bytes)) return false;
        field->value = little_endian(field->bytes);
        return true;
    default:
        return broken(cursor); /* groups, which protobuf 3 does not have */
    }
}

static enum pom_status damaged(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "the ONNX file is damaged, truncated, or not ONNX");
}

bool pomi_view_is(struct pomi_view view, const char *text)
{
    return view.size_bytes == strlen(text) && memcmp(view.data, text, view.size_bytes) == 0;
}

/* A repeated integer: one value, or a packed run of them. Values past max_values are counted only. */
static bool append_integers(const struct field *field, int64_t *values, int max_values, int *n_values)
{
    if (field->type == WIRE_VARINT) {
        if (*n_values < max_values) values[*n_values] = (int64_t)field->value;
        *n_values += 1;
        return true;
    }
    if (field->type != WIRE_BYTES) return false;
    struct cursor packed = cursor_over(field->bytes);
    uint64_t value;
    while (packed.at != packed.end && next_varint(&packed, &value)) {
        if (*n_values < max_values) values[*n_values] = (int64_t)value;
        if (*n_values <= max_values) *n_values += 1;
    }
    return !packed.is_broken;
}

enum pom_status pomi_onnx_tensor(struct pomi_onnx_tensor *tensor, struct pomi_view body,
                                 struct pom_error *err)
{
    struct cursor cursor = cursor_over(body);
    struct field field;
    *tensor = (struct pomi_onnx_tensor){.n_elements = 1};
    while (next_field(&cursor, &field)) {
        bool is_bytes = field.type == WIRE_BYTES;
        if (field.number == 1 &&
            !append_integers(&field, tensor->shape, POMI_ONNX_MAX_DIMENSIONS, &tensor->n_dimensions))
            return damaged(err);
        if (field.number == 2) tensor->data_type = (int64_t)field.value;
        if (field.number == 4 && is_bytes) tensor->floats = field.bytes;
        if (field.number == 7 && is_bytes) tensor->int64s = field.bytes;
        if (field.number == 8 && is_bytes) tensor->name = field.bytes;
        if (field.number == 9 && is_bytes) tensor->raw = field.bytes;
        if (field.number == 13 || (field.number == 14 && field.value != 0)) tensor->is_external = true;
    }
    if (cursor.is_broken || tensor->n_dimensions > POMI_ONNX_MAX_DIMENSIONS) return damaged(err);
    for (int i = 0; i < tensor->n_dimensions; i++)
        if (tensor->shape[i] < 0 ||
            !pomi_size_multiply(tensor->n_elements, (size_t)tensor->shape[i], &tensor->n_elements))
            return damaged(err);
    return POM_OK;
}

static bool read_attribute(struct pomi_view body, struct pomi_view *name,
                           struct pomi_onnx_attribute *attribute)
{
    struct cursor cursor = cursor_over(body);
    struct field field;
    *attribute = (struct pomi_onnx_attribute){0};
    *name = (struct pomi_view){0};
    while (next_field(&cursor, &field)) {
        uint32_t bits = (uint32_t)field.value;
        if (field.number == 1) *name = field.bytes;
        if (field.number == 2 && field.type == WIRE_FIXED32) memcpy(&attribute->f, &bits, sizeof bits);
        if (field.number == 3) attribute->i = (int64_t)field.value;
        if (field.number == 4) attribute->s = field.bytes;
        if (field.number == 5) attribute->t = field.bytes;
        if (field.number == 8 &&
            !append_integers(&field, attribute->ints, POMI_ONNX_MAX_DIMENSIONS, &attribute->n_ints))
            return false;
    }
    return !cursor.is_broken && attribute->n_ints <= POMI_ONNX_MAX_DIMENSIONS;
}

bool pomi_onnx_attribute(const struct pomi_onnx_node *node, const char *name,
                         struct pomi_onnx_attribute *attribute)
{
    struct cursor cursor = cursor_over(node->body);
    struct field field;
    struct pomi_view found;
    while (next_field(&cursor, &field))
        if (field.number == 5 && read_attribute(field.bytes, &found, attribute) && pomi_view_is(found, name))
            return true;
    *attribute = (struct pomi_onnx_attribute){0};
    return false;
}

static bool read_node(struct pomi_view body, struct pomi_onnx_node *node)
{
    struct cursor cursor = cursor_over(body);
    struct field field;
    *node = (struct pomi_onnx_node){.body = body};
    while (next_field(&cursor, &field)) {
        if (field.number >= 1 && field.number <= 4 && field.type != WIRE_BYTES) return false;
        if (field.number == 1) {
            if (node->n_inputs < POMI_ONNX_MAX_INPUTS) node->inputs[node->n_inputs] = field.bytes;
            node->n_inputs++;
        }
        if (field.number == 2 && node->n_outputs++ == 0) node->output = field.bytes;
        if (field.number == 3) node->name = field.bytes;
        if (field.number == 4) node->op = field.bytes;
    }
    return !cursor.is_broken;
}

/* The bytes of the last field of this number, empty when there is none. */
static struct pomi_view inner(struct pomi_view message, uint64_t number)
{
    struct cursor cursor = cursor_over(message);
    struct field field;
    struct pomi_view bytes = {NULL, 0};
    while (next_field(&cursor, &field))
        if (field.number == number && field.type == WIRE_BYTES) bytes = field.bytes;
    return bytes;
}

static bool read_input(struct pomi_view body, struct pomi_onnx_input *input)
{
    *input = (struct pomi_onnx_input){.name = inner(body, 1)};
    struct cursor dimensions = cursor_over(inner(inner(inner(body, 2), 1), 2));
    struct field dimension, field;
    while (next_field(&dimensions, &dimension)) {
        if (dimension.number != 1 || dimension.type != WIRE_BYTES) continue;
        struct cursor cursor = cursor_over(dimension.bytes);
        int64_t extent = 0;
        while (next_field(&cursor, &field))
            if (field.number == 1 && field.type == WIRE_VARINT) extent = (int64_t)field.value;
        if (cursor.is_broken) return false;
        if (input->n_dimensions < POMI_ONNX_MAX_DIMENSIONS) input->shape[input->n_dimensions] = extent;
        input->n_dimensions++;
    }
    return !dimensions.is_broken && input->n_dimensions <= POMI_ONNX_MAX_DIMENSIONS;
}

static enum pom_status count(struct pomi_view graph, size_t *n_nodes, size_t *n_initializers,
                             size_t *n_inputs, struct pom_error *err)
{
    struct cursor cursor = cursor_over(graph);
    struct field field;
    while (next_field(&cursor, &field)) {
        if ((field.number == 1 || field.number == 5 || field.number == 11) && field.type != WIRE_BYTES)
            return damaged(err);
        *n_nodes += field.number == 1;
        *n_initializers += field.number == 5;
        *n_inputs += field.number == 11;
    }
    if (cursor.is_broken) return damaged(err);
    if (*n_nodes > POMI_ONNX_MAX_NODES || *n_initializers > POMI_ONNX_MAX_NODES ||
        *n_inputs > POMI_ONNX_MAX_NODES)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_large",
                         "the ONNX graph has more than %d nodes or tensors", POMI_ONNX_MAX_NODES);
    return POM_OK;
}

static enum pom_status read_graph(struct pomi_onnx_model *model, struct pomi_view graph,
                                  struct pom_error *err)
{
    size_t n_nodes = 0, n_initializers = 0, n_inputs = 0;
    POMI_TRY(count(graph, &n_nodes, &n_initializers, &n_inputs, err));
    model->nodes = calloc(n_nodes + 1, sizeof *model->nodes);
    model->initializers = calloc(n_initializers + 1, sizeof *model->initializers);
    model->inputs = calloc(n_inputs + 1, sizeof *model->inputs);
    if (model->nodes == NULL || model->initializers == NULL || model->inputs == NULL)
        return pomi_fail_memory(err, n_nodes * sizeof *model->nodes, "an ONNX graph");
    struct cursor cursor = cursor_over(graph);
    struct field field;
    while (next_field(&cursor, &field)) {
        if (field.number == 1 && !read_node(field.bytes, &model->nodes[model->n_nodes++]))
            return damaged(err);
        if (field.number == 5)
            POMI_TRY(pomi_onnx_tensor(&model->initializers[model->n_initializers++], field.bytes, err));
        if (field.number == 11 && !read_input(field.bytes, &model->inputs[model->n_inputs++]))
            return damaged(err);
    }
    return POM_OK;
}

enum pom_status pomi_onnx_read(struct pomi_onnx_model *model, struct pomi_view bytes, struct pom_error *err)
{
    struct cursor cursor = cursor_over(bytes);
    struct field field;
    struct pomi_view graph = {NULL, 0};
    *model = (struct pomi_onnx_model){0};
    while (next_field(&cursor, &field)) {
        if (field.number == 2) model->producer = field.bytes;
        if (field.number == 7 && field.type == WIRE_BYTES) graph = field.bytes;
    }
    if (cursor.is_broken || graph.data == NULL) return damaged(err);
    return read_graph(model, graph, err);
}

void pomi_onnx_release(struct pomi_onnx_model *model)
{
    free(model->nodes);
    free(model->initializers);
    free(model->inputs);
    *model = (struct pomi_onnx_model){0};
}

static float float_at(const uint8_t *bytes, int64_t data_type)
{
    uint16_t half;
    float single;
    double wide;
    switch (data_type) {
    case POMI_ONNX_FLOAT16:
        memcpy(&half, bytes, sizeof half);
        return pomi_half_to_float(half);
    case POMI_ONNX_DOUBLE:
        memcpy(&wide, bytes, sizeof wide);
        return (float)wide;
    default:
        memcpy(&single, bytes, sizeof single);
        return single;
    }
}

enum pom_status pomi_onnx_floats(const struct pomi_onnx_tensor *tensor, float **values, struct pom_error *err)
{
    int name_bytes = tensor->name.size_bytes < 200 ? (int)tensor->name.size_bytes : 200;
    const char *name = name_bytes > 0 ? (const char *)tensor->name.data : "";
    size_t value_bytes = tensor->data_type == POMI_ONNX_FLOAT     ? 4
                         : tensor->data_type == POMI_ONNX_FLOAT16 ? 2
                                                                  : 8;
    if (tensor->is_external)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the values of \"%.*s\" are in another file: save the model as one file", name_bytes,
                         name);
    if (tensor->data_type != POMI_ONNX_FLOAT && tensor->data_type != POMI_ONNX_FLOAT16 &&
        tensor->data_type != POMI_ONNX_DOUBLE)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the tensor \"%.*s\" does not hold floats: quantised models are not read",
                         name_bytes, name);
    struct pomi_view data = tensor->raw;
    if (data.size_bytes == 0 && tensor->data_type == POMI_ONNX_FLOAT) data = tensor->floats;
    size_t expected_bytes, memory_bytes;
    if (!pomi_size_multiply(tensor->n_elements, value_bytes, &expected_bytes) ||
        data.size_bytes != expected_bytes ||
        !pomi_size_multiply(tensor->n_elements + 1, sizeof **values, &memory_bytes))
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                         "the tensor \"%.*s\" has another number of values than its shape says", name_bytes,
                         name);
    *values = malloc(memory_bytes);
    if (*values == NULL) return pomi_fail_memory(err, memory_bytes, "weights");
    for (size_t i = 0; i < tensor->n_elements; i++)
        (*values)[i] = float_at(data.data + i * value_bytes, tensor->data_type);
    return POM_OK;
}

int pomi_onnx_int64s(const struct pomi_onnx_tensor *tensor, int64_t *values, int max_values)
{
    if (tensor->data_type != POMI_ONNX_INT64 || tensor->is_external ||
        tensor->n_elements > (size_t)max_values)
        return -1;
    int n_values = 0;
    if (tensor->raw.size_bytes > 0) {
        if (tensor->raw.size_bytes != 8 * tensor->n_elements) return -1;
        for (; n_values < (int)tensor->n_elements; n_values++)
            values[n_values] = (int64_t)little_endian((struct pomi_view){tensor->raw.data + 8 * n_values, 8});
        return n_values;
    }
    const struct field packed = {.type = WIRE_BYTES, .bytes = tensor->int64s};
    if (!append_integers(&packed, values, max_values, &n_values) || n_values != (int)tensor->n_elements)
        return -1;
    return n_values;
}
