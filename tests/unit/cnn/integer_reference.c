// SPDX-License-Identifier: Apache-2.0
#include "integer_reference.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* One layer's outputs, [height][width][channels]: the main form before and after its bounds, and what convolutions and
 * pools read. */
struct integers {
    int32_t *unbounded, *main, *coarse;
};

struct reference {
    const struct pomi_graph *graph;
    const struct pomi_quantized *quantized;
    struct integers *layers;
    int32_t *image; /* [input_px][input_px][3], in the network's order of channels */
};

static int32_t clamp(int64_t value, int64_t low, int64_t high)
{
    return (int32_t)(value < low ? low : value > high ? high : value);
}

/* One conversion, one product, one rounding; then 16 bits. */
static int32_t scaled(int64_t sum, float multiplier)
{
    assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
    volatile float product = (float)sum;
    product *= multiplier;
    assert_true(fabsf(product) < 0x1p31f);
    return clamp(llrintf(product), INT16_MIN, INT16_MAX);
}

static size_t output_index(const struct pomi_layer *layer, int y, int x, int c)
{
    return ((size_t)y * (size_t)layer->out_width_px + (size_t)x) * (size_t)layer->out_channels + (size_t)c;
}

/* What a convolution reads at (y, x): the border holds the zero point. */
static int32_t input_at(const struct reference *r, const struct pomi_layer *layer, int y, int x, int c)
{
    int from = layer->inputs[0];
    bool is_inside = y >= 0 && y < layer->in_height_px && x >= 0 && x < layer->in_width_px;
    if (from == POMI_INPUT_IMAGE)
        return is_inside ? r->image[((size_t)y * (size_t)layer->in_width_px + (size_t)x) * 3 + (size_t)c] : 0;
    return is_inside ? r->layers[from].coarse[output_index(&r->graph->layers[from], y, x, c)]
                     : r->quantized->layers[from].zero;
}

static int64_t sum_at(const struct reference *r, int index, int y, int x, int c)
{
    const struct pomi_layer *layer = &r->graph->layers[index];
    const struct pomi_quantized_layer *q = &r->quantized->layers[index];
    const bool is_depthwise = layer->kind == POMI_LAYER_DEPTHWISE;
    const int n = is_depthwise ? 1 : layer->in_channels;
    const int16_t *weight = q->weights + (size_t)c * (size_t)(layer->kernel_px * layer->kernel_px * n);
    int64_t sum = q->bias[c];
    for (int ky = 0; ky < layer->kernel_px; ky++)
        for (int kx = 0; kx < layer->kernel_px; kx++)
            for (int k = 0; k < n; k++) {
                sum += (int64_t)*weight++ * input_at(r, layer, y * layer->stride_px - layer->pad_top_px + ky,
                                                     x * layer->stride_px - layer->pad_left_px + kx,
                                                     is_depthwise ? c : k);
                assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
            }
    return sum;
}

static int32_t largest_at(const struct reference *r, int index, int y, int x, int c)
{
    const struct pomi_layer *layer = &r->graph->layers[index];
    int32_t largest = INT32_MIN;
    for (int ky = 0; ky < layer->kernel_px; ky++)
        for (int kx = 0; kx < layer->kernel_px; kx++) {
            int from_y = y * layer->stride_px - layer->pad_top_px + ky,
                from_x = x * layer->stride_px - layer->pad_left_px + kx;
            if (from_y < 0 || from_y >= layer->in_height_px || from_x < 0 || from_x >= layer->in_width_px)
                continue;
            int32_t value = input_at(r, layer, from_y, from_x, c);
            if (value > largest) largest = value;
        }
    return largest;
}

/* A convolution that ends in an addition is not bounded before: of two, the later one. */
static const int32_t *addend(const struct reference *r, int add, int which)
{
    const struct pomi_layer *layer = &r->graph->layers[add];
    int input = layer->inputs[which], n_readers = 0;
    for (int i = 0; i < r->graph->n_layers; i++) {
        n_readers += r->graph->layers[i].inputs[0] == input;
        n_readers += r->graph->layers[i].kind == POMI_LAYER_ADD && r->graph->layers[i].inputs[1] == input;
    }
    bool ends_here = n_readers == 1 && input > layer->inputs[1 - which] &&
                     r->graph->layers[input].kind == POMI_LAYER_CONV &&
                     r->graph->layers[input].activation == POMI_ACTIVATION_NONE;
    return ends_here ? r->layers[input].unbounded : r->layers[input].main;
}

static void run_layer(const struct reference *r, int index)
{
    const struct pomi_layer *layer = &r->graph->layers[index];
    const struct pomi_quantized_layer *q = &r->quantized->layers[index];
    const struct integers *out = &r->layers[index];
    const int coarse_high =
        r->quantized->precision == POM_PRECISION_INT8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16;
    const int32_t *a = NULL, *b = NULL;
    if (layer->kind == POMI_LAYER_ADD) {
        a = addend(r, index, 0);
        b = addend(r, index, 1);
    }
    for (int y = 0; y < layer->out_height_px; y++)
        for (int x = 0; x < layer->out_width_px; x++)
            for (int c = 0; c < layer->out_channels; c++) {
                size_t i = output_index(layer, y, x, c);
                if (layer->kind == POMI_LAYER_MAX_POOL) {
                    out->unbounded[i] = out->main[i] = out->coarse[i] = largest_at(r, index, y, x, c);
                    continue;
                }
                int32_t t = layer->kind == POMI_LAYER_ADD
                                ? clamp((int64_t)a[i] + b[i], INT16_MIN, INT16_MAX)
                                : scaled(sum_at(r, index, y, x, c), q->multipliers[c]);
                out->unbounded[i] = t;
                out->main[i] = out->coarse[i] = clamp(t, q->low, q->high);
                if (q->coarse_multipliers != NULL)
                    out->coarse[i] =
                        clamp(scaled(out->main[i], q->coarse_multipliers[c]) + q->zero, 0, coarse_high);
            }
}

static void read_image(const struct reference *r, const uint8_t *rgb)
{
    const bool blue_first = r->graph->preprocessing == POMI_PREPROCESSING_CAFFE;
    const size_t n_pixels = (size_t)r->graph->input_px * (size_t)r->graph->input_px;
    for (size_t i = 0; i < n_pixels; i++)
        for (int c = 0; c < 3; c++) {
            int colour = blue_first ? 2 - c : c;
            r->image[3 * i + (size_t)c] =
                POMI_IMAGE_SCALE * rgb[3 * i + (size_t)colour] - r->quantized->pixel_offset[colour];
        }
}

static void pool(const struct reference *r, float *features)
{
    const struct pomi_layer *last = &r->graph->layers[r->graph->n_layers - 1];
    const struct integers *input = &r->layers[last->inputs[0]];
    const size_t n_pixels = (size_t)last->in_height_px * (size_t)last->in_width_px,
                 n_channels = (size_t)last->out_channels;
    for (size_t c = 0; c < n_channels; c++) {
        int64_t sum = 0;
        for (size_t i = 0; i < n_pixels; i++)
            sum += input->coarse[i * n_channels + c] - r->quantized->layers[last->inputs[0]].zero;
        assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
        features[c] = (float)sum * r->quantized->feature_scales[c];
    }
}

void integer_reference_run(const struct pomi_graph *graph, const struct pomi_quantized *quantized,
                           const uint8_t *rgb, float *features)
{
    const size_t n_layers = (size_t)graph->n_layers - 1, side = (size_t)graph->input_px;
    struct reference r = {graph, quantized, calloc(n_layers, sizeof *r.layers), calloc(side * side * 3, 4)};
    assert_true(r.layers != NULL && r.image != NULL);
    read_image(&r, rgb);
    for (size_t i = 0; i < n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        size_t n = (size_t)layer->out_height_px * (size_t)layer->out_width_px * (size_t)layer->out_channels;
        r.layers[i] = (struct integers){calloc(n, 4), calloc(n, 4), calloc(n, 4)};
        assert_true(r.layers[i].unbounded != NULL && r.layers[i].main != NULL && r.layers[i].coarse != NULL);
        run_layer(&r, (int)i);
    }
    pool(&r, features);
    for (size_t i = 0; i < n_layers; i++) {
        free(r.layers[i].unbounded);
        free(r.layers[i].main);
        free(r.layers[i].coarse);
    }
    free(r.layers);
    free(r.image);
}
