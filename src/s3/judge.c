// SPDX-License-Identifier: Apache-2.0
/*
 * What an answer means. The codes are those of "Error responses" in the Amazon S3 API Reference; what is not in the
 * table is judged by its HTTP status.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "s3/client.h"

#define MAX_PROBLEM_BYTES     ((size_t)65536)
#define MAX_REDIRECTS         3
#define MAX_CLOCK_CORRECTIONS 2
#define CLOCK_TOLERANCE_S     300 /* S3 refuses beyond 15 minutes; some servers beyond 5 */

/* ---- collecting ---- */

static void copy(char *to, size_t to_bytes, const char *from)
{
    if (strlen(from) < to_bytes) strcpy(to, from);
}

bool pomi_s3_on_header(void *user, const char *name, const char *value)
{
    struct pomi_s3_request *request = user;
    struct pomi_s3_answer *answer = &request->answer;
    if (name[0] == '\0') {
        *answer = (struct pomi_s3_answer){.status = atoi(value), .content_bytes = -1, .range_begin = -1};
    } else if (strcmp(name, "content-length") == 0) {
        answer->content_bytes = strtoll(value, NULL, 10);
    } else if (strcmp(name, "content-range") == 0) {
        long long begin, end, total;
        if (sscanf(value, "bytes %lld-%lld/%lld", &begin, &end, &total) == 3 && begin >= 0 && end >= begin &&
            total > end) {
            answer->range_begin = begin;
            answer->range_total = total;
        }
    } else if (strcmp(name, "etag") == 0) {
        copy(answer->etag, sizeof answer->etag, value);
    } else if (strcmp(name, "last-modified") == 0) {
        answer->modified_s = pomi_time_of_http(value);
    } else if (strcmp(name, "date") == 0) {
        answer->date_s = pomi_time_of_http(value);
    } else if (strcmp(name, "retry-after") == 0) {
        answer->retry_after_s = atoi(value) > 0 ? atoi(value) : 0;
    } else if (strcmp(name, "x-amz-request-id") == 0) {
        copy(answer->request_id, sizeof answer->request_id, value);
    } else if (strcmp(name, "x-amz-bucket-region") == 0) {
        copy(answer->region, sizeof answer->region, value);
    } else if (strcmp(name, "location") == 0) {
        copy(answer->location, sizeof answer->location, value);
    } else if (strncmp(name, "x-amz-checksum-", 15) == 0 && strcmp(name + 15, "type") != 0 &&
               strchr(value, '-') == NULL) { /* with a hyphen it is that of the parts' checksums */
        copy(answer->checksum_name, sizeof answer->checksum_name, name + 15);
        copy(answer->checksum, sizeof answer->checksum, value);
    }
    return true;
}

static bool refuse(struct pomi_s3_request *request, enum pom_status status)
{
    request->refused = status;
    return false;
}

/* The first bytes of a good answer: do they go on where the ones before ended? */
static bool begin_content(struct pomi_s3_request *request)
{
    const struct pomi_s3_answer *answer = &request->answer;
    int64_t have = (int64_t)request->content.size_bytes;
    int64_t wanted = (request->has_range ? request->range.offset_bytes : 0) + have;
    if (answer->status == 206 && answer->range_begin != wanted) return refuse(request, POM_ERROR_FORMAT);
    if (answer->status == 206 && request->has_range &&
        answer->content_bytes > request->range.size_bytes - have)
        return refuse(request, POM_ERROR_FORMAT);
    if (answer->status != 206 && request->has_range) return refuse(request, POM_ERROR_FORMAT);
    if (answer->status != 206) request->content.size_bytes = have = 0; /* all of it again */
    if (have == 0) {
        strcpy(request->if_match, answer->etag);
        strcpy(request->checksum_name, answer->status == 200 ? answer->checksum_name : "");
        strcpy(request->checksum, answer->status == 200 ? answer->checksum : "");
    } else if (strcmp(request->if_match, answer->etag) != 0) {
        return refuse(request, POM_ERROR_MISMATCH);
    }
    if (answer->content_bytes > (int64_t)request->max_bytes - have) return refuse(request, POM_ERROR_LIMIT);
    if (answer->content_bytes > 0) {
        size_t n_bytes = (size_t)(have + answer->content_bytes);
        if (pomi_bytes_reserve(&request->content, n_bytes, NULL) != POM_OK)
            return refuse(request, POM_ERROR_MEMORY);
        request->transfer.deadline_ms += answer->content_bytes / 100; /* 100 kB/s */
        if (request->deadline_ms < request->transfer.deadline_ms)
            request->deadline_ms = request->transfer.deadline_ms;
    }
    return true;
}

bool pomi_s3_on_body(void *user, const uint8_t *data, size_t size_bytes)
{
    struct pomi_s3_request *request = user;
    if (request->answer.status / 100 != 2) {
        size_t room = MAX_PROBLEM_BYTES - request->problem_text.size_bytes;
        pomi_bytes_append(&request->problem_text, data, size_bytes < room ? size_bytes : room, NULL);
        return true;
    }
    bool is_first = request->transfer.received_bytes == (int64_t)size_bytes;
    if (is_first && !begin_content(request)) return false;
    if (size_bytes > request->max_bytes - request->content.size_bytes)
        return refuse(request, POM_ERROR_LIMIT);
    if (pomi_bytes_append(&request->content, data, size_bytes, NULL) != POM_OK)
        return refuse(request, POM_ERROR_MEMORY);
    return true;
}

/* ---- judging ---- */

enum pom_status pomi_s3_fail(struct pomi_s3_request *request, enum pom_status status, const char *reason,
                             const char *format, ...)
{
    char what[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    return pomi_fail(&request->error, status, reason, "s3://%.80s%s%.160s: %s", request->bucket->name,
                     request->key[0] != '\0' ? "/" : "", request->key, what);
}

/* Starts the object anew: what came so far is of no use. */
static void forget_content(struct pomi_s3_request *request)
{
    request->content.size_bytes = 0;
    request->if_match[0] = request->checksum[0] = '\0';
}

static enum pomi_s3_verdict judge_failure(const struct pomi_s3 *client, struct pomi_s3_request *request)
{
    const struct pomi_http_transfer *transfer = &request->transfer;
    const char *host = client->endpoint.is_aws ? "AWS" : client->endpoint.host;
    int64_t have = (int64_t)request->content.size_bytes;
    request->is_uncertain |= transfer->failure != POMI_HTTP_CONNECT && transfer->failure != POMI_HTTP_TLS;
    switch (transfer->failure) {
    case POMI_HTTP_CONNECT:
        pomi_s3_fail(request, POM_ERROR_IO, "no_connection", "cannot connect to %s: %s", host,
                     transfer->message);
        return POMI_S3_RETRY;
    case POMI_HTTP_TLS:
        pomi_s3_fail(
            request, POM_ERROR_IO, "tls",
            "%s is not whom its certificate names, or a CA is missing: %s; name a private CA's file in "
            "AWS_CA_BUNDLE",
            host, transfer->message);
        return POMI_S3_FAILED;
    case POMI_HTTP_CUT:
        pomi_s3_fail(request, POM_ERROR_IO, "connection_lost",
                     "the connection was lost after %" PRId64 " bytes: %s", have, transfer->message);
        return POMI_S3_RETRY;
    case POMI_HTTP_STALLED:
        pomi_s3_fail(request, POM_ERROR_IO, "stalled", "nothing came for %d ms, after %" PRId64 " bytes",
                     transfer->stall_timeout_ms, have);
        return POMI_S3_RETRY;
    case POMI_HTTP_DEADLINE:
        pomi_s3_fail(request, POM_ERROR_IO, "stalled",
                     "not done in %" PRId64 " ms, with %" PRId64 " bytes read",
                     pomi_http_now_ms() - request->deadline_ms + client->options.request_timeout_ms, have);
        return POMI_S3_FAILED;
    case POMI_HTTP_STOPPED:
        pomi_s3_fail(request, POM_ERROR_INTERRUPTED, "interrupted", "stopped before it was done");
        return POMI_S3_FAILED;
    default:
        pomi_fail_memory(&request->error, 0, "an answer of S3");
        return POMI_S3_FAILED;
    }
}

static enum pomi_s3_verdict judge_refused(struct pomi_s3_request *request)
{
    switch (request->refused) {
    case POM_ERROR_LIMIT:
        pomi_s3_fail(request, POM_ERROR_LIMIT, "file_too_large", "is larger than %zu bytes",
                     request->max_bytes);
        return POMI_S3_FAILED;
    case POM_ERROR_MISMATCH:
        pomi_s3_fail(request, POM_ERROR_MISMATCH, "changed", "the object changed while it was read");
        forget_content(request);
        return POMI_S3_RETRY;
    case POM_ERROR_FORMAT:
        pomi_s3_fail(request, POM_ERROR_IO, "bad_answer", "the server sent other bytes than were asked for");
        forget_content(request);
        return POMI_S3_RETRY;
    default:
        pomi_fail_memory(&request->error, request->max_bytes, "an object");
        return POMI_S3_FAILED;
    }
}

static enum pomi_s3_verdict judge_content(struct pomi_s3_request *request)
{
    const struct pomi_s3_answer *answer = &request->answer;
    char checksum[POMI_CHECKSUM_TEXT_BYTES];
    int64_t size_bytes = (int64_t)request->content.size_bytes;
    request->facts =
        (struct pomi_s3_facts){.size_bytes = answer->content_bytes > 0 ? answer->content_bytes : 0,
                               .modified_s = answer->modified_s};
    strcpy(request->facts.etag, answer->etag);
    if (request->kind != POMI_S3_GET) return POMI_S3_SUCCEEDED;
    if (request->transfer.received_bytes == 0 &&
        answer->status == 200) { /* an empty object, whatever came before */
        forget_content(request);
        size_bytes = 0;
    }
    request->facts.size_bytes = answer->range_begin >= 0 ? answer->range_total : size_bytes;
    if (!request->has_range && request->facts.size_bytes != size_bytes) {
        pomi_s3_fail(request, POM_ERROR_IO, "bad_answer", "%" PRId64 " bytes came of an object of %" PRId64,
                     size_bytes, request->facts.size_bytes);
        forget_content(request);
        return POMI_S3_RETRY;
    }
    if (!request->has_range && request->checksum[0] != '\0' &&
        pomi_checksum(request->checksum_name, pomi_bytes_view(&request->content), checksum) &&
        strcmp(checksum, request->checksum) != 0) {
        pomi_s3_fail(request, POM_ERROR_FORMAT, "checksum",
                     "the bytes that came have the %s %s, the service keeps %s (request %s)",
                     request->checksum_name, checksum, request->checksum, answer->request_id);
        forget_content(request);
        return POMI_S3_RETRY;
    }
    return POMI_S3_SUCCEEDED;
}

/* What stands behind every message: HTTP status, S3's code and words, and the id that AWS's support asks for. */
static void describe(const struct pomi_s3 *client, struct pomi_s3_request *request, char text[512])
{
    struct pomi_s3_problem *problem = &request->problem;
    struct pomi_credentials credentials;
    if (client->keeper != NULL) {
        pomi_keeper_get(client->keeper, &credentials);
        pomi_credentials_redact(&credentials, problem->message);
        pomi_credentials_wipe(&credentials);
    }
    const char *id = request->answer.request_id[0] != '\0' ? request->answer.request_id : problem->request_id;
    snprintf(text, 512, "HTTP %d%s%s%s%s%s%s", request->answer.status, problem->code[0] != '\0' ? ", " : "",
             problem->code, problem->message[0] != '\0' ? ": " : "", problem->message,
             id[0] != '\0' ? "; request " : "", id);
}

/* AWS: the day's first request to a bucket elsewhere is sent on to its region, as is one that was signed for another. */
static enum pomi_s3_verdict judge_region(struct pomi_s3 *client, struct pomi_s3_request *request,
                                         const char *how)
{
    const char *region = request->answer.region[0] != '\0' ? request->answer.region : request->problem.region;
    const char *now = request->signed_region; /* another request may have learned better since then */
    if (region[0] != '\0' && strcmp(region, now) != 0 && request->n_redirects < MAX_REDIRECTS) {
        request->n_redirects++;
        pthread_mutex_lock(&client->lock);
        snprintf(request->bucket->region, sizeof request->bucket->region, "%s", region);
        pthread_mutex_unlock(&client->lock);
        request->answer.region[0] = '\0';
        return POMI_S3_AGAIN;
    }
    pomi_s3_fail(request, POM_ERROR_IO, "wrong_region",
                 "the bucket is not in %s, and the service does not say where: name its --region (%s)", now,
                 how);
    return POMI_S3_FAILED;
}

static enum pomi_s3_verdict judge_clock(struct pomi_s3 *client, struct pomi_s3_request *request,
                                        const char *how)
{
    int64_t offset_s = request->answer.date_s - (int64_t)time(NULL);
    if (request->answer.date_s > 0 && request->n_clock_corrections < MAX_CLOCK_CORRECTIONS) {
        request->n_clock_corrections++;
        client->clock_offset_s = offset_s;
        return POMI_S3_AGAIN;
    }
    pomi_s3_fail(request, POM_ERROR_IO, "clock_skew",
                 "this machine's clock and the service's differ by %" PRId64 " s: set it right (%s)",
                 request->answer.date_s > 0 ? -offset_s : 0, how);
    return POMI_S3_FAILED;
}

static enum pomi_s3_verdict judge_denied(struct pomi_s3_request *request, const char *how)
{
    const char *place = request->is_on_bucket ? "" : "/", *key = request->is_on_bucket ? "" : request->key;
    pomi_s3_fail(request, POM_ERROR_IO, request->is_on_bucket ? "bucket_denied" : "access_denied",
                 "access denied: this needs %s on arn:aws:s3:::%.80s%s%.160s%s (%s)", request->permission,
                 request->bucket->name, place, key,
                 request->kind == POMI_S3_GET || request->kind == POMI_S3_HEAD
                     ? ", or, if the object is not there, s3:ListBucket to be told so"
                     : "",
                 how);
    return POMI_S3_FAILED;
}

enum meaning {
    NOT_FOUND,
    NO_BUCKET,
    DENIED,
    WRONG_SECRET,
    UNKNOWN_KEY,
    EXPIRED,
    CLOCK,
    REGION,
    SLOW_DOWN,
    TRY_AGAIN,
    CONDITION,
    ARCHIVED,
    REFUSED
};

static const struct {
    const char *code;
    enum meaning meaning;
} meanings[] = {
    {"NoSuchKey", NOT_FOUND},
    {"NoSuchUpload", NOT_FOUND},
    {"NoSuchBucket", NO_BUCKET},
    {"AccessDenied", DENIED},
    {"AllAccessDisabled", DENIED},
    {"AccountProblem", DENIED},
    {"SignatureDoesNotMatch", WRONG_SECRET},
    {"InvalidAccessKeyId", UNKNOWN_KEY},
    {"ExpiredToken", EXPIRED},
    {"ExpiredTokenException", EXPIRED},
    {"TokenRefreshRequired", EXPIRED},
    {"InvalidToken", EXPIRED},
    {"RequestTimeTooSkewed", CLOCK},
    {"RequestExpired", CLOCK},
    {"AuthorizationHeaderMalformed", REGION},
    {"PermanentRedirect", REGION},
    {"TemporaryRedirect", REGION},
    {"IllegalLocationConstraintException", REGION},
    {"SlowDown", SLOW_DOWN},
    {"SlowDownRead", SLOW_DOWN},
    {"SlowDownWrite", SLOW_DOWN},
    {"ServiceUnavailable", SLOW_DOWN},
    {"Throttling", SLOW_DOWN},
    {"ThrottlingException", SLOW_DOWN},
    {"RequestLimitExceeded", SLOW_DOWN},
    {"TooManyRequests", SLOW_DOWN},
    {"InternalError", TRY_AGAIN},
    {"RequestTimeout", TRY_AGAIN},
    {"OperationAborted", TRY_AGAIN},
    {"BadDigest", TRY_AGAIN},
    {"IncompleteBody", TRY_AGAIN},
    {"XAmzContentSHA256Mismatch", TRY_AGAIN},
    {"ConditionalRequestConflict", TRY_AGAIN},
    {"PreconditionFailed", CONDITION},
    {"InvalidObjectState", ARCHIVED},
};

static enum meaning meaning_of(const struct pomi_s3 *client, const struct pomi_s3_request *request)
{
    const struct pomi_s3_answer *answer = &request->answer;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(request->problem.code, meanings[i].code) == 0) return meanings[i].meaning;
    if (answer->status == 301 || answer->status == 302 || answer->status == 307 || answer->status == 308)
        return REGION;
    if (answer->status == 412) return CONDITION;
    if (answer->status == 429 || answer->status == 503) return SLOW_DOWN;
    if (answer->status >= 500) return TRY_AGAIN;
    if (request->problem.code[0] != '\0') return REFUSED;
    /* Without a body, as after HEAD, it takes some guessing. */
    const char *region = request->bucket->region[0] != '\0' ? request->bucket->region : client->region;
    int64_t skew_s =
        answer->date_s > 0 ? llabs(answer->date_s - (int64_t)time(NULL) - client->clock_offset_s) : 0;
    if (answer->status == 400 && answer->region[0] != '\0' && strcmp(answer->region, region) != 0)
        return REGION;
    if ((answer->status == 400 || answer->status == 403) && skew_s > CLOCK_TOLERANCE_S) return CLOCK;
    if (answer->status == 403) return DENIED;
    if (answer->status == 404) return request->is_on_bucket ? NO_BUCKET : NOT_FOUND;
    return REFUSED;
}

static bool has_header(const struct pomi_s3_request *request, const char *name)
{
    for (size_t i = 0; i < request->n_headers; i++)
        if (strcmp(request->headers[i].name, name) == 0) return true;
    return false;
}

static enum pomi_s3_verdict judge_condition(struct pomi_s3_request *request, const char *how)
{
    if (has_header(request, "if-none-match")) {
        pomi_s3_fail(request, POM_ERROR_EXISTS, "exists", "there is an object already (%s)", how);
        return POMI_S3_FAILED;
    }
    pomi_s3_fail(request, POM_ERROR_MISMATCH, "changed", "the object changed in the meantime (%s)", how);
    forget_content(request);
    return has_header(request, "if-match") ? POMI_S3_FAILED : POMI_S3_RETRY;
}

static enum pomi_s3_verdict judge_problem(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    char how[512];
    describe(client, request, how);
    request->is_uncertain |= request->answer.status >= 500 || request->answer.status == 200;
    switch (meaning_of(client, request)) {
    case NOT_FOUND:
        pomi_s3_fail(request, POM_ERROR_NOT_FOUND, "not_found", "is not there (%s)", how);
        return POMI_S3_FAILED;
    case NO_BUCKET:
        pomi_s3_fail(request, POM_ERROR_NOT_FOUND, "bucket_not_found", "there is no bucket \"%.80s\" (%s)",
                     request->bucket->name, how);
        return POMI_S3_FAILED;
    case DENIED:
        return judge_denied(request, how);
    case WRONG_SECRET:
        pomi_s3_fail(request, POM_ERROR_IO, "wrong_secret",
                     "the signature is refused: the secret access key does not belong to the key id (%s)",
                     how);
        return POMI_S3_FAILED;
    case UNKNOWN_KEY:
        pomi_s3_fail(request, POM_ERROR_IO, "unknown_key", "the service does not know the access key id (%s)",
                     how);
        return POMI_S3_FAILED;
    case EXPIRED:
        pomi_s3_fail(
            request, POM_ERROR_IO, "expired_token",
            "the session token has expired or is not good, and there is no newer one: sign in again (%s)",
            how);
        return client->keeper != NULL ? POMI_S3_RENEW : POMI_S3_FAILED;
    case CLOCK:
        return judge_clock(client, request, how);
    case REGION:
        return judge_region(client, request, how);
    case SLOW_DOWN:
        pomi_s3_fail(request, POM_ERROR_IO, "throttled", "the service asks for fewer requests (%s)", how);
        return POMI_S3_THROTTLED;
    case TRY_AGAIN:
        pomi_s3_fail(request, POM_ERROR_IO, "unavailable", "the service could not do it (%s)", how);
        return POMI_S3_RETRY;
    case CONDITION:
        return judge_condition(request, how);
    case ARCHIVED:
        pomi_s3_fail(request, POM_ERROR_IO, "archived", "is archived: restore it first (%s)", how);
        return POMI_S3_FAILED;
    default:
        pomi_s3_fail(request, POM_ERROR_IO, "refused", "the service refused it (%s)", how);
        return POMI_S3_FAILED;
    }
}

enum pomi_s3_verdict pomi_s3_judge(struct pomi_s3 *client, struct pomi_s3_request *request)
{
    request->is_uncertain |= request->transfer.is_resent;
    if (request->transfer.failure == POMI_HTTP_REFUSED && request->refused != POM_OK)
        return judge_refused(request);
    if (request->transfer.failure != POMI_HTTP_DONE) return judge_failure(client, request);
    request->problem = (struct pomi_s3_problem){0};
    if (request->answer.status / 100 == 2) {
        if (request->fails_late) pomi_xml_problem(&request->problem, pomi_bytes_view(&request->content));
        if (request->problem.code[0] == '\0') return judge_content(request);
        request->content.size_bytes = 0;
    } else {
        pomi_xml_problem(&request->problem, pomi_bytes_view(&request->problem_text));
    }
    return judge_problem(client, request);
}
