// SPDX-License-Identifier: Apache-2.0
/* The models are those the fuzzer starts from: tests/fuzz/make_network_corpus.py writes them with the onnx package. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "networks/readers.h"
#include "store/store.h"

static const struct pomi_reader_wishes no_wishes = {.padding = -1, .preprocessing = -1};

static struct pomi_bytes model(const char *name)
{
    char path[4096];
    struct pomi_bytes bytes = {0};
    const char *source = getenv("POMONA_SOURCE");
    snprintf(path, sizeof path, "%s/tests/fuzz/corpus/read_onnx/%s", source != NULL ? source : ".", name);
    if (pomi_store_read(NULL, path, 1 << 20, &bytes, NULL) != POM_OK) fail_msg("no %s", path);
    return bytes;
}

static enum pom_status read_model(const char *name, struct pomi_graph *graph,
                                  const struct pomi_reader_wishes *wishes, struct pom_error *err)
{
    const char *architecture = "unset";
    struct pomi_bytes bytes = model(name);
    *graph = (struct pomi_graph){0};
    enum pom_status status = pomi_read_onnx(graph, &architecture, pomi_bytes_view(&bytes), wishes, err);
    pomi_bytes_release(&bytes);
    if (status == POM_OK) assert_null(architecture);
    return status;
}

struct expected_layer {
    enum pomi_layer_kind kind;
    enum pomi_activation activation;
    int input, kernel_px, stride_px, out_px;
};

static void expect_layers(const struct pomi_graph *graph, const struct expected_layer *expected, int n_layers)
{
    assert_int_equal(graph->n_layers, n_layers);
    for (int i = 0; i < n_layers; i++) {
        assert_int_equal(graph->layers[i].kind, expected[i].kind);
        assert_int_equal(graph->layers[i].activation, expected[i].activation);
        assert_int_equal(graph->layers[i].inputs[0], expected[i].input);
        assert_int_equal(graph->layers[i].kernel_px, expected[i].kernel_px);
        assert_int_equal(graph->layers[i].stride_px, expected[i].stride_px);
        assert_int_equal(graph->layers[i].out_height_px, expected[i].out_px);
    }
}

/* Normalisations and activations join; the one after an addition stands alone; the classifier is dropped. */
static void the_older_style_is_walked(void **state)
{
    (void)state;
    static const struct expected_layer expected[] = {
        {POMI_LAYER_CONV, POMI_ACTIVATION_RELU6, POMI_INPUT_IMAGE, 3, 2, 8},
        {POMI_LAYER_DEPTHWISE, POMI_ACTIVATION_RELU, 0, 3, 1, 8},
        {POMI_LAYER_ADD, POMI_ACTIVATION_NONE, 0, 1, 1, 8},
        {POMI_LAYER_DEPTHWISE, POMI_ACTIVATION_RELU, 2, 1, 1, 8},
        {POMI_LAYER_MAX_POOL, POMI_ACTIVATION_NONE, 3, 3, 2, 4},
        {POMI_LAYER_GLOBAL_AVERAGE_POOL, POMI_ACTIVATION_NONE, 4, 1, 1, 1},
    };
    struct pomi_graph graph;
    struct pom_error err;
    if (read_model("attributes", &graph, &no_wishes, &err) != POM_OK) fail_msg("%s", err.message);
    expect_layers(&graph, expected, 6);
    assert_int_equal(graph.input_px, 16);
    assert_int_equal(graph.padding, POMI_PADDING_SYMMETRIC);
    assert_int_equal(graph.preprocessing, POMI_PREPROCESSING_TORCH);
    assert_true(graph.layers[3].weights[0] > 0); /* gamma / sqrt(variance + epsilon) */
    pomi_graph_release(&graph);
}

/* Channels last, a Pad, a taken-apart normalisation, half precision, constants as inputs and as nodes. */
static void the_newer_style_is_walked(void **state)
{
    (void)state;
    static const struct expected_layer expected[] = {
        {POMI_LAYER_CONV, POMI_ACTIVATION_RELU6, POMI_INPUT_IMAGE, 3, 2, 8},
        {POMI_LAYER_CONV, POMI_ACTIVATION_NONE, 0, 1, 1, 8},
        {POMI_LAYER_GLOBAL_AVERAGE_POOL, POMI_ACTIVATION_NONE, 1, 1, 1, 1},
    };
    struct pomi_graph graph;
    struct pom_error err;
    if (read_model("inputs", &graph, &no_wishes, &err) != POM_OK) fail_msg("%s", err.message);
    expect_layers(&graph, expected, 3);
    assert_int_equal(graph.padding, POMI_PADDING_SAME);
    assert_int_equal(graph.preprocessing, POMI_PREPROCESSING_TF);
    assert_int_equal(graph.layers[0].pad_top_px, 0);
    pomi_graph_release(&graph);
}

/* As ResNet v2 begins: gamma / sqrt(variance + epsilon) on the diagonal, nothing beside it. */
static void a_normalised_image_is_a_convolution(void **state)
{
    (void)state;
    static const struct expected_layer expected[] = {
        {POMI_LAYER_CONV, POMI_ACTIVATION_NONE, POMI_INPUT_IMAGE, 1, 1, 16},
        {POMI_LAYER_CONV, POMI_ACTIVATION_NONE, 0, 3, 2, 8},
        {POMI_LAYER_GLOBAL_AVERAGE_POOL, POMI_ACTIVATION_NONE, 1, 1, 1, 1},
    };
    struct pomi_graph graph;
    struct pom_error err;
    if (read_model("normalised-image", &graph, &no_wishes, &err) != POM_OK) fail_msg("%s", err.message);
    expect_layers(&graph, expected, 3);
    for (int i = 0; i < 9; i++) assert_true((graph.layers[0].weights[i] != 0) == (i % 4 == 0));
    pomi_graph_release(&graph);
}

static void what_cannot_be_expressed_is_refused(void **state)
{
    (void)state;
    struct pomi_graph graph;
    struct pom_error err;
    assert_int_equal(read_model("goes-back", &graph, &no_wishes, &err), POM_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "after it"));
    pomi_graph_release(&graph);
    const struct pomi_reader_wishes resnet50 = {
        .architecture = "resnet50", .padding = -1, .preprocessing = -1};
    assert_int_equal(read_model("attributes", &graph, &resnet50, &err), POM_ERROR_MISMATCH);
    pomi_graph_release(&graph);
    const struct pomi_reader_wishes same = {.padding = POMI_PADDING_SAME, .preprocessing = -1};
    assert_int_equal(read_model("attributes", &graph, &same, &err), POM_ERROR_MISMATCH);
    pomi_graph_release(&graph);
    const struct pomi_reader_wishes odd_size = {.input_px = 17, .padding = -1, .preprocessing = -1};
    assert_int_equal(read_model("inputs", &graph, &odd_size, &err), POM_ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "padding"));
    pomi_graph_release(&graph);
}

static void truncated_models_are_refused(void **state)
{
    (void)state;
    struct pomi_bytes bytes = model("attributes");
    for (size_t size = 0; size < bytes.size_bytes; size++) {
        struct pomi_graph graph = {0};
        struct pomi_bytes part = {0};
        const char *architecture;
        struct pom_error err;
        pomi_bytes_append(&part, bytes.data, size, NULL);
        enum pom_status status =
            pomi_read_onnx(&graph, &architecture, pomi_bytes_view(&part), &no_wishes, &err);
        /* What follows the graph (the opset) is not needed. */
        if (status == POM_OK && size + 8 < bytes.size_bytes) fail_msg("%zu bytes were enough", size);
        pomi_graph_release(&graph);
        pomi_bytes_release(&part);
    }
    pomi_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_style_is_walked),
        cmocka_unit_test(the_newer_style_is_walked),
        cmocka_unit_test(a_normalised_image_is_a_convolution),
        cmocka_unit_test(what_cannot_be_expressed_is_refused),
        cmocka_unit_test(truncated_models_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
