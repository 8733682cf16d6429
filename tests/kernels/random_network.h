// SPDX-License-Identifier: Apache-2.0
/* Random networks of both families, for the tests of the engine: any width, odd sizes, both padding rules, fused and
 * unfusable layers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "cnn/graph.h"

static uint64_t state;

static uint32_t random_bits(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static int random_int(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

static float random_float(float scale)
{
    return ((float)random_bits() * 0x1p-31f - 1.0f) * scale;
}

/* --- Networks --- */

enum { MAX_LAYERS = 128 };

static void pad(const struct pomi_graph *g, int in, int stride, int kernel, int *out, int *before, int *after)
{
    if (g->padding == POMI_PADDING_SAME) {
        *out = (in + stride - 1) / stride;
        int total = (*out - 1) * stride + kernel - in;
        if (total < 0) total = 0;
        *before = total / 2;
        *after = total - total / 2;
    } else {
        *before = *after = kernel / 2;
        *out = (in + 2 * (kernel / 2) - kernel) / stride + 1;
    }
}

static int add_layer(struct pomi_graph *g, enum pomi_layer_kind kind, int input, int other, int n_out,
                     int kernel, int stride, enum pomi_activation activation)
{
    struct pomi_layer *l = &g->layers[g->n_layers];
    assert_true(g->n_layers < MAX_LAYERS);
    *l = (struct pomi_layer){.kind = kind,
                             .inputs = {input, other},
                             .activation = activation,
                             .kernel_px = kernel,
                             .stride_px = stride};
    snprintf(l->name, sizeof l->name, "layer%d", g->n_layers);
    l->in_channels = input < 0 ? 3 : g->layers[input].out_channels;
    l->in_height_px = input < 0 ? g->input_px : g->layers[input].out_height_px;
    l->in_width_px = input < 0 ? g->input_px : g->layers[input].out_width_px;
    l->out_channels = kind == POMI_LAYER_CONV ? n_out : l->in_channels;
    pad(g, l->in_height_px, stride, kernel, &l->out_height_px, &l->pad_top_px, &l->pad_bottom_px);
    pad(g, l->in_width_px, stride, kernel, &l->out_width_px, &l->pad_left_px, &l->pad_right_px);
    if (kind == POMI_LAYER_GLOBAL_AVERAGE_POOL) l->out_height_px = l->out_width_px = 1;
    if (kind == POMI_LAYER_CONV || kind == POMI_LAYER_DEPTHWISE) {
        const int fan_in = kernel * kernel * (kind == POMI_LAYER_CONV ? l->in_channels : 1);
        const size_t n = (size_t)fan_in * (size_t)l->out_channels;
        l->weights = malloc(n * sizeof *l->weights);
        l->bias = malloc((size_t)l->out_channels * sizeof *l->bias);
        assert_non_null(l->weights);
        assert_non_null(l->bias);
        for (size_t i = 0; i < n; i++) l->weights[i] = random_float(sqrtf(6.0f / (float)fan_in));
        for (int i = 0; i < l->out_channels; i++) l->bias[i] = random_float(0.5f);
    }
    return g->n_layers++;
}

static void release(struct pomi_graph *g)
{
    for (int i = 0; i < g->n_layers; i++) {
        free(g->layers[i].weights);
        free(g->layers[i].bias);
    }
    free(g->layers);
}

static struct pomi_graph new_graph(void)
{
    struct pomi_graph g = {.layers = calloc(MAX_LAYERS, sizeof(struct pomi_layer))};
    assert_non_null(g.layers);
    g.input_px = random_int(32, 75);
    g.padding = random_int(0, 1) ? POMI_PADDING_SAME : POMI_PADDING_SYMMETRIC;
    g.preprocessing = (enum pomi_preprocessing)random_int(0, 2);
    return g;
}

#define CONV      POMI_LAYER_CONV
#define DEPTHWISE POMI_LAYER_DEPTHWISE
#define ADD       POMI_LAYER_ADD
#define MAX_POOL  POMI_LAYER_MAX_POOL
#define AVERAGE   POMI_LAYER_GLOBAL_AVERAGE_POOL
#define NONE      POMI_ACTIVATION_NONE
#define RELU      POMI_ACTIVATION_RELU
#define RELU6     POMI_ACTIVATION_RELU6

static struct pomi_graph random_mobilenet(void)
{
    struct pomi_graph g = new_graph();
    int x = add_layer(&g, CONV, POMI_INPUT_IMAGE, 0, random_int(1, 40), 3, 2, RELU6);
    x = add_layer(&g, DEPTHWISE, x, 0, 0, 3, 1, RELU6);
    x = add_layer(&g, CONV, x, 0, random_int(1, 40), 1, 1, NONE);
    const int n_blocks = random_int(1, 5);
    for (int i = 0; i < n_blocks; i++) {
        const int in = x, stride = random_int(1, 3) == 3 ? 2 : 1;
        const int keep = stride == 1 && random_int(0, 2) > 0;
        /* A second reader that needs a border round x. */
        const int beside = keep && random_int(0, 2) == 0
                               ? add_layer(&g, CONV, x, 0, g.layers[x].out_channels, 3, 1, RELU)
                               : -1;
        x = add_layer(&g, CONV, x, 0, random_int(1, 130), 1, 1, random_int(0, 4) ? RELU6 : RELU);
        x = add_layer(&g, DEPTHWISE, x, 0, 0, random_int(0, 5) ? 3 : 5, stride,
                      random_int(0, 4) ? RELU6 : NONE);
        x = add_layer(&g, CONV, x, 0, keep ? g.layers[in].out_channels : random_int(1, 100), 1, 1, NONE);
        if (keep)
            x = random_int(0, 1) ? add_layer(&g, ADD, in, x, 0, 1, 1, NONE)
                                 : add_layer(&g, ADD, x, in, 0, 1, 1, RELU);
        if (beside >= 0) x = add_layer(&g, ADD, x, beside, 0, 1, 1, NONE);
    }
    x = add_layer(&g, CONV, x, 0, random_int(1, 200), 1, 1, RELU6);
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    return g;
}

static struct pomi_graph random_resnet(void)
{
    struct pomi_graph g = new_graph();
    int x = add_layer(&g, CONV, POMI_INPUT_IMAGE, 0, random_int(1, 70), random_int(0, 1) ? 7 : 3,
                      random_int(1, 2), RELU);
    if (random_int(0, 3)) x = add_layer(&g, MAX_POOL, x, 0, 0, random_int(2, 3), 2, NONE);
    const int n_blocks = random_int(1, 4);
    for (int i = 0; i < n_blocks; i++) {
        const int in = x, stride = random_int(1, 2), stride_first = random_int(0, 1),
                  narrow = random_int(1, 40);
        int wide = random_int(1, 150), shortcut = in;
        const int shortcut_first = random_int(0, 1), identity = stride == 1 && random_int(0, 1);
        if (identity) wide = g.layers[in].out_channels;
        if (!identity && shortcut_first) shortcut = add_layer(&g, CONV, in, 0, wide, 1, stride, NONE);
        x = add_layer(&g, CONV, x, 0, narrow, 1, stride_first ? stride : 1, RELU);
        if (random_int(0, 4))
            x = add_layer(&g, CONV, x, 0, narrow, 3, stride_first ? 1 : stride, RELU);
        else
            x = add_layer(&g, DEPTHWISE, x, 0, 0, 3, stride_first ? 1 : stride, RELU);
        const int branch = x;
        x = add_layer(&g, CONV, x, 0, wide, 1, 1, random_int(0, 5) ? NONE : RELU);
        if (!identity && !shortcut_first) shortcut = add_layer(&g, CONV, in, 0, wide, 1, stride, NONE);
        x = add_layer(&g, ADD, shortcut, x, 0, 1, 1, RELU);
        if (random_int(0, 5) == 0 && g.layers[branch].out_channels == wide)
            x = add_layer(&g, ADD, x, branch, 0, 1, 1, NONE);
    }
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    return g;
}
