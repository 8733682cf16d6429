// SPDX-License-Identifier: Apache-2.0
/*
 * A request's life, in the loop's thread:
 *
 *     submitted -> ready -> attempt -> judged -> done
 *                    ^                    |
 *                    +---- delayed <------+
 *
 * Every path ends: an attempt ends at the request's deadline, only max_attempts of them are made, corrections of region
 * and clock are counted, and what waits for credentials looks at the same deadline.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "s3/client.h"

#define FIRST_CONNECTIONS    16
#define SLOWEST_BYTES_PER_MS 100 /* what the time-out of a request allows for its bytes */
#define CREDENTIALS_EVERY_MS 20
#define SLOW_FACTOR          6 /* of the stall time, where the service may think for minutes */
#define SEND_FACTOR          3 /* and where the network's buffers hide how far a body has got */
#define IDLE_MS              1000
#define MAX_PAIRS            (2 * POMI_S3_MAX_PAIRS + 8)

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

/* ---- an attempt ---- */

struct pairs {
    struct pomi_pair pairs[MAX_PAIRS];
    size_t n;
};

static void add(struct pairs *headers, const char *name, const char *value)
{
    headers->pairs[headers->n++] = (struct pomi_pair){name, value};
}

/* Which bytes are still missing; false when all are wanted. */
static bool range_of(const struct pomi_s3_request *request, char range[64])
{
    int64_t have = request->kind == POMI_S3_GET ? (int64_t)request->content.size_bytes : 0;
    if (request->has_range)
        snprintf(range, 64, "bytes=%lld-%lld", (long long)(request->range.offset_bytes + have),
                 (long long)(request->range.offset_bytes + request->range.size_bytes - 1));
    else if (have > 0)
        snprintf(range, 64, "bytes=%lld-", (long long)have);
    return request->has_range || have > 0;
}

static enum pom_status sign(struct pomi_s3_request *request, struct pairs *headers, const char *path,
                            const char *payload_hash, const char *date,
                            const struct pomi_credentials *credentials)
{
    const struct pomi_sigv4_request to_sign = {
        .method = request->method,
        .path = path,
        .query = request->query,
        .n_query = request->n_query,
        .headers = headers->pairs,
        .n_headers = headers->n,
        .payload_hash = payload_hash,
        .region = request->signed_region,
        .service = "s3",
    };
    request->authorization.size_bytes = 0;
    POMI_TRY(pomi_sigv4_sign(&request->authorization, &to_sign, date, credentials, &request->error));
    add(headers, "authorization", (const char *)request->authorization.data);
    return POM_OK;
}

static enum pom_status fill_url(struct pomi_s3 *client, struct pomi_s3_request *request, const char *host,
                                const char *path)
{
    struct pomi_bytes *url = &request->url;
    url->size_bytes = 0;
    POMI_TRY(pomi_bytes_print(url, &request->error, "http%s://%s%s%s", client->endpoint.is_tls ? "s" : "",
                              host, path, request->n_query > 0 ? "?" : ""));
    POMI_TRY(pomi_sigv4_query(url, request->query, request->n_query, &request->error));
    return pomi_bytes_append(url, "", 1, &request->error);
}

/* What libcurl copies lives in the caller until pomi_http_begin returns. */
static enum pom_status fill_attempt(struct pomi_s3 *client, struct pomi_s3_request *request,
                                    struct pairs *headers, char host[512], char date[POMI_SIGV4_DATE_BYTES],
                                    char range[64], struct pomi_bytes *path,
                                    struct pomi_credentials *credentials)
{
    const char *region = request->bucket->region[0] != '\0' ? request->bucket->region : client->region;
    const char *payload_hash = request->body_hash;
    snprintf(request->signed_region, sizeof request->signed_region, "%s", region);
    if (client->options.unsigned_payload && client->endpoint.is_tls && request->body.size_bytes > 0)
        payload_hash = "UNSIGNED-PAYLOAD";
    POMI_TRY(pomi_s3_endpoint_place(&client->endpoint, request->bucket->name, request->key, region, host,
                                    path, &request->error));
    POMI_TRY(fill_url(client, request, host, (const char *)path->data));
    pomi_sigv4_date((int64_t)time(NULL) + client->clock_offset_s, date);
    add(headers, "host", host);
    for (size_t i = 0; i < request->n_headers; i++) headers->pairs[headers->n++] = request->headers[i];
    if (range_of(request, range)) {
        add(headers, "range", range);
        if (request->if_match[0] != '\0' && !request->has_if_match)
            add(headers, "if-match", request->if_match);
    }
    if (request->kind == POMI_S3_GET && !request->has_range && client->with_response_checksums)
        add(headers, "x-amz-checksum-mode", "ENABLED");
    if (client->request_payer != NULL) add(headers, "x-amz-request-payer", client->request_payer);
    if (client->keeper != NULL) {
        request->generation = pomi_keeper_get(client->keeper, credentials);
        add(headers, "x-amz-date", date);
        add(headers, "x-amz-content-sha256", payload_hash);
        if (credentials->token[0] != '\0') add(headers, "x-amz-security-token", credentials->token);
        POMI_TRY(sign(request, headers, (const char *)path->data, payload_hash, date, credentials));
    }
    add(headers, "user-agent", "pomona/" POMI_VERSION);
    return POM_OK;
}

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

static void begin(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    char host[512], date[POMI_SIGV4_DATE_BYTES], range[64];
    struct pomi_bytes path = {0};
    struct pomi_credentials credentials;
    struct pairs headers = {.n = 0};
    credentials.token[0] = '\0';
    request->begun_ms = pomi_http_now_ms();
    if (request->deadline_ms == 0)
        request->deadline_ms = request->begun_ms + client->options.request_timeout_ms +
                               request->expected_bytes / SLOWEST_BYTES_PER_MS;
    request->answer = (struct pomi_s3_answer){.content_bytes = -1, .range_begin = -1};
    request->problem_text.size_bytes = 0;
    if (request->kind != POMI_S3_GET) request->content.size_bytes = 0;
    request->refused = POM_OK;
    enum pom_status status = fill_attempt(client, request, &headers, host, date, range, &path, &credentials);
    if (status == POM_OK) {
        int factor = request->is_slow ? SLOW_FACTOR : request->body.size_bytes > 0 ? SEND_FACTOR : 1;
        request->transfer = (struct pomi_http_transfer){
            .method = request->method,
            .url = (const char *)request->url.data,
            .headers = headers.pairs,
            .n_headers = headers.n,
            .body = request->body,
            .ca_bundle = client->ca_bundle,
            .connect_timeout_ms = client->options.connect_timeout_ms,
            .stall_timeout_ms = client->options.stall_timeout_ms * factor,
            .deadline_ms = request->deadline_ms,
            .user = request,
            .on_header = pomi_s3_on_header,
            .on_body = pomi_s3_on_body,
        };
        client->n_active++;
        request->n_attempts++;
        pomi_http_begin(client->loop, &request->transfer);
    } else {
        complete(client, request, status);
    }
    if (client->keeper != NULL) pomi_credentials_wipe(&credentials);
    pomi_bytes_release(&path);
}

/* ---- after an attempt ---- */

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
        if (!pomi_keeper_renew(client->keeper, request->generation)) {
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
        if (is_stopped(client, request))
            complete_stopped(client, request);
        else
            begin(client, request);
    }
    return wait_ms < 0 ? 0 : (int)wait_ms;
}
