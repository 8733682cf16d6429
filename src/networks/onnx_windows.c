// SPDX-License-Identifier: Apache-2.0
/* ONNX nodes that look at a window of a map: convolutions, pools, and the Pad that may precede them. */
#include "networks/onnx_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* kernel_shape, strides, pads, dilations of Conv and the pools. */
static enum pom_status read_window(const struct pomi_onnx_node *node, const struct onnx_value *map,
                                   int *kernel_px, int *stride_px, struct onnx_details *details,
                                   struct pom_error *err)
{
    struct pomi_onnx_attribute attribute;
    if (pomi_onnx_attribute(node, "dilations", &attribute))
        for (int i = 0; i < attribute.n_ints; i++)
            if (attribute.ints[i] != 1) return pomi_onnx_unsupported(err, node, "is dilated");
    if (pomi_onnx_attribute(node, "kernel_shape", &attribute)) {
        if (attribute.n_ints != 2 || attribute.ints[0] != attribute.ints[1] || attribute.ints[0] < 1 ||
            attribute.ints[0] > 4096)
            return pomi_onnx_unsupported(err, node, "has a window that is not square");
        *kernel_px = (int)attribute.ints[0];
    }
    *stride_px = 1;
    if (pomi_onnx_attribute(node, "strides", &attribute)) {
        if (attribute.n_ints != 2 || attribute.ints[0] != attribute.ints[1] || attribute.ints[0] < 1 ||
            attribute.ints[0] > 64)
            return pomi_onnx_unsupported(err, node, "has strides that are not equal");
        *stride_px = (int)attribute.ints[0];
    }
    memcpy(details->pad_px, map->pad_px, sizeof details->pad_px);
    if (pomi_onnx_attribute(node, "pads", &attribute)) {
        if (attribute.n_ints != 4) return pomi_onnx_unsupported(err, node, "has pads that are not four");
        for (int i = 0; i < 4; i++) {
            if (attribute.ints[i] < 0 || attribute.ints[i] > 64)
                return pomi_onnx_unsupported(err, node, "has pads outside 0 to 64");
            details->pad_px[i] += (int)attribute.ints[i];
        }
    }
    if (pomi_onnx_attribute(node, "auto_pad", &attribute) && attribute.s.size_bytes > 0 &&
        !pomi_view_is(attribute.s, "NOTSET") && !pomi_view_is(attribute.s, "VALID")) {
        details->pads_are_automatic = pomi_view_is(attribute.s, "SAME_UPPER");
        if (!details->pads_are_automatic || pomi_onnx_is_padded(map))
            return pomi_onnx_unsupported(err, node, "has an unusual auto_pad");
    }
    return POM_OK;
}

/* ONNX' [out][in][height][width] to [out][height][width][in]. */
static enum pom_status read_kernel(const struct pomi_onnx_node *node, const struct pomi_onnx_tensor *tensor,
                                   struct pomi_convolution *to, struct pom_error *err)
{
    bool fits = tensor->n_dimensions == 4;
    for (int i = 0; i < 4 && fits; i++) fits = tensor->shape[i] >= 1 && tensor->shape[i] <= 65536;
    if (!fits) return pomi_onnx_mismatch(err, node, "has weights that are not a kernel");
    struct pomi_view name = node->name.size_bytes > 0 ? node->name : node->output;
    snprintf(to->name, sizeof to->name, "%s", pomi_onnx_shorten(name).text);
    to->out = (int)tensor->shape[0];
    to->in = (int)tensor->shape[1];
    to->kernel_height_px = (int)tensor->shape[2];
    to->kernel_width_px = (int)tensor->shape[3];
    float *values = NULL;
    POMI_TRY(pomi_onnx_floats(tensor, &values, err));
    size_t out = (size_t)to->out, in = (size_t)to->in;
    size_t n_taps = (size_t)to->kernel_height_px * (size_t)to->kernel_width_px;
    to->kernel = malloc((tensor->n_elements + 1) * sizeof *to->kernel);
    for (size_t o = 0; to->kernel != NULL && o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t tap = 0; tap < n_taps; tap++)
                to->kernel[(o * n_taps + tap) * in + i] = values[(o * in + i) * n_taps + tap];
    free(values);
    return to->kernel == NULL ? pomi_fail_memory(err, tensor->n_elements * sizeof *to->kernel, "weights")
                              : POM_OK;
}

enum pom_status pomi_onnx_conv(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                               struct pom_error *err)
{
    struct onnx_value *map;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    const struct onnx_value *weights = pomi_onnx_input_of(walker, node, 1);
    if (map->channels_last) return pomi_onnx_unsupported(err, node, "reads channels-last data");
    if (weights == NULL || weights->kind != VALUE_CONSTANT)
        return pomi_onnx_unsupported(err, node, "has weights that are not constant");
    struct pomi_layer layer = {.kind = POMI_LAYER_CONV, .inputs = {map->layer}};
    int index = walker->graph.n_layers;
    if (index == POMI_GRAPH_MAX_LAYERS) return pomi_onnx_unsupported(err, node, "is one layer too many");
    struct onnx_details *details = &walker->details[index];
    POMI_TRY(read_window(node, map, &layer.kernel_px, &layer.stride_px, details, err));
    POMI_TRY(pomi_onnx_append_layer(walker, node, layer, map,
                                    err)); /* from here on the walker owns what is read */
    POMI_TRY(read_kernel(node, &weights->tensor, &details->convolution, err));

    struct pomi_layer *appended = &walker->graph.layers[index];
    const struct pomi_convolution *convolution = &details->convolution;
    int64_t n_groups = pomi_onnx_integer(node, "group", 1);
    if (n_groups > 1 && (n_groups != convolution->out || convolution->in != 1))
        return pomi_onnx_unsupported(err, node, "is a grouped convolution that is not depthwise");
    if (n_groups > 1) appended->kind = POMI_LAYER_DEPTHWISE;
    if (appended->kernel_px == 0) appended->kernel_px = convolution->kernel_height_px;
    appended->out_channels = convolution->out;
    const struct onnx_value *bias = pomi_onnx_input_of(walker, node, 2);
    if (bias != NULL)
        POMI_TRY(pomi_onnx_vector(walker, node, 2, convolution->out, &details->convolution.bias, err));
    return POM_OK;
}

enum pom_status pomi_onnx_max_pool(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                   struct pom_error *err)
{
    struct onnx_value *map;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    if (map->channels_last || pomi_onnx_integer(node, "ceil_mode", 0) != 0)
        return pomi_onnx_unsupported(err, node, "pools in a way that has no counterpart here");
    /* Zeros from a Pad are no more than an activation's floor; without one they might be the maximum. */
    if (pomi_onnx_is_padded(map) && (map->layer == POMI_INPUT_IMAGE ||
                                     walker->graph.layers[map->layer].activation == POMI_ACTIVATION_NONE))
        return pomi_onnx_unsupported(err, node, "pools zeros that a Pad added");
    struct pomi_layer layer = {.kind = POMI_LAYER_MAX_POOL, .inputs = {map->layer}};
    if (walker->graph.n_layers == POMI_GRAPH_MAX_LAYERS)
        return pomi_onnx_unsupported(err, node, "is one layer too many");
    POMI_TRY(read_window(node, map, &layer.kernel_px, &layer.stride_px,
                         &walker->details[walker->graph.n_layers], err));
    return pomi_onnx_append_layer(walker, node, layer, map, err);
}

static enum pom_status finish(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                              const struct onnx_value *map, int pool_px, struct pom_error *err)
{
    if (map->layer == POMI_INPUT_IMAGE || pomi_onnx_is_padded(map))
        return pomi_onnx_unsupported(err, node, "pools the image or a padded map");
    if (walker->graph.n_layers < POMI_GRAPH_MAX_LAYERS)
        walker->details[walker->graph.n_layers].pool_px = pool_px;
    struct pomi_layer layer = {
        .kind = POMI_LAYER_GLOBAL_AVERAGE_POOL, .inputs = {map->layer}, .kernel_px = 1, .stride_px = 1};
    POMI_TRY(pomi_onnx_append_layer(walker, node, layer, map, err));
    walker->is_done = true;
    return POM_OK;
}

enum pom_status pomi_onnx_global_average_pool(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                              struct pom_error *err)
{
    struct onnx_value *map;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    if (map->channels_last) return pomi_onnx_unsupported(err, node, "reads channels-last data");
    return finish(walker, node, map, 0, err);
}

enum pom_status pomi_onnx_average_pool(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                       struct pom_error *err)
{
    struct onnx_value *map;
    struct onnx_details details = {0};
    int kernel_px = 0, stride_px;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    POMI_TRY(read_window(node, map, &kernel_px, &stride_px, &details, err));
    for (int i = 0; i < 4; i++)
        if (details.pad_px[i] != 0)
            return pomi_onnx_unsupported(err, node, "is padded, so it does not average the whole map");
    if (map->channels_last || details.pads_are_automatic || kernel_px == 0)
        return pomi_onnx_unsupported(err, node, "does not average the whole map");
    return finish(walker, node, map, kernel_px, err);
}

enum pom_status pomi_onnx_reduce_mean(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      struct pom_error *err)
{
    struct onnx_value *map;
    int64_t axes[POMI_ONNX_MAX_DIMENSIONS];
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    int n_axes = pomi_onnx_integers(walker, node, "axes", 1, axes);
    int first = map->channels_last ? 1 : 2;
    bool is_seen[2] = {false, false};
    for (int i = 0; i < n_axes; i++) {
        int64_t axis = axes[i] < 0 ? axes[i] + 4 : axes[i];
        if (axis >= first && axis < first + 2) is_seen[axis - first] = true;
    }
    if (n_axes != 2 || !is_seen[0] || !is_seen[1])
        return pomi_onnx_unsupported(err, node, "does not average over height and width");
    return finish(walker, node, map, 0, err);
}

enum pom_status pomi_onnx_pad(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                              struct pom_error *err)
{
    struct onnx_value *map;
    struct pomi_onnx_attribute mode;
    int64_t pads[POMI_ONNX_MAX_DIMENSIONS];
    float fill = 0;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    if (pomi_onnx_attribute(node, "mode", &mode) && !pomi_view_is(mode.s, "constant"))
        return pomi_onnx_unsupported(err, node, "does not pad with a constant");
    if (pomi_onnx_number(walker, node, "value", 2, &fill) && fill != 0)
        return pomi_onnx_unsupported(err, node, "does not pad with zeros");
    if (pomi_onnx_integers(walker, node, "pads", 1, pads) != 8 || pomi_onnx_input_of(walker, node, 3) != NULL)
        return pomi_onnx_unsupported(err, node, "does not pad four dimensions");
    int height = map->channels_last ? 1 : 2, channels = map->channels_last ? 3 : 1;
    const int64_t added[4] = {pads[height], pads[height + 1], pads[4 + height], pads[5 + height]};
    if (pads[0] != 0 || pads[4] != 0 || pads[channels] != 0 || pads[4 + channels] != 0)
        return pomi_onnx_unsupported(err, node, "pads more than height and width");
    struct onnx_value before = *map;
    struct onnx_value *output = pomi_onnx_set_output(walker, node, map, map->layer);
    for (int i = 0; i < 4 && output != NULL; i++) {
        if (added[i] < 0 || added[i] > 64)
            return pomi_onnx_unsupported(err, node, "has pads outside 0 to 64");
        output->pad_px[i] = before.pad_px[i] + (int)added[i];
        if (output->pad_px[i] > 64) return pomi_onnx_unsupported(err, node, "has pads outside 0 to 64");
    }
    return POM_OK;
}
