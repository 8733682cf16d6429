// SPDX-License-Identifier: Apache-2.0
/*
 * Folding a batch normalisation into the convolution before it. All readers end here, so that the same
 * numbers give the same network whatever file they came in.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/sizes.h"
#include "networks/readers.h"

void pomi_convolution_release(struct pomi_convolution *convolution)
{
    free(convolution->kernel);
    free(convolution->bias);
    *convolution = (struct pomi_convolution){0};
}

void pomi_normalisation_release(struct pomi_normalisation *normalisation)
{
    free(normalisation->gamma);
    free(normalisation->beta);
    free(normalisation->mean);
    free(normalisation->variance);
    *normalisation = (struct pomi_normalisation){0};
}

static enum pom_status check_finite(const float *values, size_t n_values, const char *name, const char *what,
                                    struct pom_error *err)
{
    if (values == NULL || pomi_all_finite(values, n_values)) return POM_OK;
    return pomi_fail(err, POM_ERROR_MISMATCH, "not_finite", "\"%s\" has a %s that is not finite", name, what);
}

static enum pom_status check_normalisation(const struct pomi_normalisation *from, int n_channels,
                                           struct pom_error *err)
{
    size_t n = (size_t)n_channels;
    if (from->n_channels != n_channels)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                         "the batch normalisation \"%s\" has %d channels, the convolution before it %d",
                         from->name, from->n_channels, n_channels);
    POMI_TRY(check_finite(from->gamma, n, from->name, "gamma", err));
    POMI_TRY(check_finite(from->beta, n, from->name, "beta", err));
    POMI_TRY(check_finite(from->mean, n, from->name, "mean", err));
    POMI_TRY(check_finite(from->variance, n, from->name, "variance", err));
    for (size_t i = 0; i < n; i++)
        if (!((double)from->variance[i] + (double)from->epsilon > 0))
            return pomi_fail(err, POM_ERROR_MISMATCH, "not_finite",
                             "the batch normalisation \"%s\" has a variance that is not positive",
                             from->name);
    return POM_OK;
}

static enum pom_status check_shape(const struct pomi_layer *layer, const struct pomi_convolution *from,
                                   struct pom_error *err)
{
    int in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1;
    if (from->out == layer->out_channels && from->in == in && from->kernel_height_px == layer->kernel_px &&
        from->kernel_width_px == layer->kernel_px)
        return POM_OK;
    return pomi_fail(
        err, POM_ERROR_MISMATCH, "wrong_shape",
        "\"%s\" is a %dx%d convolution from %d to %d channels; the layer %s needs %dx%d from %d to %d",
        from->name, from->kernel_height_px, from->kernel_width_px, from->in, from->out, layer->name,
        layer->kernel_px, layer->kernel_px, in, layer->out_channels);
}

enum pom_status pomi_fold(struct pomi_layer *layer, const struct pomi_convolution *from,
                          struct pom_error *err)
{
    POMI_TRY(check_shape(layer, from, err));
    size_t n_out = (size_t)from->out, n_weights = pomi_layer_n_weights(layer), n_each = n_weights / n_out;
    POMI_TRY(check_finite(from->kernel, n_weights, from->name, "weight", err));
    POMI_TRY(check_finite(from->bias, n_out, from->name, "bias", err));
    const struct pomi_normalisation *normalisation = from->normalisation;
    if (normalisation != NULL) POMI_TRY(check_normalisation(normalisation, from->out, err));

    layer->weights = malloc(n_weights * sizeof *layer->weights);
    layer->bias = malloc(n_out * sizeof *layer->bias);
    if (layer->weights == NULL || layer->bias == NULL)
        return pomi_fail_memory(err, n_weights * sizeof *layer->weights, layer->name);
    for (size_t i = 0; i < n_out; i++) {
        double scale = 1, bias = from->bias != NULL ? (double)from->bias[i] : 0;
        if (normalisation != NULL) {
            scale = (double)normalisation->gamma[i] /
                    sqrt((double)normalisation->variance[i] + (double)normalisation->epsilon);
            bias = (double)normalisation->beta[i] + (bias - (double)normalisation->mean[i]) * scale;
        }
        layer->bias[i] = (float)bias;
        for (size_t j = 0; j < n_each; j++)
            layer->weights[i * n_each + j] = (float)((double)from->kernel[i * n_each + j] * scale);
    }
    POMI_TRY(check_finite(layer->weights, n_weights, from->name, "folded weight", err));
    return check_finite(layer->bias, n_out, from->name, "folded bias", err);
}

struct pomi_layer *pomi_graph_find(const struct pomi_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_layers; i++)
        if (strcmp(graph->layers[i].name, name) == 0) return &graph->layers[i];
    return NULL;
}

enum pom_status pomi_graph_apply_wishes(struct pomi_graph *graph, const struct pomi_reader_wishes *wishes,
                                        struct pom_error *err)
{
    if (wishes->padding >= 0) graph->padding = (enum pomi_padding)wishes->padding;
    if (wishes->preprocessing >= 0) graph->preprocessing = (enum pomi_preprocessing)wishes->preprocessing;
    return pomi_graph_derive(graph, err);
}
