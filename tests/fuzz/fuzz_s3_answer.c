// SPDX-License-Identifier: Apache-2.0
/*
 * What an S3 server answers: headers a line each, an empty line, then a document, which is read as a page of names, as an
 * error and as an object's body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "s3/client.h"
#include "s3/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_page(struct pomi_view document)
{
    struct pomi_s3_page page = {0};
    if (pomi_s3_page_read(&page, document, NULL) == POM_OK) {
        if (strlen(page.token) >= sizeof page.token) abort();
        for (size_t i = 0; i < page.n_entries; i++) {
            const struct pomi_s3_page_entry *entry = &page.entries[i];
            const size_t texts[] = {entry->key, entry->etag, entry->upload_id};
            for (int t = 0; t < 3; t++)
                if (texts[t] >= page.text.size_bytes ||
                    memchr(page.text.data + texts[t], 0, page.text.size_bytes - texts[t]) == NULL)
                    abort();
            if (entry->size_bytes < 0) abort();
        }
    }
    pomi_s3_page_release(&page);
}

static void check_problem(struct pomi_view document)
{
    struct pomi_s3_problem problem;
    pomi_xml_problem(&problem, document);
    if (strlen(problem.code) >= sizeof problem.code || strlen(problem.message) >= sizeof problem.message)
        abort();
}

/* As http.c hands them on: lower-case name, value, no line breaks; the first line's status with an empty name. */
static void feed_headers(struct pomi_s3_request *request, char *text)
{
    pomi_s3_on_header(request, "", "206");
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        char *value = strchr(line, ':');
        if (value == NULL) continue;
        *value++ = '\0';
        pomi_s3_on_header(request, line, value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pomi_s3_request *request = calloc(1, sizeof *request);
    char *text = malloc(size_bytes + 1);
    if (request == NULL || text == NULL) abort();
    if (size_bytes > 0) memcpy(text, data, size_bytes);
    text[size_bytes] = '\0';
    char *body = strstr(text, "\n\n");
    struct pomi_view document = {(const uint8_t *)"", 0};
    if (body != NULL) {
        *body = '\0';
        size_t begin = (size_t)(body + 2 - text);
        document = (struct pomi_view){data + begin, size_bytes - begin};
    }
    request->max_bytes = 65536;
    request->kind = POMI_S3_GET;
    feed_headers(request, text);
    for (size_t at = 0; at < document.size_bytes; at += 1000) {
        size_t n_bytes = document.size_bytes - at < 1000 ? document.size_bytes - at : 1000;
        request->transfer.received_bytes += (int64_t)n_bytes;
        if (!pomi_s3_on_body(request, document.data + at, n_bytes)) break;
    }
    if (request->content.size_bytes > request->max_bytes) abort();
    check_page(document);
    check_problem(document);
    pomi_s3_request_release(request);
    free(request);
    free(text);
    return 0;
}
