// SPDX-License-Identifier: Apache-2.0
/*
 * The network alone, pixels to features: every kernel set on one thread; then the best one in each precision, photo by photo
 * and in batches of 16, on one thread and on all. In a batch the threads take photos as they become free and wait for each
 * other at its end. Last, all threads on one photo at a time.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/bench.h"
#include "pipeline/extractor.h"

struct crew {
    const struct pomi_bench *bench;
    size_t photo_bytes;
    int n_threads, batch;
    int threads_per_photo;
    pthread_mutex_t lock; /* of state: nobody begins before all are there */
    pthread_cond_t state_changed;
    enum { WAITING, RUNNING, CANCELLED } state;
    pthread_barrier_t gate; /* of a batch's end */
    atomic_int next;        /* photo of the current batch */
    bool is_over;           /* written by the first thread between two gates */
    struct member *members;
};

struct member {
    struct crew *crew;
    pthread_t thread;
    struct pomi_runner *runner;
    float *features;
    double photos_per_second;
};

static bool is_done(const struct crew *crew, int n_done, double began)
{
    if (crew->bench->n_photos > 0) return n_done >= crew->bench->n_photos;
    return pomi_clock_seconds() - began >= POMI_BENCH_SECONDS;
}

static void run_alone(struct member *member)
{
    const struct crew *crew = member->crew;
    int n_done = 0;
    double began = pomi_clock_seconds();
    do {
        pomi_runner_run(member->runner,
                        crew->bench->rgb + (size_t)(n_done % POMI_BENCH_BATCH) * crew->photo_bytes,
                        member->features);
        n_done++;
    } while (!is_done(crew, n_done, began));
    member->photos_per_second = n_done / (pomi_clock_seconds() - began);
}

static void run_batches(struct member *member)
{
    struct crew *crew = member->crew;
    bool is_first = member == &crew->members[0];
    int n_done = 0;
    double began = pomi_clock_seconds();
    for (;;) {
        for (int i; (i = atomic_fetch_add(&crew->next, 1)) < crew->batch;)
            pomi_runner_run(member->runner, crew->bench->rgb + (size_t)i * crew->photo_bytes,
                            member->features);
        n_done += crew->batch;
        pthread_barrier_wait(&crew->gate);
        if (is_first) {
            crew->is_over = is_done(crew, n_done, began);
            atomic_store(&crew->next, 0);
        }
        pthread_barrier_wait(&crew->gate);
        if (crew->is_over) break;
    }
    member->photos_per_second = is_first ? n_done / (pomi_clock_seconds() - began) : 0;
}

static void *work(void *argument)
{
    struct member *member = argument;
    struct crew *crew = member->crew;
    pthread_mutex_lock(&crew->lock);
    while (crew->state == WAITING) pthread_cond_wait(&crew->state_changed, &crew->lock);
    bool is_cancelled = crew->state == CANCELLED;
    pthread_mutex_unlock(&crew->lock);
    if (is_cancelled) return NULL;
    if (crew->batch > 1)
        run_batches(member);
    else
        run_alone(member);
    return NULL;
}

/* Photos per second of all members together. */
static enum pom_status measure(struct crew *crew, int batch, double *photos_per_second, struct pom_error *err)
{
    enum pom_status status = POM_OK;
    int n_started = 1; /* this thread is the first member */
    crew->batch = batch;
    crew->next = 0;
    crew->state = WAITING;
    *photos_per_second = 0;
    for (; status == POM_OK && n_started < crew->n_threads; n_started++) {
        int code = pthread_create(&crew->members[n_started].thread, NULL, work, &crew->members[n_started]);
        if (code == 0) continue;
        status = pomi_fail(err, POM_ERROR_MEMORY, "no_thread", "cannot start thread %d of %d: %s",
                           n_started + 1, crew->n_threads, strerror(code));
        break;
    }
    pthread_mutex_lock(&crew->lock);
    crew->state = status == POM_OK ? RUNNING : CANCELLED;
    pthread_cond_broadcast(&crew->state_changed);
    pthread_mutex_unlock(&crew->lock);
    work(&crew->members[0]);
    for (int i = 1; i < n_started; i++) pthread_join(crew->members[i].thread, NULL);
    for (int i = 0; status == POM_OK && i < crew->n_threads; i++)
        *photos_per_second += crew->members[i].photos_per_second;
    return status;
}

static void crew_release(struct crew *crew)
{
    for (int i = 0; crew->members != NULL && i < crew->n_threads; i++) {
        pomi_runner_free(crew->members[i].runner);
        free(crew->members[i].features);
    }
    free(crew->members);
    pthread_barrier_destroy(&crew->gate);
    pthread_cond_destroy(&crew->state_changed);
    pthread_mutex_destroy(&crew->lock);
}

static enum pom_status crew_open(struct crew *crew, struct pomi_plan *plan, struct pom_error *err)
{
    const struct pom_network_info *info = pom_network_info(crew->bench->network);
    size_t features_bytes = (size_t)info->n_features * sizeof(float);
    crew->photo_bytes = (size_t)info->input_px * (size_t)info->input_px * 3;
    pthread_mutex_init(&crew->lock, NULL);
    pthread_cond_init(&crew->state_changed, NULL);
    pthread_barrier_init(&crew->gate, NULL, (unsigned)crew->n_threads);
    crew->members = calloc((size_t)crew->n_threads, sizeof *crew->members);
    if (crew->members == NULL) return pomi_fail_memory(err, features_bytes, "threads");
    for (int i = 0; i < crew->n_threads; i++) {
        struct member *member = &crew->members[i];
        member->crew = crew;
        member->features = malloc(features_bytes);
        if (member->features == NULL) return pomi_fail_memory(err, features_bytes, "features");
        POMI_TRY(pomi_runner_new_threads(&member->runner, plan, crew->threads_per_photo, err));
    }
    return POM_OK;
}

static enum pom_status run_rounds(struct crew *crew, const struct pomk_kernels *kernels,
                                  enum pom_precision precision, const int *batches, int n_batches,
                                  struct pom_error *err)
{
    double speeds[2][POMI_BENCH_MAX_ROUNDS], shares[2][POMI_BENCH_MAX_ROUNDS], limit;
    double n_macs = (double)pom_network_info(crew->bench->network)->n_macs;
    for (int round = 0; round < crew->bench->n_rounds; round++) {
        POMI_TRY(pom_bench_limit(kernels->name, crew->n_threads * crew->threads_per_photo,
                                 POMI_BENCH_SECONDS / 2, &limit, err));
        for (int i = 0; i < n_batches; i++) {
            POMI_TRY(measure(crew, batches[i], &speeds[i][round], err));
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
    struct crew crew = {.bench = bench, .n_threads = n_threads, .threads_per_photo = threads_per_photo};
    enum pom_status status = crew_open(&crew, plan, err);
    if (status == POM_OK) status = run_rounds(&crew, kernels, precision, batches, n_batches, err);
    crew_release(&crew);
    return status;
}

static enum pom_status bench_precision(const struct pomi_bench *bench, const struct pomk_kernels *kernels,
                                       enum pom_precision precision, bool is_best, struct pom_error *err)
{
    struct pomi_plan *plan = NULL;
    struct pom_error refusal = {0};
    enum pom_status status = pomi_bench_plan(bench, &plan, kernels, precision, &refusal);
    /* A network that was not calibrated has no integers: nothing to show. */
    if (status != POM_OK && precision != POM_PRECISION_FP32 && status != POM_ERROR_MEMORY) return POM_OK;
    if (status != POM_OK && err != NULL) *err = refusal;
    if (status == POM_OK) status = bench_crew(bench, plan, kernels, precision, 1, 1, is_best ? 2 : 1, err);
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
