// SPDX-License-Identifier: Apache-2.0
/*
 * Keras weights files, which are HDF5 in one of two layouts:
 *
 *     legacy .h5       attribute layer_names; per layer a group with the attribute weight_names, and datasets
 *                      under those names (with ":0" or without). A saved model has all this in model_weights.
 *     .weights.h5      layers/CLASS_N/vars/0, 1, ...; N counts the layers of a class, and the group's
 *                      attribute "name", where there is one, gives the layer's own name.
 *
 * Layer names changed from release to release, their order did not; so a layer is found by its place among
 * those of its kind, and by shape. Only ResNet50's parallel branches, whose order did change, go by name
 * where the names are known ones.
 *
 * HDF5's own library reads the bytes, from memory. What a file can make it do is fenced in: only hard links
 * (no other file is ever opened), only the filters that HDF5 itself brings, floats only, bounded sizes, and
 * strings of variable length only from heaps that were checked before, because the library (1.10.8) believes
 * the sizes in them. Files from elsewhere can still meet defects of that library: docs/networks.md says so.
 */
#include "config.h"

#include "cnn/readers.h"

#if POMI_HAVE_HDF5

#include <ctype.h>
#include <hdf5.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "cnn/architectures.h"

#define MAX_LAYERS         2048
#define MAX_LAYER_TENSORS  8
#define MAX_NAME_BYTES     256
#define MAX_TOTAL_ELEMENTS ((size_t)1 << 28) /* 1 GiB of floats */
#define MAX_CHUNK_BYTES    ((size_t)1 << 28)

/* The epsilons are arguments in Keras' code and are not in its files. */
#define MOBILENETV2_EPSILON 1e-3F
#define RESNET50_EPSILON    1.001e-5F

struct name {
    char text[MAX_NAME_BYTES];
};

struct names {
    struct name *list; /* owned */
    size_t n_names;
};

struct tensor {
    int n_dimensions;
    int shape[4];
    size_t n_elements;
    float *values; /* owned */
};

/* All convolutions and normalisations of a file, each in the order of its kind. */
struct keras_weights {
    struct pomi_convolution *convolutions; /* owned; those with in == 1 that came as depthwise are marked */
    bool *is_depthwise;
    int n_convolutions;
    struct pomi_normalisation *normalisations;
    int n_normalisations;
    size_t n_elements; /* read so far */
    bool heaps_are_sound;
};

static enum pom_status fail_hdf5(struct pom_error *err, const char *what, const char *name)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                     "the HDF5 file is damaged or not from Keras: cannot %s \"%.200s\"", what, name);
}

/* ---- before HDF5's library sees the bytes ---- */

static uint64_t little_endian(const uint8_t *bytes, int n_bytes)
{
    uint64_t value = 0;
    for (int i = n_bytes - 1; i >= 0; i--) value = value << 8 | bytes[i];
    return value;
}

/* The superblock of what Keras writes: addresses and lengths of 8 bytes, no base address, an end that is within
 * the bytes. */
static bool superblock_is_usual(struct pomi_view bytes)
{
    if (bytes.size_bytes < 96) return false;
    const uint8_t *at = bytes.data;
    int version = at[8];
    bool sizes_are_8 = version == 0 ? at[13] == 8 && at[14] == 8 : at[9] == 8 && at[10] == 8;
    const uint8_t *base = at + (version == 0 ? 24 : 12);
    const uint8_t *end = at + (version == 0 ? 40 : 28);
    return (version == 0 || version == 2 || version == 3) && sizes_are_8 && little_endian(base, 8) == 0 &&
           little_endian(end, 8) <= bytes.size_bytes;
}

/* Whether the objects of a global heap fill it: signature, version, 3 zeros, size; then objects of number,
 * references, 4 reserved, size, data up to a multiple of 8; number 0 is the free rest. */
static bool global_heap_is_sound(const uint8_t *heap, size_t left_bytes)
{
    enum { HEADER_BYTES = 16 };
    if (left_bytes < HEADER_BYTES) return false;
    uint64_t heap_bytes = little_endian(heap + 8, 8);
    if (heap_bytes < HEADER_BYTES || heap_bytes > left_bytes) return false;
    const uint8_t *at = heap + HEADER_BYTES, *end = heap + heap_bytes;
    while (end - at >= HEADER_BYTES) {
        uint64_t object_bytes = little_endian(at + 8, 8), available_bytes = (uint64_t)(end - at);
        if (little_endian(at, 2) == 0) return object_bytes <= available_bytes;
        if (object_bytes > available_bytes - HEADER_BYTES) return false;
        uint64_t step_bytes = HEADER_BYTES + pomi_size_align((size_t)object_bytes, 8);
        if (step_bytes > available_bytes) return false;
        at += step_bytes;
    }
    return true;
}

static bool global_heaps_are_sound(struct pomi_view bytes)
{
    static const uint8_t signature[8] = {'G', 'C', 'O', 'L', 1, 0, 0, 0};
    const uint8_t *at = bytes.data, *end = bytes.data + bytes.size_bytes;
    while ((at = memmem(at, (size_t)(end - at), signature, sizeof signature)) != NULL) {
        if (!global_heap_is_sound(at, (size_t)(end - at))) return false;
        at++;
    }
    return true;
}

/* ---- HDF5 objects ---- */

/* Opens what `path` names below `location`, by hard links only: a soft or external link could lead to another
 * file. Negative when it is not there. */
static hid_t open_object(hid_t location, const char *path)
{
    hid_t current = H5Oopen(location, ".", H5P_DEFAULT);
    while (current >= 0) {
        while (*path == '/') path++;
        if (*path == '\0') return current;
        char part[MAX_NAME_BYTES];
        size_t part_bytes = strcspn(path, "/");
        H5L_info_t link;
        hid_t next = H5I_INVALID_HID;
        if (part_bytes < sizeof part) {
            memcpy(part, path, part_bytes);
            part[part_bytes] = '\0';
            if (H5Iget_type(current) == H5I_GROUP && H5Lexists(current, part, H5P_DEFAULT) > 0 &&
                H5Lget_info(current, part, &link, H5P_DEFAULT) >= 0 && link.type == H5L_TYPE_HARD)
                next = H5Oopen(current, part, H5P_DEFAULT);
        }
        H5Oclose(current);
        current = next;
        path += part_bytes;
    }
    return H5I_INVALID_HID;
}

static hid_t open_group(hid_t location, const char *path)
{
    hid_t object = open_object(location, path);
    if (object < 0 || H5Iget_type(object) == H5I_GROUP) return object;
    H5Oclose(object);
    return H5I_INVALID_HID;
}

static bool filters_are_known(hid_t creation)
{
    int n_filters = H5Pget_nfilters(creation);
    for (int i = 0; i < n_filters; i++) {
        unsigned flags, config;
        size_t n_values = 0;
        H5Z_filter_t filter =
            H5Pget_filter2(creation, (unsigned)i, &flags, &n_values, NULL, 0, NULL, &config);
        if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE && filter != H5Z_FILTER_FLETCHER32)
            return false;
    }
    return n_filters >= 0;
}

/* Whether reading the dataset stays within this file and within sensible memory. */
static bool storage_is_plain(hid_t dataset, size_t type_bytes)
{
    hid_t creation = H5Dget_create_plist(dataset);
    if (creation < 0) return false;
    H5D_layout_t layout = H5Pget_layout(creation);
    bool is_plain = H5Pget_external_count(creation) == 0 && filters_are_known(creation) &&
                    (layout == H5D_COMPACT || layout == H5D_CONTIGUOUS || layout == H5D_CHUNKED);
    if (is_plain && layout == H5D_CHUNKED) {
        hsize_t chunk[4];
        int n_dimensions = H5Pget_chunk(creation, 4, chunk);
        size_t chunk_bytes = type_bytes;
        for (int i = 0; i < n_dimensions && i < 4; i++)
            is_plain = is_plain && pomi_size_multiply(chunk_bytes, (size_t)chunk[i], &chunk_bytes);
        is_plain = is_plain && n_dimensions >= 1 && n_dimensions <= 4 && chunk_bytes <= MAX_CHUNK_BYTES;
    }
    H5Pclose(creation);
    return is_plain;
}

static enum pom_status read_dataset(hid_t dataset, const char *name, struct keras_weights *weights,
                                    struct tensor *tensor, struct pom_error *err)
{
    hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
    enum pom_status status = POM_OK;
    hsize_t shape[4] = {0};
    int n_dimensions = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    size_t type_bytes = type < 0 ? 0 : H5Tget_size(type);
    if (n_dimensions < 1 || n_dimensions > 4 || H5Sget_simple_extent_dims(space, shape, NULL) != n_dimensions)
        status = fail_hdf5(err, "use the shape of", name);
    else if (H5Tget_class(type) != H5T_FLOAT || type_bytes > 8)
        status = pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                           "the tensor \"%.200s\" does not hold floats", name);
    else if (!storage_is_plain(dataset, type_bytes))
        status = pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                           "the tensor \"%.200s\" is stored in a way that weights files do not use", name);

    *tensor = (struct tensor){.n_dimensions = n_dimensions, .n_elements = 1};
    for (int i = 0; i < n_dimensions && status == POM_OK; i++) {
        if (shape[i] < 1 || shape[i] > MAX_TOTAL_ELEMENTS ||
            !pomi_size_multiply(tensor->n_elements, (size_t)shape[i], &tensor->n_elements) ||
            tensor->n_elements > MAX_TOTAL_ELEMENTS - weights->n_elements)
            status = pomi_fail(err, POM_ERROR_LIMIT, "too_large",
                               "the tensor \"%.200s\" is empty or takes the file past 2^28 values", name);
        tensor->shape[i] = (int)shape[i];
    }
    if (status == POM_OK) {
        weights->n_elements += tensor->n_elements;
        tensor->values = malloc(tensor->n_elements * sizeof *tensor->values);
        if (tensor->values == NULL)
            status = pomi_fail_memory(err, tensor->n_elements * sizeof *tensor->values, "weights");
        else if (H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, tensor->values) < 0)
            status = fail_hdf5(err, "read", name);
    }
    if (status != POM_OK) {
        free(tensor->values);
        *tensor = (struct tensor){0};
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    return status;
}

static enum pom_status read_tensor(hid_t location, const char *path, struct keras_weights *weights,
                                   struct tensor *tensor, struct pom_error *err)
{
    hid_t dataset = open_object(location, path);
    if (dataset < 0 || H5Iget_type(dataset) != H5I_DATASET) {
        if (dataset >= 0) H5Oclose(dataset);
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%.200s\" is missing", path);
    }
    enum pom_status status = read_dataset(dataset, path, weights, tensor, err);
    H5Oclose(dataset);
    return status;
}

/* ---- attributes that hold names ---- */

static enum pom_status copy_name(const char *from, size_t max_bytes, struct name *name, struct pom_error *err)
{
    if (from == NULL) from = "";
    size_t name_bytes = strnlen(from, max_bytes);
    if (name_bytes >= sizeof name->text) return fail_hdf5(err, "use a name as long as", "an attribute's");
    memcpy(name->text, from, name_bytes);
    name->text[name_bytes] = '\0';
    return POM_OK;
}

static enum pom_status read_variable_strings(hid_t attribute, hid_t space, struct name *list, size_t n_names,
                                             struct pom_error *err)
{
    char **strings = calloc(n_names, sizeof *strings);
    if (strings == NULL) return pomi_fail_memory(err, n_names * sizeof *strings, "names");
    hid_t type = H5Tcopy(H5T_C_S1);
    enum pom_status status = POM_OK;
    H5Tset_size(type, H5T_VARIABLE);
    hid_t file_type = H5Aget_type(attribute);
    H5Tset_cset(type, H5Tget_cset(file_type));
    if (H5Aread(attribute, type, strings) < 0) status = fail_hdf5(err, "read", "an attribute");
    for (size_t i = 0; i < n_names && status == POM_OK; i++)
        status = copy_name(strings[i], MAX_NAME_BYTES, &list[i], err);
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, strings);
    H5Tclose(file_type);
    H5Tclose(type);
    free(strings);
    return status;
}

static enum pom_status read_fixed_strings(hid_t attribute, hid_t file_type, struct name *list, size_t n_names,
                                          struct pom_error *err)
{
    size_t each_bytes = H5Tget_size(file_type);
    if (each_bytes < 1 || each_bytes >= MAX_NAME_BYTES)
        return fail_hdf5(err, "use a name as long as", "an attribute's");
    char *strings = calloc(n_names, each_bytes);
    if (strings == NULL) return pomi_fail_memory(err, n_names * each_bytes, "names");
    enum pom_status status =
        H5Aread(attribute, file_type, strings) < 0 ? fail_hdf5(err, "read", "an attribute") : POM_OK;
    for (size_t i = 0; i < n_names && status == POM_OK; i++)
        status = copy_name(strings + i * each_bytes, each_bytes, &list[i], err);
    free(strings);
    return status;
}

static enum pom_status append_names(hid_t object, const char *attribute_name, bool heaps_are_sound,
                                    struct names *names, struct pom_error *err)
{
    hid_t attribute = H5Aopen(object, attribute_name, H5P_DEFAULT);
    hid_t space = attribute < 0 ? H5I_INVALID_HID : H5Aget_space(attribute);
    hid_t type = attribute < 0 ? H5I_INVALID_HID : H5Aget_type(attribute);
    hssize_t n_new = space < 0 ? -1 : H5Sget_simple_extent_npoints(space);
    enum pom_status status = POM_OK;
    if (type < 0 || n_new < 0 || (size_t)n_new > MAX_LAYERS - names->n_names) {
        status = fail_hdf5(err, "read the attribute", attribute_name);
    } else if (n_new > 0) { /* an empty list has the type float64: there was nothing to tell a type from */
        struct name *grown = realloc(names->list, (names->n_names + (size_t)n_new) * sizeof *grown);
        if (grown == NULL) {
            status = pomi_fail_memory(err, (size_t)n_new * sizeof *grown, "names");
        } else {
            names->list = grown;
            struct name *list = grown + names->n_names;
            if (H5Tget_class(type) != H5T_STRING)
                status = fail_hdf5(err, "find text in the attribute", attribute_name);
            else if (H5Tis_variable_str(type) > 0 && !heaps_are_sound)
                status = fail_hdf5(err, "trust the text of the attribute", attribute_name);
            else if (H5Tis_variable_str(type) > 0)
                status = read_variable_strings(attribute, space, list, (size_t)n_new, err);
            else
                status = read_fixed_strings(attribute, type, list, (size_t)n_new, err);
            if (status == POM_OK) names->n_names += (size_t)n_new;
        }
    }
    if (type >= 0) H5Tclose(type);
    if (space >= 0) H5Sclose(space);
    if (attribute >= 0) H5Aclose(attribute);
    return status;
}

/* A long list is split over NAME0, NAME1, ..., because HDF5 limits an attribute to 64 KiB. */
static enum pom_status read_names(hid_t object, const char *attribute_name, bool heaps_are_sound,
                                  struct names *names, struct pom_error *err)
{
    *names = (struct names){0};
    if (H5Aexists(object, attribute_name) > 0)
        return append_names(object, attribute_name, heaps_are_sound, names, err);
    for (int i = 0; i < MAX_LAYERS; i++) {
        char part[64];
        snprintf(part, sizeof part, "%s%d", attribute_name, i);
        if (H5Aexists(object, part) <= 0) {
            if (i == 0) return fail_hdf5(err, "find the attribute", attribute_name);
            return POM_OK;
        }
        POMI_TRY(append_names(object, part, heaps_are_sound, names, err));
    }
    return POM_OK;
}

/* ---- from tensors to convolutions and normalisations ---- */

/* Keras' [height][width][in][out], or [height][width][channels][1] when depthwise, to
 * [out][height][width][in]. */
static enum pom_status transpose_kernel(const struct tensor *from, bool is_depthwise,
                                        struct pomi_convolution *to, struct pom_error *err)
{
    size_t height = (size_t)from->shape[0], width = (size_t)from->shape[1];
    size_t in = is_depthwise ? 1 : (size_t)from->shape[2], out = (size_t)from->shape[is_depthwise ? 2 : 3];
    to->kernel_height_px = (int)height;
    to->kernel_width_px = (int)width;
    to->in = (int)in;
    to->out = (int)out;
    to->kernel = malloc(from->n_elements * sizeof *to->kernel);
    if (to->kernel == NULL) return pomi_fail_memory(err, from->n_elements * sizeof *to->kernel, "weights");
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

static enum pom_status add_convolution(struct keras_weights *weights, const char *layer,
                                       struct tensor *tensors, size_t n_tensors, struct pom_error *err)
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
static bool places_by_name(const struct names *names, int places[4])
{
    static const char *const parts[4] = {"gamma", "beta", "moving_mean", "moving_variance"};
    for (int i = 0; i < 4; i++) {
        places[i] = -1;
        for (int j = 0; j < 4; j++) {
            char part[MAX_NAME_BYTES];
            last_part(names->list[j].text, part, sizeof part);
            if (strcmp(part, parts[i]) == 0) places[i] = j;
        }
        if (places[i] < 0) return false;
    }
    return true;
}

static enum pom_status add_normalisation(struct keras_weights *weights, const char *layer,
                                         struct tensor *tensors, const struct names *names,
                                         struct pom_error *err)
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
static enum pom_status add_layer(struct keras_weights *weights, const char *layer, struct tensor *tensors,
                                 size_t n_tensors, const struct names *names, struct pom_error *err)
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

static enum pom_status read_legacy_layer(hid_t root, const char *layer, struct keras_weights *weights,
                                         struct pom_error *err)
{
    hid_t group = open_group(root, layer);
    if (group < 0)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor",
                         "the layer \"%.200s\" is listed but not there", layer);
    struct names names;
    struct tensor tensors[MAX_LAYER_TENSORS] = {{0}};
    enum pom_status status = read_names(group, "weight_names", weights->heaps_are_sound, &names, err);
    size_t n_tensors = names.n_names < MAX_LAYER_TENSORS ? names.n_names : MAX_LAYER_TENSORS;
    for (size_t i = 0; i < n_tensors && status == POM_OK; i++)
        status = read_tensor(group, names.list[i].text, weights, &tensors[i], err);
    if (status == POM_OK) status = add_layer(weights, layer, tensors, n_tensors, &names, err);
    for (size_t i = 0; i < n_tensors; i++) free(tensors[i].values);
    free(names.list);
    H5Oclose(group);
    return status;
}

static enum pom_status read_legacy(hid_t root, struct keras_weights *weights, struct pom_error *err)
{
    struct names layers;
    enum pom_status status = read_names(root, "layer_names", weights->heaps_are_sound, &layers, err);
    for (size_t i = 0; i < layers.n_names && status == POM_OK; i++)
        status = read_legacy_layer(root, layers.list[i].text, weights, err);
    free(layers.list);
    return status;
}

/* ---- the layout of .weights.h5 ---- */

/* By class, then by number: conv2d, conv2d_1, conv2d_2, ... conv2d_10. */
static int by_class_and_number(const void *a, const void *b)
{
    const char *names[2] = {((const struct name *)a)->text, ((const struct name *)b)->text};
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

static enum pom_status list_children(hid_t group, struct names *children, struct pom_error *err)
{
    H5G_info_t info;
    *children = (struct names){0};
    if (H5Gget_info(group, &info) < 0 || info.nlinks > MAX_LAYERS)
        return fail_hdf5(err, "list the group", "layers");
    children->list = calloc((size_t)info.nlinks + 1, sizeof *children->list);
    if (children->list == NULL)
        return pomi_fail_memory(err, (size_t)info.nlinks * sizeof *children->list, "names");
    for (hsize_t i = 0; i < info.nlinks; i++) {
        struct name *name = &children->list[children->n_names++];
        ssize_t name_bytes = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, i, name->text,
                                                sizeof name->text, H5P_DEFAULT);
        if (name_bytes < 0 || (size_t)name_bytes >= sizeof name->text)
            return fail_hdf5(err, "list the group", "layers");
    }
    qsort(children->list, children->n_names, sizeof *children->list, by_class_and_number);
    return POM_OK;
}

static enum pom_status read_weights_layer(hid_t layers, const char *child, struct keras_weights *weights,
                                          struct pom_error *err)
{
    char path[MAX_NAME_BYTES + 8];
    snprintf(path, sizeof path, "%s/vars", child);
    hid_t vars = open_group(layers, path);
    if (vars < 0) return POM_OK; /* a layer without variables */
    struct names names = {0};
    const char *layer = child;
    if (H5Aexists(vars, "name") > 0 &&
        append_names(vars, "name", weights->heaps_are_sound, &names, NULL) == POM_OK && names.n_names == 1)
        layer = names.list[0].text;
    H5G_info_t info;
    enum pom_status status = POM_OK;
    struct tensor tensors[MAX_LAYER_TENSORS] = {{0}};
    size_t n_tensors = 0;
    if (H5Gget_info(vars, &info) < 0 || info.nlinks > MAX_LAYER_TENSORS)
        status = fail_hdf5(err, "list the group", path);
    for (; status == POM_OK && n_tensors < info.nlinks; n_tensors++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", n_tensors);
        status = read_tensor(vars, number, weights, &tensors[n_tensors], err);
        if (status != POM_OK) status = pomi_fail_in(err, status, "layer %.100s", layer);
    }
    if (status == POM_OK) status = add_layer(weights, layer, tensors, n_tensors, NULL, err);
    for (size_t i = 0; i < n_tensors; i++) free(tensors[i].values);
    free(names.list);
    H5Oclose(vars);
    return status;
}

static enum pom_status read_weights_layout(hid_t layers, struct keras_weights *weights, struct pom_error *err)
{
    struct names children;
    enum pom_status status = list_children(layers, &children, err);
    for (size_t i = 0; i < children.n_names && status == POM_OK; i++)
        status = read_weights_layer(layers, children.list[i].text, weights, err);
    free(children.list);
    return status;
}

static enum pom_status read_file(hid_t file, struct keras_weights *weights, struct pom_error *err)
{
    static const char *const roots[] = {"/", "model_weights"};
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++) {
        hid_t root = open_group(file, roots[i]);
        if (root < 0) continue;
        bool is_legacy = H5Aexists(root, "layer_names") > 0 || H5Aexists(root, "layer_names0") > 0;
        enum pom_status status = is_legacy ? read_legacy(root, weights, err) : POM_OK;
        H5Oclose(root);
        if (is_legacy) return status;
    }
    hid_t layers = open_group(file, "layers");
    if (layers < 0)
        return pomi_fail(
            err, POM_ERROR_FORMAT, "not_keras",
            "an HDF5 file, but not Keras weights: it has neither layer_names nor a group layers");
    enum pom_status status = read_weights_layout(layers, weights, err);
    H5Oclose(layers);
    return status;
}

static enum pom_status read_image(struct pomi_view bytes, struct keras_weights *weights,
                                  struct pom_error *err)
{
    if (!superblock_is_usual(bytes)) return fail_hdf5(err, "use the superblock of", "the file");
    weights->heaps_are_sound = global_heaps_are_sound(bytes);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), file = H5I_INVALID_HID;
    if (access >= 0 && H5Pset_fapl_core(access, (size_t)1 << 20, 0) >= 0 &&
        H5Pset_file_image(access, (void *)bytes.data, bytes.size_bytes) >= 0)
        file = H5Fopen("weights", H5F_ACC_RDONLY,
                       access); /* the name of an image in memory: no file is touched */
    enum pom_status status = file < 0 ? fail_hdf5(err, "open", "the file") : read_file(file, weights, err);
    if (file >= 0) H5Fclose(file);
    if (access >= 0) H5Pclose(access);
    return status;
}

/* HDF5 keeps state of its own and prints errors; both are kept from the caller: one file at a time, and its
 * printing is off while we are in there. */
static enum pom_status read_hdf5(struct pomi_view bytes, struct keras_weights *weights, struct pom_error *err)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&one_at_a_time);
    H5E_auto2_t print = NULL;
    void *user = NULL;
    H5Eget_auto2(H5E_DEFAULT, &print, &user);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    enum pom_status status = read_image(bytes, weights, err);
    H5Eset_auto2(H5E_DEFAULT, print, user);
    pthread_mutex_unlock(&one_at_a_time);
    return status;
}

/* ---- from the file's order to the graph's layers ---- */

/* What a known name of Keras' ResNet50 stands for: "conv3_block2_1_conv" and, before 2019, "res3b_branch2a"
 * are stage_2.block_2.reduce; "..._bn" and "bn3b_..." their normalisations. False for other names. */
static bool resnet50_layer_name(const char *keras, char layer[64])
{
    static const char *const parts[] = {"shortcut", "reduce", "conv", "expand"};
    int stage, block, part, end = 0;
    char letter, branch[4] = "", kind[8] = "";
    if (strcmp(keras, "conv1") == 0 || strcmp(keras, "bn_conv1") == 0 || strcmp(keras, "conv1_conv") == 0 ||
        strcmp(keras, "conv1_bn") == 0) {
        strcpy(layer, "stem");
        return true;
    }
    if (sscanf(keras, "conv%1d_block%1d_%1d_%4s%n", &stage, &block, &part, kind, &end) == 4 &&
        keras[end] == '\0' && (strcmp(kind, "conv") == 0 || strcmp(kind, "bn") == 0) && part <= 3) {
        snprintf(layer, 64, "stage_%d.block_%d.%s", stage - 1, block, parts[part]);
        return true;
    }
    const char *after_kind = strncmp(keras, "res", 3) == 0  ? keras + 3
                             : strncmp(keras, "bn", 2) == 0 ? keras + 2
                                                            : "";
    if (sscanf(after_kind, "%1d%c_branch%3s%n", &stage, &letter, branch, &end) == 3 &&
        after_kind[end] == '\0') {
        static const char *const branches[] = {"1", "2a", "2b", "2c"};
        for (int i = 0; i < 4; i++) {
            if (strcmp(branch, branches[i]) != 0) continue;
            snprintf(layer, 64, "stage_%d.block_%d.%s", stage - 1, letter - 'a' + 1, parts[i]);
            return true;
        }
    }
    return false;
}

/* The graph's convolutions of one kind in the order in which Keras lists them: ours, but a shortcut comes
 * after the second convolution of its block, since Keras sorts layers by their distance from the output. */
static int keras_order(const struct pomi_graph *graph, bool want_conv, bool want_depthwise, int *order)
{
    int n = 0, shortcut = -1;
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        bool wanted = (layer->kind == POMI_LAYER_CONV && want_conv) ||
                      (layer->kind == POMI_LAYER_DEPTHWISE && want_depthwise);
        if (!wanted) continue;
        if (strstr(layer->name, ".shortcut") != NULL) {
            shortcut = i;
            continue;
        }
        order[n++] = i;
        if (shortcut >= 0 && strstr(layer->name, ".conv") != NULL) {
            order[n++] = shortcut;
            shortcut = -1;
        }
    }
    return n;
}

static enum pom_status missing(struct pom_error *err, const char *what, const struct pomi_layer *layer)
{
    return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the file has no %s for the layer %s", what,
                     layer->name);
}

static enum pom_status extra(struct pom_error *err, const char *name)
{
    return pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor",
                     "\"%.200s\" of the file belongs to no layer of the network", name);
}

/* Where each convolution and normalisation goes: indices of layers, by order of kind. */
static enum pom_status place_by_order(const struct pomi_graph *graph, const struct keras_weights *weights,
                                      int *convolution_layers, int *normalisation_layers,
                                      struct pom_error *err)
{
    int order[POMI_GRAPH_MAX_LAYERS];
    for (int depthwise = 0; depthwise < 2; depthwise++) {
        int n_order = keras_order(graph, !depthwise, depthwise, order), n = 0;
        for (int i = 0; i < weights->n_convolutions; i++) {
            if (weights->is_depthwise[i] != depthwise) continue;
            if (n == n_order) return extra(err, weights->convolutions[i].name);
            convolution_layers[i] = order[n++];
        }
        if (n < n_order) return missing(err, "convolution", &graph->layers[order[n]]);
    }
    int n_order = keras_order(graph, true, true, order);
    for (int i = 0; i < weights->n_normalisations; i++) {
        if (i == n_order) return extra(err, weights->normalisations[i].name);
        normalisation_layers[i] = order[i];
    }
    if (weights->n_normalisations < n_order)
        return missing(err, "batch normalisation", &graph->layers[order[weights->n_normalisations]]);
    return POM_OK;
}

/* -1 when a name is not a known one. */
static int resnet50_layer(const struct pomi_graph *graph, const char *keras)
{
    char name[64];
    if (!resnet50_layer_name(keras, name)) return -1;
    const struct pomi_layer *layer = pomi_graph_find(graph, name);
    return layer == NULL ? -1 : (int)(layer - graph->layers);
}

static bool names_are_known(const struct pomi_graph *graph, const struct keras_weights *weights)
{
    for (int i = 0; i < weights->n_convolutions; i++)
        if (resnet50_layer(graph, weights->convolutions[i].name) < 0) return false;
    for (int i = 0; i < weights->n_normalisations; i++)
        if (resnet50_layer(graph, weights->normalisations[i].name) < 0) return false;
    return true;
}

static enum pom_status fold_all(struct pomi_graph *graph, struct keras_weights *weights,
                                const int *convolution_layers, const int *normalisation_layers, float epsilon,
                                struct pom_error *err)
{
    struct pomi_normalisation *by_layer[POMI_GRAPH_MAX_LAYERS] = {NULL};
    for (int i = 0; i < weights->n_normalisations; i++) {
        struct pomi_normalisation *normalisation = &weights->normalisations[i];
        if (by_layer[normalisation_layers[i]] != NULL) return extra(err, normalisation->name);
        by_layer[normalisation_layers[i]] = normalisation;
        normalisation->epsilon = epsilon;
    }
    for (int i = 0; i < weights->n_convolutions; i++) {
        struct pomi_layer *layer = &graph->layers[convolution_layers[i]];
        if (layer->weights != NULL) return extra(err, weights->convolutions[i].name);
        weights->convolutions[i].normalisation = by_layer[convolution_layers[i]];
        if (weights->convolutions[i].normalisation == NULL) return missing(err, "batch normalisation", layer);
        POMI_TRY(pomi_fold(layer, &weights->convolutions[i], err));
    }
    for (int i = 0; i < graph->n_layers; i++)
        if (pomi_layer_n_weights(&graph->layers[i]) > 0 && graph->layers[i].weights == NULL)
            return missing(err, "convolution", &graph->layers[i]);
    return POM_OK;
}

/* The widths of a MobileNetV2, which is a chain: stem, the first block's projection, then pairs of expansion
 * and projection, then the head. */
static enum pom_status mobilenetv2_widths(const struct keras_weights *weights,
                                          struct pomi_mobilenetv2_widths *widths, struct pom_error *err)
{
    static const int first_blocks[POMI_MOBILENETV2_STAGES] = {0, 1, 3, 6, 10, 13, 16};
    enum { N_POINTWISE = 35 };
    int out[N_POINTWISE], n = 0;
    for (int i = 0; i < weights->n_convolutions; i++)
        if (!weights->is_depthwise[i] && n < N_POINTWISE) out[n++] = weights->convolutions[i].out;
    if (n < N_POINTWISE)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor",
                         "a MobileNetV2 has %d convolutions that are not depthwise, the file has %d",
                         N_POINTWISE, n);
    *widths = (struct pomi_mobilenetv2_widths){.stem = out[0], .head = out[N_POINTWISE - 1]};
    for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++) widths->stages[i] = out[2 * first_blocks[i] + 1];
    return POM_OK;
}

static enum pom_status build(struct pomi_graph *graph, const char **architecture,
                             struct keras_weights *weights, const struct pomi_reader_wishes *wishes,
                             struct pom_error *err)
{
    bool has_depthwise = false;
    for (int i = 0; i < weights->n_convolutions; i++)
        has_depthwise = has_depthwise || weights->is_depthwise[i];
    bool is_mobilenetv2 =
        wishes->architecture != NULL ? strcmp(wishes->architecture, "mobilenetv2") == 0 : has_depthwise;
    int input_px = wishes->input_px > 0 ? wishes->input_px : 224;
    int convolution_layers[MAX_LAYERS], normalisation_layers[MAX_LAYERS];
    if (is_mobilenetv2) {
        struct pomi_mobilenetv2_widths widths;
        *architecture = "mobilenetv2";
        POMI_TRY(mobilenetv2_widths(weights, &widths, err));
        POMI_TRY(pomi_graph_mobilenetv2(graph, &widths, input_px, err));
        POMI_TRY(place_by_order(graph, weights, convolution_layers, normalisation_layers, err));
    } else {
        *architecture = "resnet50";
        POMI_TRY(pomi_graph_resnet50(graph, POMI_RESNET_STRIDE_IN_REDUCE, input_px, err));
        if (names_are_known(graph, weights)) {
            for (int i = 0; i < weights->n_convolutions; i++)
                convolution_layers[i] = resnet50_layer(graph, weights->convolutions[i].name);
            for (int i = 0; i < weights->n_normalisations; i++)
                normalisation_layers[i] = resnet50_layer(graph, weights->normalisations[i].name);
        } else {
            POMI_TRY(place_by_order(graph, weights, convolution_layers, normalisation_layers, err));
        }
    }
    POMI_TRY(pomi_graph_apply_wishes(graph, wishes, err));
    return fold_all(graph, weights, convolution_layers, normalisation_layers,
                    is_mobilenetv2 ? MOBILENETV2_EPSILON : RESNET50_EPSILON, err);
}

enum pom_status pomi_read_keras(struct pomi_graph *graph, const char **architecture, struct pomi_view bytes,
                                const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    struct keras_weights weights = {
        .convolutions = calloc(MAX_LAYERS, sizeof *weights.convolutions),
        .is_depthwise = calloc(MAX_LAYERS, sizeof *weights.is_depthwise),
        .normalisations = calloc(MAX_LAYERS, sizeof *weights.normalisations),
    };
    enum pom_status status;
    if (weights.convolutions == NULL || weights.is_depthwise == NULL || weights.normalisations == NULL)
        status = pomi_fail_memory(err, MAX_LAYERS * sizeof *weights.convolutions, "a list of layers");
    else
        status = read_hdf5(bytes, &weights, err);
    if (status == POM_OK) status = build(graph, architecture, &weights, wishes, err);
    for (int i = 0; i < weights.n_convolutions; i++) pomi_convolution_release(&weights.convolutions[i]);
    for (int i = 0; i < weights.n_normalisations; i++) pomi_normalisation_release(&weights.normalisations[i]);
    free(weights.convolutions);
    free(weights.is_depthwise);
    free(weights.normalisations);
    return status;
}

#else

enum pom_status pomi_read_keras(struct pomi_graph *graph, const char **architecture, struct pomi_view bytes,
                                const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    (void)graph, (void)architecture, (void)bytes, (void)wishes;
    return pomi_fail(
        err, POM_ERROR_UNSUPPORTED, "no_hdf5",
        "this build cannot read Keras' HDF5 files: build it with libhdf5 (`make setup` installs it)");
}

#endif
