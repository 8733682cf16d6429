// SPDX-License-Identifier: Apache-2.0
/*
 * Ranges to scales. What was measured decides (docs/numbers.md): cutting off a large output costs far more than a coarser
 * step, so ranges are wider than what calibration saw, and ReLU6's is its own 0 to 6.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cnn/quantize_parts.h"

/* Ranges over what was seen. A channel's is at least 1 / MIN_SHARE of its tensor's widest. */
#define LINEAR_MARGIN    1.2
#define RECTIFIED_MARGIN 2.0
#define FINE_MARGIN      2.0
#define MIN_SHARE        64.0

static double calibrated(const struct pomi_layer *layer, int which, int channel)
{
    return (double)layer->calibration[which * layer->out_channels + channel];
}

static double largest(const struct pomi_layer *layer, int channel)
{
    return fmax(-calibrated(layer, POMI_CALIBRATION_LOW, channel),
                calibrated(layer, POMI_CALIBRATION_HIGH, channel));
}

/* --- Who reads what --- */

static int find_chain(const struct quantizer *q, int layer)
{
    while (q->forms[layer].chain != layer) layer = q->forms[layer].chain;
    return layer;
}

static void join(const struct quantizer *q, int a, int b)
{
    int one = find_chain(q, a), other = find_chain(q, b);
    q->forms[one > other ? one : other].chain = one < other ? one : other;
}

static bool is_block_end(const struct pomi_graph *graph, int index)
{
    int input = graph->layers[index].inputs[0];
    return input >= 0 && graph->layers[input].kind == POMI_LAYER_DEPTHWISE;
}

void pomi_quantize_find_readers(const struct quantizer *q, bool *is_added, int *n_readers)
{
    const struct pomi_graph *graph = q->graph;
    for (int i = 0; i < graph->n_layers; i++) q->forms[i].chain = i;
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        int n_inputs = layer->kind == POMI_LAYER_ADD ? 2 : 1;
        if (layer->kind == POMI_LAYER_ADD) is_added[i] = true;
        for (int k = 0; k < n_inputs; k++) {
            int input = layer->inputs[k];
            if (input == POMI_INPUT_IMAGE) continue;
            n_readers[input]++;
            if (layer->kind == POMI_LAYER_ADD) {
                is_added[input] = true;
                join(q, input, i);
            } else {
                q->forms[input].is_coarse = true;
            }
        }
    }
    int last = graph->n_layers - 1, before = graph->layers[last].inputs[0];
    q->forms[before].is_pooled = n_readers[before] == 1 && !is_block_end(graph, before) &&
                                 graph->layers[before].kind == POMI_LAYER_CONV;
}

/* --- Scales --- */

/* Of values that are not negative. No fmax: with one in the loop, gcc 12 for aarch64 fails with an internal error. */
static double greatest(const double *values, int n)
{
    double found = 0;
    for (int i = 0; i < n; i++)
        if (values[i] > found) found = values[i];
    return found;
}

/* Half-ranges (linear) or ranges (rectified) per channel, none too small beside the widest. */
static void choose_ranges(const struct pomi_layer *layer, double margin, double *ranges)
{
    for (int c = 0; c < layer->out_channels; c++) ranges[c] = margin * largest(layer, c);
    const double widest = greatest(ranges, layer->out_channels);
    for (int c = 0; c < layer->out_channels; c++) {
        ranges[c] = layer->activation == POMI_ACTIVATION_RELU6 ? 6 : fmax(ranges[c], widest / MIN_SHARE);
        if (!(ranges[c] > 1e-30)) ranges[c] = 1; /* a layer that gives nothing but zeros */
    }
}

/* All that are added together have one scale per channel, wide enough for each; ReLU6's single bound asks for the same
 * in all channels. */
static void merge_ranges(const struct quantizer *q, const bool *is_added, int chain, double *const *ranges)
{
    const int n_channels = q->graph->layers[chain].out_channels;
    double *merged = ranges[chain];
    bool has_relu6 = false;
    for (int i = chain; i < q->graph->n_layers - 1; i++) {
        if (!is_added[i] || find_chain(q, i) != chain) continue;
        has_relu6 |= q->graph->layers[i].activation == POMI_ACTIVATION_RELU6;
        for (int c = 0; c < n_channels; c++) merged[c] = fmax(merged[c], ranges[i][c]);
    }
    const double widest = greatest(merged, n_channels);
    for (int c = 0; c < n_channels && has_relu6; c++) merged[c] = widest;
}

enum pom_status pomi_quantize_choose_scales(const struct quantizer *q, const bool *is_added,
                                            struct pom_error *err)
{
    const struct pomi_graph *graph = q->graph;
    const int n = graph->n_layers - 1;
    enum pom_status status = POM_OK;
    double **chain_ranges = calloc((size_t)n, sizeof *chain_ranges);
    if (chain_ranges == NULL) return pomi_fail_memory(err, (size_t)n * sizeof *chain_ranges, "ranges");
    for (int i = 0; i < n && status == POM_OK; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        struct form *form = &q->forms[i];
        form->scale = numbers(layer->out_channels);
        if (is_added[i]) chain_ranges[i] = numbers(layer->out_channels);
        if (is_added[i] && q->is_int8) form->fine_scale = numbers(layer->out_channels);
        if (!form->scale || (is_added[i] && !chain_ranges[i]) ||
            (is_added[i] && q->is_int8 && !form->fine_scale)) {
            status = pomi_fail_memory(err, (size_t)layer->out_channels * sizeof(double), "scales");
            break;
        }
        const bool is_rectified =
            layer->activation != POMI_ACTIVATION_NONE || layer->kind == POMI_LAYER_MAX_POOL;
        if (is_added[i]) choose_ranges(layer, FINE_MARGIN, chain_ranges[i]);
        /* 16 bits have steps to spare. */
        choose_ranges(layer, !q->is_int8 || is_rectified ? RECTIFIED_MARGIN : LINEAR_MARGIN, form->scale);
        int top = form->is_pooled ? FINE_MAX : q->is_int8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16;
        if (q->is_int8 && layer->activation == POMI_ACTIVATION_NONE && !form->is_pooled) {
            form->zero = LINEAR_ZERO;
            top = POMI_COARSE_MAX_INT8 - LINEAR_ZERO;
        }
        for (int c = 0; c < layer->out_channels; c++) form->scale[c] /= top;
    }
    for (int i = 0; i < n && status == POM_OK; i++)
        if (is_added[i] && find_chain(q, i) == i) merge_ranges(q, is_added, i, chain_ranges);
    for (int i = 0; i < n && status == POM_OK; i++) {
        if (!is_added[i]) continue;
        const double *ranges = chain_ranges[find_chain(q, i)];
        double *scale = q->is_int8 ? q->forms[i].fine_scale : q->forms[i].scale;
        for (int c = 0; c < graph->layers[i].out_channels; c++)
            scale[c] = ranges[c] / (q->is_int8 ? FINE_MAX : POMI_COARSE_MAX_INT16);
        /* A coarse form has no finer steps than the one it is made from. */
        for (int c = 0; c < graph->layers[i].out_channels && q->is_int8; c++)
            q->forms[i].scale[c] = fmax(q->forms[i].scale[c], scale[c]);
    }
    /* Max pooling chooses among its input's integers. */
    for (int i = 0; i < n && status == POM_OK; i++) {
        const struct form *input =
            graph->layers[i].kind == POMI_LAYER_MAX_POOL ? &q->forms[graph->layers[i].inputs[0]] : NULL;
        if (input == NULL) continue;
        memcpy(q->forms[i].scale, input->scale, (size_t)graph->layers[i].out_channels * sizeof(double));
        q->forms[i].zero = input->zero;
    }
    for (int i = 0; i < n; i++) free(chain_ranges[i]);
    free(chain_ranges);
    return status;
}
