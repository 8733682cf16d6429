// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "networks/architectures.h"

static const struct pomi_layer *find(const struct pomi_graph *graph, const char *name)
{
    for (int i = 0; i < graph->n_layers; i++)
        if (strcmp(graph->layers[i].name, name) == 0) return &graph->layers[i];
    fail_msg("no layer %s", name);
    return NULL;
}

static void sum_up(const struct pomi_graph *graph, int64_t *n_weights, int64_t *n_bias, int64_t *n_macs)
{
    *n_weights = *n_bias = *n_macs = 0;
    for (int i = 0; i < graph->n_layers; i++) {
        int64_t weights = (int64_t)pomi_layer_n_weights(&graph->layers[i]);
        *n_weights += weights;
        *n_bias += weights > 0 ? graph->layers[i].out_channels : 0;
        *n_macs += pomi_layer_n_macs(&graph->layers[i]);
    }
}

/* Keras counts 2,257,984 parameters without top: four numbers of batch normalisation per channel, of which
 * folding leaves one. */
static void mobilenetv2_has_the_published_size(void **state)
{
    (void)state;
    struct pomi_mobilenetv2_widths widths = pomi_mobilenetv2_widths(1.0);
    struct pomi_graph graph;
    int64_t n_weights, n_bias, n_macs;
    assert_int_equal(pomi_graph_mobilenetv2(&graph, &widths, 224, NULL), POM_OK);
    sum_up(&graph, &n_weights, &n_bias, &n_macs);
    assert_int_equal(n_weights + 4 * n_bias, 2257984);
    assert_int_equal(n_macs / 100000, 2994);
    assert_int_equal(graph.n_layers, 1 + 2 + 16 * 3 + 10 + 2);
    assert_int_equal(find(&graph, "block_16.project")->out_channels, 320);
    assert_int_equal(find(&graph, "block_16.project")->out_height_px, 7);
    assert_int_equal(find(&graph, "block_3.depthwise")->out_channels, 144);
    assert_int_equal(find(&graph, "block_3.depthwise")->stride_px, 2);
    assert_int_equal(find(&graph, "head")->activation, POMI_ACTIVATION_RELU6);
    assert_int_equal(find(&graph, "block_2.add")->inputs[1] + 1, find(&graph, "block_2.add") - graph.layers);
    pomi_graph_release(&graph);
}

/* Stem, stages and head that Keras builds for its published multipliers; .56 separates the rounding rule with
 * its 90 % clause from plain rounding. */
static void widths_follow_the_rule_of_eight(void **state)
{
    (void)state;
    static const struct {
        double multiplier;
        int stem, stages[POMI_MOBILENETV2_STAGES], head;
    } cases[] = {
        {0.35, 16, {8, 8, 16, 24, 32, 56, 112}, 1280},    {0.5, 16, {8, 16, 16, 32, 48, 80, 160}, 1280},
        {0.75, 24, {16, 24, 24, 48, 72, 120, 240}, 1280}, {1.3, 40, {24, 32, 40, 80, 128, 208, 416}, 1664},
        {1.4, 48, {24, 32, 48, 88, 136, 224, 448}, 1792}, {0.1, 8, {8, 8, 8, 8, 16, 16, 32}, 1280},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pomi_mobilenetv2_widths widths = pomi_mobilenetv2_widths(cases[i].multiplier);
        assert_int_equal(widths.stem, cases[i].stem);
        assert_memory_equal(widths.stages, cases[i].stages, sizeof widths.stages);
        assert_int_equal(widths.head, cases[i].head);
        static const int sizes_px[] = {96, 128, 160, 224, 225, 33, 1};
        for (size_t j = 0; j < sizeof sizes_px / sizeof sizes_px[0]; j++) {
            struct pomi_graph graph;
            assert_int_equal(pomi_graph_mobilenetv2(&graph, &widths, sizes_px[j], NULL), POM_OK);
            assert_int_equal(find(&graph, "head")->out_height_px, (sizes_px[j] + 31) / 32);
            pomi_graph_release(&graph);
        }
    }
}

/* Keras counts 23,587,712 parameters without top, biases of its convolutions included. */
static void resnet50_has_the_published_size(void **state)
{
    (void)state;
    struct pomi_graph graph;
    int64_t n_weights, n_bias, n_macs;
    assert_int_equal(pomi_graph_resnet50(&graph, POMI_RESNET_STRIDE_IN_CONV, 224, NULL), POM_OK);
    sum_up(&graph, &n_weights, &n_bias, &n_macs);
    assert_int_equal(n_weights + 5 * n_bias, 23587712);
    assert_int_equal(n_macs / 1000000, 4087);
    assert_int_equal(graph.preprocessing, POMI_PREPROCESSING_TORCH);
    assert_int_equal(find(&graph, "stage_2.block_1.conv")->stride_px, 2);
    pomi_graph_release(&graph);

    assert_int_equal(pomi_graph_resnet50(&graph, POMI_RESNET_STRIDE_IN_REDUCE, 224, NULL), POM_OK);
    assert_int_equal(graph.preprocessing, POMI_PREPROCESSING_CAFFE);
    assert_int_equal(find(&graph, "stage_2.block_1.reduce")->stride_px, 2);
    assert_int_equal(find(&graph, "stage_2.block_1.shortcut")->stride_px, 2);
    assert_int_equal(find(&graph, "stage_1.block_1.reduce")->stride_px, 1);
    assert_int_equal(find(&graph, "stem")->pad_top_px, 3);
    assert_int_equal(find(&graph, "stem.pool")->out_height_px, 56);
    assert_int_equal(find(&graph, "stage_4.block_3.add")->out_height_px, 7);
    assert_int_equal(graph.layers[graph.n_layers - 1].out_channels, 2048);
    pomi_graph_release(&graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mobilenetv2_has_the_published_size),
        cmocka_unit_test(widths_follow_the_rule_of_eight),
        cmocka_unit_test(resnet50_has_the_published_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
