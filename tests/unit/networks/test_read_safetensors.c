// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/safetensors.h"
#include "networks/architectures.h"
#include "networks/readers.h"

/* A very narrow MobileNetV2 as a PyTorch file: the names are spelled out here from the modules of torchvision and
 * timm, not taken from the reader. */
struct file {
    struct pomi_tensor tensors[400];
    char names[400][64];
    float *values[400];
    int n_tensors;
};

static void add(struct file *file, const char *prefix, const char *part, const int64_t *shape,
                int n_dimensions, float first)
{
    int n = file->n_tensors++;
    size_t n_elements = 1;
    for (int i = 0; i < n_dimensions; i++) n_elements *= (size_t)shape[i];
    file->values[n] = malloc(n_elements * sizeof(float));
    for (size_t i = 0; i < n_elements; i++) file->values[n][i] = first + (float)(i % 97) / 256;
    snprintf(file->names[n], sizeof file->names[n], "%s.%s", prefix, part);
    file->tensors[n] = (struct pomi_tensor){.name = file->names[n],
                                            .dtype = POMI_F32,
                                            .n_dimensions = n_dimensions,
                                            .data = file->values[n],
                                            .size_bytes = n_elements * sizeof(float)};
    memcpy(file->tensors[n].shape, shape, (size_t)n_dimensions * sizeof *shape);
}

static void add_pair(struct file *file, const char *convolution, const char *normalisation, int out, int in,
                     int kernel_px)
{
    const int64_t channels = out;
    add(file, convolution, "weight", (const int64_t[]){out, in, kernel_px, kernel_px}, 4, -0.2F);
    add(file, normalisation, "weight", &channels, 1, 0.9F);
    add(file, normalisation, "bias", &channels, 1, -0.1F);
    add(file, normalisation, "running_mean", &channels, 1, 0.05F);
    add(file, normalisation, "running_var", &channels, 1, 0.8F);
}

static struct file *torchvision(void)
{
    struct file *file = calloc(1, sizeof *file);
    char convolution[64], normalisation[64];
    add_pair(file, "features.0.0", "features.0.1", 8, 3, 3);
    add_pair(file, "features.1.conv.0.0", "features.1.conv.0.1", 8, 1, 3);
    add_pair(file, "features.1.conv.1", "features.1.conv.2", 8, 8, 1);
    for (int i = 2; i <= 17; i++) {
        for (int j = 0; j < 2; j++) {
            snprintf(convolution, sizeof convolution, "features.%d.conv.%d.0", i, j);
            snprintf(normalisation, sizeof normalisation, "features.%d.conv.%d.1", i, j);
            add_pair(file, convolution, normalisation, 48, j == 0 ? 8 : 1, j == 0 ? 1 : 3);
        }
        snprintf(convolution, sizeof convolution, "features.%d.conv.2", i);
        snprintf(normalisation, sizeof normalisation, "features.%d.conv.3", i);
        add_pair(file, convolution, normalisation, 8, 48, 1);
    }
    add_pair(file, "features.18.0", "features.18.1", 16, 8, 1);
    add(file, "classifier.1", "weight", (const int64_t[]){3, 16}, 2, 0);
    return file;
}

static struct file *timm(void)
{
    static const int n_blocks[] = {1, 2, 3, 4, 3, 3, 1};
    struct file *file = calloc(1, sizeof *file);
    char block[32], convolution[64], normalisation[64];
    add_pair(file, "conv_stem", "bn1", 8, 3, 3);
    for (int stage = 0; stage < 7; stage++) {
        for (int i = 0; i < n_blocks[stage]; i++) {
            static const char *const first[] = {"conv_dw", "conv_pw"}, *const others[] = {
                                                                           "conv_pw", "conv_dw", "conv_pwl"};
            snprintf(block, sizeof block, "blocks.%d.%d", stage, i);
            for (int j = 0; j < (stage == 0 ? 2 : 3); j++) {
                const char *part = stage == 0 ? first[j] : others[j];
                bool is_depthwise = strcmp(part, "conv_dw") == 0, is_last = j == (stage == 0 ? 1 : 2);
                int wide = stage == 0 ? 8 : 48;
                snprintf(convolution, sizeof convolution, "%s.%s", block, part);
                snprintf(normalisation, sizeof normalisation, "%s.bn%d", block, j + 1);
                add_pair(file, convolution, normalisation, is_last ? 8 : wide,
                         is_depthwise ? 1
                         : is_last    ? wide
                                      : 8,
                         is_depthwise ? 3 : 1);
            }
        }
    }
    add_pair(file, "conv_head", "bn2", 16, 8, 1);
    return file;
}

static void free_file(struct file *file)
{
    for (int i = 0; i < file->n_tensors; i++) free(file->values[i]);
    free(file);
}

static enum pom_status read_file(const struct file *file, struct pomi_graph *graph, struct pom_error *err)
{
    const struct pomi_reader_wishes wishes = {.input_px = 32, .padding = -1, .preprocessing = -1};
    const char *architecture = NULL;
    struct pomi_bytes bytes = {0};
    *graph = (struct pomi_graph){0};
    assert_int_equal(pomi_safetensors_write(&bytes, file->tensors, (size_t)file->n_tensors, NULL, 0, NULL),
                     POM_OK);
    enum pom_status status =
        pomi_read_safetensors(graph, &architecture, pomi_bytes_view(&bytes), &wishes, err);
    pomi_bytes_release(&bytes);
    return status;
}

static void both_namings_give_the_same_graph(void **state)
{
    (void)state;
    struct file *files[2] = {torchvision(), timm()};
    struct pomi_graph graphs[2];
    struct pom_error err;
    for (int i = 0; i < 2; i++)
        if (read_file(files[i], &graphs[i], &err) != POM_OK) fail_msg("%s", err.message);
    assert_int_equal(graphs[0].padding, POMI_PADDING_SYMMETRIC);
    assert_int_equal(graphs[0].preprocessing, POMI_PREPROCESSING_TORCH);
    for (int i = 0; i < graphs[0].n_layers; i++) {
        const struct pomi_layer *layer = &graphs[0].layers[i];
        size_t n_weights = pomi_layer_n_weights(layer);
        if (n_weights == 0) continue;
        assert_memory_equal(layer->weights, graphs[1].layers[i].weights, n_weights * sizeof(float));
        assert_memory_equal(layer->bias, graphs[1].layers[i].bias,
                            (size_t)layer->out_channels * sizeof(float));
        for (int o = 0; o < layer->out_channels; o++) {
            float step = (float)(o % 97) / 256;
            double scale = (double)(0.9F + step) / sqrt((double)(0.8F + step) + (double)1e-5F);
            double bias = (double)(-0.1F + step) + (0 - (double)(0.05F + step)) * scale;
            assert_true(layer->bias[o] == (float)bias);
        }
    }
    for (int i = 0; i < 2; i++) {
        pomi_graph_release(&graphs[i]);
        free_file(files[i]);
    }
}

static void wrong_tensors_are_refused_by_name(void **state)
{
    (void)state;
    struct file *file = torchvision();
    struct pomi_graph graph;
    struct pom_error err;
    /* Each in turn missing, but those by which the file is known and the classifier. */
    for (int i = 1; i + 1 < file->n_tensors; i += 7) {
        struct pomi_tensor left_out = file->tensors[i];
        file->tensors[i] = file->tensors[--file->n_tensors];
        assert_int_equal(read_file(file, &graph, &err), POM_ERROR_MISMATCH);
        assert_string_equal(err.reason, "missing_tensor");
        if (strstr(err.message, left_out.name) == NULL)
            fail_msg("without %s: %s", left_out.name, err.message);
        pomi_graph_release(&graph);
        file->tensors[file->n_tensors++] = file->tensors[i];
        file->tensors[i] = left_out;
    }
    file->values[20][3] = INFINITY;
    assert_int_equal(read_file(file, &graph, &err), POM_ERROR_MISMATCH);
    assert_string_equal(err.reason, "not_finite");
    pomi_graph_release(&graph);
    file->values[20][3] = 0;

    add(file, "features.19.0", "weight", (const int64_t[]){3, 16}, 2, 0);
    assert_int_equal(read_file(file, &graph, &err), POM_ERROR_MISMATCH);
    assert_string_equal(err.reason, "extra_tensor");
    assert_non_null(strstr(err.message, "features.19.0.weight"));
    pomi_graph_release(&graph);
    file->n_tensors--;
    free(file->values[file->n_tensors]);

    file->tensors[5].shape[0] = 4; /* [4][2][3][3] has as many values as [8][1][3][3] */
    file->tensors[5].shape[1] = 2;
    assert_int_equal(read_file(file, &graph, &err), POM_ERROR_MISMATCH);
    assert_string_equal(err.reason, "wrong_shape");
    pomi_graph_release(&graph);
    free_file(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_namings_give_the_same_graph),
        cmocka_unit_test(wrong_tensors_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
