// SPDX-License-Identifier: Apache-2.0
/*
 * Objects written as a stream. While it fits into one part nothing is sent; then parts go out, at most N_FLYING at a
 * time, each with a buffer of its own, so memory is (N_FLYING + 1) parts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "s3/client.h"

#define N_FLYING          4
#define MAX_PARTS         10000
#define GROW_EVERY_PARTS  1000 /* so that 10,000 parts reach S3's 5 TiB: the part size doubles */
#define UPLOAD_PERMISSION "s3:PutObject"

struct flight {
    bool is_flying;
    struct pomi_bytes content;
    char number[12], checksum[POMI_CHECKSUM_TEXT_BYTES];
    int part; /* from 1 */
    struct pomi_s3_request request;
};

struct part {
    char etag[136];
    char checksum[POMI_CHECKSUM_TEXT_BYTES]; /* "": none */
};

struct pomi_s3_upload {
    struct pomi_s3 *client;
    char *bucket, *key, *content_type, *if_match, *id;
    bool if_none_match;
    size_t part_bytes;
    struct pomi_bytes buffer;
    struct flight flights[N_FLYING];
    int n_parts; /* begun */
    struct part *parts;
    size_t parts_capacity;
    enum pom_status status; /* of the first part that failed */
    struct pom_error error;
};

enum pom_status pomi_s3_upload_new(struct pomi_s3_upload **upload, struct pomi_s3 *client, const char *bucket,
                                   const char *key, const struct pomi_s3_put_options *options,
                                   struct pom_error *err)
{
    struct pomi_s3_upload *made = calloc(1, sizeof *made);
    *upload = NULL;
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "an upload");
    const char *type =
        options != NULL && options->content_type != NULL ? options->content_type : "application/octet-stream";
    made->client = client;
    made->part_bytes = client->options.upload_part_bytes;
    made->bucket = strdup(bucket);
    made->key = strdup(key);
    made->content_type = strdup(type);
    made->if_none_match = options != NULL && options->if_none_match;
    bool has_match = options != NULL && options->if_match != NULL;
    if (has_match) made->if_match = strdup(options->if_match);
    if (made->bucket == NULL || made->key == NULL || made->content_type == NULL ||
        (has_match && made->if_match == NULL)) {
        pomi_s3_upload_abort(made);
        return pomi_fail_memory(err, strlen(key), "an upload");
    }
    *upload = made;
    return POM_OK;
}

/* ---- parts ---- */

static void land(struct pomi_s3_upload *upload, struct flight *flight)
{
    if (!flight->is_flying) return;
    struct pom_error why = {0};
    enum pom_status status = pomi_s3_wait(upload->client, &flight->request, &why);
    if (status == POM_OK) {
        struct part *part = &upload->parts[flight->part - 1];
        strcpy(part->etag, flight->request.facts.etag);
        strcpy(part->checksum, flight->checksum);
    } else if (upload->status == POM_OK) {
        upload->status = status;
        upload->error = why;
    }
    pomi_s3_request_release(&flight->request);
    flight->is_flying = false;
}

static void land_all(struct pomi_s3_upload *upload)
{
    for (int i = 0; i < N_FLYING; i++) land(upload, &upload->flights[i]);
}

static enum pom_status on_create(void *user, const char *path, const char *text, struct pom_error *err)
{
    struct pomi_s3_upload *upload = user;
    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0 || upload->id != NULL) return POM_OK;
    upload->id = strdup(text);
    return upload->id != NULL ? POM_OK : pomi_fail_memory(err, strlen(text), "an upload");
}

static enum pom_status create(struct pomi_s3_upload *upload, struct pom_error *err)
{
    struct pomi_s3_request request;
    POMI_TRY(pomi_s3_request_init(&request, upload->client, POMI_S3_UPLOAD, "POST", UPLOAD_PERMISSION,
                                  upload->bucket, upload->key, err));
    pomi_s3_add_query(&request, "uploads", "");
    pomi_s3_add_header(&request, "content-type", upload->content_type);
    if (upload->client->with_request_checksums)
        pomi_s3_add_header(&request, "x-amz-checksum-algorithm", "SHA256");
    enum pom_status status = pomi_s3_perform(upload->client, &request, err);
    if (status == POM_OK) status = pomi_xml_read(pomi_bytes_view(&request.content), on_create, upload, err);
    if (status == POM_ERROR_FORMAT || (status == POM_OK && (upload->id == NULL || upload->id[0] == '\0'))) {
        status =
            pomi_s3_fail(&request, POM_ERROR_IO, "bad_answer", "the service began an upload without an id");
        if (err != NULL) *err = request.error;
    }
    pomi_s3_request_release(&request);
    return status;
}

static enum pom_status make_room_for_part(struct pomi_s3_upload *upload, struct pom_error *err)
{
    if (upload->n_parts == MAX_PARTS)
        return pomi_fail(err, POM_ERROR_LIMIT, "file_too_large",
                         "s3://%s/%.300s: an upload has at most %d parts", upload->bucket, upload->key,
                         MAX_PARTS);
    if ((size_t)upload->n_parts < upload->parts_capacity) return POM_OK;
    size_t capacity = upload->parts_capacity * 2 + 64;
    struct part *more = realloc(upload->parts, capacity * sizeof *more);
    if (more == NULL) return pomi_fail_memory(err, capacity * sizeof *more, "an upload");
    upload->parts = more;
    upload->parts_capacity = capacity;
    return POM_OK;
}

/* Sends the buffer as the next part, once the flight that used its place has landed. */
static enum pom_status send_part(struct pomi_s3_upload *upload, struct pom_error *err)
{
    struct flight *flight = &upload->flights[upload->n_parts % N_FLYING];
    land(upload, flight);
    if (upload->status != POM_OK) {
        if (err != NULL) *err = upload->error;
        return upload->status;
    }
    if (upload->id == NULL) POMI_TRY(create(upload, err));
    POMI_TRY(make_room_for_part(upload, err));
    POMI_TRY(pomi_s3_request_init(&flight->request, upload->client, POMI_S3_UPLOAD, "PUT", UPLOAD_PERMISSION,
                                  upload->bucket, upload->key, err));
    struct pomi_bytes emptied = flight->content;
    flight->content = upload->buffer;
    upload->buffer = emptied;
    upload->buffer.size_bytes = 0;
    flight->part = ++upload->n_parts;
    upload->parts[flight->part - 1] = (struct part){"", ""};
    snprintf(flight->number, sizeof flight->number, "%d", flight->part);
    pomi_s3_set_body(&flight->request, pomi_bytes_view(&flight->content));
    pomi_s3_add_query(&flight->request, "partNumber", flight->number);
    pomi_s3_add_query(&flight->request, "uploadId", upload->id);
    flight->checksum[0] = '\0';
    if (upload->client->with_request_checksums) {
        pomi_checksum_of_hex(flight->request.body_hash, flight->checksum);
        pomi_s3_add_header(&flight->request, "x-amz-checksum-sha256", flight->checksum);
    }
    flight->is_flying = true;
    pomi_s3_submit(upload->client, &flight->request);
    if (upload->n_parts % GROW_EVERY_PARTS == 0) upload->part_bytes *= 2;
    return POM_OK;
}

enum pom_status pomi_s3_upload_write(struct pomi_s3_upload *upload, struct pomi_view content,
                                     struct pom_error *err)
{
    while (content.size_bytes > 0) {
        /* Only when there is more than one part's worth does the single PUT become a multipart upload. */
        if (upload->buffer.size_bytes >= upload->part_bytes) POMI_TRY(send_part(upload, err));
        size_t room = upload->part_bytes - upload->buffer.size_bytes;
        size_t n_bytes = content.size_bytes < room ? content.size_bytes : room;
        POMI_TRY(pomi_bytes_append(&upload->buffer, content.data, n_bytes, err));
        content.data += n_bytes;
        content.size_bytes -= n_bytes;
    }
    return POM_OK;
}

/* ---- the end ---- */

static enum pom_status list_parts(const struct pomi_s3_upload *upload, struct pomi_bytes *document,
                                  struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(document, err,
                              "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
    for (int i = 0; i < upload->n_parts; i++) {
        const struct part *part = &upload->parts[i];
        POMI_TRY(pomi_bytes_print(document, err, "<Part><PartNumber>%d</PartNumber><ETag>", i + 1));
        for (const char *c = part->etag; *c != '\0'; c++)
            POMI_TRY(pomi_bytes_print(document, err, "%.*s", *c == '<' || *c == '&' ? 0 : 1, c));
        POMI_TRY(pomi_bytes_print(document, err, "</ETag>"));
        if (part->checksum[0] != '\0')
            POMI_TRY(pomi_bytes_print(document, err, "<ChecksumSHA256>%s</ChecksumSHA256>", part->checksum));
        POMI_TRY(pomi_bytes_print(document, err, "</Part>"));
    }
    return pomi_bytes_print(document, err, "</CompleteMultipartUpload>");
}

static void abort_upload(struct pomi_s3_upload *upload)
{
    struct pomi_s3_request request;
    land_all(upload);
    if (upload->id == NULL ||
        pomi_s3_request_init(&request, upload->client, POMI_S3_DELETE, "DELETE", "s3:AbortMultipartUpload",
                             upload->bucket, upload->key, NULL) != POM_OK)
        return;
    request.ignores_cancel = true;
    pomi_s3_add_query(&request, "uploadId", upload->id);
    pomi_s3_perform(upload->client, &request, NULL);
    pomi_s3_request_release(&request);
}

static enum pom_status complete(struct pomi_s3_upload *upload, struct pom_error *err)
{
    struct pomi_s3_request request;
    struct pomi_bytes document = {0};
    land_all(upload);
    if (upload->status != POM_OK) {
        if (err != NULL) *err = upload->error;
        return upload->status;
    }
    POMI_TRY(pomi_s3_request_init(&request, upload->client, POMI_S3_UPLOAD, "POST", UPLOAD_PERMISSION,
                                  upload->bucket, upload->key, err));
    enum pom_status status = list_parts(upload, &document, err);
    if (status == POM_OK) {
        request.is_slow = request.fails_late = true;
        pomi_s3_set_body(&request, pomi_bytes_view(&document));
        pomi_s3_add_query(&request, "uploadId", upload->id);
        pomi_s3_add_header(&request, "content-type", "application/xml");
        if (upload->if_none_match) pomi_s3_add_header(&request, "if-none-match", "*");
        if (upload->if_match != NULL) pomi_s3_add_header(&request, "if-match", upload->if_match);
        struct pom_error why = {0};
        status = pomi_s3_perform(upload->client, &request, &why);
        /* The answer to the attempt that completed it got lost: now there is no such upload, but the object. */
        bool is_gone = status == POM_ERROR_NOT_FOUND || status == POM_ERROR_EXISTS;
        struct pomi_s3_facts facts;
        char ending[16];
        snprintf(ending, sizeof ending, "-%d\"", upload->n_parts);
        if (is_gone && request.is_uncertain &&
            pomi_s3_head(upload->client, upload->bucket, upload->key, &facts, NULL) == POM_OK &&
            strlen(facts.etag) > strlen(ending) &&
            strcmp(facts.etag + strlen(facts.etag) - strlen(ending), ending) == 0)
            status = POM_OK;
        if (status != POM_OK && err != NULL) *err = why;
    }
    pomi_bytes_release(&document);
    pomi_s3_request_release(&request);
    return status;
}

static void release(struct pomi_s3_upload *upload)
{
    for (int i = 0; i < N_FLYING; i++) pomi_bytes_release(&upload->flights[i].content);
    pomi_bytes_release(&upload->buffer);
    free(upload->parts);
    free(upload->bucket);
    free(upload->key);
    free(upload->content_type);
    free(upload->if_match);
    free(upload->id);
    free(upload);
}

enum pom_status pomi_s3_upload_finish(struct pomi_s3_upload *upload, struct pom_error *err)
{
    enum pom_status status;
    if (upload->n_parts == 0) {
        const struct pomi_s3_put_options options = {upload->content_type, upload->if_none_match,
                                                    upload->if_match};
        status = pomi_s3_put(upload->client, upload->bucket, upload->key, pomi_bytes_view(&upload->buffer),
                             &options, NULL, err);
    } else {
        status = upload->buffer.size_bytes > 0 ? send_part(upload, err) : POM_OK;
        if (status == POM_OK) status = complete(upload, err);
        if (status != POM_OK) abort_upload(upload);
    }
    release(upload);
    return status;
}

void pomi_s3_upload_abort(struct pomi_s3_upload *upload)
{
    if (upload == NULL) return;
    abort_upload(upload);
    release(upload);
}

/* ---- a file ---- */

static enum pom_status send_file(struct pomi_s3_upload *upload, int from, const char *file,
                                 struct pom_error *err)
{
    struct pomi_bytes block = {0};
    enum pom_status status = pomi_bytes_reserve(&block, (size_t)1 << 20, err);
    while (status == POM_OK) {
        ssize_t n = read(from, block.data, block.capacity_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) status = pomi_fail(err, POM_ERROR_IO, "io", "cannot read %s: %s", file, strerror(errno));
        if (n <= 0) break;
        status = pomi_s3_upload_write(upload, (struct pomi_view){block.data, (size_t)n}, err);
    }
    pomi_bytes_release(&block);
    return status;
}

enum pom_status pomi_s3_upload_file(struct pomi_s3 *client, const char *bucket, const char *key,
                                    const char *file, const struct pomi_s3_put_options *options,
                                    struct pom_error *err)
{
    struct pomi_s3_upload *upload;
    int from = open(file, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return pomi_fail(err, errno == ENOENT ? POM_ERROR_NOT_FOUND : POM_ERROR_IO,
                         errno == ENOENT ? "not_found" : "unreadable", "cannot read %s: %s", file,
                         strerror(errno));
    enum pom_status status = pomi_s3_upload_new(&upload, client, bucket, key, options, err);
    if (status == POM_OK) {
        status = send_file(upload, from, file, err);
        if (status == POM_OK)
            status = pomi_s3_upload_finish(upload, err);
        else
            pomi_s3_upload_abort(upload);
    }
    close(from);
    return status;
}
