// SPDX-License-Identifier: Apache-2.0
/*
 * From the layers of a Keras file to those of a graph.
 *
 * Layer names changed from release to release, their order did not; so a layer is found by its place among those
 * of its kind, and by shape. Only ResNet50's parallel branches, whose order did change, go by name where the names
 * are known ones.
 */
#include <stdio.h>
#include <string.h>

#include "networks/architectures.h"
#include "networks/keras_weights.h"

/* The epsilons are arguments in Keras' code and are not in its files. */
#define MOBILENETV2_EPSILON 1e-3F
#define RESNET50_EPSILON    1.001e-5F

/* What a known name of Keras' ResNet50 stands for: "conv3_block2_1_conv" and, before 2019, "res3b_branch2a"
 * are stage_2.block_2.reduce; "..._bn" and "bn3b_..." their normalisations. False for other names. */
static bool resnet50_layer_name(const char *keras, char layer[64])
{
    static const char *const parts[] = {"shortcut", "reduce", "conv", "expand"};
    int stage, block, part, end = 0;
    char letter, branch[4] = "", kind[8] = "";
    if (strcmp(keras, "conv1") == 0 || strcmp(keras, "bn_conv1") == 0 || strcmp(keras, "conv1_conv") == 0 ||
        strcmp(keras, "conv1_bn") == 0) {
        strcpy(layer, "stem");
        return true;
    }
    if (sscanf(keras, "conv%1d_block%1d_%1d_%4s%n", &stage, &block, &part, kind, &end) == 4 &&
        keras[end] == '\0' && (strcmp(kind, "conv") == 0 || strcmp(kind, "bn") == 0) && part <= 3) {
        snprintf(layer, 64, "stage_%d.block_%d.%s", stage - 1, block, parts[part]);
        return true;
    }
    const char *after_kind = strncmp(keras, "res", 3) == 0  ? keras + 3
                             : strncmp(keras, "bn", 2) == 0 ? keras + 2
                                                            : "";
    if (sscanf(after_kind, "%1d%c_branch%3s%n", &stage, &letter, branch, &end) == 3 &&
        after_kind[end] == '\0') {
        static const char *const branches[] = {"1", "2a", "2b", "2c"};
        for (int i = 0; i < 4; i++) {
            if (strcmp(branch, branches[i]) != 0) continue;
            snprintf(layer, 64, "stage_%d.block_%d.%s", stage - 1, letter - 'a' + 1, parts[i]);
            return true;
        }
    }
    return false;
}

/* The graph's convolutions of one kind in the order in which Keras lists them: ours, but a shortcut comes
 * after the second convolution of its block, since Keras sorts layers by their distance from the output. */
static int keras_order(const struct pomi_graph *graph, bool want_conv, bool want_depthwise, int *order)
{
    int n = 0, shortcut = -1;
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        bool wanted = (layer->kind == POMI_LAYER_CONV && want_conv) ||
                      (layer->kind == POMI_LAYER_DEPTHWISE && want_depthwise);
        if (!wanted) continue;
        if (strstr(layer->name, ".shortcut") != NULL) {
            shortcut = i;
            continue;
        }
        order[n++] = i;
        if (shortcut >= 0 && strstr(layer->name, ".conv") != NULL) {
            order[n++] = shortcut;
            shortcut = -1;
        }
    }
    return n;
}

static enum pom_status missing(struct pom_error *err, const char *what, const struct pomi_layer *layer)
{
    return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the file has no %s for the layer %s", what,
                     layer->name);
}

static enum pom_status extra(struct pom_error *err, const char *name)
{
    return pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor",
                     "\"%.200s\" of the file belongs to no layer of the network", name);
}

/* Where each convolution and normalisation goes: indices of layers, by order of kind. */
static enum pom_status place_by_order(const struct pomi_graph *graph,
                                      const struct pomi_keras_weights *weights, int *convolution_layers,
                                      int *normalisation_layers, struct pom_error *err)
{
    int order[POMI_GRAPH_MAX_LAYERS];
    for (int depthwise = 0; depthwise < 2; depthwise++) {
        int n_order = keras_order(graph, !depthwise, depthwise, order), n = 0;
        for (int i = 0; i < weights->n_convolutions; i++) {
            if (weights->is_depthwise[i] != depthwise) continue;
            if (n == n_order) return extra(err, weights->convolutions[i].name);
            convolution_layers[i] = order[n++];
        }
        if (n < n_order) return missing(err, "convolution", &graph->layers[order[n]]);
    }
    int n_order = keras_order(graph, true, true, order);
    for (int i = 0; i < weights->n_normalisations; i++) {
        if (i == n_order) return extra(err, weights->normalisations[i].name);
        normalisation_layers[i] = order[i];
    }
    if (weights->n_normalisations < n_order)
        return missing(err, "batch normalisation", &graph->layers[order[weights->n_normalisations]]);
    return POM_OK;
}

/* -1 when a name is not a known one. */
static int resnet50_layer(const struct pomi_graph *graph, const char *keras)
{
    char name[64];
    if (!resnet50_layer_name(keras, name)) return -1;
    const struct pomi_layer *layer = pomi_graph_find(graph, name);
    return layer == NULL ? -1 : (int)(layer - graph->layers);
}

static bool names_are_known(const struct pomi_graph *graph, const struct pomi_keras_weights *weights)
{
    for (int i = 0; i < weights->n_convolutions; i++)
        if (resnet50_layer(graph, weights->convolutions[i].name) < 0) return false;
    for (int i = 0; i < weights->n_normalisations; i++)
        if (resnet50_layer(graph, weights->normalisations[i].name) < 0) return false;
    return true;
}

static enum pom_status fold_all(struct pomi_graph *graph, struct pomi_keras_weights *weights,
                                const int *convolution_layers, const int *normalisation_layers, float epsilon,
                                struct pom_error *err)
{
    struct pomi_normalisation *by_layer[POMI_GRAPH_MAX_LAYERS] = {NULL};
    for (int i = 0; i < weights->n_normalisations; i++) {
        struct pomi_normalisation *normalisation = &weights->normalisations[i];
        if (by_layer[normalisation_layers[i]] != NULL) return extra(err, normalisation->name);
        by_layer[normalisation_layers[i]] = normalisation;
        normalisation->epsilon = epsilon;
    }
    for (int i = 0; i < weights->n_convolutions; i++) {
        struct pomi_layer *layer = &graph->layers[convolution_layers[i]];
        if (layer->weights != NULL) return extra(err, weights->convolutions[i].name);
        weights->convolutions[i].normalisation = by_layer[convolution_layers[i]];
        if (weights->convolutions[i].normalisation == NULL) return missing(err, "batch normalisation", layer);
        POMI_TRY(pomi_fold(layer, &weights->convolutions[i], err));
    }
    for (int i = 0; i < graph->n_layers; i++)
        if (pomi_layer_n_weights(&graph->layers[i]) > 0 && graph->layers[i].weights == NULL)
            return missing(err, "convolution", &graph->layers[i]);
    return POM_OK;
}

/* The widths of a MobileNetV2, which is a chain: stem, the first block's projection, then pairs of expansion
 * and projection, then the head. */
static enum pom_status mobilenetv2_widths(const struct pomi_keras_weights *weights,
                                          struct pomi_mobilenetv2_widths *widths, struct pom_error *err)
{
    static const int first_blocks[POMI_MOBILENETV2_STAGES] = {0, 1, 3, 6, 10, 13, 16};
    enum { N_POINTWISE = 35 };
    int out[N_POINTWISE], n = 0;
    for (int i = 0; i < weights->n_convolutions; i++)
        if (!weights->is_depthwise[i] && n < N_POINTWISE) out[n++] = weights->convolutions[i].out;
    if (n < N_POINTWISE)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor",
                         "a MobileNetV2 has %d convolutions that are not depthwise, the file has %d",
                         N_POINTWISE, n);
    *widths = (struct pomi_mobilenetv2_widths){.stem = out[0], .head = out[N_POINTWISE - 1]};
    for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++) widths->stages[i] = out[2 * first_blocks[i] + 1];
    return POM_OK;
}

enum pom_status pomi_keras_fill_graph(struct pomi_graph *graph, const char **architecture,
                                      struct pomi_keras_weights *weights,
                                      const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    bool has_depthwise = false;
    for (int i = 0; i < weights->n_convolutions; i++)
        has_depthwise = has_depthwise || weights->is_depthwise[i];
    bool is_mobilenetv2 =
        wishes->architecture != NULL ? strcmp(wishes->architecture, "mobilenetv2") == 0 : has_depthwise;
    int input_px = wishes->input_px > 0 ? wishes->input_px : 224;
    int convolution_layers[POMI_KERAS_MAX_LAYERS], normalisation_layers[POMI_KERAS_MAX_LAYERS];
    if (is_mobilenetv2) {
        struct pomi_mobilenetv2_widths widths;
        *architecture = "mobilenetv2";
        POMI_TRY(mobilenetv2_widths(weights, &widths, err));
        POMI_TRY(pomi_graph_mobilenetv2(graph, &widths, input_px, err));
        POMI_TRY(place_by_order(graph, weights, convolution_layers, normalisation_layers, err));
    } else {
        *architecture = "resnet50";
        POMI_TRY(pomi_graph_resnet50(graph, POMI_RESNET_STRIDE_IN_REDUCE, input_px, err));
        if (names_are_known(graph, weights)) {
            for (int i = 0; i < weights->n_convolutions; i++)
                convolution_layers[i] = resnet50_layer(graph, weights->convolutions[i].name);
            for (int i = 0; i < weights->n_normalisations; i++)
                normalisation_layers[i] = resnet50_layer(graph, weights->normalisations[i].name);
        } else {
            POMI_TRY(place_by_order(graph, weights, convolution_layers, normalisation_layers, err));
        }
    }
    POMI_TRY(pomi_graph_apply_wishes(graph, wishes, err));
    return fold_all(graph, weights, convolution_layers, normalisation_layers,
                    is_mobilenetv2 ? MOBILENETV2_EPSILON : RESNET50_EPSILON, err);
}
