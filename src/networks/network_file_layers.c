// SPDX-License-Identifier: Apache-2.0
/*
 * The layers of a network file: a JSON array in its metadata, written and read by the same tables. The file may come
 * from anywhere, so what is read is checked as a graph before anyone uses it.
 */
#include "networks/network_file_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/sizes.h"
#include "networks/network_file.h"

static const char *const kind_names[] = {"conv", "depthwise", "add", "max_pool", "global_average_pool"};
static const char *const activation_names[] = {"none", "relu", "relu6"};

/* Which keys describe an op, beside "name" and "op". */
enum { HAS_INPUT = 1, HAS_INPUTS = 2, HAS_CHANNELS = 4, HAS_WINDOW = 8, HAS_ACTIVATION = 16 };
static const int kind_keys[] = {
    [POMI_LAYER_CONV] = HAS_INPUT | HAS_CHANNELS | HAS_WINDOW | HAS_ACTIVATION,
    [POMI_LAYER_DEPTHWISE] = HAS_INPUT | HAS_CHANNELS | HAS_WINDOW | HAS_ACTIVATION,
    [POMI_LAYER_ADD] = HAS_INPUTS | HAS_ACTIVATION,
    [POMI_LAYER_MAX_POOL] = HAS_INPUT | HAS_WINDOW,
    [POMI_LAYER_GLOBAL_AVERAGE_POOL] = HAS_INPUT,
};

const char *pomi_layer_kind_name(enum pomi_layer_kind kind)
{
    return kind_names[kind];
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

char *pomi_layers_to_json(const struct pomi_graph *graph)
{
    json_t *layers = json_array();
    int wrong = layers == NULL;
    for (int i = 0; i < graph->n_layers && !wrong; i++)
        wrong = json_array_append_new(layers, layer_to_json(graph, &graph->layers[i]));
    char *text = wrong ? NULL : json_dumps(layers, JSON_COMPACT);
    json_decref(layers);
    return text;
}

/* ---- reading ---- */

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
    if (name == NULL) return pomi_network_file_fail(err, "layer \"%s\" does not name its input", layer->name);
    layer->inputs[which] = strcmp(name, "image") == 0 ? POMI_INPUT_IMAGE : find_layer(graph, index, name);
    if (layer->inputs[which] < 0 && strcmp(name, "image") != 0)
        return pomi_network_file_fail(err, "layer \"%s\" takes its input from a layer that is not before it",
                                      layer->name);
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
    int kind =
        pomi_word_find(kind_names, POMI_COUNT(kind_names), json_string_value(json_object_get(entry, "op")));
    if (name == NULL || name[0] == '\0' || strlen(name) >= sizeof layer->name || strcmp(name, "image") == 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "layer number %d has no usable name", index);
    snprintf(layer->name, sizeof layer->name, "%s", name);
    if (kind < 0)
        return pomi_network_file_fail(err, "layer \"%s\" has an op this version does not know", name);
    layer->kind = (enum pomi_layer_kind)kind;

    int keys = kind_keys[kind];
    size_t n_keys = 2;
    if (keys & HAS_INPUT) {
        POMI_TRY(read_input(graph, index, json_object_get(entry, "input"), 0, err));
        n_keys += 1;
    }
    if (keys & HAS_INPUTS) {
        const json_t *inputs = json_object_get(entry, "inputs");
        if (json_array_size(inputs) != 2)
            return pomi_network_file_fail(err, "layer \"%s\" does not have two inputs", name);
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
        int activation = pomi_word_find(activation_names, POMI_COUNT(activation_names),
                                        json_string_value(json_object_get(entry, "activation")));
        if (activation < 0)
            return pomi_network_file_fail(err, "layer \"%s\" has an activation this version does not know",
                                          name);
        layer->activation = (enum pomi_activation)activation;
        n_keys += 1;
    }
    /* A key this version does not know might change what the layer computes. */
    if (json_object_size(entry) != n_keys)
        return pomi_network_file_fail(err, "layer \"%s\" has a key that its op does not have", name);
    return POM_OK;
}

enum pom_status pomi_layers_from_json(struct pomi_graph *graph, const char *text, struct pom_error *err)
{
    json_error_t where = {0};
    json_t *layers = text == NULL ? NULL : json_loads(text, JSON_REJECT_DUPLICATES, &where);
    size_t n_layers = json_array_size(layers);
    enum pom_status status = POM_OK;
    if (text != NULL && pomi_json_out_of_memory(layers, &where))
        status = pomi_fail_memory(err, strlen(text), "a network's layers");
    else if (!json_is_array(layers) || n_layers < 1 || n_layers > POMI_GRAPH_MAX_LAYERS)
        status =
            pomi_network_file_fail(err, "its metadata \"%s\" is missing or not a list of layers", "layers");
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
