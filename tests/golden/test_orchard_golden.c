// SPDX-License-Identifier: Apache-2.0
/*
 * The embedded network against an independent implementation: features of two drawn fruits that torch
 * computed in float64 from the weights of src/networks/orchard.safetensors, with every kernel set.
 * tools/orchard/export.py made both files; they change together.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/safetensors.h"
#include "cnn/graph.h"
#include "cnn/run.h"
#include "kernels/kernels.h"

static void read_golden(struct pomi_bytes *bytes)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/orchard_features.safetensors", getenv("POMONA_SOURCE"));
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("cannot open %s", path);
    char part[4096];
    size_t n_bytes;
    while ((n_bytes = fread(part, 1, sizeof part, file)) > 0)
        assert_int_equal(pomi_bytes_append(bytes, part, n_bytes, NULL), POM_OK);
    fclose(file);
}

static void features_are_what_torch_computed(void **state)
{
    (void)state;
    struct pom_error err = {0};
    struct pomi_bytes bytes = {0};
    struct pomi_safetensors *golden = NULL;
    struct pom_network *network = NULL;
    read_golden(&bytes);
    if (pomi_safetensors_open(&golden, pomi_bytes_view(&bytes), &err) != POM_OK) fail_msg("%s", err.message);
    if (pom_network_open(&network, "orchard", &err) != POM_OK) fail_msg("%s", err.message);

    const struct pomi_tensor *pixels = pomi_safetensors_find(golden, "pixels");
    const struct pomi_tensor *expected = pomi_safetensors_find(golden, "features");
    assert_non_null(pixels);
    assert_non_null(expected);
    int64_t n_pictures = pixels->shape[0], side = network->info.input_px,
            n_features = network->info.n_features;
    assert_true(n_pictures >= 2);
    assert_int_equal(pixels->n_elements, n_pictures * side * side * 3);
    assert_int_equal(expected->n_elements, n_pictures * n_features);

    float *first = malloc((size_t)n_features * sizeof *first),
          *features = malloc((size_t)n_features * sizeof *features);
    assert_non_null(first);
    assert_non_null(features);
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    for (int64_t picture = 0; picture < n_pictures; picture++) {
        const uint8_t *rgb = (const uint8_t *)pixels->data + picture * side * side * 3;
        for (int set = 0; set < n_sets; set++) {
            struct pomi_plan *plan = NULL;
            struct pomi_runner *runner = NULL;
            if (pomi_plan_new(&plan, &network->graph, NULL, sets[set], &err) != POM_OK)
                fail_msg("%s", err.message);
            if (pomi_runner_new(&runner, plan, &err) != POM_OK) fail_msg("%s", err.message);
            pomi_runner_run(runner, rgb, set == 0 ? first : features);
            if (set > 0) assert_memory_equal(features, first, (size_t)n_features * sizeof *first);
            pomi_runner_free(runner);
            pomi_plan_release(plan);
        }
        for (int64_t i = 0; i < n_features; i++) {
            float wanted;
            memcpy(&wanted, (const char *)expected->data + (picture * n_features + i) * 4, 4);
            if (!(fabsf(first[i] - wanted) < 1e-5f))
                fail_msg("picture %d, feature %d: %.9g, but torch gave %.9g", (int)picture, (int)i,
                         (double)first[i], (double)wanted);
        }
    }
    free(first);
    free(features);
    pom_network_free(network);
    pomi_safetensors_free(golden);
    pomi_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(features_are_what_torch_computed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
