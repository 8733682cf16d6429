// SPDX-License-Identifier: Apache-2.0
/* A small network with random weights that has everything integers meet: blocks, additions joined in a chain, both
 * rectifiers, max pooling, borders. */
#ifndef TESTS_SMALL_NETWORK_H
#define TESTS_SMALL_NETWORK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cnn/graph.h"

static inline float small_network_random(uint32_t *state)
{
    *state = *state * 1664525U + 1013904223U;
    return (float)(*state >> 8) * 0x1p-23F - 1;
}

/* The caller releases *graph. */
static inline void small_network(struct pomi_graph *graph, int input_px)
{
    static const struct {
        const char *name;
        enum pomi_layer_kind kind;
        int inputs[2];
        enum pomi_activation activation;
        int kernel, stride, channels;
    } rows[] = {
        {"stem", POMI_LAYER_CONV, {POMI_INPUT_IMAGE}, POMI_ACTIVATION_RELU6, 3, 2, 20},
        {"depthwise", POMI_LAYER_DEPTHWISE, {0}, POMI_ACTIVATION_RELU6, 3, 1, 20},
        {"project", POMI_LAYER_CONV, {1}, POMI_ACTIVATION_NONE, 1, 1, 12},
        {"expand_1", POMI_LAYER_CONV, {2}, POMI_ACTIVATION_RELU6, 1, 1, 40},
        {"depthwise_1", POMI_LAYER_DEPTHWISE, {3}, POMI_ACTIVATION_RELU6, 3, 1, 40},
        {"project_1", POMI_LAYER_CONV, {4}, POMI_ACTIVATION_NONE, 1, 1, 12},
        {"add_1", POMI_LAYER_ADD, {2, 5}, POMI_ACTIVATION_NONE, 1, 1, 0},
        {"reduce", POMI_LAYER_CONV, {6}, POMI_ACTIVATION_RELU, 3, 1, 17},
        {"widen", POMI_LAYER_CONV, {7}, POMI_ACTIVATION_NONE, 1, 1, 12},
        {"add_2", POMI_LAYER_ADD, {6, 8}, POMI_ACTIVATION_RELU, 1, 1, 0},
        {"max", POMI_LAYER_MAX_POOL, {9}, POMI_ACTIVATION_NONE, 3, 2, 0},
        {"head", POMI_LAYER_CONV, {10}, POMI_ACTIVATION_RELU6, 1, 1, 70},
        {"pool", POMI_LAYER_GLOBAL_AVERAGE_POOL, {11}, POMI_ACTIVATION_NONE, 1, 1, 0},
    };
    enum { N = sizeof rows / sizeof rows[0] };
    uint32_t state = 20261125;
    struct pom_error err;
    *graph = (struct pomi_graph){calloc(N, sizeof(struct pomi_layer)), N, input_px, POMI_PADDING_SAME,
                                 POMI_PREPROCESSING_TF};
    assert_non_null(graph->layers);
    for (int i = 0; i < N; i++) {
        struct pomi_layer *layer = &graph->layers[i];
        snprintf(layer->name, sizeof layer->name, "%s", rows[i].name);
        layer->kind = rows[i].kind;
        layer->inputs[0] = rows[i].inputs[0];
        layer->inputs[1] = rows[i].inputs[1];
        layer->activation = rows[i].activation;
        layer->kernel_px = rows[i].kernel;
        layer->stride_px = rows[i].stride;
        layer->out_channels = rows[i].channels;
    }
    if (pomi_graph_derive(graph, &err) != POM_OK) fail_msg("%s", err.message);
    for (int i = 0; i < N; i++) {
        struct pomi_layer *layer = &graph->layers[i];
        size_t n = pomi_layer_n_weights(layer);
        if (n == 0) continue;
        layer->weights = calloc(n, sizeof(float));
        layer->bias = calloc((size_t)layer->out_channels, sizeof(float));
        assert_true(layer->weights != NULL && layer->bias != NULL);
        float size = 2.4F / sqrtf((float)(n / (size_t)layer->out_channels));
        for (size_t k = 0; k < n; k++) layer->weights[k] = size * small_network_random(&state);
        for (int c = 0; c < layer->out_channels; c++) layer->bias[c] = 0.4F * small_network_random(&state);
    }
}

#endif
