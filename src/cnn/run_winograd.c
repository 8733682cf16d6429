// SPDX-License-Identifier: Apache-2.0
/* Winograd's convolution: patches of the input to points, products of points, and those to tiles of the output. */
#include "cnn/run_steps.h"

/* The step's points, or products, of n_blocks blocks of n_tiles tiles: how far those of different points are apart. An
 * odd number of pixels keeps them out of each other's way in the cache. */
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
    struct pomk_conv call = pomi_panel_call(r, pomi_conv_call(conv), conv, panel);
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
    const struct pomk_conv call = pomi_panel_call(r, pomi_conv_call(conv), conv, panel);
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
    for (int part; (part = pomi_run_claim(r, step, 0, n_parts)) < n_parts;) {
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
    for (int block; (block = pomi_run_claim(r, step, 0, n_blocks)) < n_blocks;)
        for (int row = 0; row < step->tile_rows; row++)
            transform_patches(r, step, block, row, 0, n_tiles, points);
    pomi_run_meet(r);
    for (int panel; (panel = pomi_run_claim(r, step, 1, n_panels)) < n_panels;) {
        multiply_points(r, step, panel, n_tiles, points, products);
        transform_products(r, step, panel, 0, step->tile_rows, products);
    }
}

void pomi_run_winograd(const struct pomi_runner *r, const struct step *step)
{
    float *points = (float *)(void *)(r->scratch + step->points.offset);
    float *products = (float *)(void *)(r->scratch + step->products.offset);
    pomi_run_fill_border(r, &r->plan->tensors[step->output]);
    if (step->strip_rows == step->tile_rows && step->conv.panels.n_panels >= 2 * r->crew->n_members)
        run_winograd_by_panels(r, step, products);
    else
        run_winograd_by_rows(r, step, points, products);
    pomi_run_meet(r);
}
