// SPDX-License-Identifier: Apache-2.0
/* Integers: what the quantiser makes runs within its bounds, stays close to fp32, and the engine computes it to the bit
 * on every kernel set. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cnn/calibrate.h"
#include "cnn/run.h"
#include "integer_reference.h"
#include "kernels/kernels.h"
#include "networks/catalogue.h"
#include "small_network.h"

enum { SIDE_PX = 37, N_FEATURES = 70 };

static void run_engine(const struct pomi_graph *graph, const struct pomi_quantized *quantized,
                       const struct pomk_kernels *kernels, const uint8_t *rgb, float *features)
{
    struct pomi_plan *plan;
    struct pomi_runner *runner;
    struct pom_error err;
    if (pomi_plan_new(&plan, graph, quantized, kernels, &err) != POM_OK) fail_msg("%s", err.message);
    assert_int_equal(pomi_runner_new(&runner, plan, &err), POM_OK);
    pomi_runner_run(runner, rgb, features);
    pomi_runner_free(runner);
    pomi_plan_release(plan);
}

static double cosine(const float *a, const float *b, const float *mean, int n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int i = 0; i < n; i++) {
        double x = (double)a[i] - (double)mean[i], y = (double)b[i] - (double)mean[i];
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    return ab / sqrt(aa * bb);
}

static const enum pom_precision precisions[] = {POM_PRECISION_INT16, POM_PRECISION_INT8};
static const double least_cosine[] = {0.9999, 0.98};

static void integers_stay_close_and_are_the_same_on_every_set(void **state)
{
    (void)state;
    static const char *const sets[] = {"scalar", "avx2", "avx512", "neon"};
    struct pomi_graph graph;
    struct pom_error err;
    uint8_t rgb[SIDE_PX * SIDE_PX * 3], other[SIDE_PX * SIDE_PX * 3];
    float exact[N_FEATURES], mean[N_FEATURES], expected[N_FEATURES], got[N_FEATURES];
    small_network(&graph, SIDE_PX);
    assert_int_equal(pomi_calibrate_on_images(&graph, &err), POM_OK);
    pomi_test_image(rgb, SIDE_PX);
    pomi_calibration_image(other, SIDE_PX, 3);
    run_engine(&graph, NULL, pomk_choose("scalar"), rgb, exact);
    run_engine(&graph, NULL, pomk_choose("scalar"), other, mean);
    for (size_t p = 0; p < 2; p++) {
        struct pomi_quantized quantized;
        if (pomi_quantize(&quantized, &graph, precisions[p], &err) != POM_OK) fail_msg("%s", err.message);
        integer_reference_run(&graph, &quantized, rgb, expected);
        double similarity = cosine(expected, exact, mean, N_FEATURES);
        if (!(similarity > least_cosine[p]))
            fail_msg("precision %d: cosine %.6f", (int)precisions[p], similarity);
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
            const struct pomk_kernels *kernels = pomk_choose(sets[i]);
            if (kernels == NULL ||
                kernels->layers[precisions[p] == POM_PRECISION_INT8 ? POMK_I8 : POMK_I16] == NULL)
                continue;
            run_engine(&graph, &quantized, kernels, rgb, got);
            assert_memory_equal(got, expected, sizeof got);
        }
        pomi_quantized_release(&quantized);
    }
    pomi_graph_release(&graph);
}

static void without_calibration_the_command_is_named(void **state)
{
    (void)state;
    struct pomi_graph graph;
    struct pomi_quantized quantized;
    struct pom_error err;
    small_network(&graph, SIDE_PX);
    assert_int_equal(pomi_quantize(&quantized, &graph, POM_PRECISION_INT8, &err), POM_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "pomona network calibrate"));
    pomi_graph_release(&graph);
}

/* The photo may be anything: no integer overflows even where every byte works against the calibration. The reference
 * fails when one does. */
static void extremes_do_not_overflow(void **state)
{
    (void)state;
    struct pomi_graph graph;
    struct pom_error err;
    uint8_t rgb[SIDE_PX * SIDE_PX * 3];
    float features[N_FEATURES];
    small_network(&graph, SIDE_PX);
    assert_int_equal(pomi_calibrate_on_images(&graph, &err), POM_OK);
    for (size_t i = 0; i < graph.layers[0].out_channels * 27U; i++) graph.layers[0].weights[i] *= 40;
    for (int c = 0; c < graph.layers[3].out_channels; c++) graph.layers[3].bias[c] *= 1000;
    memset(graph.layers[4].weights, 0, 9 * sizeof(float)); /* a channel without weights */
    graph.layers[4].bias[0] = 0;
    for (size_t p = 0; p < 2; p++) {
        struct pomi_quantized quantized;
        if (pomi_quantize(&quantized, &graph, precisions[p], &err) != POM_OK) fail_msg("%s", err.message);
        for (int i = 0; i < 3; i++) {
            for (size_t k = 0; k < sizeof rgb; k++)
                rgb[k] = i == 0 ? 0 : i == 1 ? 255 : k * 2654435761U >> 31 ? 255 : 0;
            integer_reference_run(&graph, &quantized, rgb, features);
        }
        pomi_quantized_release(&quantized);
    }
    for (size_t i = 0; i < 9; i++) graph.layers[4].weights[9 + i] = 1e30F;
    struct pomi_quantized quantized;
    assert_int_equal(pomi_quantize(&quantized, &graph, POM_PRECISION_INT8, &err), POM_ERROR_NUMERIC);
    assert_non_null(strstr(err.message, "depthwise_1"));
    pomi_graph_release(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_stay_close_and_are_the_same_on_every_set),
        cmocka_unit_test(without_calibration_the_command_is_named),
        cmocka_unit_test(extremes_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
