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

#define MAX_REDIRECTS         3
#define MAX_CLOCK_CORRECTIONS 2
#define HOST_CHARACTERS       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.:[]"
#define CLOCK_TOLERANCE_S     300 /* S3 refuses beyond 15 minutes; some servers beyond 5 */

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

/* What stands behind every message: HTTP status, S3's code and words, and the id that AWS's support asks for. The words
 * are the server's: whatever it repeats of the credentials is starred out, and nothing in them moves a terminal. */
static void describe(const struct pomi_s3 *client, const struct pomi_s3_request *request, char text[512])
{
    const struct pomi_s3_problem *problem = &request->problem;
    struct pomi_credentials credentials;
    const char *id = request->answer.request_id[0] != '\0' ? request->answer.request_id : problem->request_id;
    snprintf(text, 512, "HTTP %d%s%s%s%s%s%s", request->answer.status, problem->code[0] != '\0' ? ", " : "",
             problem->code, problem->message[0] != '\0' ? ": " : "", problem->message,
             id[0] != '\0' ? "; request " : "", id);
    if (client->keeper != NULL) {
        pomi_keeper_get(client->keeper, &credentials);
        pomi_credentials_redact(&credentials, text);
        pomi_credentials_wipe(&credentials);
    }
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) *c = '?';
}

/* AWS: the day's first request to a bucket elsewhere is sent on to its region, as is one that was signed for another. The
 * Location of a redirect is never followed, since what is signed may go to the endpoint's own hosts only; where AWS says
 * nothing else, the region that it names is taken from it. */
static enum pomi_s3_verdict judge_region(struct pomi_s3 *client, struct pomi_s3_request *request,
                                         const char *how)
{
    char located[64] = "";
    if (client->endpoint.is_aws) pomi_s3_region_of_url(request->answer.location, located);
    const char *region = request->answer.region[0] != '\0'            ? request->answer.region
                         : pomi_s3_is_region(request->problem.region) ? request->problem.region
                                                                      : located;
    const char *now = request->signed_region; /* another request may have learned better since then */
    if (region[0] != '\0' && strcmp(region, now) != 0 && request->n_redirects < MAX_REDIRECTS) {
        request->n_redirects++;
        pthread_mutex_lock(&client->lock);
        snprintf(request->bucket->region, sizeof request->bucket->region, "%s", region);
        pthread_mutex_unlock(&client->lock);
        request->answer.region[0] = '\0';
        return POMI_S3_AGAIN;
    }
    const char *host = strstr(request->answer.location, "://");
    if (region[0] == '\0' && host != NULL)
        pomi_s3_fail(request, POM_ERROR_IO, "wrong_region",
                     "the server sends on to %.*s, which is not followed: name that as --endpoint-url (%s)",
                     (int)strspn(host + 3, HOST_CHARACTERS), host + 3, how);
    else
        pomi_s3_fail(request, POM_ERROR_IO, "wrong_region",
                     "the bucket is not in %s, and the service does not say where: name its --region (%s)",
                     now, how);
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
