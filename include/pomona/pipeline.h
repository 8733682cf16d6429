// SPDX-License-Identifier: Apache-2.0
/*
 * Whole runs: a folder of photos to tables, PCA and report.
 *
 * The output folder and its files are described in docs/formats.md. A run is planned from the sorted listing,
 * parts appear whole or not at all, and listed = written + failed is checked at the end. Each function blocks
 * until it is done; events arrive on the calling thread or on a thread of the run, one at a time.
 *
 * A run whose photos are too many for one machine may have its parts made by others, whoever starts and watches them:
 *
 *     pom_run(options with make_parts)                     lists, plans, and calls
 *         make_parts(user, parts)                          for i of pom_parts_count: send pom_parts_task(i) to somebody who does
 *             pom_part_maker_make(maker, task) -> report
 *         pom_parts_made(parts, report)                    as they come back
 *     and counts, fits, transforms and reports as ever.
 *
 * All processes must reach source and output by the same paths. The tables are the same, to the byte, as a run of the same
 * part_rows has them in one process. A part is published whole, and making it twice, at the same time too, gives it once.
 */
#ifndef POMONA_PIPELINE_H
#define POMONA_PIPELINE_H

#include "image.h"
#include "network.h"
#include "pca.h"
#include "s3.h"
#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum pom_event_kind {
    POM_EVENT_STAGE = 0,    /* a stage began: `stage` is "list", "extract", "fit", "transform" or "report" */
    POM_EVENT_PROGRESS = 1, /* counts changed; sent a few times per second */
    POM_EVENT_MESSAGE = 2,  /* one line for the user: `message` */
    POM_EVENT_WARNING = 3,  /* the same, and worth attention */
    POM_EVENT_DONE = 4      /* the run is over; counts are final */
};

struct pom_event {
    enum pom_event_kind kind;
    const char *stage;
    const char *message; /* NULL unless MESSAGE or WARNING */
    int64_t n_total;     /* of the stage: photos or rows; 0 while unknown */
    int64_t n_done;      /* written and failed together */
    int64_t n_failed;
    double seconds; /* since the stage began */
    double photos_per_second;
};

struct pom_parts; /* the parts that a run wants made */

struct pom_run_options {
    const char *
        source; /* folder, list file (one path a line, "@FILE"), or one photo; here and below also on s3:// */
    const char *output;     /* folder */
    const char *network;    /* as pom_network_open takes it; NULL: "auto" */
    const char *cpu;        /* kernel set limit; NULL: the fastest */
    int precision;          /* enum pom_precision; int16 and int8 need a calibrated network */
    const char *glob;       /* space-separated patterns, case-insensitive; NULL: *.jpg *.jpeg *.png *.webp */
    const char *label_from; /* "parent" (NULL), "none" or "regex:EXPRESSION" with one group */
    const char *formats;    /* comma-separated of parquet, csv, json; NULL: "parquet" */
    int n_threads;          /* 0: one per core that this process may use */
    int part_rows;          /* listing rows per part; 0: the default, 4096 */
    struct pom_decode_options decode;
    struct pom_resize_options resize;
    int64_t max_file_bytes; /* 0: the default, 256 MiB */
    int64_t max_failures;   /* abort when more photos than this fail; negative: never */
    struct pom_pca_options pca;
    unsigned pca_apply_flags;
    const char
        *pca_path; /* transform: the PCA file; NULL in a run: fitted and written to output/pca.safetensors */
    int with_scaled;          /* nonzero: add features_scaled to the PCA table */
    int resume;               /* go on with an output that is there */
    int retry_failed;         /* with an output that is there: only its failed photos */
    int update;               /* with an output that is there: add photos that are new in the source */
    int overwrite;            /* replace an output that Pomona made */
    int dry_run;              /* list and plan, say what would be done, write nothing */
    int no_report;            /* skip report.html and plots/ */
    struct pom_s3_options s3; /* how s3:// paths are reached */
    const char *command_line; /* recorded in the manifest; NULL: nothing recorded */
    void (*on_event)(void *user, const struct pom_event *event); /* may be NULL */
    int (*should_stop)(
        void *user); /* polled; nonzero: finish the current photos and return INTERRUPTED; may be NULL */
    void *user;
    /* Has others make the parts of an extraction, and returns when all are made, or a status with err filled in, which ends
     * the run. Called at most once, on the calling thread, and not when no part is to be made. n_threads is of each part
     * maker then, and part_rows 0 cuts the listing into some dozens of parts. NULL: this process makes them. */
    enum pom_status (*make_parts)(void *user, struct pom_parts *parts, struct pom_error *err);
    int n_part_makers; /* parts that are made at a time, for part_rows 0 to have as many for each; 0: not known */
};

/* Defaults: as the fields say; max_failures -1. */
POM_API void pom_run_options_init(struct pom_run_options *options);

struct pom_run_result {
    int64_t n_listed;
    int64_t n_written; /* rows in the features table */
    int64_t n_failed;
    int n_components; /* k of the PCA, 0 where none was fitted or applied */
    double seconds;
    double photos_per_second;
    int64_t peak_memory_bytes;
};

/* extract, fit, transform and report in one go. `result` may be NULL.
 * Errors: ARGUMENT, NOT_FOUND, EXISTS, MISMATCH, IO, NUMERIC, LIMIT (max_failures), INTERRUPTED. Photos that
 * fail are rows of the failures table and not an error of the run. */
POM_API enum pom_status pom_run(const struct pom_run_options *options, struct pom_run_result *result,
                                struct pom_error *err);

/* photos -> output/features, output/failures, output/run.json. */
POM_API enum pom_status pom_extract_run(const struct pom_run_options *options, struct pom_run_result *result,
                                        struct pom_error *err);

/* --- parts made by others; see above. `parts` lives as long as the call of make_parts --- */

POM_API size_t pom_parts_count(const struct pom_parts *parts);

/* What a part maker needs to know of part `index`: its photos, and the settings. Bytes of no meaning to others, some 60 a photo.
 * The caller frees *task with free(). Errors: ARGUMENT, MEMORY. */
POM_API enum pom_status pom_parts_task(const struct pom_parts *parts, size_t index, void **task,
                                       size_t *size_bytes, struct pom_error *err);

/* Tells the run that a part was made: `report` is what its maker said; telling it twice is fine. NULL tells nothing new. Also
 * lets events out, so call it a few times a second, from the thread of make_parts. Errors: INTERRUPTED (should_stop), LIMIT
 * (max_failures): stop the makers and return that; FORMAT (not a report). */
POM_API enum pom_status pom_parts_made(struct pom_parts *parts, const char *report, struct pom_error *err);

/* What makes parts in another process: an extractor per thread, the table writer, S3. */
struct pom_part_maker;

/* `options` as the run has them, but for the callbacks; `network` is the run's. Both are borrowed until pom_part_maker_free,
 * which takes NULL too. The caller owns *maker. It belongs to one thread at a time. Errors: ARGUMENT, UNSUPPORTED, MEMORY. */
POM_API enum pom_status pom_part_maker_new(struct pom_part_maker **maker,
                                           const struct pom_run_options *options,
                                           const struct pom_network *network, struct pom_error *err);
POM_API void pom_part_maker_free(struct pom_part_maker *maker);

/* Makes a part and publishes it. The caller frees *report, JSON text, with free(). Photos that fail are rows of the failures
 * table and no error. Errors: FORMAT (not a task), MISMATCH (other settings, another network or another version than the
 * run's), IO, MEMORY. After an error, or without an end, the part may be made again. */
POM_API enum pom_status pom_part_maker_make(struct pom_part_maker *maker, const void *task, size_t size_bytes,
                                            char **report, struct pom_error *err);

/* Fits options->pca on every row of `source` (an output folder, a folder of Parquet files, or one file; what
 * Spark wrote is fine) and saves to options->pca_path. */
POM_API enum pom_status pom_fit_run(const struct pom_run_options *options, struct pom_run_result *result,
                                    struct pom_error *err);

/* Applies options->pca_path to the rows of `source` and writes output/pca. formats NULL: those of the run in `output`. */
POM_API enum pom_status pom_transform_run(const struct pom_run_options *options,
                                          struct pom_run_result *result, struct pom_error *err);

/* Writes report.html and plots/ into the output folder of a finished run, from what is in it. */
POM_API enum pom_status pom_report_run(const struct pom_run_options *options, struct pom_error *err);

/* The smallest IAM policy, as JSON, with which pom_run works on these options: source, output, network, pca_path,
 * retry_failed and overwrite count, and s3.region tells the partition. Nothing is asked from S3. The caller frees *json.
 * Errors: ARGUMENT (nothing is on s3://; the source is a list file). */
POM_API enum pom_status pom_s3_policy(const struct pom_run_options *options, char **json,
                                      struct pom_error *err);

#ifdef __cplusplus
}
#endif
#endif
