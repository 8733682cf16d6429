// SPDX-License-Identifier: Apache-2.0
/*
 * Writes a very narrow MobileNetV2 as Keras would, in each of its layouts and with defects on request, so that
 * the reader is tested without any real weights.
 */
#ifndef POMONA_TESTS_KERAS_FILE_H
#define POMONA_TESTS_KERAS_FILE_H

#include <hdf5.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks/architectures.h"

enum keras_layout {
    KERAS_LEGACY,         /* "kernel:0", names as fixed-length strings */
    KERAS_LEGACY_KERAS_3, /* "kernel", names of variable length, chunked layer_names0, layer_names1 */
    KERAS_LEGACY_OLD,     /* layers called something else altogether */
    KERAS_LEGACY_MODEL,   /* inside model_weights, with a classifier */
    KERAS_WEIGHTS,        /* .weights.h5 */
    KERAS_WEIGHTS_NAMED   /* the same with names */
};

enum keras_defect {
    KERAS_SOUND,
    KERAS_MISSING_LAYER,
    KERAS_EXTRA_LAYER,
    KERAS_MISSING_TENSOR,
    KERAS_WRONG_SHAPE,
    KERAS_NOT_FINITE,
    KERAS_BAD_VARIANCE,
    KERAS_SOFT_LINK,
    KERAS_INTEGERS,
    KERAS_COMPRESSED,
    KERAS_NOT_WRITTEN,
    KERAS_EXTERNAL_STORAGE
};

static const struct pomi_mobilenetv2_widths keras_widths = {
    .stem = 8, .stages = {8, 8, 8, 8, 8, 8, 8}, .head = 16};

struct keras_writer {
    hid_t root; /* where layers go */
    enum keras_layout layout;
    enum keras_defect defect;
    char names[256][64]; /* of all layers, for layer_names */
    int n_names;
    int n_of_class[4];
};

static void keras_names_attribute(hid_t object, const char *attribute, const char names[][64], int n_names,
                                  bool variable)
{
    hsize_t n = (hsize_t)n_names;
    hid_t space = H5Screate_simple(1, &n, NULL);
    if (n_names == 0) { /* what h5py makes of an empty list */
        H5Aclose(H5Acreate2(object, attribute, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT));
        H5Sclose(space);
        return;
    }
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, variable ? H5T_VARIABLE : 64);
    hid_t handle = H5Acreate2(object, attribute, type, space, H5P_DEFAULT, H5P_DEFAULT);
    const char *pointers[256];
    for (int i = 0; i < n_names; i++) pointers[i] = names[i];
    H5Awrite(handle, type, variable ? (const void *)pointers : (const void *)names);
    H5Aclose(handle);
    H5Tclose(type);
    H5Sclose(space);
}

/* Values that depend on where they stand, so that any mix-up shows. */
static float keras_value(int seed, int i)
{
    return (float)((seed * 7919 + i * 104729) % 2003 - 1001) / 4000;
}

static void keras_dataset(struct keras_writer *writer, hid_t group, const char *name, int n_dimensions,
                          const int *shape, int seed, bool is_positive, bool is_last)
{
    hsize_t extents[4];
    int n = 1;
    for (int i = 0; i < n_dimensions; i++) extents[i] = (hsize_t)shape[i], n *= shape[i];
    float *values = malloc((size_t)n * sizeof *values);
    for (int i = 0; i < n; i++) values[i] = keras_value(seed, i) + (is_positive ? 1 : 0);
    enum keras_defect defect = is_last ? writer->defect : KERAS_SOUND;
    if (defect == KERAS_NOT_FINITE) values[n - 1] = NAN;
    if (defect == KERAS_BAD_VARIANCE) values[n - 1] = -1;
    if (defect == KERAS_WRONG_SHAPE) extents[n_dimensions - 1] -= 1;
    hid_t home = group;
    if (defect == KERAS_SOFT_LINK) { /* to a dataset that would do */
        H5Lcreate_soft(writer->layout >= KERAS_WEIGHTS ? "/layers/elsewhere" : "/elsewhere", group, name,
                       H5P_DEFAULT, H5P_DEFAULT);
        home = writer->root;
        name = "elsewhere";
    }
    if (defect != KERAS_MISSING_TENSOR) {
        hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
        if (defect == KERAS_EXTERNAL_STORAGE)
            H5Pset_external(creation, "/etc/hostname", 0, (hsize_t)n * sizeof(float));
        if (defect == KERAS_COMPRESSED) {
            H5Pset_chunk(creation, n_dimensions, extents);
            H5Pset_deflate(creation, 6);
        }
        hid_t space = H5Screate_simple(n_dimensions, extents, NULL);
        hid_t type = defect == KERAS_INTEGERS ? H5T_STD_I32LE : H5T_IEEE_F32LE;
        hid_t dataset = H5Dcreate2(home, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
        if (defect != KERAS_EXTERNAL_STORAGE && defect != KERAS_NOT_WRITTEN)
            H5Dwrite(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
        H5Dclose(dataset);
        H5Sclose(space);
        H5Pclose(creation);
    }
    free(values);
}

/* A layer with its tensors; class 0 conv2d, 1 depthwise_conv2d, 2 batch_normalization, 3 activation. */
static void keras_layer(struct keras_writer *writer, const char *name, int class, int n_tensors,
                        const char tensors[][64], int n_dimensions, const int *shape, int seed, bool is_last)
{
    static const char *const classes[] = {"conv2d", "depthwise_conv2d", "batch_normalization", "re_lu"};
    bool is_weights = writer->layout >= KERAS_WEIGHTS;
    char path[80], names[4][64];
    int number = writer->n_of_class[class]++;
    if (writer->layout == KERAS_LEGACY_OLD)
        snprintf(path, sizeof path, "mobl%d_%s", writer->n_names, class == 2 ? "bn" : "x");
    else if (!is_weights)
        snprintf(path, sizeof path, "%s", name);
    else if (number == 0)
        snprintf(path, sizeof path, "%s", classes[class]);
    else
        snprintf(path, sizeof path, "%s_%d", classes[class], number);
    snprintf(writer->names[writer->n_names++], 64, "%.63s", path);
    if (is_weights) strcat(path, "/vars");

    hid_t links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t group = H5Gcreate2(writer->root, path, links, H5P_DEFAULT, H5P_DEFAULT);
    if (writer->layout == KERAS_WEIGHTS_NAMED) {
        hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
        H5Tset_size(type, H5T_VARIABLE);
        hid_t attribute = H5Acreate2(group, "name", type, space, H5P_DEFAULT, H5P_DEFAULT);
        H5Awrite(attribute, type, &name);
        H5Aclose(attribute), H5Sclose(space), H5Tclose(type);
    }
    if (class == 2) { /* the parts lie one level deeper in the legacy layout */
        hid_t inner = is_weights ? group : H5Gcreate2(group, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        for (int i = 0; i < n_tensors; i++) {
            const char *colon = writer->layout == KERAS_LEGACY_KERAS_3 ? "" : ":0";
            char part[64];
            if (is_weights)
                snprintf(part, sizeof part, "%d", i);
            else
                snprintf(part, sizeof part, "%s%s", tensors[i], colon);
            snprintf(names[i], 64, "%.30s/%.30s", name, part);
            keras_dataset(writer, inner, part, 1, shape, seed + i, i == 0 || i == 3, is_last && i == 3);
        }
        if (inner != group) H5Gclose(inner);
    } else {
        for (int i = 0; i < n_tensors; i++) {
            if (is_weights)
                snprintf(names[i], 64, "%d", i);
            else
                snprintf(names[i], 64, "%.60s%s", tensors[i],
                         writer->layout == KERAS_LEGACY_KERAS_3 ? "" : ":0");
            keras_dataset(writer, group, names[i], n_dimensions, shape, seed, false, is_last);
        }
    }
    if (!is_weights)
        keras_names_attribute(group, "weight_names", (const char(*)[64])names, n_tensors,
                              writer->layout == KERAS_LEGACY_KERAS_3);
    H5Gclose(group);
    H5Pclose(links);
}

static void keras_convolution(struct keras_writer *writer, const struct pomi_layer *layer, int index,
                              bool is_last)
{
    static const char kernel[][64] = {"kernel"}, depthwise_kernel[][64] = {"depthwise_kernel"};
    static const char parts[][64] = {"gamma", "beta", "moving_mean", "moving_variance"};
    bool is_depthwise = layer->kind == POMI_LAYER_DEPTHWISE;
    int shape[4] = {layer->kernel_px, layer->kernel_px, layer->in_channels,
                    is_depthwise ? 1 : layer->out_channels};
    char name[64];
    bool kernel_is_last = is_last && writer->defect != KERAS_BAD_VARIANCE;
    snprintf(name, sizeof name, "k%d", index);
    keras_layer(writer, name, is_depthwise, 1, is_depthwise ? depthwise_kernel : kernel, 4, shape, 10 * index,
                kernel_is_last);
    snprintf(name, sizeof name, "k%d_BN", index);
    keras_layer(writer, name, 2, 4, parts, 1, &layer->out_channels, 10 * index + 1,
                is_last && !kernel_is_last);
    snprintf(name, sizeof name, "k%d_relu", index);
    keras_layer(writer, name, 3, 0, NULL, 0, NULL, 0, false);
}

/* `is_latest`: in the newest form that the library knows, not the oldest that can hold it, which is its default. */
static void keras_write(const char *path, enum keras_layout layout, enum keras_defect defect, bool is_latest)
{
    static const char *const roots[] = {"/", "/", "/", "/model_weights", "/layers", "/layers"};
    struct pomi_graph graph;
    if (pomi_graph_mobilenetv2(&graph, &keras_widths, 32, NULL) != POM_OK) abort();
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (is_latest) H5Pset_libver_bounds(access, H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
    struct keras_writer writer = {.layout = layout, .defect = defect};
    writer.root = strcmp(roots[layout], "/") == 0
                      ? H5Gopen2(file, "/", H5P_DEFAULT)
                      : H5Gcreate2(file, roots[layout], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    int last = -1;
    for (int i = 0; i < graph.n_layers; i++)
        if (pomi_layer_n_weights(&graph.layers[i]) > 0) last = i;
    for (int i = 0; i < graph.n_layers; i++) {
        if (pomi_layer_n_weights(&graph.layers[i]) == 0 || (defect == KERAS_MISSING_LAYER && i == last))
            continue;
        keras_convolution(&writer, &graph.layers[i], i, i == last);
    }
    if (defect == KERAS_EXTRA_LAYER) keras_convolution(&writer, &graph.layers[last], last + 1, false);
    if (layout == KERAS_LEGACY_MODEL) {
        static const char dense[][64] = {"kernel"};
        keras_layer(&writer, "predictions", 3, 1, dense, 2, (const int[]){16, 5}, 5, false);
    }
    const char(*names)[64] = (const char(*)[64])writer.names;
    if (layout == KERAS_LEGACY_KERAS_3) {
        keras_names_attribute(writer.root, "layer_names0", names, 20, true);
        keras_names_attribute(writer.root, "layer_names1", names + 20, writer.n_names - 20, true);
    } else if (layout < KERAS_WEIGHTS) {
        keras_names_attribute(writer.root, "layer_names", names, writer.n_names, false);
    }
    H5Gclose(writer.root);
    H5Fclose(file);
    H5Pclose(access);
    pomi_graph_release(&graph);
}

#endif
