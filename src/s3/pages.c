// SPDX-License-Identifier: Apache-2.0
#include "s3/pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "s3/xml.h"

#define MAX_ENTRIES ((size_t)10000) /* S3 gives at most 1000 */

/* Along with the page: whether names are encoded, which may be said after the first of them. */
struct reader {
    struct pomi_s3_page *page;
    bool is_encoded, is_known;
    struct pomi_s3_page_entry current;
};

static enum pom_status append(struct pomi_s3_page *page, size_t *offset, const char *text,
                              struct pom_error *err)
{
    *offset = page->text.size_bytes;
    return pomi_bytes_append(&page->text, text, strlen(text) + 1, err);
}

static enum pom_status end_entry(struct reader *reader, struct pom_error *err)
{
    struct pomi_s3_page *page = reader->page;
    if (page->n_entries == MAX_ENTRIES)
        return pomi_fail(err, POM_ERROR_LIMIT, "bad_xml", "a page with more than %zu names", MAX_ENTRIES);
    if (page->n_entries == page->capacity) {
        size_t capacity = page->capacity == 0 ? 1000 : page->capacity * 2;
        struct pomi_s3_page_entry *more = realloc(page->entries, capacity * sizeof *more);
        if (more == NULL) return pomi_fail_memory(err, capacity * sizeof *more, "a listing");
        page->entries = more;
        page->capacity = capacity;
    }
    if (reader->current.key == 0)
        return pomi_fail(err, POM_ERROR_FORMAT, "bad_xml", "a listing with an entry without a name");
    page->entries[page->n_entries++] = reader->current;
    reader->current = (struct pomi_s3_page_entry){0};
    return POM_OK;
}

static enum pom_status on_element(void *user, const char *path, const char *text, struct pom_error *err)
{
    struct reader *reader = user;
    struct pomi_s3_page *page = reader->page;
    struct pomi_s3_page_entry *current = &reader->current;
    const char *slash = strchr(path, '/');
    size_t root_bytes = slash != NULL ? (size_t)(slash - path) : strlen(path);
    if (slash == NULL) {
        reader->is_known =
            strcmp(path, "ListBucketResult") == 0 || strcmp(path, "ListMultipartUploadsResult") == 0;
        return POM_OK;
    }
    const char *name = path + root_bytes + 1;
    if (strcmp(name, "IsTruncated") == 0) page->is_truncated = strcmp(text, "true") == 0;
    if (strcmp(name, "EncodingType") == 0) reader->is_encoded = strcmp(text, "url") == 0;
    if (strcmp(name, "NextContinuationToken") == 0) {
        if (strlen(text) >= sizeof page->token)
            return pomi_fail(err, POM_ERROR_LIMIT, "bad_xml", "a listing with a token of more than %zu bytes",
                             sizeof page->token - 1);
        strcpy(page->token, text);
    }
    if (strcmp(name, "Contents/Key") == 0 || strcmp(name, "Upload/Key") == 0 ||
        strcmp(name, "CommonPrefixes/Prefix") == 0) {
        current->is_prefix = strcmp(name, "CommonPrefixes/Prefix") == 0;
        return append(page, &current->key, text, err);
    }
    if (strcmp(name, "Contents/ETag") == 0) return append(page, &current->etag, text, err);
    if (strcmp(name, "Upload/UploadId") == 0) return append(page, &current->upload_id, text, err);
    if (strcmp(name, "Contents/Size") == 0) {
        char *end;
        current->size_bytes = strtoll(text, &end, 10);
        if (end == text || *end != '\0' || current->size_bytes < 0)
            return pomi_fail(err, POM_ERROR_FORMAT, "bad_xml", "a listing with the size \"%.40s\"", text);
    }
    if (strcmp(name, "Contents/LastModified") == 0) current->modified_s = pomi_time_of_iso8601(text);
    if (strcmp(name, "Contents/StorageClass") == 0)
        current->is_archived = strcmp(text, "GLACIER") == 0 || strcmp(text, "DEEP_ARCHIVE") == 0;
    if (strcmp(name, "Contents") == 0 || strcmp(name, "Upload") == 0 || strcmp(name, "CommonPrefixes") == 0)
        return end_entry(reader, err);
    return POM_OK;
}

enum pom_status pomi_s3_page_read(struct pomi_s3_page *page, struct pomi_view document, struct pom_error *err)
{
    struct reader reader = {.page = page};
    page->n_entries = 0;
    page->text.size_bytes = 0;
    page->is_truncated = false;
    page->token[0] = '\0';
    POMI_TRY(pomi_bytes_append(&page->text, "", 1, err)); /* offset 0 is the empty text */
    POMI_TRY(pomi_xml_read(document, on_element, &reader, err));
    if (!reader.is_known) return pomi_fail(err, POM_ERROR_FORMAT, "bad_xml", "XML that is no listing");
    for (size_t i = 0; reader.is_encoded && i < page->n_entries; i++)
        if (!pomi_url_decode((char *)page->text.data + page->entries[i].key))
            return pomi_fail(err, POM_ERROR_FORMAT, "bad_xml",
                             "a listing with a name that is not percent-encoded");
    return POM_OK;
}

void pomi_s3_page_release(struct pomi_s3_page *page)
{
    free(page->entries);
    pomi_bytes_release(&page->text);
    *page = (struct pomi_s3_page){0};
}
