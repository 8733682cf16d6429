// SPDX-License-Identifier: Apache-2.0
/* Depthwise convolution: by itself, and the rows of it that a block asks for. */
#include "cnn/run_steps.h"

/* Input rows for one call: enough for the largest window, and for many rows of the usual 3x3. */
enum { MAX_CALL_ROWS = 2 * PLAN_MAX_WINDOW + 2 };

void pomi_depthwise_rows(const struct pomi_runner *r, const struct step *step, int block, int row, int n_rows,
                         const void *(*input_row)(const void *context, int y), const void *context,
                         void *output, ptrdiff_t output_row_stride)
{
    const int max_rows = (MAX_CALL_ROWS - step->kernel) / step->stride + 1;
    while (n_rows > 0) {
        const void *rows[MAX_CALL_ROWS];
        const int n = min_int(n_rows, max_rows), n_inputs = (n - 1) * step->stride + step->kernel;
        for (int i = 0; i < n_inputs; i++)
            rows[i] = input_row(context, row * step->stride - step->pad_top + i);
        r->plan->kernels->depthwise(&(struct pomk_depthwise){
            .rows = rows,
            .weights = step->depthwise_weights + (size_t)block * step->depthwise_block_bytes,
            .bias = step->depthwise_bias + block * block_channels(r),
            .output = output,
            .output_row_stride = output_row_stride,
            .n_rows = n,
            .n_pixels = step->output_width,
            .kernel = step->kernel,
            .stride = step->stride,
            .activation = step->activation,
            .requantization = move_channels(step->requantization, block * block_channels(r)),
        });
        row += n;
        n_rows -= n;
        output = move(r, output, n * output_row_stride);
    }
}

struct tensor_rows {
    const struct pomi_runner *runner;
    const void *corner; /* pixel (0, -pad_left) of the block */
    ptrdiff_t row_stride;
};

static const void *tensor_row(const void *context, int y)
{
    const struct tensor_rows *rows = context;
    return move(rows->runner, rows->corner, y * rows->row_stride);
}

void pomi_run_depthwise(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    pomi_run_fill_border(r, output);
    for (int block; (block = pomi_run_claim(r, step, 0, output->n_blocks)) < output->n_blocks;) {
        const struct tensor_rows rows = {r, pixel(r, input, block, 0, -step->pad_left), input->row_stride};
        pomi_depthwise_rows(r, step, block, 0, output->height, tensor_row, &rows,
                            pixel(r, output, block, 0, 0), output->row_stride);
    }
    pomi_run_meet(r);
}
