// SPDX-License-Identifier: Apache-2.0
/*
 * The S3 client as a program, for tests that need a server beside it:
 *
 *     s3_tool [NAME=VALUE]... CALL BUCKET [ARGUMENT]...
 *
 *     get KEY [OFFSET SIZE]     head KEY     put KEY FILE [none-match|ETAG]     copy KEY TO     delete KEY
 *     list PREFIX [DELIMITER] [MAX] [AFTER] [LAST]                              download KEY FILE
 *     upload KEY FILE [none-match]           region       abort PREFIX          abandon KEY FILE
 *     fetch THREADS KEY...                   tree PREFIX, as the store lists a folder
 *
 * NAME is a field of the options. Prints what came, then "STATUS REASON" and the counts; the message goes to stderr.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "s3/s3.h"
#include "store/store.h"

#define MAX_BYTES ((size_t)64 << 20)

static struct pomi_s3 *client;

static void set_option(struct pomi_s3_options *options, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **text;
        int *number;
        size_t *size;
        bool *flag;
    } known[] = {
        {"region", &options->region, NULL, NULL, NULL},
        {"endpoint_url", &options->endpoint_url, NULL, NULL, NULL},
        {"profile", &options->profile, NULL, NULL, NULL},
        {"ca_bundle", &options->ca_bundle, NULL, NULL, NULL},
        {"request_payer", &options->request_payer, NULL, NULL, NULL},
        {"no_sign_request", NULL, NULL, NULL, &options->no_sign_request},
        {"max_connections", NULL, &options->max_connections, NULL, NULL},
        {"max_in_flight_bytes", NULL, NULL, &options->max_in_flight_bytes, NULL},
        {"upload_part_bytes", NULL, NULL, &options->upload_part_bytes, NULL},
        {"unsigned_payload", NULL, NULL, NULL, &options->unsigned_payload},
        {"without_checksums", NULL, NULL, NULL, &options->without_checksums},
        {"max_attempts", NULL, &options->max_attempts, NULL, NULL},
        {"request_timeout_ms", NULL, &options->request_timeout_ms, NULL, NULL},
        {"connect_timeout_ms", NULL, &options->connect_timeout_ms, NULL, NULL},
        {"stall_timeout_ms", NULL, &options->stall_timeout_ms, NULL, NULL},
        {"backoff_ms", NULL, &options->backoff_ms, NULL, NULL},
        {"backoff_max_ms", NULL, &options->backoff_max_ms, NULL, NULL},
        {"retry_budget", NULL, &options->retry_budget, NULL, NULL},
    };
    if (strcmp(name, "addressing") == 0) {
        options->addressing =
            strcmp(value, "virtual") == 0 ? POMI_S3_ADDRESSING_VIRTUAL : POMI_S3_ADDRESSING_PATH;
        return;
    }
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        if (known[i].text != NULL) *known[i].text = value;
        if (known[i].number != NULL) *known[i].number = atoi(value);
        if (known[i].size != NULL) *known[i].size = strtoull(value, NULL, 10);
        if (known[i].flag != NULL) *known[i].flag = atoi(value) != 0;
        return;
    }
    fprintf(stderr, "no option %s\n", name);
    exit(2);
}

static void show_bytes(const char *name, const struct pomi_bytes *bytes)
{
    char hash[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text(bytes->data, bytes->size_bytes, hash);
    printf("%s %zu bytes %s\n", name, bytes->size_bytes, hash);
}

static enum pom_status show_entry(void *user, const struct pomi_s3_entry *entry, struct pom_error *err)
{
    (void)err;
    if (++*(long *)user > 2000) return POM_OK; /* counted, not shown */
    if (entry->is_prefix)
        printf("prefix %s\n", entry->key);
    else
        printf("key %s %lld%s\n", entry->key, (long long)entry->size_bytes,
               entry->is_archived ? " archived" : "");
    return POM_OK;
}

/* ---- fetch, by several threads ---- */

struct fetching {
    struct pomi_s3_fetch *fetch;
    const char *bucket;
    char **keys;
    size_t n_keys, next;
    pthread_mutex_t lock;
    int n_failed;
};

static bool wanted_at(void *user, size_t index, struct pomi_s3_wanted *wanted)
{
    const struct fetching *fetching = user;
    *wanted = (struct pomi_s3_wanted){fetching->bucket, fetching->keys[index], -1, {0, 0}};
    return strcmp(fetching->keys[index], "-") != 0;
}

static void *take(void *user)
{
    struct fetching *fetching = user;
    struct pomi_bytes bytes = {0};
    for (;;) {
        struct pom_error err = {0};
        pthread_mutex_lock(&fetching->lock);
        size_t index = fetching->next++;
        pthread_mutex_unlock(&fetching->lock);
        if (index >= fetching->n_keys) break;
        if (strcmp(fetching->keys[index], "-") == 0) continue;
        enum pom_status status = pomi_s3_fetch_take(fetching->fetch, index, &bytes, NULL, &err);
        pthread_mutex_lock(&fetching->lock);
        if (status == POM_OK)
            show_bytes(fetching->keys[index], &bytes);
        else
            printf("%s %s\n", fetching->keys[index], err.reason);
        fetching->n_failed += status != POM_OK;
        pthread_mutex_unlock(&fetching->lock);
    }
    pomi_bytes_release(&bytes);
    return NULL;
}

static enum pom_status fetch(const char *bucket, int n_threads, char **keys, size_t n_keys,
                             struct pom_error *err)
{
    pthread_t threads[64];
    struct fetching fetching = {.bucket = bucket, .keys = keys, .n_keys = n_keys};
    pthread_mutex_init(&fetching.lock, NULL);
    if (n_threads > 64) n_threads = 64;
    POMI_TRY(pomi_s3_fetch_new(&fetching.fetch, client, wanted_at, &fetching, n_keys, MAX_BYTES, err));
    for (int i = 0; i < n_threads; i++) pthread_create(&threads[i], NULL, take, &fetching);
    for (int i = 0; i < n_threads; i++) pthread_join(threads[i], NULL);
    pomi_s3_fetch_free(fetching.fetch);
    printf("%d failed\n", fetching.n_failed);
    return POM_OK;
}

/* ---- a folder ---- */

static enum pom_status tree(const char *bucket, const char *prefix, struct pom_error *err)
{
    char path[1024];
    struct pomi_store *store;
    struct pomi_store_listing listing;
    snprintf(path, sizeof path, "s3://%s/%s", bucket, prefix);
    POMI_TRY(pomi_store_new(&store, NULL, err));
    enum pom_status status = pomi_store_list(store, path, NULL, NULL, &listing, err);
    size_t n_rising = 0;
    for (size_t i = 0; status == POM_OK && i < listing.n_entries; i++)
        n_rising += i == 0 || strcmp(listing.entries[i - 1].path, listing.entries[i].path) < 0;
    if (status == POM_OK) printf("%zu entries, %zu rising\n", listing.n_entries, n_rising);
    pomi_store_listing_release(&listing);
    pomi_store_free(store);
    return status;
}

/* ---- the calls ---- */

static enum pom_status read_file(const char *path, struct pomi_bytes *bytes, struct pom_error *err)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) return pomi_fail(err, POM_ERROR_IO, "io", "cannot read %s", path);
    enum pom_status status = pomi_bytes_reserve(bytes, MAX_BYTES, err);
    if (status == POM_OK) bytes->size_bytes = fread(bytes->data, 1, MAX_BYTES, file);
    fclose(file);
    return status;
}

static enum pom_status upload(const char *bucket, const char *key, const char *file, bool is_abandoned,
                              struct pom_error *err)
{
    struct pomi_s3_upload *made;
    struct pomi_bytes content = {0};
    POMI_TRY(read_file(file, &content, err));
    enum pom_status status = pomi_s3_upload_new(&made, client, bucket, key, NULL, err);
    if (status == POM_OK) status = pomi_s3_upload_write(made, pomi_bytes_view(&content), err);
    pomi_bytes_release(&content);
    if (is_abandoned && status == POM_OK) {
        fflush(stdout);
        _Exit(0); /* as kill -9 would */
    }
    pomi_s3_upload_abort(made);
    return status;
}

static enum pom_status call(const char *name, const char *bucket, char **words, int n, struct pom_error *err)
{
    struct pomi_bytes bytes = {0};
    struct pomi_s3_facts facts = {0};
    enum pom_status status = POM_ERROR_ARGUMENT;
    if (strcmp(name, "get") == 0) {
        struct pomi_s3_range range = {n > 1 ? atoll(words[1]) : 0, n > 2 ? atoll(words[2]) : 0};
        status = pomi_s3_get(client, bucket, words[0], n > 2 ? &range : NULL, MAX_BYTES, &bytes, &facts, err);
        if (status == POM_OK) show_bytes(words[0], &bytes);
        if (status == POM_OK) printf("size %lld etag %s\n", (long long)facts.size_bytes, facts.etag);
    } else if (strcmp(name, "head") == 0) {
        status = pomi_s3_head(client, bucket, words[0], &facts, err);
        if (status == POM_OK)
            printf("size %lld etag %s %s\n", (long long)facts.size_bytes, facts.etag,
                   facts.modified_s > 0 ? "dated" : "undated");
    } else if (strcmp(name, "put") == 0) {
        struct pomi_s3_put_options options = {0};
        options.if_none_match = n > 2 && strcmp(words[2], "none-match") == 0;
        if (n > 2 && !options.if_none_match) options.if_match = words[2];
        status = read_file(words[1], &bytes, err);
        if (status == POM_OK)
            status = pomi_s3_put(client, bucket, words[0], pomi_bytes_view(&bytes), &options, &facts, err);
        if (status == POM_OK) printf("etag %s\n", facts.etag);
    } else if (strcmp(name, "copy") == 0) {
        status = pomi_s3_copy(client, bucket, words[0], bucket, words[1], err);
    } else if (strcmp(name, "delete") == 0) {
        status = pomi_s3_delete(client, bucket, words[0], err);
    } else if (strcmp(name, "list") == 0) {
        long n_entries = 0;
        const struct pomi_s3_list_options options = {
            .delimiter = n > 1 && words[1][0] != '\0' ? words[1] : NULL,
            .max_keys = n > 2 ? atoll(words[2]) : 0,
            .after = n > 3 ? words[3] : NULL,
            .last = n > 4 ? words[4] : NULL,
        };
        status = pomi_s3_list(client, bucket, n > 0 ? words[0] : "", &options, show_entry, &n_entries, err);
        printf("%ld entries\n", n_entries);
    } else if (strcmp(name, "upload") == 0) {
        struct pomi_s3_put_options options = {.if_none_match = n > 2};
        status = pomi_s3_upload_file(client, bucket, words[0], words[1], &options, err);
    } else if (strcmp(name, "abandon") == 0 || strcmp(name, "upload-abort") == 0) {
        status = upload(bucket, words[0], words[1], name[0] == 'a', err);
    } else if (strcmp(name, "download") == 0) {
        status = pomi_s3_download_file(client, bucket, words[0], words[1], err);
    } else if (strcmp(name, "abort") == 0) {
        int64_t n_aborted = 0;
        status = pomi_s3_abort_uploads(client, bucket, words[0], &n_aborted, err);
        printf("%lld aborted\n", (long long)n_aborted);
    } else if (strcmp(name, "region") == 0) {
        char region[64];
        status = pomi_s3_bucket_region(client, bucket, region, err);
        if (status == POM_OK) printf("region %s\n", region);
    } else if (strcmp(name, "tree") == 0) {
        status = tree(bucket, words[0], err);
    } else if (strcmp(name, "fetch") == 0) {
        status = fetch(bucket, atoi(words[0]), words + 1, (size_t)(n - 1), err);
    }
    pomi_bytes_release(&bytes);
    return status;
}

/* "cancel_after_ms=N": another thread gives up. */
static void *cancel_later(void *user)
{
    int ms = *(int *)user;
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
    pomi_s3_cancel(client);
    return NULL;
}

int main(int argc, char **argv)
{
    struct pomi_s3_options options;
    struct pom_error err = {0};
    int at = 1, cancel_after_ms = 0, n_repeats = 1, pause_ms = 0;
    pthread_t canceller;
    pomi_s3_options_init(&options);
    for (char *equals; at < argc && (equals = strchr(argv[at], '=')) != NULL; at++) {
        *equals = '\0';
        if (strcmp(argv[at], "cancel_after_ms") == 0)
            cancel_after_ms = atoi(equals + 1);
        else if (strcmp(argv[at], "repeat") == 0)
            n_repeats = atoi(equals + 1);
        else if (strcmp(argv[at], "pause_ms") == 0)
            pause_ms = atoi(equals + 1);
        else
            set_option(&options, argv[at], equals + 1);
    }
    if (argc - at < 2) return 2;
    enum pom_status status = pomi_s3_new(&client, &options, &err);
    if (status == POM_OK && cancel_after_ms > 0)
        pthread_create(&canceller, NULL, cancel_later, &cancel_after_ms);
    bool has_client = status == POM_OK;
    for (int i = 0; i < n_repeats && status == POM_OK; i++) {
        if (i > 0) nanosleep(&(struct timespec){pause_ms / 1000, pause_ms % 1000 * 1000000L}, NULL);
        status = call(argv[at], argv[at + 1], argv + at + 2, argc - at - 2, &err);
    }
    printf("%s %s\n", pom_status_name(status), status == POM_OK ? "-" : err.reason);
    if (has_client) {
        struct pomi_s3_statistics statistics;
        if (cancel_after_ms > 0) pthread_join(canceller, NULL);
        pomi_s3_statistics(client, &statistics);
        printf("requests");
        for (int kind = 0; kind < POMI_S3_N_KINDS; kind++)
            if (statistics.n_requests[kind] > 0)
                printf(" %s=%lld", pomi_s3_kind_name(kind), (long long)statistics.n_requests[kind]);
        printf(" retries=%lld throttled=%lld received=%lld sent=%lld\n", (long long)statistics.n_retries,
               (long long)statistics.n_throttled, (long long)statistics.received_bytes,
               (long long)statistics.sent_bytes);
    }
    if (status != POM_OK)
        fprintf(stderr, "%s%s\n", pomi_s3_concerns_all(&err) ? "(concerns all) " : "", err.message);
    pomi_s3_free(client);
    return status != POM_OK;
}
