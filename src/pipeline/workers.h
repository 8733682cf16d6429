// SPDX-License-Identifier: Apache-2.0
/*
 * Many threads, one order: photos go out to workers as they become free, results come back in the order of the list,
 * so that one thread and sixteen write the same files. At most a fixed number of results wait, which bounds memory.
 */
#ifndef POMONA_PIPELINE_WORKERS_H
#define POMONA_PIPELINE_WORKERS_H

#include <stdbool.h>

#include "pipeline/extractor.h"
#include "source/source.h"

struct pomi_store;
struct pomi_workers;

struct pomi_photo_result {
    size_t photo;          /* index into the listing */
    const float *features; /* [n_features]; NULL when the photo failed */
    enum pomi_photo_stage stage;
    const struct pom_error *error; /* why, when it failed */
    bool ends_run;                 /* others would fail for the same reason: it is not this photo's */
};

/* Starts n_threads workers on the photos listing->photos[order[0..n_order-1]] of `store` (NULL: the local disk); all of
 * these are borrowed until pomi_workers_free. `prototype` is cloned per worker. Where photos are
 * fewer than threads, there are as many workers as photos, and they share the threads out. */
enum pom_status pomi_workers_new(struct pomi_workers **workers, const struct pom_extractor *prototype,
                                 struct pomi_store *store, int n_threads, const struct pomi_listing *listing,
                                 const size_t *order, size_t n_order, struct pom_error *err);

/* Waits for the next result in order; it stays valid until the next call. Returns false after the last one, and after
 * pomi_workers_stop. `wait_seconds`: give up waiting after this long with *result->photo = SIZE_MAX, so that the caller
 * can look after other things. */
bool pomi_workers_next(struct pomi_workers *workers, double wait_seconds, struct pomi_photo_result *result);

/* No photo is begun any more; those in hand are finished. */
void pomi_workers_stop(struct pomi_workers *workers);

/* Stops, waits for the threads, and adds their seconds per stage to `seconds` (may be NULL). NULL is fine. */
void pomi_workers_free(struct pomi_workers *workers, double seconds[POMI_N_PHOTO_STAGES]);

/* Bytes of all waiting results together. */
size_t pomi_workers_waiting_bytes(int n_threads, int n_features);

#endif
