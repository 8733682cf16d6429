// SPDX-License-Identifier: Apache-2.0
/*
 * From a calibrated graph to integers: ranges to scales, weights and biases to the integers that cnn/quantized.h
 * describes.
 *
 * What was measured decides (docs/numbers.md): cutting off a large output costs far more than a coarser step, so ranges
 * are wider than what calibration saw, and ReLU6's is its own 0 to 6. Rounding a weight moves the mean of what it
 * makes, which costs far more than the noise it adds; the mean of every input is known, so the bias takes it back.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cnn/quantized.h"

/* Ranges over what was seen. A channel's is at least 1 / MIN_SHARE of its tensor's widest. */
#define LINEAR_MARGIN    1.2
#define RECTIFIED_MARGIN 2.0
#define FINE_MARGIN      2.0
#define MIN_SHARE        64.0

enum { INT8_MAX_WEIGHT = 127, INT16_MAX_WEIGHT = 32767, FINE_MAX = 32767, LINEAR_ZERO = 128 };

/* What is known of a layer's output on the way. */
struct form {
    double *scale, *fine_scale; /* [out]; fine_scale: int8, when additions read or make it; else NULL */
    int zero;                   /* of the coarse form */
    bool is_coarse;             /* somebody reads the coarse form */
    bool is_pooled;             /* only its sums over all pixels are ever used */
    int chain; /* a layer that stands for all that are added together with this one; itself if none are */
};

struct quantizer {
    const struct pomi_graph *graph;
    struct pomi_quantized *quantized;
    struct form *forms;
    bool is_int8;
};

static double calibrated(const struct pomi_layer *layer, int which, int channel)
{
    return (double)layer->calibration[which * layer->out_channels + channel];
}

static double largest(const struct pomi_layer *layer, int channel)
{
    return fmax(-calibrated(layer, POMI_CALIBRATION_LOW, channel),
                calibrated(layer, POMI_CALIBRATION_HIGH, channel));
}

/* --- Who reads what --- */

static int find_chain(const struct quantizer *q, int layer)
{
    while (q->forms[layer].chain != layer) layer = q->forms[layer].chain;
    return layer;
}

static void join(const struct quantizer *q, int a, int b)
{
    int one = find_chain(q, a), other = find_chain(q, b);
    q->forms[one > other ? one : other].chain = one < other ? one : other;
}

static bool is_block_end(const struct pomi_graph *graph, int index)
{
    int input = graph->layers[index].inputs[0];
    return input >= 0 && graph->layers[input].kind == POMI_LAYER_DEPTHWISE;
}

/* Marks coarse readers, chains, and members of chains (by the flag array). */
static void find_readers(const struct quantizer *q, bool *is_added, int *n_readers)
{
    const struct pomi_graph *graph = q->graph;
    for (int i = 0; i < graph->n_layers; i++) q->forms[i].chain = i;
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        int n_inputs = layer->kind == POMI_LAYER_ADD ? 2 : 1;
        if (layer->kind == POMI_LAYER_ADD) is_added[i] = true;
        for (int k = 0; k < n_inputs; k++) {
            int input = layer->inputs[k];
            if (input == POMI_INPUT_IMAGE) continue;
            n_readers[input]++;
            if (layer->kind == POMI_LAYER_ADD) {
                is_added[input] = true;
                join(q, input, i);
            } else {
                q->forms[input].is_coarse = true;
            }
        }
    }
    int last = graph->n_layers - 1, before = graph->layers[last].inputs[0];
    q->forms[before].is_pooled = n_readers[before] == 1 && !is_block_end(graph, before) &&
                                 graph->layers[before].kind == POMI_LAYER_CONV;
}

/* --- Scales --- */

static double *numbers(int n)
{
    return calloc((size_t)n, sizeof(double));
}

/* Of values that are not negative. No fmax: with one in the loop, gcc 12 for aarch64 fails with an internal error. */
static double greatest(const double *values, int n)
{
    double found = 0;
    for (int i = 0; i < n; i++)
        if (values[i] > found) found = values[i];
    return found;
}

/* Half-ranges (linear) or ranges (rectified) per channel, none too small beside the widest. */
static void choose_ranges(const struct pomi_layer *layer, double margin, double *ranges)
{
    for (int c = 0; c < layer->out_channels; c++) ranges[c] = margin * largest(layer, c);
    const double widest = greatest(ranges, layer->out_channels);
    for (int c = 0; c < layer->out_channels; c++) {
        ranges[c] = layer->activation == POMI_ACTIVATION_RELU6 ? 6 : fmax(ranges[c], widest / MIN_SHARE);
        if (!(ranges[c] > 1e-30)) ranges[c] = 1; /* a layer that gives nothing but zeros */
    }
}

/* All that are added together have one scale per channel, wide enough for each; ReLU6's single bound asks for the same
 * in all channels. */
static void merge_ranges(const struct quantizer *q, const bool *is_added, int chain, double *const *ranges)
{
    const int n_channels = q->graph->layers[chain].out_channels;
    double *merged = ranges[chain];
    bool has_relu6 = false;
    for (int i = chain; i < q->graph->n_layers - 1; i++) {
        if (!is_added[i] || find_chain(q, i) != chain) continue;
        has_relu6 |= q->graph->layers[i].activation == POMI_ACTIVATION_RELU6;
        for (int c = 0; c < n_channels; c++) merged[c] = fmax(merged[c], ranges[i][c]);
    }
    const double widest = greatest(merged, n_channels);
    for (int c = 0; c < n_channels && has_relu6; c++) merged[c] = widest;
}

static enum pom_status choose_scales(const struct quantizer *q, const bool *is_added, struct pom_error *err)
{
    const struct pomi_graph *graph = q->graph;
    const int n = graph->n_layers - 1;
    enum pom_status status = POM_OK;
    double **chain_ranges = calloc((size_t)n, sizeof *chain_ranges);
    if (chain_ranges == NULL) return pomi_fail_memory(err, (size_t)n * sizeof *chain_ranges, "ranges");
    for (int i = 0; i < n && status == POM_OK; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        struct form *form = &q->forms[i];
        form->scale = numbers(layer->out_channels);
        if (is_added[i]) chain_ranges[i] = numbers(layer->out_channels);
        if (is_added[i] && q->is_int8) form->fine_scale = numbers(layer->out_channels);
        if (!form->scale || (is_added[i] && !chain_ranges[i]) ||
            (is_added[i] && q->is_int8 && !form->fine_scale)) {
            status = pomi_fail_memory(err, (size_t)layer->out_channels * sizeof(double), "scales");
            break;
        }
        const bool is_rectified =
            layer->activation != POMI_ACTIVATION_NONE || layer->kind == POMI_LAYER_MAX_POOL;
        if (is_added[i]) choose_ranges(layer, FINE_MARGIN, chain_ranges[i]);
        /* 16 bits have steps to spare. */
        choose_ranges(layer, !q->is_int8 || is_rectified ? RECTIFIED_MARGIN : LINEAR_MARGIN, form->scale);
        int top = form->is_pooled ? FINE_MAX : q->is_int8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16;
        if (q->is_int8 && layer->activation == POMI_ACTIVATION_NONE && !form->is_pooled) {
            form->zero = LINEAR_ZERO;
            top = POMI_COARSE_MAX_INT8 - LINEAR_ZERO;
        }
        for (int c = 0; c < layer->out_channels; c++) form->scale[c] /= top;
    }
    for (int i = 0; i < n && status == POM_OK; i++)
        if (is_added[i] && find_chain(q, i) == i) merge_ranges(q, is_added, i, chain_ranges);
    for (int i = 0; i < n && status == POM_OK; i++) {
        if (!is_added[i]) continue;
        const double *ranges = chain_ranges[find_chain(q, i)];
        double *scale = q->is_int8 ? q->forms[i].fine_scale : q->forms[i].scale;
        for (int c = 0; c < graph->layers[i].out_channels; c++)
            scale[c] = ranges[c] / (q->is_int8 ? FINE_MAX : POMI_COARSE_MAX_INT16);
        /* A coarse form has no finer steps than the one it is made from. */
        for (int c = 0; c < graph->layers[i].out_channels && q->is_int8; c++)
            q->forms[i].scale[c] = fmax(q->forms[i].scale[c], scale[c]);
    }
    /* Max pooling chooses among its input's integers. */
    for (int i = 0; i < n && status == POM_OK; i++) {
        const struct form *input =
            graph->layers[i].kind == POMI_LAYER_MAX_POOL ? &q->forms[graph->layers[i].inputs[0]] : NULL;
        if (input == NULL) continue;
        memcpy(q->forms[i].scale, input->scale, (size_t)graph->layers[i].out_channels * sizeof(double));
        q->forms[i].zero = input->zero;
    }
    for (int i = 0; i < n; i++) free(chain_ranges[i]);
    free(chain_ranges);
    return status;
}

/* --- Outputs --- */

static enum pom_status choose_output(const struct quantizer *q, int index, struct pom_error *err)
{
    const struct pomi_layer *layer = &q->graph->layers[index];
    const struct form *form = &q->forms[index];
    struct pomi_quantized_layer *result = &q->quantized->layers[index];
    const bool is_linear = layer->activation == POMI_ACTIVATION_NONE;
    int top = POMI_COARSE_MAX_INT8;
    result->zero = form->zero;
    result->is_fine = form->fine_scale != NULL;
    if (result->is_fine || form->is_pooled)
        top = FINE_MAX;
    else if (!q->is_int8)
        top = POMI_COARSE_MAX_INT16;
    result->high = top;
    result->low = is_linear && (result->is_fine || form->is_pooled || !q->is_int8)
                      ? (result->is_fine ? -top - 1 : -top)
                      : 0;
    if (layer->activation == POMI_ACTIVATION_RELU6) {
        double six = 6 / (result->is_fine ? form->fine_scale[0] : form->scale[0]);
        result->high = six < top ? (int)lrint(six) : top;
    }
    if (!result->is_fine || !form->is_coarse) return POM_OK;
    result->coarse_multipliers = calloc((size_t)layer->out_channels, sizeof *result->coarse_multipliers);
    if (result->coarse_multipliers == NULL)
        return pomi_fail_memory(err, (size_t)layer->out_channels * sizeof(float), "multipliers");
    for (int c = 0; c < layer->out_channels; c++)
        result->coarse_multipliers[c] = (float)(form->fine_scale[c] / form->scale[c]);
    return POM_OK;
}

/* --- Weights --- */

/* What a layer with weights reads: the real value of integer q in channel k is scale[k] * (q - zero). */
struct input_form {
    const double *scale;
    int zero;
    double most;                    /* the largest magnitude of q */
    const struct pomi_layer *layer; /* whose output it is; NULL: the photo */
};

/* The share of output pixels for which tap (ky, kx) reads a pixel and not padding. */
static double coverage(const struct pomi_layer *layer, int ky, int kx)
{
    int rows = 0, columns = 0;
    for (int y = 0; y < layer->out_height_px; y++) {
        int from = y * layer->stride_px - layer->pad_top_px + ky;
        rows += from >= 0 && from < layer->in_height_px;
    }
    for (int x = 0; x < layer->out_width_px; x++) {
        int from = x * layer->stride_px - layer->pad_left_px + kx;
        columns += from >= 0 && from < layer->in_width_px;
    }
    return (double)rows * columns / ((double)layer->out_height_px * layer->out_width_px);
}

/*
 * Nine weights read neighbouring pixels, which are nearly equal: what their roundings add up to is what is seen. One
 * more step of the weight that was furthest from its integer keeps that below half a step.
 */
static void balance(const double *exact, int16_t *rounded, size_t n, int most)
{
    double error = 0;
    for (size_t k = 0; k < n; k++) error += exact[k] - rounded[k];
    while (fabs(error) > 0.5) {
        int step = error > 0 ? 1 : -1;
        size_t best = n;
        for (size_t k = 0; k < n; k++) {
            if (abs(rounded[k] + step) > most) continue;
            if (best == n || step * (exact[k] - rounded[k]) > step * (exact[best] - rounded[best])) best = k;
        }
        if (best == n || step * (exact[best] - rounded[best]) <= 0) return;
        rounded[best] = (int16_t)(rounded[best] + step);
        error -= step;
    }
}

/* Where an output channel's weights read, and what is left over for its bias. */
struct channel {
    const struct pomi_layer *layer;
    struct input_form input;
    size_t n;               /* weights */
    int most;               /* the largest magnitude of a rounded weight */
    double *exact;          /* [n] in real units, then in steps */
    const double *coverage; /* [kernel * kernel] */
    int output_zero;
};

static size_t input_channel(const struct channel *channel, int out, size_t k)
{
    return channel->layer->kind == POMI_LAYER_DEPTHWISE ? (size_t)out
                                                        : k % (size_t)channel->layer->in_channels;
}

static double bias_of(const struct channel *channel, int out, const int16_t *rounded, double step)
{
    const struct pomi_layer *layer = channel->layer;
    double bias = (double)layer->bias[out];
    if (channel->input.layer == NULL) return bias;
    for (size_t k = 0; k < channel->n; k++) {
        size_t from = input_channel(channel, out, k);
        size_t tap = layer->kind == POMI_LAYER_DEPTHWISE ? k : k / (size_t)layer->in_channels;
        double weight = (double)layer->weights[(size_t)out * channel->n + k];
        bias += (weight - rounded[k] * step / channel->input.scale[from]) * channel->coverage[tap] *
                calibrated(channel->input.layer, POMI_CALIBRATION_MEAN, (int)from);
    }
    return bias;
}

/*
 * Rounds one output channel's weights to steps of weight times input scale, and gives the step. A step is as fine as
 * the integers allow: weights within `most`, sums within 31 bits.
 */
static enum pom_status round_channel(const struct channel *channel, int out, double output_scale,
                                     int16_t *rounded, double *step, struct pom_error *err)
{
    const struct pomi_layer *layer = channel->layer;
    const double limit = 2147483647.0;
    double widest = 0, sum = 0;
    for (size_t k = 0; k < channel->n; k++) {
        channel->exact[k] = (double)layer->weights[(size_t)out * channel->n + k] *
                            channel->input.scale[input_channel(channel, out, k)];
        widest = fmax(widest, fabs(channel->exact[k]));
        sum += fabs(channel->exact[k]);
    }
    double bias = fabs((double)layer->bias[out]);
    *step = fmax(widest / channel->most, (sum * channel->input.most + bias) / (limit * 0.9));
    /* A multiplier is an ordinary float, and a channel without weights has some step. */
    *step = fmax(*step, output_scale * 1e-9);
    for (int attempt = 0; attempt < 8; attempt++, *step *= 1.25) {
        double bound = 0;
        for (size_t k = 0; k < channel->n; k++) rounded[k] = (int16_t)lrint(channel->exact[k] / *step);
        if (layer->kind == POMI_LAYER_DEPTHWISE) {
            for (size_t k = 0; k < channel->n; k++) channel->exact[k] /= *step;
            balance(channel->exact, rounded, channel->n, channel->most);
            for (size_t k = 0; k < channel->n; k++) channel->exact[k] *= *step;
        }
        for (size_t k = 0; k < channel->n; k++) bound += abs(rounded[k]);
        double magnitude = fabs(bias_of(channel, out, rounded, *step)) / *step;
        bound = bound * (channel->input.most + abs(channel->input.zero)) + magnitude + 1;
        /* What leaves the kernel is an integer of 32 bits too, before it is cut off. */
        if (bound + channel->output_zero * output_scale / *step <= limit &&
            bound * *step / output_scale < 0x1p30)
            return POM_OK;
    }
    return pomi_fail(
        err, POM_ERROR_NUMERIC, "not_quantizable",
        "layer \"%s\": its weights reach too far beyond the range that calibration saw for integers; "
        "calibrate the network on photos like yours, or take fp32",
        layer->name);
}

static enum pom_status round_weights(const struct quantizer *q, int index, const struct input_form *input,
                                     struct pom_error *err)
{
    const struct pomi_layer *layer = &q->graph->layers[index];
    const struct form *form = &q->forms[index];
    struct pomi_quantized_layer *result = &q->quantized->layers[index];
    const size_t n_weights = pomi_layer_n_weights(layer), out = (size_t)layer->out_channels;
    const int kernel = layer->kernel_px;
    result->weights = calloc(n_weights, sizeof *result->weights);
    result->bias = calloc(out, sizeof *result->bias);
    result->multipliers = calloc(out, sizeof *result->multipliers);
    double *covered = numbers(kernel * kernel), *exact = calloc(n_weights / out, sizeof *exact);
    enum pom_status status = POM_OK;
    if (!result->weights || !result->bias || !result->multipliers || !covered || !exact)
        status = pomi_fail_memory(err, n_weights * sizeof *result->weights, "integer weights");
    for (int tap = 0; tap < kernel * kernel && status == POM_OK; tap++)
        covered[tap] = coverage(layer, tap / kernel, tap % kernel);
    const struct channel channel = {
        .layer = layer,
        .input = *input,
        .n = n_weights / out,
        .most = q->is_int8 && input->layer != NULL ? INT8_MAX_WEIGHT : INT16_MAX_WEIGHT,
        .exact = exact,
        .coverage = covered,
        .output_zero = result->is_fine || form->is_pooled ? 0 : form->zero,
    };
    const double *output_scale = result->is_fine ? form->fine_scale : form->scale;
    for (int n = 0; n < layer->out_channels && status == POM_OK; n++) {
        int16_t *rounded = result->weights + (size_t)n * channel.n;
        double step, zeros = 0;
        status = round_channel(&channel, n, output_scale[n], rounded, &step, err);
        if (status != POM_OK) break;
        for (size_t k = 0; k < channel.n; k++) zeros += rounded[k];
        result->multipliers[n] = (float)(step / output_scale[n]);
        result->bias[n] = (int32_t)lrint(bias_of(&channel, n, rounded, step) / step - zeros * input->zero +
                                         channel.output_zero * output_scale[n] / step);
    }
    free(covered);
    free(exact);
    return status;
}

static enum pom_status quantize_layers(const struct quantizer *q, struct pom_error *err)
{
    const struct pomi_graph *graph = q->graph;
    const struct pomi_pixel_values *pixels = pomi_pixel_values(graph->preprocessing);
    double pixel_scale[3];
    for (int c = 0; c < 3; c++) {
        q->quantized->pixel_offset[c] = (int)lrint(POMI_IMAGE_SCALE * pixels->mean[c]);
        pixel_scale[c] = 1 / (pixels->deviation[pixels->blue_first ? 2 - c : c] * POMI_IMAGE_SCALE);
    }
    for (int i = 0; i < graph->n_layers - 1; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        POMI_TRY(choose_output(q, i, err));
        if (layer->kind != POMI_LAYER_CONV && layer->kind != POMI_LAYER_DEPTHWISE) continue;
        int from = layer->inputs[0];
        struct input_form input = {pixel_scale, 0, POMI_IMAGE_SCALE * 255, NULL};
        if (from != POMI_INPUT_IMAGE)
            input = (struct input_form){q->forms[from].scale, q->forms[from].zero,
                                        q->is_int8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16,
                                        &graph->layers[from]};
        POMI_TRY(round_weights(q, i, &input, err));
    }
    const struct pomi_layer *last = &graph->layers[graph->n_layers - 1];
    const struct form *form = &q->forms[last->inputs[0]];
    double n_pixels = (double)last->in_height_px * last->in_width_px;
    if (n_pixels * FINE_MAX >= 0x1p31)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer \"%s\": its map of %dx%d pixels is too large to be added up in integers",
                         last->name, last->in_height_px, last->in_width_px);
    q->quantized->feature_scales = calloc((size_t)last->out_channels, sizeof(float));
    if (q->quantized->feature_scales == NULL)
        return pomi_fail_memory(err, (size_t)last->out_channels * sizeof(float), "scales");
    for (int c = 0; c < last->out_channels; c++)
        q->quantized->feature_scales[c] = (float)(form->scale[c] / n_pixels);
    return POM_OK;
}

static enum pom_status quantize(const struct quantizer *q, struct pom_error *err)
{
    size_t n = (size_t)q->graph->n_layers;
    for (int i = 0; i < q->graph->n_layers; i++) {
        const struct pomi_layer *layer = &q->graph->layers[i];
        if (layer->kind != POMI_LAYER_CONV &&
            (layer->inputs[0] == POMI_INPUT_IMAGE ||
             (layer->kind == POMI_LAYER_ADD && layer->inputs[1] == POMI_INPUT_IMAGE)))
            return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                             "layer %s: only a convolution can read the photo itself", layer->name);
    }
    bool *is_added = calloc(n, sizeof *is_added);
    int *n_readers = calloc(n, sizeof *n_readers);
    enum pom_status status = POM_OK;
    if (is_added == NULL || n_readers == NULL)
        status = pomi_fail_memory(err, n * sizeof(int), "lists of layers");
    if (status == POM_OK) {
        find_readers(q, is_added, n_readers);
        status = choose_scales(q, is_added, err);
    }
    if (status == POM_OK) status = quantize_layers(q, err);
    free(is_added);
    free(n_readers);
    return status;
}

enum pom_status pomi_quantize(struct pomi_quantized *quantized, const struct pomi_graph *graph,
                              enum pom_precision precision, struct pom_error *err)
{
    assert(precision == POM_PRECISION_INT16 || precision == POM_PRECISION_INT8);
    *quantized = (struct pomi_quantized){.precision = precision, .n_layers = graph->n_layers};
    if (!pomi_graph_is_calibrated(graph))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "not_calibrated",
                         "this network file has no calibration, which int16 and int8 need: `pomona network "
                         "calibrate NETWORK [PHOTOS]` adds it (fp32 features stay the same)");
    size_t n_layers = (size_t)graph->n_layers;
    quantized->layers = calloc(n_layers, sizeof *quantized->layers);
    struct quantizer q = {graph, quantized, calloc(n_layers, sizeof *q.forms),
                          precision == POM_PRECISION_INT8};
    enum pom_status status =
        quantized->layers == NULL || q.forms == NULL
            ? pomi_fail_memory(err, n_layers * sizeof *quantized->layers, "a network's integers")
            : quantize(&q, err);
    for (int i = 0; i < graph->n_layers && q.forms != NULL; i++) {
        free(q.forms[i].scale);
        free(q.forms[i].fine_scale);
    }
    free(q.forms);
    if (status != POM_OK) pomi_quantized_release(quantized);
    return status;
}
