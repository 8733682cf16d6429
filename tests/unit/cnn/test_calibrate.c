// SPDX-License-Identifier: Apache-2.0
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cnn/calibrate.h"
#include "networks/network_file.h"
#include "small_network.h"

static const struct pomi_network_text text = {"small", "made for a test", "CC0", NULL};

/* A 2x2 photo of one colour through layers that can be computed by hand. */
static void outputs_are_what_the_layers_give(void **state)
{
    (void)state;
    float weights[6] = {1, 0, 0, 0, -2, 0}, bias[2] = {0.5F, 0};
    struct pomi_layer layers[2] = {
        {.name = "conv",
         .kind = POMI_LAYER_CONV,
         .inputs = {POMI_INPUT_IMAGE},
         .activation = POMI_ACTIVATION_RELU6,
         .kernel_px = 1,
         .stride_px = 1,
         .out_channels = 2,
         .weights = weights,
         .bias = bias},
        {.name = "pool", .kind = POMI_LAYER_GLOBAL_AVERAGE_POOL, .inputs = {0}},
    };
    struct pomi_graph graph = {layers, 2, 2, POMI_PADDING_SAME, POMI_PREPROCESSING_TF};
    const uint8_t rgb[12] = {255, 0, 0, 255, 0, 0, 0, 255, 0, 0, 255, 0};
    struct pomi_calibrator *calibrator;
    struct pom_error err;
    assert_int_equal(pomi_graph_derive(&graph, &err), POM_OK);
    assert_false(pomi_graph_is_calibrated(&graph));
    assert_int_equal(pomi_calibrator_new(&calibrator, &graph, &err), POM_OK);
    assert_int_equal(pomi_calibrator_add(calibrator, rgb, &err), POM_OK);
    assert_int_equal(pomi_calibrator_finish(calibrator, &graph, &err), POM_OK);
    pomi_calibrator_free(calibrator);
    /* red: 1.5 and, of -1 + 0.5, nothing; green: 2 where there is none, else nothing */
    const float expected[POMI_N_CALIBRATION * 2] = {0, 0, 1.5F, 2, 0.75F, 1};
    assert_true(pomi_graph_is_calibrated(&graph));
    assert_memory_equal(layers[0].calibration, expected, sizeof expected);
    free(layers[0].calibration);
}

static void not_finite_outputs_are_refused(void **state)
{
    (void)state;
    struct pomi_graph graph;
    struct pom_error err;
    small_network(&graph, 32);
    for (int k = 0; k < 20; k++) graph.layers[2].weights[k] = 3e38F;
    assert_int_equal(pomi_calibrate_on_images(&graph, &err), POM_ERROR_NUMERIC);
    assert_non_null(strstr(err.message, "project"));
    pomi_graph_release(&graph);
}

/* The file: identity without the calibration, the same bytes again, and what was there before when it is stripped. */
static void a_calibrated_file_is_the_same_network(void **state)
{
    (void)state;
    struct pomi_graph graph;
    struct pom_error err;
    struct pomi_bytes plain = {0}, calibrated = {0}, again = {0}, stripped = {0};
    struct pom_network *before, *after;
    small_network(&graph, 32);
    assert_int_equal(pomi_network_file_write(&plain, &graph, &text, &err), POM_OK);
    assert_int_equal(pomi_network_file_read(&before, pomi_bytes_view(&plain), &err), POM_OK);
    assert_string_equal(pom_network_info(before)->calibration, "");
    assert_int_equal(pomi_calibrate_on_images(&graph, &err), POM_OK);
    assert_int_equal(pomi_network_file_calibrated(&calibrated, pomi_bytes_view(&plain), &graph, &err),
                     POM_OK);
    if (pomi_network_file_read(&after, pomi_bytes_view(&calibrated), &err) != POM_OK)
        fail_msg("%s", err.message);
    assert_string_equal(pom_network_info(before)->identity, pom_network_info(after)->identity);
    assert_int_equal(strlen(pom_network_info(after)->calibration), 64);
    for (int i = 0; i < graph.n_layers - 1; i++)
        assert_memory_equal(after->graph.layers[i].calibration, graph.layers[i].calibration,
                            (size_t)graph.layers[i].out_channels * POMI_N_CALIBRATION * sizeof(float));
    assert_int_equal(pomi_network_file_calibrated(&again, pomi_bytes_view(&calibrated), &after->graph, &err),
                     POM_OK);
    assert_int_equal(again.size_bytes, calibrated.size_bytes);
    assert_memory_equal(again.data, calibrated.data, again.size_bytes);
    assert_int_equal(pomi_network_file_strip(&stripped, pomi_bytes_view(&calibrated), &err), POM_OK);
    assert_int_equal(stripped.size_bytes, plain.size_bytes);
    assert_memory_equal(stripped.data, plain.data, plain.size_bytes);

    /* A mean outside of its range, and a layer without: refused by name. */
    float *mean = graph.layers[1].calibration + POMI_CALIBRATION_MEAN * graph.layers[1].out_channels;
    mean[0] = 1e9F;
    again.size_bytes = 0;
    pom_network_free(after);
    assert_int_equal(pomi_network_file_calibrated(&again, pomi_bytes_view(&plain), &graph, &err), POM_OK);
    assert_int_equal(pomi_network_file_read(&after, pomi_bytes_view(&again), &err), POM_ERROR_MISMATCH);
    assert_non_null(strstr(err.message, "depthwise.calibration"));
    graph.n_layers -= 2;
    again.size_bytes = 0;
    assert_int_equal(pomi_network_file_calibrated(&again, pomi_bytes_view(&plain), &graph, &err), POM_OK);
    graph.n_layers += 2;
    assert_int_equal(pomi_network_file_read(&after, pomi_bytes_view(&again), &err), POM_ERROR_MISMATCH);

    pom_network_free(before);
    pomi_bytes_release(&plain);
    pomi_bytes_release(&calibrated);
    pomi_bytes_release(&again);
    pomi_bytes_release(&stripped);
    pomi_graph_release(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_are_what_the_layers_give),
        cmocka_unit_test(not_finite_outputs_are_refused),
        cmocka_unit_test(a_calibrated_file_is_the_same_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
