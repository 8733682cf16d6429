// SPDX-License-Identifier: Apache-2.0
/*
 * Writing network files, with their calibration or without, and reading them: metadata and identity here, the layers in
 * network_file_layers.c, the tensors in network_file_weights.c.
 */
#include "networks/network_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/sizes.h"
#include "networks/network_file_parts.h"

#define FORMAT         "pomona-network/1"
#define MAX_NAME_BYTES 100

static const char *const padding_names[] = {"same", "symmetric"};
static const char *const preprocessing_names[] = {"tf", "caffe", "torch"};

int pomi_word_find(const char *const *words, int n_words, const char *word)
{
    for (int i = 0; word != NULL && i < n_words; i++)
        if (strcmp(words[i], word) == 0) return i;
    return -1;
}

const char *pomi_padding_name(enum pomi_padding padding)
{
    return padding_names[padding];
}

const char *pomi_preprocessing_name(enum pomi_preprocessing preprocessing)
{
    return preprocessing_names[preprocessing];
}

int pomi_padding_from_name(const char *name)
{
    return pomi_word_find(padding_names, POMI_COUNT(padding_names), name);
}

int pomi_preprocessing_from_name(const char *name)
{
    return pomi_word_find(preprocessing_names, POMI_COUNT(preprocessing_names), name);
}

bool pomi_layer_has_weights(const struct pomi_layer *layer)
{
    return layer->kind == POMI_LAYER_CONV || layer->kind == POMI_LAYER_DEPTHWISE;
}

enum pom_status pomi_network_file_fail(struct pom_error *err, const char *format, const char *name)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "bad_network", format, name);
}

/* ---- writing ---- */

struct tensor_name {
    char text[POMI_TENSOR_NAME_MAX];
};

enum pom_status pomi_network_file_write(struct pomi_bytes *bytes, const struct pomi_graph *graph,
                                        const struct pomi_network_text *text, struct pom_error *err)
{
    char input_px[16], features[16];
    snprintf(input_px, sizeof input_px, "%d", graph->input_px);
    snprintf(features, sizeof features, "%d", graph->layers[graph->n_layers - 1].out_channels);
    char *layers = pomi_layers_to_json(graph);
    size_t n_tensors = 0, max_tensors = 2 * (size_t)graph->n_layers;
    struct pomi_tensor *tensors = calloc(max_tensors, sizeof *tensors);
    struct tensor_name *names = calloc(max_tensors, sizeof *names);
    enum pom_status status = POM_OK;
    if (layers == NULL || tensors == NULL || names == NULL)
        status = pomi_fail_memory(err, max_tensors * sizeof *names, "a network file's header");

    for (int i = 0; i < graph->n_layers && status == POM_OK; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        if (!pomi_layer_has_weights(layer)) continue;
        int64_t in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1, out = layer->out_channels;
        snprintf(names[n_tensors].text, POMI_TENSOR_NAME_MAX, "%s.weight", layer->name);
        tensors[n_tensors] = (struct pomi_tensor){.name = names[n_tensors].text,
                                                  .dtype = POMI_F32,
                                                  .n_dimensions = 4,
                                                  .shape = {out, layer->kernel_px, layer->kernel_px, in},
                                                  .data = layer->weights,
                                                  .size_bytes = pomi_layer_n_weights(layer) * sizeof(float)};
        n_tensors++;
        snprintf(names[n_tensors].text, POMI_TENSOR_NAME_MAX, "%s.bias", layer->name);
        tensors[n_tensors] = (struct pomi_tensor){.name = names[n_tensors].text,
                                                  .dtype = POMI_F32,
                                                  .n_dimensions = 1,
                                                  .shape = {out},
                                                  .data = layer->bias,
                                                  .size_bytes = (size_t)out * sizeof(float)};
        n_tensors++;
    }
    struct pomi_metadata metadata[10] = {
        {"format", FORMAT},
        {"name", text->name},
        {"input_px", input_px},
        {"preprocessing", preprocessing_names[graph->preprocessing]},
        {"padding", padding_names[graph->padding]},
        {"features", features},
        {"layers", layers},
        {"origin", text->origin},
        {"licence", text->licence},
        {"training", text->training},
    };
    if (status == POM_OK)
        status =
            pomi_safetensors_write(bytes, tensors, n_tensors, metadata, text->training == NULL ? 9 : 10, err);
    free(layers);
    free(tensors);
    free(names);
    return status;
}

/* ---- calibration: the same file with other tensors of that kind ---- */

bool pomi_is_calibration(const char *tensor_name)
{
    size_t length = strlen(tensor_name), suffix = strlen(POMI_CALIBRATION_SUFFIX);
    return length > suffix && strcmp(tensor_name + length - suffix, POMI_CALIBRATION_SUFFIX) == 0;
}

static size_t calibration_bytes(const struct pomi_layer *layer)
{
    return (size_t)layer->out_channels * POMI_N_CALIBRATION * sizeof(float);
}

/* What a network file's metadata may hold; the rest is not carried over. */
static const char *const metadata_keys[] = {"format",   "name",   "input_px", "preprocessing", "padding",
                                            "features", "layers", "origin",   "licence",       "training"};

/* What a network file consists of. */
struct content {
    struct pomi_metadata metadata[POMI_COUNT(metadata_keys)];
    struct pomi_tensor *tensors;
    struct tensor_name *names; /* of calibration tensors */
    size_t n_metadata, n_tensors;
};

static void content_release(struct content *content)
{
    free(content->tensors);
    free(content->names);
}

/* The container's tensors that are no calibration, then those of `graph`, which may be NULL. The caller releases *content,
 * whatever is returned. */
static enum pom_status collect(struct content *content, const struct pomi_safetensors *container,
                               const struct pomi_graph *graph, struct pom_error *err)
{
    size_t n_stored = pomi_safetensors_count(container);
    size_t n_names = graph == NULL ? 0 : (size_t)graph->n_layers - 1, max_tensors = n_stored + n_names;
    *content = (struct content){.tensors = calloc(max_tensors + 1, sizeof *content->tensors),
                                .names = calloc(n_names + 1, sizeof *content->names)};
    if (content->tensors == NULL || content->names == NULL)
        return pomi_fail_memory(err, max_tensors * sizeof *content->tensors, "a network file's header");
    for (int i = 0; i < POMI_COUNT(metadata_keys); i++) {
        const char *value = pomi_safetensors_metadata(container, metadata_keys[i]);
        if (value != NULL)
            content->metadata[content->n_metadata++] = (struct pomi_metadata){metadata_keys[i], value};
    }
    for (size_t i = 0; i < n_stored; i++)
        if (!pomi_is_calibration(pomi_safetensors_at(container, i)->name))
            content->tensors[content->n_tensors++] = *pomi_safetensors_at(container, i);
    for (size_t i = 0; i < n_names; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        char *name = content->names[i].text;
        snprintf(name, POMI_TENSOR_NAME_MAX, "%s" POMI_CALIBRATION_SUFFIX, layer->name);
        content->tensors[content->n_tensors++] =
            (struct pomi_tensor){.name = name,
                                 .dtype = POMI_F32,
                                 .n_dimensions = 2,
                                 .shape = {POMI_N_CALIBRATION, layer->out_channels},
                                 .data = layer->calibration,
                                 .size_bytes = calibration_bytes(layer)};
    }
    return POM_OK;
}

static enum pom_status rewrite(struct pomi_bytes *result, struct pomi_view bytes,
                               const struct pomi_graph *graph, struct pom_error *err)
{
    struct pomi_safetensors *container;
    struct content content;
    POMI_TRY(pomi_safetensors_open(&container, bytes, err));
    enum pom_status status = collect(&content, container, graph, err);
    if (status == POM_OK)
        status = pomi_safetensors_write(result, content.tensors, content.n_tensors, content.metadata,
                                        content.n_metadata, err);
    content_release(&content);
    pomi_safetensors_free(container);
    return status;
}

enum pom_status pomi_network_file_strip(struct pomi_bytes *stripped, struct pomi_view bytes,
                                        struct pom_error *err)
{
    return rewrite(stripped, bytes, NULL, err);
}

enum pom_status pomi_network_file_calibrated(struct pomi_bytes *calibrated, struct pomi_view bytes,
                                             const struct pomi_graph *graph, struct pom_error *err)
{
    return rewrite(calibrated, bytes, graph, err);
}

/* ---- reading ---- */

static enum pom_status read_word(const struct pomi_safetensors *container, const char *key,
                                 const char *const *words, int n_words, int *result, struct pom_error *err)
{
    *result = pomi_word_find(words, n_words, pomi_safetensors_metadata(container, key));
    if (*result < 0)
        return pomi_network_file_fail(
            err, "its metadata \"%s\" is missing or has a value this version does not know", key);
    return POM_OK;
}

static enum pom_status read_number(const struct pomi_safetensors *container, const char *key, int *result,
                                   struct pom_error *err)
{
    const char *text = pomi_safetensors_metadata(container, key);
    char *end = NULL;
    long number = text == NULL ? 0 : strtol(text, &end, 10);
    if (text == NULL || end == text || *end != '\0' || number < 1 || number > INT32_MAX)
        return pomi_network_file_fail(err, "its metadata \"%s\" is missing or not a positive number", key);
    *result = (int)number;
    return POM_OK;
}

static enum pom_status read_architecture(const struct pomi_safetensors *container, struct pomi_graph *graph,
                                         struct pom_error *err)
{
    int padding, preprocessing, n_features = 0;
    POMI_TRY(read_number(container, "input_px", &graph->input_px, err));
    POMI_TRY(read_word(container, "padding", padding_names, POMI_COUNT(padding_names), &padding, err));
    POMI_TRY(read_word(container, "preprocessing", preprocessing_names, POMI_COUNT(preprocessing_names),
                       &preprocessing, err));
    graph->padding = (enum pomi_padding)padding;
    graph->preprocessing = (enum pomi_preprocessing)preprocessing;
    POMI_TRY(pomi_layers_from_json(graph, pomi_safetensors_metadata(container, "layers"), err));
    POMI_TRY(read_number(container, "features", &n_features, err));
    if (n_features != graph->layers[graph->n_layers - 1].out_channels)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_network",
                         "its metadata promises %d features, its layers give %d", n_features,
                         graph->layers[graph->n_layers - 1].out_channels);
    return POM_OK;
}

static void sum_up(struct pom_network *network)
{
    struct pom_network_info *info = &network->info;
    const struct pomi_graph *graph = &network->graph;
    info->identity = network->identity;
    info->calibration = network->calibration;
    info->selection = network->selection;
    info->preprocessing = preprocessing_names[graph->preprocessing];
    info->padding = padding_names[graph->padding];
    info->input_px = graph->input_px;
    info->n_features = graph->layers[graph->n_layers - 1].out_channels;
    info->n_layers = graph->n_layers;
    for (int i = 0; i < graph->n_layers; i++) {
        if (!pomi_layer_has_weights(&graph->layers[i])) continue;
        info->n_parameters +=
            (int64_t)pomi_layer_n_weights(&graph->layers[i]) + graph->layers[i].out_channels;
        info->n_macs += pomi_layer_n_macs(&graph->layers[i]);
    }
}

static enum pom_status read_text(const struct pomi_safetensors *container, struct pom_network *network,
                                 struct pom_error *err)
{
    static const char *const keys[] = {"name", "origin", "licence", "training"};
    const char **fields[] = {&network->info.name, &network->info.origin, &network->info.licence,
                             &network->info.training};
    size_t begins[POMI_COUNT(keys)];
    for (int i = 0; i < POMI_COUNT(keys); i++) {
        const char *value = pomi_safetensors_metadata(container, keys[i]);
        if (value == NULL && strcmp(keys[i], "training") != 0)
            return pomi_network_file_fail(err, "its metadata \"%s\" is missing", keys[i]);
        if (value == NULL) value = "";
        if (i == 0 && (value[0] == '\0' || strlen(value) > MAX_NAME_BYTES))
            return pomi_network_file_fail(err, "its metadata \"%s\" is empty or longer than 100 bytes",
                                          keys[i]);
        begins[i] = network->text.size_bytes;
        POMI_TRY(pomi_bytes_append(&network->text, value, strlen(value) + 1, err));
    }
    for (int i = 0; i < POMI_COUNT(keys); i++) *fields[i] = (const char *)network->text.data + begins[i];
    return POM_OK;
}

static enum pom_status check_format(const struct pomi_safetensors *container, struct pom_error *err)
{
    const char *format = pomi_safetensors_metadata(container, "format");
    if (format == NULL || strncmp(format, "pomona-network/", strlen("pomona-network/")) != 0)
        return pomi_fail(
            err, POM_ERROR_FORMAT, "not_a_network",
            "a safetensors file, but not a network file: make one from it with `pomona network convert`");
    if (strcmp(format, FORMAT) != 0)
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "a network file of the format \"%.40s\"; this version reads %s: a newer one is needed", format,
            FORMAT);
    return POM_OK;
}

/* What fp32 features depend on: the file as it would be without its calibration. */
static enum pom_status find_identity(struct pom_network *network, const struct pomi_safetensors *container,
                                     struct pom_error *err)
{
    struct content content;
    enum pom_status status = collect(&content, container, NULL, err);
    if (status == POM_OK)
        status = pomi_safetensors_sha256(network->identity, content.tensors, content.n_tensors,
                                         content.metadata, content.n_metadata, err);
    content_release(&content);
    return status;
}

/* What integer precisions depend on beside that. */
static enum pom_status hash_calibration(struct pom_network *network, struct pom_error *err)
{
    const size_t n_layers = (size_t)network->graph.n_layers - 1;
    struct pomi_view *parts = calloc(n_layers + 1, sizeof *parts);
    if (parts == NULL) return pomi_fail_memory(err, n_layers * sizeof *parts, "a list of tensors");
    for (size_t i = 0; i < n_layers; i++) {
        const struct pomi_layer *layer = &network->graph.layers[i];
        parts[i] = (struct pomi_view){(const uint8_t *)layer->calibration, calibration_bytes(layer)};
    }
    pomi_sha256_text_of_parts(parts, n_layers, network->calibration);
    free(parts);
    return POM_OK;
}

static enum pom_status identify(struct pom_network *network, const struct pomi_safetensors *container,
                                struct pomi_view bytes, struct pom_error *err)
{
    if (!pomi_graph_is_calibrated(&network->graph)) {
        pomi_sha256_text(bytes.data, bytes.size_bytes, network->identity);
        return POM_OK;
    }
    POMI_TRY(find_identity(network, container, err));
    return hash_calibration(network, err);
}

static enum pom_status open_container(struct pomi_safetensors **container, struct pomi_view bytes,
                                      struct pom_error *err)
{
    enum pom_status status = pomi_safetensors_open(container, bytes, err);
    if (status != POM_OK && err != NULL && strcmp(err->reason, "not_safetensors") == 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "not_a_network",
                         "not a network file: `pomona network convert` makes one from Keras', PyTorch's and "
                         "ONNX weights");
    return status;
}

static enum pom_status fill(struct pom_network *network, struct pomi_view bytes,
                            const struct pomi_network_hashes *known, struct pom_error *err)
{
    struct pomi_safetensors *container;
    POMI_TRY(open_container(&container, bytes, err));
    enum pom_status status = check_format(container, err);
    if (status == POM_OK) status = read_text(container, network, err);
    if (status == POM_OK) status = read_architecture(container, &network->graph, err);
    if (status == POM_OK) status = pomi_network_file_weights(&network->graph, container, err);
    if (status == POM_OK && known == NULL) status = identify(network, container, bytes, err);
    pomi_safetensors_free(container);
    if (status != POM_OK) return status;
    if (known != NULL) {
        snprintf(network->identity, sizeof network->identity, "%s", known->identity);
        snprintf(network->calibration, sizeof network->calibration, "%s", known->calibration);
    }
    snprintf(network->selection, sizeof network->selection, "opened from memory");
    sum_up(network);
    return POM_OK;
}

/* `known` may be NULL. `kept` holds `bytes`, or nothing where those are borrowed. */
static enum pom_status read_file(struct pom_network **network, struct pomi_view bytes, struct pomi_bytes kept,
                                 const struct pomi_network_hashes *known, struct pom_error *err)
{
    *network = NULL;
    struct pom_network *opened = calloc(1, sizeof *opened);
    if (opened == NULL) {
        pomi_bytes_release(&kept);
        return pomi_fail_memory(err, sizeof *opened, "a network");
    }
    opened->graph.file = kept;
    enum pom_status status = fill(opened, bytes, known, err);
    if (status != POM_OK) {
        pom_network_free(opened);
        return status;
    }
    *network = opened;
    return POM_OK;
}

enum pom_status pomi_network_file_read(struct pom_network **network, struct pomi_view bytes,
                                       struct pom_error *err)
{
    return read_file(network, bytes, (struct pomi_bytes){0}, NULL, err);
}

enum pom_status pomi_network_file_read_known(struct pom_network **network, struct pomi_view bytes,
                                             const struct pomi_network_hashes *known, struct pom_error *err)
{
    return read_file(network, bytes, (struct pomi_bytes){0}, known, err);
}

enum pom_status pomi_network_file_take(struct pom_network **network, struct pomi_bytes *bytes,
                                       struct pom_error *err)
{
    const struct pomi_bytes kept = *bytes;
    *bytes = (struct pomi_bytes){0};
    return read_file(network, pomi_bytes_view(&kept), kept, NULL, err);
}
