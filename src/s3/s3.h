// SPDX-License-Identifier: Apache-2.0
/*
 * Objects in Amazon S3 and in what speaks its protocol. One client is one event loop on a thread of its own, on which
 * every request of the process runs; the functions below hand a request to it and wait. All of them may be called
 * from any number of threads at once, and each returns within its request's budget, whatever the network does.
 *
 *     struct pomi_s3_options options;
 *     pomi_s3_options_init(&options);
 *     POMI_TRY(pomi_s3_new(&client, &options, err));
 *     status = pomi_s3_get(client, "bucket", "photos/a.jpg", NULL, 1 << 26, &bytes, NULL, err);
 *     pomi_s3_free(client);
 *
 * Buckets and keys are as the service knows them: any UTF-8, never percent-encoded, no slash put before a key.
 * A request is tried again (full-jitter backoff) after 5xx, 429, SlowDown, time-outs, cut and stalled connections
 * and a wrong clock or region, which is corrected; a cut body goes on where it stopped, under If-Match. Messages
 * name the object, the S3 code and the request id, never a credential. Every function fails with UNSUPPORTED
 * ("without_s3") in a build without libcurl or expat.
 *
 * Errors by status and `reason`; those marked * concern the bucket or the account: no later request can go better.
 *
 *     NOT_FOUND    not_found          the object is not there (404)
 *                  bucket_not_found*  the bucket is not there (404 NoSuchBucket)
 *     IO           access_denied      403 on an object: the message names the permission that is missing
 *                  bucket_denied*     403 on listing
 *                  wrong_secret*      the secret does not fit the key id; unknown_key*: no such key id
 *                  expired_token*     and refreshing brought no other
 *                  no_credentials*    no source of credentials has any, or the one configured failed
 *                  clock_skew*        the clocks differ, and correcting for it did not help
 *                  wrong_region*      redirected without end
 *                  tls*               the server's certificate is not good, or the CA bundle is not readable
 *                  no_connection      cannot resolve or connect; connection_lost, stalled: after it began
 *                  throttled          503 SlowDown, 429; unavailable: other 5xx; each after all attempts
 *                  retry_budget*      so much fails that the run's retries are used up
 *                  bad_answer         an answer that is not S3: XML that does not parse, wrong lengths, a listing
 *                                     that goes round in circles
 *                  refused            any other 4xx, with its S3 code; archived: GLACIER
 *     FORMAT       checksum           the bytes do not have the checksum that the service keeps, after all attempts
 *     LIMIT        file_too_large     larger than max_bytes; refused before allocation where the length is known
 *     EXISTS       exists             If-None-Match: * found an object (412, 409)
 *     MISMATCH     changed            the object changed while it was read (If-Match), after all attempts
 *     ARGUMENT     bad_s3_path, bad_option*
 *     INTERRUPTED  interrupted        pomi_s3_cancel was called
 */
#ifndef POMONA_S3_S3_H
#define POMONA_S3_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* ---- paths ---- */

struct pomi_s3_path {
    char bucket[256];
    const char *key; /* points into the path that was split; "" for the bucket itself */
};

/* Whether the path is for S3: it begins with "s3://", or with what people write for that ("s3:/", "s3a://"). */
bool pomi_s3_is_path(const char *path);

/* "s3://BUCKET/KEY" into its two parts. Errors: ARGUMENT ("bad_s3_path"). */
enum pom_status pomi_s3_split(const char *path, struct pomi_s3_path *parts, struct pom_error *err);

/* ---- client ---- */

enum pomi_s3_addressing {
    POMI_S3_ADDRESSING_AUTO, /* the profile's s3.addressing_style; else virtual on AWS where the bucket's name allows it */
    POMI_S3_ADDRESSING_PATH,   /* https://host/bucket/key */
    POMI_S3_ADDRESSING_VIRTUAL /* https://bucket.host/key */
};

/* Texts are copied. NULL and 0 mean the default. */
struct pomi_s3_options {
    /* As in the AWS CLI; what is NULL comes from the variables and files that the AWS CLI reads. */
    const char *region; /* AWS_REGION, AWS_DEFAULT_REGION, profile; a bucket's own region is always found */
    const char *endpoint_url; /* AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, profile; default: AWS */
    const char *profile;      /* AWS_PROFILE, "default"; given here it goes before credentials in variables */
    const char *ca_bundle;    /* a PEM file: AWS_CA_BUNDLE, profile, SSL_CERT_FILE, the system's */
    const char *request_payer; /* "requester" */
    bool no_sign_request;      /* anonymous: no credentials are looked for */
    enum pomi_s3_addressing addressing;

    int max_connections;        /* requests in flight; adapts below it; default 64 */
    size_t max_in_flight_bytes; /* of pomi_s3_fetch: objects fetched ahead and not taken; default 64 MiB */
    size_t upload_part_bytes;   /* of pomi_s3_upload; default 8 MiB, the least that S3 takes is 5 MiB */
    bool unsigned_payload;  /* over TLS, what is sent is not hashed for the signature (its checksum stays) */
    bool without_checksums; /* for servers that refuse x-amz-checksum-*; AWS_REQUEST_CHECKSUM_CALCULATION and
                                   AWS_RESPONSE_CHECKSUM_VALIDATION = when_required do the same */

    /* Budgets. A request ends, well or not, request_timeout_ms after it was handed over, plus the time its bytes
     * take at 100 kB/s; waiting for a free connection counts only from its first attempt. */
    int max_attempts;       /* of one request; default 6 */
    int request_timeout_ms; /* default 300,000 */
    int connect_timeout_ms; /* of one attempt; default 10,000 */
    int stall_timeout_ms;   /* no byte for so long is a dead connection; default 20,000 */
    int backoff_ms; /* before attempt n, a random part of backoff_ms * 2^n, at most backoff_max_ms; default 100 */
    int backoff_max_ms; /* default 20,000 */
    int retry_budget;   /* of the run: a retry takes one, a success gives one back; default 2000 */
};

void pomi_s3_options_init(struct pomi_s3_options *options);

struct pomi_s3;

/* Reads the configuration, finds credentials and starts the loop; sends nothing to the service. Credentials that
 * expire are refreshed ahead of it while the client lives. Errors: IO ("no_credentials", "tls"), ARGUMENT
 * ("bad_option": an unknown profile, a damaged configuration file, an endpoint that is no URL), MEMORY. */
enum pom_status pomi_s3_new(struct pomi_s3 **client, const struct pomi_s3_options *options,
                            struct pom_error *err);

/* Nobody is in a function of this client any more, and its fetches and uploads are freed. NULL is fine. */
void pomi_s3_free(struct pomi_s3 *client);

/* Every request, running or to come, fails with INTERRUPTED from now on. For another thread than the one that waits;
 * pomi_s3_upload_abort and pomi_s3_abort_uploads still work, so that nothing that costs money is left. */
void pomi_s3_cancel(struct pomi_s3 *client);

/* Whether this failure is one of those marked * above. */
bool pomi_s3_concerns_all(const struct pom_error *err);

/* ---- objects ---- */

struct pomi_s3_facts {
    int64_t size_bytes; /* of the whole object */
    int64_t modified_s; /* Unix time; 0: unknown */
    char etag[136];     /* with its quotes, as the service gives it; "" when it gives none */
};

struct pomi_s3_range {
    int64_t offset_bytes;
    int64_t size_bytes; /* at least 1; fewer come at the object's end */
};

/* Reads an object, or the bytes of `range` (NULL: all), into `bytes`, reusing its memory. `facts` may be NULL. */
enum pom_status pomi_s3_get(struct pomi_s3 *client, const char *bucket, const char *key,
                            const struct pomi_s3_range *range, size_t max_bytes, struct pomi_bytes *bytes,
                            struct pomi_s3_facts *facts, struct pom_error *err);

enum pom_status pomi_s3_head(struct pomi_s3 *client, const char *bucket, const char *key,
                             struct pomi_s3_facts *facts, struct pom_error *err);

struct pomi_s3_put_options {
    const char *content_type; /* NULL: application/octet-stream */
    bool if_none_match;       /* only where there is no object yet; else EXISTS */
    const char *if_match; /* only over the object with this ETag; else MISMATCH; NULL: whatever is there */
};

/* Writes an object whole or not at all. `options` and `facts` (its ETag) may be NULL. A retry after an answer that
 * got lost finds its own object under If-None-Match and recognises it by its content's ETag or checksum. */
enum pom_status pomi_s3_put(struct pomi_s3 *client, const char *bucket, const char *key,
                            struct pomi_view content, const struct pomi_s3_put_options *options,
                            struct pomi_s3_facts *facts, struct pom_error *err);

/* Copies an object of up to 5 GiB on the server. */
enum pom_status pomi_s3_copy(struct pomi_s3 *client, const char *from_bucket, const char *from_key,
                             const char *bucket, const char *key, struct pom_error *err);

enum pom_status pomi_s3_delete(struct pomi_s3 *client, const char *bucket, const char *key,
                               struct pom_error *err); /* absent is fine */

/* ---- listing ---- */

struct pomi_s3_entry {
    const char *key;  /* valid during the call */
    bool is_prefix;   /* a common prefix, which ends with the delimiter; then only `key` is set */
    bool is_archived; /* in GLACIER or DEEP_ARCHIVE: has to be restored before it can be read */
    int64_t size_bytes;
    int64_t modified_s;
    const char *etag;
};

#define POMI_S3_PAGE_KEYS 1000 /* what a request lists at most */

/* NULL and 0 mean: all, to the end. */
struct pomi_s3_list_options {
    const char *delimiter; /* "/": one level, the rest as prefixes; NULL: recursively */
    const char *after;     /* only keys behind this text */
    const char *last;      /* and up to this one; with `delimiter` it is not looked at */
    int64_t max_keys;
};

/* Objects whose key begins with `prefix` ("" for all), page after page, in the order of the service (by UTF-8 bytes).
 * Calls `visit` in the caller's thread; a status other than POM_OK ends the listing and is returned. `options` may be
 * NULL. */
enum pom_status pomi_s3_list(struct pomi_s3 *client, const char *bucket, const char *prefix,
                             const struct pomi_s3_list_options *options,
                             enum pom_status (*visit)(void *user, const struct pomi_s3_entry *entry,
                                                      struct pom_error *err),
                             void *user, struct pom_error *err);

/* ---- upload as a stream ---- */

/* An object that is written piece by piece: up to one part it is a single PUT, beyond that a multipart upload whose
 * parts go out while the next is being filled, at most four at a time. It appears when finished, whole, or never. One
 * thread at a time. */
struct pomi_s3_upload;

/* Sends nothing yet. `options` as in pomi_s3_put. */
enum pom_status pomi_s3_upload_new(struct pomi_s3_upload **upload, struct pomi_s3 *client, const char *bucket,
                                   const char *key, const struct pomi_s3_put_options *options,
                                   struct pom_error *err);
enum pom_status pomi_s3_upload_write(struct pomi_s3_upload *upload, struct pomi_view content,
                                     struct pom_error *err);

/* Completes the object. In every case the upload is over and freed; when this fails, nothing is left on the server. */
enum pom_status pomi_s3_upload_finish(struct pomi_s3_upload *upload, struct pom_error *err);

/* Gives up: parts that were sent are removed. NULL is fine. */
void pomi_s3_upload_abort(struct pomi_s3_upload *upload);

/* Sends a local file as an object, by the same rules. */
enum pom_status pomi_s3_upload_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                    const char *file, const struct pomi_s3_put_options *options,
                                    struct pom_error *err);

/* Aborts multipart uploads below `prefix` that a process which is gone left open; *n_aborted may be NULL. */
enum pom_status pomi_s3_abort_uploads(struct pomi_s3 *client, const char *bucket, const char *prefix,
                                      int64_t *n_aborted, struct pom_error *err);

/* Writes an object to a local file that the caller makes and removes, several ranges at a time. */
enum pom_status pomi_s3_download_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                      const char *file, struct pom_error *err);

/* ---- many objects, fetched ahead ---- */

/*
 * Fetches a list of objects in its order, ahead of those who take them: as many at once as the connections allow, and
 * no more than max_in_flight_bytes of them fetched or being fetched but not yet taken. Whoever takes an object that
 * is not begun yet begins it, whatever is in flight, so nobody can wait for a place that another keeps: memory is at
 * most max_in_flight_bytes plus one object for each taking thread.
 */
struct pomi_s3_fetch;

struct pomi_s3_wanted {
    const char *bucket, *key;
    int64_t size_bytes;         /* from the listing; -1: unknown, taken for 1 MiB until it is known */
    struct pomi_s3_range range; /* the part that is wanted; size_bytes 0: all of it */
};

/* Asks the caller for object `index`; called from pomi_s3_fetch_new and from taking threads, one at a time. What it
 * points to stays valid until pomi_s3_fetch_free. Returns false for an index that is not to be fetched (a photo that
 * is done, or not on S3): taking it is then the caller's mistake. */
typedef bool (*pomi_s3_wanted_at)(void *user, size_t index, struct pomi_s3_wanted *wanted);

enum pom_status pomi_s3_fetch_new(struct pomi_s3_fetch **fetch, struct pomi_s3 *client,
                                  pomi_s3_wanted_at wanted_at, void *user, size_t n_objects,
                                  size_t max_object_bytes, struct pom_error *err);

/* Waits for object `index` and moves it into `bytes` (whose memory is given up). Each index once; by any thread, in
 * roughly ascending order: what was skipped keeps its place among the bytes in flight. */
enum pom_status pomi_s3_fetch_take(struct pomi_s3_fetch *fetch, size_t index, struct pomi_bytes *bytes,
                                   struct pomi_s3_facts *facts, struct pom_error *err);

/* Stops what is in flight. Before pomi_s3_free; nobody may be taking any more. NULL is fine. */
void pomi_s3_fetch_free(struct pomi_s3_fetch *fetch);

/* ---- what it came to ---- */

enum pomi_s3_kind {
    POMI_S3_LIST,   /* ListObjectsV2, ListMultipartUploads */
    POMI_S3_GET,    /* GetObject */
    POMI_S3_HEAD,   /* HeadObject, HeadBucket */
    POMI_S3_PUT,    /* PutObject */
    POMI_S3_COPY,   /* CopyObject */
    POMI_S3_UPLOAD, /* CreateMultipartUpload, UploadPart, CompleteMultipartUpload */
    POMI_S3_DELETE, /* DeleteObject, AbortMultipartUpload: free of charge */
    POMI_S3_N_KINDS
};

/* "list", "get", ... */
const char *pomi_s3_kind_name(enum pomi_s3_kind kind);

/* Counts attempts, since those are what is billed; bodies without headers. */
struct pomi_s3_statistics {
    int64_t n_requests[POMI_S3_N_KINDS];
    int64_t received_bytes, sent_bytes;
    int64_t n_retries;   /* of all requests together */
    int64_t n_throttled; /* SlowDown, 503, 429 */
    int n_connections;   /* that the loop allows at this moment */
    int most_connections;
};

void pomi_s3_statistics(struct pomi_s3 *client, struct pomi_s3_statistics *statistics);

struct pomi_s3_bucket {
    const char *name;
    const char *region; /* "" while unknown */
    int64_t n_requests[POMI_S3_N_KINDS];
    int64_t received_bytes, sent_bytes;
};

/* Each bucket that was spoken to; what it gets is valid during the call, in which no function of the client may be
 * used. */
void pomi_s3_visit_buckets(struct pomi_s3 *client,
                           void (*visit)(void *user, const struct pomi_s3_bucket *bucket), void *user);

/* The bucket's region, by a HeadBucket when no answer has told it yet; "" when the server has no such notion. */
enum pom_status pomi_s3_bucket_region(struct pomi_s3 *client, const char *bucket, char region[64],
                                      struct pom_error *err);

#endif
