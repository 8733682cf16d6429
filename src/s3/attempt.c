// SPDX-License-Identifier: Apache-2.0
/*
 * What goes out: an attempt's URL, headers and signature. Each attempt is put together anew, since meanwhile the
 * bucket's region, the clock, the credentials or the bytes that are still missing may have changed.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "s3/client.h"

#define SLOWEST_BYTES_PER_MS 100 /* what the time-out of a request allows for its bytes */
#define SLOW_FACTOR          6   /* of the stall time, where the service may think for minutes */
#define SEND_FACTOR          3   /* and where the network's buffers hide how far a body has got */
#define MAX_PAIRS            (2 * POMI_S3_MAX_PAIRS + 8)

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

enum pom_status pomi_s3_begin(struct pomi_s3 *client, struct pomi_s3_request *request)
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
    }
    if (client->keeper != NULL) pomi_credentials_wipe(&credentials);
    pomi_bytes_release(&path);
    return status;
}
