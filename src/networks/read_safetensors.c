// SPDX-License-Identifier: Apache-2.0
/*
 * PyTorch weights in safetensors files, under the names of torchvision or timm. The names follow from the
 * place in the architecture, so they are made from our layers' names and looked up; what is left over in the
 * file must be a classifier or a counter.
 *
 *     layer               torchvision                       timm
 *     stem                features.0.0, features.0.1        conv_stem, bn1
 *     block_0.depthwise   features.1.conv.0.0, .conv.0.1    blocks.0.0.conv_dw, .bn1
 *     block_0.project     features.1.conv.1, .conv.2        blocks.0.0.conv_pw, .bn2
 *     block_B.expand      features.B+1.conv.0.0, .conv.0.1  blocks.S.I.conv_pw, .bn1
 *     block_B.depthwise   features.B+1.conv.1.0, .conv.1.1  blocks.S.I.conv_dw, .bn2
 *     block_B.project     features.B+1.conv.2, .conv.3      blocks.S.I.conv_pwl, .bn3
 *     head                features.18.0, features.18.1      conv_head, bn2
 *     ResNet50 (both)     conv1, bn1; layerS.I.conv1, .bn1, .conv2, .bn2, .conv3, .bn3, .downsample.0,
 * .downsample.1
 *
 * Both compute with an epsilon of 1e-5, pad symmetrically, and expect torch's mean and standard deviation.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/safetensors.h"
#include "base/sizes.h"
#include "networks/architectures.h"
#include "networks/readers.h"

#define EPSILON 1e-5F

enum naming { NAMING_TORCHVISION_MOBILENETV2, NAMING_TIMM_MOBILENETV2, NAMING_RESNET50 };

/* The prefixes of a layer's convolution and normalisation. */
struct prefixes {
    char convolution[64];
    char normalisation[64];
};

__attribute__((format(printf, 2, 3))) static void set_prefixes(struct prefixes *prefixes, const char *format,
                                                               ...);

/* `format` makes "CONVOLUTION NORMALISATION". */
static void set_prefixes(struct prefixes *prefixes, const char *format, ...)
{
    char both[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(both, sizeof both, format, arguments);
    va_end(arguments);
    sscanf(both, "%63s %63s", prefixes->convolution, prefixes->normalisation);
}

static void torchvision_mobilenetv2(const char *layer, struct prefixes *prefixes)
{
    int block = 0;
    char part[16] = "";
    if (strcmp(layer, "stem") == 0) {
        set_prefixes(prefixes, "features.0.0 features.0.1");
    } else if (strcmp(layer, "head") == 0) {
        set_prefixes(prefixes, "features.18.0 features.18.1");
    } else if (sscanf(layer, "block_%d.%15s", &block, part) == 2) {
        int first = block == 0 ? 0 : 1; /* the first block has no expansion */
        if (strcmp(part, "expand") == 0)
            set_prefixes(prefixes, "features.%d.conv.0.0 features.%d.conv.0.1", block + 1, block + 1);
        else if (strcmp(part, "depthwise") == 0)
            set_prefixes(prefixes, "features.%d.conv.%d.0 features.%d.conv.%d.1", block + 1, first, block + 1,
                         first);
        else
            set_prefixes(prefixes, "features.%d.conv.%d features.%d.conv.%d", block + 1, first + 1, block + 1,
                         first + 2);
    }
}

static const int first_blocks[POMI_MOBILENETV2_STAGES + 1] = {0, 1, 3, 6, 10, 13, 16, 17};

static void timm_mobilenetv2(const char *layer, struct prefixes *prefixes)
{
    int block = 0, stage = 0;
    char part[16] = "";
    if (strcmp(layer, "stem") == 0) {
        set_prefixes(prefixes, "conv_stem bn1");
    } else if (strcmp(layer, "head") == 0) {
        set_prefixes(prefixes, "conv_head bn2");
    } else if (sscanf(layer, "block_%d.%15s", &block, part) == 2) {
        while (block >= first_blocks[stage + 1]) stage++;
        int index = block - first_blocks[stage], first = block == 0 ? 1 : 2;
        if (strcmp(part, "expand") == 0)
            set_prefixes(prefixes, "blocks.%d.%d.conv_pw blocks.%d.%d.bn1", stage, index, stage, index);
        else if (strcmp(part, "depthwise") == 0)
            set_prefixes(prefixes, "blocks.%d.%d.conv_dw blocks.%d.%d.bn%d", stage, index, stage, index,
                         first);
        else
            set_prefixes(prefixes, "blocks.%d.%d.%s blocks.%d.%d.bn%d", stage, index,
                         block == 0 ? "conv_pw" : "conv_pwl", stage, index, first + 1);
    }
}

static void resnet50(const char *layer, struct prefixes *prefixes)
{
    static const char *const parts[] = {"reduce", "conv", "expand"};
    int stage, block;
    char part[16] = "";
    if (strcmp(layer, "stem") == 0) {
        set_prefixes(prefixes, "conv1 bn1");
    } else if (sscanf(layer, "stage_%d.block_%d.%15s", &stage, &block, part) == 3) {
        set_prefixes(prefixes, "layer%d.%d.downsample.0 layer%d.%d.downsample.1", stage, block - 1, stage,
                     block - 1);
        for (int i = 0; i < 3; i++)
            if (strcmp(part, parts[i]) == 0)
                set_prefixes(prefixes, "layer%d.%d.conv%d layer%d.%d.bn%d", stage, block - 1, i + 1, stage,
                             block - 1, i + 1);
    }
}

static struct prefixes prefixes_of(enum naming naming, const char *layer)
{
    struct prefixes prefixes = {"", ""};
    if (naming == NAMING_TORCHVISION_MOBILENETV2)
        torchvision_mobilenetv2(layer, &prefixes);
    else if (naming == NAMING_TIMM_MOBILENETV2)
        timm_mobilenetv2(layer, &prefixes);
    else
        resnet50(layer, &prefixes);
    return prefixes;
}

/* Counts the tensors that layers took, so that those left over are found. */
struct source {
    const struct pomi_safetensors *container;
    bool *taken;
};

static const struct pomi_tensor *find(struct source *source, const char *prefix, const char *part)
{
    char name[96];
    snprintf(name, sizeof name, "%s.%s", prefix, part);
    const struct pomi_tensor *tensor = pomi_safetensors_find(source->container, name);
    if (tensor != NULL) source->taken[tensor - pomi_safetensors_at(source->container, 0)] = true;
    return tensor;
}

static float value_at(const struct pomi_tensor *tensor, size_t index)
{
    const uint8_t *bytes = (const uint8_t *)tensor->data + index * pomi_dtype_bytes(tensor->dtype);
    uint16_t half;
    uint32_t bits;
    float single;
    double wide;
    switch (tensor->dtype) {
    case POMI_F16:
        memcpy(&half, bytes, sizeof half);
        return pomi_half_to_float(half);
    case POMI_BF16:
        memcpy(&half, bytes, sizeof half);
        bits = (uint32_t)half << 16;
        memcpy(&single, &bits, sizeof single);
        return single;
    case POMI_F64:
        memcpy(&wide, bytes, sizeof wide);
        return (float)wide;
    default:
        memcpy(&single, bytes, sizeof single);
        return single;
    }
}

static enum pom_status check_dtype(const struct pomi_tensor *tensor, struct pom_error *err)
{
    if (tensor->dtype <= POMI_BF16) return POM_OK; /* the floats come first */
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported", "the tensor \"%.200s\" does not hold floats",
                     tensor->name);
}

/* A vector of n_values; *values stays NULL when the file has none and may do without. */
static enum pom_status read_vector(struct source *source, const char *prefix, const char *part, int n_values,
                                   bool is_needed, float **values, struct pom_error *err)
{
    const struct pomi_tensor *tensor = find(source, prefix, part);
    if (tensor == NULL && !is_needed) return POM_OK;
    if (tensor == NULL)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%s.%s\" is missing", prefix,
                         part);
    POMI_TRY(check_dtype(tensor, err));
    if (tensor->n_dimensions != 1 || tensor->shape[0] != n_values)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape", "the tensor \"%s\" should hold %d values",
                         tensor->name, n_values);
    *values = malloc((size_t)n_values * sizeof **values);
    if (*values == NULL) return pomi_fail_memory(err, (size_t)n_values * sizeof **values, tensor->name);
    for (int i = 0; i < n_values; i++) (*values)[i] = value_at(tensor, (size_t)i);
    return POM_OK;
}

/* PyTorch's [out][in][height][width] to [out][height][width][in]. */
static enum pom_status read_kernel(struct source *source, const char *prefix, struct pomi_convolution *to,
                                   struct pom_error *err)
{
    const struct pomi_tensor *tensor = find(source, prefix, "weight");
    if (tensor == NULL)
        return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor", "the tensor \"%s.weight\" is missing",
                         prefix);
    POMI_TRY(check_dtype(tensor, err));
    bool fits = tensor->n_dimensions == 4;
    for (int i = 0; i < 4 && fits; i++) fits = tensor->shape[i] >= 1 && tensor->shape[i] <= 65536;
    if (!fits)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape", "the tensor \"%s\" is not a kernel",
                         tensor->name);
    size_t out = (size_t)tensor->shape[0], in = (size_t)tensor->shape[1];
    size_t n_taps = (size_t)tensor->shape[2] * (size_t)tensor->shape[3];
    snprintf(to->name, sizeof to->name, "%s.weight", prefix);
    to->out = (int)out;
    to->in = (int)in;
    to->kernel_height_px = (int)tensor->shape[2];
    to->kernel_width_px = (int)tensor->shape[3];
    to->kernel =
        malloc(tensor->n_elements * sizeof *to->kernel); /* at most four times what is in memory already */
    if (to->kernel == NULL) return pomi_fail_memory(err, tensor->n_elements * sizeof *to->kernel, to->name);
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t tap = 0; tap < n_taps; tap++)
                to->kernel[(o * n_taps + tap) * in + i] = value_at(tensor, (o * in + i) * n_taps + tap);
    return POM_OK;
}

static enum pom_status read_normalisation(struct source *source, const char *prefix, int n_channels,
                                          struct pomi_normalisation *to, struct pom_error *err)
{
    snprintf(to->name, sizeof to->name, "%s", prefix);
    to->n_channels = n_channels;
    to->epsilon = EPSILON;
    POMI_TRY(read_vector(source, prefix, "weight", n_channels, true, &to->gamma, err));
    POMI_TRY(read_vector(source, prefix, "bias", n_channels, true, &to->beta, err));
    POMI_TRY(read_vector(source, prefix, "running_mean", n_channels, true, &to->mean, err));
    return read_vector(source, prefix, "running_var", n_channels, true, &to->variance, err);
}

static enum pom_status read_layer(struct source *source, enum naming naming, struct pomi_layer *layer,
                                  struct pom_error *err)
{
    struct prefixes prefixes = prefixes_of(naming, layer->name);
    struct pomi_convolution convolution = {0};
    struct pomi_normalisation normalisation = {0};
    enum pom_status status = read_kernel(source, prefixes.convolution, &convolution, err);
    if (status == POM_OK)
        status =
            read_vector(source, prefixes.convolution, "bias", convolution.out, false, &convolution.bias, err);
    /* A file whose normalisations are folded already has biases in their place. */
    if (status == POM_OK &&
        (convolution.bias == NULL || find(source, prefixes.normalisation, "weight") != NULL)) {
        status = read_normalisation(source, prefixes.normalisation, convolution.out, &normalisation, err);
        convolution.normalisation = &normalisation;
    }
    if (status == POM_OK) status = pomi_fold(layer, &convolution, err);
    pomi_convolution_release(&convolution);
    pomi_normalisation_release(&normalisation);
    return status;
}

static bool may_be_left_over(const char *name)
{
    static const char *const beginnings[] = {"classifier.", "fc."};
    size_t name_bytes = strlen(name), counter_bytes = strlen(".num_batches_tracked");
    if (name_bytes > counter_bytes && strcmp(name + name_bytes - counter_bytes, ".num_batches_tracked") == 0)
        return true;
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0) return true;
    return false;
}

static enum pom_status read_layers(struct source *source, enum naming naming, struct pomi_graph *graph,
                                   struct pom_error *err)
{
    for (int i = 0; i < graph->n_layers; i++)
        if (pomi_layer_n_weights(&graph->layers[i]) > 0)
            POMI_TRY(read_layer(source, naming, &graph->layers[i], err));
    for (size_t i = 0; i < pomi_safetensors_count(source->container); i++) {
        const char *name = pomi_safetensors_at(source->container, i)->name;
        if (!source->taken[i] && !may_be_left_over(name))
            return pomi_fail(err, POM_ERROR_MISMATCH, "extra_tensor",
                             "the tensor \"%.200s\" belongs to no layer of the network", name);
    }
    return POM_OK;
}

/* The number of output channels of a layer as the file has it; 0 when it is not there or not usable. */
static int channels_of(const struct pomi_safetensors *container, enum naming naming, const char *layer)
{
    struct prefixes prefixes = prefixes_of(naming, layer);
    char name[96];
    snprintf(name, sizeof name, "%s.weight", prefixes.convolution);
    const struct pomi_tensor *tensor = pomi_safetensors_find(container, name);
    return tensor != NULL && tensor->n_dimensions == 4 && tensor->shape[0] <= 65536 ? (int)tensor->shape[0]
                                                                                    : 0;
}

static enum pom_status build(struct pomi_graph *graph, const struct pomi_safetensors *container,
                             enum naming naming, const struct pomi_reader_wishes *wishes,
                             struct pom_error *err)
{
    int input_px = wishes->input_px > 0 ? wishes->input_px : 224;
    if (naming == NAMING_RESNET50) {
        POMI_TRY(pomi_graph_resnet50(graph, POMI_RESNET_STRIDE_IN_CONV, input_px, err));
    } else {
        struct pomi_mobilenetv2_widths widths = {.stem = channels_of(container, naming, "stem"),
                                                 .head = channels_of(container, naming, "head")};
        for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++) {
            char layer[32];
            snprintf(layer, sizeof layer, "block_%d.project", first_blocks[i]);
            widths.stages[i] = channels_of(container, naming, layer);
            if (widths.stages[i] == 0)
                return pomi_fail(err, POM_ERROR_MISMATCH, "missing_tensor",
                                 "the tensor \"%s.weight\" is missing",
                                 prefixes_of(naming, layer).convolution);
        }
        POMI_TRY(pomi_graph_mobilenetv2(graph, &widths, input_px, err));
        graph->padding = POMI_PADDING_SYMMETRIC;
        graph->preprocessing = POMI_PREPROCESSING_TORCH;
    }
    return pomi_graph_apply_wishes(graph, wishes, err);
}

static enum pom_status recognise(const struct pomi_safetensors *container, enum naming *naming,
                                 struct pom_error *err)
{
    const char *format = pomi_safetensors_metadata(container, "format");
    if (format != NULL && strncmp(format, "pomona-network/", strlen("pomona-network/")) == 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "it is a network file already: nothing to convert");
    if (pomi_safetensors_find(container, "features.0.0.weight") != NULL)
        *naming = NAMING_TORCHVISION_MOBILENETV2;
    else if (pomi_safetensors_find(container, "conv_stem.weight") != NULL)
        *naming = NAMING_TIMM_MOBILENETV2;
    else if (pomi_safetensors_find(container, "layer1.0.conv1.weight") != NULL)
        *naming = NAMING_RESNET50;
    else
        return pomi_fail(
            err, POM_ERROR_MISMATCH, "unknown_names",
            "its tensors have neither torchvision's nor timm's names of MobileNetV2 or ResNet50");
    return POM_OK;
}

enum pom_status pomi_read_safetensors(struct pomi_graph *graph, const char **architecture,
                                      struct pomi_view bytes, const struct pomi_reader_wishes *wishes,
                                      struct pom_error *err)
{
    struct pomi_safetensors *container;
    enum naming naming;
    POMI_TRY(pomi_safetensors_open(&container, bytes, err));
    struct source source = {container, calloc(pomi_safetensors_count(container) + 1, sizeof(bool))};
    enum pom_status status =
        source.taken == NULL ? pomi_fail_memory(err, pomi_safetensors_count(container), "a list of tensors")
                             : recognise(container, &naming, err);
    if (status == POM_OK) {
        *architecture = naming == NAMING_RESNET50 ? "resnet50" : "mobilenetv2";
        if (wishes->architecture != NULL && strcmp(wishes->architecture, *architecture) != 0)
            status =
                pomi_fail(err, POM_ERROR_MISMATCH, "wrong_network",
                          "its tensors are those of a %s, not of a %s", *architecture, wishes->architecture);
    }
    if (status == POM_OK) status = build(graph, container, naming, wishes, err);
    if (status == POM_OK) status = read_layers(&source, naming, graph, err);
    free(source.taken);
    pomi_safetensors_free(container);
    return status;
}
