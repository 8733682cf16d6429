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

/* One 32-bit value for each channel, in whole blocks. */
static void *take_channels(struct plan_builder *b, int n_channels)
{
    return take_constants(b, (size_t)plan_blocks(b->plan, n_channels) *
                                 (size_t)b->plan->kernels->block_channels * sizeof(uint32_t));
}

static ptrdiff_t *take_offsets(struct plan_builder *b, size_t n)
{
    ptrdiff_t *offsets = b->plan->offsets ? b->plan->offsets + b->n_offsets : NULL;
    b->n_offsets += n;
    return offsets;
}

/* The taps of a convolution are the kernel's pixels, or over the photo's packed rows the kernel's rows. */
static void fill_conv(struct plan_builder *b, struct conv *conv, const struct pomi_layer *layer,
                      enum pomk_activation activation, bool reads_image, ptrdiff_t row_stride)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const int kernel = layer->kernel_px, taps_per_row = reads_image ? 1 : kernel;
    conv->n_taps = kernel * taps_per_row;
    conv->n_channels = layer->in_channels * (kernel / taps_per_row);
    conv->n_outputs = layer->out_channels;
    conv->kernel = kernel;
    conv->stride = layer->stride_px;
    conv->pad_top = layer->pad_top_px;
    conv->pad_left = layer->pad_left_px;
    conv->activation = activation;
    conv->panels = kernels->choose_panels(conv->n_outputs);

    ptrdiff_t *offsets = take_offsets(b, (size_t)conv->n_taps);
    const int n_dwords = (conv->n_channels + kernels->dword_channels - 1) / kernels->dword_channels;
    conv->channel_bytes = (size_t)conv->n_taps * (size_t)n_dwords * sizeof(uint32_t);
    void *weights = take_constants(b, kernels->packed_bytes(conv->n_outputs, conv->n_taps, conv->n_channels));
    void *bias = take_channels(b, conv->n_outputs);
    if (!offsets || !weights || !bias) return;
    for (int tap = 0; tap < conv->n_taps; tap++)
        offsets[tap] = tap / taps_per_row * row_stride + tap % taps_per_row * kernels->block_channels;
    kernels->pack_weights(weights, layer->weights, conv->n_outputs, conv->n_taps, conv->n_channels);
    memcpy(bias, layer->bias, (size_t)conv->n_outputs * sizeof *layer->bias);
    conv->tap_offsets = offsets;
    conv->weights = weights;
    conv->bias = bias;
}

static void fill_depthwise(struct plan_builder *b, struct step *step, const struct pomi_layer *layer)
{
    const struct pomk_layers *kernels = b->plan->kernels;
    const int n_taps = layer->kernel_px * layer->kernel_px;
    void *weights = take_constants(b, kernels->packed_depthwise_bytes(layer->out_channels, n_taps));
    void *bias = take_channels(b, layer->out_channels);
    step->depthwise_block_bytes = kernels->packed_depthwise_bytes(kernels->block_channels, n_taps);
    if (!weights || !bias) return;
    kernels->pack_depthwise(weights, layer->weights, layer->out_channels, n_taps);
    memcpy(bias, layer->bias, (size_t)layer->out_channels * sizeof *layer->bias);
    step->depthwise_weights = weights;
    step->depthwise_bias = bias;
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
    size_t longest_row = 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        if (t->left + t->right > 0) t->offsets = make_pixel_offsets(b, t->height, t->width, t->row_stride);
    }
    for (int i = 0; i < plan->n_steps; i++) {
        struct step *step = &plan->steps[i];
        const struct pomi_layer *first = &b->graph->layers[step->layers[0]];
        const enum pomk_activation last_activation =
            pomi_plan_activation(&b->graph->layers[step->last_layer]);
        const bool reads_image = step->input == POMI_INPUT_IMAGE;
        const ptrdiff_t input_row =
            reads_image ? step->image_row_stride : plan->tensors[step->input].row_stride;
        switch (step->kind) {
        case STEP_BLOCK:
            fill_conv(b, &step->conv, first, pomi_plan_activation(first), reads_image, input_row);
            step->expanded_offsets =
                make_pixel_offsets(b, step->expanded_rows, step->expanded_width, step->expanded_row_stride);
            fill_depthwise(b, step, &b->graph->layers[step->layers[1]]);
            fill_conv(b, &step->project, &b->graph->layers[step->layers[2]], last_activation, false, 0);
            if ((size_t)step->expanded_row_stride > longest_row)
                longest_row = (size_t)step->expanded_row_stride;
            break;
        case STEP_CONV:
            fill_conv(b, &step->conv, first, last_activation, reads_image, input_row);
            break;
        case STEP_DEPTHWISE:
            fill_depthwise(b, step, first);
            break;
        case STEP_ADD:
        case STEP_MAX_POOL:
        case STEP_GLOBAL_AVERAGE_POOL:
            break;
        }
    }
    plan->zeros = take_constants(b, longest_row * plan->kernels->element_bytes);
}

/* (v - mean) / deviation as one multiply-add; the constants in double, rounded once. Colours red, green, blue. */
static void make_preprocessing(struct pomi_plan *plan, enum pomi_preprocessing preprocessing)
{
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
    }
    plan->blue_first = constants[preprocessing].blue_first;
}

enum pom_status pomi_plan_make_constants(struct plan_builder *b, struct pom_error *err)
{
    fill_constants(b);
    b->plan->constants_bytes = b->n_constants_bytes;
    b->plan->constants = pomi_vector_memory(b->n_constants_bytes);
    b->plan->offsets = calloc(b->n_offsets > 0 ? b->n_offsets : 1, sizeof *b->plan->offsets);
    if (!b->plan->constants || !b->plan->offsets)
        return pomi_fail_memory(err, b->n_constants_bytes, "the packed weights of a network");
    fill_constants(b);
    make_preprocessing(b->plan, b->graph->preprocessing);
    return POM_OK;
}
