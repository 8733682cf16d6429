// SPDX-License-Identifier: Apache-2.0
/* A convolution by itself, and the pooling that may end it. */
#include <assert.h>
#include <string.h>

#include "cnn/run_steps.h"

/* A block is 16, 32 or 64 bytes; a constant size is copied in registers. */
static void copy_block(char *to, const char *from, size_t block_bytes)
{
    for (; block_bytes >= 64; block_bytes -= 64, to += 64, from += 64) memcpy(to, from, 64);
    for (; block_bytes >= 16; block_bytes -= 16, to += 16, from += 16) memcpy(to, from, 16);
    assert(block_bytes == 0);
}

/* Copies the pixels that n_rows output rows from `row` on read, in the order in which they read them. */
static void gather(const struct pomi_runner *r, const struct step *step, int row, int n_rows)
{
    const struct tensor *input = &r->plan->tensors[step->input];
    const size_t block_bytes = (size_t)block_channels(r) * r->plan->kernels->element_bytes;
    const int stride = step->conv.stride;
    char *copies = r->scratch + step->gathered.offset;
    for (int block = 0; block < input->n_blocks; block++) {
        char *to =
            copies + (size_t)block * (size_t)step->strip_rows * (size_t)step->output_width * block_bytes;
        for (int y = row; y < row + n_rows; y++) {
            const char *from = pixel(r, input, block, y * stride - step->conv.pad_top, -step->conv.pad_left);
            for (int x = 0; x < step->output_width;
                 x++, to += block_bytes, from += (size_t)stride * block_bytes)
                copy_block(to, from, block_bytes);
        }
    }
}

static void point_at_gathered(const struct pomi_runner *r, struct pomk_conv *call, const struct step *step)
{
    call->input = r->scratch + step->gathered.offset;
    call->input_block_stride = step->strip_rows * step->output_width * block_channels(r);
    call->pixel_stride = block_channels(r);
}

static void clear_sums(const struct pomi_runner *r, const struct conv *conv, int panel, char *sums)
{
    const struct pomk_conv call = pomi_panel_call(r, (struct pomk_conv){.pooled_sums = sums}, conv, panel);
    memset(call.pooled_sums, 0, (size_t)call.panel_channels * sizeof(uint32_t));
}

void pomi_run_conv(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb, float *features)
{
    const struct pomi_plan *plan = r->plan;
    const struct conv *conv = &step->conv;
    const int height = step->output_height, width = step->output_width;
    const struct tensor *input = step->input >= 0 ? &plan->tensors[step->input] : NULL;
    const struct tensor *output = step->output >= 0 ? &plan->tensors[step->output] : NULL;
    const ptrdiff_t residual_row = step->residual >= 0 ? plan->tensors[step->residual].row_stride : 0;
    const ptrdiff_t input_row = conv->gathers ? width * block_channels(r)
                                : input       ? conv->stride * input->row_stride
                                              : conv->stride * step->image_row_stride;
    char *image_rows = r->scratch + step->image.offset, *sums = r->arena + step->sums.offset;
    /* Pooled sums take pixels in order, so there a panel stays in one hand from the first strip to the last. */
    const int n_panels = conv->panels.n_panels, n_strips = (height + step->strip_rows - 1) / step->strip_rows;
    const int strips_per_item = step->pooled ? n_strips : 1, n_items = n_strips / strips_per_item * n_panels;

    if (output) pomi_run_fill_border(r, output);
    int prepared_strip = -1; /* converted from the photo, or gathered */
    for (int item; (item = pomi_run_claim(r, step, 0, n_items)) < n_items;) {
        const int panel = item % n_panels;
        if (step->pooled) clear_sums(r, conv, panel, sums);
        for (int i = 0; i < strips_per_item; i++) {
            const int strip = item / n_panels * strips_per_item + i, y = strip * step->strip_rows;
            const int n_rows = height - y < step->strip_rows ? height - y : step->strip_rows;
            struct pomk_conv call = pomi_conv_call(conv);
            if (conv->gathers) {
                if (strip != prepared_strip) gather(r, step, y, n_rows);
                point_at_gathered(r, &call, step);
            } else if (input) {
                pomi_point_at_tensor(r, &call, conv, input, y);
            } else {
                const int first = y * conv->stride - conv->pad_top;
                if (strip != prepared_strip)
                    pomi_convert_image_rows(plan, step, rgb, first,
                                            (n_rows - 1) * conv->stride + conv->kernel, image_rows);
                pomi_point_at_image(r, &call, step, image_rows, first, y);
            }
            prepared_strip = strip;
            if (output)
                pomi_point_output(r, step, &call, y);
            else
                call.pooled_sums = sums;
            pomi_conv_rows(r, pomi_panel_call(r, call, conv, panel), n_rows, width, input_row, output,
                           residual_row);
        }
    }
    pomi_run_meet(r);
    if (step->pooled && is_first(r)) pomi_write_average(plan, sums, features);
}
