// SPDX-License-Identifier: Apache-2.0
/*
 * Keras weights files, which are HDF5 in one of two layouts:
 *
 *     legacy .h5       attribute layer_names; per layer a group with the attribute weight_names, and datasets
 *                      under those names (with ":0" or without). A saved model has all this in model_weights.
 *     .weights.h5      layers/CLASS_N/vars/0, 1, ...; N counts the layers of a class, and the group's
 *                      attribute "name", where there is one, gives the layer's own name.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks/keras_weights.h"

#define MAX_LAYER_TENSORS 8

/* `path` below `location`, for messages as the file says it. */
static enum pom_status read_tensor(struct pomi_hdf5 *file, uint64_t location, const char *path,
                                   struct pomi_hdf5_floats *tensor, struct pom_error *err)
{
    uint64_t dataset;
    enum pom_status status = pomi_hdf5_find(file, location, path, &dataset, err);
    if (status == POM_ERROR_NOT_FOUND)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%.200s\" is missing", path);
    if (status == POM_OK) status = pomi_hdf5_read_floats(file, dataset, tensor, err);
    return status == POM_OK ? POM_OK : pomi_fail_in(err, status, "the tensor \"%.200s\"", path);
}

/* A long list is split over NAME0, NAME1, ..., because HDF5 limits an attribute to 64 KiB. NOT_FOUND when there is
 * neither NAME nor NAME0. */
static enum pom_status read_names(struct pomi_hdf5 *file, uint64_t object, const char *attribute,
                                  struct pomi_hdf5_names *names, struct pom_error *err)
{
    enum pom_status status = pomi_hdf5_read_strings(file, object, attribute, names, err);
    for (int i = 0; i < POMI_KERAS_MAX_LAYERS && (i == 0 ? status == POM_ERROR_NOT_FOUND : status == POM_OK);
         i++) {
        char part[64];
        snprintf(part, sizeof part, "%s%d", attribute, i);
        status = pomi_hdf5_read_strings(file, object, part, names, err);
        if (status == POM_ERROR_NOT_FOUND && i > 0) return POM_OK;
    }
    return status;
}

/* ---- from tensors to convolutions and normalisations ---- */

/* Keras' [height][width][in][out], or [height][width][channels][1] when depthwise, to
 * [out][height][width][in]. */
static enum pom_status transpose_kernel(const struct pomi_hdf5_floats *from, bool is_depthwise,
                                        struct pomi_convolution *to, struct pom_error *err)
{
    size_t height = (size_t)from->shape[0], width = (size_t)from->shape[1];
    size_t in = is_depthwise ? 1 : (size_t)from->shape[2], out = (size_t)from->shape[is_depthwise ? 2 : 3];
    to->kernel_height_px = (int)height;
    to->kernel_width_px = (int)width;
    to->in = (int)in;
    to->out = (int)out;
    to->kernel = malloc(from->n_values * sizeof *to->kernel);
    if (to->kernel == NULL) return pomi_fail_memory(err, from->n_values * sizeof *to->kernel, "weights");
    for (size_t tap = 0; tap < height * width; tap++)
        for (size_t i = 0; i < in; i++)
            for (size_t o = 0; o < out; o++)
                to->kernel[(o * height * width + tap) * in + i] = from->values[(tap * in + i) * out + o];
    return POM_OK;
}

/* The last part of a weight's name without ":0", e.g. "gamma". */
static void last_part(const char *path, char *part, size_t part_bytes)
{
    const char *slash = strrchr(path, '/');
    snprintf(part, part_bytes, "%s", slash == NULL ? path : slash + 1);
    part[strcspn(part, ":")] = '\0';
}

static enum pom_status add_convolution(struct pomi_keras_weights *weights, const char *layer,
                                       struct pomi_hdf5_floats *tensors, size_t n_tensors,
                                       struct pom_error *err)
{
    bool is_depthwise = tensors[0].shape[3] == 1 && tensors[0].shape[2] > 1;
    struct pomi_convolution *to = &weights->convolutions[weights->n_convolutions];
    weights->is_depthwise[weights->n_convolutions++] = is_depthwise;
    snprintf(to->name, sizeof to->name, "%s", layer);
    POMI_TRY(transpose_kernel(&tensors[0], is_depthwise, to, err));
    if (n_tensors == 2) {
        if (tensors[1].n_dimensions != 1 || tensors[1].shape[0] != to->out)
            return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                             "the bias of \"%.200s\" does not fit its kernel", layer);
        to->bias = tensors[1].values;
        tensors[1].values = NULL;
    }
    return POM_OK;
}

/* Where gamma, beta, mean and variance are in the list; false when the names do not tell. */
static bool places_by_name(const struct pomi_hdf5_names *names, int places[4])
{
    static const char *const parts[4] = {"gamma", "beta", "moving_mean", "moving_variance"};
    for (int i = 0; i < 4; i++) {
        places[i] = -1;
        for (int j = 0; j < 4; j++) {
            char part[POMI_HDF5_MAX_NAME_BYTES];
            last_part(names->list[j].text, part, sizeof part);
            if (strcmp(part, parts[i]) == 0) places[i] = j;
        }
        if (places[i] < 0) return false;
    }
    return true;
}

static enum pom_status add_normalisation(struct pomi_keras_weights *weights, const char *layer,
                                         struct pomi_hdf5_floats *tensors,
                                         const struct pomi_hdf5_names *names, struct pom_error *err)
{
    int places[4];
    if (names == NULL || !places_by_name(names, places)) memcpy(places, (int[4]){0, 1, 2, 3}, sizeof places);
    struct pomi_normalisation *to = &weights->normalisations[weights->n_normalisations++];
    float **arrays[4] = {&to->gamma, &to->beta, &to->mean, &to->variance};
    snprintf(to->name, sizeof to->name, "%s", layer);
    to->n_channels = tensors[0].shape[0];
    for (int i = 0; i < 4; i++) {
        if (tensors[i].n_dimensions != 1 || tensors[i].shape[0] != to->n_channels)
            return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape",
                             "the batch normalisation \"%.200s\" has tensors of different lengths", layer);
        *arrays[i] = tensors[places[i]].values;
        tensors[places[i]].values = NULL;
    }
    return POM_OK;
}

/* `names` may be NULL: then the tensors are in Keras' order. */
static enum pom_status add_layer(struct pomi_keras_weights *weights, const char *layer,
                                 struct pomi_hdf5_floats *tensors, size_t n_tensors,
                                 const struct pomi_hdf5_names *names, struct pom_error *err)
{
    if (n_tensors == 0 || (n_tensors <= 2 && tensors[0].n_dimensions == 2))
        return POM_OK; /* a classifier: dropped */
    if (n_tensors <= 2 && tensors[0].n_dimensions == 4)
        return add_convolution(weights, layer, tensors, n_tensors, err);
    if (n_tensors == 4 && tensors[0].n_dimensions == 1)
        return add_normalisation(weights, layer, tensors, names, err);
    return pomi_fail(
        err, POM_ERROR_MISMATCH, "extra_tensor",
        "the layer \"%.200s\" has %zu tensors that make neither a convolution nor a batch normalisation; if "
        "it is a model within a model, save that model's weights by themselves",
        layer, n_tensors);
}

/* ---- the legacy layout ---- */

static enum pom_status read_legacy_layer(struct pomi_hdf5 *file, uint64_t root, const char *layer,
                                         struct pomi_keras_weights *weights, struct pom_error *err)
{
    uint64_t group;
    struct pomi_hdf5_names names = {0};
    struct pomi_hdf5_floats tensors[MAX_LAYER_TENSORS] = {{0}};
    enum pom_status status = pomi_hdf5_find(file, root, layer, &group, err);
    if (status == POM_ERROR_NOT_FOUND)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor",
                         "the layer \"%.200s\" is listed but not there", layer);
    if (status == POM_OK) status = read_names(file, group, "weight_names", &names, err);
    if (status == POM_ERROR_NOT_FOUND)
        status = pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                           "the layer \"%.200s\" has no list of its weights", layer);
    size_t n_tensors = names.n_names < MAX_LAYER_TENSORS ? names.n_names : MAX_LAYER_TENSORS;
    for (size_t i = 0; i < n_tensors && status == POM_OK; i++)
        status = read_tensor(file, group, names.list[i].text, &tensors[i], err);
    if (status == POM_OK) status = add_layer(weights, layer, tensors, n_tensors, &names, err);
    for (size_t i = 0; i < n_tensors; i++) free(tensors[i].values);
    free(names.list);
    return status;
}

static enum pom_status read_legacy(struct pomi_hdf5 *file, uint64_t root,
                                   const struct pomi_hdf5_names *layers, struct pomi_keras_weights *weights,
                                   struct pom_error *err)
{
    for (size_t i = 0; i < layers->n_names; i++)
        POMI_TRY(read_legacy_layer(file, root, layers->list[i].text, weights, err));
    return POM_OK;
}

/* ---- the layout of .weights.h5 ---- */

/* By class, then by number: conv2d, conv2d_1, conv2d_2, ... conv2d_10. */
static int by_class_and_number(const void *a, const void *b)
{
    const char *names[2] = {((const struct pomi_hdf5_name *)a)->text,
                            ((const struct pomi_hdf5_name *)b)->text};
    size_t class_bytes[2];
    long numbers[2] = {0, 0};
    for (int i = 0; i < 2; i++) {
        const char *underscore = strrchr(names[i], '_');
        bool is_numbered = underscore != NULL && isdigit((unsigned char)underscore[1]) &&
                           underscore[1 + strspn(underscore + 1, "0123456789")] == '\0';
        class_bytes[i] = is_numbered ? (size_t)(underscore - names[i]) : strlen(names[i]);
        if (is_numbered) numbers[i] = strtol(underscore + 1, NULL, 10);
    }
    size_t shared_bytes = class_bytes[0] < class_bytes[1] ? class_bytes[0] : class_bytes[1];
    int order = memcmp(names[0], names[1], shared_bytes);
    if (order != 0) return order;
    if (class_bytes[0] != class_bytes[1]) return class_bytes[0] < class_bytes[1] ? -1 : 1;
    return (numbers[0] > numbers[1]) - (numbers[0] < numbers[1]);
}

static enum pom_status read_weights_layer(struct pomi_hdf5 *file, uint64_t layers, const char *child,
                                          struct pomi_keras_weights *weights, struct pom_error *err)
{
    uint64_t group, vars;
    POMI_TRY(pomi_hdf5_find(file, layers, child, &group, err));
    enum pom_status status = pomi_hdf5_find(file, group, "vars", &vars, err);
    if (status == POM_ERROR_NOT_FOUND) return POM_OK; /* a layer without variables */
    struct pomi_hdf5_names children = {0}, own_name = {0};
    struct pomi_hdf5_floats tensors[MAX_LAYER_TENSORS] = {{0}};
    size_t n_tensors = 0;
    if (status == POM_OK) status = pomi_hdf5_list(file, vars, &children, err);
    if (status == POM_OK) status = pomi_hdf5_read_strings(file, vars, "name", &own_name, err);
    if (status == POM_ERROR_NOT_FOUND) status = POM_OK;
    const char *layer = own_name.n_names == 1 ? own_name.list[0].text : child;
    if (status == POM_OK && children.n_names > MAX_LAYER_TENSORS)
        status = pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor", "it has %zu tensors", children.n_names);
    for (; status == POM_OK && n_tensors < children.n_names; n_tensors++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", n_tensors);
        status = read_tensor(file, vars, number, &tensors[n_tensors], err);
    }
    if (status != POM_OK) status = pomi_fail_in(err, status, "layer %.100s", layer);
    if (status == POM_OK) status = add_layer(weights, layer, tensors, n_tensors, NULL, err);
    for (size_t i = 0; i < n_tensors; i++) free(tensors[i].values);
    free(children.list);
    free(own_name.list);
    return status;
}

static enum pom_status read_weights_layout(struct pomi_hdf5 *file, uint64_t layers,
                                           struct pomi_keras_weights *weights, struct pom_error *err)
{
    struct pomi_hdf5_names children = {0};
    enum pom_status status = pomi_hdf5_list(file, layers, &children, err);
    if (status == POM_OK && children.n_names > 0)
        qsort(children.list, children.n_names, sizeof *children.list, by_class_and_number);
    for (size_t i = 0; i < children.n_names && status == POM_OK; i++)
        status = read_weights_layer(file, layers, children.list[i].text, weights, err);
    free(children.list);
    return status;
}

static enum pom_status read_bytes(struct pomi_view bytes, struct pomi_keras_weights *weights,
                                  struct pom_error *err)
{
    static const char *const roots[] = {"/", "model_weights"};
    struct pomi_hdf5 file;
    POMI_TRY(pomi_hdf5_open(&file, bytes, err));
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        uint64_t root;
        struct pomi_hdf5_names layers = {0};
        enum pom_status status = pomi_hdf5_find(&file, file.root, roots[i], &root, err);
        if (status == POM_OK) status = read_names(&file, root, "layer_names", &layers, err);
        if (status == POM_OK) status = read_legacy(&file, root, &layers, weights, err);
        bool is_legacy = status != POM_ERROR_NOT_FOUND;
        free(layers.list);
        if (is_legacy) return status;
    }
    uint64_t layers;
    enum pom_status status = pomi_hdf5_find(&file, file.root, "layers", &layers, err);
    if (status == POM_ERROR_NOT_FOUND)
        return pomi_fail(
            err, POM_ERROR_FORMAT, "not_keras",
            "an HDF5 file, but not Keras weights: it has neither layer_names nor a group layers");
    return status == POM_OK ? read_weights_layout(&file, layers, weights, err) : status;
}

enum pom_status pomi_read_keras(struct pomi_graph *graph, const char **architecture, struct pomi_view bytes,
                                const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    struct pomi_keras_weights weights = {
        .convolutions = calloc(POMI_KERAS_MAX_LAYERS, sizeof *weights.convolutions),
        .is_depthwise = calloc(POMI_KERAS_MAX_LAYERS, sizeof *weights.is_depthwise),
        .normalisations = calloc(POMI_KERAS_MAX_LAYERS, sizeof *weights.normalisations),
    };
    enum pom_status status;
    if (weights.convolutions == NULL || weights.is_depthwise == NULL || weights.normalisations == NULL)
        status =
            pomi_fail_memory(err, POMI_KERAS_MAX_LAYERS * sizeof *weights.convolutions, "a list of layers");
    else
        status = read_bytes(bytes, &weights, err);
    if (status == POM_OK) status = pomi_keras_fill_graph(graph, architecture, &weights, wishes, err);
    for (int i = 0; i < weights.n_convolutions; i++) pomi_convolution_release(&weights.convolutions[i]);
    for (int i = 0; i < weights.n_normalisations; i++) pomi_normalisation_release(&weights.normalisations[i]);
    free(weights.convolutions);
    free(weights.is_depthwise);
    free(weights.normalisations);
    return status;
}
