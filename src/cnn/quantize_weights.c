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

/* What rounds a layer's output channels, one after another. */
struct rounding {
    const struct pomi_layer *layer;
    struct input_form input;
    size_t n; /* weights of a channel */
    int most; /* the largest magnitude of a rounded weight */
    int output_zero;
    const double *coverage; /* [kernel * kernel] */
    /* [n] each, in the order of the weights */
    double *scale; /* of the input a weight reads */
    double *mean;  /* of that input, in steps of its scale; padding counts as 0 */
    double *exact; /* the weight times that scale */
    double *terms; /* of a sum */
};

/* A convolution's channels all read the same inputs, a depthwise one's each its own. */
static void find_inputs(const struct rounding *rounding, size_t first_input, size_t n_inputs)
{
    const struct input_form *input = &rounding->input;
    const float *means = input->layer == NULL
                             ? NULL
                             : input->layer->calibration + POMI_CALIBRATION_MEAN * input->layer->out_channels;
    for (size_t k = 0, tap = 0; k < rounding->n; tap++)
        for (size_t i = first_input; i < first_input + n_inputs; i++, k++) {
            rounding->scale[k] = input->scale[i];
            rounding->mean[k] =
                means == NULL ? 0 : rounding->coverage[tap] * (double)means[i] / input->scale[i];
        }
}

/*
 * Sums and maxima go in eight chains side by side, which takes a fraction of the time of one; the order is fixed all the same.
 */
enum { N_CHAINS = 8 };

static double sum_of(const double *terms, size_t n)
{
    double sums[N_CHAINS] = {0}, sum = 0;
    size_t k = 0;
    for (; k + N_CHAINS <= n; k += N_CHAINS)
        for (size_t i = 0; i < N_CHAINS; i++) sums[i] += terms[k + i];
    for (; k < n; k++) sums[k % N_CHAINS] += terms[k];
    for (size_t i = 0; i < N_CHAINS; i++) sum += sums[i];
    return sum;
}

/* Of terms that are not negative. */
static double largest_of(const double *terms, size_t n)
{
    double most[N_CHAINS] = {0}, largest = 0;
    size_t k = 0;
    for (; k + N_CHAINS <= n; k += N_CHAINS)
        for (size_t i = 0; i < N_CHAINS; i++) most[i] = terms[k + i] > most[i] ? terms[k + i] : most[i];
    for (; k < n; k++) largest = terms[k] > largest ? terms[k] : largest;
    for (size_t i = 0; i < N_CHAINS; i++) largest = most[i] > largest ? most[i] : largest;
    return largest;
}

/* Of integers and of their magnitudes; in parts whose sums fit 32 bits. */
struct integer_sums {
    int64_t sum, magnitudes;
};
static struct integer_sums add_up(const int16_t *integers, size_t n)
{
    enum { PART = 1 << 15 };
    struct integer_sums total = {0, 0};
    for (size_t begin = 0; begin < n; begin += PART) {
        const size_t n_part = n - begin < PART ? n - begin : PART;
        int32_t sum = 0, magnitudes = 0;
        for (size_t k = begin; k < begin + n_part; k++) {
            sum += integers[k];
            magnitudes += abs(integers[k]);
        }
        total.sum += sum;
        total.magnitudes += magnitudes;
    }
    return total;
}

/* What rounding does to the mean, the bias takes back. */
static double bias_of(const struct rounding *rounding, int out, const int16_t *integers, double step)
{
    const double *exact = rounding->exact, *mean = rounding->mean;
    double *terms = rounding->terms;
    for (size_t k = 0; k < rounding->n; k++) terms[k] = (exact[k] - integers[k] * step) * mean[k];
    return (double)rounding->layer->bias[out] + sum_of(terms, rounding->n);
}

/* As lrint() rounds, for |value| < 2^51; compilers make vector code of it: doubles of this size have no fractions. */
static int16_t nearest(double value)
{
    const double size = 0x1.8p52;
    return (int16_t)(value + size - size);
}

/* What a channel's integers stand for. */
struct rounded {
    double step, bias; /* of weights times input scale; in real units */
    int64_t sum;       /* of the integers */
};

/*
 * Rounds one output channel's weights to steps of weight times input scale. A step is as fine as the integers allow: weights
 * within `most`, sums within 31 bits.
 */
static enum pom_status round_channel(const struct rounding *rounding, int out, double output_scale,
                                     int16_t *integers, struct rounded *result, struct pom_error *err)
{
    const struct pomi_layer *layer = rounding->layer;
    const size_t n = rounding->n;
    const float *weights = layer->weights + (size_t)out * n;
    const double *scale = rounding->scale, limit = 2147483647.0;
    double *exact = rounding->exact, *terms = rounding->terms;
    for (size_t k = 0; k < n; k++) terms[k] = fabs(exact[k] = (double)weights[k] * scale[k]);
    double step =
        fmax(largest_of(terms, n) / rounding->most,
             (sum_of(terms, n) * rounding->input.most + fabs((double)layer->bias[out])) / (limit * 0.9));
    /* A multiplier is an ordinary float, and a channel without weights has some step. */
    step = fmax(step, output_scale * 1e-9);
    for (int attempt = 0; attempt < 8; attempt++, step *= 1.25) {
        for (size_t k = 0; k < n; k++) integers[k] = nearest(exact[k] / step);
        if (layer->kind == POMI_LAYER_DEPTHWISE) {
            for (size_t k = 0; k < n; k++) terms[k] = exact[k] / step;
            balance(terms, integers, n, rounding->most);
        }
        const struct integer_sums sums = add_up(integers, n);
        *result = (struct rounded){step, bias_of(rounding, out, integers, step), sums.sum};
        const double bound = (double)sums.magnitudes * (rounding->input.most + abs(rounding->input.zero)) +
                             fabs(result->bias) / step + 1;
        /* What leaves the kernel is an integer of 32 bits too, before it is cut off. */
        if (bound + rounding->output_zero * output_scale / step <= limit &&
            bound * step / output_scale < 0x1p30)
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
    const size_t n = n_weights / out;
    const bool is_depthwise = layer->kind == POMI_LAYER_DEPTHWISE;
    double *covered = numbers(kernel * kernel), *memory = calloc(4 * n, sizeof *memory);
    enum pom_status status = POM_OK;
    if (!result->weights || !result->bias || !result->multipliers || !covered || !memory)
        status = pomi_fail_memory(err, n_weights * sizeof *result->weights, "integer weights");
    for (int tap = 0; tap < kernel * kernel && status == POM_OK; tap++)
        covered[tap] = coverage(layer, tap / kernel, tap % kernel);
    const struct rounding rounding = {
        .layer = layer,
        .input = *input,
        .n = n,
        .most = q->is_int8 && input->layer != NULL ? INT8_MAX_WEIGHT : INT16_MAX_WEIGHT,
        .output_zero = result->is_fine || form->is_pooled ? 0 : form->zero,
        .coverage = covered,
        .scale = memory,
        .mean = memory + n,
        .exact = memory + 2 * n,
        .terms = memory + 3 * n,
    };
    const double *output_scale = result->is_fine ? form->fine_scale : form->scale;
    if (status == POM_OK && !is_depthwise) find_inputs(&rounding, 0, (size_t)layer->in_channels);
    for (size_t c = 0; c < out && status == POM_OK; c++) {
        struct rounded rounded;
        if (is_depthwise) find_inputs(&rounding, c, 1);
        status = round_channel(&rounding, (int)c, output_scale[c], result->weights + c * n, &rounded, err);
        if (status != POM_OK) break;
        result->multipliers[c] = (float)(rounded.step / output_scale[c]);
        result->bias[c] = (int32_t)lrint(rounded.bias / rounded.step - (double)rounded.sum * input->zero +
                                         rounding.output_zero * output_scale[c] / rounded.step);
    }
    free(covered);
    free(memory);
    return status;
}
