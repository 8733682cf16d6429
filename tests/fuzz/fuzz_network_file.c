// SPDX-License-Identifier: Apache-2.0
/* Network files: what opens describes itself, is written back the same, and, when it is small, runs in every precision. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cnn/calibrate.h"
#include "cnn/quantized.h"
#include "cnn/run.h"
#include "kernels/kernels.h"
#include "networks/network_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

enum { MAX_INPUT_PX = 64, MAX_MACS = 2000000, MAX_OUTPUT_ELEMENTS = 1 << 20 };

static void check_round_trip(const struct pom_network *network)
{
    const struct pomi_network_text text = {network->info.name, network->info.origin, network->info.licence,
                                           NULL};
    struct pomi_bytes bytes = {0}, twice = {0};
    struct pom_network *again;
    if (pomi_network_file_write(&bytes, &network->graph, &text, NULL) != POM_OK) abort();
    if (pomi_network_file_read(&again, pomi_bytes_view(&bytes), NULL) != POM_OK) abort();
    if (pomi_network_file_write(&twice, &again->graph, &text, NULL) != POM_OK) abort();
    if (bytes.size_bytes != twice.size_bytes || memcmp(bytes.data, twice.data, bytes.size_bytes) != 0)
        abort();
    pom_network_free(again);
    pomi_bytes_release(&bytes);
    pomi_bytes_release(&twice);
}

static bool is_small(const struct pom_network *network)
{
    if (network->graph.input_px > MAX_INPUT_PX || network->info.n_macs > MAX_MACS) return false;
    for (int i = 0; i < network->graph.n_layers; i++) {
        const struct pomi_layer *layer = &network->graph.layers[i];
        if ((int64_t)layer->out_channels * layer->out_height_px * layer->out_width_px > MAX_OUTPUT_ELEMENTS)
            return false;
    }
    return true;
}

static void run(const struct pom_network *network, const struct pomi_quantized *quantized)
{
    struct pomi_plan *plan;
    struct pomi_runner *runner;
    struct pom_error err;
    int input_px = network->graph.input_px;
    if (pomi_plan_new(&plan, &network->graph, quantized, pomk_choose(NULL), &err) != POM_OK) return;
    if (pomi_runner_new(&runner, plan, &err) == POM_OK) {
        uint8_t *rgb = calloc((size_t)input_px * (size_t)input_px, 3);
        float *features = malloc((size_t)network->info.n_features * sizeof *features);
        if (rgb == NULL || features == NULL) abort();
        pomi_runner_run(runner, rgb, features);
        free(rgb);
        free(features);
        pomi_runner_free(runner);
    }
    pomi_plan_release(plan);
}

/* With the calibration of the file, and with a true one. */
static void run_integers(struct pom_network *network)
{
    static const enum pom_precision precisions[] = {POM_PRECISION_INT16, POM_PRECISION_INT8};
    struct pomi_quantized quantized;
    struct pomi_calibrator *calibrator;
    struct pom_error err;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 2; i++) {
            if (pomi_quantize(&quantized, &network->graph, precisions[i], &err) != POM_OK) continue;
            run(network, &quantized);
            pomi_quantized_release(&quantized);
        }
        if (pomi_calibrator_new(&calibrator, &network->graph, &err) != POM_OK) return;
        uint8_t *rgb = calloc((size_t)network->graph.input_px * (size_t)network->graph.input_px, 3);
        if (rgb == NULL) abort();
        if (pomi_calibrator_add(calibrator, rgb, &err) == POM_OK &&
            pomi_calibrator_finish(calibrator, &network->graph, &err) != POM_OK)
            abort();
        free(rgb);
        pomi_calibrator_free(calibrator);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pom_network *network;
    struct pom_error err;
    if (pom_network_open_memory(&network, data, size_bytes, &err) != POM_OK) return 0;
    struct pom_layer_info layer;
    for (int i = 0; i < pom_network_info(network)->n_layers; i++)
        if (pom_network_layer(network, i, &layer, &err) != POM_OK) abort();
    check_round_trip(network);
    if (is_small(network)) {
        run(network, NULL);
        run_integers(network);
    }
    pom_network_free(network);
    return 0;
}
