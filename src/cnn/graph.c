// SPDX-License-Identifier: Apache-2.0
/*
 * From layers and an input size to every shape and padding. All limits are checked here once, so that whoever
 * computes with a derived graph need not ask again.
 */
#include "cnn/graph.h"

#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

#define MAX_INPUT_PX        4096
#define MAX_CHANNELS        65536
#define MAX_KERNEL_PX       64
#define MAX_OUTPUT_ELEMENTS ((int64_t)1 << 28) /* of one layer: 1 GiB as float */

static enum pom_status fail(struct pom_error *err, const struct pomi_layer *layer, const char *what)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "layer \"%s\" %s", layer->name, what);
}

static int larger(int a, int b)
{
    return a > b ? a : b;
}

/* One side of a window: how many positions it has and how far it reaches over the edges. Padding that no
 * position reads (possible after the last one) is not counted. */
static void derive_side(enum pomi_padding padding, int in_px, int kernel_px, int stride_px, int *out_px,
                        int *before_px, int *after_px)
{
    if (padding == POMI_PADDING_SAME) {
        *out_px = (in_px + stride_px - 1) / stride_px;
        *before_px = larger((*out_px - 1) * stride_px + kernel_px - in_px, 0) / 2;
    } else {
        *before_px = kernel_px / 2;
        *out_px = (in_px + 2 * *before_px - kernel_px) / stride_px + 1;
    }
    *after_px = larger((*out_px - 1) * stride_px + kernel_px - in_px - *before_px, 0);
}

static enum pom_status derive_input(const struct pomi_graph *graph, int index, int which, int *channels,
                                    int *height_px, int *width_px, struct pom_error *err)
{
    const struct pomi_layer *layer = &graph->layers[index];
    int input = layer->inputs[which];
    if (input == POMI_INPUT_IMAGE) {
        *channels = 3;
        *height_px = *width_px = graph->input_px;
        return POM_OK;
    }
    if (input < 0 || input >= index)
        return fail(err, layer, "takes its input from a layer that is not before it");
    *channels = graph->layers[input].out_channels;
    *height_px = graph->layers[input].out_height_px;
    *width_px = graph->layers[input].out_width_px;
    return POM_OK;
}

static enum pom_status derive_window(const struct pomi_graph *graph, struct pomi_layer *layer,
                                     struct pom_error *err)
{
    if (layer->kernel_px < 1 || layer->kernel_px > MAX_KERNEL_PX)
        return fail(err, layer, "has a kernel size outside 1 to 64");
    if (layer->stride_px < 1 || layer->stride_px > MAX_KERNEL_PX)
        return fail(err, layer, "has a stride outside 1 to 64");
    derive_side(graph->padding, layer->in_height_px, layer->kernel_px, layer->stride_px,
                &layer->out_height_px, &layer->pad_top_px, &layer->pad_bottom_px);
    derive_side(graph->padding, layer->in_width_px, layer->kernel_px, layer->stride_px, &layer->out_width_px,
                &layer->pad_left_px, &layer->pad_right_px);
    return POM_OK;
}

static enum pom_status derive_add(const struct pomi_graph *graph, int index, struct pom_error *err)
{
    struct pomi_layer *layer = &graph->layers[index];
    int channels = 0, height_px = 0, width_px = 0;
    POMI_TRY(derive_input(graph, index, 1, &channels, &height_px, &width_px, err));
    if (channels != layer->in_channels || height_px != layer->in_height_px || width_px != layer->in_width_px)
        return fail(err, layer, "adds two inputs of different shapes");
    layer->kernel_px = layer->stride_px = 1;
    layer->out_height_px = height_px;
    layer->out_width_px = width_px;
    return POM_OK;
}

static enum pom_status derive_layer(const struct pomi_graph *graph, int index, struct pom_error *err)
{
    struct pomi_layer *layer = &graph->layers[index];
    if (memchr(layer->name, '\0', sizeof layer->name) == NULL || layer->name[0] == '\0')
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "layer number %d has no name", index);
    POMI_TRY(
        derive_input(graph, index, 0, &layer->in_channels, &layer->in_height_px, &layer->in_width_px, err));
    layer->pad_top_px = layer->pad_left_px = layer->pad_bottom_px = layer->pad_right_px = 0;
    if (layer->kind != POMI_LAYER_CONV) {
        if (layer->out_channels != 0 && layer->out_channels != layer->in_channels)
            return fail(err, layer, "has another number of channels than its input");
        layer->out_channels = layer->in_channels;
    }
    if (layer->out_channels < 1 || layer->out_channels > MAX_CHANNELS)
        return fail(err, layer, "has a number of channels outside 1 to 65536");

    switch (layer->kind) {
    case POMI_LAYER_CONV:
    case POMI_LAYER_DEPTHWISE:
    case POMI_LAYER_MAX_POOL:
        POMI_TRY(derive_window(graph, layer, err));
        break;
    case POMI_LAYER_ADD:
        POMI_TRY(derive_add(graph, index, err));
        break;
    case POMI_LAYER_GLOBAL_AVERAGE_POOL:
        layer->kernel_px = layer->stride_px = 1;
        layer->out_height_px = layer->out_width_px = 1;
        break;
    default:
        return fail(err, layer, "is of an unknown kind");
    }
    bool is_pool = layer->kind == POMI_LAYER_MAX_POOL || layer->kind == POMI_LAYER_GLOBAL_AVERAGE_POOL;
    if (is_pool && layer->activation != POMI_ACTIVATION_NONE)
        return fail(err, layer, "is a pool with an activation");
    if ((int64_t)layer->out_channels * layer->out_height_px * layer->out_width_px > MAX_OUTPUT_ELEMENTS)
        return fail(err, layer, "has an output of more than 2^28 values");
    return POM_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct pomi_layer *const *)a)->name, (*(const struct pomi_layer *const *)b)->name);
}

static enum pom_status check_names(const struct pomi_graph *graph, struct pom_error *err)
{
    const struct pomi_layer *sorted[POMI_GRAPH_MAX_LAYERS];
    for (int i = 0; i < graph->n_layers; i++) sorted[i] = &graph->layers[i];
    qsort(sorted, (size_t)graph->n_layers, sizeof *sorted, by_name);
    for (int i = 0; i + 1 < graph->n_layers; i++)
        if (strcmp(sorted[i]->name, sorted[i + 1]->name) == 0) return fail(err, sorted[i], "occurs twice");
    return POM_OK;
}

/* A layer that nothing uses would be dead weight: more likely the file is not what its maker meant. */
static enum pom_status check_use(const struct pomi_graph *graph, struct pom_error *err)
{
    bool used[POMI_GRAPH_MAX_LAYERS] = {false};
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        if (layer->inputs[0] >= 0) used[layer->inputs[0]] = true;
        if (layer->kind == POMI_LAYER_ADD && layer->inputs[1] >= 0) used[layer->inputs[1]] = true;
    }
    for (int i = 0; i + 1 < graph->n_layers; i++)
        if (!used[i]) return fail(err, &graph->layers[i], "is used by no other layer");
    return POM_OK;
}

enum pom_status pomi_graph_derive(struct pomi_graph *graph, struct pom_error *err)
{
    if (graph->n_layers < 1 || graph->n_layers > POMI_GRAPH_MAX_LAYERS)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", "a network has 1 to %d layers, not %d",
                         POMI_GRAPH_MAX_LAYERS, graph->n_layers);
    if (graph->input_px < 1 || graph->input_px > MAX_INPUT_PX)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network",
                         "a network's input has 1 to %d pixels a side, not %d", MAX_INPUT_PX,
                         graph->input_px);
    for (int i = 0; i < graph->n_layers; i++) POMI_TRY(derive_layer(graph, i, err));
    const struct pomi_layer *last = &graph->layers[graph->n_layers - 1];
    if (last->kind != POMI_LAYER_GLOBAL_AVERAGE_POOL)
        return fail(err, last, "is the last and not a global average pool");
    POMI_TRY(check_names(graph, err));
    return check_use(graph, err);
}

const struct pomi_pixel_values *pomi_pixel_values(enum pomi_preprocessing preprocessing)
{
    static const struct pomi_pixel_values values[] = {
        [POMI_PREPROCESSING_TF] = {{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}, false},
        [POMI_PREPROCESSING_CAFFE] = {{123.68, 116.779, 103.939}, {1, 1, 1}, true},
        [POMI_PREPROCESSING_TORCH] = {{255 * .485, 255 * .456, 255 * .406},
                                      {255 * .229, 255 * .224, 255 * .225},
                                      false},
    };
    return &values[preprocessing];
}

static bool lies_in(const struct pomi_bytes *bytes, const void *pointer)
{
    const uintptr_t at = (uintptr_t)pointer, begin = (uintptr_t)bytes->data;
    return at >= begin && at - begin < bytes->size_bytes;
}

void pomi_graph_release(struct pomi_graph *graph)
{
    for (int i = 0; i < graph->n_layers; i++) {
        if (!lies_in(&graph->file, graph->layers[i].weights)) free(graph->layers[i].weights);
        free(graph->layers[i].bias);
        free(graph->layers[i].calibration);
    }
    free(graph->layers);
    pomi_bytes_release(&graph->file);
    *graph = (struct pomi_graph){0};
}

bool pomi_graph_is_calibrated(const struct pomi_graph *graph)
{
    return graph->n_layers > 1 && graph->layers[0].calibration != NULL;
}

size_t pomi_layer_n_weights(const struct pomi_layer *layer)
{
    size_t kernel = (size_t)layer->kernel_px * (size_t)layer->kernel_px;
    if (layer->kind == POMI_LAYER_CONV)
        return (size_t)layer->out_channels * kernel * (size_t)layer->in_channels;
    if (layer->kind == POMI_LAYER_DEPTHWISE) return (size_t)layer->out_channels * kernel;
    return 0;
}

int64_t pomi_layer_n_macs(const struct pomi_layer *layer)
{
    return (int64_t)pomi_layer_n_weights(layer) * layer->out_height_px * layer->out_width_px;
}
