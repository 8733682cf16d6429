// SPDX-License-Identifier: Apache-2.0
/*
 * Weights and biases to integers. Rounding a weight moves the mean of what it makes, which costs far more than the noise it
 * adds (docs/numbers.md); the mean of every input is known, so the bias takes it back.
 */
#include <math.h>
#include <stdlib.h>

#include "cnn/quantize_parts.h"

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

/* The input channels of a tap: all in turn, or the output channel itself. */
struct inputs {
    size_t first, n;
};

static struct inputs inputs_of(const struct channel *channel, int out)
{
    if (channel->layer->kind == POMI_LAYER_DEPTHWISE) return (struct inputs){(size_t)out, 1};
    return (struct inputs){0, (size_t)channel->layer->in_channels};
}

static double bias_of(const struct channel *channel, int out, const int16_t *rounded, double step)
{
    const struct pomi_layer *layer = channel->layer;
    double bias = (double)layer->bias[out];
    if (channel->input.layer == NULL) return bias;
    const struct inputs inputs = inputs_of(channel, out);
    const float *weights = layer->weights + (size_t)out * channel->n;
    const double *scale = channel->input.scale + inputs.first;
    const float *mean = channel->input.layer->calibration +
                        POMI_CALIBRATION_MEAN * channel->input.layer->out_channels + inputs.first;
    for (size_t k = 0, tap = 0; k < channel->n; tap++)
        for (size_t i = 0; i < inputs.n; i++, k++)
            bias += ((double)weights[k] - rounded[k] * step / scale[i]) * channel->coverage[tap] *
                    (double)mean[i];
    return bias;
}

/* As lrint() rounds, for |value| < 2^51; compilers make vector code of it: doubles of this size have no fractions. */
static int16_t nearest(double value)
{
    const double size = 0x1.8p52;
    return (int16_t)(value + size - size);
}

/*
 * Rounds one output channel's weights to steps of weight times input scale, and gives the step and the bias. A step
 * is as fine as the integers allow: weights within `most`, sums within 31 bits.
 */
static enum pom_status round_channel(const struct channel *channel, int out, double output_scale,
                                     int16_t *rounded, double *step, double *bias, struct pom_error *err)
{
    const struct pomi_layer *layer = channel->layer;
    const struct inputs inputs = inputs_of(channel, out);
    const float *weights = layer->weights + (size_t)out * channel->n;
    const double *scale = channel->input.scale + inputs.first, limit = 2147483647.0;
    double widest = 0, sum = 0;
    for (size_t k = 0; k < channel->n;)
        for (size_t i = 0; i < inputs.n; i++, k++) {
            const double magnitude = fabs(channel->exact[k] = (double)weights[k] * scale[i]);
            if (magnitude > widest) widest = magnitude;
            sum += magnitude;
        }
    *step = fmax(widest / channel->most,
                 (sum * channel->input.most + fabs((double)layer->bias[out])) / (limit * 0.9));
    /* A multiplier is an ordinary float, and a channel without weights has some step. */
    *step = fmax(*step, output_scale * 1e-9);
    for (int attempt = 0; attempt < 8; attempt++, *step *= 1.25) {
        int64_t sum_of_magnitudes = 0;
        for (size_t k = 0; k < channel->n; k++) rounded[k] = nearest(channel->exact[k] / *step);
        if (layer->kind == POMI_LAYER_DEPTHWISE) {
            for (size_t k = 0; k < channel->n; k++) channel->exact[k] /= *step;
            balance(channel->exact, rounded, channel->n, channel->most);
            for (size_t k = 0; k < channel->n; k++) channel->exact[k] *= *step;
        }
        for (size_t k = 0; k < channel->n; k++) sum_of_magnitudes += abs(rounded[k]);
        *bias = bias_of(channel, out, rounded, *step);
        const double magnitude = fabs(*bias) / *step;
        const double bound =
            (double)sum_of_magnitudes * (channel->input.most + abs(channel->input.zero)) + magnitude + 1;
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

enum pom_status pomi_quantize_round_weights(const struct quantizer *q, int index,
                                            const struct input_form *input, struct pom_error *err)
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
        double step, bias;
        int64_t sum_of_weights = 0;
        status = round_channel(&channel, n, output_scale[n], rounded, &step, &bias, err);
        if (status != POM_OK) break;
        for (size_t k = 0; k < channel.n; k++) sum_of_weights += rounded[k];
        result->multipliers[n] = (float)(step / output_scale[n]);
        result->bias[n] = (int32_t)lrint(bias / step - (double)sum_of_weights * input->zero +
                                         channel.output_zero * output_scale[n] / step);
    }
    free(covered);
    free(exact);
    return status;
}
