// SPDX-License-Identifier: Apache-2.0
/*
 * Where photos come from: listing them, and fetching their bytes before somebody waits for them.
 *
 * For programs that share the work of a run out by themselves, as pomona.spark does: one process lists, others fetch and
 * extract what they were given. Both work on the local disk and on s3://.
 *
 *     pom_listing_new(&listing, &options, &err);
 *     pom_fetch_new(&fetch, pom_listing_photos(listing), pom_listing_count(listing), 0, NULL, &err);
 *     pom_fetch_take(fetch, index, &data, &size_bytes, &err);                   for each index once; free(data)
 */
#ifndef POMONA_SOURCE_H
#define POMONA_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "s3.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_photo {
    const char *path;   /* as the user could open it */
    const char *label;  /* "" when there is none */
    int64_t size_bytes; /* when it was listed; -1: not known */
};

struct pom_source_options {
    const char *source; /* folder, one photo, or "@FILE", a list file with one path a line; local or s3:// */
    const char *
        glob; /* space-separated patterns on the file name, case-insensitive; NULL: *.jpg *.jpeg *.png *.webp */
    const char
        *label_from; /* "parent" (NULL): the photo's folder; "none"; "regex:EXPRESSION" with one group */
    struct pom_s3_options s3;
};

/* Defaults: as the fields say. */
POM_API void pom_source_options_init(struct pom_source_options *options);

/* The photos of a source, sorted by path bytes, each once: what a run of this source is planned on. */
struct pom_listing;

/* The caller owns *listing, and releases it with pom_listing_free, which takes NULL too. Errors: ARGUMENT (no photo
 * matches, a bad expression, a bucket outside of s3.require_region), NOT_FOUND, IO (an unreadable folder, a loop of
 * links), UNSUPPORTED (built without S3), MEMORY. */
POM_API enum pom_status pom_listing_new(struct pom_listing **listing,
                                        const struct pom_source_options *options, struct pom_error *err);
POM_API void pom_listing_free(struct pom_listing *listing);

POM_API size_t pom_listing_count(const struct pom_listing *listing);
/* [pom_listing_count]; they belong to the listing. */
POM_API const struct pom_photo *pom_listing_photos(const struct pom_listing *listing);

/* Photos on their way: from S3 requests run ahead of those who take, as many as hide their latency and within 64 MiB; a local
 * file is read when it is taken. */
struct pom_fetch;

/* Begins to fetch photos[n_photos] in their order; labels are not looked at. Larger files than max_file_bytes (0: the default,
 * 256 MiB) will be refused. `photos` with their texts and `s3` (NULL: defaults) are borrowed until pom_fetch_free, which takes
 * NULL too. The caller owns *fetch. Errors: those of reaching S3 at all, MEMORY. */
POM_API enum pom_status pom_fetch_new(struct pom_fetch **fetch, const struct pom_photo *photos,
                                      size_t n_photos, int64_t max_file_bytes,
                                      const struct pom_s3_options *s3, struct pom_error *err);
/* Nobody may be taking any more. */
POM_API void pom_fetch_free(struct pom_fetch *fetch);

/* The bytes of photo `index`, each once and in roughly ascending order, by any thread. The caller frees *data with free().
 * Errors: ARGUMENT, NOT_FOUND, IO, LIMIT (too large), UNSUPPORTED (not a regular file), MEMORY. */
POM_API enum pom_status pom_fetch_take(struct pom_fetch *fetch, size_t index, void **data, size_t *size_bytes,
                                       struct pom_error *err);

/* Nonzero when a failure to read `path` is about more than this one file, so that others would fail too: a server, a connection,
 * credentials that have expired. A run ends then, instead of calling every photo a failure. */
POM_API int pom_failure_is_general(const char *path, const struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
