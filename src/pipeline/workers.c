// SPDX-License-Identifier: Apache-2.0
/*
 * A ring of result slots. Worker threads claim list positions in ascending order and may run at most `n_slots` ahead of
 * the reader; the reader takes slot after slot. A claimed position owns its slot until the reader has moved past it,
 * so results need no copying and the lock is held only to claim and to hand over.
 */
#include "pipeline/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/sizes.h"
#include "base/text.h"
#include "store/read_ahead.h"

/* As many photos as int8 does while a part is compressed: no worker waits for the table. */
#define SLOTS_PER_THREAD 64

struct slot {
    bool is_ready;
    bool has_failed;
    bool ends_run;
    enum pomi_photo_stage stage;
    struct pom_error error;
    float *features;
};

struct worker {
    struct pomi_workers *workers;
    struct pom_extractor *extractor;
    pthread_t thread;
    bool is_running;
};

struct pomi_workers {
    const struct pomi_listing *listing;
    const size_t *order;
    size_t n_order;
    struct pomi_read_ahead *ahead;

    pthread_mutex_t lock;
    pthread_cond_t result_ready; /* the slot that the reader waits for */
    pthread_cond_t slot_free;
    size_t n_claimed;
    size_t n_taken;  /* results the reader is done with */
    bool is_reading; /* the reader holds the result at position n_taken */
    bool is_stopping;

    struct slot *slots;
    size_t n_slots;
    float *features; /* [n_slots][n_features] */
    struct worker *threads;
    int n_threads;
};

/* One photo of the list, for the extractor to ask for its file. */
struct photo_file {
    struct pomi_read_ahead *ahead;
    size_t position;
};

static enum pom_status take_file(void *user, const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                 struct pom_error *err)
{
    const struct photo_file *file = user;
    (void)path, (void)max_bytes; /* which those who read ahead know already */
    return pomi_read_ahead_take(file->ahead, file->position, bytes, err);
}

static struct pomi_wanted_file wanted_at(const void *user, size_t position)
{
    const struct pomi_workers *workers = user;
    const struct pom_photo *photo = &workers->listing->photos[workers->order[position]];
    return (struct pomi_wanted_file){photo->path, photo->size_bytes};
}

static void extract_into(struct slot *slot, struct pom_extractor *extractor, const char *path,
                         struct photo_file *file)
{
    slot->error = (struct pom_error){0};
    enum pom_status status;
    if (!pomi_utf8_valid(path, strlen(path))) {
        extractor->stage = POMI_STAGE_READ;
        status = pomi_fail(&slot->error, POM_ERROR_UNSUPPORTED, "path_not_utf8",
                           "the path is not UTF-8, which tables need: rename the file or its folder");
    } else {
        status = pomi_extract_by(extractor, path, take_file, file, slot->features, &slot->error);
    }
    slot->has_failed = status != POM_OK;
    slot->stage = extractor->stage;
    slot->ends_run = slot->has_failed && slot->stage == POMI_STAGE_READ &&
                     pomi_store_failure_is_general(path, &slot->error);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct pomi_workers *workers = worker->workers;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (!workers->is_stopping && workers->n_claimed < workers->n_order &&
               workers->n_claimed - workers->n_taken >= workers->n_slots)
            pthread_cond_wait(&workers->slot_free, &workers->lock);
        if (workers->is_stopping || workers->n_claimed == workers->n_order) break;
        size_t position = workers->n_claimed++;
        struct slot *slot = &workers->slots[position % workers->n_slots];
        pthread_mutex_unlock(&workers->lock);

        struct photo_file file = {workers->ahead, position};
        extract_into(slot, worker->extractor, workers->listing->photos[workers->order[position]].path, &file);

        pthread_mutex_lock(&workers->lock);
        slot->is_ready = true;
        if (position == workers->n_taken) pthread_cond_signal(&workers->result_ready);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

size_t pomi_workers_waiting_bytes(int n_threads, int n_features)
{
    return (size_t)n_threads * SLOTS_PER_THREAD * (sizeof(struct slot) + (size_t)n_features * sizeof(float));
}

/* n_threads are shared out: where photos are fewer, several work on each. */
static enum pom_status start(struct pomi_workers *workers, const struct pom_extractor *prototype,
                             int n_threads, struct pom_error *err)
{
    size_t n_features = (size_t)prototype->n_features, features_bytes;
    if (!pomi_size_multiply(workers->n_slots, n_features * sizeof(float), &features_bytes))
        return pomi_fail_memory(err, SIZE_MAX, "waiting features");
    workers->slots = calloc(workers->n_slots, sizeof *workers->slots);
    workers->features = malloc(features_bytes);
    workers->threads = calloc((size_t)workers->n_threads, sizeof *workers->threads);
    if (workers->slots == NULL || workers->features == NULL || workers->threads == NULL)
        return pomi_fail_memory(err, features_bytes, "waiting features");
    for (size_t i = 0; i < workers->n_slots; i++)
        workers->slots[i].features = workers->features + i * n_features;
    for (int i = 0; i < workers->n_threads; i++) {
        struct worker *worker = &workers->threads[i];
        worker->workers = workers;
        const int first = n_threads * i / workers->n_threads, end = n_threads * (i + 1) / workers->n_threads;
        POMI_TRY(pomi_extractor_clone_threads(&worker->extractor, prototype, end - first, err));
        int code = pthread_create(&worker->thread, NULL, work, worker);
        if (code != 0)
            return pomi_fail(err, POM_ERROR_MEMORY, "no_thread", "cannot start worker thread %d of %d: %s",
                             i + 1, workers->n_threads, strerror(code));
        worker->is_running = true;
    }
    return POM_OK;
}

enum pom_status pomi_workers_new(struct pomi_workers **workers, const struct pom_extractor *prototype,
                                 struct pomi_store *store, int n_threads, const struct pomi_listing *listing,
                                 const size_t *order, size_t n_order, struct pom_error *err)
{
    *workers = NULL;
    struct pomi_workers *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "workers");
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->result_ready, &monotonic);
    pthread_cond_init(&made->slot_free, NULL);
    pthread_condattr_destroy(&monotonic);
    made->listing = listing;
    made->order = order;
    made->n_order = n_order;
    made->n_threads = n_order > 0 && n_order < (size_t)n_threads ? (int)n_order : n_threads;
    made->n_slots = (size_t)made->n_threads * SLOTS_PER_THREAD;
    enum pom_status status = pomi_read_ahead_new(&made->ahead, store, wanted_at, made, n_order,
                                                 pomi_extractor_max_file_bytes(prototype), err);
    if (status == POM_OK) status = start(made, prototype, n_threads, err);
    if (status != POM_OK)
        pomi_workers_free(made, NULL);
    else
        *workers = made;
    return status;
}

static struct timespec deadline_after(double seconds)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    long nanoseconds = deadline.tv_nsec + (long)(seconds * 1e9);
    deadline.tv_sec += nanoseconds / 1000000000;
    deadline.tv_nsec = nanoseconds % 1000000000;
    return deadline;
}

bool pomi_workers_next(struct pomi_workers *workers, double wait_seconds, struct pomi_photo_result *result)
{
    struct timespec deadline = deadline_after(wait_seconds);
    bool has_result = false, is_over = false;
    *result = (struct pomi_photo_result){.photo = SIZE_MAX};
    pthread_mutex_lock(&workers->lock);
    if (workers->is_reading) {
        workers->slots[workers->n_taken % workers->n_slots].is_ready = false;
        workers->n_taken++;
        workers->is_reading = false;
        pthread_cond_broadcast(&workers->slot_free);
    }
    const struct slot *slot = &workers->slots[workers->n_taken % workers->n_slots];
    for (int code = 0; code != ETIMEDOUT;) {
        is_over = workers->n_taken == workers->n_order || workers->is_stopping;
        has_result = !is_over && slot->is_ready;
        if (is_over || has_result) break;
        code = pthread_cond_timedwait(&workers->result_ready, &workers->lock, &deadline);
    }
    if (has_result) {
        *result = (struct pomi_photo_result){
            .photo = workers->order[workers->n_taken],
            .features = slot->has_failed ? NULL : slot->features,
            .stage = slot->stage,
            .error = &slot->error,
            .ends_run = slot->ends_run,
        };
        workers->is_reading = true;
    }
    pthread_mutex_unlock(&workers->lock);
    return !is_over;
}

void pomi_workers_stop(struct pomi_workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    workers->is_stopping = true;
    pthread_cond_broadcast(&workers->slot_free);
    pthread_mutex_unlock(&workers->lock);
}

void pomi_workers_free(struct pomi_workers *workers, double seconds[POMI_N_PHOTO_STAGES])
{
    if (workers == NULL) return;
    pomi_workers_stop(workers);
    for (int i = 0; workers->threads != NULL && i < workers->n_threads; i++) {
        struct worker *worker = &workers->threads[i];
        if (worker->is_running) pthread_join(worker->thread, NULL);
        for (int stage = 0; seconds != NULL && worker->extractor != NULL && stage < POMI_N_PHOTO_STAGES;
             stage++)
            seconds[stage] += worker->extractor->seconds[stage];
        pom_extractor_free(worker->extractor);
    }
    pomi_read_ahead_free(workers->ahead);
    pthread_cond_destroy(&workers->result_ready);
    pthread_cond_destroy(&workers->slot_free);
    pthread_mutex_destroy(&workers->lock);
    free(workers->threads);
    free(workers->features);
    free(workers->slots);
    free(workers);
}
