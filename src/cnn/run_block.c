// SPDX-License-Identifier: Apache-2.0
/* The block: expand, depthwise, project, with what lies between them in the cache. */
#include "cnn/run_steps.h"

struct ring_rows {
    const struct pomi_runner *runner;
    const struct step *step;
    const void *base; /* the block's ring */
};

static const void *ring_row(const void *context, int y)
{
    const struct ring_rows *ring = context;
    if (y < 0 || y >= ring->step->expanded_height) return ring->step->padding_row;
    return move(ring->runner, ring->base, y % ring->step->expanded_rows * ring->step->expanded_row_stride);
}

/* Padding left and right of every row of the ring: other steps used this memory before. */
static void pad_ring(const struct pomi_runner *r, const struct step *step)
{
    const size_t element = r->plan->kernels->element_bytes, block = (size_t)block_channels(r);
    const size_t left = (size_t)step->expanded_left * block,
                 used = left + (size_t)step->expanded_width * block;
    const size_t row_elements = (size_t)step->expanded_row_stride, row_bytes = row_elements * element;
    char *ring = r->scratch + step->expanded.offset;
    for (char *row = ring; row < ring + step->expanded.size_bytes; row += row_bytes) {
        pomi_fill(row, left, element, step->padding);
        pomi_fill(row + used * element, row_elements - used, element, step->padding);
    }
}

/* Where a block is in its work: output rows first_row .. first_row + n_rows - 1 make the strip. */
struct strip {
    int first_row, n_rows;
    int n_expanded; /* rows of the expanded map that earlier strips left behind; the latest are in the ring */
    int first_image_row;
    char *image_rows; /* rows of the photo, converted, when that is what the block reads */
    char *depthwise;  /* the strip's results, before the projection */
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
    const struct pomk_layers *kernels = r->plan->kernels;
    const struct conv *expand = &step->conv;
    const struct tensor *input = step->input >= 0 ? &r->plan->tensors[step->input] : NULL;
    const int first_block = panel * expand->panels.panel_channels / kernels->block_channels;
    const void *ring = r->scratch + step->expanded.offset;
    if (!step->expanded_per_panel) ring = move(r, ring, first_block * step->expanded_block_stride);
    const ptrdiff_t output_row = step->output_width * block_channels(r);
    const ptrdiff_t output_block = step->strip_rows * output_row;
    /* Rows without borders between them are expanded in one run, as far as the ring goes before it wraps round. */
    const bool rows_follow = input && !input->offsets;

    struct pomk_conv call = pomi_panel_call(r, pomi_conv_call(expand), expand, panel);
    const int n_blocks = (call.panel_channels + kernels->block_channels - 1) / kernels->block_channels;
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
                pomi_point_at_tensor(r, &call, expand, input, next);
            else
                pomi_point_at_image(r, &call, step, strip->image_rows, strip->first_image_row, next);
            call.output =
                move(r, ring, slot * step->expanded_row_stride + step->expanded_left * block_channels(r));
            kernels->conv(&call, n_next * step->expanded_width);
            call.prefetch = NULL;
            next += n_next;
        }
        for (int block = 0; block < n_blocks; block++) {
            const struct ring_rows rows = {r, step, move(r, ring, block * step->expanded_block_stride)};
            void *output =
                move(r, strip->depthwise, (first_block + block) * output_block + done * output_row);
            pomi_depthwise_rows(r, step, first_block + block, row, n, ring_row, &rows, output, output_row);
        }
    }
}

/* Moves on to the strip that begins with output row `row`: converts what it reads of the photo. Returns the row of the
 * expanded map at which the next strip goes on. */
static int begin_strip(const struct pomi_runner *r, const struct step *step, struct strip *strip, int row,
                       int n_rows, const uint8_t *rgb)
{
    const struct conv *expand = &step->conv;
    strip->first_row = row;
    strip->n_rows = n_rows;
    const int end = expanded_end(step, row + n_rows - 1), n_new = end - strip->n_expanded;
    if (n_new <= 0) return strip->n_expanded;
    if (step->input == POMI_INPUT_IMAGE) {
        strip->first_image_row = strip->n_expanded * expand->stride - expand->pad_top;
        pomi_convert_image_rows(r->plan, step, rgb, strip->first_image_row,
                                (n_new - 1) * expand->stride + expand->kernel, strip->image_rows);
    }
    return end;
}

/* Output rows first .. first + n - 1, which lie in the strip, of one panel of the projection. */
static void project_rows(const struct pomi_runner *r, const struct step *step, const struct strip *strip,
                         int panel, int first, int n)
{
    static const ptrdiff_t no_offset = 0;
    const struct conv *project = &step->project;
    const struct tensor *output = &r->plan->tensors[step->output];
    const ptrdiff_t residual_row = step->residual >= 0 ? r->plan->tensors[step->residual].row_stride : 0;
    const ptrdiff_t strip_row = output->width * block_channels(r);
    struct pomk_conv call = pomi_conv_call(project);
    call.tap_offsets = &no_offset;
    call.input = move(r, strip->depthwise, (first - strip->first_row) * strip_row);
    call.input_block_stride = step->strip_rows * strip_row;
    call.pixel_stride = block_channels(r);
    pomi_point_output(r, step, &call, first);
    pomi_conv_rows(r, pomi_panel_call(r, call, project, panel), n, output->width, strip_row, output,
                   residual_row);
}

/*
 * Strip by strip: all panels are expanded and convolved depthwise, then the projection reads the strip's results of all
 * channels. Expanded rows that the next strip needs again stay in the ring. Members share the rows: each part starts
 * with a ring of its own, and a few rows at its edge are expanded twice.
 */
static void run_block_by_rows(const struct pomi_runner *r, const struct step *step, struct strip strip,
                              const uint8_t *rgb)
{
    const int height = step->output_height, n_parts = min_int(r->crew->n_members, height);
    for (int part; (part = pomi_run_claim(r, step, 0, n_parts)) < n_parts;) {
        const int begin = part_begin(height, n_parts, part), end = part_begin(height, n_parts, part + 1);
        const int first_expanded = begin * step->stride - step->pad_top;
        strip.n_expanded = first_expanded > 0 ? first_expanded : 0;
        for (int row = begin; row < end; row += step->strip_rows) {
            const int n_rows = min_int(step->strip_rows, end - row);
            const int n_expanded = begin_strip(r, step, &strip, row, n_rows, rgb);
            for (int panel = 0; panel < step->conv.panels.n_panels; panel++)
                run_block_panel(r, step, &strip, panel);
            strip.n_expanded = n_expanded;
            for (int panel = 0; panel < step->project.panels.n_panels; panel++)
                project_rows(r, step, &strip, panel, row, n_rows);
        }
    }
}

/*
 * The whole map is one strip, and weights are what costs: members share the panels, so that each weight is read by one
 * of them only. The depthwise results are common, and the projection begins when all are there.
 */
static void run_block_by_panels(const struct pomi_runner *r, const struct step *step, struct strip strip,
                                const uint8_t *rgb)
{
    const int height = step->output_height, n_parts = min_int(r->crew->n_members, height);
    const int n_expanding = step->conv.panels.n_panels, n_panels = step->project.panels.n_panels;
    strip.depthwise = r->arena + step->depthwise.offset;
    begin_strip(r, step, &strip, 0, height, rgb);
    for (int panel; (panel = pomi_run_claim(r, step, 0, n_expanding)) < n_expanding;)
        run_block_panel(r, step, &strip, panel);
    pomi_run_meet(r);
    for (int item; (item = pomi_run_claim(r, step, 1, n_panels * n_parts)) < n_panels * n_parts;) {
        const int panel = item / n_parts, part = item % n_parts;
        const int begin = part_begin(height, n_parts, part), end = part_begin(height, n_parts, part + 1);
        if (begin < end) project_rows(r, step, &strip, panel, begin, end - begin);
    }
}

/* With fewer rows for each member, those that are expanded twice and the one that some have more cost more than results from
 * other cores. */
enum { MIN_SHARED_ROWS = 4 };

void pomi_run_block(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb)
{
    const struct strip strip = {
        .image_rows = r->scratch + step->image.offset,
        .depthwise = r->scratch + step->depthwise.offset,
    };
    pomi_run_fill_border(r, &r->plan->tensors[step->output]);
    pad_ring(r, step);
    if (step->strip_rows == step->output_height && step->conv.panels.n_panels >= 2 * r->crew->n_members &&
        step->output_height < MIN_SHARED_ROWS * r->crew->n_members)
        run_block_by_panels(r, step, strip, rgb);
    else
        run_block_by_rows(r, step, strip, rgb);
    pomi_run_meet(r);
}
