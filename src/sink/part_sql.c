// SPDX-License-Identifier: Apache-2.0
/*
 * The SQL that writes one file of a part.
 */
#include "sink/part.h"

/* "path,label,f0,f1...": the name of the one column of a CSV's lines is the header. */
static enum pom_status print_csv_header(struct pomi_bytes *sql, const struct pomi_part *part,
                                        struct pom_error *err)
{
    for (int i = 0; i < part->n_columns; i++) {
        const struct pomi_part_column *column = &part->columns[i];
        if (column->width == 0) POMI_TRY(pomi_bytes_print(sql, err, "%s%s", i > 0 ? "," : "", column->name));
        for (int k = 0; k < column->width; k++)
            POMI_TRY(pomi_bytes_print(sql, err, ",%s%d", column->csv_prefix, column->csv_first + k));
    }
    return POM_OK;
}

/* A row of a text format is one string: with a column per feature DuckDB takes half as long again and twice
 * the memory, and its JSON is an extension that may not be there. DuckDB prints a float such that it reads
 * back as the same float. */
static enum pom_status print_text_select(struct pomi_bytes *sql, const struct pomi_stream *stream,
                                         struct pom_error *err)
{
    const struct pomi_part *part = stream->part;
    bool is_json = stream->format == POMI_FORMAT_JSON;
    POMI_TRY(pomi_bytes_print(sql, err, "SELECT concat(line"));
    for (int i = part->n_texts; i < part->n_columns; i++) {
        const char *name = part->columns[i].name;
        POMI_TRY(is_json
                     ? pomi_bytes_print(sql, err, ", ',\"%s\":[', array_to_string(%s, ','), ']'", name, name)
                     : pomi_bytes_print(sql, err, ", ',', array_to_string(%s, ',')", name));
    }
    POMI_TRY(pomi_bytes_print(sql, err, "%s) AS \"", is_json ? ", '}'" : ""));
    if (!is_json) POMI_TRY(print_csv_header(sql, part, err));
    if (is_json) POMI_TRY(pomi_bytes_print(sql, err, "line"));
    return pomi_bytes_print(sql, err, "\"");
}

/* Snappy because every reader has it. A dictionary of floats would be built and thrown away, they hardly
 * repeat: DuckDB finds that out by itself, and keeps the dictionary for labels, where it pays. Bloom filters
 * speed up searches that nobody does here. */
static enum pom_status print_parquet_options(struct pomi_bytes *sql, const struct pomi_part_options *options,
                                             struct pom_error *err)
{
    POMI_TRY(pomi_bytes_print(
        sql, err, "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE %d, WRITE_BLOOM_FILTER false",
        POMI_ROW_GROUP_ROWS));
    const char *pairs[2][2] = {{"network_name", options->network_name},
                               {"network_identity", options->network_identity}};
    const char *separator = ", KV_METADATA {";
    for (int i = 0; i < 2; i++) {
        if (pairs[i][1] == NULL) continue;
        POMI_TRY(pomi_bytes_print(sql, err, "%s%s: ", separator, pairs[i][0]));
        POMI_TRY(pomi_sql_text(sql, pairs[i][1], err));
        separator = ", ";
    }
    return separator[2] == '\0' ? pomi_bytes_print(sql, err, "}") : POM_OK;
}

enum pom_status pomi_part_print_copy(struct pomi_stream *stream, const struct pomi_part_options *options,
                                     struct pom_error *err)
{
    struct pomi_bytes *sql = &stream->sql;
    bool is_parquet = stream->format == POMI_FORMAT_PARQUET;
    POMI_TRY(pomi_bytes_print(sql, err, "COPY ("));
    POMI_TRY(is_parquet ? pomi_bytes_print(sql, err, "SELECT *") : print_text_select(sql, stream, err));
    POMI_TRY(pomi_bytes_print(sql, err, " FROM pomona_rows(%lld)) TO ", (long long)stream->number));
    POMI_TRY(pomi_sql_file(sql, stream->temporary.path, err));
    POMI_TRY(pomi_bytes_print(sql, err, " (USE_TMP_FILE false, "));
    /* A CSV without quotes and escapes: the lines go to the file as they are. */
    POMI_TRY(is_parquet
                 ? print_parquet_options(sql, options, err)
                 : pomi_bytes_print(sql, err,
                                    "FORMAT csv, COMPRESSION none, QUOTE '', ESCAPE '', DELIMITER ',', "
                                    "HEADER %s",
                                    stream->format == POMI_FORMAT_CSV ? "true" : "false"));
    return pomi_bytes_print(sql, err, ")");
}
