// SPDX-License-Identifier: Apache-2.0
/*
 * What the tests of the sink share: a folder that goes away, rows made by a rule, and SQL for looking at
 * files with another instance of DuckDB or for making files as other programs write them.
 */
#ifndef POMONA_TESTS_SINK_TESTING_H
#define POMONA_TESTS_SINK_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <duckdb.h>

#include "sink/sink.h"
#include "store/store.h"

struct fixture {
    char folder[64]; /* temporary; tests run in it, so that paths stay short and relative */
    struct pomi_sink *sink;
    duckdb_database database; /* not the sink's: somebody else's view of the files */
    duckdb_connection connection;
    struct pom_error err;
};

static inline int fixture_open(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    assert_non_null(fixture);
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/pomona-sink-XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    assert_int_equal(chdir(fixture->folder), 0);
    assert_int_equal(pomi_sink_new(&fixture->sink, NULL, NULL), POM_OK);
    assert_int_equal(duckdb_open(NULL, &fixture->database), DuckDBSuccess);
    assert_int_equal(duckdb_connect(fixture->database, &fixture->connection), DuckDBSuccess);
    *state = fixture;
    return 0;
}

static inline int fixture_close(void **state)
{
    struct fixture *fixture = *state;
    pomi_sink_free(fixture->sink);
    duckdb_disconnect(&fixture->connection);
    duckdb_close(&fixture->database);
    assert_int_equal(chdir("/"), 0);
    pomi_store_remove_tree(NULL, fixture->folder, NULL);
    free(fixture);
    return 0;
}

/* Runs SQL; its first value as text, "NULL" for none. The caller frees it. */
static inline char *sql_value(struct fixture *fixture, const char *format, ...)
{
    char *sql = NULL, *value;
    va_list arguments;
    va_start(arguments, format);
    assert_true(vasprintf(&sql, format, arguments) > 0);
    va_end(arguments);
    duckdb_result result;
    if (duckdb_query(fixture->connection, sql, &result) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&result));
    free(sql);
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    duckdb_vector vector = chunk != NULL && duckdb_data_chunk_get_size(chunk) > 0
                               ? duckdb_data_chunk_get_vector(chunk, 0)
                               : NULL;
    if (vector == NULL || !duckdb_validity_row_is_valid(duckdb_vector_get_validity(vector), 0)) {
        value = strdup("NULL");
    } else if (duckdb_column_type(&result, 0) == DUCKDB_TYPE_VARCHAR) {
        duckdb_string_t *string = duckdb_vector_get_data(vector);
        value = strndup(duckdb_string_t_data(string), duckdb_string_t_length(*string));
    } else {
        assert_true(asprintf(&value, "%lld", (long long)*(int64_t *)duckdb_vector_get_data(vector)) > 0);
    }
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return value;
}

#define assert_sql(fixture, expected, ...)                                                                   \
    do {                                                                                                     \
        char *sql_value_ = sql_value(fixture, __VA_ARGS__);                                                  \
        assert_string_equal(sql_value_, expected);                                                           \
        free(sql_value_);                                                                                    \
    } while (0)

#define assert_ok(fixture, expression)                                                                       \
    do {                                                                                                     \
        if ((expression) != POM_OK) fail_msg("%s: %s", #expression, (fixture)->err.message);                 \
    } while (0)

/* Number k of row `row`: all magnitudes, many zeros, every bit of the fraction in use. */
static inline float number_of(int64_t row, int k)
{
    uint32_t bits = (uint32_t)(row * 2654435761u) ^ ((uint32_t)k * 2246822519u);
    bits ^= bits >> 15, bits *= 2246822519u, bits ^= bits >> 13;
    if (bits % 4 == 0) return 0.0f;
    float number;
    bits &= 0xBFFFFFFFu; /* finite */
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* Rows [first, first + n_rows) by that rule; paths "photos/apple/000017.jpg", labels "apple" and "pear". */
struct made_rows {
    struct pomi_rows rows;
    char (*path_texts)[32];
    const char **paths, **labels;
    float *features;
};

static inline void make_rows(struct made_rows *made, int64_t first, size_t n_rows, int width)
{
    made->path_texts = calloc(n_rows + 1, sizeof *made->path_texts);
    made->paths = calloc(n_rows + 1, sizeof *made->paths);
    made->labels = calloc(n_rows + 1, sizeof *made->labels);
    made->features = calloc(n_rows * (size_t)width + 1, sizeof *made->features);
    for (size_t i = 0; i < n_rows; i++) {
        int64_t row = first + (int64_t)i;
        made->labels[i] = row % 3 == 0 ? "pear" : "apple";
        snprintf(made->path_texts[i], sizeof made->path_texts[i], "photos/%s/%06d.jpg", made->labels[i],
                 (int)row);
        made->paths[i] = made->path_texts[i];
        for (int k = 0; k < width; k++) made->features[i * (size_t)width + (size_t)k] = number_of(row, k);
    }
    made->rows = (struct pomi_rows){.n_rows = n_rows,
                                    .paths = made->paths,
                                    .labels = made->labels,
                                    .n_features = width,
                                    .features = made->features};
}

static inline void free_rows(struct made_rows *made)
{
    free(made->path_texts);
    free(made->paths);
    free(made->labels);
    free(made->features);
}

/* Writes a whole features part of made rows, `portion` at a time, into `folder`. */
static inline void write_part(struct fixture *fixture, const char *folder, unsigned formats, int64_t n_rows,
                              int width, size_t portion)
{
    struct pomi_part_options options = {.kind = POMI_TABLE_FEATURES,
                                        .formats = formats,
                                        .folder = folder,
                                        .run_id = "run",
                                        .n_features = width,
                                        .network_name = "orchard",
                                        .network_identity = "0123abc"};
    struct pomi_part *part;
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    for (int64_t row = 0; row < n_rows; row += (int64_t)portion) {
        struct made_rows made;
        size_t n = (size_t)(n_rows - row) < portion ? (size_t)(n_rows - row) : portion;
        make_rows(&made, row, n, width);
        assert_ok(fixture, pomi_part_rows(part, &made.rows, &fixture->err));
        free_rows(&made);
    }
    assert_ok(fixture, pomi_part_commit(part, &fixture->err));
}

/* Reads a features table back through the sink's own reader and compares each row with the rule. */
static inline void check_made_rows(struct fixture *fixture, const char *folder, int64_t n_rows, int width)
{
    struct pomi_table_reader *reader;
    assert_ok(fixture, pomi_table_open(&reader, fixture->sink, folder, POMI_TABLE_FEATURES, "features",
                                       &fixture->err));
    assert_int_equal(pomi_table_info(reader)->n_rows, n_rows);
    struct pomi_rows rows;
    int64_t row = 0;
    for (;;) {
        assert_ok(fixture, pomi_table_next(reader, &rows, NULL, &fixture->err));
        if (rows.n_rows == 0) break;
        struct made_rows made;
        make_rows(&made, row, rows.n_rows, width);
        for (size_t i = 0; i < rows.n_rows; i++) {
            assert_string_equal(rows.paths[i], made.paths[i]);
            assert_string_equal(rows.labels[i], made.labels[i]);
        }
        assert_int_equal(rows.n_features, width);
        assert_memory_equal(rows.features, made.features, rows.n_rows * (size_t)width * sizeof(float));
        free_rows(&made);
        row += (int64_t)rows.n_rows;
    }
    assert_int_equal(row, n_rows);
    pomi_table_close(reader);
}

/* Files in a folder, all of them, hidden ones too. */
static inline size_t count_files(const char *folder)
{
    struct pomi_store_listing listing;
    assert_int_equal(pomi_store_list(NULL, folder, NULL, NULL, &listing, NULL), POM_OK);
    size_t n_entries = listing.n_entries;
    pomi_store_listing_release(&listing);
    return n_entries;
}

#endif
