// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a plan on one photo: walks the steps, handing rows and panels to the kernels. One runner belongs to
 * one thread and owns an arena; nothing is allocated after it was made.
 *
 * Order of work never changes a result: a kernel computes each output element in one fixed chain, so strips,
 * panels and fusion only decide what is in the cache when. Nor does it matter who works: several members may walk
 * the steps side by side. In each step everyone has a share of the panels or rows, much the same rows from step to step,
 * for what another core wrote is slow to read; whoever is done takes from the others' shares what they have not begun, so
 * that a member whose core is wanted elsewhere does less; then they meet.
 */
#include "cnn/plan.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cnn/team.h"

/* What the members of a runner share. */
struct crew {
    struct pomi_team *team; /* NULL: one member */
    int n_members;
    struct pomi_runner *members; /* [n_members]; the first is the runner that others see */
    atomic_int *claims; /* [n_steps][PHASES][n_members]: how many items of a member's share are taken */
    const uint8_t *rgb; /* of the photo at hand */
    float *features;
};

enum { PHASES = 2 };

/* One member. */
struct pomi_runner {
    struct pomi_plan *plan;
    char *arena;   /* the tensors, shared by all members */
    char *scratch; /* laid out the same: working memory of this member. The first's is `arena`. */
    struct crew *crew;
    int member;
};

static void walk(void *crew, int member);

/* Gives the crew, which has none, its members; those that were made are there when it fails. */
static enum pom_status make_members(struct crew *crew, struct pomi_plan *plan, int n_members,
                                    struct pom_error *err)
{
    crew->members = calloc((size_t)n_members, sizeof *crew->members);
    crew->claims = calloc((size_t)plan->n_steps * PHASES * (size_t)n_members, sizeof *crew->claims);
    if (!crew->members || !crew->claims)
        return pomi_fail_memory(err, (size_t)n_members * sizeof *crew->members, "the threads of a photo");
    for (int i = 0; i < n_members; i++) {
        struct pomi_runner *member = &crew->members[i];
        *member = (struct pomi_runner){.plan = plan, .crew = crew, .member = i};
        member->scratch = pomi_vector_memory(plan->arena_bytes);
        if (!member->scratch)
            return pomi_fail_memory(err, pomi_plan_arena_bytes(plan), "the working memory of a network");
        member->arena = crew->members[0].scratch;
        crew->n_members++;
    }
    return n_members > 1 ? pomi_team_new(&crew->team, n_members, walk, crew, err) : POM_OK;
}

static void crew_free(struct crew *crew)
{
    pomi_team_free(crew->team);
    for (int i = 0; i < crew->n_members; i++) free(crew->members[i].scratch);
    free(crew->members);
    free(crew->claims);
    free(crew);
}

enum pom_status pomi_runner_new_threads(struct pomi_runner **runner, struct pomi_plan *plan, int n_threads,
                                        struct pom_error *err)
{
    assert(n_threads > 0);
    *runner = NULL;
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew) return pomi_fail_memory(err, sizeof *crew, "the threads of a photo");
    const enum pom_status status = make_members(crew, plan, n_threads, err);
    if (status != POM_OK) {
        crew_free(crew);
        return status;
    }
    pomi_plan_retain(plan);
    *runner = &crew->members[0];
    return POM_OK;
}

enum pom_status pomi_runner_new(struct pomi_runner **runner, struct pomi_plan *plan, struct pom_error *err)
{
    return pomi_runner_new_threads(runner, plan, 1, err);
}

void pomi_runner_free(struct pomi_runner *runner)
{
    if (!runner) return;
    pomi_plan_release(runner->plan);
    crew_free(runner->crew);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* --- Sharing the work --- */

/* Where part `index` of `n_parts` begins when n items are shared out. */
static int part_begin(int n, int n_parts, int index)
{
    return (n * index + n_parts - 1) / n_parts;
}

/* The next of n items of the step's phase that nobody has, of this member's share first; n when all are taken. */
static int claim(const struct pomi_runner *r, const struct step *step, int phase, int n)
{
    const int n_members = r->crew->n_members;
    atomic_int *taken = r->crew->claims + ((step - r->plan->steps) * PHASES + phase) * n_members;
    for (int i = 0; i < n_members; i++) {
        const int owner = (r->member + i) % n_members, end = part_begin(n, n_members, owner + 1);
        const int item = part_begin(n, n_members, owner) + atomic_fetch_add(&taken[owner], 1);
        if (item < end) return item;
    }
    return n;
}

static void meet(const struct pomi_runner *r)
{
    if (r->crew->team) pomi_team_meet(r->crew->team);
}

static bool is_first(const struct pomi_runner *r)
{
    return r->member == 0;
}

/* --- Tensors --- */

static ptrdiff_t block_channels(const struct pomi_runner *r)
{
    return r->plan->kernels->block_channels;
}

/* A place so many elements after another. Null stays null. */
static void *move(const struct pomi_runner *r, const void *from, ptrdiff_t n_elements)
{
    return from ? (char *)from + n_elements * (ptrdiff_t)r->plan->kernels->element_bytes : NULL;
}

/* Pixel (row, column) of a block; rows and columns of the border count from below zero. */
static ptrdiff_t pixel_offset(const struct pomi_runner *r, const struct tensor *t, int block, int row,
                              int column)
{
    return block * t->block_stride + (row + t->top) * t->row_stride + (column + t->left) * block_channels(r);
}

static void *pixel(const struct pomi_runner *r, const struct tensor *t, int block, int row, int column)
{
    return move(r, r->arena + t->coarse.offset, pixel_offset(r, t, block, row, column));
}

static int16_t *fine_pixel(const struct pomi_runner *r, const struct tensor *t, int block, int row,
                           int column)
{
    return (int16_t *)(void *)(r->arena + t->fine.offset) + pixel_offset(r, t, block, row, column);
}

/* What an addition reads: the fine form where there is one. */
static const void *addend_pixel(const struct pomi_runner *r, const struct tensor *t, int block, int row,
                                int column)
{
    return t->has_fine ? fine_pixel(r, t, block, row, column) : pixel(r, t, block, row, column);
}

/* The arena is shared between tensors, so a border holds its value only after its tensor's step put it there. */
static void fill_border(const struct pomi_runner *r, const struct tensor *t)
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

/* --- Convolution --- */

static struct pomk_conv conv_call(const struct conv *conv)
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

static struct pomk_requantization move_channels(struct pomk_requantization q, ptrdiff_t channel)
{
    if (q.multipliers) q.multipliers += channel;
    if (q.coarse_multipliers) q.coarse_multipliers += channel;
    return q;
}

static const void *move_residual(const struct pomi_runner *r, const void *from, ptrdiff_t n_elements)
{
    return from ? (const char *)from + n_elements * (ptrdiff_t)r->plan->kernels->fine_element_bytes : NULL;
}

/* The same call for one of the convolution's panels. */
static struct pomk_conv panel_call(const struct pomi_runner *r, struct pomk_conv call,
                                   const struct conv *conv, int panel)
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

/* n_rows rows of `width` output pixels for one panel; in one go where the rows follow each other in memory.
 */
static void conv_rows(const struct pomi_runner *r, struct pomk_conv call, int n_rows, int width,
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

/* The network's first channel is the photo's third. */
static void swap_red_and_blue(void *row, size_t n_pixels, size_t element_bytes)
{
    assert(element_bytes == sizeof(uint32_t) || element_bytes == sizeof(uint16_t));
    if (element_bytes == sizeof(uint32_t))
        for (uint32_t *pixel = row, *end = pixel + 3 * n_pixels; pixel < end; pixel += 3) {
            const uint32_t red = pixel[0];
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
    else
        for (uint16_t *pixel = row, *end = pixel + 3 * n_pixels; pixel < end; pixel += 3) {
            const uint16_t red = pixel[0];
            pixel[0] = pixel[2];
            pixel[2] = red;
        }
}

/* Converts rows first .. first + n - 1 of the photo, borders included, to the network's values. */
static void convert_image_rows(const struct pomi_plan *plan, const struct step *step, const uint8_t *rgb,
                               int first, int n, char *row)
{
    const size_t element = plan->kernels->image_element_bytes, n_pixels = (size_t)plan->input_px;
    const size_t row_bytes = (size_t)step->image_row_stride * element;
    const size_t left = (size_t)step->conv.pad_left * 3 * element, used = left + n_pixels * 3 * element;
    for (int y = first; y < first + n; y++, row += row_bytes) {
        if (y < 0 || y >= plan->input_px) {
            memset(row, 0, row_bytes);
            continue;
        }
        memset(row, 0, left);
        memset(row + used, 0, row_bytes - used);
        plan->kernels->convert_bytes(row + left, rgb + (size_t)y * n_pixels * 3, n_pixels * 3,
                                     plan->pixel_scale, plan->pixel_shift);
        if (plan->blue_first) swap_red_and_blue(row + left, n_pixels, element);
    }
}

/* Where the step's convolution reads for its output row `row`, given the photo's rows converted from
 * `first_row` on. */
static void point_at_image(const struct pomi_runner *r, struct pomk_conv *call, const struct step *step,
                           const char *image_rows, int first_row, int row)
{
    const int image_row = row * step->conv.stride - step->conv.pad_top - first_row;
    call->input =
        image_rows + image_row * step->image_row_stride * (ptrdiff_t)r->plan->kernels->image_element_bytes;
    call->input_block_stride = block_channels(r);
    call->pixel_stride = (ptrdiff_t)step->conv.stride * 3;
}

static void point_at_tensor(const struct pomi_runner *r, struct pomk_conv *call, const struct conv *conv,
                            const struct tensor *input, int row)
{
    call->input = pixel(r, input, 0, row * conv->stride - conv->pad_top, -conv->pad_left);
    call->input_block_stride = input->block_stride;
    call->pixel_stride = conv->stride * block_channels(r);
}

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

static void point_output(const struct pomi_runner *r, const struct step *step, struct pomk_conv *call,
                         int row)
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

static void write_average(const struct pomi_plan *plan, const void *sums, float *features)
{
    plan->kernels->average(features, sums, (size_t)plan->n_features, plan->feature_scales,
                           plan->pooled_shift);
}

static void clear_sums(const struct pomi_runner *r, const struct conv *conv, int panel, char *sums)
{
    const struct pomk_conv call = panel_call(r, (struct pomk_conv){.pooled_sums = sums}, conv, panel);
    memset(call.pooled_sums, 0, (size_t)call.panel_channels * sizeof(uint32_t));
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
    const ptrdiff_t input_row = conv->gathers ? width * block_channels(r)
                                : input       ? conv->stride * input->row_stride
                                              : conv->stride * step->image_row_stride;
    char *image_rows = r->scratch + step->image.offset, *sums = r->arena + step->sums.offset;
    /* Pooled sums take pixels in order, so there a panel stays in one hand from the first strip to the last. */
    const int n_panels = conv->panels.n_panels, n_strips = (height + step->strip_rows - 1) / step->strip_rows;
    const int strips_per_item = step->pooled ? n_strips : 1, n_items = n_strips / strips_per_item * n_panels;

    if (output) fill_border(r, output);
    int prepared_strip = -1; /* converted from the photo, or gathered */
    for (int item; (item = claim(r, step, 0, n_items)) < n_items;) {
        const int panel = item % n_panels;
        if (step->pooled) clear_sums(r, conv, panel, sums);
        for (int i = 0; i < strips_per_item; i++) {
            const int strip = item / n_panels * strips_per_item + i, y = strip * step->strip_rows;
            const int n_rows = height - y < step->strip_rows ? height - y : step->strip_rows;
            struct pomk_conv call = conv_call(conv);
            if (conv->gathers) {
                if (strip != prepared_strip) gather(r, step, y, n_rows);
                point_at_gathered(r, &call, step);
            } else if (input) {
                point_at_tensor(r, &call, conv, input, y);
            } else {
                const int first = y * conv->stride - conv->pad_top;
                if (strip != prepared_strip)
                    convert_image_rows(plan, step, rgb, first, (n_rows - 1) * conv->stride + conv->kernel,
                                       image_rows);
                point_at_image(r, &call, step, image_rows, first, y);
            }
            prepared_strip = strip;
            if (output)
                point_output(r, step, &call, y);
            else
                call.pooled_sums = sums;
            conv_rows(r, panel_call(r, call, conv, panel), n_rows, width, input_row, output, residual_row);
        }
    }
    meet(r);
    if (step->pooled && is_first(r)) write_average(plan, sums, features);
}

/* --- Winograd's convolution --- */

/* The step's points, or products, of n_blocks blocks of n_tiles tiles: how far those of different points are apart. An odd number of pixels
 * keeps them out of each other's way in the cache. */
static ptrdiff_t point_stride(const struct pomi_runner *r, int n_blocks, int n_tiles)
{
    return ((ptrdiff_t)n_blocks * n_tiles | 1) * block_channels(r);
}

/* The points of row `row` of tiles of one block, which is row `row - first_row` of the strip that has n_tiles. */
static void transform_patches(const struct pomi_runner *r, const struct step *step, int block, int row,
                              int first_row, int n_tiles, float *points)
{
    const struct tensor *input = &r->plan->tensors[step->input];
    const int y = row * step->tile_px - step->conv.pad_top;
    r->plan->kernels->winograd_patches(&(struct pomk_winograd_patches){
        .tile_px = step->tile_px,
        .input = pixel(r, input, block, y, -step->conv.pad_left),
        .row_stride = input->row_stride,
        .n_tiles = step->tile_columns,
        .points = points +
                  ((ptrdiff_t)block * n_tiles + (row - first_row) * step->tile_columns) * block_channels(r),
        .point_stride = point_stride(r, input->n_blocks, n_tiles),
    });
}

/* Multiplies the points of a strip's n_tiles tiles with one panel's weights. */
static void multiply_points(const struct pomi_runner *r, const struct step *step, int panel, int n_tiles,
                            const float *points, float *products)
{
    static const ptrdiff_t no_offset = 0;
    const struct conv *conv = &step->conv;
    const int n_blocks = r->plan->tensors[step->input].n_blocks;
    struct pomk_conv call = panel_call(r, conv_call(conv), conv, panel);
    const size_t weights_bytes = (size_t)call.panel_channels * conv->channel_bytes / (size_t)conv->n_taps;
    const int panel_blocks = (call.panel_channels + (int)block_channels(r) - 1) / (int)block_channels(r);
    const char *weights = call.weights;
    const void *bias = call.bias;
    call.tap_offsets = &no_offset;
    call.n_taps = 1;
    call.activation = POMK_ACTIVATION_NONE;
    call.pixel_stride = block_channels(r);
    call.input_block_stride = call.output_block_stride = n_tiles * block_channels(r);
    call.prefetch_bytes = weights_bytes;
    for (int point = 0; point < conv->n_taps; point++, weights += weights_bytes) {
        call.input = points + point * point_stride(r, n_blocks, n_tiles);
        call.output = products + point * point_stride(r, panel_blocks, n_tiles);
        call.weights = weights;
        call.bias = point == pomk_winograd_bias_point(step->tile_px) ? bias : step->zero_bias;
        if (conv->prefetch) call.prefetch = weights + weights_bytes;
        r->plan->kernels->winograd_products(&call, n_tiles);
    }
}

/* From one panel's products to output pixels: `n_rows` rows of tiles. */
static void transform_products(const struct pomi_runner *r, const struct step *step, int panel, int first_row,
                               int n_rows, const float *products)
{
    const struct conv *conv = &step->conv;
    const struct tensor *output = &r->plan->tensors[step->output];
    const struct tensor *residual = step->residual >= 0 ? &r->plan->tensors[step->residual] : NULL;
    const ptrdiff_t n_tiles = n_rows * step->tile_columns;
    const int block_size = (int)block_channels(r);
    const int first_block = panel * conv->panels.panel_channels / block_size;
    const struct pomk_conv call = panel_call(r, conv_call(conv), conv, panel);
    const int n_blocks = (call.panel_channels + block_size - 1) / block_size;
    for (int block = first_block; block < first_block + n_blocks && block < output->n_blocks; block++)
        for (int row = first_row; row < first_row + n_rows; row++) {
            const int y = row * step->tile_px;
            const ptrdiff_t tile = (block - first_block) * n_tiles + (row - first_row) * step->tile_columns;
            r->plan->kernels->winograd_tiles(&(struct pomk_winograd_tiles){
                .tile_px = step->tile_px,
                .products = products + tile * block_size,
                .product_stride = point_stride(r, n_blocks, (int)n_tiles),
                .output = pixel(r, output, block, y, 0),
                .row_stride = output->row_stride,
                .height = min_int(step->tile_px, output->height - y),
                .width = output->width,
                .residual = residual ? pixel(r, residual, block, y, 0) : NULL,
                .residual_row_stride = residual ? residual->row_stride : 0,
                .activation = conv->activation,
            });
        }
}

/* Members share the rows of tiles; each takes the whole way from patches to pixels, strip by strip. */
static void run_winograd_by_rows(const struct pomi_runner *r, const struct step *step, float *points,
                                 float *products)
{
    const int n_blocks = r->plan->tensors[step->input].n_blocks,
              n_parts = min_int(r->crew->n_members, step->tile_rows);
    for (int part; (part = claim(r, step, 0, n_parts)) < n_parts;) {
        const int end = part_begin(step->tile_rows, n_parts, part + 1);
        for (int row = part_begin(step->tile_rows, n_parts, part), n_rows; row < end; row += n_rows) {
            n_rows = min_int(step->strip_rows, end - row);
            const int n_tiles = n_rows * step->tile_columns;
            for (int block = 0; block < n_blocks; block++)
                for (int y = row; y < row + n_rows; y++)
                    transform_patches(r, step, block, y, row, n_tiles, points);
            for (int panel = 0; panel < step->conv.panels.n_panels; panel++) {
                multiply_points(r, step, panel, n_tiles, points, products);
                transform_products(r, step, panel, row, n_rows, products);
            }
        }
    }
}

/* One strip: members share first the patches, then the panels, so that each weight is read by one of them only. */
static void run_winograd_by_panels(const struct pomi_runner *r, const struct step *step, float *products)
{
    float *points = (float *)(void *)(r->arena + step->points.offset);
    const int n_tiles = step->tile_rows * step->tile_columns;
    const int n_blocks = r->plan->tensors[step->input].n_blocks, n_panels = step->conv.panels.n_panels;
    for (int block; (block = claim(r, step, 0, n_blocks)) < n_blocks;)
        for (int row = 0; row < step->tile_rows; row++)
            transform_patches(r, step, block, row, 0, n_tiles, points);
    meet(r);
    for (int panel; (panel = claim(r, step, 1, n_panels)) < n_panels;) {
        multiply_points(r, step, panel, n_tiles, points, products);
        transform_products(r, step, panel, 0, step->tile_rows, products);
    }
}

static void run_winograd(const struct pomi_runner *r, const struct step *step)
{
    float *points = (float *)(void *)(r->scratch + step->points.offset);
    float *products = (float *)(void *)(r->scratch + step->products.offset);
    fill_border(r, &r->plan->tensors[step->output]);
    if (step->strip_rows == step->tile_rows && step->conv.panels.n_panels >= 2 * r->crew->n_members)
        run_winograd_by_panels(r, step, products);
    else
        run_winograd_by_rows(r, step, points, products);
    meet(r);
}

/* --- Depthwise convolution --- */

/* Input rows for one call: enough for the largest window, and for many rows of the usual 3x3. */
enum { MAX_CALL_ROWS = 2 * PLAN_MAX_WINDOW + 2 };

/* Output rows row .. row + n_rows - 1 of one block; `input_row(context, y)` finds a row at the leftmost tap.
 */
static void depthwise_rows(const struct pomi_runner *r, const struct step *step, int block, int row,
                           int n_rows, const void *(*input_row)(const void *context, int y),
                           const void *context, void *output, ptrdiff_t output_row_stride)
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

static void run_depthwise(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    fill_border(r, output);
    for (int block; (block = claim(r, step, 0, output->n_blocks)) < output->n_blocks;) {
        const struct tensor_rows rows = {r, pixel(r, input, block, 0, -step->pad_left), input->row_stride};
        depthwise_rows(r, step, block, 0, output->height, tensor_row, &rows, pixel(r, output, block, 0, 0),
                       output->row_stride);
    }
    meet(r);
}

/* --- The block: expand, depthwise, project --- */

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

    struct pomk_conv call = panel_call(r, conv_call(expand), expand, panel);
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
                point_at_tensor(r, &call, expand, input, next);
            else
                point_at_image(r, &call, step, strip->image_rows, strip->first_image_row, next);
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
            depthwise_rows(r, step, first_block + block, row, n, ring_row, &rows, output, output_row);
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
        convert_image_rows(r->plan, step, rgb, strip->first_image_row,
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
    struct pomk_conv call = conv_call(project);
    call.tap_offsets = &no_offset;
    call.input = move(r, strip->depthwise, (first - strip->first_row) * strip_row);
    call.input_block_stride = step->strip_rows * strip_row;
    call.pixel_stride = block_channels(r);
    point_output(r, step, &call, first);
    conv_rows(r, panel_call(r, call, project, panel), n, output->width, strip_row, output, residual_row);
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
    for (int part; (part = claim(r, step, 0, n_parts)) < n_parts;) {
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
    for (int panel; (panel = claim(r, step, 0, n_expanding)) < n_expanding;)
        run_block_panel(r, step, &strip, panel);
    meet(r);
    for (int item; (item = claim(r, step, 1, n_panels * n_parts)) < n_panels * n_parts;) {
        const int part = item / n_panels, begin = part_begin(height, n_parts, part);
        const int end = part_begin(height, n_parts, part + 1);
        if (begin < end) project_rows(r, step, &strip, item % n_panels, begin, end - begin);
    }
}

/* With fewer rows for each member the rows that are expanded twice cost more than results from other cores. */
enum { MIN_SHARED_ROWS = 3 };

static void run_block(const struct pomi_runner *r, const struct step *step, const uint8_t *rgb)
{
    const struct strip strip = {
        .image_rows = r->scratch + step->image.offset,
        .depthwise = r->scratch + step->depthwise.offset,
    };
    fill_border(r, &r->plan->tensors[step->output]);
    pad_ring(r, step);
    if (step->strip_rows == step->output_height && step->conv.panels.n_panels >= 2 * r->crew->n_members &&
        step->output_height < MIN_SHARED_ROWS * r->crew->n_members)
        run_block_by_panels(r, step, strip, rgb);
    else
        run_block_by_rows(r, step, strip, rgb);
    meet(r);
}

/* --- The rest --- */

static void run_add(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *a = &r->plan->tensors[step->input], *b = &r->plan->tensors[step->residual];
    const struct tensor *output = &r->plan->tensors[step->output];
    fill_border(r, output);
    for (int block; (block = claim(r, step, 0, output->n_blocks)) < output->n_blocks;)
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
    meet(r);
}

static void run_max_pool(const struct pomi_runner *r, const struct step *step)
{
    const struct tensor *input = &r->plan->tensors[step->input], *output = &r->plan->tensors[step->output];
    fill_border(r, output);
    for (int block; (block = claim(r, step, 0, output->n_blocks)) < output->n_blocks;)
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
    meet(r);
}

static void run_global_average_pool(const struct pomi_runner *r, const struct step *step, float *features)
{
    const struct tensor *input = &r->plan->tensors[step->input];
    uint32_t *sums = (uint32_t *)(void *)(r->arena + step->sums.offset);
    for (int block; (block = claim(r, step, 0, input->n_blocks)) < input->n_blocks;) {
        uint32_t *block_sums = sums + block * block_channels(r);
        memset(block_sums, 0, (size_t)block_channels(r) * sizeof *block_sums);
        for (int y = 0; y < input->height; y++)
            r->plan->kernels->sum_pixels(block_sums, pixel(r, input, block, y, 0), (size_t)input->width);
    }
    meet(r);
    if (is_first(r)) write_average(r->plan, sums, features);
}

static void walk(void *context, int member)
{
    const struct crew *crew = context;
    const struct pomi_runner *runner = &crew->members[member];
    const uint8_t *rgb = crew->rgb;
    float *features = crew->features;
    for (int i = 0; i < runner->plan->n_steps; i++) {
        const struct step *step = &runner->plan->steps[i];
        switch (step->kind) {
        case STEP_BLOCK:
            run_block(runner, step, rgb);
            break;
        case STEP_CONV:
            run_conv(runner, step, rgb, features);
            break;
        case STEP_WINOGRAD:
            run_winograd(runner, step);
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

void pomi_runner_run(struct pomi_runner *runner, const uint8_t *rgb, float *features)
{
    struct crew *crew = runner->crew;
    crew->rgb = rgb;
    crew->features = features;
    for (int i = 0; i < runner->plan->n_steps * PHASES * crew->n_members; i++)
        atomic_store_explicit(&crew->claims[i], 0, memory_order_relaxed);
    if (crew->team)
        pomi_team_run(crew->team);
    else
        walk(crew, 0);
}
