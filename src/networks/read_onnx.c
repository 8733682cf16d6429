// SPDX-License-Identifier: Apache-2.0
/*
 * ONNX models: the graph is walked from the image on, node by node, and what our layers can express becomes a
 * layer or joins the one before it: a batch normalisation and an activation join the convolution they follow,
 * a Pad joins the convolution it precedes. The walk ends at the global average pool; what follows is the
 * classifier. Nodes that cannot be expressed are an error only when something before the pool needs them.
 *
 * A graph that is one of our architectures, whatever its node names and the order of its branches, takes that
 * architecture's layer names and order, so that it gets the same identity as from any other file.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "networks/architectures.h"
#include "networks/onnx.h"
#include "networks/readers.h"

#define DEFAULT_INPUT_PX 224

/* What a name in the graph stands for. */
enum value_kind {
    VALUE_UNKNOWN,  /* the result of a node that is no layer */
    VALUE_CONSTANT, /* a tensor in the file */
    VALUE_MAP       /* a feature map: the image or a layer's output */
};

struct value {
    struct pomi_view name;
    enum value_kind kind;
    int n_users;
    struct pomi_onnx_tensor tensor; /* CONSTANT */
    int layer;                      /* MAP: index, or POMI_INPUT_IMAGE */
    bool channels_last;             /* MAP: [n][h][w][c] instead of [n][c][h][w] */
    int pad_px[4];                  /* MAP: zeros that a Pad added: top, left, bottom, right */
    struct pomi_view op;            /* UNKNOWN: of the node that makes it; empty before that */
};

/* What the graph says of a layer beside what pomi_layer holds. */
struct details {
    struct pomi_convolution convolution;
    struct pomi_normalisation normalisation;
    bool pads_are_automatic; /* SAME_UPPER: whatever TensorFlow does */
    int pad_px[4];
    bool waits_for_shift; /* the normalisation is a Mul so far, an Add may follow */
    int pool_px;          /* of an AveragePool that must cover the whole map; 0: it does by definition */
};

struct walker {
    const struct pomi_onnx_model *model;
    struct value *values; /* sorted by name */
    size_t n_values;
    struct pomi_graph graph;
    struct details *details; /* by layer */
    bool is_done;            /* the global average pool has been reached */
};

/* ---- names ---- */

static int compare_views(struct pomi_view a, struct pomi_view b)
{
    size_t shared_bytes = a.size_bytes < b.size_bytes ? a.size_bytes : b.size_bytes;
    int order = shared_bytes == 0 ? 0 : memcmp(a.data, b.data, shared_bytes);
    return order != 0 ? order : (a.size_bytes > b.size_bytes) - (a.size_bytes < b.size_bytes);
}

static int by_name(const void *a, const void *b)
{
    return compare_views(((const struct value *)a)->name, ((const struct value *)b)->name);
}

/* NULL for a name that nothing in the graph defines, such as that of an omitted input. */
static struct value *find(struct walker *walker, struct pomi_view name)
{
    const struct value wanted = {.name = name};
    if (name.size_bytes == 0) return NULL;
    return bsearch(&wanted, walker->values, walker->n_values, sizeof wanted, by_name);
}

static struct value *input_of(struct walker *walker, const struct pomi_onnx_node *node, int index)
{
    return index < node->n_inputs && index < POMI_ONNX_MAX_INPUTS ? find(walker, node->inputs[index]) : NULL;
}

/* ---- errors: all name the node ---- */

struct short_text {
    char text[80];
};

static struct short_text shorten(struct pomi_view view)
{
    struct short_text result;
    size_t size_bytes = view.size_bytes < sizeof result.text - 1 ? view.size_bytes : sizeof result.text - 1;
    if (size_bytes > 0) memcpy(result.text, view.data, size_bytes);
    result.text[size_bytes] = '\0';
    return result;
}

static enum pom_status unsupported(struct pom_error *err, const struct pomi_onnx_node *node, const char *what)
{
    struct pomi_view name = node->name.size_bytes > 0 ? node->name : node->output;
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported", "the ONNX node \"%s\" (%s) %s",
                     shorten(name).text, shorten(node->op).text, what);
}

static enum pom_status mismatch(struct pom_error *err, const struct pomi_onnx_node *node, const char *what)
{
    struct pomi_view name = node->name.size_bytes > 0 ? node->name : node->output;
    return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_shape", "the ONNX node \"%s\" (%s) %s",
                     shorten(name).text, shorten(node->op).text, what);
}

/* The feature map at an input, or an error that says which node made something else of it. */
static enum pom_status map_input(struct walker *walker, const struct pomi_onnx_node *node, int index,
                                 struct value **map, struct pom_error *err)
{
    *map = input_of(walker, node, index);
    if (*map != NULL && (*map)->kind == VALUE_MAP) return POM_OK;
    if (*map != NULL && (*map)->op.size_bytes > 0)
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "the ONNX node \"%s\" (%s) needs the result of a node of type %s, which has no counterpart here",
            shorten(node->name.size_bytes > 0 ? node->name : node->output).text, shorten(node->op).text,
            shorten((*map)->op).text);
    return unsupported(err, node, "does not take its input from a feature map before it");
}

/* ---- values and layers ---- */

static struct value *set_output(struct walker *walker, const struct pomi_onnx_node *node,
                                const struct value *like, int layer)
{
    struct value *output = find(walker, node->output);
    if (output == NULL) return NULL; /* a node without an output: nothing can use it */
    output->kind = VALUE_MAP;
    output->layer = layer;
    output->channels_last = like->channels_last;
    memset(output->pad_px, 0, sizeof output->pad_px);
    return output;
}

static bool is_padded(const struct value *map)
{
    return map->pad_px[0] != 0 || map->pad_px[1] != 0 || map->pad_px[2] != 0 || map->pad_px[3] != 0;
}

static enum pom_status append_layer(struct walker *walker, const struct pomi_onnx_node *node,
                                    struct pomi_layer layer, const struct value *like, struct pom_error *err)
{
    if (walker->graph.n_layers == POMI_GRAPH_MAX_LAYERS)
        return unsupported(err, node, "is one layer too many");
    int index = walker->graph.n_layers++;
    walker->graph.layers[index] = layer;
    snprintf(walker->graph.layers[index].name, sizeof layer.name, "layer_%04d", index);
    set_output(walker, node, like, index);
    return POM_OK;
}

/* Whether the map is a convolution's or an addition's own result, used here alone and not yet activated: then
 * what follows can join it. */
static bool can_join(const struct walker *walker, const struct value *map)
{
    if (map->layer == POMI_INPUT_IMAGE || map->n_users != 1 || is_padded(map)) return false;
    const struct pomi_layer *layer = &walker->graph.layers[map->layer];
    return layer->activation == POMI_ACTIVATION_NONE &&
           (layer->kind == POMI_LAYER_CONV || layer->kind == POMI_LAYER_DEPTHWISE ||
            layer->kind == POMI_LAYER_ADD);
}

static bool is_convolution(const struct walker *walker, const struct value *map)
{
    if (map->layer == POMI_INPUT_IMAGE) return false;
    enum pomi_layer_kind kind = walker->graph.layers[map->layer].kind;
    return kind == POMI_LAYER_CONV || kind == POMI_LAYER_DEPTHWISE;
}

/* ---- nodes ---- */

static int64_t integer_attribute(const struct pomi_onnx_node *node, const char *name, int64_t otherwise)
{
    struct pomi_onnx_attribute attribute;
    return pomi_onnx_attribute(node, name, &attribute) ? attribute.i : otherwise;
}

/* kernel_shape, strides, pads, dilations of Conv and the pools. */
static enum pom_status read_window(const struct pomi_onnx_node *node, const struct value *map, int *kernel_px,
                                   int *stride_px, struct details *details, struct pom_error *err)
{
    struct pomi_onnx_attribute attribute;
    if (pomi_onnx_attribute(node, "dilations", &attribute))
        for (int i = 0; i < attribute.n_ints; i++)
            if (attribute.ints[i] != 1) return unsupported(err, node, "is dilated");
    if (pomi_onnx_attribute(node, "kernel_shape", &attribute)) {
        if (attribute.n_ints != 2 || attribute.ints[0] != attribute.ints[1] || attribute.ints[0] < 1 ||
            attribute.ints[0] > 4096)
            return unsupported(err, node, "has a window that is not square");
        *kernel_px = (int)attribute.ints[0];
    }
    *stride_px = 1;
    if (pomi_onnx_attribute(node, "strides", &attribute)) {
        if (attribute.n_ints != 2 || attribute.ints[0] != attribute.ints[1] || attribute.ints[0] < 1 ||
            attribute.ints[0] > 64)
            return unsupported(err, node, "has strides that are not equal");
        *stride_px = (int)attribute.ints[0];
    }
    memcpy(details->pad_px, map->pad_px, sizeof details->pad_px);
    if (pomi_onnx_attribute(node, "pads", &attribute)) {
        if (attribute.n_ints != 4) return unsupported(err, node, "has pads that are not four");
        for (int i = 0; i < 4; i++) {
            if (attribute.ints[i] < 0 || attribute.ints[i] > 64)
                return unsupported(err, node, "has pads outside 0 to 64");
            details->pad_px[i] += (int)attribute.ints[i];
        }
    }
    if (pomi_onnx_attribute(node, "auto_pad", &attribute) && attribute.s.size_bytes > 0 &&
        !pomi_view_is(attribute.s, "NOTSET") && !pomi_view_is(attribute.s, "VALID")) {
        details->pads_are_automatic = pomi_view_is(attribute.s, "SAME_UPPER");
        if (!details->pads_are_automatic || is_padded(map))
            return unsupported(err, node, "has an unusual auto_pad");
    }
    return POM_OK;
}

static enum pom_status constant_vector(struct walker *walker, const struct pomi_onnx_node *node, int index,
                                       int n_values, float **values, struct pom_error *err)
{
    const struct value *value = input_of(walker, node, index);
    if (value == NULL || value->kind != VALUE_CONSTANT)
        return unsupported(err, node, "has an input that is not constant");
    if (value->tensor.n_elements != (size_t)n_values)
        return mismatch(err, node, "has a vector of a wrong length");
    return pomi_onnx_floats(&value->tensor, values, err);
}

/* ONNX' [out][in][height][width] to [out][height][width][in]. */
static enum pom_status read_kernel(const struct pomi_onnx_node *node, const struct pomi_onnx_tensor *tensor,
                                   struct pomi_convolution *to, struct pom_error *err)
{
    bool fits = tensor->n_dimensions == 4;
    for (int i = 0; i < 4 && fits; i++) fits = tensor->shape[i] >= 1 && tensor->shape[i] <= 65536;
    if (!fits) return mismatch(err, node, "has weights that are not a kernel");
    struct pomi_view name = node->name.size_bytes > 0 ? node->name : node->output;
    snprintf(to->name, sizeof to->name, "%s", shorten(name).text);
    to->out = (int)tensor->shape[0];
    to->in = (int)tensor->shape[1];
    to->kernel_height_px = (int)tensor->shape[2];
    to->kernel_width_px = (int)tensor->shape[3];
    float *values = NULL;
    POMI_TRY(pomi_onnx_floats(tensor, &values, err));
    size_t out = (size_t)to->out, in = (size_t)to->in;
    size_t n_taps = (size_t)to->kernel_height_px * (size_t)to->kernel_width_px;
    to->kernel = malloc((tensor->n_elements + 1) * sizeof *to->kernel);
    for (size_t o = 0; to->kernel != NULL && o < out; o++)
        for (size_t i = 0; i < in; i++)
            for (size_t tap = 0; tap < n_taps; tap++)
                to->kernel[(o * n_taps + tap) * in + i] = values[(o * in + i) * n_taps + tap];
    free(values);
    return to->kernel == NULL ? pomi_fail_memory(err, tensor->n_elements * sizeof *to->kernel, "weights")
                              : POM_OK;
}

static enum pom_status walk_conv(struct walker *walker, const struct pomi_onnx_node *node,
                                 struct pom_error *err)
{
    struct value *map;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    const struct value *weights = input_of(walker, node, 1);
    if (map->channels_last) return unsupported(err, node, "reads channels-last data");
    if (weights == NULL || weights->kind != VALUE_CONSTANT)
        return unsupported(err, node, "has weights that are not constant");
    struct pomi_layer layer = {.kind = POMI_LAYER_CONV, .inputs = {map->layer}};
    int index = walker->graph.n_layers;
    if (index == POMI_GRAPH_MAX_LAYERS) return unsupported(err, node, "is one layer too many");
    struct details *details = &walker->details[index];
    POMI_TRY(read_window(node, map, &layer.kernel_px, &layer.stride_px, details, err));
    POMI_TRY(append_layer(walker, node, layer, map, err)); /* from here on the walker owns what is read */
    POMI_TRY(read_kernel(node, &weights->tensor, &details->convolution, err));

    struct pomi_layer *appended = &walker->graph.layers[index];
    const struct pomi_convolution *convolution = &details->convolution;
    int64_t n_groups = integer_attribute(node, "group", 1);
    if (n_groups > 1 && (n_groups != convolution->out || convolution->in != 1))
        return unsupported(err, node, "is a grouped convolution that is not depthwise");
    if (n_groups > 1) appended->kind = POMI_LAYER_DEPTHWISE;
    if (appended->kernel_px == 0) appended->kernel_px = convolution->kernel_height_px;
    appended->out_channels = convolution->out;
    const struct value *bias = input_of(walker, node, 2);
    if (bias != NULL)
        POMI_TRY(constant_vector(walker, node, 2, convolution->out, &details->convolution.bias, err));
    return POM_OK;
}

/* A normalisation that cannot join a convolution is a 1x1 depthwise convolution with weights 1; one of the image
 * itself, which only a convolution can read, a 1x1 convolution with the unit matrix. */
static enum pom_status append_scaling(struct walker *walker, const struct pomi_onnx_node *node,
                                      struct value *map, int n_channels, struct pom_error *err)
{
    int index = walker->graph.n_layers;
    struct pomi_layer layer = {.kind = POMI_LAYER_DEPTHWISE,
                               .inputs = {map->layer},
                               .kernel_px = 1,
                               .stride_px = 1,
                               .out_channels = n_channels};
    bool is_of_image = map->layer == POMI_INPUT_IMAGE;
    int in = is_of_image ? n_channels : 1;
    if (is_padded(map)) return unsupported(err, node, "follows a Pad");
    if (is_of_image && n_channels != 3) return mismatch(err, node, "has other than 3 channels for the image");
    if (is_of_image) layer.kind = POMI_LAYER_CONV;
    POMI_TRY(append_layer(walker, node, layer, map, err));
    struct pomi_convolution *convolution = &walker->details[index].convolution;
    *convolution =
        (struct pomi_convolution){.out = n_channels, .kernel_height_px = 1, .kernel_width_px = 1, .in = in};
    snprintf(convolution->name, sizeof convolution->name, "%s", shorten(node->output).text);
    convolution->kernel = calloc((size_t)n_channels * (size_t)in, sizeof *convolution->kernel);
    if (convolution->kernel == NULL)
        return pomi_fail_memory(err, (size_t)n_channels * sizeof(float), "weights");
    for (int i = 0; i < n_channels; i++) convolution->kernel[i * in + (is_of_image ? i : 0)] = 1;
    return POM_OK;
}

static enum pom_status walk_normalisation(struct walker *walker, const struct pomi_onnx_node *node,
                                          struct pom_error *err)
{
    struct value *map;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    const struct value *gamma = input_of(walker, node, 1);
    if (map->channels_last || integer_attribute(node, "spatial", 1) != 1 ||
        integer_attribute(node, "training_mode", 0) != 0)
        return unsupported(err, node, "is not a plain inference normalisation");
    if (gamma == NULL || gamma->kind != VALUE_CONSTANT || gamma->tensor.n_elements < 1 ||
        gamma->tensor.n_elements > 65536)
        return unsupported(err, node, "has no constant scale");
    int n_channels = (int)gamma->tensor.n_elements;
    if (can_join(walker, map) && is_convolution(walker, map) &&
        walker->details[map->layer].normalisation.n_channels == 0)
        set_output(walker, node, map, map->layer);
    else
        POMI_TRY(append_scaling(walker, node, map, n_channels, err));
    const struct value *output = find(walker, node->output);
    if (output == NULL) return unsupported(err, node, "has no output");
    struct pomi_normalisation *to = &walker->details[output->layer].normalisation;
    struct pomi_onnx_attribute epsilon;
    to->epsilon = pomi_onnx_attribute(node, "epsilon", &epsilon) ? epsilon.f : 1e-5F;
    to->n_channels = n_channels;
    snprintf(to->name, sizeof to->name, "%s", shorten(node->output).text);
    POMI_TRY(constant_vector(walker, node, 1, n_channels, &to->gamma, err));
    POMI_TRY(constant_vector(walker, node, 2, n_channels, &to->beta, err));
    POMI_TRY(constant_vector(walker, node, 3, n_channels, &to->mean, err));
    return constant_vector(walker, node, 4, n_channels, &to->variance, err);
}

static enum pom_status walk_activation(struct walker *walker, const struct pomi_onnx_node *node,
                                       enum pomi_activation activation, struct pom_error *err)
{
    struct value *map;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    /* relu and then a clip to 0..6 is relu6; a second relu changes nothing. */
    struct pomi_layer *before = map->layer == POMI_INPUT_IMAGE ? NULL : &walker->graph.layers[map->layer];
    bool is_refined =
        before != NULL && map->n_users == 1 && !is_padded(map) && before->activation == POMI_ACTIVATION_RELU;
    if (!can_join(walker, map) && !is_refined)
        return unsupported(err, node, "activates a map that is also used elsewhere, or activated already");
    before->activation = activation;
    set_output(walker, node, map, map->layer);
    return POM_OK;
}

/* One end of a Clip: an attribute up to opset 10, an input since. */
static bool clip_bound(struct walker *walker, const struct pomi_onnx_node *node, const char *name, int index,
                       float *bound)
{
    struct pomi_onnx_attribute attribute;
    if (pomi_onnx_attribute(node, name, &attribute)) {
        *bound = attribute.f;
        return true;
    }
    const struct value *value = input_of(walker, node, index);
    float *values = NULL;
    if (value == NULL || value->kind != VALUE_CONSTANT || value->tensor.n_elements != 1 ||
        pomi_onnx_floats(&value->tensor, &values, NULL) != POM_OK)
        return false;
    *bound = values[0];
    free(values);
    return true;
}

static enum pom_status walk_clip(struct walker *walker, const struct pomi_onnx_node *node,
                                 struct pom_error *err)
{
    float low, high;
    bool has_low = clip_bound(walker, node, "min", 1, &low),
         has_high = clip_bound(walker, node, "max", 2, &high);
    if (!has_low || low != 0 || (has_high && high != 6 && high < 1e30F))
        return unsupported(err, node, "clips to something other than 0 and 6");
    return walk_activation(walker, node, has_high && high == 6 ? POMI_ACTIVATION_RELU6 : POMI_ACTIVATION_RELU,
                           err);
}

/* Whether the constant has one value for each channel of a map, in the place where broadcasting puts
 * channels. */
static bool is_per_channel(const struct pomi_onnx_tensor *tensor, const struct value *map, int n_channels)
{
    int place = tensor->n_dimensions - (map->channels_last ? 1 : 3);
    return tensor->n_dimensions <= 4 && place >= 0 && tensor->shape[place] == n_channels &&
           tensor->n_elements == (size_t)n_channels;
}

/* The convolution that a constant at the other input can join, or an error. */
static enum pom_status constant_joins(struct walker *walker, const struct pomi_onnx_node *node, int map_index,
                                      struct value **map, struct details **details, struct pom_error *err)
{
    POMI_TRY(map_input(walker, node, map_index, map, err));
    if (!can_join(walker, *map) || !is_convolution(walker, *map))
        return unsupported(err, node, "combines a constant with something that is not a convolution");
    *details = &walker->details[(*map)->layer];
    const struct value *constant = input_of(walker, node, 1 - map_index);
    if (!is_per_channel(&constant->tensor, *map, (*details)->convolution.out))
        return unsupported(err, node, "has a constant that is not one value for each channel");
    return POM_OK;
}

/* An addition of a vector after a convolution is its bias, or the shift of a scaling before it. */
static enum pom_status walk_shift(struct walker *walker, const struct pomi_onnx_node *node, int map_index,
                                  struct pom_error *err)
{
    struct value *map = NULL;
    struct details *details = NULL;
    POMI_TRY(constant_joins(walker, node, map_index, &map, &details, err));
    bool is_scaled = details->normalisation.n_channels > 0;
    if (is_scaled ? !details->waits_for_shift : details->convolution.bias != NULL)
        return unsupported(err, node, "adds a second bias");
    if (is_scaled) free(details->normalisation.beta);
    float **shift = is_scaled ? &details->normalisation.beta : &details->convolution.bias;
    *shift = NULL;
    details->waits_for_shift = false;
    set_output(walker, node, map, map->layer);
    return constant_vector(walker, node, 1 - map_index, details->convolution.out, shift, err);
}

/* A multiplication with a vector after a convolution: a normalisation that a converter has taken apart into
 * this and an addition. */
static enum pom_status walk_multiply(struct walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    const struct value *a = input_of(walker, node, 0), *b = input_of(walker, node, 1);
    struct value *map = NULL;
    struct details *details = NULL;
    bool is_scaling = node->n_inputs == 2 && a != NULL && b != NULL &&
                      ((a->kind == VALUE_MAP && b->kind == VALUE_CONSTANT) ||
                       (a->kind == VALUE_CONSTANT && b->kind == VALUE_MAP));
    if (!is_scaling) return POM_OK; /* an error when something needs it */
    int map_index = a->kind == VALUE_MAP ? 0 : 1;
    POMI_TRY(constant_joins(walker, node, map_index, &map, &details, err));
    struct pomi_normalisation *to = &details->normalisation;
    if (to->n_channels > 0) return unsupported(err, node, "scales a second time");
    int n_channels = details->convolution.out;
    POMI_TRY(constant_vector(walker, node, 1 - map_index, n_channels, &to->gamma, err));
    to->n_channels = n_channels;
    snprintf(to->name, sizeof to->name, "%s", shorten(node->output).text);
    to->beta = calloc((size_t)n_channels, sizeof(float));
    to->mean = calloc((size_t)n_channels, sizeof(float));
    to->variance = calloc((size_t)n_channels, sizeof(float));
    if (to->beta == NULL || to->mean == NULL || to->variance == NULL)
        return pomi_fail_memory(err, (size_t)n_channels * sizeof(float), "weights");
    for (int i = 0; i < n_channels; i++) to->variance[i] = 1;
    details->waits_for_shift = true;
    set_output(walker, node, map, map->layer);
    return POM_OK;
}

static enum pom_status walk_add(struct walker *walker, const struct pomi_onnx_node *node,
                                struct pom_error *err)
{
    struct value *a = input_of(walker, node, 0), *b = input_of(walker, node, 1);
    bool adds_maps = (a != NULL && a->kind == VALUE_MAP) || (b != NULL && b->kind == VALUE_MAP);
    if (!adds_maps) return POM_OK; /* arithmetic on shapes: an error when something needs it */
    if (node->n_inputs != 2) return unsupported(err, node, "does not add two inputs");
    if (b != NULL && b->kind == VALUE_CONSTANT) return walk_shift(walker, node, 0, err);
    if (a != NULL && a->kind == VALUE_CONSTANT) return walk_shift(walker, node, 1, err);
    POMI_TRY(map_input(walker, node, 0, &a, err));
    POMI_TRY(map_input(walker, node, 1, &b, err));
    if (is_padded(a) || is_padded(b) || a->channels_last != b->channels_last)
        return unsupported(err, node, "adds maps of different layouts");
    struct pomi_layer layer = {
        .kind = POMI_LAYER_ADD, .inputs = {a->layer, b->layer}, .kernel_px = 1, .stride_px = 1};
    return append_layer(walker, node, layer, a, err);
}

static enum pom_status walk_max_pool(struct walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    struct value *map;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    if (map->channels_last || integer_attribute(node, "ceil_mode", 0) != 0)
        return unsupported(err, node, "pools in a way that has no counterpart here");
    /* Zeros from a Pad are no more than an activation's floor; without one they might be the maximum. */
    if (is_padded(map) && (map->layer == POMI_INPUT_IMAGE ||
                           walker->graph.layers[map->layer].activation == POMI_ACTIVATION_NONE))
        return unsupported(err, node, "pools zeros that a Pad added");
    struct pomi_layer layer = {.kind = POMI_LAYER_MAX_POOL, .inputs = {map->layer}};
    if (walker->graph.n_layers == POMI_GRAPH_MAX_LAYERS)
        return unsupported(err, node, "is one layer too many");
    POMI_TRY(read_window(node, map, &layer.kernel_px, &layer.stride_px,
                         &walker->details[walker->graph.n_layers], err));
    return append_layer(walker, node, layer, map, err);
}

static enum pom_status finish(struct walker *walker, const struct pomi_onnx_node *node,
                              const struct value *map, int pool_px, struct pom_error *err)
{
    if (map->layer == POMI_INPUT_IMAGE || is_padded(map))
        return unsupported(err, node, "pools the image or a padded map");
    if (walker->graph.n_layers < POMI_GRAPH_MAX_LAYERS)
        walker->details[walker->graph.n_layers].pool_px = pool_px;
    struct pomi_layer layer = {
        .kind = POMI_LAYER_GLOBAL_AVERAGE_POOL, .inputs = {map->layer}, .kernel_px = 1, .stride_px = 1};
    POMI_TRY(append_layer(walker, node, layer, map, err));
    walker->is_done = true;
    return POM_OK;
}

static enum pom_status walk_global_pool(struct walker *walker, const struct pomi_onnx_node *node,
                                        struct pom_error *err)
{
    struct value *map;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    if (map->channels_last) return unsupported(err, node, "reads channels-last data");
    return finish(walker, node, map, 0, err);
}

static enum pom_status walk_average_pool(struct walker *walker, const struct pomi_onnx_node *node,
                                         struct pom_error *err)
{
    struct value *map;
    struct details details = {0};
    int kernel_px = 0, stride_px;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    POMI_TRY(read_window(node, map, &kernel_px, &stride_px, &details, err));
    for (int i = 0; i < 4; i++)
        if (details.pad_px[i] != 0)
            return unsupported(err, node, "is padded, so it does not average the whole map");
    if (map->channels_last || details.pads_are_automatic || kernel_px == 0)
        return unsupported(err, node, "does not average the whole map");
    return finish(walker, node, map, kernel_px, err);
}

static enum pom_status walk_reduce_mean(struct walker *walker, const struct pomi_onnx_node *node,
                                        struct pom_error *err)
{
    struct value *map;
    struct pomi_onnx_attribute axes;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    const struct value *input = input_of(walker, node, 1);
    if (!pomi_onnx_attribute(node, "axes", &axes) && input != NULL && input->kind == VALUE_CONSTANT)
        axes.n_ints = pomi_onnx_int64s(&input->tensor, axes.ints, POMI_ONNX_MAX_DIMENSIONS);
    int first = map->channels_last ? 1 : 2;
    bool is_seen[2] = {false, false};
    for (int i = 0; i < axes.n_ints; i++) {
        int64_t axis = axes.ints[i] < 0 ? axes.ints[i] + 4 : axes.ints[i];
        if (axis >= first && axis < first + 2) is_seen[axis - first] = true;
    }
    if (axes.n_ints != 2 || !is_seen[0] || !is_seen[1])
        return unsupported(err, node, "does not average over height and width");
    return finish(walker, node, map, 0, err);
}

static enum pom_status walk_pad(struct walker *walker, const struct pomi_onnx_node *node,
                                struct pom_error *err)
{
    struct value *map;
    struct pomi_onnx_attribute mode, pads;
    float fill = 0;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    if (pomi_onnx_attribute(node, "mode", &mode) && !pomi_view_is(mode.s, "constant"))
        return unsupported(err, node, "does not pad with a constant");
    const struct value *input = input_of(walker, node, 1);
    if (!pomi_onnx_attribute(node, "pads", &pads) && input != NULL && input->kind == VALUE_CONSTANT)
        pads.n_ints = pomi_onnx_int64s(&input->tensor, pads.ints, POMI_ONNX_MAX_DIMENSIONS);
    if (clip_bound(walker, node, "value", 2, &fill) && fill != 0)
        return unsupported(err, node, "does not pad with zeros");
    if (pads.n_ints != 8 || input_of(walker, node, 3) != NULL)
        return unsupported(err, node, "does not pad four dimensions");
    int height = map->channels_last ? 1 : 2, channels = map->channels_last ? 3 : 1;
    const int64_t added[4] = {pads.ints[height], pads.ints[height + 1], pads.ints[4 + height],
                              pads.ints[5 + height]};
    if (pads.ints[0] != 0 || pads.ints[4] != 0 || pads.ints[channels] != 0 || pads.ints[4 + channels] != 0)
        return unsupported(err, node, "pads more than height and width");
    struct value before = *map;
    struct value *output = set_output(walker, node, map, map->layer);
    for (int i = 0; i < 4 && output != NULL; i++) {
        if (added[i] < 0 || added[i] > 64) return unsupported(err, node, "has pads outside 0 to 64");
        output->pad_px[i] = before.pad_px[i] + (int)added[i];
        if (output->pad_px[i] > 64) return unsupported(err, node, "has pads outside 0 to 64");
    }
    return POM_OK;
}

/* Nothing but the layout in memory changes, which is not our concern: only the axes that later nodes name. */
static enum pom_status walk_transpose(struct walker *walker, const struct pomi_onnx_node *node,
                                      struct pom_error *err)
{
    static const int64_t to_last[4] = {0, 2, 3, 1}, to_first[4] = {0, 3, 1, 2};
    struct value *map;
    struct pomi_onnx_attribute order;
    POMI_TRY(map_input(walker, node, 0, &map, err));
    if (!pomi_onnx_attribute(node, "perm", &order) || order.n_ints != 4 ||
        memcmp(order.ints, map->channels_last ? to_first : to_last, sizeof to_last) != 0)
        return unsupported(err, node, "is neither to nor from channels-last");
    struct value before = *map;
    struct value *output = set_output(walker, node, map, map->layer);
    if (output == NULL) return POM_OK;
    output->channels_last = !before.channels_last;
    memcpy(output->pad_px, before.pad_px, sizeof before.pad_px);
    return POM_OK;
}

static enum pom_status walk_identity(struct walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    struct value *from = input_of(walker, node, 0), *output = find(walker, node->output);
    (void)err;
    if (from == NULL || output == NULL || from == output) return POM_OK;
    struct value copy = *from;
    copy.name = output->name;
    copy.n_users = output->n_users + from->n_users - 1; /* as if there were one name for both */
    *output = copy;
    return POM_OK;
}

static enum pom_status walk_constant(struct walker *walker, const struct pomi_onnx_node *node,
                                     struct pom_error *err)
{
    struct value *output = find(walker, node->output);
    struct pomi_onnx_attribute value;
    if (output == NULL || !pomi_onnx_attribute(node, "value", &value) || value.t.data == NULL) return POM_OK;
    POMI_TRY(pomi_onnx_tensor(&output->tensor, value.t, err));
    output->kind = VALUE_CONSTANT;
    return POM_OK;
}

static enum pom_status walk_relu(struct walker *walker, const struct pomi_onnx_node *node,
                                 struct pom_error *err)
{
    return walk_activation(walker, node, POMI_ACTIVATION_RELU, err);
}

static const struct {
    const char *op;
    enum pom_status (*walk)(struct walker *walker, const struct pomi_onnx_node *node, struct pom_error *err);
} operators[] = {
    {"Conv", walk_conv},
    {"BatchNormalization", walk_normalisation},
    {"Relu", walk_relu},
    {"Clip", walk_clip},
    {"Add", walk_add},
    {"Sum", walk_add},
    {"Mul", walk_multiply},
    {"MaxPool", walk_max_pool},
    {"GlobalAveragePool", walk_global_pool},
    {"AveragePool", walk_average_pool},
    {"ReduceMean", walk_reduce_mean},
    {"Pad", walk_pad},
    {"Transpose", walk_transpose},
    {"Identity", walk_identity},
    {"Dropout", walk_identity},
    {"Constant", walk_constant},
};

static enum pom_status walk_node(struct walker *walker, const struct pomi_onnx_node *node,
                                 struct pom_error *err)
{
    struct value *output = find(walker, node->output);
    if (output != NULL && output->kind == VALUE_UNKNOWN) output->op = node->op;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (pomi_view_is(node->op, operators[i].op)) return operators[i].walk(walker, node, err);
    return POM_OK; /* an error when, and only if, something needs it */
}

/* After the pool only the pool may be read: a network that goes back (squeeze and excitation) is not
 * finished. */
static enum pom_status check_rest(struct walker *walker, size_t first, struct pom_error *err)
{
    int pool = walker->graph.n_layers - 1;
    for (size_t i = first; i < walker->model->n_nodes; i++) {
        const struct pomi_onnx_node *node = &walker->model->nodes[i];
        for (int j = 0; j < node->n_inputs && j < POMI_ONNX_MAX_INPUTS; j++) {
            const struct value *value = find(walker, node->inputs[j]);
            if (value != NULL && value->kind == VALUE_MAP && value->layer != pool &&
                !pomi_view_is(node->op, "Shape"))
                return unsupported(err, node, "reads a map from before the global average pool, after it");
        }
    }
    return POM_OK;
}

static enum pom_status walk(struct walker *walker, struct pom_error *err)
{
    size_t i = 0;
    for (; i < walker->model->n_nodes && !walker->is_done; i++)
        POMI_TRY(walk_node(walker, &walker->model->nodes[i], err));
    if (!walker->is_done)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the ONNX graph has no global average pool, from which features could be taken");
    return check_rest(walker, i, err);
}

/* ---- before the walk: the table of names ---- */

static enum pom_status add_value(struct walker *walker, struct pomi_view name, struct value value)
{
    value.name = name;
    if (name.size_bytes > 0) walker->values[walker->n_values++] = value;
    return POM_OK;
}

static enum pom_status list_values(struct walker *walker, struct pom_error *err)
{
    const struct pomi_onnx_model *model = walker->model;
    size_t n_values = model->n_nodes + model->n_initializers + model->n_inputs;
    walker->values = calloc(n_values + 1, sizeof *walker->values);
    if (walker->values == NULL)
        return pomi_fail_memory(err, n_values * sizeof *walker->values, "a table of names");
    for (size_t i = 0; i < model->n_nodes; i++) add_value(walker, model->nodes[i].output, (struct value){0});
    for (size_t i = 0; i < model->n_initializers; i++)
        add_value(walker, model->initializers[i].name,
                  (struct value){.kind = VALUE_CONSTANT, .tensor = model->initializers[i]});
    if (walker->n_values > 0) qsort(walker->values, walker->n_values, sizeof *walker->values, by_name);
    for (size_t i = 0; i + 1 < walker->n_values; i++)
        if (by_name(&walker->values[i], &walker->values[i + 1]) == 0)
            return pomi_fail(err, POM_ERROR_FORMAT, "corrupt", "the ONNX graph defines \"%s\" twice",
                             shorten(walker->values[i].name).text);
    return POM_OK;
}

/* Older files list initializers among the inputs; the image is the one input that is none. */
static enum pom_status find_image(struct walker *walker, const struct pomi_reader_wishes *wishes,
                                  struct pom_error *err)
{
    const struct pomi_onnx_input *image = NULL;
    for (size_t i = 0; i < walker->model->n_inputs; i++) {
        if (find(walker, walker->model->inputs[i].name) != NULL) continue;
        if (image != NULL)
            return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                             "the ONNX graph has more than one input");
        image = &walker->model->inputs[i];
    }
    bool channels_last =
        image != NULL && image->n_dimensions == 4 && image->shape[3] == 3 && image->shape[1] != 3;
    int height = channels_last ? 1 : 2;
    if (image == NULL || image->name.size_bytes == 0 || image->n_dimensions != 4 ||
        (!channels_last && image->shape[1] != 3 && image->shape[1] > 0) ||
        image->shape[height] != image->shape[height + 1] || image->shape[height] < 0 ||
        image->shape[height] > 4096)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "the ONNX graph's input is not one square image of three channels");
    walker->graph.input_px = wishes->input_px > 0       ? wishes->input_px
                             : image->shape[height] > 0 ? (int)image->shape[height]
                                                        : DEFAULT_INPUT_PX;
    add_value(walker, image->name,
              (struct value){.kind = VALUE_MAP, .layer = POMI_INPUT_IMAGE, .channels_last = channels_last});
    qsort(walker->values, walker->n_values, sizeof *walker->values, by_name);
    return POM_OK;
}

static void count_users(struct walker *walker)
{
    for (size_t i = 0; i < walker->model->n_nodes; i++) {
        const struct pomi_onnx_node *node = &walker->model->nodes[i];
        for (int j = 0; j < node->n_inputs && j < POMI_ONNX_MAX_INPUTS; j++) {
            struct value *value = find(walker, node->inputs[j]);
            if (value != NULL) value->n_users++;
        }
    }
}

/* ---- after the walk: padding, architecture, weights ---- */

/* Whether the explicit pads of a derived layer are what the graph's padding rule gives. Padding after the
 * last window is never read, so what counts is where windows begin and how many there are. */
static bool pads_agree(const struct pomi_graph *graph, const struct pomi_layer *layer,
                       const struct details *details)
{
    if (details->pads_are_automatic) return graph->padding == POMI_PADDING_SAME;
    int height_px = (layer->in_height_px + details->pad_px[0] + details->pad_px[2] - layer->kernel_px) /
                        layer->stride_px +
                    1;
    int width_px =
        (layer->in_width_px + details->pad_px[1] + details->pad_px[3] - layer->kernel_px) / layer->stride_px +
        1;
    bool is_large_enough =
        layer->in_height_px + details->pad_px[0] + details->pad_px[2] >= layer->kernel_px &&
        layer->in_width_px + details->pad_px[1] + details->pad_px[3] >= layer->kernel_px;
    return is_large_enough && details->pad_px[0] == layer->pad_top_px &&
           details->pad_px[1] == layer->pad_left_px && height_px == layer->out_height_px &&
           width_px == layer->out_width_px;
}

/* The first layer whose pads differ from the graph's rule, or -1. */
static int first_disagreement(const struct walker *walker)
{
    for (int i = 0; i < walker->graph.n_layers; i++) {
        const struct pomi_layer *layer = &walker->graph.layers[i];
        bool has_window = layer->kind != POMI_LAYER_ADD && layer->kind != POMI_LAYER_GLOBAL_AVERAGE_POOL;
        if (has_window && !pads_agree(&walker->graph, layer, &walker->details[i])) return i;
        if (walker->details[i].pool_px > 0 &&
            (walker->details[i].pool_px != layer->in_height_px || layer->in_height_px != layer->in_width_px))
            return i;
    }
    return -1;
}

static enum pom_status find_padding(struct walker *walker, struct pom_error *err)
{
    static const enum pomi_padding rules[] = {POMI_PADDING_SYMMETRIC, POMI_PADDING_SAME};
    int furthest = -1;
    for (size_t i = 0; i < 2; i++) {
        walker->graph.padding = rules[i];
        POMI_TRY(pomi_graph_derive(&walker->graph, err));
        int index = first_disagreement(walker);
        if (index < 0) return POM_OK;
        if (index > furthest) furthest = index;
    }
    return pomi_fail(
        err, POM_ERROR_UNSUPPORTED, "unsupported",
        "the padding of \"%s\" follows neither TensorFlow's rule nor the symmetric one at %d pixels",
        walker->details[furthest].convolution.name[0] != '\0' ? walker->details[furthest].convolution.name
                                                              : "a pool",
        walker->graph.input_px);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
    uint64_t z = (a ^ b) + 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

/* A number for each layer that depends on what it computes and on its inputs', but on no name and no order:
 * equal numbers are equal places. */
static void place_numbers(const struct pomi_graph *graph, uint64_t *numbers)
{
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        uint64_t inputs[2] = {0, 0};
        for (int j = 0; j < (layer->kind == POMI_LAYER_ADD ? 2 : 1); j++)
            inputs[j] = layer->inputs[j] == POMI_INPUT_IMAGE ? 1 : numbers[layer->inputs[j]];
        uint64_t number =
            mix(mix((uint64_t)layer->kind, (uint64_t)layer->kernel_px), (uint64_t)layer->stride_px);
        number = mix(mix(number, (uint64_t)layer->out_channels), (uint64_t)layer->activation);
        numbers[i] =
            mix(number, inputs[0] < inputs[1] ? mix(inputs[0], inputs[1]) : mix(inputs[1], inputs[0]));
    }
}

/* If `architecture` has the same layers in the same places, gives the walker's details its order and the
 * walker its layers. */
static bool take_architecture(struct walker *walker, struct pomi_graph *architecture)
{
    int n_layers = architecture->n_layers;
    uint64_t wanted[128], there[128];
    struct details in_order[128];
    if (n_layers != walker->graph.n_layers || n_layers > 128) return false;
    place_numbers(architecture, wanted);
    place_numbers(&walker->graph, there);
    for (int i = 0; i < n_layers; i++) {
        int j = 0;
        while (j < n_layers && there[j] != wanted[i]) j++;
        if (j == n_layers) return false;
        in_order[i] = walker->details[j];
    }
    memcpy(walker->details, in_order, (size_t)n_layers * sizeof *in_order);
    memcpy(walker->graph.layers, architecture->layers, (size_t)n_layers * sizeof *architecture->layers);
    return true;
}

static bool is_mobilenetv2(struct walker *walker)
{
    static const int first_blocks[POMI_MOBILENETV2_STAGES] = {0, 1, 3, 6, 10, 13, 16};
    enum { N_POINTWISE = 35 };
    int out[N_POINTWISE + 1], n = 0;
    for (int i = 0; i < walker->graph.n_layers; i++) {
        if (walker->graph.layers[i].kind != POMI_LAYER_CONV) continue;
        if (n == N_POINTWISE + 1) return false;
        out[n++] = walker->graph.layers[i].out_channels;
    }
    if (n < N_POINTWISE) return false;
    struct pomi_mobilenetv2_widths widths = {
        .stem = out[0], .head = out[n - 1], .first_block_expands = n == N_POINTWISE + 1};
    for (int i = 0; i < POMI_MOBILENETV2_STAGES; i++)
        widths.stages[i] = out[2 * first_blocks[i] + 1 + widths.first_block_expands];
    struct pomi_graph architecture = {0};
    bool is_taken = pomi_graph_mobilenetv2(&architecture, &widths, walker->graph.input_px, NULL) == POM_OK &&
                    take_architecture(walker, &architecture);
    pomi_graph_release(&architecture);
    return is_taken;
}

static bool is_resnet50(struct walker *walker, enum pomi_resnet_stride stride)
{
    struct pomi_graph architecture = {0};
    bool is_taken = pomi_graph_resnet50(&architecture, stride, walker->graph.input_px, NULL) == POM_OK &&
                    take_architecture(walker, &architecture);
    pomi_graph_release(&architecture);
    return is_taken;
}

static bool comes_from_keras(const struct walker *walker)
{
    return pomi_view_is(walker->model->producer, "tf2onnx") ||
           pomi_view_is(walker->model->producer, "keras2onnx");
}

/* Preprocessing is not part of an ONNX graph. TensorFlow's padding tells TensorFlow's MobileNetV2; models by
 * a converter from Keras use Keras' preprocessing; all others that we know of use torch's. */
static enum pom_status recognise(struct walker *walker, const char **architecture,
                                 const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    enum pomi_preprocessing of_keras = POMI_PREPROCESSING_TF;
    *architecture = NULL;
    if (is_mobilenetv2(walker)) {
        *architecture = "mobilenetv2";
    } else if (is_resnet50(walker, POMI_RESNET_STRIDE_IN_REDUCE) ||
               is_resnet50(walker, POMI_RESNET_STRIDE_IN_CONV)) {
        *architecture = "resnet50";
        of_keras = POMI_PREPROCESSING_CAFFE;
    }
    if (wishes->architecture != NULL &&
        (*architecture == NULL || strcmp(*architecture, wishes->architecture) != 0))
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_network", "the ONNX graph is not that of a %s",
                         wishes->architecture);
    bool is_keras = comes_from_keras(walker) || walker->graph.padding == POMI_PADDING_SAME;
    walker->graph.preprocessing = is_keras ? of_keras : POMI_PREPROCESSING_TORCH;
    if (wishes->padding >= 0 && wishes->padding != (int)walker->graph.padding)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_padding",
                         "the ONNX graph itself says how it pads, and that is not the padding asked for");
    return pomi_graph_apply_wishes(&walker->graph, wishes, err);
}

static enum pom_status fold_all(struct walker *walker, struct pom_error *err)
{
    for (int i = 0; i < walker->graph.n_layers; i++) {
        struct details *details = &walker->details[i];
        if (pomi_layer_n_weights(&walker->graph.layers[i]) == 0) continue;
        if (details->normalisation.n_channels > 0)
            details->convolution.normalisation = &details->normalisation;
        POMI_TRY(pomi_fold(&walker->graph.layers[i], &details->convolution, err));
    }
    return POM_OK;
}

static enum pom_status read_model(struct walker *walker, const char **architecture,
                                  const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    walker->graph.layers = calloc(POMI_GRAPH_MAX_LAYERS, sizeof *walker->graph.layers);
    walker->details = calloc(POMI_GRAPH_MAX_LAYERS, sizeof *walker->details);
    if (walker->graph.layers == NULL || walker->details == NULL)
        return pomi_fail_memory(err, POMI_GRAPH_MAX_LAYERS * sizeof *walker->details, "a network's layers");
    POMI_TRY(list_values(walker, err));
    POMI_TRY(find_image(walker, wishes, err));
    count_users(walker);
    POMI_TRY(walk(walker, err));
    POMI_TRY(find_padding(walker, err));
    POMI_TRY(recognise(walker, architecture, wishes, err));
    return fold_all(walker, err);
}

enum pom_status pomi_read_onnx(struct pomi_graph *graph, const char **architecture, struct pomi_view bytes,
                               const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    struct pomi_onnx_model model;
    struct walker walker = {.model = &model};
    enum pom_status status = pomi_onnx_read(&model, bytes, err);
    if (status == POM_OK) status = read_model(&walker, architecture, wishes, err);
    for (int i = 0; i < walker.graph.n_layers; i++) {
        pomi_convolution_release(&walker.details[i].convolution);
        pomi_normalisation_release(&walker.details[i].normalisation);
    }
    *graph = walker.graph;
    free(walker.details);
    free(walker.values);
    pomi_onnx_release(&model);
    return status;
}
