// SPDX-License-Identifier: Apache-2.0
/* One page of ListObjectsV2 (<ListBucketResult>) or ListMultipartUploads (<ListMultipartUploadsResult>). */
#ifndef POMONA_S3_PAGES_H
#define POMONA_S3_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Texts are offsets into the page's text, where they end with a zero. */
struct pomi_s3_page_entry {
    size_t key, etag, upload_id;
    bool is_prefix, is_archived;
    int64_t size_bytes, modified_s;
};

struct pomi_s3_page {
    struct pomi_s3_page_entry *entries;
    size_t n_entries, capacity;
    struct pomi_bytes text;
    bool is_truncated;
    bool is_sorted;   /* the reader's business: whether keys must rise */
    char token[4096]; /* NextContinuationToken; "" when there is none */
};

/* Replaces what the page held; memory is used again. Errors: FORMAT ("bad_xml"), LIMIT ("bad_xml"), MEMORY. */
enum pom_status pomi_s3_page_read(struct pomi_s3_page *page, struct pomi_view document,
                                  struct pom_error *err);
void pomi_s3_page_release(struct pomi_s3_page *page);

#endif
