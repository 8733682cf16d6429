// SPDX-License-Identifier: Apache-2.0
/*
 * Whether an ONNX graph is one of our architectures. Names and the order of branches say nothing, so layers are compared
 * by what they compute and by what they read.
 */
#include "networks/onnx_walk.h"

#include <string.h>

#include "networks/architectures.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ b) + 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* A number for each layer that depends on what it computes and on its inputs', but on no name and no order:
 * equal numbers are equal places. */
static void place_numbers(const struct pomi_graph *graph, uint64_t *numbers)
{
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        uint64_t inputs[2] = {0, 0};
        for (int j = 0; j < (layer->kind == POMI_LAYER_ADD ? 2 : 1); j++)
            inputs[j] = layer->inputs[j] == POMI_INPUT_IMAGE ? 1 : numbers[layer->inputs[j]];
        uint64_t number =
            mix(mix((uint64_t)layer->kind, (uint64_t)layer->kernel_px), (uint64_t)layer->stride_px);
        number = mix(mix(number, (uint64_t)layer->out_channels), (uint64_t)layer->activation);
        numbers[i] =
            mix(number, inputs[0] < inputs[1] ? mix(inputs[0], inputs[1]) : mix(inputs[1], inputs[0]));
    }
}

/* If `architecture` has the same layers in the same places, gives the walker's details its order and the
 * walker its layers. */
static bool take_architecture(struct onnx_walker *walker, struct pomi_graph *architecture)
{
    int n_layers = architecture->n_layers;
    uint64_t wanted[128], there[128];
    struct onnx_details in_order[128];
    if (n_layers != walker->graph.n_layers || n_layers > 128) return false;
    place_numbers(architecture, wanted);
    place_numbers(&walker->graph, there);
    for (int i = 0; i < n_layers; i++) {
        int j = 0;
        while (j < n_layers && there[j] != wanted[i]) j++;
        if (j == n_layers) return false;
        in_order[i] = walker->details[j];
    }
    memcpy(walker->details, in_order, (size_t)n_layers * sizeof *in_order);
    memcpy(walker->graph.layers, architecture->layers, (size_t)n_layers * sizeof *architecture->layers);
    return true;
}

static bool is_mobilenetv2(struct onnx_walker *walker)
{
    static const int first_blocks[POMI_MOBILENETV2_STAGES] = {0, 1, 3, 6, 10, 13, 16};
    enum { N_POINTWISE = 35 };
    int out[N_POINTWISE + 1], n = 0;
    for (int i = 0; i < walker->graph.n_layers; i++) {
        if (walker->graph.layers[i].kind != POMI_LAYER_CONV) continue;
        if (n == N_POINTWISE + 1) return false;
        out[n++] = walker->graph.layers[i].out_channels;
    }
    if (n < N_POINTWISE) return false;
    struct pomi_mobilenetv2_widths widths = {
        .stem = out[0], .head = out[n - 1], .first_block_expands = n == N_POINTWISE + 1};
    for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++)
        widths.stages[i] = out[2 * first_blocks[i] + 1 + widths.first_block_expands];
    struct pomi_graph architecture = {0};
    bool is_taken = pomi_graph_mobilenetv2(&architecture, &widths, walker->graph.input_px, NULL) == POM_OK &&
                    take_architecture(walker, &architecture);
    pomi_graph_release(&architecture);
    return is_taken;
}

static bool is_resnet50(struct onnx_walker *walker, enum pomi_resnet_stride stride)
{
    struct pomi_graph architecture = {0};
    bool is_taken = pomi_graph_resnet50(&architecture, stride, walker->graph.input_px, NULL) == POM_OK &&
                    take_architecture(walker, &architecture);
    pomi_graph_release(&architecture);
    return is_taken;
}

static bool comes_from_keras(const struct onnx_walker *walker)
{
    return pomi_view_is(walker->model->producer, "tf2onnx") ||
           pomi_view_is(walker->model->producer, "keras2onnx");
}

enum pom_status pomi_onnx_recognise(struct onnx_walker *walker, const char **architecture,
                                    const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    enum pomi_preprocessing of_keras = POMI_PREPROCESSING_TF;
    *architecture = NULL;
    if (is_mobilenetv2(walker)) {
        *architecture = "mobilenetv2";
    } else if (is_resnet50(walker, POMI_RESNET_STRIDE_IN_REDUCE) ||
               is_resnet50(walker, POMI_RESNET_STRIDE_IN_CONV)) {
        *architecture = "resnet50";
        of_keras = POMI_PREPROCESSING_CAFFE;
    }
    if (wishes->architecture != NULL &&
        (*architecture == NULL || strcmp(*architecture, wishes->architecture) != 0))
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_network", "the ONNX graph is not that of a %s",
                         wishes->architecture);
    bool is_keras = comes_from_keras(walker) || walker->graph.padding == POMI_PADDING_SAME;
    walker->graph.preprocessing = is_keras ? of_keras : POMI_PREPROCESSING_TORCH;
    if (wishes->padding >= 0 && wishes->padding != (int)walker->graph.padding)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_padding",
                         "the ONNX graph itself says how it pads, and that is not the padding asked for");
    return pomi_graph_apply_wishes(&walker->graph, wishes, err);
}
