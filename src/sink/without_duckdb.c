// SPDX-License-Identifier: Apache-2.0
/*
 * A build without DuckDB: it extracts features of photos, but has no tables.
 */
#include "sink/sink.h"

static enum pom_status fail_absent(struct pom_error *err)
{
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "no_duckdb",
                     "this build has no tables: install DuckDB's C library and build again");
}

enum pom_status pomi_sink_new(struct pomi_sink **sink, struct pomi_store *store, struct pom_error *err)
{
    (void)store;
    *sink = NULL;
    return fail_absent(err);
}

size_t pomi_sink_memory_bytes(enum pomi_file_access access, int n_features)
{
    (void)access, (void)n_features;
    return 0;
}

void pomi_sink_free(struct pomi_sink *sink)
{
    (void)sink;
}

enum pom_status pomi_part_begin(struct pomi_part **part, struct pomi_sink *sink,
                                const struct pomi_part_options *options, struct pom_error *err)
{
    (void)sink, (void)options;
    *part = NULL;
    return fail_absent(err);
}

enum pom_status pomi_part_rows(struct pomi_part *part, const struct pomi_rows *rows, struct pom_error *err)
{
    (void)part, (void)rows;
    return fail_absent(err);
}

enum pom_status pomi_part_failures(struct pomi_part *part, const struct pomi_failure *failures,
                                   size_t n_failures, struct pom_error *err)
{
    (void)part, (void)failures, (void)n_failures;
    return fail_absent(err);
}

enum pom_status pomi_part_commit(struct pomi_part *part, struct pom_error *err)
{
    (void)part;
    return fail_absent(err);
}

void pomi_part_abandon(struct pomi_part *part)
{
    (void)part;
}

enum pom_status pomi_table_open(struct pomi_table_reader **reader, struct pomi_sink *sink, const char *path,
                                enum pomi_table_kind kind, const char *column, struct pom_error *err)
{
    (void)sink, (void)path, (void)kind, (void)column;
    *reader = NULL;
    return fail_absent(err);
}

const struct pomi_table_info *pomi_table_info(const struct pomi_table_reader *reader)
{
    (void)reader;
    return NULL;
}

const char *pomi_table_file(const struct pomi_table_reader *reader, int file_index)
{
    (void)reader, (void)file_index;
    return NULL;
}

enum pom_status pomi_table_next(struct pomi_table_reader *reader, struct pomi_rows *rows, int *file_index,
                                struct pom_error *err)
{
    (void)reader, (void)rows, (void)file_index;
    return fail_absent(err);
}

void pomi_table_close(struct pomi_table_reader *reader)
{
    (void)reader;
}

enum pom_status pomi_failures_read(struct pomi_failure_list *list, struct pomi_sink *sink, const char *folder,
                                   struct pom_error *err)
{
    (void)sink, (void)folder;
    *list = (struct pomi_failure_list){0};
    return fail_absent(err);
}

void pomi_failure_list_release(struct pomi_failure_list *list)
{
    *list = (struct pomi_failure_list){0};
}
