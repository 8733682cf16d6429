// SPDX-License-Identifier: Apache-2.0
/*
 * MobileNetV2 and ResNet50 as data: tables of stages and the few lines that unroll them into layers.
 */
#include "networks/architectures.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_LAYERS 128 /* of the architectures in this file; ResNet50 has 73 */

static const struct {
    int expansion, channels, n_blocks, stride_px;
} mobilenetv2_stages[POMI_MOBILENETV2_STAGES] = {
    {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};

static const struct {
    int channels, n_blocks, stride_px;
} resnet50_stages[] = {{64, 3, 1}, {128, 4, 2}, {256, 6, 2}, {512, 3, 2}};

#define RESNET_EXPANSION 4

static int multiple_of_8(double channels)
{
    int rounded = (int)(channels + 4) / 8 * 8;
    if (rounded < 8) rounded = 8;
    return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

struct pomi_mobilenetv2_widths pomi_mobilenetv2_widths(double multiplier)
{
    struct pomi_mobilenetv2_widths widths = {.stem = multiple_of_8(32 * multiplier)};
    for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++)
        widths.stages[i] = multiple_of_8((int)(mobilenetv2_stages[i].channels * multiplier));
    widths.head = multiplier > 1 ? multiple_of_8(1280 * multiplier) : 1280;
    return widths;
}

static enum pom_status begin(struct pomi_graph *graph, int input_px, struct pom_error *err)
{
    *graph = (struct pomi_graph){.input_px = input_px};
    graph->layers = calloc(MAX_LAYERS, sizeof *graph->layers);
    if (graph->layers == NULL)
        return pomi_fail_memory(err, MAX_LAYERS * sizeof *graph->layers, "a network's layers");
    return POM_OK;
}

/* Appends a layer and returns its index. */
static int append(struct pomi_graph *graph, struct pomi_layer layer)
{
    graph->layers[graph->n_layers] = layer;
    return graph->n_layers++;
}

static int conv(struct pomi_graph *graph, int input, int channels, int kernel_px, int stride_px,
                enum pomi_activation activation)
{
    return append(graph, (struct pomi_layer){.kind = POMI_LAYER_CONV,
                                             .inputs = {input},
                                             .activation = activation,
                                             .kernel_px = kernel_px,
                                             .stride_px = stride_px,
                                             .out_channels = channels});
}

static int depthwise(struct pomi_graph *graph, int input, int stride_px)
{
    return append(graph, (struct pomi_layer){.kind = POMI_LAYER_DEPTHWISE,
                                             .inputs = {input},
                                             .kernel_px = 3,
                                             .activation = POMI_ACTIVATION_RELU6,
                                             .stride_px = stride_px});
}

static int add(struct pomi_graph *graph, int a, int b, enum pomi_activation activation)
{
    return append(graph,
                  (struct pomi_layer){.kind = POMI_LAYER_ADD, .inputs = {a, b}, .activation = activation});
}

static int max_pool(struct pomi_graph *graph, int input, int kernel_px, int stride_px)
{
    return append(graph, (struct pomi_layer){.kind = POMI_LAYER_MAX_POOL,
                                             .inputs = {input},
                                             .kernel_px = kernel_px,
                                             .stride_px = stride_px});
}

static int global_average_pool(struct pomi_graph *graph, int input)
{
    return append(graph, (struct pomi_layer){.kind = POMI_LAYER_GLOBAL_AVERAGE_POOL, .inputs = {input}});
}

__attribute__((format(printf, 3, 4))) static int named(struct pomi_graph *graph, int index,
                                                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(graph->layers[index].name, sizeof graph->layers[index].name, format, arguments);
    va_end(arguments);
    return index;
}

/* One inverted residual: widen, filter each channel, narrow; returns the index of its output. */
static int inverted_residual(struct pomi_graph *graph, int input, int block, int in_channels,
                             int out_channels, int expanded_channels, int stride_px)
{
    int last = input;
    if (expanded_channels > 0)
        last = named(graph, conv(graph, last, expanded_channels, 1, 1, POMI_ACTIVATION_RELU6),
                     "block_%d.expand", block);
    last = named(graph, depthwise(graph, last, stride_px), "block_%d.depthwise", block);
    last =
        named(graph, conv(graph, last, out_channels, 1, 1, POMI_ACTIVATION_NONE), "block_%d.project", block);
    if (stride_px == 1 && in_channels == out_channels)
        last = named(graph, add(graph, input, last, POMI_ACTIVATION_NONE), "block_%d.add", block);
    return last;
}

enum pom_status pomi_graph_mobilenetv2(struct pomi_graph *graph, const struct pomi_mobilenetv2_widths *widths,
                                       int input_px, struct pom_error *err)
{
    POMI_TRY(begin(graph, input_px, err));
    graph->padding = POMI_PADDING_SAME;
    graph->preprocessing = POMI_PREPROCESSING_TF;
    int last = named(graph, conv(graph, POMI_INPUT_IMAGE, widths->stem, 3, 2, POMI_ACTIVATION_RELU6), "stem");
    int channels = widths->stem, block = 0;
    for (int stage = 0; stage < POMI_MOBILENETV2_STAGES; stage++) {
        for (int i = 0; i < mobilenetv2_stages[stage].n_blocks; i++, block++) {
            bool expands = mobilenetv2_stages[stage].expansion > 1 || widths->first_block_expands;
            last = inverted_residual(graph, last, block, channels, widths->stages[stage],
                                     expands ? channels * mobilenetv2_stages[stage].expansion : 0,
                                     i == 0 ? mobilenetv2_stages[stage].stride_px : 1);
            channels = widths->stages[stage];
        }
    }
    last = named(graph, conv(graph, last, widths->head, 1, 1, POMI_ACTIVATION_RELU6), "head");
    named(graph, global_average_pool(graph, last), "pool");
    return pomi_graph_derive(graph, err);
}

/* One bottleneck: reduce, convolve, expand, and add to the input or, in a stage's first block, to a
 * projection of it; returns the index of its output. */
static int bottleneck(struct pomi_graph *graph, int input, int stage, int block, int channels, int stride_px,
                      enum pomi_resnet_stride where)
{
    int reduce_stride_px = where == POMI_RESNET_STRIDE_IN_REDUCE ? stride_px : 1;
    int shortcut = input;
    if (block == 1)
        shortcut =
            named(graph, conv(graph, input, channels * RESNET_EXPANSION, 1, stride_px, POMI_ACTIVATION_NONE),
                  "stage_%d.block_%d.shortcut", stage, block);
    int last = named(graph, conv(graph, input, channels, 1, reduce_stride_px, POMI_ACTIVATION_RELU),
                     "stage_%d.block_%d.reduce", stage, block);
    last = named(graph, conv(graph, last, channels, 3, stride_px / reduce_stride_px, POMI_ACTIVATION_RELU),
                 "stage_%d.block_%d.conv", stage, block);
    last = named(graph, conv(graph, last, channels * RESNET_EXPANSION, 1, 1, POMI_ACTIVATION_NONE),
                 "stage_%d.block_%d.expand", stage, block);
    return named(graph, add(graph, shortcut, last, POMI_ACTIVATION_RELU), "stage_%d.block_%d.add", stage,
                 block);
}

enum pom_status pomi_graph_resnet50(struct pomi_graph *graph, enum pomi_resnet_stride stride, int input_px,
                                    struct pom_error *err)
{
    POMI_TRY(begin(graph, input_px, err));
    graph->padding = POMI_PADDING_SYMMETRIC;
    graph->preprocessing =
        stride == POMI_RESNET_STRIDE_IN_REDUCE ? POMI_PREPROCESSING_CAFFE : POMI_PREPROCESSING_TORCH;
    int last = named(graph, conv(graph, POMI_INPUT_IMAGE, 64, 7, 2, POMI_ACTIVATION_RELU), "stem");
    last = named(graph, max_pool(graph, last, 3, 2), "stem.pool");
    for (int stage = 1; stage <= 4; stage++)
        for (int block = 1; block <= resnet50_stages[stage - 1].n_blocks; block++)
            last = bottleneck(graph, last, stage, block, resnet50_stages[stage - 1].channels,
                              block == 1 ? resnet50_stages[stage - 1].stride_px : 1, stride);
    named(graph, global_average_pool(graph, last), "pool");
    return pomi_graph_derive(graph, err);
}
