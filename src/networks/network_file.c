// SPDX-License-Identifier: Apache-2.0
/*
 * Reading and writing network files. The file may come from anywhere, so the layers are checked as a graph
 * and every tensor against the layer it belongs to; only then are weights copied.
 */
#include "networks/network_file.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/hash.h"
#include "base/safetensors.h"
#include "base/sizes.h"

#define FORMAT          "pomona-network/1"
#define MAX_NAME_BYTES  100
#define TENSOR_NAME_MAX (sizeof((struct pomi_layer *)0)->name + 16)

static const char *const kind_names[] = {"conv", "depthwise", "add", "max_pool", "global_average_pool"};
static const char *const activation_names[] = {"none", "relu", "relu6"};
static const char *const padding_names[] = {"same", "symmetric"};
static const char *const preprocessing_names[] = {"tf", "caffe", "torch"};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* Which keys describe an op, beside "name" and "op". */
enum { HAS_INPUT = 1, HAS_INPUTS = 2, HAS_CHANNELS = 4, HAS_WINDOW = 8, HAS_ACTIVATION = 16 };
static const int kind_keys[] = {
    [POMI_LAYER_CONV] = HAS_INPUT | HAS_CHANNELS | HAS_WINDOW | HAS_ACTIVATION,
    [POMI_LAYER_DEPTHWISE] = HAS_INPUT | HAS_CHANNELS | HAS_WINDOW | HAS_ACTIVATION,
    [POMI_LAYER_ADD] = HAS_INPUTS | HAS_ACTIVATION,
    [POMI_LAYER_MAX_POOL] = HAS_INPUT | HAS_WINDOW,
    [POMI_LAYER_GLOBAL_AVERAGE_POOL] = HAS_INPUT,
};

static int from_name(const char *const *names, int n_names, const char *name)
{
    for (int i = 0; name != NULL && i < n_names; i++)
        if (strcmp(names[i], name) == 0) return i;
    return -1;
}

const char *pomi_layer_kind_name(enum pomi_layer_kind kind)
{
    return kind_names[kind];
}

const char *pomi_padding_name(enum pomi_padding padding)
{
    return padding_names[padding];
}

const char *pomi_preprocessing_name(enum pomi_preprocessing preprocessing)
{
    return preprocessing_names[preprocessing];
}

int pomi_padding_from_name(const char *name)
{
    return from_name(padding_names, COUNT(padding_names), name);
}

int pomi_preprocessing_from_name(const char *name)
{
    return from_name(preprocessing_names, COUNT(preprocessing_names), name);
}

static bool has_weights(const struct pomi_layer *layer)
{
    return layer->kind == POMI_LAYER_CONV || layer->kind == POMI_LAYER_DEPTHWISE;
}

/* ---- writing ---- */

static const char *input_name(const struct pomi_graph *graph, const struct pomi_layer *layer, int which)
{
    return layer->inputs[which] == POMI_INPUT_IMAGE ? "image" : graph->layers[layer->inputs[which]].name;
}

/* NULL when memory is out. */
static json_t *layer_to_json(const struct pomi_graph *graph, const struct pomi_layer *layer)
{
    int keys = kind_keys[layer->kind];
    json_t *entry = json_pack("{s:s, s:s}", "name", layer->name, "op", kind_names[layer->kind]);
    int wrong = entry == NULL;
    if (keys & HAS_INPUT)
        wrong |= json_object_set_new(entry, "input", json_string(input_name(graph, layer, 0)));
    if (keys & HAS_INPUTS)
        wrong |= json_object_set_new(
            entry, "inputs", json_pack("[s, s]", input_name(graph, layer, 0), input_name(graph, layer, 1)));
    if (keys & HAS_CHANNELS)
        wrong |= json_object_set_new(entry, "channels", json_integer(layer->out_channels));
    if (keys & HAS_WINDOW) {
        wrong |= json_object_set_new(entry, "kernel", json_integer(layer->kernel_px));
        wrong |= json_object_set_new(entry, "stride", json_integer(layer->stride_px));
    }
    if (keys & HAS_ACTIVATION)
        wrong |= json_object_set_new(entry, "activation", json_string(activation_names[layer->activation]));
    if (!wrong) return entry;
    json_decref(entry);
    return NULL;
}

static char *layers_to_json(const struct pomi_graph *graph)
{
    json_t *layers = json_array();
    int wrong = layers == NULL;
    for (int i = 0; i < graph->n_layers && !wrong; i++)
        wrong = json_array_append_new(layers, layer_to_json(graph, &graph->layers[i]));
    char *text = wrong ? NULL : json_dumps(layers, JSON_COMPACT);
    json_decref(layers);
    return text;
}

struct tensor_name {
    char text[TENSOR_NAME_MAX];
};

enum pom_status pomi_network_file_write(struct pomi_bytes *bytes, const struct pomi_graph *graph,
                                        const struct pomi_network_text *text, struct pom_error *err)
{
    char input_px[16], features[16];
    snprintf(input_px, sizeof input_px, "%d", graph->input_px);
    snprintf(features, sizeof features, "%d", graph->layers[graph->n_layers - 1].out_channels);
    char *layers = layers_to_json(graph);
    size_t n_tensors = 0, max_tensors = 2 * (size_t)graph->n_layers;
    struct pomi_tensor *tensors = calloc(max_tensors, sizeof *tensors);
    struct tensor_name *names = calloc(max_tensors, sizeof *names);
    enum pom_status status = POM_OK;
    if (layers == NULL || tensors == NULL || names == NULL)
        status = pomi_fail_memory(err, max_tensors * sizeof *names, "a network file's header");

    for (int i = 0; i < graph->n_layers && status == POM_OK; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        if (!has_weights(layer)) continue;
        int64_t in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1, out = layer->out_channels;
        snprintf(names[n_tensors].text, TENSOR_NAME_MAX, "%s.weight", layer->name);
        tensors[n_tensors] = (struct pomi_tensor){.name = names[n_tensors].text,
                                                  .dtype = POMI_F32,
                                                  .n_dimensions = 4,
                                                  .shape = {out, layer->kernel_px, layer->kernel_px, in},
                                                  .data = layer->weights,
                                                  .size_bytes = pomi_layer_n_weights(layer) * sizeof(float)};
        n_tensors++;
        snprintf(names[n_tensors].text, TENSOR_NAME_MAX, "%s.bias", layer->name);
        tensors[n_tensors] = (struct pomi_tensor){.name = names[n_tensors].text,
                                                  .dtype = POMI_F32,
                                                  .n_dimensions = 1,
                                                  .shape = {out},
                                                  .data = layer->bias,
                                                  .size_bytes = (size_t)out * sizeof(float)};
        n_tensors++;
    }
    struct pomi_metadata metadata[10] = {
        {"format", FORMAT},
        {"name", text->name},
        {"input_px", input_px},
        {"preprocessing", preprocessing_names[graph->preprocessing]},
        {"padding", padding_names[graph->padding]},
        {"features", features},
        {"layers", layers},
        {"origin", text->origin},
        {"licence", text->licence},
        {"training", text->training},
    };
    if (status == POM_OK)
        status =
            pomi_safetensors_write(bytes, tensors, n_tensors, metadata, text->training == NULL ? 9 : 10, err);
    free(layers);
    free(tensors);
    free(names);
    return status;
}

/* ---- calibration: the same file with other tensors of that kind ---- */

#define CALIBRATION_SUFFIX ".calibration"

static bool is_calibration(const char *tensor_name)
{
    size_t length = strlen(tensor_name), suffix = strlen(CALIBRATION_SUFFIX);
    return length > suffix && strcmp(tensor_name + length - suffix, CALIBRATION_SUFFIX) == 0;
}

/* What a network file's metadata may hold; the rest is not carried over. */
static const char *const metadata_keys[] = {"format",   "name",   "input_px", "preprocessing", "padding",
                                            "features", "layers", "origin",   "licence",       "training"};

/* The container's tensors that are no calibration, then those of `graph`, which may be NULL. */
static enum pom_status rewrite(struct pomi_bytes *result, const struct pomi_safetensors *container,
                               const struct pomi_graph *graph, struct pom_error *err)
{
    struct pomi_metadata metadata[COUNT(metadata_keys)];
    size_t n_metadata = 0, n_tensors = 0, n_stored = pomi_safetensors_count(container);
    size_t n_names = graph == NULL ? 0 : (size_t)graph->n_layers - 1, max_tensors = n_stored + n_names;
    struct pomi_tensor *tensors = calloc(max_tensors + 1, sizeof *tensors);
    struct tensor_name *names = calloc(n_names + 1, sizeof *names);
    enum pom_status status = POM_OK;
    if (tensors == NULL || names == NULL)
        status = pomi_fail_memory(err, max_tensors * sizeof *tensors, "a network file's header");
    for (int i = 0; i < COUNT(metadata_keys); i++) {
        const char *value = pomi_safetensors_metadata(container, metadata_keys[i]);
        if (value != NULL) metadata[n_metadata++] = (struct pomi_metadata){metadata_keys[i], value};
    }
    for (size_t i = 0; i < n_stored && status == POM_OK; i++)
        if (!is_calibration(pomi_safetensors_at(container, i)->name))
            tensors[n_tensors++] = *pomi_safetensors_at(container, i);
    for (size_t i = 0; i < n_names && status == POM_OK; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        snprintf(names[i].text, TENSOR_NAME_MAX, "%s" CALIBRATION_SUFFIX, layer->name);
        tensors[n_tensors++] = (struct pomi_tensor){.name = names[i].text,
                                                    .dtype = POMI_F32,
                                                    .n_dimensions = 2,
                                                    .shape = {POMI_N_CALIBRATION, layer->out_channels},
                                                    .data = layer->calibration,
                                                    .size_bytes = (size_t)layer->out_channels *
                                                                  POMI_N_CALIBRATION * sizeof(float)};
    }
    if (status == POM_OK)
        status = pomi_safetensors_write(result, tensors, n_tensors, metadata, n_metadata, err);
    free(tensors);
    free(names);
    return status;
}

static enum pom_status open_and_rewrite(struct pomi_bytes *result, struct pomi_view bytes,
                                        const struct pomi_graph *graph, struct pom_error *err)
{
    struct pomi_safetensors *container;
    POMI_TRY(pomi_safetensors_open(&container, bytes, err));
    enum pom_status status = rewrite(result, container, graph, err);
    pomi_safetensors_free(container);
    return status;
}

enum pom_status pomi_network_file_strip(struct pomi_bytes *stripped, struct pomi_view bytes,
                                        struct pom_error *err)
{
    return open_and_rewrite(stripped, bytes, NULL, err);
}

enum pom_status pomi_network_file_calibrated(struct pomi_bytes *calibrated, struct pomi_view bytes,
                                             const struct pomi_graph *graph, struct pom_error *err)
{
    return open_and_rewrite(calibrated, bytes, graph, err);
}

/* ---- reading: the architecture ---- */

static enum pom_status fail(struct pom_error *err, const char *format, const char *name)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", format, name);
}

static enum pom_status read_word(const struct pomi_safetensors *container, const char *key,
                                 const char *const *words, int n_words, int *result, struct pom_error *err)
{
    *result = from_name(words, n_words, pomi_safetensors_metadata(container, key));
    if (*result < 0)
        return fail(err, "its metadata \"%s\" is missing or has a value this version does not know", key);
    return POM_OK;
}

static enum pom_status read_number(const struct pomi_safetensors *container, const char *key, int *result,
                                   struct pom_error *err)
{
    const char *text = pomi_safetensors_metadata(container, key);
    char *end = NULL;
    long number = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || end == text || *end != '\0' || number < 1 || number > INT32_MAX)
        return fail(err, "its metadata \"%s\" is missing or not a positive number", key);
    *result = (int)number;
    return POM_OK;
}

static int find_layer(const struct pomi_graph *graph, int n_layers, const char *name)
{
    for (int i = n_layers - 1; i >= 0; i--) /* most inputs are the layer just before */
        if (strcmp(graph->layers[i].name, name) == 0) return i;
    return -1;
}

static enum pom_status read_input(struct pomi_graph *graph, int index, const json_t *value, int which,
                                  struct pom_error *err)
{
    struct pomi_layer *layer = &graph->layers[index];
    const char *name = json_string_value(value);
    if (name == NULL) return fail(err, "layer \"%s\" does not name its input", layer->name);
    layer->inputs[which] = strcmp(name, "image") == 0 ? POMI_INPUT_IMAGE : find_layer(graph, index, name);
    if (layer->inputs[which] < 0 && strcmp(name, "image") != 0)
        return fail(err, "layer \"%s\" takes its input from a layer that is not before it", layer->name);
    return POM_OK;
}

static enum pom_status read_int(const json_t *entry, const char *key, const struct pomi_layer *layer,
                                int *result, struct pom_error *err)
{
    const json_t *value = json_object_get(entry, key);
    if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > INT32_MAX)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "layer \"%s\" has no usable \"%s\"",
                         layer->name, key);
    *result = (int)json_integer_value(value);
    return POM_OK;
}

static enum pom_status read_layer(struct pomi_graph *graph, int index, const json_t *entry,
                                  struct pom_error *err)
{
    struct pomi_layer *layer = &graph->layers[index];
    const char *name = json_string_value(json_object_get(entry, "name"));
    int kind = from_name(kind_names, COUNT(kind_names), json_string_value(json_object_get(entry, "op")));
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof layer->name || strcmp(name, "image") == 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "layer number %d has no usable name", index);
    snprintf(layer->name, sizeof layer->name, "%s", name);
    if (kind < 0) return fail(err, "layer \"%s\" has an op this version does not know", name);
    layer->kind = (enum pomi_layer_kind)kind;

    int keys = kind_keys[kind];
    size_t n_keys = 2;
    if (keys & HAS_INPUT) {
        POMI_TRY(read_input(graph, index, json_object_get(entry, "input"), 0, err));
        n_keys += 1;
    }
    if (keys & HAS_INPUTS) {
        const json_t *inputs = json_object_get(entry, "inputs");
        if (json_array_size(inputs) != 2) return fail(err, "layer \"%s\" does not have two inputs", name);
        POMI_TRY(read_input(graph, index, json_array_get(inputs, 0), 0, err));
        POMI_TRY(read_input(graph, index, json_array_get(inputs, 1), 1, err));
        n_keys += 1;
    }
    if (keys & HAS_CHANNELS) {
        POMI_TRY(read_int(entry, "channels", layer, &layer->out_channels, err));
        n_keys += 1;
    }
    if (keys & HAS_WINDOW) {
        POMI_TRY(read_int(entry, "kernel", layer, &layer->kernel_px, err));
        POMI_TRY(read_int(entry, "stride", layer, &layer->stride_px, err));
        n_keys += 2;
    }
    if (keys & HAS_ACTIVATION) {
        int activation = from_name(activation_names, COUNT(activation_names),
                                   json_string_value(json_object_get(entry, "activation")));
        if (activation < 0)
            return fail(err, "layer \"%s\" has an activation this version does not know", name);
        layer->activation = (enum pomi_activation)activation;
        n_keys += 1;
    }
    /* A key this version does not know might change what the layer computes. */
    if (json_object_size(entry) != n_keys)
        return fail(err, "layer \"%s\" has a key that its op does not have", name);
    return POM_OK;
}

static enum pom_status read_layers(const struct pomi_safetensors *container, struct pomi_graph *graph,
                                   struct pom_error *err)
{
    const char *text = pomi_safetensors_metadata(container, "layers");
    json_error_t where = {0};
    json_t *layers = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, &where);
    size_t n_layers = json_array_size(layers);
    enum pom_status status = POM_OK;
    if (text != NULL && pomi_json_out_of_memory(layers, &where))
        status = pomi_fail_memory(err, strlen(text), "a network's layers");
    else if (!json_is_array(layers) || n_layers < 1 || n_layers > POMI_GRAPH_MAX_LAYERS)
        status = fail(err, "its metadata \"%s\" is missing or not a list of layers", "layers");
    else if ((graph->layers = calloc(n_layers, sizeof *graph->layers)) == NULL)
        status = pomi_fail_memory(err, n_layers * sizeof *graph->layers, "a network's layers");
    for (size_t i = 0; i < n_layers && status == POM_OK; i++) {
        graph->n_layers = (int)i + 1;
        status = read_layer(graph, (int)i, json_array_get(layers, i), err);
    }
    if (status == POM_OK) status = pomi_graph_derive(graph, err);
    json_decref(layers);
    return status;
}

static enum pom_status read_architecture(const struct pomi_safetensors *container, struct pomi_graph *graph,
                                         struct pom_error *err)
{
    int padding, preprocessing, n_features = 0;
    POMI_TRY(read_number(container, "input_px", &graph->input_px, err));
    POMI_TRY(read_word(container, "padding", padding_names, COUNT(padding_names), &padding, err));
    POMI_TRY(read_word(container, "preprocessing", preprocessing_names, COUNT(preprocessing_names),
                       &preprocessing, err));
    graph->padding = (enum pomi_padding)padding;
    graph->preprocessing = (enum pomi_preprocessing)preprocessing;
    POMI_TRY(read_layers(container, graph, err));
    POMI_TRY(read_number(container, "features", &n_features, err));
    if (n_features != graph->layers[graph->n_layers - 1].out_channels)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network",
                         "its metadata promises %d features, its layers give %d", n_features,
                         graph->layers[graph->n_layers - 1].out_channels);
    return POM_OK;
}

/* ---- reading: the weights ---- */

static void copy_values(float *values, const struct pomi_tensor *tensor)
{
    const uint8_t *bytes = tensor->data;
    for (size_t i = 0; i < tensor->n_elements; i++) {
        if (tensor->dtype == POMI_F32) {
            memcpy(&values[i], bytes + 4 * i, 4);
        } else if (tensor->dtype == POMI_F16) {
            uint16_t half;
            memcpy(&half, bytes + 2 * i, 2);
            values[i] = pomi_half_to_float(half);
        } else {
            values[i] = (int8_t)bytes[i];
        }
    }
}

/* Counts the tensors that layers took, so that those left over are found. */
struct weights_reader {
    const struct pomi_safetensors *container;
    bool *taken;
};

static enum pom_status take(struct weights_reader *reader, const char *name, const int64_t *shape,
                            int n_dimensions, const struct pomi_tensor **tensor, struct pom_error *err)
{
    const struct pomi_tensor *found = pomi_safetensors_find(reader->container, name);
    if (found == NULL)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%s\" is missing", name);
    bool fits = found->n_dimensions == n_dimensions;
    for (int i = 0; i < n_dimensions && fits; i++) fits = found->shape[i] == shape[i];
    if (!fits)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                         "the tensor \"%s\" does not have the shape that its layer needs", name);
    reader->taken[found - pomi_safetensors_at(reader->container, 0)] = true;
    *tensor = found;
    return POM_OK;
}

static enum pom_status take_floats(struct weights_reader *reader, const char *name, const int64_t *shape,
                                   int n_dimensions, bool may_be_integer, float **values,
                                   const struct pomi_tensor **tensor, struct pom_error *err)
{
    POMI_TRY(take(reader, name, shape, n_dimensions, tensor, err));
    enum pomi_dtype dtype = (*tensor)->dtype;
    if (dtype != POMI_F32 && !(may_be_integer && (dtype == POMI_F16 || dtype == POMI_I8)))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the tensor \"%s\" has a dtype that is not used here", name);
    size_t size_bytes;
    if (!pomi_size_multiply((*tensor)->n_elements, sizeof **values, &size_bytes) ||
        (*values = malloc(size_bytes)) == NULL)
        return pomi_fail_memory(err, (*tensor)->n_elements, name);
    copy_values(*values, *tensor);
    for (size_t i = 0; i < (*tensor)->n_elements; i++)
        if (!isfinite((*values)[i]))
            return pomi_fail(err, POM_ERROR_MISMATCH, "not_finite",
                             "the tensor \"%s\" has a value that is not finite", name);
    return POM_OK;
}

static enum pom_status read_layer_weights(struct weights_reader *reader, struct pomi_layer *layer,
                                          struct pom_error *err)
{
    int64_t out = layer->out_channels, kernel = layer->kernel_px;
    int64_t in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1;
    char name[TENSOR_NAME_MAX];
    const struct pomi_tensor *weight, *other;
    snprintf(name, sizeof name, "%s.weight", layer->name);
    POMI_TRY(take_floats(reader, name, (int64_t[]){out, kernel, kernel, in}, 4, true, &layer->weights,
                         &weight, err));
    snprintf(name, sizeof name, "%s.bias", layer->name);
    POMI_TRY(take_floats(reader, name, &out, 1, false, &layer->bias, &other, err));
    if (weight->dtype != POMI_I8) return POM_OK;

    float *scale = NULL;
    snprintf(name, sizeof name, "%s.scale", layer->name);
    enum pom_status status = take_floats(reader, name, &out, 1, false, &scale, &other, err);
    size_t per_channel = weight->n_elements / (size_t)out;
    for (size_t i = 0; i < weight->n_elements && status == POM_OK; i++) {
        layer->weights[i] *= scale[i / per_channel];
        if (!isfinite(layer->weights[i]))
            status = pomi_fail(err, POM_ERROR_MISMATCH, "not_finite",
                               "the tensor \"%s\" makes weights that are not finite", name);
    }
    free(scale);
    return status;
}

static enum pom_status read_calibration(struct weights_reader *reader, struct pomi_layer *layer,
                                        struct pom_error *err)
{
    char name[TENSOR_NAME_MAX];
    const struct pomi_tensor *tensor;
    snprintf(name, sizeof name, "%s" CALIBRATION_SUFFIX, layer->name);
    POMI_TRY(take_floats(reader, name, (int64_t[]){POMI_N_CALIBRATION, layer->out_channels}, 2, false,
                         &layer->calibration, &tensor, err));
    const float *low = layer->calibration, *high = low + layer->out_channels,
                *mean = high + layer->out_channels;
    for (int c = 0; c < layer->out_channels; c++)
        if (!(low[c] <= mean[c] && mean[c] <= high[c]))
            return pomi_fail(
                err, POM_ERROR_MISMATCH, "bad_calibration",
                "the tensor \"%s\" has a channel whose mean is not between its lowest and highest "
                "value",
                name);
    return POM_OK;
}

/* A network is calibrated in all of its layers or in none. */
static enum pom_status read_calibrations(struct weights_reader *reader, struct pomi_graph *graph,
                                         struct pom_error *err)
{
    bool is_calibrated = false;
    for (size_t i = 0; i < pomi_safetensors_count(reader->container); i++)
        is_calibrated |= is_calibration(pomi_safetensors_at(reader->container, i)->name);
    for (int i = 0; i < graph->n_layers - 1 && is_calibrated; i++)
        POMI_TRY(read_calibration(reader, &graph->layers[i], err));
    return POM_OK;
}

static enum pom_status read_weights(const struct pomi_safetensors *container, struct pomi_graph *graph,
                                    struct pom_error *err)
{
    size_t n_tensors = pomi_safetensors_count(container);
    struct weights_reader reader = {container, calloc(n_tensors + 1, sizeof(bool))};
    if (reader.taken == NULL) return pomi_fail_memory(err, n_tensors, "a list of tensors");
    enum pom_status status = POM_OK;
    for (int i = 0; i < graph->n_layers && status == POM_OK; i++)
        if (has_weights(&graph->layers[i])) status = read_layer_weights(&reader, &graph->layers[i], err);
    if (status == POM_OK) status = read_calibrations(&reader, graph, err);
    for (size_t i = 0; i < n_tensors && status == POM_OK; i++)
        if (!reader.taken[i])
            status = pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor",
                               "the tensor \"%.200s\" belongs to no layer",
                               pomi_safetensors_at(container, i)->name);
    free(reader.taken);
    return status;
}

/* ---- reading: what it says of itself ---- */

static void sum_up(struct pom_network *network)
{
    struct pom_network_info *info = &network->info;
    const struct pomi_graph *graph = &network->graph;
    info->identity = network->identity;
    info->calibration = network->calibration;
    info->selection = network->selection;
    info->preprocessing = preprocessing_names[graph->preprocessing];
    info->padding = padding_names[graph->padding];
    info->input_px = graph->input_px;
    info->n_features = graph->layers[graph->n_layers - 1].out_channels;
    info->n_layers = graph->n_layers;
    for (int i = 0; i < graph->n_layers; i++) {
        if (!has_weights(&graph->layers[i])) continue;
        info->n_parameters +=
            (int64_t)pomi_layer_n_weights(&graph->layers[i]) + graph->layers[i].out_channels;
        info->n_macs += pomi_layer_n_macs(&graph->layers[i]);
    }
}

static enum pom_status read_text(const struct pomi_safetensors *container, struct pom_network *network,
                                 struct pom_error *err)
{
    static const char *const keys[] = {"name", "origin", "licence", "training"};
    const char **fields[] = {&network->info.name, &network->info.origin, &network->info.licence,
                             &network->info.training};
    size_t begins[COUNT(keys)];
    for (int i = 0; i < COUNT(keys); i++) {
        const char *value = pomi_safetensors_metadata(container, keys[i]);
        if (value == NULL && strcmp(keys[i], "training") != 0)
            return fail(err, "its metadata \"%s\" is missing", keys[i]);
        if (value == NULL) value = "";
        if (i == 0 && (value[0] == '\0' || strlen(value) > MAX_NAME_BYTES))
            return fail(err, "its metadata \"%s\" is empty or longer than 100 bytes", keys[i]);
        begins[i] = network->text.size_bytes;
        POMI_TRY(pomi_bytes_append(&network->text, value, strlen(value) + 1, err));
    }
    for (int i = 0; i < COUNT(keys); i++) *fields[i] = (const char *)network->text.data + begins[i];
    return POM_OK;
}

static enum pom_status check_format(const struct pomi_safetensors *container, struct pom_error *err)
{
    const char *format = pomi_safetensors_metadata(container, "format");
    if (format == NULL || strncmp(format, "pomona-network/", strlen("pomona-network/")) != 0)
        return pomi_fail(
            err, POM_ERROR_FORMAT, "not_a_network",
            "a safetensors file, but not a network file: make one from it with `pomona network convert`");
    if (strcmp(format, FORMAT) != 0)
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "a network file of the format \"%.40s\"; this version reads %s: a newer one is needed", format,
            FORMAT);
    return POM_OK;
}

/* What fp32 features depend on, and what the others depend on beside that. */
static enum pom_status identify(struct pom_network *network, const struct pomi_safetensors *container,
                                struct pomi_view bytes, struct pom_error *err)
{
    if (!pomi_graph_is_calibrated(&network->graph)) {
        pomi_sha256_text(bytes.data, bytes.size_bytes, network->identity);
        return POM_OK;
    }
    struct pomi_bytes stripped = {0}, calibration = {0};
    enum pom_status status = rewrite(&stripped, container, NULL, err);
    for (int i = 0; i < network->graph.n_layers - 1 && status == POM_OK; i++)
        status = pomi_bytes_append(
            &calibration, network->graph.layers[i].calibration,
            (size_t)network->graph.layers[i].out_channels * POMI_N_CALIBRATION * sizeof(float), err);
    if (status == POM_OK) {
        pomi_sha256_text(stripped.data, stripped.size_bytes, network->identity);
        pomi_sha256_text(calibration.data, calibration.size_bytes, network->calibration);
    }
    pomi_bytes_release(&stripped);
    pomi_bytes_release(&calibration);
    return status;
}

enum pom_status pomi_network_file_read(struct pom_network **network, struct pomi_view bytes,
                                       struct pom_error *err)
{
    *network = NULL;
    struct pomi_safetensors *container;
    POMI_TRY(pomi_safetensors_open(&container, bytes, err));
    struct pom_network *opened = calloc(1, sizeof *opened);
    enum pom_status status =
        opened == NULL ? pomi_fail_memory(err, sizeof *opened, "a network") : check_format(container, err);
    if (status == POM_OK) status = read_text(container, opened, err);
    if (status == POM_OK) status = read_architecture(container, &opened->graph, err);
    if (status == POM_OK) status = read_weights(container, &opened->graph, err);
    if (status == POM_OK) status = identify(opened, container, bytes, err);
    pomi_safetensors_free(container);
    if (status != POM_OK) {
        pom_network_free(opened);
        return status;
    }
    snprintf(opened->selection, sizeof opened->selection, "opened from memory");
    sum_up(opened);
    *network = opened;
    return POM_OK;
}
