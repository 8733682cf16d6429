// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef TESTS_HAVE_HDF5

#include "base/hash.h"
#include "networks/convert.h"
#include "networks/readers.h"
#include "store/store.h"
#include "keras_file.h"

static const struct pomi_reader_wishes no_wishes = {.input_px = 32, .padding = -1, .preprocessing = -1};

static struct pomi_bytes keras_bytes_for(enum keras_layout layout, enum keras_defect defect, bool is_latest)
{
    char path[] = "/tmp/pomona-test-XXXXXX";
    struct pomi_bytes bytes = {0};
    int file = mkstemp(path);
    assert_true(file >= 0);
    close(file);
    keras_write(path, layout, defect, is_latest);
    assert_int_equal(pomi_store_read(NULL, path, 1 << 26, &bytes, NULL), POM_OK);
    unlink(path);
    return bytes;
}

static struct pomi_bytes keras_bytes(enum keras_layout layout, enum keras_defect defect)
{
    return keras_bytes_for(layout, defect, false);
}

static enum pom_status read_keras(struct pomi_graph *graph, enum keras_layout layout,
                                  enum keras_defect defect, struct pom_error *err)
{
    const char *architecture = NULL;
    struct pomi_bytes bytes = keras_bytes(layout, defect);
    enum pom_status status = pomi_read_keras(graph, &architecture, pomi_bytes_view(&bytes), &no_wishes, err);
    pomi_bytes_release(&bytes);
    if (status == POM_OK) assert_string_equal(architecture, "mobilenetv2");
    return status;
}

static void weights_are_folded_and_placed(void **state)
{
    (void)state;
    struct pomi_graph graph = {0};
    struct pom_error err;
    if (read_keras(&graph, KERAS_LEGACY, KERAS_SOUND, &err) != POM_OK) fail_msg("%s", err.message);
    for (int i = 0; i < graph.n_layers; i++) {
        const struct pomi_layer *layer = &graph.layers[i];
        if (pomi_layer_n_weights(layer) == 0) continue;
        int in = layer->kind == POMI_LAYER_CONV ? layer->in_channels : 1, out = layer->out_channels;
        int n_taps = layer->kernel_px * layer->kernel_px, seed = 10 * i + 1;
        for (int o = 0; o < out; o++) {
            double gamma = (double)(keras_value(seed, o) + 1), beta = (double)keras_value(seed + 1, o);
            double mean = (double)keras_value(seed + 2, o), variance = (double)(keras_value(seed + 3, o) + 1);
            double scale = gamma / sqrt(variance + (double)1e-3F);
            assert_true(layer->bias[o] == (float)(beta + (0 - mean) * scale));
            for (int t = 0; t < n_taps; t++) {
                for (int k = 0; k < in; k++) {
                    int from = layer->kind == POMI_LAYER_CONV ? (t * in + k) * out + o : t * out + o;
                    double kernel = (double)keras_value(10 * i, from);
                    assert_true(layer->weights[(o * n_taps + t) * in + k] == (float)(kernel * scale));
                }
            }
        }
    }
    pomi_graph_release(&graph);
}

static void every_layout_gives_the_same_network(void **state)
{
    (void)state;
    char first[POMI_SHA256_TEXT_BYTES] = "";
    for (int i = 0; i <= 2 * KERAS_WEIGHTS_NAMED + 1; i++) {
        enum keras_layout layout = (enum keras_layout)(i / 2);
        struct pomi_bytes source = keras_bytes_for(layout, KERAS_SOUND, i % 2 == 1), file = {0};
        const struct pom_convert_options options = {.input_px = 32};
        struct pom_error err;
        char sha256[POMI_SHA256_TEXT_BYTES];
        if (pomi_convert(&file, pomi_bytes_view(&source), &options, &err) != POM_OK)
            fail_msg("layout %d, %s: %s", layout, i % 2 == 1 ? "latest" : "earliest", err.message);
        pomi_sha256_text(file.data, file.size_bytes, sha256);
        if (i == 0) memcpy(first, sha256, sizeof first);
        assert_string_equal(sha256, first);
        pomi_bytes_release(&source);
        pomi_bytes_release(&file);
    }
}

static void defects_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        enum keras_defect defect;
        enum pom_status status;
        const char *reason, *in_legacy, *in_weights;
    } cases[] = {
        {KERAS_MISSING_LAYER, POM_ERROR_MISMATCH, "missing_tensor", "35 convolutions", "35 convolutions"},
        {KERAS_EXTRA_LAYER, POM_ERROR_MISMATCH, "extra_tensor", "k", "conv2d_35"},
        {KERAS_MISSING_TENSOR, POM_ERROR_MISMATCH, "missing_tensor", "kernel:0", "conv2d_34"},
        {KERAS_WRONG_SHAPE, POM_ERROR_MISMATCH, "wrong_shape", "k", "batch"},
        {KERAS_NOT_FINITE, POM_ERROR_MISMATCH, "not_finite", "k", "conv2d_34"},
        {KERAS_BAD_VARIANCE, POM_ERROR_MISMATCH, "not_finite", "_BN", "batch_normalization_51"},
        {KERAS_SOFT_LINK, POM_ERROR_MISMATCH, "missing_tensor", "kernel:0", "35 convolutions"},
        {KERAS_INTEGERS, POM_ERROR_UNSUPPORTED, "unsupported", "kernel:0", "conv2d_34"},
        {KERAS_COMPRESSED, POM_ERROR_UNSUPPORTED, "unsupported", "kernel:0", "conv2d_34"},
        {KERAS_NOT_WRITTEN, POM_ERROR_FORMAT, "corrupt", "kernel:0", "conv2d_34"},
        {KERAS_EXTERNAL_STORAGE, POM_ERROR_UNSUPPORTED, "unsupported", "kernel:0", "conv2d_34"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (int is_weights = 0; is_weights < 2; is_weights++) {
            struct pomi_graph graph = {0};
            struct pom_error err = {0};
            if (is_weights && cases[i].defect == KERAS_MISSING_TENSOR)
                continue; /* then the layer has no variables */
            enum pom_status status =
                read_keras(&graph, is_weights ? KERAS_WEIGHTS : KERAS_LEGACY, cases[i].defect, &err);
            if (status != cases[i].status || strcmp(err.reason, cases[i].reason) != 0 ||
                strstr(err.message, is_weights ? cases[i].in_weights : cases[i].in_legacy) == NULL)
                fail_msg("case %zu (%d): %d %s: %s", i, is_weights, status, err.reason, err.message);
            pomi_graph_release(&graph);
        }
    }
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    struct pomi_bytes bytes = keras_bytes(KERAS_WEIGHTS, KERAS_SOUND);
    const size_t sizes[] = {0, 8, 96, 2048, bytes.size_bytes / 2, bytes.size_bytes - 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct pomi_graph graph = {0};
        const char *architecture;
        struct pomi_view part = {bytes.data, sizes[i]};
        assert_int_not_equal(pomi_read_keras(&graph, &architecture, part, &no_wishes, NULL), POM_OK);
        pomi_graph_release(&graph);
    }
    pomi_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_folded_and_placed),
        cmocka_unit_test(every_layout_gives_the_same_network),
        cmocka_unit_test(defects_are_refused_by_name),
        cmocka_unit_test(truncated_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    print_message("skipped: without libhdf5, which writes the files to read\n");
    return 77;
}

#endif
