// SPDX-License-Identifier: Apache-2.0
/*
 * From a graph to a plan: which layers run together, how their weights lie in memory, and where each tensor
 * lives.
 *
 * Everything that run.c needs is decided here, once: matching (layers to steps), borders (the zeros that
 * padding reads), strips (how many rows at a time keep a step's intermediates in the cache), constants
 * (packed weights), and the arena (tensors whose lifetimes do not overlap share memory).
 */
#include "cnn/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "base/sizes.h"

/*
 * What a strip's intermediates may occupy, in floats: within half of the second-level cache of common
 * servers, which the weights need too. A block whose whole map fits the larger bound runs in one strip, which
 * saves the ring of rows.
 */
enum {
    STRIP_FLOATS = 384 * 1024 / 4,
    WHOLE_MAP_FLOATS = 576 * 1024 / 4,
    IMAGE_STRIP_FLOATS = 64 * 1024 / 4,
    FIRST_LEVEL_FLOATS = 24 * 1024 / 4,
};

struct builder {
    struct pomi_plan *plan;
    const struct pomi_graph *graph;
    int *n_users;         /* by layer: how many layers read it */
    int *user;            /* by layer: the last that reads it */
    int *tensor_of_layer; /* -1: not in memory (yet) */
    size_t n_constants;   /* floats handed out so far */
    size_t n_offsets;
};

static int round_up_blocks(int n_channels)
{
    return (n_channels + POMK_BLOCK_CHANNELS - 1) / POMK_BLOCK_CHANNELS;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}
static int min_int(int a, int b)
{
    return a < b ? a : b;
}

float *pomi_vector_memory(size_t n_floats)
{
    const size_t huge_page_bytes = (size_t)2 << 20;
    size_t size_bytes;
    if (!pomi_size_multiply(n_floats, sizeof(float), &size_bytes) || size_bytes > SIZE_MAX - huge_page_bytes)
        return NULL;
    const size_t alignment = size_bytes >= huge_page_bytes ? huge_page_bytes : POMK_ALIGN_BYTES;
    size_bytes = pomi_size_align(size_bytes > 0 ? size_bytes : 1, alignment);
    float *memory = aligned_alloc(alignment, size_bytes);
    if (!memory) return NULL;
#if defined(__linux__)
    if (alignment == huge_page_bytes) madvise(memory, size_bytes, MADV_HUGEPAGE);
#endif
    memset(memory, 0, size_bytes);
    return memory;
}

/* --- Matching: layers to steps --- */

/* The layer that alone reads layer `index`, if it is of this kind; else -1. */
static int sole_user(const struct builder *b, int index, enum pomi_layer_kind kind)
{
    if (b->n_users[index] != 1) return -1;
    const int user = b->user[index];
    return b->graph->layers[user].kind == kind ? user : -1;
}

static bool is_pointwise(const struct pomi_layer *layer)
{
    return layer->kind == POMI_LAYER_CONV && layer->kernel_px == 1 && layer->stride_px == 1;
}

/*
 * The addition that can end a step whose last layer is `index`: it alone reads that layer, which has no
 * activation of its own, and its other operand is in memory. -1 when there is none.
 */
static int fused_add(const struct builder *b, int index, int *other_tensor)
{
    const int add = sole_user(b, index, POMI_LAYER_ADD);
    if (add < 0 || b->graph->layers[index].activation != POMI_ACTIVATION_NONE) return -1;
    const int *inputs = b->graph->layers[add].inputs;
    const int other = inputs[0] == index ? inputs[1] : inputs[0];
    if (other < 0 || b->tensor_of_layer[other] < 0) return -1;
    *other_tensor = b->tensor_of_layer[other];
    return add;
}

/* What no kernel does. Everything else that pomi_graph_derive accepts, runs. */
static enum pom_status check_layer(const struct pomi_graph *graph, int index, struct pom_error *err)
{
    const struct pomi_layer *l = &graph->layers[index];
    if (l->kind == POMI_LAYER_GLOBAL_AVERAGE_POOL && index != graph->n_layers - 1)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: a global average pooling must be the last layer", l->name);
    if (l->kind != POMI_LAYER_CONV &&
        (l->inputs[0] == POMI_INPUT_IMAGE || (l->kind == POMI_LAYER_ADD && l->inputs[1] == POMI_INPUT_IMAGE)))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: only a convolution can read the photo itself", l->name);
    if ((l->kind == POMI_LAYER_DEPTHWISE || l->kind == POMI_LAYER_MAX_POOL) &&
        (l->kernel_px > PLAN_MAX_WINDOW || l->stride_px > PLAN_MAX_WINDOW))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: kernel %d, stride %d; the largest supported here is %d", l->name,
                         l->kernel_px, l->stride_px, PLAN_MAX_WINDOW);
    return POM_OK;
}

static int new_tensor(struct builder *b, int layer)
{
    const struct pomi_layer *l = &b->graph->layers[layer];
    const int index = b->plan->n_tensors++;
    b->plan->tensors[index] = (struct tensor){
        .n_channels = l->out_channels,
        .n_blocks = round_up_blocks(l->out_channels),
        .height = l->out_height_px,
        .width = l->out_width_px,
    };
    b->tensor_of_layer[layer] = index;
    return index;
}

/* Fills the step that begins with `layer`, marking in `done` all layers it takes. */
static void match_step(struct builder *b, int layer, bool *done, struct step *step)
{
    const struct pomi_layer *layers = b->graph->layers;
    *step = (struct step){.residual = -1, .output = -1, .layers = {layer, -1, -1}, .last_layer = layer};
    const int *inputs = layers[layer].inputs;
    step->input = inputs[0] == POMI_INPUT_IMAGE ? POMI_INPUT_IMAGE : b->tensor_of_layer[inputs[0]];
    int last = layer; /* whose output and activation are the step's */

    switch (layers[layer].kind) {
    case POMI_LAYER_CONV: {
        const int depthwise = sole_user(b, layer, POMI_LAYER_DEPTHWISE);
        const int project = depthwise >= 0 ? sole_user(b, depthwise, POMI_LAYER_CONV) : -1;
        if (project >= 0 && is_pointwise(&layers[project]) &&
            (step->input == POMI_INPUT_IMAGE || is_pointwise(&layers[layer]))) {
            step->kind = STEP_BLOCK;
            step->layers[1] = depthwise;
            step->layers[2] = last = project;
            done[depthwise] = done[project] = true;
        } else {
            step->kind = STEP_CONV;
            const int pool = sole_user(b, layer, POMI_LAYER_GLOBAL_AVERAGE_POOL);
            if (pool >= 0) {
                step->pooled = true;
                done[layer] = done[pool] = true;
                return;
            }
        }
        const int add = fused_add(b, last, &step->residual);
        if (add >= 0) {
            last = add;
            done[add] = true;
        }
        break;
    }
    case POMI_LAYER_DEPTHWISE:
        step->kind = STEP_DEPTHWISE;
        break;
    case POMI_LAYER_ADD:
        step->kind = STEP_ADD;
        step->residual = b->tensor_of_layer[inputs[1]];
        break;
    case POMI_LAYER_MAX_POOL:
        step->kind = STEP_MAX_POOL;
        break;
    case POMI_LAYER_GLOBAL_AVERAGE_POOL:
        step->kind = STEP_GLOBAL_AVERAGE_POOL;
        done[layer] = true;
        return;
    }
    done[layer] = true;
    step->last_layer = last;
    step->output = new_tensor(b, last);
}

static enum pom_status match_steps(struct builder *b, bool *done, struct pom_error *err)
{
    const struct pomi_graph *graph = b->graph;
    for (int i = 0; i < graph->n_layers; i++) {
        POMI_TRY(check_layer(graph, i, err));
        const int n_inputs = graph->layers[i].kind == POMI_LAYER_ADD ? 2 : 1;
        for (int k = 0; k < n_inputs; k++)
            if (graph->layers[i].inputs[k] >= 0) {
                b->n_users[graph->layers[i].inputs[k]]++;
                b->user[graph->layers[i].inputs[k]] = i;
            }
        b->tensor_of_layer[i] = -1;
    }
    for (int i = 0; i < graph->n_layers; i++) {
        if (!done[i]) match_step(b, i, done, &b->plan->steps[b->plan->n_steps++]);
    }
    return POM_OK;
}

/* --- Geometry: borders, strips, scratch memory --- */

/* How far a window sticks out at the end of `size` inputs. */
static int overhang(int n_outputs, int stride, int kernel, int pad_begin, int size)
{
    return max_int(0, (n_outputs - 1) * stride + kernel - pad_begin - size);
}

/* Makes the tensor's border wide enough for what `layer` reads. */
static void widen_border(struct tensor *t, const struct pomi_layer *layer)
{
    t->top = max_int(t->top, layer->pad_top_px);
    t->left = max_int(t->left, layer->pad_left_px);
    t->bottom = max_int(t->bottom, overhang(layer->out_height_px, layer->stride_px, layer->kernel_px,
                                            layer->pad_top_px, t->height));
    t->right = max_int(t->right, overhang(layer->out_width_px, layer->stride_px, layer->kernel_px,
                                          layer->pad_left_px, t->width));
}

static enum pom_status too_large(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_LIMIT, "network_too_large",
                     "the network's tensors do not fit this machine's addresses");
}

/* a * b * c * d floats, such that all byte offsets within stay representable. */
static enum pom_status volume(int a, int b, int c, int d, size_t *n_floats, struct pom_error *err)
{
    size_t n;
    if (!pomi_size_multiply((size_t)a, (size_t)b, &n) || !pomi_size_multiply(n, (size_t)c, &n) ||
        !pomi_size_multiply(n, (size_t)d, &n) || n > PTRDIFF_MAX / sizeof(float) / 4)
        return too_large(err);
    *n_floats = n;
    return POM_OK;
}

static enum pom_status shape_tensors(struct builder *b, struct pom_error *err)
{
    struct pomi_plan *plan = b->plan;
    for (int i = 0; i < plan->n_steps; i++) {
        const struct step *step = &plan->steps[i];
        if (step->kind == STEP_DEPTHWISE || (step->kind == STEP_CONV && step->input != POMI_INPUT_IMAGE))
            widen_border(&plan->tensors[step->input], &b->graph->layers[step->layers[0]]);
        if (step->output >= 0) plan->tensors[step->output].first_step = i;
        if (step->output >= 0) plan->tensors[step->output].last_step = i;
        if (step->input >= 0) plan->tensors[step->input].last_step = i;
        if (step->residual >= 0) plan->tensors[step->residual].last_step = i;
    }
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        const int rows = t->top + t->height + t->bottom, columns = t->left + t->width + t->right;
        POMI_TRY(volume(t->n_blocks, rows, columns, POMK_BLOCK_CHANNELS, &t->size, err));
        t->row_stride = (ptrdiff_t)columns * POMK_BLOCK_CHANNELS;
        t->block_stride = rows * t->row_stride;
    }
    return POM_OK;
}

/* The rows of the photo that `n_rows` of a first convolution's output need, as floats. */
static enum pom_status shape_image_rows(struct step *step, const struct pomi_layer *conv, int n_rows,
                                        struct pom_error *err)
{
    const int right =
        overhang(conv->out_width_px, conv->stride_px, conv->kernel_px, conv->pad_left_px, conv->in_width_px);
    const int columns = conv->pad_left_px + conv->in_width_px + right;
    step->image_row_stride = (ptrdiff_t)columns * 3;
    return volume((n_rows - 1) * conv->stride_px + conv->kernel_px, columns, 3, 1, &step->image.size, err);
}

/* Strips of nearly equal height, at most max_rows. */
static int even_strips(int height, int max_rows)
{
    const int n_strips = (height + max_rows - 1) / max_rows;
    return (height + n_strips - 1) / n_strips;
}

static enum pom_status shape_block(const struct builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_layer *expand = &b->graph->layers[step->layers[0]],
                            *depthwise = &b->graph->layers[step->layers[1]];
    const int stride = depthwise->stride_px, kernel = depthwise->kernel_px;
    const int height = depthwise->out_height_px, width = depthwise->out_width_px;
    const int columns = depthwise->pad_left_px + expand->out_width_px +
                        overhang(width, stride, kernel, depthwise->pad_left_px, expand->out_width_px);
    const int n_blocks = round_up_blocks(expand->out_channels);
    const int panel_blocks =
        round_up_blocks(b->plan->kernels->choose_panels(expand->out_channels).panel_channels);

    size_t whole_depthwise = 0, whole_expanded = 0;
    POMI_TRY(volume(n_blocks, height, width, POMK_BLOCK_CHANNELS, &whole_depthwise, err));
    POMI_TRY(volume(panel_blocks, expand->out_height_px, columns, POMK_BLOCK_CHANNELS, &whole_expanded, err));
    step->expanded_per_panel = whole_depthwise + whole_expanded <= WHOLE_MAP_FLOATS;

    if (step->expanded_per_panel) {
        step->strip_rows = height;
        step->expanded_rows = expand->out_height_px;
    } else {
        /* One more output row costs `stride` rows of the ring and one of depthwise results. */
        const int block = n_blocks * POMK_BLOCK_CHANNELS;
        const int fixed = max_int(kernel - stride, 0) * columns, per_row = stride * columns + width;
        int rows = min_int(max_int((STRIP_FLOATS / block - fixed) / per_row, 1), height);
        if (rows > 1 && rows < height) rows &= ~1; /* depthwise rows are computed in pairs */
        step->strip_rows = even_strips(height, rows);
        step->expanded_rows = (step->strip_rows - 1) * stride + kernel;
    }
    step->expanded_height = expand->out_height_px;
    step->expanded_width = expand->out_width_px;
    step->expanded_left = depthwise->pad_left_px;
    step->expanded_row_stride = (ptrdiff_t)columns * POMK_BLOCK_CHANNELS;
    step->expanded_block_stride = step->expanded_rows * step->expanded_row_stride;
    POMI_TRY(volume(step->expanded_per_panel ? panel_blocks : n_blocks, step->expanded_rows, columns,
                    POMK_BLOCK_CHANNELS, &step->expanded.size, err));
    POMI_TRY(volume(n_blocks, step->strip_rows, width, POMK_BLOCK_CHANNELS, &step->depthwise.size, err));
    step->conv.prefetch = step->project.prefetch = step->strip_rows == height;

    const int row_floats = columns * panel_blocks * POMK_BLOCK_CHANNELS * stride;
    step->depthwise_rows = min_int(max_int(FIRST_LEVEL_FLOATS / row_floats & ~1, 2), step->strip_rows);
    if (step->input == POMI_INPUT_IMAGE) POMI_TRY(shape_image_rows(step, expand, step->expanded_rows, err));
    return POM_OK;
}

/*
 * A convolution runs panel by panel over a strip of its input. Strips keep the input in the cache while all
 * panels pass over it, but each strip streams all weights again: take them only where that moves fewer bytes.
 */
static enum pom_status shape_conv(const struct builder *b, struct step *step, struct pom_error *err)
{
    const struct pomi_layer *layer = &b->graph->layers[step->layers[0]];
    const int height = layer->out_height_px;
    step->strip_rows = height;
    if (step->input == POMI_INPUT_IMAGE) {
        POMI_TRY(shape_image_rows(step, layer, 1, err));
        const size_t rows = IMAGE_STRIP_FLOATS / (size_t)(step->image_row_stride * layer->stride_px);
        step->strip_rows = even_strips(height, rows < 1 ? 1 : min_int((int)rows, height));
        POMI_TRY(shape_image_rows(step, layer, step->strip_rows, err));
    } else {
        const struct tensor *input = &b->plan->tensors[step->input];
        const size_t row = (size_t)input->row_stride * (size_t)input->n_blocks * (size_t)layer->stride_px;
        const size_t rows = STRIP_FLOATS / row;
        const int strip_rows = even_strips(height, rows < 1 ? 1 : min_int((int)rows, height));
        const size_t n_strips = (size_t)((height + strip_rows - 1) / strip_rows);
        const size_t n_panels = (size_t)b->plan->kernels->choose_panels(layer->out_channels).n_panels;
        const size_t weights = b->plan->kernels->packed_floats(
            layer->out_channels, layer->kernel_px * layer->kernel_px, layer->in_channels);
        if (weights <= STRIP_FLOATS || n_strips * weights < n_panels * input->size)
            step->strip_rows = strip_rows;
    }
    step->conv.prefetch = step->strip_rows == height;
    if (step->pooled)
        POMI_TRY(
            volume(round_up_blocks(layer->out_channels), POMK_BLOCK_CHANNELS, 1, 1, &step->sums.size, err));
    return POM_OK;
}

static enum pomk_activation activation_of(const struct pomi_layer *layer)
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

static enum pom_status shape_steps(struct builder *b, struct pom_error *err)
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
        step->activation = activation_of(window);
        if (step->kind == STEP_BLOCK) POMI_TRY(shape_block(b, step, err));
        if (step->kind == STEP_CONV) POMI_TRY(shape_conv(b, step, err));
        if (step->kind == STEP_GLOBAL_AVERAGE_POOL)
            POMI_TRY(volume(round_up_blocks(window->out_channels), POMK_BLOCK_CHANNELS, 1, 1,
                            &step->sums.size, err));
    }
    return POM_OK;
}

/* --- The arena: tensors and scratch memory that do not live at the same time share addresses --- */

struct resident {
    size_t size, *offset;
    int first_step, last_step;
};

static int by_size_descending(const void *a, const void *b)
{
    const size_t x = ((const struct resident *)a)->size, y = ((const struct resident *)b)->size;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_offset(const void *a, const void *b)
{
    const size_t x = *(*(const struct resident *const *)a)->offset,
                 y = *(*(const struct resident *const *)b)->offset;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* First fit, largest first: `neighbours` holds those already placed that live at the same time. */
static size_t lowest_gap(const struct resident *item, struct resident **neighbours, size_t n_neighbours)
{
    size_t offset = 0;
    qsort(neighbours, n_neighbours, sizeof *neighbours, by_offset);
    for (size_t i = 0; i < n_neighbours; i++) {
        if (offset + item->size <= *neighbours[i]->offset) break;
        const size_t end = *neighbours[i]->offset + neighbours[i]->size;
        if (end > offset) offset = end;
    }
    return offset;
}

static enum pom_status lay_out_arena(struct pomi_plan *plan, struct pom_error *err)
{
    enum { SCRATCH_PER_STEP = 4 };
    const size_t max_residents = (size_t)plan->n_tensors + (size_t)plan->n_steps * SCRATCH_PER_STEP;
    struct resident *residents = calloc(max_residents, sizeof *residents);
    struct resident **neighbours = calloc(max_residents, sizeof *neighbours);
    enum pom_status status = POM_OK;
    if (!residents || !neighbours) {
        status = pomi_fail_memory(err, max_residents * (sizeof *residents + sizeof *neighbours),
                                  "the plan of a network");
        goto done;
    }
    size_t n = 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        residents[n++] = (struct resident){t->size, &t->offset, t->first_step, t->last_step};
    }
    for (int i = 0; i < plan->n_steps; i++) {
        struct step *s = &plan->steps[i];
        struct scratch *const scratch[SCRATCH_PER_STEP] = {&s->image, &s->expanded, &s->depthwise, &s->sums};
        for (int k = 0; k < SCRATCH_PER_STEP; k++)
            if (scratch[k]->size > 0)
                residents[n++] = (struct resident){scratch[k]->size, &scratch[k]->offset, i, i};
    }
    for (size_t i = 0; i < n; i++)
        residents[i].size = pomi_size_align(residents[i].size, POMK_ALIGN_BYTES / sizeof(float));
    qsort(residents, n, sizeof *residents, by_size_descending);
    for (size_t i = 0; i < n; i++) {
        size_t n_neighbours = 0;
        for (size_t k = 0; k < i; k++)
            if (residents[k].first_step <= residents[i].last_step &&
                residents[i].first_step <= residents[k].last_step)
                neighbours[n_neighbours++] = &residents[k];
        *residents[i].offset = lowest_gap(&residents[i], neighbours, n_neighbours);
        size_t end;
        if (!pomi_size_add(*residents[i].offset, residents[i].size, &end)) {
            status = too_large(err);
            goto done;
        }
        if (end > plan->arena_floats) plan->arena_floats = end;
    }
done:
    free(residents);
    free(neighbours);
    return status;
}

/* --- Constants --- */

/*
 * The next n floats of plan->constants. Constants are laid out twice by the same code: first without memory,
 * to learn how much is needed (NULL is returned), then to fill it.
 */
static float *take_constants(struct builder *b, size_t n)
{
    float *constants = b->plan->constants ? b->plan->constants + b->n_constants : NULL;
    b->n_constants += pomi_size_align(n, POMK_ALIGN_BYTES / sizeof(float));
    return constants;
}

static ptrdiff_t *take_offsets(struct builder *b, size_t n)
{
    ptrdiff_t *offsets = b->plan->offsets ? b->plan->offsets + b->n_offsets : NULL;
    b->n_offsets += n;
    return offsets;
}

/* The taps of a convolution are the kernel's pixels, or over the photo's packed rows the kernel's rows. */
static void fill_conv(struct builder *b, struct conv *conv, const struct pomi_layer *layer,
                      enum pomk_activation activation, bool reads_image, ptrdiff_t row_stride)
{
    const struct pomk_kernels *kernels = b->plan->kernels;
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
    float *weights =
        take_constants(b, kernels->packed_floats(conv->n_outputs, conv->n_taps, conv->n_channels));
    float *bias = take_constants(b, (size_t)round_up_blocks(conv->n_outputs) * POMK_BLOCK_CHANNELS);
    if (!offsets || !weights || !bias) return;
    for (int tap = 0; tap < conv->n_taps; tap++)
        offsets[tap] = tap / taps_per_row * row_stride + tap % taps_per_row * POMK_BLOCK_CHANNELS;
    kernels->pack_weights(weights, layer->weights, conv->n_outputs, conv->n_taps, conv->n_channels);
    memcpy(bias, layer->bias, (size_t)conv->n_outputs * sizeof *bias);
    conv->tap_offsets = offsets;
    conv->weights = weights;
    conv->bias = bias;
}

static void fill_depthwise(struct builder *b, struct step *step, const struct pomi_layer *layer)
{
    const size_t n_taps = (size_t)layer->kernel_px * (size_t)layer->kernel_px;
    const size_t n_lanes = (size_t)round_up_blocks(layer->out_channels) * POMK_BLOCK_CHANNELS;
    float *weights = take_constants(b, n_lanes * n_taps), *bias = take_constants(b, n_lanes);
    if (!weights || !bias) return;
    for (size_t c = 0; c < (size_t)layer->out_channels; c++) {
        float *block = weights + c / POMK_BLOCK_CHANNELS * n_taps * POMK_BLOCK_CHANNELS;
        for (size_t tap = 0; tap < n_taps; tap++)
            block[tap * POMK_BLOCK_CHANNELS + c % POMK_BLOCK_CHANNELS] = layer->weights[c * n_taps + tap];
    }
    memcpy(bias, layer->bias, (size_t)layer->out_channels * sizeof *bias);
    step->depthwise_weights = weights;
    step->depthwise_bias = bias;
}

/* Where the pixels of a map with borders lie, row after row. */
static const ptrdiff_t *make_pixel_offsets(struct builder *b, int height, int width, ptrdiff_t row_stride)
{
    ptrdiff_t *offsets = take_offsets(b, (size_t)height * (size_t)width);
    if (!offsets) return NULL;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) offsets[y * width + x] = y * row_stride + x * POMK_BLOCK_CHANNELS;
    return offsets;
}

static void fill_constants(struct builder *b)
{
    struct pomi_plan *plan = b->plan;
    b->n_constants = b->n_offsets = 0;
    size_t longest_row = 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        if (t->left + t->right > 0) t->offsets = make_pixel_offsets(b, t->height, t->width, t->row_stride);
    }
    for (int i = 0; i < plan->n_steps; i++) {
        struct step *step = &plan->steps[i];
        const struct pomi_layer *first = &b->graph->layers[step->layers[0]];
        const enum pomk_activation last_activation = activation_of(&b->graph->layers[step->last_layer]);
        const bool reads_image = step->input == POMI_INPUT_IMAGE;
        const ptrdiff_t input_row =
            reads_image ? step->image_row_stride : plan->tensors[step->input].row_stride;
        switch (step->kind) {
        case STEP_BLOCK:
            fill_conv(b, &step->conv, first, activation_of(first), reads_image, input_row);
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
    plan->zeros = take_constants(b, longest_row);
}

static enum pom_status make_constants(struct builder *b, struct pom_error *err)
{
    fill_constants(b);
    b->plan->n_constants = b->n_constants;
    b->plan->constants = pomi_vector_memory(b->n_constants);
    b->plan->offsets = calloc(b->n_offsets > 0 ? b->n_offsets : 1, sizeof *b->plan->offsets);
    if (!b->plan->constants || !b->plan->offsets)
        return pomi_fail_memory(err, b->n_constants * sizeof(float), "the packed weights of a network");
    fill_constants(b);
    return POM_OK;
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

/* --- The plan --- */

enum pom_status pomi_plan_new(struct pomi_plan **plan_out, const struct pomi_graph *graph,
                              const struct pomk_kernels *kernels, struct pom_error *err)
{
    *plan_out = NULL;
    const size_t n = (size_t)graph->n_layers;
    struct pomi_plan *plan = calloc(1, sizeof *plan);
    struct builder b = {
        .plan = plan,
        .graph = graph,
        .n_users = calloc(n, sizeof *b.n_users),
        .user = calloc(n, sizeof *b.user),
        .tensor_of_layer = calloc(n, sizeof *b.tensor_of_layer),
    };
    bool *done = calloc(n, sizeof *done);
    enum pom_status status = POM_OK;
    if (plan) {
        plan->steps = calloc(n, sizeof *plan->steps);
        plan->tensors = calloc(n, sizeof *plan->tensors);
    }
    if (!plan || !b.n_users || !b.user || !b.tensor_of_layer || !done || !plan->steps || !plan->tensors) {
        status =
            pomi_fail_memory(err, n * (sizeof *plan->steps + sizeof *plan->tensors), "the plan of a network");
        goto done;
    }
    atomic_init(&plan->n_references, 1);
    plan->kernels = kernels;
    plan->input_px = graph->input_px;
    plan->n_features = graph->layers[n - 1].out_channels;
    make_preprocessing(plan, graph->preprocessing);

    status = match_steps(&b, done, err);
    if (status == POM_OK) status = shape_tensors(&b, err);
    if (status == POM_OK) status = shape_steps(&b, err);
    if (status == POM_OK) status = lay_out_arena(plan, err);
    if (status == POM_OK) status = make_constants(&b, err);
done:
    free(b.n_users);
    free(b.user);
    free(b.tensor_of_layer);
    free(done);
    if (status == POM_OK)
        *plan_out = plan;
    else
        pomi_plan_release(plan);
    return status;
}

void pomi_plan_retain(struct pomi_plan *plan)
{
    atomic_fetch_add(&plan->n_references, 1);
}

void pomi_plan_release(struct pomi_plan *plan)
{
    if (!plan || atomic_fetch_sub(&plan->n_references, 1) > 1) return;
    free(plan->steps);
    free(plan->tensors);
    free(plan->constants);
    free(plan->offsets);
    free(plan);
}

size_t pomi_plan_arena_bytes(const struct pomi_plan *plan)
{
    return plan->arena_floats * sizeof(float);
}

size_t pomi_plan_weights_bytes(const struct pomi_plan *plan)
{
    return plan->n_constants * sizeof(float);
}
