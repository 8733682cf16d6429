// SPDX-License-Identifier: Apache-2.0
/*
 * The manifest, run.json: what was run, with which settings and network, and what came of it. docs/formats.md lists its
 * fields. It is written when a run begins (state "running") and again when it ends, so that a killed run can be told.
 */
#ifndef POMONA_PIPELINE_MANIFEST_H
#define POMONA_PIPELINE_MANIFEST_H

#include <jansson.h>

#include "base/bytes.h"

struct pomi_store;

#define POMI_MANIFEST_FORMAT "pomona-run/1"

/* Reads OUTPUT/run.json. Errors: NOT_FOUND, FORMAT (not a manifest of ours). The caller owns *manifest. */
enum pom_status pomi_manifest_read(json_t **manifest, struct pomi_store *store, const char *output,
                                   struct pom_error *err);

/* The same from the file's text; `name` is for messages. */
enum pom_status pomi_manifest_parse(json_t **manifest, struct pomi_view text, const char *name,
                                    struct pom_error *err);

/* Writes OUTPUT/run.json, whole or not at all. */
enum pom_status pomi_manifest_write(const json_t *manifest, struct pomi_store *store, const char *output,
                                    struct pom_error *err);

/* Compares the settings of an earlier session with today's. Errors: MISMATCH, naming the first that differs. */
enum pom_status pomi_manifest_same_settings(const json_t *manifest, const json_t *settings,
                                            const char *output, struct pom_error *err);

/* A JSON string from text that may not be UTF-8, NULL being "". NULL when memory is out. */
json_t *pomi_manifest_text(const char *text);

/* Now, as 2026-01-31T12:00:00Z. */
json_t *pomi_manifest_now(void);

#endif
