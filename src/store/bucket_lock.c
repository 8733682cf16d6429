// SPDX-License-Identifier: Apache-2.0
/*
 * The lock of a folder on S3: the object FOLDER/_lock, which says whose it is.
 *
 *     {"process": 4711, "started": "812345", "machine": "BOOT-ID PID-NAMESPACE", "host": "laptop", "since": "2026-01-31T12:00:00Z"}
 *
 * It is put there on the condition that there is none, taken over on the condition that it is still the one that was read,
 * and recognised later by its ETag, so two processes never both believe that it is theirs.
 */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/bucket.h"
#include "store/machine.h"

#define LOCK_MAX_BYTES 4096

struct bucket_lock {
    struct pomi_store_lock lock; /* first */
    struct pomi_s3 *client;
    struct pomi_s3_path parts;
    char *path; /* parts.key points into it */
    char etag[sizeof((struct pomi_s3_facts *)NULL)->etag];
};

/* --- whose it is --- */

/* When the process began, in the kernel's own count: process ids come back, this does not. "" when it is gone. */
static void when_started(long process, char *started, size_t started_bytes)
{
    char path[64], line[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", process);
    pomi_machine_read_line(path, line, sizeof line);
    const char *at = strrchr(line, ')'); /* the program's name, which comes before, may hold anything */
    for (int field = 2; at != NULL && field < 22; field++) {
        at = strchr(at, ' ');
        if (at != NULL) at++;
    }
    snprintf(started, started_bytes, "%.*s", at != NULL ? (int)strcspn(at, " ") : 0, at != NULL ? at : "");
}

static char *describe_process(void)
{
    char machine[160], started[32], host[128] = "", since[32];
    struct tm utc;
    time_t now = time(NULL);
    pomi_machine_name(machine, sizeof machine);
    when_started((long)getpid(), started, sizeof started);
    gethostname(host, sizeof host - 1);
    gmtime_r(&now, &utc);
    strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &utc);
    json_t *owner = json_pack("{s:I, s:s, s:s, s:s, s:s}", "process", (json_int_t)getpid(), "started",
                              started, "machine", machine, "host", host, "since", since);
    char *text = owner != NULL ? json_dumps(owner, JSON_INDENT(2)) : NULL;
    json_decref(owner);
    return text;
}

static const char *text_of(const json_t *owner, const char *name)
{
    const char *text = json_string_value(json_object_get(owner, name));
    return text != NULL ? text : "?";
}

/* Whether its process ran here and does not any more. */
static bool is_gone(const json_t *owner)
{
    char machine[160], started[32];
    pomi_machine_name(machine, sizeof machine);
    long process = (long)json_integer_value(json_object_get(owner, "process"));
    if (process <= 0 || strcmp(machine, text_of(owner, "machine")) != 0) return false;
    when_started(process, started, sizeof started);
    return strcmp(started, text_of(owner, "started")) != 0;
}

/* --- taking it --- */

static enum pom_status refuse(const char *folder, const json_t *owner, struct pom_error *err)
{
    return pomi_fail(
        err, POM_ERROR_EXISTS, "locked",
        "another pomona is writing to %s: process %lld on %s, since %s; wait for it or choose another "
        "output. If you know that it is gone (killed, its machine lost), go on with --take-over",
        folder, (long long)json_integer_value(json_object_get(owner, "process")), text_of(owner, "host"),
        text_of(owner, "since"));
}

/* A lock is there: takes it over when that is right. */
static enum pom_status take_over(struct bucket_lock *made, struct pomi_store *store, const char *folder,
                                 struct pomi_view content, struct pomi_s3_facts *facts, struct pom_error *err)
{
    struct pomi_bytes text = {0};
    enum pom_status status = pomi_s3_get(made->client, made->parts.bucket, made->parts.key, NULL,
                                         LOCK_MAX_BYTES, &text, facts, err);
    json_t *owner = status == POM_OK ? json_loadb((const char *)text.data, text.size_bytes, 0, NULL) : NULL;
    if (status == POM_OK && !pomi_store_s3_options(store)->take_over && !is_gone(owner))
        status = refuse(folder, owner, err);
    struct pomi_s3_put_options options = {.content_type = "application/json", .if_match = facts->etag};
    if (status == POM_OK)
        status =
            pomi_s3_put(made->client, made->parts.bucket, made->parts.key, content, &options, facts, err);
    if (status == POM_ERROR_MISMATCH || status == POM_ERROR_NOT_FOUND) /* another one was faster */
        status = refuse(folder, owner, err);
    json_decref(owner);
    pomi_bytes_release(&text);
    return status;
}

static enum pom_status put_lock(struct bucket_lock *made, struct pomi_store *store, const char *folder,
                                struct pom_error *err)
{
    struct pomi_s3_put_options options = {.content_type = "application/json", .if_none_match = true};
    struct pomi_s3_facts facts = {0};
    char *text = describe_process();
    if (text == NULL) return pomi_fail_memory(err, 0, "a lock");
    struct pomi_view content = {(const uint8_t *)text, strlen(text)};
    enum pom_status status =
        pomi_s3_put(made->client, made->parts.bucket, made->parts.key, content, &options, &facts, err);
    if (status == POM_ERROR_EXISTS) status = take_over(made, store, folder, content, &facts, err);
    memcpy(made->etag, facts.etag, sizeof made->etag);
    free(text);
    return status;
}

static enum pom_status check(struct pomi_store_lock *lock, struct pom_error *err)
{
    struct bucket_lock *held = (struct bucket_lock *)lock;
    struct pomi_s3_facts facts = {0};
    struct pom_error told = {0};
    enum pom_status status = pomi_s3_head(held->client, held->parts.bucket, held->parts.key, &facts, &told);
    if (status == POM_OK && strcmp(facts.etag, held->etag) == 0) return POM_OK;
    if (status != POM_OK && status != POM_ERROR_NOT_FOUND) {
        if (err != NULL) *err = told;
        return status;
    }
    return pomi_fail(err, POM_ERROR_IO, "lock_lost",
                     "%s is no longer this run's: another one has taken over its output, so this one stops",
                     held->path);
}

static void free_lock(struct bucket_lock *lock)
{
    free(lock->path);
    free(lock);
}

/* One that is no longer ours stays. */
static enum pom_status unlock(struct pomi_store_lock *lock, struct pom_error *err)
{
    struct bucket_lock *held = (struct bucket_lock *)lock;
    enum pom_status status = POM_OK;
    if (check(lock, NULL) == POM_OK)
        status = pomi_s3_delete(held->client, held->parts.bucket, held->parts.key, err);
    free_lock(held);
    return status;
}

enum pom_status pomi_bucket_lock(struct pomi_store *store, struct pomi_store_lock **lock, const char *folder,
                                 struct pom_error *err)
{
    struct pomi_bucket_path at;
    struct bucket_lock *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "a lock");
    made->lock = (struct pomi_store_lock){check, unlock};
    made->path = pomi_store_join(folder, "_lock");
    enum pom_status status = made->path == NULL ? pomi_fail_memory(err, 0, "a file name")
                                                : pomi_bucket_enter(&at, store, made->path, err);
    if (status == POM_OK) {
        made->client = at.client;
        made->parts = at.parts;
        status = put_lock(made, store, folder, err);
    }
    if (status == POM_OK)
        *lock = &made->lock;
    else
        free_lock(made);
    return status;
}
