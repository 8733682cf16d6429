// SPDX-License-Identifier: Apache-2.0
/*
 * What the files of the extract stage share. The plan is the listing cut into parts, generation by generation. A part
 * counts as done when its Parquet file is there and its rows and failures add up to its photos; every other part is
 * done (again) whole.
 *
 *     extract.c     the stage: order of things, reconciliation
 *     settings.c    what decides the bytes of a part, in the manifest's words
 *     plan_parts.c  the plan, and what of it is left to do
 *     make_parts.c  photos to the rows of one part after the other
 *     parts_by_others.c, part_maker.c   the same with other processes making the parts, and such a process
 *     memory.c      what all of it takes at most
 */
#ifndef POMONA_PIPELINE_EXTRACTION_H
#define POMONA_PIPELINE_EXTRACTION_H

#include "pipeline/session.h"
#include "pipeline/workers.h"
#include "sink/sink.h"

#define POMI_DEFAULT_PART_ROWS 4096

struct pomi_part_plan {
    int index;         /* in its file's name */
    size_t begin, end; /* of the plan */
    bool is_done;
    size_t n_failed; /* as its failures table says */
};

struct pomi_extraction {
    struct pomi_session *session;
    struct pomi_progress *progress;
    const struct pom_run_options *options;
    struct pom_network *network;
    struct pom_extractor *prototype;
    struct pomi_listing plan;
    struct pomi_part_plan *parts;
    size_t n_parts;
    bool *is_failed; /* [plan.n_photos]: has a row in the failures table */
    size_t *order;   /* photos to extract, ascending */
    size_t n_order;
    unsigned formats;
    int n_threads;
    int part_rows; /* photos of a full part; settled when the output is open */
    char run_id[9];
    char features_name[128], features_identity[128]; /* what the tables say made their features */
    struct pomi_sink *sink;                          /* writes parts */
    struct pomi_sink *read_sink;                     /* reads earlier parts meanwhile */
    char *features_folder, *failures_folder;
    int64_t n_done, n_failed; /* rows and failures in parts that are there, and so far in the current one */
    double write_seconds;
};

/* What must stay the same for a part made today to fit beside one made yesterday; NULL when memory is out. */
json_t *pomi_extraction_settings(const struct pomi_extraction *extraction);

/* From the options and the network, which is open: formats, prototype, what names the features, folders. */
enum pom_status pomi_extraction_prepare(struct pomi_extraction *extraction, struct pom_error *err);

/* All but the session and the network. */
void pomi_extraction_release(struct pomi_extraction *extraction);

/* Has options->make_parts make every part that has work. Adds to `seconds` per photo stage and extraction->write_seconds. */
enum pom_status pomi_parts_by_others(struct pomi_extraction *extraction, double seconds[POMI_N_PHOTO_STAGES],
                                     struct pom_error *err);

/* Cuts the plan into parts. Errors: ARGUMENT (too many parts). */
enum pom_status pomi_plan_parts(struct pomi_extraction *extraction, struct pom_error *err);

/* Finds out which parts are done, and puts the photos that are left into `order`. */
enum pom_status pomi_find_work(struct pomi_extraction *extraction, struct pom_error *err);

/* Whether anything of the part is in `order`. */
bool pomi_part_has_work(const struct pomi_extraction *extraction, const struct pomi_part_plan *part);

/* What the run takes at most, this stage and those after it, beside photos of many megapixels. Network, plan, options and
 * prototype must be there. */
double pomi_extraction_memory_bytes(const struct pomi_extraction *extraction);

/* Makes every part that has work, from the results of `workers`. */
enum pom_status pomi_make_parts(struct pomi_extraction *extraction, struct pomi_workers *workers,
                                struct pom_error *err);

/* The failures table as it is; empty when there is none. */
enum pom_status pomi_read_failures(struct pomi_extraction *extraction, struct pomi_failure_list *list,
                                   struct pom_error *err);

#endif
