// SPDX-License-Identifier: Apache-2.0
/*
 * One call of a public run function: its options, progress, result, and the output folder it holds the lock of. The
 * stages of a run (extract, fit, transform, report) work on a session one after the other.
 */
#ifndef POMONA_PIPELINE_SESSION_H
#define POMONA_PIPELINE_SESSION_H

#include "pipeline/manifest.h"
#include "pipeline/progress.h"
#include "source/source.h"
#include "store/store.h"

struct pomi_session {
    const struct pom_run_options *options;
    struct pomi_progress progress;
    struct pom_run_result result;
    struct pomi_store *store;
    struct pomi_store_lock *lock;
    json_t *manifest;     /* of options->output; NULL until an output is open */
    json_t *others_usage; /* what other processes did on S3 for this run; NULL: nothing, or there were none */
    bool has_changed;     /* something was written that later stages build on */
    bool keeps_state;     /* the manifest is an earlier run's: how that ended and what it took stays in it */
    bool goes_on; /* after extract to fit and transform: what these cannot do is told before it begins */
    double began_seconds;
};

/* Errors: MEMORY; the session then needs no end. */
enum pom_status pomi_session_begin(struct pomi_session *session, const struct pom_run_options *options,
                                   struct pom_error *err);

/* Releases everything. When an output is open its manifest gets the final state, times and peak memory; `status` is how
 * the run ended and is returned, or the failure to write the manifest. Copies the result to *result unless NULL. */
enum pom_status pomi_session_end(struct pomi_session *session, enum pom_status status,
                                 struct pom_run_result *result, struct pom_error *err);

/*
 * Opens the output of an extraction and settles what its plan is. `listing` holds today's photos and becomes the whole
 * plan: with resume, retry_failed and update that is the earlier one with what is new at its end, and part_rows, unless
 * the options say them, become the earlier ones too. In a dry run nothing is made or locked.
 * Errors: EXISTS (an output without permission to go on, or a folder that is not ours), MISMATCH (other settings or
 * another listing), IO.
 */
enum pom_status pomi_session_open_extraction(struct pomi_session *session, json_t *settings,
                                             struct pomi_listing *listing, struct pom_error *err);

/* Opens an output for the later stages: an extraction's, or a new or empty folder. */
enum pom_status pomi_session_open_output(struct pomi_session *session, struct pom_error *err);

/* Writes the manifest as it is. */
enum pom_status pomi_session_save(struct pomi_session *session, struct pom_error *err);

/* Sets manifest[section][name]; takes `value`. */
void pomi_session_record(struct pomi_session *session, const char *section, const char *name, json_t *value);

/* Puts seconds and peak memory so far into the result and the manifest. */
void pomi_session_record_cost(struct pomi_session *session);

/* Publishes FOLDER/_SUCCESS, or removes it. `table` is "features", "pca" or "failures". */
enum pom_status pomi_session_mark(struct pomi_session *session, const char *table, bool is_complete,
                                  struct pom_error *err);

/* What options->network names, and PCA files; local or on S3. Errors: those of pom_network_open, pom_pca_open and _save. */
struct pom_network;
enum pom_status pomi_session_open_network(struct pomi_session *session, struct pom_network **network,
                                          struct pom_error *err);
enum pom_status pomi_session_open_pca(struct pomi_session *session, struct pom_pca **pca, const char *path,
                                      struct pom_error *err);
enum pom_status pomi_session_save_pca(struct pomi_session *session, const struct pom_pca *pca,
                                      const char *path, struct pom_error *err);

/* The threads of options->n_threads, or one per core this process may use. */
int pomi_session_n_threads(const struct pom_run_options *options);

/* What can be said about fit and transform before the first photo is read, of the features table that extract is to make: a
 * PCA file that is not there or belongs to another network, more components than numbers or photos. Errors: ARGUMENT,
 * MISMATCH, those of opening a PCA file. */
struct pomi_table_info;
enum pom_status pomi_check_later_stages(struct pomi_session *session, const struct pomi_table_info *table,
                                        struct pom_error *err);

/* The stages; each returns INTERRUPTED when the caller asked to stop. */
enum pom_status pomi_extract_stage(struct pomi_session *session, struct pom_error *err);
enum pom_status pomi_fit_stage(struct pomi_session *session, const char *source, const char *pca_path,
                               struct pom_error *err);
enum pom_status pomi_transform_stage(struct pomi_session *session, const char *source, const char *pca_path,
                                     struct pom_error *err);
enum pom_status pomi_report_stage(struct pomi_session *session, struct pom_error *err);

#endif
