// SPDX-License-Identifier: Apache-2.0
/*
 * What comes back, while it comes: the headers that matter, and the body, which a good answer adds to what earlier
 * attempts have read, as far as its range and ETag say that it goes on there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3/client.h"

#define MAX_PROBLEM_BYTES ((size_t)65536)

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
        if (pomi_s3_is_region(value)) copy(answer->region, sizeof answer->region, value);
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
