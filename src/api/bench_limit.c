// SPDX-License-Identifier: Apache-2.0
/*
 * How many multiply-adds this machine can do at all, for pom_bench_limit and the first section of pom_bench. Every thread runs on registers for the same stretch
 * of time, so that threads that share a core, or a clock that falls when all work, show in the sum.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bench.h"
#include "base/error.h"
#include "kernels/kernels.h"
#include "pipeline/extractor.h"
#include "pipeline/session.h"

#define DEFAULT_SECONDS 0.1
#define CHUNK_ROUNDS    20000 /* about 0.1 ms of work between two looks at the clock */
#define MAX_THREADS     1024

struct loop {
    pthread_t thread;
    bool is_running;
    const struct pomk_kernels *kernels;
    double seconds;
    double macs_per_second;
};

static void *run_loop(void *argument)
{
    struct loop *loop = argument;
    float result = 1;
    double n_done = 0, began = pomi_clock_seconds(), elapsed;
    do {
        n_done += loop->kernels->fma_peak(CHUNK_ROUNDS, &result);
        elapsed = pomi_clock_seconds() - began;
    } while (elapsed < loop->seconds);
    loop->macs_per_second = n_done / elapsed;
    return NULL;
}

enum pom_status pom_bench_limit(const char *cpu, int n_threads, double seconds, double *macs_per_second,
                                struct pom_error *err)
{
    const struct pomk_kernels *kernels = pomk_choose(cpu);
    *macs_per_second = 0;
    if (kernels == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_cpu",
                         "there is no kernel set %s: `pomona version --cpu` names those of this machine",
                         cpu);
    if (n_threads < 0 || n_threads > MAX_THREADS || !(seconds >= 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "the limit of %d threads for %g seconds: 0 to %d threads and a positive time",
                         n_threads, seconds, MAX_THREADS);
    struct pom_run_options options = {.n_threads = n_threads};
    n_threads = pomi_session_n_threads(&options);
    struct loop *loops = calloc((size_t)n_threads, sizeof *loops);
    if (loops == NULL) return pomi_fail_memory(err, (size_t)n_threads * sizeof *loops, "threads");
    enum pom_status status = POM_OK;
    for (int i = 0; i < n_threads; i++) {
        loops[i] = (struct loop){.kernels = kernels, .seconds = seconds > 0 ? seconds : DEFAULT_SECONDS};
        int code = i > 0 ? pthread_create(&loops[i].thread, NULL, run_loop, &loops[i]) : 0;
        loops[i].is_running = i > 0 && code == 0;
        if (code != 0)
            status = pomi_fail(err, POM_ERROR_MEMORY, "no_thread", "cannot start thread %d of %d: %s", i + 1,
                               n_threads, strerror(code));
    }
    run_loop(&loops[0]);
    for (int i = 0; i < n_threads; i++) {
        if (loops[i].is_running) pthread_join(loops[i].thread, NULL);
        *macs_per_second += loops[i].macs_per_second;
    }
    free(loops);
    return status;
}

static enum pom_status give_limit(const struct pomi_bench *bench, const struct pomk_kernels *kernels,
                                  int n_threads, struct pom_error *err)
{
    double macs_per_second;
    char name[64];
    POMI_TRY(pom_bench_limit(kernels->name, n_threads, POMI_BENCH_SECONDS, &macs_per_second, err));
    snprintf(name, sizeof name, "%d thread%s", n_threads, n_threads > 1 ? "s" : "");
    bench->on_result(bench->user, &(struct pom_bench_result){.section = "limit",
                                                             .name = name,
                                                             .kernel_set = kernels->name,
                                                             .precision = "fp32",
                                                             .value = macs_per_second * 1e-9,
                                                             .unit = "G multiply-adds/s"});
    return POM_OK;
}

enum pom_status pomi_bench_limits(const struct pomi_bench *bench, struct pom_error *err)
{
    for (int i = 0; i < bench->n_sets; i++)
        if (i + 1 == bench->n_sets ||
            bench->sets[i]->layers[POMK_F32] != bench->sets[i + 1]->layers[POMK_F32])
            POMI_TRY(give_limit(bench, bench->sets[i], 1, err));
    if (bench->n_threads == 1) return POM_OK;
    return give_limit(bench, bench->sets[bench->n_sets - 1], bench->n_threads, err);
}
