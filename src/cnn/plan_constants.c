// SPDX-License-Identifier: Apache-2.0
/*
 * Constants: weights packed for the plan's kernels, biases, offsets of taps and pixels, the photo's
 * preprocessing.
 */
#include "cnn/plan_builder.h"

#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

/*
 * The next bytes of plan->constants. Constants are laid out twice by the same code: first without memory, to
 * learn how much is needed (NULL is returned), then to fill it.
 */
static void *take_constants(struct plan_builder *b, size_t size_bytes)
{
    void *constants = b->plan->constants ? b->plan->constants + b->n_constants_bytes : NULL;
    b->n_constants_bytes += pomi_size_align(size_bytes, POMK_ALIGN_BYTES);
    return constants;
}

static size_t panels_columns(const struct pomk_panels *panels)
{
    return (size_t)(panels->n_panels - 1) * (size_t)panels->panel_channels +
           (size_t)panels->last_panel_channels;
}

/* One 32-bit value for each channel, floats or integers, in the kernels' order. NULL stays NULL. */
static void *take_channels(struct plan_builder *b, const void *values, int n_channels)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const struct pomk_panels panels = kernels->choose_panels(n_channels);
    const int n =
        max_int((int)panels_columns(&panels), plan_blocks(b->plan, n_channels) * kernels->block_channels);
    if (!values) return NULL;
    void *packed = take_constants(b, (size_t)n * sizeof(uint32_t));
    if (packed) kernels->pack_channels(packed, values, n_channels);
    return packed;
}

/* A layer's numbers, as they are multiplied and added. */
static const void *weights_of(const struct plan_builder *b, int layer)
{
    return b->quantized ? (const void *)b->quantized->layers[layer].weights : b->graph->layers[layer].weights;
}
static const void *bias_of(const struct plan_builder *b, int layer)
{
    return b->quantized ? (const void *)b->quantized->layers[layer].bias : b->graph->layers[layer].bias;
}

/* A layer's biases. */
static const uint32_t *take_bias(struct plan_builder *b, int index, bool reads_image)
{
    const struct pomi_layer *layer = &b->graph->layers[index];
    const int n_window = layer->kernel_px * layer->kernel_px;
    void *packed = take_channels(b, bias_of(b, index), layer->out_channels);
    if (packed)
        b->plan->kernels->pack_bias(packed, bias_of(b, index), weights_of(b, index), layer->out_channels,
                                    layer->kind == POMI_LAYER_CONV ? n_window * layer->in_channels : n_window,
                                    reads_image);
    return packed;
}

static ptrdiff_t *take_offsets(struct plan_builder *b, size_t n)
{
    ptrdiff_t *offsets = b->plan->offsets ? b->plan->offsets + b->n_offsets : NULL;
    b->n_offsets += n;
    return offsets;
}

/* How the sums of layer `writer` become what is stored of `result`: the same layer, or an addition that ends its step. */
static struct pomk_requantization make_requantization(struct plan_builder *b, int writer, int result)
{
    if (!b->quantized) return (struct pomk_requantization){0};
    const struct pomi_quantized_layer *q = &b->quantized->layers[result];
    const int n_channels = b->graph->layers[result].out_channels;
    return (struct pomk_requantization){
        .multipliers = take_channels(b, b->quantized->layers[writer].multipliers, n_channels),
        .low = q->low,
        .high = q->high,
        .coarse_multipliers = q->is_fine ? take_channels(b, q->coarse_multipliers, n_channels) : NULL,
        .coarse_zero = q->zero,
        .coarse_high =
            b->quantized->precision == POM_PRECISION_INT8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16,
    };
}

/* The taps of a convolution are the kernel's pixels, or over the photo's packed rows the kernel's rows. */
static void fill_conv(struct plan_builder *b, struct conv *conv, int index, int result, bool reads_image,
                      ptrdiff_t row_stride)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const struct pomi_layer *layer = &b->graph->layers[index];
    const int kernel = layer->kernel_px, taps_per_row = reads_image ? 1 : kernel;
    conv->n_taps = kernel * taps_per_row;
    conv->n_channels = layer->in_channels * (kernel / taps_per_row);
    conv->n_outputs = layer->out_channels;
    conv->reads_image = reads_image;
    conv->kernel = kernel;
    conv->stride = layer->stride_px;
    conv->pad_top = layer->pad_top_px;
    conv->pad_left = layer->pad_left_px;
    conv->activation = pomi_plan_activation(&b->graph->layers[result]);
    conv->requantization = make_requantization(b, index, result);
    conv->panels = kernels->choose_panels(conv->n_outputs);

    const size_t packed_bytes =
        kernels->packed_bytes(conv->n_outputs, conv->n_taps, conv->n_channels, reads_image);
    conv->channel_bytes = packed_bytes / panels_columns(&conv->panels);
    ptrdiff_t *offsets = take_offsets(b, (size_t)conv->n_taps);
    void *weights = take_constants(b, packed_bytes);
    conv->bias = take_bias(b, index, reads_image);
    if (!offsets || !weights) return;
    for (int tap = 0; tap < conv->n_taps; tap++)
        offsets[tap] = tap / taps_per_row * row_stride + tap % taps_per_row * kernels->block_channels;
    kernels->pack_weights(weights, weights_of(b, index), conv->n_outputs, conv->n_taps, conv->n_channels,
                          reads_image);
    conv->tap_offsets = offsets;
    conv->weights = weights;
}

/* Weights that are multiplied point by point: to the kernels so many taps, of which each call takes one. */
static void fill_winograd(struct plan_builder *b, struct step *step)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
    struct conv *conv = &step->conv;
    conv->n_taps = pomk_winograd_points(step->tile_px);
    conv->n_channels = layer->in_channels;
    conv->n_outputs = layer->out_channels;
    conv->stride = 1;
    conv->kernel = layer->kernel_px;
    conv->pad_top = layer->pad_top_px;
    conv->pad_left = layer->pad_left_px;
    conv->activation = pomi_plan_activation(&b->graph->layers[step->last_layer]);
    conv->panels = kernels->choose_panels(conv->n_outputs);

    const size_t packed_bytes = kernels->packed_bytes(conv->n_outputs, conv->n_taps, conv->n_channels, 0);
    const size_t n_columns = panels_columns(&conv->panels);
    conv->channel_bytes = packed_bytes / n_columns;
    void *weights = take_constants(b, packed_bytes);
    conv->bias = take_channels(b, layer->bias, conv->n_outputs);
    step->zero_bias = take_constants(b, (size_t)conv->panels.panel_channels * sizeof(float));
    const size_t n = (size_t)conv->n_outputs * (size_t)conv->n_channels * (size_t)conv->n_taps;
    if (n > b->n_winograd_weights) b->n_winograd_weights = n;
    if (!weights) return;
    pomk_winograd_weights(step->tile_px, b->winograd_weights, layer->weights, conv->n_outputs,
                          conv->n_channels);
    kernels->pack_weights(weights, b->winograd_weights, conv->n_outputs, conv->n_taps, conv->n_channels, 0);
    conv->weights = weights;
}

static void fill_depthwise(struct plan_builder *b, struct step *step, int index)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const struct pomi_layer *layer = &b->graph->layers[index];
    void *weights = take_constants(b, kernels->packed_depthwise_bytes(layer->out_channels, layer->kernel_px));
    step->depthwise_block_bytes = kernels->packed_depthwise_bytes(kernels->block_channels, layer->kernel_px);
    step->depthwise_bias = take_bias(b, index, false);
    step->requantization = make_requantization(b, index, index);
    step->depthwise_weights = weights;
    if (weights)
        kernels->pack_depthwise(weights, weights_of(b, index), layer->out_channels, layer->kernel_px);
}

/* A row of the expanded map's padding. */
static void fill_padding(struct plan_builder *b, struct step *step)
{
    const size_t row = (size_t)step->expanded_row_stride, element = b->plan->kernels->element_bytes;
    step->padding = b->quantized ? b->quantized->layers[step->layers[0]].zero : 0;
    void *padding = take_constants(b, row * element);
    if (padding) pomi_fill(padding, row, element, step->padding);
    step->padding_row = padding;
}

/* From sums over all pixels to features, and what the pixels' zero points add to the sums. */
static void fill_features(struct plan_builder *b)
{
    struct pomi_plan *plan = b->plan;
    const struct step *last = &plan->steps[plan->n_steps - 1];
    const struct pomi_layer *pool = &b->graph->layers[b->graph->n_layers - 1];
    const size_t n = (size_t)plan->n_features;
    const int n_pixels = pool->in_height_px * pool->in_width_px;
    float *scales = take_constants(b, n * sizeof *scales);
    plan->feature_scales = scales;
    if (b->quantized && !last->pooled) plan->pooled_shift = plan->tensors[last->input].zero * n_pixels;
    if (!scales) return;
    for (size_t i = 0; i < n; i++)
        scales[i] = b->quantized ? b->quantized->feature_scales[i] : 1.0f / (float)n_pixels;
}

/* Where the pixels of a map with borders lie, row after row. */
static const ptrdiff_t *make_pixel_offsets(struct plan_builder *b, int height, int width,
                                           ptrdiff_t row_stride)
{
    ptrdiff_t *offsets = take_offsets(b, (size_t)height * (size_t)width);
    if (!offsets) return NULL;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            offsets[y * width + x] = y * row_stride + x * b->plan->kernels->block_channels;
    return offsets;
}

static void fill_constants(struct plan_builder *b)
{
    struct pomi_plan *plan = b->plan;
    b->n_constants_bytes = b->n_offsets = 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        if (t->left + t->right > 0) t->offsets = make_pixel_offsets(b, t->height, t->width, t->row_stride);
    }
    for (int i = 0; i < plan->n_steps; i++) {
        struct step *step = &plan->steps[i];
        const int first = step->layers[0], last = step->last_layer;
        const bool reads_image = step->input == POMI_INPUT_IMAGE;
        const ptrdiff_t input_row =
            reads_image ? step->image_row_stride : plan->tensors[step->input].row_stride;
        switch (step->kind) {
        case STEP_BLOCK:
            fill_conv(b, &step->conv, first, first, reads_image, input_row);
            step->expanded_offsets =
                make_pixel_offsets(b, step->expanded_rows, step->expanded_width, step->expanded_row_stride);
            fill_padding(b, step);
            fill_depthwise(b, step, step->layers[1]);
            fill_conv(b, &step->project, step->layers[2], last, false, 0);
            break;
        case STEP_CONV:
            fill_conv(b, &step->conv, first, last, reads_image, input_row);
            break;
        case STEP_WINOGRAD:
            fill_winograd(b, step);
            break;
        case STEP_DEPTHWISE:
            fill_depthwise(b, step, first);
            break;
        case STEP_ADD:
            step->requantization = make_requantization(b, first, first);
            break;
        case STEP_MAX_POOL:
        case STEP_GLOBAL_AVERAGE_POOL:
            break;
        }
    }
    fill_features(b);
}

/* (v - mean) / deviation as one multiply-add; the constants in double, rounded once. Colours red, green, blue. */
static void make_preprocessing(struct plan_builder *b)
{
    struct pomi_plan *plan = b->plan;
    const enum pomi_preprocessing preprocessing = b->graph->preprocessing;
    static const struct {
        double mean[3], deviation[3];
        bool blue_first;
    } constants[] = {
        [POMI_PREPROCESSING_TF] = {{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}, false},
        [POMI_PREPROCESSING_CAFFE] = {{123.68, 116.779, 103.939}, {1, 1, 1}, true},
        [POMI_PREPROCESSING_TORCH] = {{0.485 * 255, 0.456 * 255, 0.406 * 255},
                                      {0.229 * 255, 0.224 * 255, 0.225 * 255},
                                      false},
    };
    for (int c = 0; c < 3; c++) {
        const double mean = constants[preprocessing].mean[c],
                     deviation = constants[preprocessing].deviation[c];
        plan->pixel_scale[c] = (float)(1 / deviation);
        plan->pixel_shift[c] = (float)(-mean / deviation);
        if (!b->quantized) continue;
        plan->pixel_scale[c] = POMI_IMAGE_SCALE;
        plan->pixel_shift[c] = (float)-b->quantized->pixel_offset[c];
    }
    plan->blue_first = constants[preprocessing].blue_first;
}

enum pom_status pomi_plan_make_constants(struct plan_builder *b, struct pom_error *err)
{
    fill_constants(b);
    b->plan->constants_bytes = b->n_constants_bytes;
    b->plan->constants = pomi_vector_memory(b->n_constants_bytes);
    b->plan->offsets = calloc(b->n_offsets > 0 ? b->n_offsets : 1, sizeof *b->plan->offsets);
    b->winograd_weights = malloc(b->n_winograd_weights * sizeof *b->winograd_weights + 1);
    if (!b->plan->constants || !b->plan->offsets || !b->winograd_weights)
        return pomi_fail_memory(err, b->n_constants_bytes, "the packed weights of a network");
    fill_constants(b);
    make_preprocessing(b);
    return POM_OK;
}
