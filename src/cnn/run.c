// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a plan on one photo: walks the steps, handing rows and panels to the kernels. One runner belongs to
 * one thread and owns an arena; nothing is allocated after it was made.
 *
 * Order of work never changes a result: a kernel computes each output element in one fixed chain, so strips,
 * panels and fusion only decide what is in the cache when.
 */
#include "cnn/plan.h"

#include <stdlib.h>
#include <string.h>

struct pomi_runner {
    struct pomi_plan *plan;
    float *arena;
};

enum pom_status pomi_runner_new(struct pomi_runner **runner_out, struct pomi_plan *plan,
                                struct pom_error *err)
{
    *runner_out = NULL;
    struct pomi_runner *runner = malloc(sizeof *runner);
    float *arena = pomi_vector_memory(plan->arena_floats);
    if (!runner || !arena) {
        free(runner);
        free(arena);
        return pomi_fail_memory(err, pomi_plan_arena_bytes(plan), "the working memory of a network");
    }
    pomi_plan_retain(plan);
    *runner = (struct pomi_runner){plan, arena};
    *runner_out = runner;
    return POM_OK;
}

void pomi_runner_free(struct pomi_runner *runner)
{
    if (!runner) return;
    pomi_plan_release(runner->plan);
    free(runner->arena);
    free(runner);
}

/* --- Tensors --- */

/* Pixel (row, column) of block 0; rows and columns of the border count from below zero. */
static float *pixel(const struct pomi_runner *r, const struct tensor *t, int row, int column)
{
    return r->arena + t->offset + (row + t->top) * t->row_stride + (column + t->left) * POMK_BLOCK_CHANNELS;
}

/* The arena is shared between tensors, so a border holds zeros only after its tensor's step put them there.
 */
static void zero_border(const struct pomi_runner *r, const struct tensor *t)
{
    const size_t row = (size_t)t->row_stride * sizeof(float), block = POMK_BLOCK_CHANNELS * sizeof(float);
    if (t->top + t->left + t->bottom + t->right == 0) return;
    for (int b = 0; b < t->n_blocks; b++) {
        float *from = r->arena + t->offset + b * t->block_stride;
        memset(from, 0, (size_t)t->top * row);
        for (int y = t->top; y < t->top + t->height; y++) {
            memset(from + y * t->row_stride, 0, (size_t)t->left * block);
            memset(from + y * t->row_stride + (t->left + t->width) * POMK_BLOCK_CHANNELS, 0,
                   (size_t)t->right * block);
        }
        memset(from + (t->top + t->height) * t->row_stride, 0, (size_t)t->bottom * row);
    }
}

/* --- Convolution --- */

static struct pomk_conv conv_call(const struct conv *conv)
{
    return (struct pomk_conv){
        .tap_offsets = conv->tap_offsets,
        .n_taps = conv->n_taps,
        .n_channels = conv->n_channels,
        .bias = conv->bias,
        .activation = conv->activation,
    };
}

/* The same call for one of the convolution's panels. */
static struct pomk_conv panel_call(struct pomk_conv call, const struct conv *conv, int panel)
{
    const struct pomk_panels *panels = &conv->panels;
    const ptrdiff_t channel = (ptrdiff_t)panel * panels->panel_channels,
                    block = channel / POMK_BLOCK_CHANNELS;
    call.panel_channels = panel + 1 < panels->n_panels ? panels->panel_channels : panels->last_panel_channels;
    call.weights = conv->weights + channel * conv->n_taps * conv->n_channels;
    call.bias = conv->bias + channel;
    if (call.output) call.output += block * call.output_block_stride;
    if (call.residual) call.residual += block * call.residual_block_stride;
    if (call.pooled_sums) call.pooled_sums += channel;
    if (conv->prefetch) {
        call.prefetch_floats = (size_t)call.panel_channels * (size_t)conv->n_taps * (size_t)conv->n_channels;
        call.prefetch = call.weights + call.prefetch_floats;
    }
    return call;
}

/* n_rows rows of `width` output pixels for one panel; in one go where the rows follow each other in memory.
 */
static void conv_rows(const struct pomk_kernels *kernels, struct pomk_conv call, int n_rows, int width,
                      ptrdiff_t input_row, const struct tensor *output, ptrdiff_t residual_row)
{
    const ptrdiff_t dense_row = (ptrdiff_t)width * POMK_BLOCK_CHANNELS;
    if (input_row == width * call.pixel_stride && (!call.residual || residual_row == dense_row)) {
        if (output) call.output_offsets = output->offsets;
        kernels->conv(&call, n_rows * width);
        return;
    }
    call.prefetch_floats /= (size_t)n_rows;
    for (int row = 0; row < n_rows; row++) {
        kernels->conv(&call, width);
        if (call.prefetch) call.prefetch += call.prefetch_floats;
        call.input += input_row;
        if (output) call.output += output->row_stride;
        if (call.residual) call.residual += residual_row;
    }
}

/* Converts rows first .. first + n - 1 of the photo, borders included, to the network's values. */
static void convert_image_rows(const struct pomi_plan *plan, const struct step *step, const uint8_t *rgb,
                               int first, int n, float *rows)
{
    const size_t row_values = (size_t)plan->input_px * 3;
    const ptrdiff_t left = (ptrdiff_t)step->conv.pad_left * 3, used = left + (ptrdiff_t)row_values;
    for (int y = first; y < first + n; y++, rows += step->image_row_stride) {
        if (y < 0 || y >= plan->input_px) {
            memset(rows, 0, (size_t)step->image_row_stride * sizeof *rows);
            continue;
        }
        memset(rows, 0, (size_t)left * sizeof *rows);
        memset(rows + used, 0, (size_t)(step->image_row_stride - used) * sizeof *rows);
        plan->kernels->convert_bytes(rows + left, rgb + (size_t)y * row_values, row_values, plan->pixel_scale,
                                     plan->pixel_shift);
        if (!plan->blue_first) continue;
        for (float *pixel = rows + left; pixel < rows + used; pixel += 3) {
            const float red = pixel[0];
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
    }
}

/* Where the step's convolution reads for its output row `row`, given the photo's rows converted from
 * `first_row` on. */
static void point_at_image(struct pomk_conv *call, const struct step *step, const float *image_rows,
                           int first_row, int row)
{
    call->input =
        image_rows + (row * step->conv.stride - step->conv.pad_top - first_row) * step->image_row_stride;
    call->input_block_stride = POMK_BLOCK_CHANNELS;
    call->pixel_stride = (ptrdiff_t)step->conv.stride * 3;
}

static void point_at_tensor(const struct pomi_runner *r, struct pomk_conv *call, const struct conv *conv,
                            const struct tensor *input, int row)
{
    call->input = pixel(r, input, row * conv->stride - conv->pad_top, -conv->pad_left);
    call->input_block_stride = input->block_stride;
    call->pixel_stride = (ptrdiff_t)conv->stride * POMK_BLOCK_CHANNELS;
}

static void point_output(const struct pomi_runner *r, const struct step *step, struct pomk_conv *call,
                         int row)
{
    const struct tensor *output = &r->plan->tensors[step->output];
    call->output = pixel(r, output, row, 0);
    call->output_block_stride = output->block_stride;
    if (step->residual < 0) return;
    const struct tensor *residual = &r->plan->tensors[step->residual];
    call->residual = pixel(r, residual, row, 0);
    call->residual_block_stride = residual->block_stride;
}

static void write_average(const struct pomi_plan *plan, const float *sums, size_t n_pixels, float *features)
{
    const float scale = 1.0f / (float)n_pixels;
    for (int c = 0; c < plan->n_features; c++) features[c] = sums[c] * scale;
}

static void run_conv(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb,
                     float *features)
{
    const struct pomi_plan *plan = r->plan;
    const struct conv *conv = &step->conv;
    const int height = step->output_height, width = step->output_width;
    const struct tensor *input = step->input >= 0 ? &plan->tensors[step->input] : NULL;
    const struct tensor *output = step->output >= 0 ? &plan->tensors[step->output] : NULL;
    const ptrdiff_t residual_row = step->residual >= 0 ? plan->tensors[step->residual].row_stride : 0;
    const ptrdiff_t input_row = conv->stride * (input ? input->row_stride : step->image_row_stride);
    float *image_rows = r->arena + step->image.offset, *sums = r->arena + step->sums.offset;

    if (output) zero_border(r, output);
    if (step->pooled) memset(sums, 0, step->sums.size * sizeof *sums);
    for (int y = 0; y < height; y += step->strip_rows) {
        const int n_rows = height - y < step->strip_rows ? height - y : step->strip_rows;
        struct pomk_conv call = conv_call(conv);
        if (input) {
            point_at_tensor(r, &call, conv, input, y);
        } else {
            const int first = y * conv->stride - conv->pad_top;
            convert_image_rows(plan, step, rgb, first, (n_rows - 1) * conv->stride + conv->kernel,
                               image_rows);
            point_at_image(&call, step, image_rows, first, y);
        }
        if (output)
            point_output(r, step, &call, y);
        else
            call.pooled_sums = sums;
        for (int panel = 0; panel < conv->panels.n_panels; panel++)
            conv_rows(plan->kernels, panel_call(call, conv, panel), n_rows, width, input_row, output,
                      residual_row);
    }
    if (step->pooled) write_average(plan, sums, (size_t)height * (size_t)width, features);
}

/* --- Depthwise convolution --- */

/* Input rows for one call: enough for the largest window, and for many rows of the usual 3x3. */
enum { MAX_CALL_ROWS = 2 * PLAN_MAX_WINDOW + 2 };

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* Output rows row .. row + n_rows - 1 of one block; `input_row(context, y)` finds a row at the leftmost tap.
 */
static void depthwise_rows(const struct pomi_plan *plan, const struct step *step, int block, int row,
                           int n_rows, const float *(*input_row)(const void *context, int y),
                           const void *context, float *output, ptrdiff_t output_row_stride)
{
    const ptrdiff_t n_taps = (ptrdiff_t)step->kernel * step->kernel;
    const int max_rows = (MAX_CALL_ROWS - step->kernel) / step->stride + 1;
    while (n_rows > 0) {
        const float *rows[MAX_CALL_ROWS];
        const int n = min_int(n_rows, max_rows), n_inputs = (n - 1) * step->stride + step->kernel;
        for (int i = 0; i < n_inputs; i++)
            rows[i] = input_row(context, row * step->stride - step->pad_top + i);
        plan->kernels->depthwise(&(struct pomk_depthwise){
            .rows = rows,
            .weights = step->depthwise_weights + block * n_taps * POMK_BLOCK_CHANNELS,
            .bias = step->depthwise_bias + block * POMK_BLOCK_CHANNELS,
            .output = output,
            .output_row_stride = output_row_stride,
            .n_rows = n,
            .n_pixels = step->output_width,
            .kernel = step->kernel,
            .stride = step->stride,
            .activation = step->activation,
        });
        row += n;
        n_rows -= n;
        output += n * output_row_stride;
    }
}

struct tensor_rows {
    const float *corner; /* pixel (0, -pad_left) of the block */
    ptrdiff_t row_stride;
};

static const float *tensor_row(const void *context, int y)
{
    const struct tensor_rows *rows = context;
    return rows->corner + y * rows->row_stride;
}

static void run_depthwise(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    zero_border(r, output);
    for (int block = 0; block < output->n_blocks; block++) {
        const struct tensor_rows rows = {pixel(r, input, 0, -step->pad_left) + block * input->block_stride,
                                         input->row_stride};
        depthwise_rows(r->plan, step, block, 0, output->height, tensor_row, &rows,
                       pixel(r, output, 0, 0) + block * output->block_stride, output->row_stride);
    }
}

/* --- The block: expand, depthwise, project --- */

struct ring_rows {
    const struct step *step;
    const float *base; /* the block's ring */
    const float *zeros;
};

static const float *ring_row(const void *context, int y)
{
    const struct ring_rows *ring = context;
    if (y < 0 || y >= ring->step->expanded_height) return ring->zeros;
    return ring->base + y % ring->step->expanded_rows * ring->step->expanded_row_stride;
}

/* Zeros left and right of every row of the ring: other steps used this memory before. */
static void zero_ring_sides(const struct step *step, float *ring)
{
    const ptrdiff_t left = (ptrdiff_t)step->expanded_left * POMK_BLOCK_CHANNELS;
    const ptrdiff_t used = left + (ptrdiff_t)step->expanded_width * POMK_BLOCK_CHANNELS;
    const size_t right = (size_t)(step->expanded_row_stride - used);
    for (float *row = ring; row < ring + step->expanded.size; row += step->expanded_row_stride) {
        memset(row, 0, (size_t)left * sizeof *row);
        memset(row + used, 0, right * sizeof *row);
    }
}

/* Where a block is in its work: output rows first_row .. first_row + n_rows - 1 make the strip. */
struct strip {
    int first_row, n_rows;
    int n_expanded; /* rows of the expanded map that earlier strips left behind; the latest are in the ring */
    const float *image_rows; /* rows of the photo as floats, when that is what the block reads */
    int first_image_row;
};

/* The row of the expanded map before which output row `row` has all it reads. */
static int expanded_end(const struct step *step, int row)
{
    return min_int(row * step->stride - step->pad_top + step->kernel, step->expanded_height);
}

/*
 * One panel of the expanded channels, for one strip: expanded rows go into the ring and, as soon as enough are there,
 * from the ring through the depthwise convolution.
 */
static void run_block_panel(const struct pomi_runner *r, const struct step *step, const struct strip *strip,
                            int panel)
{
    const struct pomk_kernels *kernels = r->plan->kernels;
    const struct conv *expand = &step->conv;
    const struct tensor *input = step->input >= 0 ? &r->plan->tensors[step->input] : NULL;
    const int first_block = panel * expand->panels.panel_channels / POMK_BLOCK_CHANNELS;
    float *ring = r->arena + step->expanded.offset;
    if (!step->expanded_per_panel) ring += first_block * step->expanded_block_stride;
    const ptrdiff_t output_row = (ptrdiff_t)step->output_width * POMK_BLOCK_CHANNELS;
    const ptrdiff_t output_block = step->strip_rows * output_row;
    /* Rows without borders between them are expanded in one run, as far as the ring goes before it wraps round. */
    const bool rows_follow = input && !input->offsets;

    struct pomk_conv call = panel_call(conv_call(expand), expand, panel);
    const int n_blocks = (call.panel_channels + POMK_BLOCK_CHANNELS - 1) / POMK_BLOCK_CHANNELS;
    call.output_block_stride = step->expanded_block_stride;
    call.output_offsets = step->expanded_offsets;

    int next = strip->n_expanded;
    for (int done = 0; done < strip->n_rows; done += step->depthwise_rows) {
        const int row = strip->first_row + done, n = min_int(step->depthwise_rows, strip->n_rows - done);
        const int end = expanded_end(step, row + n - 1);
        while (next < end) {
            const int slot = next % step->expanded_rows;
            const int n_next = rows_follow ? min_int(end - next, step->expanded_rows - slot) : 1;
            if (input)
                point_at_tensor(r, &call, expand, input, next);
            else
                point_at_image(&call, step, strip->image_rows, strip->first_image_row, next);
            call.output = ring + slot * step->expanded_row_stride +
                          (ptrdiff_t)step->expanded_left * POMK_BLOCK_CHANNELS;
            kernels->conv(&call, n_next * step->expanded_width);
            call.prefetch = NULL;
            next += n_next;
        }
        for (int block = 0; block < n_blocks; block++) {
            const struct ring_rows rows = {step, ring + block * step->expanded_block_stride, r->plan->zeros};
            float *output =
                r->arena + step->depthwise.offset + (first_block + block) * output_block + done * output_row;
            depthwise_rows(r->plan, step, first_block + block, row, n, ring_row, &rows, output, output_row);
        }
    }
}

/*
 * Strip by strip: all panels are expanded and convolved depthwise, then the projection reads the strip's results of all
 * channels. Expanded rows that the next strip needs again stay in the ring.
 */
static void run_block(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb)
{
    const struct pomi_plan *plan = r->plan;
    const struct conv *expand = &step->conv, *project = &step->project;
    const struct tensor *output = &plan->tensors[step->output];
    const ptrdiff_t residual_row = step->residual >= 0 ? plan->tensors[step->residual].row_stride : 0;
    const ptrdiff_t strip_row = (ptrdiff_t)output->width * POMK_BLOCK_CHANNELS;
    float *image_rows = r->arena + step->image.offset;
    static const ptrdiff_t no_offset = 0;

    zero_border(r, output);
    zero_ring_sides(step, r->arena + step->expanded.offset);
    struct strip strip = {.image_rows = image_rows};
    for (; strip.first_row < output->height; strip.first_row += step->strip_rows) {
        strip.n_rows = min_int(step->strip_rows, output->height - strip.first_row);
        const int end = expanded_end(step, strip.first_row + strip.n_rows - 1),
                  n_new = end - strip.n_expanded;
        if (step->input == POMI_INPUT_IMAGE && n_new > 0) {
            strip.first_image_row = strip.n_expanded * expand->stride - expand->pad_top;
            convert_image_rows(plan, step, rgb, strip.first_image_row,
                               (n_new - 1) * expand->stride + expand->kernel, image_rows);
        }
        for (int panel = 0; panel < expand->panels.n_panels; panel++) run_block_panel(r, step, &strip, panel);
        if (n_new > 0) strip.n_expanded = end;

        struct pomk_conv call = conv_call(project);
        call.tap_offsets = &no_offset;
        call.input = r->arena + step->depthwise.offset;
        call.input_block_stride = step->strip_rows * strip_row;
        call.pixel_stride = POMK_BLOCK_CHANNELS;
        point_output(r, step, &call, strip.first_row);
        for (int panel = 0; panel < project->panels.n_panels; panel++)
            conv_rows(plan->kernels, panel_call(call, project, panel), strip.n_rows, output->width, strip_row,
                      output, residual_row);
    }
}

/* --- The rest --- */

static void run_add(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *a = &r->plan->tensors[step->input], *b = &r->plan->tensors[step->residual];
    const struct tensor *output = &r->plan->tensors[step->output];
    zero_border(r, output);
    for (int block = 0; block < output->n_blocks; block++)
        for (int y = 0; y < output->height; y++)
            r->plan->kernels->add(pixel(r, output, y, 0) + block * output->block_stride,
                                  pixel(r, a, y, 0) + block * a->block_stride,
                                  pixel(r, b, y, 0) + block * b->block_stride, (size_t)output->width,
                                  step->activation);
}

static void run_max_pool(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    zero_border(r, output);
    for (int block = 0; block < output->n_blocks; block++)
        for (int y = 0; y < output->height; y++) {
            const float *rows[PLAN_MAX_WINDOW];
            int n_rows = 0;
            for (int ky = 0; ky < step->kernel; ky++) {
                const int from = y * step->stride - step->pad_top + ky;
                if (from >= 0 && from < input->height)
                    rows[n_rows++] = pixel(r, input, from, 0) + block * input->block_stride;
            }
            r->plan->kernels->max_pool(&(struct pomk_max_pool){
                .rows = rows,
                .n_rows = n_rows,
                .width = input->width,
                .output = pixel(r, output, y, 0) + block * output->block_stride,
                .n_pixels = output->width,
                .kernel = step->kernel,
                .stride = step->stride,
                .pad_left = step->pad_left,
            });
        }
}

static void run_global_average_pool(const struct pomi_runner *r, const struct step *step, float *features)
{
    const struct tensor *input = &r->plan->tensors[step->input];
    float *sums = r->arena + step->sums.offset;
    memset(sums, 0, step->sums.size * sizeof *sums);
    for (int block = 0; block < input->n_blocks; block++)
        for (int y = 0; y < input->height; y++)
            r->plan->kernels->sum_pixels(sums + block * POMK_BLOCK_CHANNELS,
                                         pixel(r, input, y, 0) + block * input->block_stride,
                                         (size_t)input->width);
    write_average(r->plan, sums, (size_t)input->height * (size_t)input->width, features);
}

void pomi_runner_run(struct pomi_runner *runner, const uint8_t *rgb, float *features)
{
    for (int i = 0; i < runner->plan->n_steps; i++) {
        const struct step *step = &runner->plan->steps[i];
        switch (step->kind) {
        case STEP_BLOCK:
            run_block(runner, step, rgb);
            break;
        case STEP_CONV:
            run_conv(runner, step, rgb, features);
            break;
        case STEP_DEPTHWISE:
            run_depthwise(runner, step);
            break;
        case STEP_ADD:
            run_add(runner, step);
            break;
        case STEP_MAX_POOL:
            run_max_pool(runner, step);
            break;
        case STEP_GLOBAL_AVERAGE_POOL:
            run_global_average_pool(runner, step, features);
            break;
        }
    }
}
