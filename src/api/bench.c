// SPDX-License-Identifier: Apache-2.0
/*
 * pom_bench: section by section, each in a file of its own. Everything is a median over rounds in which the limit and what
 * is compared with it take turns. Photos are drawn here, so that the numbers need no file.
 */
#include "api/bench.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/extractor.h"
#include "pipeline/session.h"

void pom_bench_options_init(struct pom_bench_options *options)
{
    *options = (struct pom_bench_options){0};
}

static int by_value(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

double pomi_bench_median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

void pomi_bench_draw(uint8_t *pixels, int width_px, int height_px, uint32_t seed)
{
    uint32_t noise = seed;
    int turn = (int)(seed % 50);
    for (int y = 0; y < height_px; y++) {
        for (int x = 0; x < width_px; x++, pixels += 3) {
            noise = noise * 1664525u + 1013904223u;
            int grain = (int)(noise >> 28);
            pixels[0] = (uint8_t)(x * 150 / width_px + grain + turn);
            pixels[1] = (uint8_t)(y * 200 / height_px + grain);
            pixels[2] = (uint8_t)((x + y) * 100 / (width_px + height_px) + grain + 50 - turn);
        }
    }
}

const char *pomi_bench_precision_name(enum pom_precision precision)
{
    static const char *const names[] = {"fp32", "int16", "int8"};
    return names[precision];
}

enum pom_status pomi_bench_plan(const struct pomi_bench *bench, struct pomi_plan **plan,
                                const struct pomk_kernels *kernels, enum pom_precision precision,
                                struct pom_error *err)
{
    struct pom_error refusal = {0};
    const enum pom_status status = pomi_plan_in_precision(plan, bench->network, precision, kernels, &refusal);
    if (status == POM_OK) return POM_OK;
    *plan = NULL;
    if (precision != POM_PRECISION_FP32 && status != POM_ERROR_MEMORY) return POM_OK;
    if (err != NULL) *err = refusal;
    return status;
}

static enum pom_status choose_sets(struct pomi_bench *bench, const char *cpu, struct pom_error *err)
{
    const struct pomk_kernels *best = pomk_choose(cpu);
    if (best == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_cpu",
                         "there is no kernel set %s: `pomona version --cpu` names those of this machine",
                         cpu);
    bench->n_sets = pomk_list(bench->sets);
    for (int i = 0; i < bench->n_sets; i++)
        if (bench->sets[i] == best) bench->n_sets = i + 1;
    return POM_OK;
}

static enum pom_status measure(struct pomi_bench *bench, struct pom_error *err)
{
    static enum pom_status (*const sections[])(const struct pomi_bench *, struct pom_error *) = {
        pomi_bench_start,  pomi_bench_limits, pomi_bench_networks, pomi_bench_scaling,
        pomi_bench_layers, pomi_bench_photos, pomi_bench_tables};
    const struct pom_network_info *info = pom_network_info(bench->network);
    size_t side_px = (size_t)info->input_px, photo_bytes = side_px * side_px * 3;
    bench->rgb = malloc(POMI_BENCH_BATCH * photo_bytes);
    bench->features = malloc((size_t)info->n_features * sizeof(float));
    enum pom_status status = bench->rgb == NULL || bench->features == NULL
                                 ? pomi_fail_memory(err, POMI_BENCH_BATCH * photo_bytes, "photos")
                                 : POM_OK;
    for (uint32_t i = 0; status == POM_OK && i < POMI_BENCH_BATCH; i++)
        pomi_bench_draw(bench->rgb + i * photo_bytes, info->input_px, info->input_px, i + 1);
    for (size_t i = 0; status == POM_OK && i < sizeof sections / sizeof sections[0]; i++)
        status = sections[i](bench, err);
    free(bench->rgb);
    free(bench->features);
    return status;
}

enum pom_status pom_bench(const struct pom_bench_options *options,
                          void (*on_result)(void *user, const struct pom_bench_result *result), void *user,
                          struct pom_error *err)
{
    struct pom_network *network = NULL;
    struct pom_run_options threads = {.n_threads = options->n_threads};
    struct pomi_bench bench = {.n_photos = options->n_photos, .on_result = on_result, .user = user};
    bench.n_rounds = options->n_photos > 0 ? 1 : POMI_BENCH_MAX_ROUNDS;
    bench.n_threads = pomi_session_n_threads(&threads);
    POMI_TRY(choose_sets(&bench, options->cpu, err));
    bench.network_name = options->network != NULL ? options->network : "auto";
    POMI_TRY(pom_network_open(&network, bench.network_name, err));
    bench.network = network;
    enum pom_status status = measure(&bench, err);
    pom_network_free(network);
    return status;
}
