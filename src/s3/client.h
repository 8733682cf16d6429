// SPDX-License-Identifier: Apache-2.0
/*
 * Inside the client. A request is filled in by an operation (objects.c, listing.c, upload.c, fetch.c), handed to the
 * loop by pomi_s3_submit and belongs to the loop's thread until it is done: request.c decides when an attempt goes out,
 * attempt.c puts it together, answer.c collects what comes back and judge.c says what that means.
 */
#ifndef POMONA_S3_CLIENT_H
#define POMONA_S3_CLIENT_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/hash.h"
#include "s3/checksum.h"
#include "s3/credentials.h"
#include "s3/endpoint.h"
#include "s3/http.h"
#include "s3/s3.h"
#include "s3/xml.h"

#define POMI_S3_MAX_DOCUMENT_BYTES                                                                           \
    ((size_t)16 << 20) /* a page of 1000 keys of 1024 bytes, each as %XX, is 3 MB */
#define POMI_S3_MAX_PAIRS 8

struct pomi_s3_bucket_state {
    struct pomi_s3_bucket_state *next;
    char *name;
    char region[64];
    int64_t n_requests[POMI_S3_N_KINDS];
    int64_t received_bytes, sent_bytes;
};

/* What the headers of one attempt's answer say. */
struct pomi_s3_answer {
    int status;
    int64_t content_bytes; /* -1: not said */
    int64_t range_begin;   /* of Content-Range; -1: none */
    int64_t range_total;
    int64_t modified_s, date_s;
    int retry_after_s;
    bool is_archived;
    char etag[136];
    char checksum_name[16], checksum[POMI_CHECKSUM_TEXT_BYTES]; /* "": none, or of parts only */
    char request_id[128], region[64], location[512];
};

struct pomi_s3_request {
    struct pomi_s3_request *next;

    /* What is asked for. Borrowed until it is done. */
    enum pomi_s3_kind kind;
    const char *method, *permission; /* the action that a policy has to allow */
    struct pomi_s3_bucket_state *bucket;
    const char *key;
    struct pomi_pair query[POMI_S3_MAX_PAIRS], headers[POMI_S3_MAX_PAIRS];
    size_t n_query, n_headers;
    struct pomi_view body;
    char body_hash[POMI_SHA256_TEXT_BYTES];
    bool has_range;
    bool has_if_match; /* among the headers */
    struct pomi_s3_range range;
    size_t max_bytes;
    int64_t expected_bytes; /* of the body that goes out or comes in; 0: unknown */
    bool is_slow;           /* the service may think for minutes before it answers */
    bool fails_late;        /* 200 may come before <Error> */
    bool is_on_bucket;      /* 403 and 404 concern the bucket */
    bool ignores_cancel;
    void (*on_done)(struct pomi_s3_request *request,
                    void *user); /* in the loop's thread; NULL: somebody waits */
    void *user;

    /* The loop's. */
    int n_attempts, n_redirects, n_clock_corrections;
    int64_t begun_ms, ready_at_ms, deadline_ms;
    int64_t generation; /* of the credentials that signed */
    char signed_region[64];
    bool waits_for_credentials;
    char if_match[136]; /* what was read so far belongs to this ETag */
    char checksum_name[16], checksum[POMI_CHECKSUM_TEXT_BYTES];
    struct pomi_s3_answer answer;
    struct pomi_http_transfer transfer;
    struct pomi_bytes url, authorization;
    enum pom_status refused; /* why a callback gave up */
    struct pomi_bytes problem_text;
    struct pomi_s3_problem problem;

    /* The result. */
    struct pomi_bytes content;
    struct pomi_s3_facts facts;
    enum pom_status status;
    struct pom_error error;
    bool is_uncertain; /* an attempt may have succeeded without our hearing of it */
    bool is_done;      /* under the client's lock */
    atomic_bool is_cancelled;
};

struct pomi_s3 {
    struct pomi_s3_options options; /* the texts in it are not used */
    struct pomi_s3_endpoint endpoint;
    char *region, *profile, *ca_bundle, *request_payer;
    struct pomi_aws_files *files;
    struct pomi_credential_settings credential_settings;
    struct pomi_keeper *keeper; /* NULL: requests are not signed */
    bool with_request_checksums, with_response_checksums;
    struct pomi_http_loop *loop;
    atomic_bool is_cancelled, wants_sweep;

    pthread_mutex_t lock;
    pthread_cond_t changed;               /* a request is done */
    struct pomi_s3_request *first, *last; /* ready to go out, in order */
    struct pomi_s3_bucket_state *buckets;
    struct pomi_s3_statistics statistics;

    /* The loop's. */
    struct pomi_s3_request *delayed;
    int n_active;
    double n_allowed;
    bool was_throttled;
    int64_t cut_ms; /* when n_allowed was last halved */
    int64_t clock_offset_s;
    int retries_left;
    uint64_t random;
};

/* The bucket's entry, made when it is new; NULL: memory is out. */
struct pomi_s3_bucket_state *pomi_s3_bucket_of(struct pomi_s3 *client, const char *name);

/* Fills in what every request has. Errors: MEMORY, ARGUMENT for a bucket's name that cannot be one. */
enum pom_status pomi_s3_request_init(struct pomi_s3_request *request, struct pomi_s3 *client,
                                     enum pomi_s3_kind kind, const char *method, const char *permission,
                                     const char *bucket, const char *key, struct pom_error *err);
void pomi_s3_add_query(struct pomi_s3_request *request, const char *name, const char *value);
void pomi_s3_add_header(struct pomi_s3_request *request, const char *name, const char *value);
void pomi_s3_set_body(struct pomi_s3_request *request, struct pomi_view body); /* and its hash */
void pomi_s3_request_release(struct pomi_s3_request *request);

void pomi_s3_submit(struct pomi_s3 *client, struct pomi_s3_request *request);
enum pom_status pomi_s3_wait(struct pomi_s3 *client, struct pomi_s3_request *request, struct pom_error *err);
enum pom_status pomi_s3_perform(struct pomi_s3 *client, struct pomi_s3_request *request,
                                struct pom_error *err); /* both */

/* Sends the request's next attempt. On failure nothing is on its way, and request->error says why. */
enum pom_status pomi_s3_begin(struct pomi_s3 *client, struct pomi_s3_request *request);

/* Hooks of the loop; `user` is the client. */
int pomi_s3_on_turn(void *user);
void pomi_s3_on_attempt(void *user, struct pomi_http_transfer *transfer);

/* What to do after an attempt; on FAIL and RETRY request->error says why. */
enum pomi_s3_verdict {
    POMI_S3_SUCCEEDED,
    POMI_S3_FAILED,
    POMI_S3_RETRY,     /* later, one attempt fewer */
    POMI_S3_THROTTLED, /* the same, and with fewer requests at once */
    POMI_S3_AGAIN,     /* at once: region or clock were put right */
    POMI_S3_RENEW      /* with other credentials */
};
enum pomi_s3_verdict pomi_s3_judge(struct pomi_s3 *client, struct pomi_s3_request *request);

/* request->error, for failures that no answer caused. */
enum pom_status pomi_s3_fail(struct pomi_s3_request *request, enum pom_status status, const char *reason,
                             const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Collects an attempt's answer; `user` is the request. */
bool pomi_s3_on_header(void *user, const char *name, const char *value);
bool pomi_s3_on_body(void *user, const uint8_t *data, size_t size_bytes);

#endif
