// SPDX-License-Identifier: Apache-2.0
/*
 * A request's life, in the loop's thread:
 *
 *     submitted -> ready -> attempt (attempt.c) -> judged (judge.c) -> done
 *                    ^                              |
 *                    +----------- delayed <---------+
 *
 * Every path ends: an attempt ends at the request's deadline, only max_attempts of them are made, corrections of region
 * and clock are counted, and what waits for credentials looks at the same deadline.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3/client.h"

#define FIRST_CONNECTIONS    16
#define CREDENTIALS_EVERY_MS 20
#define IDLE_MS              1000

/* ---- in any thread ---- */

enum pom_status pomi_s3_request_init(struct pomi_s3_request *request, struct pomi_s3 *client,
                                     enum pomi_s3_kind kind, const char *method, const char *permission,
                                     const char *bucket, const char *key, struct pom_error *err)
{
    *request = (struct pomi_s3_request){.kind = kind, .method = method, .permission = permission, .key = key};
    request->max_bytes = POMI_S3_MAX_DOCUMENT_BYTES;
    request->bucket = pomi_s3_bucket_of(client, bucket);
    if (request->bucket == NULL) return pomi_fail_memory(err, strlen(bucket), "a bucket's name");
    pomi_s3_set_body(request, (struct pomi_view){NULL, 0});
    return POM_OK;
}

void pomi_s3_add_query(struct pomi_s3_request *request, const char *name, const char *value)
{
    request->query[request->n_query++] = (struct pomi_pair){name, value};
}

void pomi_s3_add_header(struct pomi_s3_request *request, const char *name, const char *value)
{
    request->headers[request->n_headers++] = (struct pomi_pair){name, value};
}

void pomi_s3_set_body(struct pomi_s3_request *request, struct pomi_view body)
{
    request->body = body;
    request->expected_bytes = (int64_t)body.size_bytes;
    pomi_sha256_text(body.data, body.size_bytes, request->body_hash);
}

void pomi_s3_request_release(struct pomi_s3_request *request)
{
    pomi_bytes_release(&request->url);
    pomi_bytes_release(&request->authorization);
    pomi_bytes_release(&request->problem_text);
    pomi_bytes_release(&request->content);
}

void pomi_s3_submit(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    pthread_mutex_lock(&client->lock);
    request->next = NULL;
    if (client->first == NULL)
        client->first = request;
    else
        client->last->next = request;
    client->last = request;
    pthread_mutex_unlock(&client->lock);
    pomi_http_wake(client->loop);
}

enum pom_status pomi_s3_wait(struct pomi_s3 *client, struct pomi_s3_request *request, struct pom_error *err)
{
    pthread_mutex_lock(&client->lock);
    while (!request->is_done) pthread_cond_wait(&client->changed, &client->lock);
    pthread_mutex_unlock(&client->lock);
    if (request->status != POM_OK && err != NULL) *err = request->error;
    return request->status;
}

enum pom_status pomi_s3_perform(struct pomi_s3 *client, struct pomi_s3_request *request,
                                struct pom_error *err)
{
    pomi_s3_submit(client, request);
    return pomi_s3_wait(client, request, err);
}

/* ---- after an attempt ---- */

static void complete(struct pomi_s3 *client, struct pomi_s3_request *request, enum pom_status status)
{
    request->status = status;
    if (request->on_done != NULL) {
        request->on_done(request, request->user);
        return;
    }
    pthread_mutex_lock(&client->lock);
    request->is_done = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
}

static void count(struct pomi_s3 *client, struct pomi_s3_request *request, bool is_throttled)
{
    const struct pomi_http_transfer *transfer = &request->transfer;
    struct pomi_s3_bucket_state *bucket = request->bucket;
    struct pomi_s3_statistics *statistics = &client->statistics;
    pthread_mutex_lock(&client->lock);
    if (transfer->status != 0 ||
        transfer->sent_bytes > 0) { /* what never reached the service is not billed */
        statistics->n_requests[request->kind]++;
        bucket->n_requests[request->kind]++;
    }
    statistics->received_bytes += transfer->received_bytes;
    statistics->sent_bytes += transfer->sent_bytes;
    bucket->received_bytes += transfer->received_bytes;
    bucket->sent_bytes += transfer->sent_bytes;
    statistics->n_throttled += is_throttled;
    if (request->answer.region[0] != '\0') strcpy(bucket->region, request->answer.region);
    pthread_mutex_unlock(&client->lock);
}

/* Additive growth while more is waiting than may go out, halving when the service complains: at most once for the
 * requests that were out together. Before the first complaint, growth is as fast as answers come. */
static void adapt(struct pomi_s3 *client, const struct pomi_s3_request *request, enum pomi_s3_verdict verdict)
{
    pthread_mutex_lock(&client->lock);
    if (verdict == POMI_S3_THROTTLED && request->begun_ms >= client->cut_ms) {
        client->n_allowed = client->n_allowed > 2 ? client->n_allowed / 2 : 1;
        client->cut_ms = pomi_http_now_ms();
        client->was_throttled = true;
    } else if (verdict == POMI_S3_SUCCEEDED && client->first != NULL) {
        client->n_allowed += client->was_throttled ? 1 / client->n_allowed : 1;
        if (client->n_allowed > client->options.max_connections)
            client->n_allowed = client->options.max_connections;
    }
    client->statistics.n_connections = (int)client->n_allowed;
    if (client->n_active > client->statistics.most_connections)
        client->statistics.most_connections = client->n_active;
    pthread_mutex_unlock(&client->lock);
}

static uint64_t next_random(struct pomi_s3 *client)
{
    client->random ^= client->random << 13;
    client->random ^= client->random >> 7;
    client->random ^= client->random << 17;
    return client->random;
}

static int64_t delay_ms(struct pomi_s3 *client, const struct pomi_s3_request *request)
{
    int64_t most = client->options.backoff_ms;
    for (int i = 1; i < request->n_attempts && most < client->options.backoff_max_ms; i++) most *= 2;
    if (most > client->options.backoff_max_ms) most = client->options.backoff_max_ms;
    int64_t least = (int64_t)request->answer.retry_after_s * 1000;
    if (least > client->options.backoff_max_ms) least = client->options.backoff_max_ms;
    return least + (int64_t)(next_random(client) % (uint64_t)(most + 1));
}

static void delay(struct pomi_s3 *client, struct pomi_s3_request *request, int64_t after_ms)
{
    request->ready_at_ms = pomi_http_now_ms() + after_ms;
    request->next = client->delayed;
    client->delayed = request;
}

/* Adds how often it was tried to the message of the last attempt. */
static void give_up(struct pomi_s3 *client, struct pomi_s3_request *request, const char *why)
{
    char *message = request->error.message;
    size_t length = strlen(message);
    snprintf(message + length, sizeof request->error.message - length, "%s", why);
    complete(client, request, request->error.status);
}

static void retry(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    char why[128];
    int64_t after_ms = delay_ms(client, request);
    snprintf(why, sizeof why, "; given up after %d attempt%s", request->n_attempts,
             request->n_attempts == 1 ? "" : "s");
    if (request->n_attempts >= client->options.max_attempts) {
        give_up(client, request, why);
    } else if (pomi_http_now_ms() + after_ms >= request->deadline_ms) {
        snprintf(why, sizeof why, "; given up after %d attempts, for its time is over", request->n_attempts);
        give_up(client, request, why);
    } else if (client->retries_left <= 0) {
        snprintf(request->error.reason, sizeof request->error.reason, "retry_budget");
        give_up(client, request, "; given up: so many requests failed that the run's retries are used up");
    } else {
        client->retries_left--;
        pthread_mutex_lock(&client->lock);
        client->statistics.n_retries++;
        pthread_mutex_unlock(&client->lock);
        delay(client, request, after_ms);
    }
}

static bool is_stopped(const struct pomi_s3 *client, const struct pomi_s3_request *request)
{
    return atomic_load(&request->is_cancelled) ||
           (atomic_load(&client->is_cancelled) && !request->ignores_cancel);
}

static void complete_stopped(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    complete(client, request,
             pomi_s3_fail(request, POM_ERROR_INTERRUPTED, "interrupted", "stopped before it was done"));
}

void pomi_s3_on_attempt(void *user, struct pomi_http_transfer *transfer)
{
    struct pomi_s3 *client = user;
    struct pomi_s3_request *request = transfer->user;
    enum pomi_s3_verdict verdict = pomi_s3_judge(client, request);
    client->n_active--;
    count(client, request, verdict == POMI_S3_THROTTLED);
    adapt(client, request, verdict);
    if (verdict == POMI_S3_SUCCEEDED) {
        if (client->retries_left < client->options.retry_budget) client->retries_left++;
        complete(client, request, POM_OK);
    } else if (is_stopped(client, request)) {
        complete_stopped(client, request);
    } else if (verdict == POMI_S3_FAILED) {
        complete(client, request, request->error.status);
    } else if (verdict == POMI_S3_AGAIN) {
        request->n_attempts--;
        delay(client, request, 0);
    } else if (verdict == POMI_S3_RENEW) {
        if (request->n_attempts >= client->options.max_attempts ||
            !pomi_keeper_renew(client->keeper, request->generation)) {
            complete(client, request, request->error.status);
            return;
        }
        request->waits_for_credentials = true;
        delay(client, request, 0);
    } else {
        retry(client, request);
    }
}

/* ---- the loop's turn ---- */

static bool is_transfer_stopped(const struct pomi_http_transfer *transfer, void *user)
{
    return is_stopped(user, transfer->user);
}

/* Takes every request that shall not go on out of the lists. */
static void sweep(struct pomi_s3 *client)
{
    struct pomi_s3_request *stopped = NULL, **place, *request;
    pthread_mutex_lock(&client->lock);
    client->last = NULL;
    for (place = &client->first; (request = *place) != NULL;) {
        if (!is_stopped(client, request)) {
            client->last = request;
            place = &request->next;
            continue;
        }
        *place = request->next;
        request->next = stopped;
        stopped = request;
    }
    pthread_mutex_unlock(&client->lock);
    for (place = &client->delayed; (request = *place) != NULL;) {
        if (!is_stopped(client, request)) {
            place = &request->next;
            continue;
        }
        *place = request->next;
        request->next = stopped;
        stopped = request;
    }
    while ((request = stopped) != NULL) {
        stopped = request->next;
        complete_stopped(client, request);
    }
    pomi_http_stop(client->loop, is_transfer_stopped, client);
}

/* Whether a request that waits for credentials may go on; otherwise it waited once more, or is done. */
static bool has_credentials(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    struct pomi_credentials credentials;
    if (!request->waits_for_credentials) return true;
    if (pomi_keeper_is_renewing(client->keeper) && pomi_http_now_ms() < request->deadline_ms) {
        delay(client, request, CREDENTIALS_EVERY_MS);
        return false;
    }
    bool is_new = pomi_keeper_get(client->keeper, &credentials) != request->generation;
    pomi_credentials_wipe(&credentials);
    request->waits_for_credentials = false;
    if (!is_new) complete(client, request, request->error.status);
    return is_new;
}

/* Requests whose time has come go to the front: they have waited longest. Returns when the next one is due. */
static int64_t promote(struct pomi_s3 *client)
{
    int64_t now = pomi_http_now_ms(), due = now + IDLE_MS;
    struct pomi_s3_request *waiting = client->delayed, *request;
    client->delayed = NULL;
    while ((request = waiting) != NULL) {
        waiting = request->next;
        if (request->ready_at_ms > now) {
            request->next = client->delayed;
            client->delayed = request;
        } else if (has_credentials(client, request)) {
            pthread_mutex_lock(&client->lock);
            request->next = client->first;
            client->first = request;
            if (client->last == NULL) client->last = request;
            pthread_mutex_unlock(&client->lock);
        }
    }
    for (request = client->delayed; request != NULL; request = request->next)
        if (request->ready_at_ms < due) due = request->ready_at_ms;
    return due - now;
}

static struct pomi_s3_request *next_ready(struct pomi_s3 *client)
{
    pthread_mutex_lock(&client->lock);
    struct pomi_s3_request *request = client->n_active < (int)client->n_allowed ? client->first : NULL;
    if (request != NULL) {
        client->first = request->next;
        if (client->first == NULL) client->last = NULL;
    }
    pthread_mutex_unlock(&client->lock);
    return request;
}

int pomi_s3_on_turn(void *user)
{
    struct pomi_s3 *client = user;
    if (client->n_allowed == 0)
        client->n_allowed = client->options.max_connections < FIRST_CONNECTIONS
                                ? client->options.max_connections
                                : FIRST_CONNECTIONS;
    if (atomic_exchange(&client->wants_sweep, false)) sweep(client);
    int64_t wait_ms = promote(client);
    for (struct pomi_s3_request *request; (request = next_ready(client)) != NULL;) {
        enum pom_status status = POM_OK;
        if (is_stopped(client, request))
            complete_stopped(client, request);
        else if ((status = pomi_s3_begin(client, request)) != POM_OK)
            complete(client, request, status);
    }
    return wait_ms < 0 ? 0 : (int)wait_ms;
}
