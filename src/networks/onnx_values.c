// SPDX-License-Identifier: Apache-2.0
/* Values of an ONNX graph by name, layers made of its nodes, and messages that name the node. */
#include "networks/onnx_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int compare_views(struct pomi_view a, struct pomi_view b)
{
    size_t shared_bytes = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    int order = shared_bytes == 0 ? 0 : memcmp(a.data, b.data, shared_bytes);
    return order != 0 ? order : (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

int pomi_onnx_by_name(const void *a, const void *b)
{
    return compare_views(((const struct onnx_value *)a)->name, ((const struct onnx_value *)b)->name);
}

struct onnx_value *pomi_onnx_find(struct onnx_walker *walker, struct pomi_view name)
{
    const struct onnx_value wanted = {.name = name};
    if (name.size_bytes == 0) return NULL;
    return bsearch(&wanted, walker->values, walker->n_values, sizeof wanted, pomi_onnx_by_name);
}

struct onnx_value *pomi_onnx_input_of(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      int index)
{
    return index < node->n_inputs && index < POMI_ONNX_MAX_INPUTS
               ? pomi_onnx_find(walker, node->inputs[index])
               : NULL;
}

struct short_text pomi_onnx_shorten(struct pomi_view view)
{
    struct short_text result;
    size_t size_bytes = view.size_bytes < sizeof result.text - 1 ? view.size_bytes : sizeof result.text - 1;
    if (size_bytes > 0) memcpy(result.text, view.data, size_bytes);
    result.text[size_bytes] = '\0';
    return result;
}

static struct short_text node_name(const struct pomi_onnx_node *node)
{
    return pomi_onnx_shorten(node->name.size_bytes > 0 ? node->name : node->output);
}

enum pom_status pomi_onnx_unsupported(struct pom_error *err, const struct pomi_onnx_node *node,
                                      const char *what)
{
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported", "the ONNX node \"%s\" (%s) %s",
                     node_name(node).text, pomi_onnx_shorten(node->op).text, what);
}

enum pom_status pomi_onnx_mismatch(struct pom_error *err, const struct pomi_onnx_node *node, const char *what)
{
    return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape", "the ONNX node \"%s\" (%s) %s",
                     node_name(node).text, pomi_onnx_shorten(node->op).text, what);
}

enum pom_status pomi_onnx_map_input(struct onnx_walker *walker, const struct pomi_onnx_node *node, int index,
                                    struct onnx_value **map, struct pom_error *err)
{
    *map = pomi_onnx_input_of(walker, node, index);
    if (*map != NULL && (*map)->kind == VALUE_MAP) return POM_OK;
    if (*map != NULL && (*map)->op.size_bytes > 0)
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "the ONNX node \"%s\" (%s) needs the result of a node of type %s, which has no counterpart here",
            node_name(node).text, pomi_onnx_shorten(node->op).text, pomi_onnx_shorten((*map)->op).text);
    return pomi_onnx_unsupported(err, node, "does not take its input from a feature map before it");
}

struct onnx_value *pomi_onnx_set_output(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                        const struct onnx_value *like, int layer)
{
    struct onnx_value *output = pomi_onnx_find(walker, node->output);
    if (output == NULL) return NULL; /* a node without an output: nothing can use it */
    output->kind = VALUE_MAP;
    output->layer = layer;
    output->channels_last = like->channels_last;
    memset(output->pad_px, 0, sizeof output->pad_px);
    return output;
}

bool pomi_onnx_is_padded(const struct onnx_value *map)
{
    return map->pad_px[0] != 0 || map->pad_px[1] != 0 || map->pad_px[2] != 0 || map->pad_px[3] != 0;
}

enum pom_status pomi_onnx_append_layer(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                       struct pomi_layer layer, const struct onnx_value *like,
                                       struct pom_error *err)
{
    if (walker->graph.n_layers == POMI_GRAPH_MAX_LAYERS)
        return pomi_onnx_unsupported(err, node, "is one layer too many");
    int index = walker->graph.n_layers++;
    walker->graph.layers[index] = layer;
    snprintf(walker->graph.layers[index].name, sizeof layer.name, "layer_%04d", index);
    pomi_onnx_set_output(walker, node, like, index);
    return POM_OK;
}

bool pomi_onnx_can_join(const struct onnx_walker *walker, const struct onnx_value *map)
{
    if (map->layer == POMI_INPUT_IMAGE || map->n_users != 1 || pomi_onnx_is_padded(map)) return false;
    const struct pomi_layer *layer = &walker->graph.layers[map->layer];
    return layer->activation == POMI_ACTIVATION_NONE &&
           (layer->kind == POMI_LAYER_CONV || layer->kind == POMI_LAYER_DEPTHWISE ||
            layer->kind == POMI_LAYER_ADD);
}

bool pomi_onnx_is_convolution(const struct onnx_walker *walker, const struct onnx_value *map)
{
    if (map->layer == POMI_INPUT_IMAGE) return false;
    enum pomi_layer_kind kind = walker->graph.layers[map->layer].kind;
    return kind == POMI_LAYER_CONV || kind == POMI_LAYER_DEPTHWISE;
}

int64_t pomi_onnx_integer(const struct pomi_onnx_node *node, const char *name, int64_t otherwise)
{
    struct pomi_onnx_attribute attribute;
    return pomi_onnx_attribute(node, name, &attribute) ? attribute.i : otherwise;
}

enum pom_status pomi_onnx_vector(struct onnx_walker *walker, const struct pomi_onnx_node *node, int index,
                                 int n_values, float **values, struct pom_error *err)
{
    const struct onnx_value *value = pomi_onnx_input_of(walker, node, index);
    if (value == NULL || value->kind != VALUE_CONSTANT)
        return pomi_onnx_unsupported(err, node, "has an input that is not constant");
    if (value->tensor.n_elements != (size_t)n_values)
        return pomi_onnx_mismatch(err, node, "has a vector of a wrong length");
    return pomi_onnx_floats(&value->tensor, values, err);
}

bool pomi_onnx_number(struct onnx_walker *walker, const struct pomi_onnx_node *node, const char *name,
                      int index, float *number)
{
    struct pomi_onnx_attribute attribute;
    if (pomi_onnx_attribute(node, name, &attribute)) {
        *number = attribute.f;
        return true;
    }
    const struct onnx_value *value = pomi_onnx_input_of(walker, node, index);
    float *values = NULL;
    if (value == NULL || value->kind != VALUE_CONSTANT || value->tensor.n_elements != 1 ||
        pomi_onnx_floats(&value->tensor, &values, NULL) != POM_OK)
        return false;
    *number = values[0];
    free(values);
    return true;
}

int pomi_onnx_integers(struct onnx_walker *walker, const struct pomi_onnx_node *node, const char *name,
                       int index, int64_t integers[POMI_ONNX_MAX_DIMENSIONS])
{
    struct pomi_onnx_attribute attribute;
    if (pomi_onnx_attribute(node, name, &attribute)) {
        memcpy(integers, attribute.ints, sizeof attribute.ints);
        return attribute.n_ints;
    }
    const struct onnx_value *value = pomi_onnx_input_of(walker, node, index);
    if (value == NULL || value->kind != VALUE_CONSTANT) return 0;
    return pomi_onnx_int64s(&value->tensor, integers, POMI_ONNX_MAX_DIMENSIONS);
}
