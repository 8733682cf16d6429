// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cnn/graph.h"

static struct pomi_layer conv(const char *name, int input, int channels, int kernel_px, int stride_px)
{
    struct pomi_layer layer = {.kind = POMI_LAYER_CONV,
                               .inputs = {input},
                               .out_channels = channels,
                               .kernel_px = kernel_px,
                               .stride_px = stride_px};
    strcpy(layer.name, name);
    return layer;
}

static struct pomi_layer other(const char *name, enum pomi_layer_kind kind, int a, int b)
{
    struct pomi_layer layer = {.kind = kind, .inputs = {a, b}, .kernel_px = 3, .stride_px = 1};
    strcpy(layer.name, name);
    return layer;
}

/* One 3-channel convolution and the pool, derived; returns the convolution. */
static struct pomi_layer derived(enum pomi_padding padding, int input_px, int kernel_px, int stride_px)
{
    struct pomi_layer layers[] = {conv("c", POMI_INPUT_IMAGE, 4, kernel_px, stride_px),
                                  other("pool", POMI_LAYER_GLOBAL_AVERAGE_POOL, 0, 0)};
    struct pomi_graph graph = {.layers = layers, .n_layers = 2, .input_px = input_px, .padding = padding};
    struct pom_error err;
    if (pomi_graph_derive(&graph, &err) != POM_OK) fail_msg("%s", err.message);
    return layers[0];
}

/* Expected values: TensorFlow's SAME and PyTorch's padding=kernel/2 for the same sizes. */
static void both_padding_rules_follow_their_definitions(void **state)
{
    (void)state;
    static const struct {
        enum pomi_padding padding;
        int input_px, kernel_px, stride_px, out_px, before_px, after_px;
    } cases[] = {
        {POMI_PADDING_SAME, 224, 3, 2, 112, 0, 1},      {POMI_PADDING_SAME, 7, 3, 2, 4, 1, 1},
        {POMI_PADDING_SAME, 56, 3, 1, 56, 1, 1},        {POMI_PADDING_SAME, 224, 7, 2, 112, 2, 3},
        {POMI_PADDING_SAME, 56, 1, 2, 28, 0, 0},        {POMI_PADDING_SAME, 1, 3, 2, 1, 1, 1},
        {POMI_PADDING_SYMMETRIC, 224, 3, 2, 112, 1, 0}, {POMI_PADDING_SYMMETRIC, 7, 3, 2, 4, 1, 1},
        {POMI_PADDING_SYMMETRIC, 56, 3, 1, 56, 1, 1},   {POMI_PADDING_SYMMETRIC, 224, 7, 2, 112, 3, 2},
        {POMI_PADDING_SYMMETRIC, 56, 1, 2, 28, 0, 0},   {POMI_PADDING_SYMMETRIC, 4, 2, 1, 5, 1, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pomi_layer layer =
            derived(cases[i].padding, cases[i].input_px, cases[i].kernel_px, cases[i].stride_px);
        assert_int_equal(layer.out_height_px, cases[i].out_px);
        assert_int_equal(layer.out_width_px, cases[i].out_px);
        assert_int_equal(layer.pad_top_px, cases[i].before_px);
        assert_int_equal(layer.pad_left_px, cases[i].before_px);
        assert_int_equal(layer.pad_bottom_px, cases[i].after_px);
        assert_int_equal(layer.pad_right_px, cases[i].after_px);
    }
}

static void wrong_graphs_are_refused_by_layer(void **state)
{
    (void)state;
    const struct pomi_layer stem = conv("stem", POMI_INPUT_IMAGE, 8, 3, 2);
    const struct pomi_layer pool = other("pool", POMI_LAYER_GLOBAL_AVERAGE_POOL, 1, 0);
    struct pomi_layer unknown = other("u", (enum pomi_layer_kind)17, 0, 0),
                      wide = other("d", POMI_LAYER_DEPTHWISE, 0, 0);
    wide.out_channels = 9;
    struct pomi_layer active = pool;
    active.activation = POMI_ACTIVATION_RELU;
    const struct {
        struct pomi_layer layers[3];
        const char *message;
    } cases[] = {
        {{stem, conv("b", 1, 8, 1, 1), pool}, "\"b\" takes its input"},
        {{stem, conv("b", -2, 8, 1, 1), pool}, "\"b\" takes its input"},
        {{stem, conv("b", 0, 0, 1, 1), pool}, "\"b\" has a number of channels"},
        {{stem, conv("b", 0, 65537, 1, 1), pool}, "\"b\" has a number of channels"},
        {{stem, conv("b", 0, 8, 0, 1), pool}, "\"b\" has a kernel"},
        {{stem, conv("b", 0, 8, 65, 1), pool}, "\"b\" has a kernel"},
        {{stem, conv("b", 0, 8, 1, 0), pool}, "\"b\" has a stride"},
        {{stem, conv("", 0, 8, 1, 1), pool}, "number 1 has no name"},
        {{stem, conv("stem", 0, 8, 1, 1), pool}, "\"stem\" occurs twice"},
        {{stem, conv("b", POMI_INPUT_IMAGE, 8, 1, 1), pool}, "\"stem\" is used by no other"},
        {{stem, other("sum", POMI_LAYER_ADD, 0, POMI_INPUT_IMAGE), pool}, "\"sum\" adds two inputs"},
        {{stem, unknown, pool}, "\"u\" is of an unknown kind"},
        {{stem, wide, pool}, "\"d\" has another number of channels"},
        {{stem, conv("b", 0, 8, 1, 1), active}, "\"pool\" is a pool with an activation"},
        {{stem, conv("b", 0, 8, 1, 1), conv("c", 1, 8, 1, 1)}, "\"c\" is the last"},
        {{conv("a", POMI_INPUT_IMAGE, 65536, 1, 1), conv("b", 0, 8, 1, 1), pool},
         "\"a\" has an output of more"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pomi_layer layers[3];
        memcpy(layers, cases[i].layers, sizeof layers);
        struct pomi_graph graph = {.layers = layers, .n_layers = 3, .input_px = 224};
        struct pom_error err = {0};
        assert_int_equal(pomi_graph_derive(&graph, &err), POM_ERROR_FORMAT);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("case %zu: %s", i, err.message);
    }
    struct pomi_graph empty = {.input_px = 224};
    assert_int_equal(pomi_graph_derive(&empty, NULL), POM_ERROR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_padding_rules_follow_their_definitions),
        cmocka_unit_test(wrong_graphs_are_refused_by_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
