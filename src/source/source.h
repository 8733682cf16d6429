// SPDX-License-Identifier: Apache-2.0
/*
 * Where photos come from: a folder, a list file or one photo becomes the listing, which is the plan of a run.
 */
#ifndef POMONA_SOURCE_SOURCE_H
#define POMONA_SOURCE_SOURCE_H

#include <stddef.h>

#include "base/bytes.h"
#include "pomona/source.h"

struct pomi_store;

struct pomi_source_options {
    struct pomi_store *store; /* NULL: the local disk */
    const char *source;       /* folder, photo, or "@FILE": a list file with one path a line */
    const char *glob; /* space-separated patterns on the file name, case-insensitive; NULL: the default */
    const char
        *label_from; /* NULL or "parent": second-to-last path element; "none"; "regex:..." with one group */
};

struct pomi_listing {
    struct pom_photo *photos; /* sorted by path bytes, without duplicates */
    size_t n_photos;
    char hash[65]; /* SHA-256 over paths and labels, in order */
    size_t
        n_left_out; /* images that Pomona made itself, such as plots, in the outputs of runs below the source */
    void *memory;   /* owns the strings */
};

/* A folder's listing leaves out what lies in the outputs of runs: with `run photos photos/out` the plots of today would be
 * photos tomorrow. Errors: NOT_FOUND, IO (an unreadable folder or a symlink loop, by name), ARGUMENT (no photo matches, bad
 * regex). */
enum pom_status pomi_source_list(struct pomi_listing *listing, const struct pomi_source_options *options,
                                 struct pom_error *err);

/* The same from the text of a list file, which options->source only names. */
enum pom_status pomi_source_list_text(struct pomi_listing *listing, struct pomi_view text,
                                      const struct pomi_source_options *options, struct pom_error *err);

void pomi_listing_release(struct pomi_listing *listing);

#endif
