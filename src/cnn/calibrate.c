// SPDX-License-Identifier: Apache-2.0
/*
 * The calibrator: a plain walk through the graph that keeps every output. It happens once per network file, so it is
 * written for the same bytes everywhere first, and for speed only as far as one loop over output channels gives it.
 */
#include "cnn/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"

/* Output channels and pixels that are summed at a time: as many sums as registers hold. */
enum { CHANNELS = 8, PIXELS = 4 };

struct traced_layer {
    float *weights; /* CONV [kernel][kernel][in][stored]; DEPTHWISE [kernel][kernel][channels] */
    int stored;     /* output channels, rounded up to whole CHANNELS */
    float *output;  /* [height][width][channels] */
    float *low, *high;
    double *sum; /* of the photos' means */
};

struct pomi_calibrator {
    const struct pomi_graph *graph;
    struct traced_layer *layers; /* [n_layers - 1]: all but the last */
    float *image;                /* [input_px][input_px][3], preprocessed */
    float *zeros;                /* as many as any layer has channels: what padding reads */
    double *means;               /* the same */
    int n_photos;
};

static float *floats(size_t a, size_t b, size_t c)
{
    size_t n;
    if (!pomi_size_multiply(a, b, &n) || !pomi_size_multiply(n, c, &n) || n > PTRDIFF_MAX / sizeof(float))
        return NULL;
    return calloc(n, sizeof(float));
}

/* --- What a calibrator holds --- */

static void transpose_weights(struct traced_layer *traced, const struct pomi_layer *layer)
{
    const size_t out = (size_t)layer->out_channels, per_output = pomi_layer_n_weights(layer) / out;
    for (size_t n = 0; n < out; n++)
        for (size_t k = 0; k < per_output; k++)
            traced->weights[k * (size_t)traced->stored + n] = layer->weights[n * per_output + k];
}

static bool trace_layer(struct traced_layer *traced, const struct pomi_layer *layer)
{
    const size_t out = (size_t)layer->out_channels,
                 taps = (size_t)layer->kernel_px * (size_t)layer->kernel_px;
    traced->stored = (int)pomi_size_align(out, layer->kind == POMI_LAYER_CONV ? CHANNELS : 1);
    traced->output = floats((size_t)layer->out_height_px, (size_t)layer->out_width_px, out);
    traced->low = floats(out, 1, 1);
    traced->high = floats(out, 1, 1);
    traced->sum = calloc(out, sizeof *traced->sum);
    bool has_weights = layer->kind == POMI_LAYER_CONV || layer->kind == POMI_LAYER_DEPTHWISE;
    if (has_weights)
        traced->weights = floats(taps, layer->kind == POMI_LAYER_CONV ? (size_t)layer->in_channels : 1,
                                 (size_t)traced->stored);
    if (!traced->output || !traced->low || !traced->high || !traced->sum || (has_weights && !traced->weights))
        return false;
    for (size_t c = 0; c < out; c++) {
        traced->low[c] = INFINITY;
        traced->high[c] = -INFINITY;
    }
    if (has_weights) transpose_weights(traced, layer);
    return true;
}

enum pom_status pomi_calibrator_new(struct pomi_calibrator **calibrator, const struct pomi_graph *graph,
                                    struct pom_error *err)
{
    *calibrator = NULL;
    struct pomi_calibrator *made = calloc(1, sizeof *made);
    size_t n_layers = (size_t)graph->n_layers - 1;
    int most = 3;
    bool complete = made != NULL;
    if (complete) {
        made->graph = graph;
        made->layers = calloc((size_t)graph->n_layers, sizeof *made->layers);
        complete = made->layers != NULL;
    }
    for (size_t i = 0; i < n_layers && complete; i++) {
        complete = trace_layer(&made->layers[i], &graph->layers[i]);
        if (graph->layers[i].out_channels > most) most = graph->layers[i].out_channels;
    }
    if (complete) {
        made->image = floats((size_t)graph->input_px, (size_t)graph->input_px, 3);
        made->zeros = floats((size_t)most, 1, 1);
        made->means = calloc((size_t)most, sizeof *made->means);
        complete = made->image && made->zeros && made->means;
    }
    if (!complete) {
        pomi_calibrator_free(made);
        return pomi_fail_memory(err, n_layers, "the outputs of a network's layers");
    }
    *calibrator = made;
    return POM_OK;
}

void pomi_calibrator_free(struct pomi_calibrator *calibrator)
{
    if (calibrator == NULL) return;
    for (int i = 0; i < calibrator->graph->n_layers - 1 && calibrator->layers != NULL; i++) {
        free(calibrator->layers[i].weights);
        free(calibrator->layers[i].output);
        free(calibrator->layers[i].low);
        free(calibrator->layers[i].high);
        free(calibrator->layers[i].sum);
    }
    free(calibrator->layers);
    free(calibrator->image);
    free(calibrator->zeros);
    free(calibrator->means);
    free(calibrator);
}

/* --- Layers --- */

struct map {
    const float *values; /* [height][width][channels] */
    int height, width, channels;
};

static struct map input_map(const struct pomi_calibrator *c, const struct pomi_layer *layer, int which)
{
    int from = layer->inputs[which];
    return (struct map){from == POMI_INPUT_IMAGE ? c->image : c->layers[from].output, layer->in_height_px,
                        layer->in_width_px, layer->in_channels};
}

/* NULL outside. */
static const float *map_pixel(const struct map *map, int y, int x)
{
    if (y < 0 || y >= map->height || x < 0 || x >= map->width) return NULL;
    return map->values + ((size_t)y * (size_t)map->width + (size_t)x) * (size_t)map->channels;
}

/* PIXELS neighbouring outputs of one row, CHANNELS channels from `first` on. */
static void conv_tile(const struct pomi_calibrator *c, const struct pomi_layer *layer,
                      const struct traced_layer *traced, const struct map *input, int y, int x, int first)
{
    const int n_pixels = layer->out_width_px - x < PIXELS ? layer->out_width_px - x : PIXELS;
    const int n_channels = layer->out_channels - first < CHANNELS ? layer->out_channels - first : CHANNELS;
    float sums[PIXELS][CHANNELS] = {{0}};
    for (int n = 0; n < n_channels; n++)
        for (int p = 0; p < PIXELS; p++) sums[p][n] = layer->bias[first + n];
    const float *weights = traced->weights + first;
    for (int ky = 0; ky < layer->kernel_px; ky++)
        for (int kx = 0; kx < layer->kernel_px; kx++) {
            const float *pixels[PIXELS];
            for (int p = 0; p < PIXELS; p++) {
                const float *at = map_pixel(input, y * layer->stride_px - layer->pad_top_px + ky,
                                            (x + p) * layer->stride_px - layer->pad_left_px + kx);
                pixels[p] = at != NULL && p < n_pixels ? at : c->zeros;
            }
            for (int k = 0; k < input->channels; k++, weights += traced->stored)
                for (int p = 0; p < PIXELS; p++)
                    for (int n = 0; n < CHANNELS; n++) sums[p][n] += pixels[p][k] * weights[n];
        }
    float *output =
        traced->output + ((size_t)y * (size_t)layer->out_width_px + (size_t)x) * (size_t)layer->out_channels;
    for (int p = 0; p < n_pixels; p++)
        for (int n = 0; n < n_channels; n++) output[p * layer->out_channels + first + n] = sums[p][n];
}

static void run_conv(const struct pomi_calibrator *c, const struct pomi_layer *layer,
                     const struct traced_layer *traced)
{
    const struct map input = input_map(c, layer, 0);
    for (int y = 0; y < layer->out_height_px; y++)
        for (int first = 0; first < layer->out_channels; first += CHANNELS)
            for (int x = 0; x < layer->out_width_px; x += PIXELS)
                conv_tile(c, layer, traced, &input, y, x, first);
}

/* Depthwise convolution and max pooling: channel by channel over a window. */
static void run_window(const struct pomi_calibrator *c, const struct pomi_layer *layer,
                       const struct traced_layer *traced)
{
    const struct map input = input_map(c, layer, 0);
    const int channels = layer->out_channels;
    float *output = traced->output;
    for (int y = 0; y < layer->out_height_px; y++)
        for (int x = 0; x < layer->out_width_px; x++, output += channels) {
            for (int n = 0; n < channels; n++)
                output[n] = layer->kind == POMI_LAYER_DEPTHWISE ? layer->bias[n] : -INFINITY;
            for (int tap = 0; tap < layer->kernel_px * layer->kernel_px; tap++) {
                const float *at =
                    map_pixel(&input, y * layer->stride_px - layer->pad_top_px + tap / layer->kernel_px,
                              x * layer->stride_px - layer->pad_left_px + tap % layer->kernel_px);
                if (at == NULL) continue;
                if (layer->kind == POMI_LAYER_DEPTHWISE) {
                    const float *weights = traced->weights + (size_t)tap * (size_t)channels;
                    for (int n = 0; n < channels; n++) output[n] += at[n] * weights[n];
                } else {
                    for (int n = 0; n < channels; n++) output[n] = at[n] > output[n] ? at[n] : output[n];
                }
            }
        }
}

static void activate(const struct pomi_layer *layer, float *values, size_t n)
{
    if (layer->activation == POMI_ACTIVATION_NONE) return;
    const float highest = layer->activation == POMI_ACTIVATION_RELU6 ? 6 : INFINITY;
    for (size_t i = 0; i < n; i++) {
        values[i] = 0 > values[i] ? 0 : values[i];
        values[i] = highest < values[i] ? highest : values[i];
    }
}

static enum pom_status gather(struct pomi_calibrator *c, const struct pomi_layer *layer,
                              struct traced_layer *traced, struct pom_error *err)
{
    const size_t channels = (size_t)layer->out_channels;
    const size_t n_pixels = (size_t)layer->out_height_px * (size_t)layer->out_width_px;
    memset(c->means, 0, channels * sizeof *c->means);
    const float *values = traced->output;
    for (size_t i = 0; i < n_pixels; i++, values += channels)
        for (size_t n = 0; n < channels; n++) {
            c->means[n] += (double)values[n];
            traced->low[n] = values[n] < traced->low[n] ? values[n] : traced->low[n];
            traced->high[n] = values[n] > traced->high[n] ? values[n] : traced->high[n];
        }
    for (size_t n = 0; n < channels; n++) {
        double mean = c->means[n] / (double)n_pixels;
        if (!isfinite(mean) || !isfinite(traced->low[n]) || !isfinite(traced->high[n]))
            return pomi_fail(err, POM_ERROR_NUMERIC, "not_finite",
                             "layer \"%s\": an output is not finite on a calibration photo", layer->name);
        traced->sum[n] += mean;
    }
    return POM_OK;
}

static void preprocess(const struct pomi_graph *graph, const uint8_t *rgb, float *image)
{
    const struct pomi_pixel_values *values = pomi_pixel_values(graph->preprocessing);
    const size_t n_pixels = (size_t)graph->input_px * (size_t)graph->input_px;
    for (size_t i = 0; i < n_pixels; i++)
        for (int c = 0; c < 3; c++) {
            int colour = values->blue_first ? 2 - c : c;
            image[3 * i + (size_t)c] = (float)(((double)rgb[3 * i + (size_t)colour] - values->mean[colour]) /
                                               values->deviation[colour]);
        }
}

enum pom_status pomi_calibrator_add(struct pomi_calibrator *c, const uint8_t *rgb, struct pom_error *err)
{
    preprocess(c->graph, rgb, c->image);
    for (int i = 0; i < c->graph->n_layers - 1; i++) {
        const struct pomi_layer *layer = &c->graph->layers[i];
        struct traced_layer *traced = &c->layers[i];
        const size_t n =
            (size_t)layer->out_height_px * (size_t)layer->out_width_px * (size_t)layer->out_channels;
        if (layer->kind == POMI_LAYER_CONV) {
            run_conv(c, layer, traced);
        } else if (layer->kind == POMI_LAYER_ADD) {
            const float *a = input_map(c, layer, 0).values, *b = input_map(c, layer, 1).values;
            for (size_t k = 0; k < n; k++) traced->output[k] = a[k] + b[k];
        } else {
            run_window(c, layer, traced);
        }
        activate(layer, traced->output, n);
        POMI_TRY(gather(c, layer, traced, err));
    }
    c->n_photos++;
    return POM_OK;
}

enum pom_status pomi_calibrator_finish(const struct pomi_calibrator *c, struct pomi_graph *graph,
                                       struct pom_error *err)
{
    for (int i = 0; i < graph->n_layers - 1; i++) {
        const struct traced_layer *traced = &c->layers[i];
        const size_t out = (size_t)graph->layers[i].out_channels;
        float *values = floats(out, POMI_N_CALIBRATION, 1);
        if (values == NULL) return pomi_fail_memory(err, out, "a calibration");
        for (size_t n = 0; n < out; n++) {
            float low = traced->low[n], high = traced->high[n], mean = (float)(traced->sum[n] / c->n_photos);
            values[POMI_CALIBRATION_LOW * out + n] = low;
            values[POMI_CALIBRATION_HIGH * out + n] = high;
            /* Of equal values the mean may differ by its rounding. */
            values[POMI_CALIBRATION_MEAN * out + n] = mean < low ? low : mean > high ? high : mean;
        }
        free(graph->layers[i].calibration);
        graph->layers[i].calibration = values;
    }
    return POM_OK;
}

enum pom_status pomi_calibrate_on_images(struct pomi_graph *graph, struct pom_error *err)
{
    struct pomi_calibrator *calibrator = NULL;
    const size_t side = (size_t)graph->input_px;
    POMI_TRY(pomi_calibrator_new(&calibrator, graph, err));
    uint8_t *rgb = malloc(side * side * 3);
    enum pom_status status = rgb == NULL ? pomi_fail_memory(err, side * side * 3, "an image") : POM_OK;
    for (int i = 0; i < POMI_N_CALIBRATION_IMAGES && status == POM_OK; i++) {
        pomi_calibration_image(rgb, graph->input_px, i);
        status = pomi_calibrator_add(calibrator, rgb, err);
    }
    if (status == POM_OK) status = pomi_calibrator_finish(calibrator, graph, err);
    pomi_calibrator_free(calibrator);
    free(rgb);
    return status;
}
