// SPDX-License-Identifier: Apache-2.0
/* What the convolution kernels are told: which weights, where they read and write. */
#include "cnn/run_steps.h"

void pomi_run_fill_border(const struct pomi_runner *r, const struct tensor *t)
{
    const size_t element = r->plan->kernels->element_bytes, block = (size_t)block_channels(r);
    if (!is_first(r) || !t->has_coarse || t->top + t->left + t->bottom + t->right == 0) return;
    for (int b = 0; b < t->n_blocks; b++) {
        pomi_fill(pixel(r, t, b, -t->top, -t->left), (size_t)(t->top * t->row_stride), element, t->zero);
        for (int y = 0; y < t->height; y++) {
            pomi_fill(pixel(r, t, b, y, -t->left), (size_t)t->left * block, element, t->zero);
            pomi_fill(pixel(r, t, b, y, t->width), (size_t)t->right * block, element, t->zero);
        }
        pomi_fill(pixel(r, t, b, t->height, -t->left), (size_t)(t->bottom * t->row_stride), element, t->zero);
    }
}

struct pomk_conv pomi_conv_call(const struct conv *conv)
{
    return (struct pomk_conv){
        .tap_offsets = conv->tap_offsets,
        .n_taps = conv->n_taps,
        .n_channels = conv->n_channels,
        .reads_image = conv->reads_image,
        .bias = conv->bias,
        .activation = conv->activation,
        .requantization = conv->requantization,
    };
}

static const void *move_residual(const struct pomi_runner *r, const void *from, ptrdiff_t n_elements)
{
    return from ? (const char *)from + n_elements * (ptrdiff_t)r->plan->kernels->fine_element_bytes : NULL;
}

struct pomk_conv pomi_panel_call(const struct pomi_runner *r, struct pomk_conv call, const struct conv *conv,
                                 int panel)
{
    const struct pomk_panels *panels = &conv->panels;
    const ptrdiff_t channel = (ptrdiff_t)panel * panels->panel_channels, block = channel / block_channels(r);
    call.panel_channels = panel + 1 < panels->n_panels ? panels->panel_channels : panels->last_panel_channels;
    const char *weights = conv->weights + (size_t)channel * conv->channel_bytes;
    call.weights = weights;
    call.bias = conv->bias + channel;
    call.requantization = move_channels(call.requantization, channel);
    call.output = move(r, call.output, block * call.output_block_stride);
    if (call.fine) call.fine += block * call.output_block_stride;
    call.residual = move_residual(r, call.residual, block * call.residual_block_stride);
    if (call.pooled_sums) call.pooled_sums = (uint32_t *)call.pooled_sums + channel;
    if (conv->prefetch) {
        call.prefetch_bytes = (size_t)call.panel_channels * conv->channel_bytes;
        call.prefetch = weights + call.prefetch_bytes;
    }
    return call;
}

void pomi_point_at_tensor(const struct pomi_runner *r, struct pomk_conv *call, const struct conv *conv,
                          const struct tensor *input, int row)
{
    call->input = pixel(r, input, 0, row * conv->stride - conv->pad_top, -conv->pad_left);
    call->input_block_stride = input->block_stride;
    call->pixel_stride = conv->stride * block_channels(r);
}

void pomi_point_output(const struct pomi_runner *r, const struct step *step, struct pomk_conv *call, int row)
{
    const struct tensor *output = &r->plan->tensors[step->output];
    call->output = output->has_coarse ? pixel(r, output, 0, row, 0) : NULL;
    call->fine = output->has_fine ? fine_pixel(r, output, 0, row, 0) : NULL;
    call->output_block_stride = output->block_stride;
    if (step->residual < 0) return;
    const struct tensor *residual = &r->plan->tensors[step->residual];
    call->residual = addend_pixel(r, residual, 0, row, 0);
    call->residual_block_stride = residual->block_stride;
}

void pomi_conv_rows(const struct pomi_runner *r, struct pomk_conv call, int n_rows, int width,
                    ptrdiff_t input_row, const struct tensor *output, ptrdiff_t residual_row)
{
    const struct pomk_layers *kernels = r->plan->kernels;
    const ptrdiff_t dense_row = width * block_channels(r);
    if (input_row == width * call.pixel_stride && (!call.residual || residual_row == dense_row)) {
        if (output) call.output_offsets = output->offsets;
        kernels->conv(&call, n_rows * width);
        return;
    }
    const size_t input_element = call.reads_image ? kernels->image_element_bytes : kernels->element_bytes;
    call.prefetch_bytes /= (size_t)n_rows;
    for (int row = 0; row < n_rows; row++) {
        kernels->conv(&call, width);
        if (call.prefetch) call.prefetch = (const char *)call.prefetch + call.prefetch_bytes;
        call.input = (const char *)call.input + input_row * (ptrdiff_t)input_element;
        if (output) call.output = move(r, call.output, output->row_stride);
        if (call.fine) call.fine += output->row_stride;
        call.residual = move_residual(r, call.residual, residual_row);
    }
}
