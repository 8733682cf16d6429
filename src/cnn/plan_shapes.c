// SPDX-License-Identifier: Apache-2.0
/*
 * Geometry: borders, strips and the sizes of tensors and scratch memory.
 */
#include "cnn/plan_builder.h"

#include "base/sizes.h"

/*
 * What a strip's intermediates may occupy: within half of the second-level cache of common servers, which the
 * weights need too. A block whose whole map fits the larger bound runs in one strip, which saves the ring of
 * rows.
 */
enum {
    STRIP_BYTES = 384 * 1024,
    WHOLE_MAP_BYTES = 576 * 1024,
    IMAGE_STRIP_BYTES = 64 * 1024,
    FIRST_LEVEL_BYTES = 24 * 1024,
    LINE_BYTES = 64,
};

/* How far a window sticks out at the end of `size` inputs. */
static int overhang(int n_outputs, int stride, int kernel, int pad_begin, int size)
{
    return max_int(0, (n_outputs - 1) * stride + kernel - pad_begin - size);
}

/* Makes the tensor's border wide enough for what `layer` reads, whose outputs are computed in tiles. */
static void widen_border(struct tensor *t, const struct pomi_layer *layer, int tile_px)
{
    const int height = plan_tiles(layer->out_height_px, tile_px) * tile_px;
    const int width = plan_tiles(layer->out_width_px, tile_px) * tile_px;
    t->top = max_int(t->top, layer->pad_top_px);
    t->left = max_int(t->left, layer->pad_left_px);
    t->bottom = max_int(t->bottom,
                        overhang(height, layer->stride_px, layer->kernel_px, layer->pad_top_px, t->height));
    t->right =
        max_int(t->right, overhang(width, layer->stride_px, layer->kernel_px, layer->pad_left_px, t->width));
}

enum pom_status pomi_plan_too_large(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_LIMIT, "network_too_large",
                     "the network's tensors do not fit this machine's addresses");
}

/* a * b * c elements of `element_bytes`, such that all byte offsets within stay representable. */
static enum pom_status volume(int a, int b, int c, size_t element_bytes, size_t *size_bytes,
                              struct pom_error *err)
{
    size_t n;
    if (!pomi_size_multiply((size_t)a, (size_t)b, &n) || !pomi_size_multiply(n, (size_t)c, &n) ||
        !pomi_size_multiply(n, element_bytes, &n) || n > PTRDIFF_MAX / 4)
        return pomi_plan_too_large(err);
    *size_bytes = n;
    return POM_OK;
}

static size_t block_bytes(const struct pomi_plan *plan)
{
    return (size_t)plan->kernels->block_channels * plan->kernels->element_bytes;
}

static enum pom_status shape_tensors(struct plan_builder *b, struct pom_error *err)
{
    struct pomi_plan *plan = b->plan;
    const int block_channels = plan->kernels->block_channels;
    for (int i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];
        const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
        if (step->kind == STEP_DEPTHWISE || (step->kind == STEP_CONV && step->input != POMI_INPUT_IMAGE))
            widen_border(&plan->tensors[step->input], layer, 1);
        if (step->kind == STEP_WINOGRAD)
            widen_border(&plan->tensors[step->input], layer,
                         pomi_winograd_tile_px(b->graph, step->layers[0]));
        if (step->output >= 0) plan->tensors[step->output].first_step = i;
        if (step->output >= 0) plan->tensors[step->output].last_step = i;
        if (step->input >= 0) plan->tensors[step->input].last_step = i;
        if (step->residual >= 0) plan->tensors[step->residual].last_step = i;
    }
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        const int rows = t->top + t->height + t->bottom, columns = t->left + t->width + t->right;
        if (t->has_coarse)
            POMI_TRY(volume(t->n_blocks, rows, columns, block_bytes(plan), &t->coarse.size_bytes, err));
        if (t->has_fine)
            POMI_TRY(volume(t->n_blocks, rows, columns, (size_t)block_channels * sizeof(int16_t),
                            &t->fine.size_bytes, err));
        t->row_stride = (ptrdiff_t)columns * block_channels;
        t->block_stride = rows * t->row_stride;
    }
    return POM_OK;
}

/* The rows of the photo that `n_rows` of a first convolution's output need, converted. */
static enum pom_status shape_image_rows(const struct pomi_plan *plan, struct step *step,
                                        const struct pomi_layer *conv, int n_rows, struct pom_error *err)
{
    const int right =
        overhang(conv->out_width_px, conv->stride_px, conv->kernel_px, conv->pad_left_px, conv->in_width_px);
    const int columns = conv->pad_left_px + conv->in_width_px + right;
    step->image_row_stride = (ptrdiff_t)columns * 3;
    POMI_TRY(volume((n_rows - 1) * conv->stride_px + conv->kernel_px, columns, 3,
                    plan->kernels->image_element_bytes, &step->image.size_bytes, err));
    step->image.size_bytes += sizeof(uint32_t); /* the last pixel's last dword may reach beyond the row */
    return POM_OK;
}

/* Strips of nearly equal height, at most max_rows. */
static int even_strips(int height, int max_rows)
{
    const int n_strips = (height + max_rows - 1) / max_rows;
    return (height + n_strips - 1) / n_strips;
}

/* A global average pooling's sums, 32 bits each in every format. */
static enum pom_status shape_sums(const struct pomi_plan *plan, struct step *step, int n_channels,
                                  struct pom_error *err)
{
    return volume(plan_blocks(plan, n_channels), plan->kernels->block_channels, 1, sizeof(uint32_t),
                  &step->sums.size_bytes, err);
}

static enum pom_status shape_block(const struct plan_builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_layer *expand = &b->graph->layers[step->layers[0]],
                            *depthwise = &b->graph->layers[step->layers[1]];
    const int stride = depthwise->stride_px, kernel = depthwise->kernel_px;
    const int height = depthwise->out_height_px, width = depthwise->out_width_px;
    const int columns = depthwise->pad_left_px + expand->out_width_px +
                        overhang(width, stride, kernel, depthwise->pad_left_px, expand->out_width_px);
    const struct pomi_plan *plan = b->plan;
    const int block_channels = plan->kernels->block_channels;
    const int n_blocks = plan_blocks(plan, expand->out_channels);
    const int panel_blocks =
        plan_blocks(plan, plan->kernels->choose_panels(expand->out_channels).panel_channels);

    size_t whole_depthwise = 0, whole_expanded = 0;
    POMI_TRY(volume(n_blocks, height, width, block_bytes(plan), &whole_depthwise, err));
    POMI_TRY(volume(panel_blocks, expand->out_height_px, columns, block_bytes(plan), &whole_expanded, err));
    step->expanded_per_panel = whole_depthwise + whole_expanded <= WHOLE_MAP_BYTES;

    if (step->expanded_per_panel) {
        step->strip_rows = height;
        step->expanded_rows = expand->out_height_px;
    } else {
        /* One more output row costs `stride` rows of the ring and one of depthwise results. */
        const int pixel_bytes = n_blocks * (int)block_bytes(plan);
        const int fixed = max_int(kernel - stride, 0) * columns, per_row = stride * columns + width;
        int rows = min_int(max_int((STRIP_BYTES / pixel_bytes - fixed) / per_row, 1), height);
        if (rows > 1 && rows < height) rows &= ~1; /* depthwise rows are computed in pairs */
        step->strip_rows = even_strips(height, rows);
        step->expanded_rows = (step->strip_rows - 1) * stride + kernel;
    }
    step->expanded_height = expand->out_height_px;
    step->expanded_width = expand->out_width_px;
    step->expanded_left = depthwise->pad_left_px;
    step->expanded_row_stride = (ptrdiff_t)columns * block_channels;
    step->expanded_block_stride = step->expanded_rows * step->expanded_row_stride;
    POMI_TRY(volume(step->expanded_per_panel ? panel_blocks : n_blocks, step->expanded_rows, columns,
                    block_bytes(plan), &step->expanded.size_bytes, err));
    POMI_TRY(volume(n_blocks, step->strip_rows, width, block_bytes(plan), &step->depthwise.size_bytes, err));
    step->conv.prefetch = step->project.prefetch = step->strip_rows == height;

    const int row_bytes = columns * panel_blocks * (int)block_bytes(plan) * stride;
    step->depthwise_rows = min_int(max_int(FIRST_LEVEL_BYTES / row_bytes & ~1, 2), step->strip_rows);
    if (step->input == POMI_INPUT_IMAGE)
        POMI_TRY(shape_image_rows(b->plan, step, expand, step->expanded_rows, err));
    return POM_OK;
}

/* Kernels are fastest on neighbouring pixels: a 1x1 convolution with a stride takes copies of those it reads. */
static enum pom_status shape_gathered(const struct plan_builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
    step->conv.gathers = layer->kernel_px == 1 && layer->stride_px > 1;
    if (!step->conv.gathers) return POM_OK;
    return volume(b->plan->tensors[step->input].n_blocks, step->strip_rows, layer->out_width_px,
                  block_bytes(b->plan), &step->gathered.size_bytes, err);
}

/*
 * A convolution runs panel by panel over a strip of its input. Strips keep the input in the cache while all
 * panels pass over it, but each strip streams all weights again: take them only where that moves fewer bytes.
 */
static enum pom_status shape_conv(const struct plan_builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_plan *plan = b->plan;
    const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
    const int height = layer->out_height_px;
    step->strip_rows = height;
    if (step->input == POMI_INPUT_IMAGE) {
        POMI_TRY(shape_image_rows(b->plan, step, layer, 1, err));
        const size_t row_bytes = (size_t)step->image_row_stride * plan->kernels->image_element_bytes;
        const size_t rows = IMAGE_STRIP_BYTES / (row_bytes * (size_t)layer->stride_px);
        step->strip_rows = even_strips(height, rows < 1 ? 1 : min_int((int)rows, height));
        POMI_TRY(shape_image_rows(b->plan, step, layer, step->strip_rows, err));
    } else {
        const struct tensor *input = &plan->tensors[step->input];
        /* Of what a stride passes over, whole cache lines are not read. */
        const int used = min_int(layer->kernel_px, layer->stride_px);
        const int used_columns = block_bytes(plan) >= LINE_BYTES ? used : layer->stride_px;
        const size_t row_bytes = (size_t)input->row_stride * plan->kernels->element_bytes *
                                 (size_t)input->n_blocks * (size_t)used * (size_t)used_columns /
                                 (size_t)layer->stride_px; /* for each row of the output */
        const size_t rows = STRIP_BYTES / (row_bytes + 1);
        const int strip_rows = even_strips(height, rows < 1 ? 1 : min_int((int)rows, height));
        const size_t n_strips = (size_t)((height + strip_rows - 1) / strip_rows);
        const size_t n_panels = (size_t)plan->kernels->choose_panels(layer->out_channels).n_panels;
        const size_t weights_bytes = plan->kernels->packed_bytes(
            layer->out_channels, layer->kernel_px * layer->kernel_px, layer->in_channels, 0);
        if (weights_bytes <= STRIP_BYTES || n_strips * weights_bytes < n_panels * row_bytes * (size_t)height)
            step->strip_rows = strip_rows;
        POMI_TRY(shape_gathered(b, step, err));
    }
    step->conv.prefetch = step->strip_rows == height;
    if (step->pooled) POMI_TRY(shape_sums(plan, step, layer->out_channels, err));
    return POM_OK;
}

/* As shape_conv, with the transformed patches in the place of the input. */
static enum pom_status shape_winograd(const struct plan_builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_plan *plan = b->plan;
    const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
    const struct pomk_panels panels = plan->kernels->choose_panels(layer->out_channels);
    const int n_blocks = plan_blocks(plan, layer->in_channels);
    const int panel_blocks = plan_blocks(plan, max_int(panels.panel_channels, panels.last_panel_channels));
    step->tile_px = pomi_winograd_tile_px(b->graph, step->layers[0]);
    step->tile_rows = plan_tiles(step->output_height, step->tile_px);
    step->tile_columns = plan_tiles(step->output_width, step->tile_px);

    const size_t points_bytes = (size_t)pomk_winograd_points(step->tile_px) * sizeof(float);
    size_t row_bytes = 0, weights_bytes = 0;
    POMI_TRY(
        volume(n_blocks, step->tile_columns, plan->kernels->block_channels, points_bytes, &row_bytes, err));
    POMI_TRY(volume(layer->in_channels, layer->out_channels, 1, points_bytes, &weights_bytes, err));
    const size_t rows = STRIP_BYTES / row_bytes, n_rows = (size_t)step->tile_rows;
    const int strip_rows = even_strips(step->tile_rows, rows < 1 ? 1 : min_int((int)rows, step->tile_rows));
    const size_t n_strips = (n_rows + (size_t)strip_rows - 1) / (size_t)strip_rows;
    step->strip_rows = n_strips * weights_bytes < (size_t)panels.n_panels * n_rows * row_bytes
                           ? strip_rows
                           : step->tile_rows;
    step->conv.prefetch = step->strip_rows == step->tile_rows;

    const int n_tiles = step->strip_rows * step->tile_columns;
    const int block_channels = plan->kernels->block_channels;
    POMI_TRY(volume(n_blocks, n_tiles, block_channels, points_bytes, &step->points.size_bytes, err));
    POMI_TRY(volume(panel_blocks, n_tiles, block_channels, points_bytes, &step->products.size_bytes, err));
    const size_t apart = (size_t)block_channels * points_bytes; /* see point_stride in run_winograd.c */
    step->points.size_bytes += apart;
    step->products.size_bytes += apart;
    return POM_OK;
}

enum pomk_activation pomi_plan_activation(const struct pomi_layer *layer)
{
    switch (layer->activation) {
    case POMI_ACTIVATION_RELU:
        return POMK_ACTIVATION_RELU;
    case POMI_ACTIVATION_RELU6:
        return POMK_ACTIVATION_RELU6;
    case POMI_ACTIVATION_NONE:
        break;
    }
    return POMK_ACTIVATION_NONE;
}

static enum pom_status shape_steps(struct plan_builder *b, struct pom_error *err)
{
    for (int i = 0; i < b->plan->n_steps; i++) {
        struct step *step = &b->plan->steps[i];
        const struct pomi_layer *window =
            &b->graph->layers[step->kind == STEP_BLOCK ? step->layers[1] : step->layers[0]];
        step->kernel = window->kernel_px;
        step->stride = window->stride_px;
        step->pad_top = window->pad_top_px;
        step->pad_left = window->pad_left_px;
        step->output_height = window->out_height_px;
        step->output_width = window->out_width_px;
        step->activation = pomi_plan_activation(window);
        if (step->kind == STEP_BLOCK) POMI_TRY(shape_block(b, step, err));
        if (step->kind == STEP_CONV) POMI_TRY(shape_conv(b, step, err));
        if (step->kind == STEP_WINOGRAD) POMI_TRY(shape_winograd(b, step, err));
        if (step->kind == STEP_GLOBAL_AVERAGE_POOL)
            POMI_TRY(shape_sums(b->plan, step, window->out_channels, err));
    }
    return POM_OK;
}

enum pom_status pomi_plan_shape(struct plan_builder *b, struct pom_error *err)
{
    POMI_TRY(shape_tensors(b, err));
    return shape_steps(b, err);
}
