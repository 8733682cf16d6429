// SPDX-License-Identifier: Apache-2.0
/*
 * Does a network compute what it should? A checksum of the file says nothing about the engine, so this runs
 * it: the features of an image that every build can draw, against values that another implementation
 * computed.
 */
#include <math.h>
#include <stdlib.h>

#include "base/sizes.h"
#include "cnn/run.h"
#include "kernels/kernels.h"
#include "networks/catalogue.h"

#define MAX_DIFFERENCE 1e-4 /* the contract with Keras, docs/numbers.md */

void pomi_test_image(uint8_t *rgb, int input_px)
{
    static const struct {
        int x, y, radius; /* in 1/64 of the side */
        uint8_t colour[3];
    } discs[] = {
        {20, 22, 15, {210, 40, 35}}, {44, 18, 11, {240, 190, 40}}, {42, 43, 17, {70, 150, 45}},
        {15, 48, 9, {110, 50, 130}}, {31, 33, 6, {235, 120, 30}},
    };
    const int64_t n = input_px;
    for (int64_t y = 0; y < n; y++) {
        for (int64_t x = 0; x < n; x++) {
            int64_t stripe = (x + 2 * y) * 32 / n % 4 == 0 ? 24 : 0;
            int64_t colour[3] = {60 + 160 * x / n - stripe, 220 - 150 * y / n - stripe,
                                 80 + 45 * (x + y) / n - stripe};
            for (size_t i = 0; i < sizeof discs / sizeof discs[0]; i++) {
                int64_t dx = 64 * x - discs[i].x * n, dy = 64 * y - discs[i].y * n,
                        radius = discs[i].radius * n;
                int64_t distance2 = dx * dx + dy * dy, radius2 = radius * radius;
                if (distance2 >= radius2) continue;
                int64_t light = 255 - 160 * distance2 / radius2;
                for (int c = 0; c < 3; c++) colour[c] = discs[i].colour[c] * light / 255;
            }
            for (int c = 0; c < 3; c++) rgb[(y * n + x) * 3 + c] = (uint8_t)colour[c];
        }
    }
}

static enum pom_status compute(const struct pom_network *network, float *features, struct pom_error *err)
{
    struct pomi_plan *plan = NULL;
    struct pomi_runner *runner = NULL;
    int input_px = network->graph.input_px;
    uint8_t *rgb = malloc((size_t)input_px * (size_t)input_px * 3);
    enum pom_status status = rgb == NULL
                                 ? pomi_fail_memory(err, (size_t)input_px * (size_t)input_px * 3, "an image")
                                 : pomi_plan_new(&plan, &network->graph, NULL, pomk_choose(NULL), err);
    if (status == POM_OK) status = pomi_runner_new(&runner, plan, err);
    if (status == POM_OK) {
        pomi_test_image(rgb, input_px);
        pomi_runner_run(runner, rgb, features);
    }
    pomi_runner_free(runner);
    pomi_plan_release(plan);
    free(rgb);
    return status;
}

static enum pom_status compare(const struct pom_network *network, const float *features,
                               const struct pomi_expected_features *expected, struct pom_error *err)
{
    double largest = 0, sum = 0;
    for (int i = 0; i < expected->n_values; i++) {
        double difference = fabs((double)features[i * expected->stride] - (double)expected->values[i]);
        if (!(difference <= largest)) largest = difference; /* also takes NaN */
    }
    for (int i = 0; i < expected->n_features; i++) sum += (double)features[i] * (double)features[i];
    double norm_difference = fabs(sqrt(sum) / expected->norm - 1);
    if (largest <= MAX_DIFFERENCE && norm_difference <= MAX_DIFFERENCE) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_MISMATCH, "wrong_network",
        "the network called %s does not compute what %s should: features of the test image differ by up to "
        "%.3g (allowed: %g), their norm by %.3g of itself; its weights are others or damaged",
        network->info.name, network->info.name, largest, MAX_DIFFERENCE, norm_difference);
}

enum pom_status pomi_check_features(const struct pom_network *network,
                                    const struct pomi_expected_features *expected, struct pom_error *err)
{
    int n_features = network->info.n_features;
    if (n_features != expected->n_features)
        return pomi_fail(err, POM_ERROR_MISMATCH, "wrong_network",
                         "the network called %s has %d features, %s has %d", network->info.name, n_features,
                         network->info.name, expected->n_features);
    float *features = malloc((size_t)n_features * sizeof *features);
    if (features == NULL) return pomi_fail_memory(err, (size_t)n_features * sizeof *features, "features");
    enum pom_status status = compute(network, features, err);
    if (status == POM_OK) status = compare(network, features, expected, err);
    free(features);
    return status;
}

enum pom_status pom_network_verify(const struct pom_network *network, struct pom_error *err)
{
    const struct pomi_known_network *known = pomi_catalogue_find(network->info.name);
    if (known == NULL)
        return pomi_fail(
            err, POM_ERROR_NOT_FOUND, "unknown_network",
            "nothing is known about a network called \"%s\", so there is nothing to compare it with",
            network->info.name);
    if (known->expected == NULL)
        return pomi_fail(
            err, POM_ERROR_NOT_FOUND, "no_reference",
            "no features of %s are stored to compare with; what vouches for it is its publisher's MD5 (%s), "
            "which `pomona network pull` checks before it installs",
            known->name, known->md5);
    return pomi_check_features(network, known->expected, err);
}
