// SPDX-License-Identifier: Apache-2.0
/*
 * Fetching ahead. Slots belong to indices; the pump gives requests to the loop in the list's order while there is room,
 * and whoever takes an index that is not begun yet begins it. A slot's bytes count from the begin of its request until
 * they are taken. One lock; no callback is made and no request handed over while it is held by anything that waits.
 */
#include <stdlib.h>
#include <string.h>

#include "s3/client.h"

#define UNKNOWN_BYTES     ((size_t)1 << 20)
#define AHEAD_CONNECTIONS 4 /* at most so many times max_connections objects are begun and not taken */

enum state { WAITING, FLYING, READY, TAKEN };

struct slot {
    struct pomi_s3_fetch *fetch;
    size_t index;
    enum state state;
    size_t counted_bytes;
    struct pomi_s3_request request;
};

struct pomi_s3_fetch {
    struct pomi_s3 *client;
    pomi_s3_wanted_at wanted_at;
    void *user;
    size_t n_objects, max_object_bytes, max_ahead;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct slot **slots; /* [n_objects]; NULL: not begun, or taken */
    bool *was_begun;     /* [n_objects] */
    size_t next;         /* the pump's place in the list */
    size_t in_flight_bytes, n_ahead, n_flying;
    bool is_ending;
};

static void on_done(struct pomi_s3_request *request, void *user)
{
    struct slot *slot = user;
    struct pomi_s3_fetch *fetch = slot->fetch;
    pthread_mutex_lock(&fetch->lock);
    fetch->in_flight_bytes -= slot->counted_bytes;
    slot->counted_bytes = request->content.size_bytes; /* what it really was */
    fetch->in_flight_bytes += slot->counted_bytes;
    slot->state = READY;
    fetch->n_flying--;
    pthread_cond_broadcast(&fetch->changed);
    pthread_mutex_unlock(&fetch->lock);
}

/* What an object is counted as until it is there. */
static size_t bytes_of(const struct pomi_s3_fetch *fetch, const struct pomi_s3_wanted *wanted)
{
    size_t size_bytes = wanted->range.size_bytes > 0 ? (size_t)wanted->range.size_bytes
                        : wanted->size_bytes >= 0    ? (size_t)wanted->size_bytes
                                                     : UNKNOWN_BYTES;
    return size_bytes < fetch->max_object_bytes ? size_bytes : fetch->max_object_bytes;
}

/* Begins object `index`; under the lock. A failure is kept in the slot, for whoever takes it. */
static enum pom_status begin(struct pomi_s3_fetch *fetch, size_t index, const struct pomi_s3_wanted *wanted,
                             struct pom_error *err)
{
    struct slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) return pomi_fail_memory(err, sizeof *slot, "a request");
    struct pomi_s3_request *request = &slot->request;
    enum pom_status status = pomi_s3_request_init(request, fetch->client, POMI_S3_GET, "GET", "s3:GetObject",
                                                  wanted->bucket, wanted->key, err);
    if (status != POM_OK) {
        free(slot);
        return status;
    }
    slot->fetch = fetch;
    slot->index = index;
    slot->state = FLYING;
    slot->counted_bytes = bytes_of(fetch, wanted);
    request->max_bytes = fetch->max_object_bytes;
    request->has_range = wanted->range.size_bytes > 0;
    request->range = wanted->range;
    request->expected_bytes = request->has_range       ? wanted->range.size_bytes
                              : wanted->size_bytes > 0 ? wanted->size_bytes
                                                       : 0;
    request->on_done = on_done;
    request->user = slot;
    fetch->slots[index] = slot;
    fetch->was_begun[index] = true;
    fetch->in_flight_bytes += slot->counted_bytes;
    fetch->n_ahead++;
    fetch->n_flying++;
    pomi_s3_submit(fetch->client, request);
    return POM_OK;
}

/* Begins what there is room for; under the lock. */
static void pump(struct pomi_s3_fetch *fetch)
{
    struct pomi_s3_wanted wanted;
    while (!fetch->is_ending && fetch->next < fetch->n_objects && fetch->n_ahead < fetch->max_ahead) {
        size_t index = fetch->next;
        if (fetch->was_begun[index] || !fetch->wanted_at(fetch->user, index, &wanted)) {
            fetch->next++;
            continue;
        }
        if (fetch->n_ahead > 0 &&
            fetch->in_flight_bytes + bytes_of(fetch, &wanted) > fetch->client->options.max_in_flight_bytes)
            break;
        if (begin(fetch, index, &wanted, NULL) != POM_OK) break; /* whoever takes it is told */
        fetch->next++;
    }
}

enum pom_status pomi_s3_fetch_new(struct pomi_s3_fetch **fetch, struct pomi_s3 *client,
                                  pomi_s3_wanted_at wanted_at, void *user, size_t n_objects,
                                  size_t max_object_bytes, struct pom_error *err)
{
    struct pomi_s3_fetch *made = calloc(1, sizeof *made);
    *fetch = NULL;
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "requests");
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->client = client;
    made->wanted_at = wanted_at;
    made->user = user;
    made->n_objects = n_objects;
    made->max_object_bytes = max_object_bytes;
    made->max_ahead = (size_t)client->options.max_connections * AHEAD_CONNECTIONS;
    made->slots = calloc(n_objects + 1, sizeof(struct slot *));
    made->was_begun = calloc(n_objects + 1, sizeof(bool));
    if (made->slots == NULL || made->was_begun == NULL) {
        pomi_s3_fetch_free(made);
        return pomi_fail_memory(err, n_objects * sizeof(struct slot *), "requests");
    }
    pthread_mutex_lock(&made->lock);
    pump(made);
    pthread_mutex_unlock(&made->lock);
    *fetch = made;
    return POM_OK;
}

static enum pom_status take(struct pomi_s3_fetch *fetch, size_t index, struct slot **taken,
                            struct pom_error *err)
{
    struct pomi_s3_wanted wanted;
    if (index >= fetch->n_objects || (fetch->was_begun[index] && fetch->slots[index] == NULL))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_index", "object %zu is not there to be taken", index);
    if (!fetch->was_begun[index]) {
        if (!fetch->wanted_at(fetch->user, index, &wanted))
            return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_index", "object %zu is not to be fetched", index);
        POMI_TRY(begin(fetch, index, &wanted, err));
    }
    struct slot *slot = fetch->slots[index];
    while (slot->state != READY) pthread_cond_wait(&fetch->changed, &fetch->lock);
    fetch->slots[index] = NULL;
    fetch->in_flight_bytes -= slot->counted_bytes;
    fetch->n_ahead--;
    *taken = slot;
    pump(fetch);
    return POM_OK;
}

enum pom_status pomi_s3_fetch_take(struct pomi_s3_fetch *fetch, size_t index, struct pomi_bytes *bytes,
                                   struct pomi_s3_facts *facts, struct pom_error *err)
{
    struct slot *slot = NULL;
    pthread_mutex_lock(&fetch->lock);
    enum pom_status status = take(fetch, index, &slot, err);
    pthread_mutex_unlock(&fetch->lock);
    bytes->size_bytes = 0;
    if (status != POM_OK) return status;
    status = slot->request.status;
    if (status == POM_OK) {
        pomi_bytes_release(bytes);
        *bytes = slot->request.content;
        slot->request.content = (struct pomi_bytes){0};
        if (facts != NULL) *facts = slot->request.facts;
    } else if (err != NULL) {
        *err = slot->request.error;
    }
    pomi_s3_request_release(&slot->request);
    free(slot);
    return status;
}

void pomi_s3_fetch_free(struct pomi_s3_fetch *fetch)
{
    if (fetch == NULL) return;
    pthread_mutex_lock(&fetch->lock);
    fetch->is_ending = true;
    for (size_t i = 0; fetch->n_flying > 0 && i < fetch->n_objects; i++)
        if (fetch->slots[i] != NULL) atomic_store(&fetch->slots[i]->request.is_cancelled, true);
    atomic_store(&fetch->client->wants_sweep, true);
    pomi_http_wake(fetch->client->loop);
    while (fetch->n_flying > 0) pthread_cond_wait(&fetch->changed, &fetch->lock);
    pthread_mutex_unlock(&fetch->lock);
    for (size_t i = 0; fetch->slots != NULL && i < fetch->n_objects; i++) {
        if (fetch->slots[i] == NULL) continue;
        pomi_s3_request_release(&fetch->slots[i]->request);
        free(fetch->slots[i]);
    }
    pthread_cond_destroy(&fetch->changed);
    pthread_mutex_destroy(&fetch->lock);
    free(fetch->slots);
    free(fetch->was_begun);
    free(fetch);
}
