// SPDX-License-Identifier: Apache-2.0
/*
 * The sink as a program, for tests in other languages:
 *
 *     table_tool write FOLDER PART_ROWS <ROWS   rows to tables in all three formats, PART_ROWS per part
 *     table_tool read PATH >ROWS                a features table back
 *
 * ROWS is text with one JSON object a line: {"path":"...","label":"...","features":[...]}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "sink/sink.h"

static enum pom_status write_row(struct pomi_part **part, struct pomi_sink *sink,
                                 struct pomi_part_options *options, json_t *row, struct pom_error *err)
{
    json_t *numbers = json_object_get(row, "features"), *number;
    const char *path = json_string_value(json_object_get(row, "path"));
    const char *label = json_string_value(json_object_get(row, "label"));
    float *features = calloc(json_array_size(numbers), sizeof *features);
    size_t k;
    json_array_foreach(numbers, k, number) features[k] = (float)json_number_value(number);
    struct pomi_rows rows = {.n_rows = 1,
                             .paths = &path,
                             .labels = &label,
                             .n_features = (int)json_array_size(numbers),
                             .features = features};
    options->n_features = rows.n_features;
    enum pom_status status = POM_OK;
    if (*part == NULL) status = pomi_part_begin(part, sink, options, err);
    if (status == POM_OK) status = pomi_part_rows(*part, &rows, err);
    free(features);
    return status;
}

static enum pom_status write_table(struct pomi_sink *sink, const char *folder, long part_rows,
                                   struct pom_error *err)
{
    struct pomi_part_options options = {.kind = POMI_TABLE_FEATURES,
                                        .formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON,
                                        .folder = folder,
                                        .run_id = "run",
                                        .network_name = "orchard",
                                        .network_identity = "0123abc"};
    struct pomi_part *part = NULL;
    enum pom_status status = POM_OK;
    char *line = NULL;
    size_t capacity = 0;
    for (long n = 0; status == POM_OK && getline(&line, &capacity, stdin) > 0;) {
        json_error_t at;
        json_t *row = json_loads(line, 0, &at);
        status = row == NULL ? pomi_fail(err, POM_ERROR_FORMAT, "json", "%s", at.text)
                             : write_row(&part, sink, &options, row, err);
        json_decref(row);
        if (status != POM_OK || ++n % part_rows != 0) continue;
        status = pomi_part_commit(part, err);
        part = NULL;
        options.part_index++;
    }
    if (status == POM_OK && part != NULL)
        status = pomi_part_commit(part, err);
    else
        pomi_part_abandon(part);
    free(line);
    return status;
}

static enum pom_status read_table(struct pomi_sink *sink, const char *path, struct pom_error *err)
{
    struct pomi_table_reader *reader;
    struct pomi_rows rows = {.n_rows = 1};
    POMI_TRY(pomi_table_open(&reader, sink, path, POMI_TABLE_FEATURES, "features", err));
    enum pom_status status = POM_OK;
    while (status == POM_OK && rows.n_rows > 0) {
        status = pomi_table_next(reader, &rows, NULL, err);
        for (size_t i = 0; status == POM_OK && i < rows.n_rows; i++) {
            json_t *row =
                json_pack("{s:s, s:s, s:[]}", "path", rows.paths[i], "label", rows.labels[i], "features");
            const float *features = rows.features + i * (size_t)rows.n_features;
            for (int k = 0; k < rows.n_features; k++)
                json_array_append_new(json_object_get(row, "features"), json_real(features[k]));
            json_dumpf(row, stdout, JSON_COMPACT);
            putchar('\n');
            json_decref(row);
        }
    }
    pomi_table_close(reader);
    return status;
}

int main(int n_arguments, char **arguments)
{
    struct pom_error err = {0};
    struct pomi_sink *sink = NULL;
    enum pom_status status = pomi_sink_new(&sink, NULL, &err);
    if (status == POM_OK && n_arguments == 4 && strcmp(arguments[1], "write") == 0)
        status = write_table(sink, arguments[2], atol(arguments[3]), &err);
    else if (status == POM_OK && n_arguments == 3 && strcmp(arguments[1], "read") == 0)
        status = read_table(sink, arguments[2], &err);
    else if (status == POM_OK)
        status =
            pomi_fail(&err, POM_ERROR_ARGUMENT, "usage", "table_tool write FOLDER PART_ROWS | read PATH");
    pomi_sink_free(sink);
    if (status != POM_OK) fprintf(stderr, "%s\n", err.message);
    return status == POM_OK ? 0 : 3;
}
