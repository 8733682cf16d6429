// SPDX-License-Identifier: Apache-2.0
/*
 * The tensors of a network file to the layers they belong to. Every tensor is checked against its layer, and only then
 * are its values copied; weights that are floats already stay where they lie if the graph keeps the file.
 */
#include "networks/network_file_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/finite.h"
#include "base/sizes.h"

static void copy_values(float *values, const struct pomi_tensor *tensor)
{
    const uint8_t *bytes = tensor->data;
    if (tensor->dtype == POMI_F32) {
        memcpy(values, bytes, tensor->size_bytes);
    } else if (tensor->dtype == POMI_F16) {
        for (size_t i = 0; i < tensor->n_elements; i++) {
            uint16_t half;
            memcpy(&half, bytes + 2 * i, 2);
            values[i] = pomi_half_to_float(half);
        }
    } else {
        for (size_t i = 0; i < tensor->n_elements; i++) values[i] = (int8_t)bytes[i];
    }
}

/* Counts the tensors that layers took, so that those left over are found. */
struct weights_reader {
    const struct pomi_safetensors *container;
    bool *taken;
    bool keeps_file; /* the graph has the file's bytes: weights may stay in them */
};

static enum pom_status take(struct weights_reader *reader, const char *name, const int64_t *shape,
                            int n_dimensions, const struct pomi_tensor **tensor, struct pom_error *err)
{
    const struct pomi_tensor *found = pomi_safetensors_find(reader->container, name);
    if (found == NULL)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%s\" is missing", name);
    bool fits = found->n_dimensions == n_dimensions;
    for (int i = 0; i < n_dimensions && fits; i++) fits = found->shape[i] == shape[i];
    if (!fits)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                         "the tensor \"%s\" does not have the shape that its layer needs", name);
    reader->taken[found - pomi_safetensors_at(reader->container, 0)] = true;
    *tensor = found;
    return POM_OK;
}

static enum pom_status check_finite(const float *values, const struct pomi_tensor *tensor, const char *name,
                                    struct pom_error *err)
{
    if (pomi_all_finite(values, tensor->n_elements)) return POM_OK;
    return pomi_fail(err, POM_ERROR_MISMATCH, "not_finite",
                     "the tensor \"%s\" has a value that is not finite", name);
}

/* Floats of their own, from a tensor that was taken. */
static enum pom_status copy_floats(const struct pomi_tensor *tensor, const char *name, float **values,
                                   struct pom_error *err)
{
    size_t size_bytes;
    if (!pomi_size_multiply(tensor->n_elements, sizeof **values, &size_bytes) ||
        (*values = malloc(size_bytes)) == NULL)
        return pomi_fail_memory(err, tensor->n_elements, name);
    copy_values(*values, tensor);
    return check_finite(*values, tensor, name, err);
}

static enum pom_status fail_dtype(const char *name, struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                     "the tensor \"%s\" has a dtype that is not used here", name);
}

static enum pom_status take_floats(struct weights_reader *reader, const char *name, const int64_t *shape,
                                   int n_dimensions, float **values, struct pom_error *err)
{
    const struct pomi_tensor *tensor;
    POMI_TRY(take(reader, name, shape, n_dimensions, &tensor, err));
    if (tensor->dtype != POMI_F32) return fail_dtype(name, err);
    return copy_floats(tensor, name, values, err);
}

/* Weights of any kind, most of a file's bytes. */
static enum pom_status take_weights(struct weights_reader *reader, const char *name, const int64_t *shape,
                                    float **values, const struct pomi_tensor **tensor, struct pom_error *err)
{
    POMI_TRY(take(reader, name, shape, 4, tensor, err));
    const enum pomi_dtype dtype = (*tensor)->dtype;
    if (dtype != POMI_F32 && dtype != POMI_F16 && dtype != POMI_I8) return fail_dtype(name, err);
    const uintptr_t at = (uintptr_t)(*tensor)->data;
    if (!reader->keeps_file || dtype != POMI_F32 || at % _Alignof(float) != 0)
        return copy_floats(*tensor, name, values, err);
    *values = (float *)at;
    return check_finite(*values, *tensor, name, err);
}

static enum pom_status read_layer_weights(struct weights_reader *reader, struct pomi_layer *layer,
                                          struct pom_error *err)
{
    int64_t out = layer->out_channels, kernel = layer->kernel_px;
    int64_t in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1;
    char name[POMI_TENSOR_NAME_MAX];
    const struct pomi_tensor *weight;
    snprintf(name, sizeof name, "%s.weight", layer->name);
    POMI_TRY(take_weights(reader, name, (int64_t[]){out, kernel, kernel, in}, &layer->weights, &weight, err));
    snprintf(name, sizeof name, "%s.bias", layer->name);
    POMI_TRY(take_floats(reader, name, &out, 1, &layer->bias, err));
    if (weight->dtype != POMI_I8) return POM_OK;

    float *scale = NULL;
    snprintf(name, sizeof name, "%s.scale", layer->name);
    enum pom_status status = take_floats(reader, name, &out, 1, &scale, err);
    const size_t per_channel = weight->n_elements / (size_t)out;
    for (int64_t c = 0; c < out && status == POM_OK; c++) {
        float *channel = layer->weights + (size_t)c * per_channel;
        for (size_t i = 0; i < per_channel; i++) channel[i] *= scale[c];
    }
    if (status == POM_OK && !pomi_all_finite(layer->weights, weight->n_elements))
        status = pomi_fail(err, POM_ERROR_MISMATCH, "not_finite",
                           "the tensor \"%s\" makes weights that are not finite", name);
    free(scale);
    return status;
}

static enum pom_status read_calibration(struct weights_reader *reader, struct pomi_layer *layer,
                                        struct pom_error *err)
{
    char name[POMI_TENSOR_NAME_MAX];
    snprintf(name, sizeof name, "%s" POMI_CALIBRATION_SUFFIX, layer->name);
    POMI_TRY(take_floats(reader, name, (int64_t[]){POMI_N_CALIBRATION, layer->out_channels}, 2,
                         &layer->calibration, err));
    const float *low = layer->calibration, *high = low + layer->out_channels,
                *mean = high + layer->out_channels;
    for (int c = 0; c < layer->out_channels; c++)
        if (!(low[c] <= mean[c] && mean[c] <= high[c]))
            return pomi_fail(
                err, POM_ERROR_MISMATCH, "bad_calibration",
                "the tensor \"%s\" has a channel whose mean is not between its lowest and highest "
                "value",
                name);
    return POM_OK;
}

/* A network is calibrated in all of its layers or in none. */
static enum pom_status read_calibrations(struct weights_reader *reader, struct pomi_graph *graph,
                                         struct pom_error *err)
{
    bool is_calibrated = false;
    for (size_t i = 0; i < pomi_safetensors_count(reader->container); i++)
        is_calibrated |= pomi_is_calibration(pomi_safetensors_at(reader->container, i)->name);
    for (int i = 0; i < graph->n_layers - 1 && is_calibrated; i++)
        POMI_TRY(read_calibration(reader, &graph->layers[i], err));
    return POM_OK;
}

enum pom_status pomi_network_file_weights(struct pomi_graph *graph, const struct pomi_safetensors *container,
                                          struct pom_error *err)
{
    size_t n_tensors = pomi_safetensors_count(container);
    struct weights_reader reader = {container, calloc(n_tensors + 1, sizeof(bool)), graph->file.data != NULL};
    if (reader.taken == NULL) return pomi_fail_memory(err, n_tensors, "a list of tensors");
    enum pom_status status = POM_OK;
    for (int i = 0; i < graph->n_layers && status == POM_OK; i++)
        if (pomi_layer_has_weights(&graph->layers[i]))
            status = read_layer_weights(&reader, &graph->layers[i], err);
    if (status == POM_OK) status = read_calibrations(&reader, graph, err);
    for (size_t i = 0; i < n_tensors && status == POM_OK; i++)
        if (!reader.taken[i])
            status = pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor",
                               "the tensor \"%.200s\" belongs to no layer",
                               pomi_safetensors_at(container, i)->name);
    free(reader.taken);
    return status;
}
