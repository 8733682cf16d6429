// SPDX-License-Identifier: Apache-2.0
/*
 * OUTPUT/_listing: the listing a run was planned on, for --resume to compare with and --update to add to.
 *
 *     path, 0, label, 0, path, 0, label, 0, ...      in plan order
 *
 * Zero bytes end the texts because nothing else is sure not to be in a file name.
 */
#ifndef POMONA_PIPELINE_LISTING_FILE_H
#define POMONA_PIPELINE_LISTING_FILE_H

#include "source/source.h"

enum pom_status pomi_listing_file_read(struct pomi_listing *listing, struct pomi_store *store,
                                       const char *output, struct pom_error *err);
enum pom_status pomi_listing_file_write(const struct pomi_listing *listing, struct pomi_store *store,
                                        const char *output, struct pom_error *err);

/* Appends one photo to such a text. */
enum pom_status pomi_listing_add_text(struct pomi_bytes *text, const struct pom_photo *photo,
                                      struct pom_error *err);

/* The listing in the text of such a file, which it takes over, success or not; `name` is for messages. On failure the
 * caller releases the listing all the same. Errors: FORMAT, MEMORY. */
enum pom_status pomi_listing_from_text(struct pomi_listing *listing, struct pomi_bytes *text,
                                       const char *name, struct pom_error *err);

/* `listing` gains, at its end, the photos of `today` whose paths it does not have. *n_new of them; *n_gone photos of
 * `listing` are not in `today`, *first_difference (borrowed from either) is one example, NULL when there is none. */
enum pom_status pomi_listing_add_new(struct pomi_listing *listing, const struct pomi_listing *today,
                                     size_t *n_new, size_t *n_gone, const char **first_difference,
                                     struct pom_error *err);

#endif
