// SPDX-License-Identifier: Apache-2.0
/* Additions and poolings. */
#include <string.h>

#include "cnn/run_steps.h"

void pomi_run_add(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *a = &r->plan->tensors[step->input], *b = &r->plan->tensors[step->residual];
    const struct tensor *output = &r->plan->tensors[step->output];
    pomi_run_fill_border(r, output);
    for (int block; (block = pomi_run_claim(r, step, 0, output->n_blocks)) < output->n_blocks;)
        for (int y = 0; y < output->height; y++)
            r->plan->kernels->add(&(struct pomk_add){
                .a = addend_pixel(r, a, block, y, 0),
                .b = addend_pixel(r, b, block, y, 0),
                .output = output->has_coarse ? pixel(r, output, block, y, 0) : NULL,
                .fine = output->has_fine ? fine_pixel(r, output, block, y, 0) : NULL,
                .n_pixels = (size_t)output->width,
                .activation = step->activation,
                .requantization = move_channels(step->requantization, block * block_channels(r)),
            });
    pomi_run_meet(r);
}

void pomi_run_max_pool(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    pomi_run_fill_border(r, output);
    for (int block; (block = pomi_run_claim(r, step, 0, output->n_blocks)) < output->n_blocks;)
        for (int y = 0; y < output->height; y++) {
            const void *rows[PLAN_MAX_WINDOW];
            int n_rows = 0;
            for (int ky = 0; ky < step->kernel; ky++) {
                const int from = y * step->stride - step->pad_top + ky;
                if (from >= 0 && from < input->height) rows[n_rows++] = pixel(r, input, block, from, 0);
            }
            r->plan->kernels->max_pool(&(struct pomk_max_pool){
                .rows = rows,
                .n_rows = n_rows,
                .width = input->width,
                .output = pixel(r, output, block, y, 0),
                .n_pixels = output->width,
                .kernel = step->kernel,
                .stride = step->stride,
                .pad_left = step->pad_left,
            });
        }
    pomi_run_meet(r);
}

void pomi_write_average(const struct pomi_plan *plan, const void *sums, float *features)
{
    plan->kernels->average(features, sums, (size_t)plan->n_features, plan->feature_scales,
                           plan->pooled_shift);
}

void pomi_run_global_average_pool(const struct pomi_runner *r, const struct step *step, float *features)
{
    const struct tensor *input = &r->plan->tensors[step->input];
    uint32_t *sums = (uint32_t *)(void *)(r->arena + step->sums.offset);
    for (int block; (block = pomi_run_claim(r, step, 0, input->n_blocks)) < input->n_blocks;) {
        uint32_t *block_sums = sums + block * block_channels(r);
        memset(block_sums, 0, (size_t)block_channels(r) * sizeof *block_sums);
        for (int y = 0; y < input->height; y++)
            r->plan->kernels->sum_pixels(block_sums, pixel(r, input, block, y, 0), (size_t)input->width);
    }
    pomi_run_meet(r);
    if (is_first(r)) pomi_write_average(r->plan, sums, features);
}
