// SPDX-License-Identifier: Apache-2.0
/*
 * What a run did on S3: requests by kind, bytes, where its buckets are, and what that costs at their regions' list prices.
 * And where it may go: pom_s3_options.require_region.
 */
#ifndef POMONA_STORE_USAGE_H
#define POMONA_STORE_USAGE_H

#include <jansson.h>

#include "store/store.h"

/* Whether the price file, if one is given, can be used. Errors: FORMAT, and those of reading it. */
enum pom_status pomi_store_check_prices(struct pomi_store *store, struct pom_error *err);

/* As the manifest has it (docs/formats.md); NULL when nothing was on S3 or memory is out. The caller owns it. */
json_t *pomi_store_usage(struct pomi_store *store);

/* Adds `other`, the usage that another process had, to `usage`: numbers add up, buckets join. NULL is fine. */
void pomi_usage_add(json_t *usage, const json_t *other);

/* The same as a sentence for people; "" when nothing was on S3. Errors: MEMORY, those of the price file. */
enum pom_status pomi_store_usage_text(struct pomi_store *store, struct pomi_bytes *text,
                                      struct pom_error *err);

/* Whether a region is within the European Union: not every region called eu- is. */
bool pomi_region_is_in_eu(const char *region);

/* Whether `region` is one of `wanted`: comma-separated names, patterns with *, or EU. */
bool pomi_region_matches(const char *region, const char *wanted);

/* US dollars for 1000 requests of each of S3's two classes, and for a gigabyte that leaves the region to the internet. */
struct pomi_s3_prices {
    double per_1000_writes; /* PUT, COPY, POST, LIST */
    double per_1000_reads;  /* GET, HEAD and others */
    double per_gb_out;
    char as_of[16]; /* 2026-01-31 */
    bool is_known;  /* false: the table does not have the region */
};

/* From the built-in table, or from the text of a price file (docs/s3.md). Errors: FORMAT. */
enum pom_status pomi_s3_prices_find(struct pomi_s3_prices *prices, const char *region, const char *file_text,
                                    size_t file_bytes, const char *name, struct pom_error *err);

#endif
