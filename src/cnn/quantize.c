// SPDX-License-Identifier: Apache-2.0
/*
 * From a calibrated graph to integers: ranges to scales, weights and biases to the integers that cnn/quantized.h
 * describes.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "cnn/quantize_parts.h"

static enum pom_status choose_output(const struct quantizer *q, int index, struct pom_error *err)
{
    const struct pomi_layer *layer = &q->graph->layers[index];
    const struct form *form = &q->forms[index];
    struct pomi_quantized_layer *result = &q->quantized->layers[index];
    const bool is_linear = layer->activation == POMI_ACTIVATION_NONE;
    int top = POMI_COARSE_MAX_INT8;
    result->zero = form->zero;
    result->is_fine = form->fine_scale != NULL;
    if (result->is_fine || form->is_pooled)
        top = FINE_MAX;
    else if (!q->is_int8)
        top = POMI_COARSE_MAX_INT16;
    result->high = top;
    result->low = is_linear && (result->is_fine || form->is_pooled || !q->is_int8)
                      ? (result->is_fine ? -top - 1 : -top)
                      : 0;
    if (layer->activation == POMI_ACTIVATION_RELU6) {
        double six = 6 / (result->is_fine ? form->fine_scale[0] : form->scale[0]);
        result->high = six < top ? (int)lrint(six) : top;
    }
    if (!result->is_fine || !form->is_coarse) return POM_OK;
    result->coarse_multipliers = calloc((size_t)layer->out_channels, sizeof *result->coarse_multipliers);
    if (result->coarse_multipliers == NULL)
        return pomi_fail_memory(err, (size_t)layer->out_channels * sizeof(float), "multipliers");
    for (int c = 0; c < layer->out_channels; c++)
        result->coarse_multipliers[c] = (float)(form->fine_scale[c] / form->scale[c]);
    return POM_OK;
}

static enum pom_status quantize_layers(const struct quantizer *q, struct pom_error *err)
{
    const struct pomi_graph *graph = q->graph;
    const struct pomi_pixel_values *pixels = pomi_pixel_values(graph->preprocessing);
    double pixel_scale[3];
    for (int c = 0; c < 3; c++) {
        q->quantized->pixel_offset[c] = (int)lrint(POMI_IMAGE_SCALE * pixels->mean[c]);
        pixel_scale[c] = 1 / (pixels->deviation[pixels->blue_first ? 2 - c : c] * POMI_IMAGE_SCALE);
    }
    for (int i = 0; i < graph->n_layers - 1; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        POMI_TRY(choose_output(q, i, err));
        if (layer->kind != POMI_LAYER_CONV && layer->kind != POMI_LAYER_DEPTHWISE) continue;
        int from = layer->inputs[0];
        struct input_form input = {pixel_scale, 0, POMI_IMAGE_SCALE * 255, NULL};
        if (from != POMI_INPUT_IMAGE)
            input = (struct input_form){q->forms[from].scale, q->forms[from].zero,
                                        q->is_int8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16,
                                        &graph->layers[from]};
        POMI_TRY(pomi_quantize_round_weights(q, i, &input, err));
    }
    const struct pomi_layer *last = &graph->layers[graph->n_layers - 1];
    const struct form *form = &q->forms[last->inputs[0]];
    double n_pixels = (double)last->in_height_px * last->in_width_px;
    if (n_pixels * FINE_MAX >= 0x1p31)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer \"%s\": its map of %dx%d pixels is too large to be added up in integers",
                         last->name, last->in_height_px, last->in_width_px);
    q->quantized->feature_scales = calloc((size_t)last->out_channels, sizeof(float));
    if (q->quantized->feature_scales == NULL)
        return pomi_fail_memory(err, (size_t)last->out_channels * sizeof(float), "scales");
    for (int c = 0; c < last->out_channels; c++)
        q->quantized->feature_scales[c] = (float)(form->scale[c] / n_pixels);
    return POM_OK;
}

static enum pom_status quantize(const struct quantizer *q, struct pom_error *err)
{
    size_t n = (size_t)q->graph->n_layers;
    for (int i = 0; i < q->graph->n_layers; i++) {
        const struct pomi_layer *layer = &q->graph->layers[i];
        if (layer->kind != POMI_LAYER_CONV &&
            (layer->inputs[0] == POMI_INPUT_IMAGE ||
             (layer->kind == POMI_LAYER_ADD && layer->inputs[1] == POMI_INPUT_IMAGE)))
            return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                             "layer %s: only a convolution can read the photo itself", layer->name);
    }
    bool *is_added = calloc(n, sizeof *is_added);
    int *n_readers = calloc(n, sizeof *n_readers);
    enum pom_status status = POM_OK;
    if (is_added == NULL || n_readers == NULL)
        status = pomi_fail_memory(err, n * sizeof(int), "lists of layers");
    if (status == POM_OK) {
        pomi_quantize_find_readers(q, is_added, n_readers);
        status = pomi_quantize_choose_scales(q, is_added, err);
    }
    if (status == POM_OK) status = quantize_layers(q, err);
    free(is_added);
    free(n_readers);
    return status;
}

enum pom_status pomi_quantize(struct pomi_quantized *quantized, const struct pomi_graph *graph,
                              enum pom_precision precision, struct pom_error *err)
{
    assert(precision == POM_PRECISION_INT16 || precision == POM_PRECISION_INT8);
    *quantized = (struct pomi_quantized){.precision = precision, .n_layers = graph->n_layers};
    if (!pomi_graph_is_calibrated(graph))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_calibrated",
                         "this network file has no calibration, which int16 and int8 need: `pomona network "
                         "calibrate NETWORK [PHOTOS]` adds it (fp32 features stay the same)");
    size_t n_layers = (size_t)graph->n_layers;
    quantized->layers = calloc(n_layers, sizeof *quantized->layers);
    struct quantizer q = {graph, quantized, calloc(n_layers, sizeof *q.forms),
                          precision == POM_PRECISION_INT8};
    enum pom_status status =
        quantized->layers == NULL || q.forms == NULL
            ? pomi_fail_memory(err, n_layers * sizeof *quantized->layers, "a network's integers")
            : quantize(&q, err);
    for (int i = 0; i < graph->n_layers && q.forms != NULL; i++) {
        free(q.forms[i].scale);
        free(q.forms[i].fine_scale);
    }
    free(q.forms);
    if (status != POM_OK) pomi_quantized_release(quantized);
    return status;
}
