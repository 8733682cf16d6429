// SPDX-License-Identifier: Apache-2.0
/*
 * From one thread to all: how much more they do than one, beside how much more multiply-adds they can do at all, for threads
 * may share a core, or a clock that falls when all work. And with a busy neighbour on each core, another thread that never
 * rests: half of the time is then theirs, and what is left should be half of the photos, not a tenth.
 */
#include <stdio.h>
#include <string.h>

#include "api/bench_crew.h"

struct neighbours {
    pthread_t threads[64];
    int n;
    atomic_bool is_over;
};

static void *be_busy(void *argument)
{
    struct neighbours *neighbours = argument;
    while (!atomic_load_explicit(&neighbours->is_over, memory_order_relaxed)) {
    }
    return NULL;
}

/* As many as can be had. */
static void move_in(struct neighbours *neighbours, int n)
{
    enum { MAX = sizeof neighbours->threads / sizeof neighbours->threads[0] };
    atomic_init(&neighbours->is_over, false);
    for (neighbours->n = 0; neighbours->n < n && neighbours->n < MAX; neighbours->n++)
        if (pthread_create(&neighbours->threads[neighbours->n], NULL, be_busy, neighbours) != 0) return;
}

static void move_out(struct neighbours *neighbours)
{
    atomic_store(&neighbours->is_over, true);
    for (int i = 0; i < neighbours->n; i++) pthread_join(neighbours->threads[i], NULL);
}

enum {
    LIMIT,           /* multiply-adds */
    PHOTO_EACH,      /* photos, one on each thread */
    PHOTO_ON_ALL,    /* one photo on all threads */
    EACH_IN_COMPANY, /* the same with busy neighbours */
    ALL_IN_COMPANY,
    N_RATIOS
};

static const char *const names[N_RATIOS] = {
    "multiply-adds alone",     "photos, one on each thread", "one photo on all threads",
    "one on each, cores busy", "one on all, cores busy",
};

static enum pom_status run_round(struct pomi_bench_crew *one, struct pomi_bench_crew *each,
                                 struct pomi_bench_crew *all, const char *cpu, double ratios[N_RATIOS],
                                 struct pom_error *err)
{
    double limit_one, limit_all, alone, speed_each, speed_all, speed;
    POMI_TRY(pom_bench_limit(cpu, 1, POMI_BENCH_SECONDS / 2, &limit_one, err));
    POMI_TRY(pom_bench_limit(cpu, each->n_threads, POMI_BENCH_SECONDS / 2, &limit_all, err));
    POMI_TRY(pomi_bench_crew_measure(one, 1, &alone, err));
    POMI_TRY(pomi_bench_crew_measure(each, 1, &speed_each, err));
    POMI_TRY(pomi_bench_crew_measure(all, 1, &speed_all, err));
    ratios[LIMIT] = limit_all / limit_one;
    ratios[PHOTO_EACH] = speed_each / alone;
    ratios[PHOTO_ON_ALL] = speed_all / alone;
    struct neighbours neighbours;
    move_in(&neighbours, each->n_threads);
    enum pom_status status = pomi_bench_crew_measure(each, 1, &speed, err);
    ratios[EACH_IN_COMPANY] = speed / alone;
    if (status == POM_OK) status = pomi_bench_crew_measure(all, 1, &speed, err);
    ratios[ALL_IN_COMPANY] = speed / alone;
    move_out(&neighbours);
    return status;
}

static void give(const struct pomi_bench *bench, double rounds[N_RATIOS][POMI_BENCH_MAX_ROUNDS])
{
    for (int i = 0; i < N_RATIOS; i++) {
        double shares[POMI_BENCH_MAX_ROUNDS] = {0};
        for (int round = 0; i > LIMIT && round < bench->n_rounds; round++)
            shares[round] = rounds[i][round] / rounds[LIMIT][round];
        const double share = pomi_bench_median(shares, bench->n_rounds);
        if (i == LIMIT) continue;
        bench->on_result(bench->user, &(struct pom_bench_result){
                                          .section = "scaling",
                                          .name = names[i],
                                          .kernel_set = bench->sets[bench->n_sets - 1]->name,
                                          .precision = "fp32",
                                          .value = pomi_bench_median(rounds[i], bench->n_rounds),
                                          .unit = "times one",
                                          .share_of_limit = share,
                                      });
    }
}

enum pom_status pomi_bench_scaling(const struct pomi_bench *bench, struct pom_error *err)
{
    if (bench->n_threads == 1) return POM_OK;
    const struct pomk_kernels *kernels = bench->sets[bench->n_sets - 1];
    struct pomi_bench_crew one = {.bench = bench, .n_threads = 1, .threads_per_photo = 1},
                           each = {.bench = bench, .n_threads = bench->n_threads, .threads_per_photo = 1},
                           all = {.bench = bench, .n_threads = 1, .threads_per_photo = bench->n_threads};
    struct pomi_plan *plan = NULL;
    double rounds[N_RATIOS][POMI_BENCH_MAX_ROUNDS];
    POMI_TRY(pomi_bench_plan(bench, &plan, kernels, POM_PRECISION_FP32, err));
    enum pom_status status = pomi_bench_crew_open(&one, plan, err);
    if (status == POM_OK) status = pomi_bench_crew_open(&each, plan, err);
    if (status == POM_OK) status = pomi_bench_crew_open(&all, plan, err);
    for (int round = 0; status == POM_OK && round < bench->n_rounds; round++) {
        double ratios[N_RATIOS] = {0};
        status = run_round(&one, &each, &all, kernels->name, ratios, err);
        for (int i = 0; i < N_RATIOS; i++) rounds[i][round] = ratios[i];
    }
    if (status == POM_OK) give(bench, rounds);
    pomi_bench_crew_release(&all);
    pomi_bench_crew_release(&each);
    pomi_bench_crew_release(&one);
    pomi_plan_release(plan);
    return status;
}
