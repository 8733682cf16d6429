// SPDX-License-Identifier: Apache-2.0
/*
 * ONNX models: the graph is walked from the image on, node by node, and what our layers can express becomes a
 * layer or joins the one before it: a batch normalisation and an activation join the convolution they follow,
 * a Pad joins the convolution it precedes. The walk ends at the global average pool; what follows is the
 * classifier. Nodes that cannot be expressed are an error only when something before the pool needs them.
 *
 * A graph that is one of our architectures, whatever its node names and the order of its branches, takes that
 * architecture's layer names and order, so that it gets the same identity as from any other file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks/onnx_walk.h"

#define DEFAULT_INPUT_PX 224

/* ---- the walk ---- */

/* Nothing but the layout in memory changes, which is not our concern: only the axes that later nodes name. */
static enum pom_status walk_transpose(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      struct pom_error *err)
{
    static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
    struct onnx_value *map;
    struct pomi_onnx_attribute order;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    if (!pomi_onnx_attribute(node, "perm", &order) || order.n_ints != 4 ||
        memcmp(order.ints, map->channels_last ? to_first : to_last, sizeof to_last) != 0)
        return pomi_onnx_unsupported(err, node, "is neither to nor from channels-last");
    struct onnx_value before = *map;
    struct onnx_value *output = pomi_onnx_set_output(walker, node, map, map->layer);
    if (output == NULL) return POM_OK;
    output->channels_last = !before.channels_last;
    memcpy(output->pad_px, before.pad_px, sizeof before.pad_px);
    return POM_OK;
}

static enum pom_status walk_identity(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    struct onnx_value *from = pomi_onnx_input_of(walker, node, 0),
                      *output = pomi_onnx_find(walker, node->output);
    (void)err;
    if (from == NULL || output == NULL || from == output) return POM_OK;
    struct onnx_value copy = *from;
    copy.name = output->name;
    copy.n_users = output->n_users + from->n_users - 1; /* as if there were one name for both */
    *output = copy;
    return POM_OK;
}

static enum pom_status walk_constant(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    struct onnx_value *output = pomi_onnx_find(walker, node->output);
    struct pomi_onnx_attribute value;
    if (output == NULL || !pomi_onnx_attribute(node, "value", &value) || value.t.data == NULL) return POM_OK;
    POMI_TRY(pomi_onnx_tensor(&output->tensor, value.t, err));
    output->kind = VALUE_CONSTANT;
    return POM_OK;
}

static const struct {
    const char *op;
    pomi_onnx_operator *walk;
} operators[] = {
    {"Conv", pomi_onnx_conv},
    {"BatchNormalization", pomi_onnx_normalisation},
    {"Relu", pomi_onnx_relu},
    {"Clip", pomi_onnx_clip},
    {"Add", pomi_onnx_add},
    {"Sum", pomi_onnx_add},
    {"Mul", pomi_onnx_multiply},
    {"MaxPool", pomi_onnx_max_pool},
    {"GlobalAveragePool", pomi_onnx_global_average_pool},
    {"AveragePool", pomi_onnx_average_pool},
    {"ReduceMean", pomi_onnx_reduce_mean},
    {"Pad", pomi_onnx_pad},
    {"Transpose", walk_transpose},
    {"Identity", walk_identity},
    {"Dropout", walk_identity},
    {"Constant", walk_constant},
};

static enum pom_status walk_node(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                 struct pom_error *err)
{
    struct onnx_value *output = pomi_onnx_find(walker, node->output);
    if (output != NULL && output->kind == VALUE_UNKNOWN) output->op = node->op;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (pomi_view_is(node->op, operators[i].op)) return operators[i].walk(walker, node, err);
    return POM_OK; /* an error when, and only if, something needs it */
}

/* After the pool only the pool may be read: a network that goes back (squeeze and excitation) is not
 * finished. */
static enum pom_status check_rest(struct onnx_walker *walker, size_t first, struct pom_error *err)
{
    int pool = walker->graph.n_layers - 1;
    for (size_t i = first; i < walker->model->n_nodes; i++) {
        const struct pomi_onnx_node *node = &walker->model->nodes[i];
        for (int j = 0; j < node->n_inputs && j < POMI_ONNX_MAX_INPUTS; j++) {
            const struct onnx_value *value = pomi_onnx_find(walker, node->inputs[j]);
            if (value != NULL && value->kind == VALUE_MAP && value->layer != pool &&
                !pomi_view_is(node->op, "Shape"))
                return pomi_onnx_unsupported(err, node,
                                             "reads a map from before the global average pool, after it");
        }
    }
    return POM_OK;
}

static enum pom_status walk(struct onnx_walker *walker, struct pom_error *err)
{
    size_t i = 0;
    for (; i < walker->model->n_nodes && !walker->is_done; i++)
        POMI_TRY(walk_node(walker, &walker->model->nodes[i], err));
    if (!walker->is_done)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the ONNX graph has no global average pool, from which features could be taken");
    return check_rest(walker, i, err);
}

/* ---- before the walk: the table of names ---- */
static enum pom_status add_value(struct onnx_walker *walker, struct pomi_view name, struct onnx_value value)
{
    value.name = name;
    if (name.size_bytes > 0) walker->values[walker->n_values++] = value;
    return POM_OK;
}

static enum pom_status list_values(struct onnx_walker *walker, struct pom_error *err)
{
    const struct pomi_onnx_model *model = walker->model;
    size_t n_values = model->n_nodes + model->n_initializers + model->n_inputs;
    walker->values = calloc(n_values + 1, sizeof *walker->values);
    if (walker->values == NULL)
        return pomi_fail_memory(err, n_values * sizeof *walker->values, "a table of names");
    for (size_t i = 0; i < model->n_nodes; i++)
        add_value(walker, model->nodes[i].output, (struct onnx_value){0});
    for (size_t i = 0; i < model->n_initializers; i++)
        add_value(walker, model->initializers[i].name,
                  (struct onnx_value){.kind = VALUE_CONSTANT, .tensor = model->initializers[i]});
    if (walker->n_values > 0)
        qsort(walker->values, walker->n_values, sizeof *walker->values, pomi_onnx_by_name);
    for (size_t i = 0; i + 1 < walker->n_values; i++)
        if (pomi_onnx_by_name(&walker->values[i], &walker->values[i + 1]) == 0)
            return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "the ONNX graph defines \"%s\" twice",
                             pomi_onnx_shorten(walker->values[i].name).text);
    return POM_OK;
}

/* Older files list initializers among the inputs; the image is the one input that is none. */
static enum pom_status find_image(struct onnx_walker *walker, const struct pomi_reader_wishes *wishes,
                                  struct pom_error *err)
{
    const struct pomi_onnx_input *image = NULL;
    for (size_t i = 0; i < walker->model->n_inputs; i++) {
        if (pomi_onnx_find(walker, walker->model->inputs[i].name) != NULL) continue;
        if (image != NULL)
            return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                             "the ONNX graph has more than one input");
        image = &walker->model->inputs[i];
    }
    bool channels_last =
        image != NULL && image->n_dimensions == 4 && image->shape[3] == 3 && image->shape[1] != 3;
    int height = channels_last ? 1 : 2;
    if (image == NULL || image->name.size_bytes == 0 || image->n_dimensions != 4 ||
        (!channels_last && image->shape[1] != 3 && image->shape[1] > 0) ||
        image->shape[height] != image->shape[height + 1] || image->shape[height] < 0 ||
        image->shape[height] > 4096)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the ONNX graph's input is not one square image of three channels");
    walker->graph.input_px = wishes->input_px > 0       ? wishes->input_px
                             : image->shape[height] > 0 ? (int)image->shape[height]
                                                        : DEFAULT_INPUT_PX;
    add_value(
        walker, image->name,
        (struct onnx_value){.kind = VALUE_MAP, .layer = POMI_INPUT_IMAGE, .channels_last = channels_last});
    qsort(walker->values, walker->n_values, sizeof *walker->values, pomi_onnx_by_name);
    return POM_OK;
}

static void count_users(struct onnx_walker *walker)
{
    for (size_t i = 0; i < walker->model->n_nodes; i++) {
        const struct pomi_onnx_node *node = &walker->model->nodes[i];
        for (int j = 0; j < node->n_inputs && j < POMI_ONNX_MAX_INPUTS; j++) {
            struct onnx_value *value = pomi_onnx_find(walker, node->inputs[j]);
            if (value != NULL) value->n_users++;
        }
    }
}

/* ---- after the walk: padding, architecture, weights ---- */

/* Whether the explicit pads of a derived layer are what the graph's padding rule gives. Padding after the
 * last window is never read, so what counts is where windows begin and how many there are. */
static bool pads_agree(const struct pomi_graph *graph, const struct pomi_layer *layer,
                       const struct onnx_details *details)
{
    if (details->pads_are_automatic) return graph->padding == POMI_PADDING_SAME;
    int height_px = (layer->in_height_px + details->pad_px[0] + details->pad_px[2] - layer->kernel_px) /
                        layer->stride_px +
                    1;
    int width_px =
        (layer->in_width_px + details->pad_px[1] + details->pad_px[3] - layer->kernel_px) / layer->stride_px +
        1;
    bool is_large_enough =
        layer->in_height_px + details->pad_px[0] + details->pad_px[2] >= layer->kernel_px &&
        layer->in_width_px + details->pad_px[1] + details->pad_px[3] >= layer->kernel_px;
    return is_large_enough && details->pad_px[0] == layer->pad_top_px &&
           details->pad_px[1] == layer->pad_left_px && height_px == layer->out_height_px &&
           width_px == layer->out_width_px;
}

/* The first layer whose pads differ from the graph's rule, or -1. */
static int first_disagreement(const struct onnx_walker *walker)
{
    for (int i = 0; i < walker->graph.n_layers; i++) {
        const struct pomi_layer *layer = &walker->graph.layers[i];
        bool has_window = layer->kind != POMI_LAYER_ADD && layer->kind != POMI_LAYER_GLOBAL_AVERAGE_POOL;
        if (has_window && !pads_agree(&walker->graph, layer, &walker->details[i])) return i;
        if (walker->details[i].pool_px > 0 &&
            (walker->details[i].pool_px != layer->in_height_px || layer->in_height_px != layer->in_width_px))
            return i;
    }
    return -1;
}

static enum pom_status find_padding(struct onnx_walker *walker, struct pom_error *err)
{
    static const enum pomi_padding rules[] = {POMI_PADDING_SYMMETRIC, POMI_PADDING_SAME};
    int furthest = -1;
    for (size_t i = 0; i < 2; i++) {
        walker->graph.padding = rules[i];
        POMI_TRY(pomi_graph_derive(&walker->graph, err));
        int index = first_disagreement(walker);
        if (index < 0) return POM_OK;
        if (index > furthest) furthest = index;
    }
    return pomi_fail(
        err, POM_ERROR_UNSUPPORTED, "unsupported",
        "the padding of \"%s\" follows neither TensorFlow's rule nor the symmetric one at %d pixels",
        walker->details[furthest].convolution.name[0] != '\0' ? walker->details[furthest].convolution.name
                                                              : "a pool",
        walker->graph.input_px);
}

static enum pom_status fold_all(struct onnx_walker *walker, struct pom_error *err)
{
    for (int i = 0; i < walker->graph.n_layers; i++) {
        struct onnx_details *details = &walker->details[i];
        if (pomi_layer_n_weights(&walker->graph.layers[i]) == 0) continue;
        if (details->normalisation.n_channels > 0)
            details->convolution.normalisation = &details->normalisation;
        POMI_TRY(pomi_fold(&walker->graph.layers[i], &details->convolution, err));
    }
    return POM_OK;
}

static enum pom_status read_model(struct onnx_walker *walker, const char **architecture,
                                  const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    walker->graph.layers = calloc(POMI_GRAPH_MAX_LAYERS, sizeof *walker->graph.layers);
    walker->details = calloc(POMI_GRAPH_MAX_LAYERS, sizeof *walker->details);
    if (walker->graph.layers == NULL || walker->details == NULL)
        return pomi_fail_memory(err, POMI_GRAPH_MAX_LAYERS * sizeof *walker->details, "a network's layers");
    POMI_TRY(list_values(walker, err));
    POMI_TRY(find_image(walker, wishes, err));
    count_users(walker);
    POMI_TRY(walk(walker, err));
    POMI_TRY(find_padding(walker, err));
    POMI_TRY(pomi_onnx_recognise(walker, architecture, wishes, err));
    return fold_all(walker, err);
}

enum pom_status pomi_read_onnx(struct pomi_graph *graph, const char **architecture, struct pomi_view bytes,
                               const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    struct pomi_onnx_model model;
    struct onnx_walker walker = {.model = &model};
    enum pom_status status = pomi_onnx_read(&model, bytes, err);
    if (status == POM_OK) status = read_model(&walker, architecture, wishes, err);
    for (int i = 0; i < walker.graph.n_layers; i++) {
        pomi_convolution_release(&walker.details[i].convolution);
        pomi_normalisation_release(&walker.details[i].normalisation);
    }
    *graph = walker.graph;
    free(walker.details);
    free(walker.values);
    pomi_onnx_release(&model);
    return status;
}
