// SPDX-License-Identifier: Apache-2.0
/*
 * The engine in integers against an independent implementation: plain loops over whole maps that follow
 * cnn/quantized.h and kernels/layers.h literally. Random networks with random integers, in int16 and int8;
 * every kernel set must give the same bytes.
 */
#include <string.h>

#include "cnn/quantized.h"
#include "cnn/run.h"
#include "kernels/kernels.h"

#include "random_integers.h"

/* --- The contract, literally --- */

/* Both forms of a layer's output, [height][width][channels]; border pixels hold `zero`. */
struct map {
    int *coarse, *fine;
    int height, width, channels, zero;
};

static struct map new_map(int height, int width, int channels, int zero)
{
    const size_t n = (size_t)height * (size_t)width * (size_t)channels;
    return (struct map){filled(n, sizeof(int)), filled(n, sizeof(int)), height, width, channels, zero};
}

static int at(const struct map *m, int y, int x, int c)
{
    if (y < 0 || x < 0 || y >= m->height || x >= m->width) return m->zero;
    return m->coarse[(y * m->width + x) * m->channels + c];
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}
static int scaled(int sum, float multiplier)
{
    return clamp((int)lrintf((float)sum * multiplier), INT16_MIN, INT16_MAX);
}

static int window_maximum(const struct pomi_layer *l, const struct map *in, int y, int x, int c)
{
    int largest = INT32_MIN;
    for (int ky = y * l->stride_px - l->pad_top_px, i = 0; i < l->kernel_px; i++, ky++)
        for (int kx = x * l->stride_px - l->pad_left_px, k = 0; k < l->kernel_px; k++, kx++)
            if (ky >= 0 && kx >= 0 && ky < in->height && kx < in->width && at(in, ky, kx, c) > largest)
                largest = at(in, ky, kx, c);
    return largest;
}

static int window_sum(const struct pomi_layer *l, const struct pomi_quantized_layer *q, const struct map *in,
                      int y, int x, int c)
{
    const int top = y * l->stride_px - l->pad_top_px, left = x * l->stride_px - l->pad_left_px,
              k = l->kernel_px;
    const int n_inputs = l->kind == CONV ? l->in_channels : 1;
    const int16_t *w = q->weights + (size_t)c * (size_t)(k * k * n_inputs);
    int sum = q->bias[c];
    for (int ky = 0; ky < k; ky++)
        for (int kx = 0; kx < k; kx++)
            for (int i = 0; i < n_inputs; i++)
                sum += at(in, top + ky, left + kx, l->kind == CONV ? i : c) * *w++;
    return sum;
}

static void reference_features(const struct pomi_graph *g, const struct pomi_quantized *quantized,
                               const uint8_t *rgb, float *features)
{
    const int limit = coarse_max(quantized->precision);
    struct map maps[MAX_LAYERS + 1]; /* [0] is the photo */
    maps[0] = new_map(g->input_px, g->input_px, 3, 0);
    for (int i = 0; i < g->input_px * g->input_px; i++)
        for (int c = 0; c < 3; c++)
            maps[0].coarse[i * 3 + (g->preprocessing == POMI_PREPROCESSING_CAFFE ? 2 - c : c)] =
                POMI_IMAGE_SCALE * rgb[i * 3 + c] - quantized->pixel_offset[c];
    for (int i = 0; i < g->n_layers; i++) {
        const struct pomi_layer *l = &g->layers[i];
        const struct pomi_quantized_layer *q = &quantized->layers[i];
        const struct map *in = &maps[l->inputs[0] + 1], *other = &maps[l->inputs[1] + 1];
        struct map *out = &maps[i + 1];
        *out = new_map(l->out_height_px, l->out_width_px, l->out_channels, q->zero);
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++) {
                    const int to = (y * out->width + x) * out->channels + c;
                    if (l->kind == AVERAGE) {
                        int sum = 0;
                        for (int p = 0; p < in->height * in->width; p++)
                            sum += in->coarse[p * in->channels + c] - in->zero;
                        features[c] = (float)sum * quantized->feature_scales[c];
                        continue;
                    }
                    int value;
                    if (l->kind == MAX_POOL)
                        value = window_maximum(l, in, y, x, c);
                    else if (l->kind == ADD)
                        value = clamp(in->fine[to] + other->fine[to], INT16_MIN, INT16_MAX);
                    else
                        value = scaled(window_sum(l, q, in, y, x, c), q->multipliers[c]);
                    if (l->kind != MAX_POOL) value = clamp(value, q->low, q->high);
                    out->fine[to] = out->coarse[to] = value;
                    if (q->is_fine && q->coarse_multipliers)
                        out->coarse[to] = clamp(scaled(value, q->coarse_multipliers[c]) + q->zero, 0, limit);
                }
    }
    for (int i = 0; i <= g->n_layers; i++) {
        free(maps[i].coarse);
        free(maps[i].fine);
    }
}

/* --- Tests --- */

static int n_checked, n_refused;

static void check_precision(const struct pomi_graph *g, enum pom_precision precision, const char *what,
                            int round)
{
    const size_t n_bytes = (size_t)g->input_px * (size_t)g->input_px * 3;
    const size_t n_features = (size_t)g->layers[g->n_layers - 1].out_channels;
    struct pomi_quantized quantized = random_integers(g, precision);
    uint8_t *photos[2];
    float *expected[2], *features = filled(n_features, sizeof *features);
    for (int p = 0; p < 2; p++) {
        photos[p] = filled(n_bytes, 1);
        expected[p] = filled(n_features, sizeof(float));
        for (size_t i = 0; i < n_bytes; i++) photos[p][i] = (uint8_t)random_bits();
        reference_features(g, &quantized, photos[p], expected[p]);
    }
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    const int n_sets = pomk_list(sets);
    for (int s = 0; s < n_sets; s++) {
        struct pom_error err = {0};
        struct pomi_plan *plan;
        struct pomi_runner *runner;
        const enum pom_status status = pomi_plan_new(&plan, g, &quantized, sets[s], &err);
        if (status == POM_ERROR_UNSUPPORTED && precision == POM_PRECISION_INT8) {
            n_refused++;
            continue;
        }
        if (status != POM_OK) fail_msg("%s", err.message);
        if (pomi_runner_new(&runner, plan, &err) != POM_OK) fail_msg("%s", err.message);
        pomi_plan_release(plan);
        for (int k = 0; k < 3; k++) { /* the first photo again: nothing of the second may stay behind */
            pomi_runner_run(runner, photos[k % 2], features);
            for (size_t i = 0; i < n_features; i++)
                if (memcmp(&features[i], &expected[k % 2][i], sizeof(float)) != 0)
                    fail_msg("%s %d, int%d on %s: feature %zu of %zu is %.9g, expected %.9g", what, round,
                             precision == POM_PRECISION_INT8 ? 8 : 16, sets[s]->name, i, n_features,
                             (double)features[i], (double)expected[k % 2][i]);
        }
        pomi_runner_free(runner);
        n_checked++;
    }
    for (int p = 0; p < 2; p++) {
        free(photos[p]);
        free(expected[p]);
    }
    free(features);
    pomi_quantized_release(&quantized);
}

static void check(struct pomi_graph g, const char *what, int round)
{
    check_precision(&g, POM_PRECISION_INT16, what, round);
    check_precision(&g, POM_PRECISION_INT8, what, round);
    release(&g);
}

static void test_random_mobilenets(void **unused)
{
    (void)unused;
    for (int round = 0; round < 8; round++) {
        state = (uint64_t)round;
        check(random_mobilenet(), "mobilenet", round);
    }
}

static void test_random_resnets(void **unused)
{
    (void)unused;
    for (int round = 0; round < 8; round++) {
        state = (uint64_t)round + 1000;
        check(random_resnet(), "resnet", round);
    }
    assert_true(n_checked > 4 * n_refused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_mobilenets),
        cmocka_unit_test(test_random_resnets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
