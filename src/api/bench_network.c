// SPDX-License-Identifier: Apache-2.0
/*
 * The network alone, pixels to features: every kernel set on one thread; then the best one in each precision, photo by photo
 * and in batches of 16, on one thread and on all. Last, all threads on one photo at a time.
 */
#include <stdio.h>

#include "api/bench_crew.h"

static enum pom_status run_rounds(struct pomi_bench_crew *crew, const struct pomk_kernels *kernels,
                                  enum pom_precision precision, const int *batches, int n_batches,
                                  struct pom_error *err)
{
    double speeds[2][POMI_BENCH_MAX_ROUNDS], shares[2][POMI_BENCH_MAX_ROUNDS], limit;
    double n_macs = (double)pom_network_info(crew->bench->network)->n_macs;
    for (int round = 0; round < crew->bench->n_rounds; round++) {
        POMI_TRY(pom_bench_limit(kernels->name, crew->n_threads * crew->threads_per_photo,
                                 POMI_BENCH_SECONDS / 2, &limit, err));
        for (int i = 0; i < n_batches; i++) {
            POMI_TRY(pomi_bench_crew_measure(crew, batches[i], &speeds[i][round], err));
            shares[i][round] = speeds[i][round] * n_macs / limit;
        }
    }
    for (int i = 0; i < n_batches; i++) {
        char name[64], threads[32];
        snprintf(threads, sizeof threads, "%d thread%s", crew->n_threads, crew->n_threads > 1 ? "s" : "");
        snprintf(name, sizeof name, batches[i] == 1 ? "%s, photo by photo" : "%s, batches of %d", threads,
                 batches[i]);
        if (crew->threads_per_photo > 1)
            snprintf(name, sizeof name, "%d threads on each photo", crew->threads_per_photo);
        crew->bench->on_result(crew->bench->user,
                               &(struct pom_bench_result){
                                   .section = "network",
                                   .name = name,
                                   .kernel_set = kernels->name,
                                   .precision = pomi_bench_precision_name(precision),
                                   .value = pomi_bench_median(speeds[i], crew->bench->n_rounds),
                                   .unit = "photos/s",
                                   .share_of_limit = pomi_bench_median(shares[i], crew->bench->n_rounds),
                               });
    }
    return POM_OK;
}

static enum pom_status bench_crew(const struct pomi_bench *bench, struct pomi_plan *plan,
                                  const struct pomk_kernels *kernels, enum pom_precision precision,
                                  int n_threads, int threads_per_photo, int n_batches, struct pom_error *err)
{
    static const int batches[] = {1, POMI_BENCH_BATCH};
    struct pomi_bench_crew crew = {
        .bench = bench, .n_threads = n_threads, .threads_per_photo = threads_per_photo};
    enum pom_status status = pomi_bench_crew_open(&crew, plan, err);
    if (status == POM_OK) status = run_rounds(&crew, kernels, precision, batches, n_batches, err);
    pomi_bench_crew_release(&crew);
    return status;
}

static enum pom_status bench_precision(const struct pomi_bench *bench, const struct pomk_kernels *kernels,
                                       enum pom_precision precision, bool is_best, struct pom_error *err)
{
    struct pomi_plan *plan = NULL;
    POMI_TRY(pomi_bench_plan(bench, &plan, kernels, precision, err));
    if (plan == NULL) return POM_OK;
    enum pom_status status = bench_crew(bench, plan, kernels, precision, 1, 1, is_best ? 2 : 1, err);
    if (status == POM_OK && is_best && bench->n_threads > 1)
        status = bench_crew(bench, plan, kernels, precision, bench->n_threads, 1, 2, err);
    if (status == POM_OK && is_best && bench->n_threads > 1)
        status = bench_crew(bench, plan, kernels, precision, 1, bench->n_threads, 1, err);
    pomi_plan_release(plan);
    return status;
}

enum pom_status pomi_bench_networks(const struct pomi_bench *bench, struct pom_error *err)
{
    const struct pomk_kernels *best = bench->sets[bench->n_sets - 1];
    for (int i = 0; i < bench->n_sets - 1; i++) {
        if (bench->sets[i]->layers[POMK_F32] == bench->sets[i + 1]->layers[POMK_F32])
            continue; /* differ in integers only */
        POMI_TRY(bench_precision(bench, bench->sets[i], POM_PRECISION_FP32, false, err));
    }
    for (enum pom_precision precision = POM_PRECISION_FP32; precision <= POM_PRECISION_INT8; precision++)
        POMI_TRY(bench_precision(bench, best, precision, true, err));
    return POM_OK;
}
