// SPDX-License-Identifier: Apache-2.0
/*
 * ONNX nodes that calculate with each value by itself: normalisations, activations, additions and multiplications.
 * Most of them join the convolution before them.
 */
#include "networks/onnx_walk.h"

#include <stdio.h>
#include <stdlib.h>

/* A normalisation that cannot join a convolution is a 1x1 depthwise convolution with weights 1; one of the image
 * itself, which only a convolution can read, a 1x1 convolution with the unit matrix. */
static enum pom_status append_scaling(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      struct onnx_value *map, int n_channels, struct pom_error *err)
{
    int index = walker->graph.n_layers;
    struct pomi_layer layer = {.kind = POMI_LAYER_DEPTHWISE,
                               .inputs = {map->layer},
                               .kernel_px = 1,
                               .stride_px = 1,
                               .out_channels = n_channels};
    bool is_of_image = map->layer == POMI_INPUT_IMAGE;
    int in = is_of_image ? n_channels : 1;
    if (pomi_onnx_is_padded(map)) return pomi_onnx_unsupported(err, node, "follows a Pad");
    if (is_of_image && n_channels != 3)
        return pomi_onnx_mismatch(err, node, "has other than 3 channels for the image");
    if (is_of_image) layer.kind = POMI_LAYER_CONV;
    POMI_TRY(pomi_onnx_append_layer(walker, node, layer, map, err));
    struct pomi_convolution *convolution = &walker->details[index].convolution;
    *convolution =
        (struct pomi_convolution){.out = n_channels, .kernel_height_px = 1, .kernel_width_px = 1, .in = in};
    snprintf(convolution->name, sizeof convolution->name, "%s", pomi_onnx_shorten(node->output).text);
    convolution->kernel = calloc((size_t)n_channels * (size_t)in, sizeof *convolution->kernel);
    if (convolution->kernel == NULL)
        return pomi_fail_memory(err, (size_t)n_channels * sizeof(float), "weights");
    for (int i = 0; i < n_channels; i++) convolution->kernel[i * in + (is_of_image ? i : 0)] = 1;
    return POM_OK;
}

enum pom_status pomi_onnx_normalisation(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                        struct pom_error *err)
{
    struct onnx_value *map;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    const struct onnx_value *gamma = pomi_onnx_input_of(walker, node, 1);
    if (map->channels_last || pomi_onnx_integer(node, "spatial", 1) != 1 ||
        pomi_onnx_integer(node, "training_mode", 0) != 0)
        return pomi_onnx_unsupported(err, node, "is not a plain inference normalisation");
    if (gamma == NULL || gamma->kind != VALUE_CONSTANT || gamma->tensor.n_elements < 1 ||
        gamma->tensor.n_elements > 65536)
        return pomi_onnx_unsupported(err, node, "has no constant scale");
    int n_channels = (int)gamma->tensor.n_elements;
    if (pomi_onnx_can_join(walker, map) && pomi_onnx_is_convolution(walker, map) &&
        walker->details[map->layer].normalisation.n_channels == 0)
        pomi_onnx_set_output(walker, node, map, map->layer);
    else
        POMI_TRY(append_scaling(walker, node, map, n_channels, err));
    const struct onnx_value *output = pomi_onnx_find(walker, node->output);
    if (output == NULL) return pomi_onnx_unsupported(err, node, "has no output");
    struct pomi_normalisation *to = &walker->details[output->layer].normalisation;
    struct pomi_onnx_attribute epsilon;
    to->epsilon = pomi_onnx_attribute(node, "epsilon", &epsilon) ? epsilon.f : 1e-5F;
    to->n_channels = n_channels;
    snprintf(to->name, sizeof to->name, "%s", pomi_onnx_shorten(node->output).text);
    POMI_TRY(pomi_onnx_vector(walker, node, 1, n_channels, &to->gamma, err));
    POMI_TRY(pomi_onnx_vector(walker, node, 2, n_channels, &to->beta, err));
    POMI_TRY(pomi_onnx_vector(walker, node, 3, n_channels, &to->mean, err));
    return pomi_onnx_vector(walker, node, 4, n_channels, &to->variance, err);
}

static enum pom_status walk_activation(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                       enum pomi_activation activation, struct pom_error *err)
{
    struct onnx_value *map;
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &map, err));
    /* relu and then a clip to 0..6 is relu6; a second relu changes nothing. */
    struct pomi_layer *before = map->layer == POMI_INPUT_IMAGE ? NULL : &walker->graph.layers[map->layer];
    bool is_refined = before != NULL && map->n_users == 1 && !pomi_onnx_is_padded(map) &&
                      before->activation == POMI_ACTIVATION_RELU;
    if (!pomi_onnx_can_join(walker, map) && !is_refined)
        return pomi_onnx_unsupported(err, node,
                                     "activates a map that is also used elsewhere, or activated already");
    before->activation = activation;
    pomi_onnx_set_output(walker, node, map, map->layer);
    return POM_OK;
}

enum pom_status pomi_onnx_relu(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                               struct pom_error *err)
{
    return walk_activation(walker, node, POMI_ACTIVATION_RELU, err);
}

enum pom_status pomi_onnx_clip(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                               struct pom_error *err)
{
    float low, high;
    bool has_low = pomi_onnx_number(walker, node, "min", 1, &low),
         has_high = pomi_onnx_number(walker, node, "max", 2, &high);
    if (!has_low || low != 0 || (has_high && high != 6 && high < 1e30F))
        return pomi_onnx_unsupported(err, node, "clips to something other than 0 and 6");
    return walk_activation(walker, node, has_high && high == 6 ? POMI_ACTIVATION_RELU6 : POMI_ACTIVATION_RELU,
                           err);
}

/* Whether the constant has one value for each channel of a map, in the place where broadcasting puts
 * channels. */
static bool is_per_channel(const struct pomi_onnx_tensor *tensor, const struct onnx_value *map,
                           int n_channels)
{
    int place = tensor->n_dimensions - (map->channels_last ? 1 : 3);
    return tensor->n_dimensions <= 4 && place >= 0 && tensor->shape[place] == n_channels &&
           tensor->n_elements == (size_t)n_channels;
}

/* The convolution that a constant at the other input can join, or an error. */
static enum pom_status constant_joins(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      int map_index, struct onnx_value **map, struct onnx_details **details,
                                      struct pom_error *err)
{
    POMI_TRY(pomi_onnx_map_input(walker, node, map_index, map, err));
    if (!pomi_onnx_can_join(walker, *map) || !pomi_onnx_is_convolution(walker, *map))
        return pomi_onnx_unsupported(err, node,
                                     "combines a constant with something that is not a convolution");
    *details = &walker->details[(*map)->layer];
    const struct onnx_value *constant = pomi_onnx_input_of(walker, node, 1 - map_index);
    if (!is_per_channel(&constant->tensor, *map, (*details)->convolution.out))
        return pomi_onnx_unsupported(err, node, "has a constant that is not one value for each channel");
    return POM_OK;
}

/* An addition of a vector after a convolution is its bias, or the shift of a scaling before it. */
static enum pom_status walk_shift(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                  int map_index, struct pom_error *err)
{
    struct onnx_value *map = NULL;
    struct onnx_details *details = NULL;
    POMI_TRY(constant_joins(walker, node, map_index, &map, &details, err));
    bool is_scaled = details->normalisation.n_channels > 0;
    if (is_scaled ? !details->waits_for_shift : details->convolution.bias != NULL)
        return pomi_onnx_unsupported(err, node, "adds a second bias");
    if (is_scaled) free(details->normalisation.beta);
    float **shift = is_scaled ? &details->normalisation.beta : &details->convolution.bias;
    *shift = NULL;
    details->waits_for_shift = false;
    pomi_onnx_set_output(walker, node, map, map->layer);
    return pomi_onnx_vector(walker, node, 1 - map_index, details->convolution.out, shift, err);
}

/* A multiplication with a vector after a convolution: a normalisation that a converter has taken apart into
 * this and an addition. */
enum pom_status pomi_onnx_multiply(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                   struct pom_error *err)
{
    const struct onnx_value *a = pomi_onnx_input_of(walker, node, 0),
                            *b = pomi_onnx_input_of(walker, node, 1);
    struct onnx_value *map = NULL;
    struct onnx_details *details = NULL;
    bool is_scaling = node->n_inputs == 2 && a != NULL && b != NULL &&
                      ((a->kind == VALUE_MAP && b->kind == VALUE_CONSTANT) ||
                       (a->kind == VALUE_CONSTANT && b->kind == VALUE_MAP));
    if (!is_scaling) return POM_OK; /* an error when something needs it */
    int map_index = a->kind == VALUE_MAP ? 0 : 1;
    POMI_TRY(constant_joins(walker, node, map_index, &map, &details, err));
    struct pomi_normalisation *to = &details->normalisation;
    if (to->n_channels > 0) return pomi_onnx_unsupported(err, node, "scales a second time");
    int n_channels = details->convolution.out;
    POMI_TRY(pomi_onnx_vector(walker, node, 1 - map_index, n_channels, &to->gamma, err));
    to->n_channels = n_channels;
    snprintf(to->name, sizeof to->name, "%s", pomi_onnx_shorten(node->output).text);
    to->beta = calloc((size_t)n_channels, sizeof(float));
    to->mean = calloc((size_t)n_channels, sizeof(float));
    to->variance = calloc((size_t)n_channels, sizeof(float));
    if (to->beta == NULL || to->mean == NULL || to->variance == NULL)
        return pomi_fail_memory(err, (size_t)n_channels * sizeof(float), "weights");
    for (int i = 0; i < n_channels; i++) to->variance[i] = 1;
    details->waits_for_shift = true;
    pomi_onnx_set_output(walker, node, map, map->layer);
    return POM_OK;
}

enum pom_status pomi_onnx_add(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                              struct pom_error *err)
{
    struct onnx_value *a = pomi_onnx_input_of(walker, node, 0), *b = pomi_onnx_input_of(walker, node, 1);
    bool adds_maps = (a != NULL && a->kind == VALUE_MAP) || (b != NULL && b->kind == VALUE_MAP);
    if (!adds_maps) return POM_OK; /* arithmetic on shapes: an error when something needs it */
    if (node->n_inputs != 2) return pomi_onnx_unsupported(err, node, "does not add two inputs");
    if (b != NULL && b->kind == VALUE_CONSTANT) return walk_shift(walker, node, 0, err);
    if (a != NULL && a->kind == VALUE_CONSTANT) return walk_shift(walker, node, 1, err);
    POMI_TRY(pomi_onnx_map_input(walker, node, 0, &a, err));
    POMI_TRY(pomi_onnx_map_input(walker, node, 1, &b, err));
    if (pomi_onnx_is_padded(a) || pomi_onnx_is_padded(b) || a->channels_last != b->channels_last)
        return pomi_onnx_unsupported(err, node, "adds maps of different layouts");
    struct pomi_layer layer = {
        .kind = POMI_LAYER_ADD, .inputs = {a->layer, b->layer}, .kernel_px = 1, .stride_px = 1};
    return pomi_onnx_append_layer(walker, node, layer, a, err);
}
