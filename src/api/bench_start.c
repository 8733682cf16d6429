// SPDX-License-Identifier: Apache-2.0
/*
 * What a run does before its first photo: reading the network's file and checking it, and packing its weights for the best
 * kernel set in each precision. The file is in the system's cache, for it was read just before.
 */
#include "api/bench.h"
#include "pipeline/extractor.h"

static void give(const struct pomi_bench *bench, const char *name, const char *kernel_set,
                 const char *precision, double *seconds)
{
    bench->on_result(bench->user,
                     &(struct pom_bench_result){.section = "start",
                                                .name = name,
                                                .kernel_set = kernel_set,
                                                .precision = precision,
                                                .value = pomi_bench_median(seconds, bench->n_rounds) * 1e3,
                                                .unit = "ms"});
}

static enum pom_status bench_opening(const struct pomi_bench *bench, struct pom_error *err)
{
    double seconds[POMI_BENCH_MAX_ROUNDS];
    for (int round = 0; round < bench->n_rounds; round++) {
        struct pom_network *network = NULL;
        const double began = pomi_clock_seconds();
        POMI_TRY(pom_network_open(&network, bench->network_name, err));
        seconds[round] = pomi_clock_seconds() - began;
        pom_network_free(network);
    }
    give(bench, "reading, checking", "", "", seconds);
    return POM_OK;
}

static enum pom_status bench_packing(const struct pomi_bench *bench, enum pom_precision precision,
                                     struct pom_error *err)
{
    const struct pomk_kernels *kernels = bench->sets[bench->n_sets - 1];
    double seconds[POMI_BENCH_MAX_ROUNDS];
    for (int round = 0; round < bench->n_rounds; round++) {
        struct pomi_plan *plan = NULL;
        const double began = pomi_clock_seconds();
        POMI_TRY(pomi_bench_plan(bench, &plan, kernels, precision, err));
        seconds[round] = pomi_clock_seconds() - began;
        if (plan == NULL) return POM_OK;
        pomi_plan_release(plan);
    }
    give(bench, "packing the weights", kernels->name, pomi_bench_precision_name(precision), seconds);
    return POM_OK;
}

enum pom_status pomi_bench_start(const struct pomi_bench *bench, struct pom_error *err)
{
    POMI_TRY(bench_opening(bench, err));
    for (enum pom_precision precision = POM_PRECISION_FP32; precision <= POM_PRECISION_INT8; precision++)
        POMI_TRY(bench_packing(bench, precision, err));
    return POM_OK;
}
