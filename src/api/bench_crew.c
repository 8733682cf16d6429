// SPDX-License-Identifier: Apache-2.0
#include "api/bench_crew.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/extractor.h"

static bool is_done(const struct pomi_bench_crew *crew, int n_done, double began)
{
    if (crew->bench->n_photos > 0) return n_done >= crew->bench->n_photos;
    return pomi_clock_seconds() - began >= POMI_BENCH_SECONDS;
}

static void run_alone(struct pomi_bench_member *member)
{
    const struct pomi_bench_crew *crew = member->crew;
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

static void run_batches(struct pomi_bench_member *member)
{
    struct pomi_bench_crew *crew = member->crew;
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
    struct pomi_bench_member *member = argument;
    struct pomi_bench_crew *crew = member->crew;
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

enum pom_status pomi_bench_crew_measure(struct pomi_bench_crew *crew, int batch, double *photos_per_second,
                                        struct pom_error *err)
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

void pomi_bench_crew_release(struct pomi_bench_crew *crew)
{
    if (crew->members == NULL) return; /* never opened */
    for (int i = 0; i < crew->n_threads; i++) {
        pomi_runner_free(crew->members[i].runner);
        free(crew->members[i].features);
    }
    free(crew->members);
    pthread_barrier_destroy(&crew->gate);
    pthread_cond_destroy(&crew->state_changed);
    pthread_mutex_destroy(&crew->lock);
}

enum pom_status pomi_bench_crew_open(struct pomi_bench_crew *crew, struct pomi_plan *plan,
                                     struct pom_error *err)
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
        struct pomi_bench_member *member = &crew->members[i];
        member->crew = crew;
        member->features = malloc(features_bytes);
        if (member->features == NULL) return pomi_fail_memory(err, features_bytes, "features");
        POMI_TRY(pomi_runner_new_threads(&member->runner, plan, crew->threads_per_photo, err));
    }
    return POM_OK;
}
