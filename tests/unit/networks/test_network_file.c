// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <math.h>
#include <string.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/safetensors.h"
#include "networks/architectures.h"
#include "networks/network_file.h"

static const char layers_text[] =
    "[{\"name\":\"stem\",\"op\":\"conv\",\"input\":\"image\",\"channels\":2,\"kernel\":1,\"stride\":2,"
    "\"activation\":\"relu6\"},"
    "{\"name\":\"dw\",\"op\":\"depthwise\",\"input\":\"stem\",\"channels\":2,\"kernel\":1,\"stride\":1,"
    "\"activation\":\"none\"},"
    "{\"name\":\"sum\",\"op\":\"add\",\"inputs\":[\"stem\",\"dw\"],\"activation\":\"relu\"},"
    "{\"name\":\"mp\",\"op\":\"max_pool\",\"input\":\"sum\",\"kernel\":3,\"stride\":2},"
    "{\"name\":\"pool\",\"op\":\"global_average_pool\",\"input\":\"mp\"}]";

/* What a test writes: changed in one place by each case. */
struct sample {
    struct pomi_metadata metadata[10];
    struct pomi_tensor tensors[6];
    size_t n_tensors;
    float stem_bias[2], dw_bias[2], dw_scale[2];
    uint16_t stem_weight[6];
    int8_t dw_weight[2];
};

static void fill(struct sample *sample)
{
    *sample = (struct sample){
        .metadata = {{"format", "pomona-network/1"},
                     {"name", "tiny"},
                     {"input_px", "8"},
                     {"preprocessing", "torch"},
                     {"padding", "symmetric"},
                     {"features", "2"},
                     {"layers", layers_text},
                     {"origin", "made for a test"},
                     {"licence", "CC0"},
                     {"training", "{\"hours\":0}"}},
        .n_tensors = 5,
        .stem_bias = {1, -2},
        .dw_bias = {0.5F, 0.25F},
        .dw_scale = {0.5F, 2},
        .stem_weight = {0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x03ff},
        .dw_weight = {-128, 127},
    };
    const struct pomi_tensor tensors[] = {
        {.name = "stem.weight",
         .dtype = POMI_F16,
         .n_dimensions = 4,
         .shape = {2, 1, 1, 3},
         .size_bytes = 12,
         .data = sample->stem_weight},
        {.name = "stem.bias",
         .dtype = POMI_F32,
         .n_dimensions = 1,
         .shape = {2},
         .size_bytes = 8,
         .data = sample->stem_bias},
        {.name = "dw.weight",
         .dtype = POMI_I8,
         .n_dimensions = 4,
         .shape = {2, 1, 1, 1},
         .size_bytes = 2,
         .data = sample->dw_weight},
        {.name = "dw.bias",
         .dtype = POMI_F32,
         .n_dimensions = 1,
         .shape = {2},
         .size_bytes = 8,
         .data = sample->dw_bias},
        {.name = "dw.scale",
         .dtype = POMI_F32,
         .n_dimensions = 1,
         .shape = {2},
         .size_bytes = 8,
         .data = sample->dw_scale},
    };
    memcpy(sample->tensors, tensors, sizeof tensors);
}

static enum pom_status open_sample(const struct sample *sample, struct pom_network **network,
                                   struct pom_error *err)
{
    struct pomi_bytes bytes = {0};
    assert_int_equal(
        pomi_safetensors_write(&bytes, sample->tensors, sample->n_tensors, sample->metadata, 10, err),
        POM_OK);
    enum pom_status status = pom_network_open_memory(network, bytes.data, bytes.size_bytes, err);
    pomi_bytes_release(&bytes);
    return status;
}

static void all_weight_types_are_read(void **state)
{
    (void)state;
    struct sample sample;
    struct pom_network *network;
    struct pom_error err;
    fill(&sample);
    if (open_sample(&sample, &network, &err) != POM_OK) fail_msg("%s", err.message);
    const struct pomi_layer *layers = network->graph.layers;
    const float halves[6] = {1, -2, 0x1p-24F, 65504, -0.0F, 1023 * 0x1p-24F};
    assert_memory_equal(layers[0].weights, halves, sizeof halves);
    assert_true(layers[1].weights[0] == -64 && layers[1].weights[1] == 254);
    assert_memory_equal(layers[1].bias, sample.dw_bias, sizeof sample.dw_bias);

    const struct pom_network_info *info = pom_network_info(network);
    assert_string_equal(info->name, "tiny");
    assert_string_equal(info->origin, "made for a test");
    assert_string_equal(info->licence, "CC0");
    assert_string_equal(info->training, "{\"hours\":0}");
    assert_string_equal(info->preprocessing, "torch");
    assert_string_equal(info->padding, "symmetric");
    assert_int_equal(info->n_features, 2);
    assert_int_equal(info->n_parameters, 6 + 2 + 2 + 2);
    assert_int_equal(info->n_macs, 6 * 16 + 2 * 16);
    assert_int_equal(strlen(info->identity), 64);

    struct pom_layer_info layer;
    assert_int_equal(pom_network_layer(network, 3, &layer, NULL), POM_OK);
    assert_string_equal(layer.kind, "max_pool");
    assert_int_equal(layer.out_height_px, 2);
    assert_int_equal(layer.n_macs, 0);
    assert_int_equal(pom_network_layer(network, 5, &layer, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_network_layer(network, -1, &layer, NULL), POM_ERROR_ARGUMENT);
    pom_network_free(network);
}

static void what_is_written_reads_back_the_same(void **state)
{
    (void)state;
    struct sample sample;
    struct pom_network *network, *again;
    fill(&sample);
    assert_int_equal(open_sample(&sample, &network, NULL), POM_OK);
    const struct pomi_network_text text = {"tiny", "made for a test", "CC0", NULL};
    struct pomi_bytes bytes = {0}, twice = {0};
    assert_int_equal(pomi_network_file_write(&bytes, &network->graph, &text, NULL), POM_OK);
    assert_int_equal(pom_network_open_memory(&again, bytes.data, bytes.size_bytes, NULL), POM_OK);
    assert_int_equal(pomi_network_file_write(&twice, &again->graph, &text, NULL), POM_OK);
    assert_int_equal(bytes.size_bytes, twice.size_bytes);
    assert_memory_equal(bytes.data, twice.data, bytes.size_bytes);
    char sha256[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text(bytes.data, bytes.size_bytes, sha256);
    assert_string_equal(pom_network_info(again)->identity, sha256);
    assert_string_equal(pom_network_info(again)->training, "");
    assert_memory_equal(again->graph.layers[0].weights, network->graph.layers[0].weights, 24);
    assert_int_equal(again->graph.layers[2].activation, POMI_ACTIVATION_RELU);
    pom_network_free(network);
    pom_network_free(again);
    pomi_bytes_release(&bytes);
    pomi_bytes_release(&twice);
}

/* Takes the bytes, and compares with a network that was read from them; says whether the first weights stayed in the file. */
static bool is_taken_in_place(struct pomi_bytes *bytes)
{
    struct pom_network *read, *taken;
    const struct pomi_view view = pomi_bytes_view(bytes);
    assert_int_equal(pomi_network_file_read(&read, view, NULL), POM_OK);
    assert_int_equal(pomi_network_file_take(&taken, bytes, NULL), POM_OK);
    assert_null(bytes->data);
    assert_string_equal(pom_network_info(taken)->identity, pom_network_info(read)->identity);
    for (int i = 0; i < 2; i++)
        assert_memory_equal(taken->graph.layers[i].weights, read->graph.layers[i].weights,
                            pomi_layer_n_weights(&read->graph.layers[i]) * sizeof(float));
    const uint8_t *weights = (const uint8_t *)taken->graph.layers[0].weights;
    const bool is_in_place = weights >= view.data && weights < view.data + view.size_bytes;
    pom_network_free(read);
    pom_network_free(taken);
    return is_in_place;
}

static void weights_stay_in_a_file_that_is_taken(void **state)
{
    (void)state;
    struct sample sample;
    struct pom_network *network;
    struct pom_error err;
    struct pomi_bytes floats = {0}, moved = {0}, damaged = {0};
    const struct pomi_network_text text = {"tiny", "made for a test", "CC0", NULL};
    fill(&sample);
    assert_int_equal(open_sample(&sample, &network, NULL), POM_OK);
    assert_int_equal(pomi_network_file_write(&floats, &network->graph, &text, NULL), POM_OK);
    pom_network_free(network);

    /* One more space at the end of the header, and no float lies at a multiple of four. */
    const size_t header_end = 8 + floats.data[0] + ((size_t)floats.data[1] << 8);
    assert_int_equal(pomi_bytes_append(&moved, floats.data, header_end, NULL), POM_OK);
    assert_int_equal(pomi_bytes_append(&moved, " ", 1, NULL), POM_OK);
    assert_int_equal(
        pomi_bytes_append(&moved, floats.data + header_end, floats.size_bytes - header_end, NULL), POM_OK);
    moved.data[0]++; /* a multiple of eight so far */
    assert_false(is_taken_in_place(&moved));
    assert_int_equal(pomi_bytes_append(&damaged, floats.data, floats.size_bytes - 1, NULL), POM_OK);
    assert_true(is_taken_in_place(&floats));

    assert_int_equal(
        pomi_safetensors_write(&moved, sample.tensors, sample.n_tensors, sample.metadata, 10, NULL), POM_OK);
    assert_false(is_taken_in_place(&moved)); /* halves and integers */
    assert_int_equal(pomi_network_file_take(&network, &damaged, &err), POM_ERROR_FORMAT);
    assert_null(network);
    assert_null(damaged.data);
}

static void wrong_metadata_is_refused_by_key(void **state)
{
    (void)state;
    static const struct {
        int index;
        const char *value;
        enum pom_status status;
        const char *message;
    } cases[] = {
        {0, "pomona-pca/1", POM_ERROR_FORMAT, "not a network file"},
        {0, "pomona-network/2", POM_ERROR_UNSUPPORTED, "pomona-network/2"},
        {1, "", POM_ERROR_FORMAT, "\"name\""},
        {2, "8x", POM_ERROR_FORMAT, "\"input_px\""},
        {2, "0", POM_ERROR_FORMAT, "\"input_px\""},
        {2, "99999999999999999999", POM_ERROR_FORMAT, "\"input_px\""},
        {2, "5000", POM_ERROR_FORMAT, "5000"},
        {3, "TF", POM_ERROR_FORMAT, "\"preprocessing\""},
        {4, "valid", POM_ERROR_FORMAT, "\"padding\""},
        {5, "3", POM_ERROR_FORMAT, "promises 3 features"},
        {6, "{}", POM_ERROR_FORMAT, "\"layers\""},
        {6, "[]", POM_ERROR_FORMAT, "\"layers\""},
        {6, "[{}]", POM_ERROR_FORMAT, "number 0"},
        {6, "[{\"name\":\"a\",\"op\":\"dense\"}]", POM_ERROR_FORMAT, "\"a\" has an op"},
        {6, "[{\"name\":\"a\",\"op\":\"add\",\"inputs\":[\"image\"],\"activation\":\"none\"}]",
         POM_ERROR_FORMAT, "two inputs"},
        {6, "[{\"name\":\"a\",\"op\":\"global_average_pool\",\"input\":\"b\"}]", POM_ERROR_FORMAT,
         "not before"},
        {6, "[{\"name\":\"a\",\"op\":\"global_average_pool\",\"input\":\"image\",\"extra\":1}]",
         POM_ERROR_FORMAT, "a key"},
        {6, "[{\"name\":\"a\",\"op\":\"max_pool\",\"input\":\"image\",\"kernel\":2}]", POM_ERROR_FORMAT,
         "\"stride\""},
        {6,
         "[{\"name\":\"a\",\"op\":\"conv\",\"input\":\"image\",\"channels\":1,\"kernel\":1,\"stride\":1,"
         "\"activation\":\"swish\"}]",
         POM_ERROR_FORMAT, "activation"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sample sample;
        struct pom_network *network;
        struct pom_error err = {0};
        fill(&sample);
        sample.metadata[cases[i].index].value = cases[i].value;
        assert_int_equal(open_sample(&sample, &network, &err), cases[i].status);
        assert_null(network);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("case %zu: %s", i, err.message);
    }
    for (int i = 0; i < 9; i++) {
        struct sample sample;
        struct pom_network *network;
        struct pom_error err = {0};
        fill(&sample);
        const char *key = sample.metadata[i].key;
        sample.metadata[i].key = "another";
        assert_int_equal(open_sample(&sample, &network, &err), POM_ERROR_FORMAT);
        if (i > 0 && strstr(err.message, key) == NULL) fail_msg("without %s: %s", key, err.message);
    }
}

static void expect_mismatch(const struct sample *sample, const char *name, const char *reason)
{
    struct pom_network *network;
    struct pom_error err = {0};
    assert_int_not_equal(open_sample(sample, &network, &err), POM_OK);
    assert_null(network);
    if (strstr(err.message, name) == NULL) fail_msg("expected %s: %s", name, err.message);
    assert_string_equal(err.reason, reason);
}

static void wrong_tensors_are_refused_by_name(void **state)
{
    (void)state;
    struct sample sample;
    for (int i = 0; i < 5; i++) {
        fill(&sample);
        const char *name = sample.tensors[i].name;
        for (int j = i; j < 4; j++) sample.tensors[j] = sample.tensors[j + 1];
        sample.n_tensors = 4;
        expect_mismatch(&sample, name, "missing_tensor");
    }
    fill(&sample);
    sample.tensors[5] =
        (struct pomi_tensor){.name = "head.bias", .dtype = POMI_F32, .data = "abcd", .size_bytes = 4};
    sample.n_tensors = 6;
    expect_mismatch(&sample, "head.bias", "extra_tensor");

    fill(&sample);
    sample.tensors[0].shape[0] = 3;
    sample.tensors[0].shape[3] = 2;
    expect_mismatch(&sample, "stem.weight", "wrong_shape");
    fill(&sample);
    sample.tensors[1].n_dimensions = 2;
    sample.tensors[1].shape[1] = 1;
    expect_mismatch(&sample, "stem.bias", "wrong_shape");

    fill(&sample);
    sample.stem_bias[1] = NAN;
    expect_mismatch(&sample, "stem.bias", "not_finite");
    fill(&sample);
    sample.stem_weight[3] = 0x7c00;
    expect_mismatch(&sample, "stem.weight", "not_finite");
    fill(&sample);
    sample.dw_scale[0] = INFINITY;
    expect_mismatch(&sample, "dw.scale", "not_finite");
    fill(&sample);
    sample.dw_scale[0] = 3e38F;
    expect_mismatch(&sample, "dw.scale", "not_finite");

    fill(&sample);
    sample.tensors[0].dtype = POMI_BF16;
    expect_mismatch(&sample, "stem.weight", "unsupported");
    fill(&sample);
    sample.tensors[1].dtype = POMI_I32;
    expect_mismatch(&sample, "stem.bias", "unsupported");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_weight_types_are_read),
        cmocka_unit_test(what_is_written_reads_back_the_same),
        cmocka_unit_test(weights_stay_in_a_file_that_is_taken),
        cmocka_unit_test(wrong_metadata_is_refused_by_key),
        cmocka_unit_test(wrong_tensors_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
