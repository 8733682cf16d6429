// SPDX-License-Identifier: Apache-2.0
#include "sink_testing.h"

#include <math.h>

/* Runs SQL that makes files as other programs would write them. */
static void make(struct fixture *fixture, const char *sql)
{
    free(sql_value(fixture, "%s", sql));
}

static struct pomi_table_reader *open_table(struct fixture *fixture, const char *path)
{
    struct pomi_table_reader *reader;
    assert_ok(fixture,
              pomi_table_open(&reader, fixture->sink, path, POMI_TABLE_FEATURES, "features", &fixture->err));
    return reader;
}

/* Reads a small table whole, as "path label n0 n1...;". */
static void assert_table(struct fixture *fixture, const char *path, const char *expected)
{
    struct pomi_table_reader *reader = open_table(fixture, path);
    struct pomi_bytes text = {0};
    struct pomi_rows rows;
    do {
        assert_ok(fixture, pomi_table_next(reader, &rows, NULL, &fixture->err));
        for (size_t i = 0; i < rows.n_rows; i++) {
            pomi_bytes_print(&text, NULL, "%s %s", rows.paths[i], rows.labels[i]);
            for (int k = 0; k < rows.n_features; k++)
                pomi_bytes_print(&text, NULL, " %.9g",
                                 rows.features[i * (size_t)rows.n_features + (size_t)k]);
            pomi_bytes_print(&text, NULL, ";");
        }
    } while (rows.n_rows > 0);
    pomi_bytes_append(&text, "", 1, NULL);
    assert_string_equal((char *)text.data, expected);
    pomi_bytes_release(&text);
    pomi_table_close(reader);
}

static void assert_refused(struct fixture *fixture, const char *path, enum pom_status status,
                           const char *message)
{
    struct pomi_table_reader *reader;
    enum pom_status got =
        pomi_table_open(&reader, fixture->sink, path, POMI_TABLE_FEATURES, "features", &fixture->err);
    struct pomi_rows rows = {.n_rows = 1};
    while (got == POM_OK && rows.n_rows > 0) got = pomi_table_next(reader, &rows, NULL, &fixture->err);
    pomi_table_close(reader);
    assert_int_equal(got, status);
    if (strstr(fixture->err.message, message) == NULL)
        fail_msg("not \"%s\" but: %s", message, fixture->err.message);
}

static void lists_of_double_are_rounded_to_float(void **state)
{
    struct fixture *fixture = *state;
    make(fixture, "COPY (SELECT 'a' path, 'x' AS label, [0.1, 1e300 * 0, 16777217]::DOUBLE[] features) TO "
                  "'t.parquet'");
    assert_table(fixture, "t.parquet", "a x 0.100000001 0 16777216;");
    make(fixture, "COPY (SELECT 'a' path, [1, 'inf'::DOUBLE, 'nan'::DOUBLE] features) TO 't.parquet'");
    assert_table(fixture, "t.parquet", "a  1 inf nan;");
    make(fixture, "COPY (SELECT 'a' path, [1, 1e39]::DOUBLE[] features) TO 't.parquet'");
    assert_refused(fixture, "t.parquet", POM_ERROR_FORMAT,
                   "t.parquet: row 1: features has a number too large for float32");
}

static void columns_are_found_by_name(void **state)
{
    struct fixture *fixture = *state;
    make(fixture, "COPY (SELECT 7 AS extra, [1, 2]::FLOAT[2] features, {'a': 1} s, 'p' AS \"Path\") TO "
                  "'t.parquet' (COMPRESSION zstd)");
    assert_table(fixture, "t.parquet", "p  1 2;");
    make(fixture,
         "COPY (SELECT 12 AS label, [1, 2]::FLOAT[] features, 'p' path) TO 't.parquet' (COMPRESSION gzip)");
    assert_table(fixture, "t.parquet", "p 12 1 2;");
    make(fixture, "COPY (SELECT NULL::VARCHAR AS label, [1, 2]::FLOAT[] features, 'p' path) TO 't.parquet'");
    assert_table(fixture, "t.parquet", "p  1 2;");
    make(fixture, "COPY (SELECT [1, 2]::FLOAT[] features) TO 't.parquet'");
    assert_refused(fixture, "t.parquet", POM_ERROR_FORMAT, "t.parquet has no column path");
    make(fixture, "COPY (SELECT 'p' path) TO 't.parquet'");
    assert_refused(fixture, "t.parquet", POM_ERROR_FORMAT, "t.parquet has no column features");
    make(fixture, "COPY (SELECT 'p' path, '1 2' features) TO 't.parquet'");
    assert_refused(fixture, "t.parquet", POM_ERROR_FORMAT, "is not a list of float or double");
    make(fixture, "COPY (SELECT 'p' path, {'type': 1, 'values': [1.0]} features) TO 't.parquet'");
    assert_refused(fixture, "t.parquet", POM_ERROR_FORMAT, "vector_to_array");
}

static void files_follow_each_other_by_name(void **state)
{
    struct fixture *fixture = *state;
    pomi_store_make_folder(NULL, "t/_temporary/0", NULL);
    pomi_store_make_folder(NULL, "t/.hidden", NULL);
    make(fixture, "COPY (SELECT 'b' path, [2]::FLOAT[] features) TO 't/part-00001.snappy.parquet'");
    make(fixture, "COPY (SELECT 'a' path, [1]::FLOAT[] features) TO 't/part-00000.PARQUET'");
    make(fixture, "COPY (SELECT 'none' path, [1]::FLOAT[] features LIMIT 0) TO 't/part-00002.parquet'");
    make(fixture, "COPY (SELECT 'c' path, [3]::FLOAT[] features) TO 't/part-00003.parquet'");
    static const char *const passed_over[] = {
        "t/_SUCCESS",          "t/.part-00009.parquet", "t/_metadata.parquet",     "t/_temporary/0/a.parquet",
        "t/.hidden/a.parquet", "t/notes.txt",           "t/part-00000.parquet.crc"};
    for (size_t i = 0; i < sizeof passed_over / sizeof passed_over[0]; i++)
        assert_int_equal(
            pomi_store_write(NULL, passed_over[i], (struct pomi_view){(const uint8_t *)"x", 1}, NULL),
            POM_OK);
    assert_table(fixture, "t", "a  1;b  2;c  3;");
    assert_table(fixture, "t/", "a  1;b  2;c  3;");
    struct pomi_table_reader *reader = open_table(fixture, "t");
    assert_int_equal(pomi_table_info(reader)->n_files, 4);
    assert_int_equal(pomi_table_info(reader)->n_rows, 3);
    assert_int_equal(pomi_table_info(reader)->n_features, 1);
    assert_string_equal(pomi_table_file(reader, 1), "t/part-00001.snappy.parquet");
    static const int expected[] = {0, 1, 3};
    for (int i = 0; i < 3; i++) {
        struct pomi_rows rows;
        int file_index = -1;
        assert_ok(fixture, pomi_table_next(reader, &rows, &file_index, &fixture->err));
        assert_int_equal(file_index, expected[i]);
    }
    pomi_table_close(reader);
}

static void an_output_folder_stands_for_its_tables(void **state)
{
    struct fixture *fixture = *state;
    write_part(fixture, "out/features", POMI_FORMAT_PARQUET | POMI_FORMAT_CSV, 3, 2, 3);
    make(fixture, "CREATE OR REPLACE TABLE t AS SELECT 'a' path, [9, 8, 7]::FLOAT[] features_pca");
    pomi_store_make_folder(NULL, "out/pca", NULL);
    make(fixture, "COPY t TO 'out/pca/part-00000-run.parquet'");
    struct pomi_table_reader *reader = open_table(fixture, "out");
    assert_int_equal(pomi_table_info(reader)->n_rows, 3);
    assert_string_equal(pomi_table_info(reader)->network_name, "orchard");
    assert_string_equal(pomi_table_info(reader)->network_identity, "0123abc");
    pomi_table_close(reader);
    assert_ok(fixture,
              pomi_table_open(&reader, fixture->sink, "out", POMI_TABLE_PCA, "features_pca", &fixture->err));
    assert_int_equal(pomi_table_info(reader)->n_features, 3);
    assert_string_equal(pomi_table_info(reader)->network_name, "");
    pomi_table_close(reader);
}

static void labels_may_be_folders(void **state)
{
    struct fixture *fixture = *state;
    make(fixture,
         "COPY (SELECT 'p' || i path, [i]::FLOAT[] features, ['007', 'pear two', NULL, '2024-1-5'][i] AS "
         "label FROM range(1, 5) t(i)) TO 't' (FORMAT parquet, PARTITION_BY (label))");
    assert_table(fixture, "t", "p1 007 1;p4 2024-1-5 4;p3  3;p2 pear two 2;");
    /* A label column counts for more than a folder's name, and so does the folder that was asked for. */
    make(fixture, "COPY (SELECT 'p' path, [5]::FLOAT[] features, 'own' AS label) TO 't/label=007/z.parquet'");
    assert_table(fixture, "t", "p1 007 1;p own 5;p4 2024-1-5 4;p3  3;p2 pear two 2;");
    assert_table(fixture, "t/label=pear%20two", "p2  2;");
}

static void damaged_tables_are_refused_with_file_and_row(void **state)
{
    struct fixture *fixture = *state;
    assert_refused(fixture, "absent", POM_ERROR_NOT_FOUND, "absent");
    pomi_store_make_folder(NULL, "t", NULL);
    assert_refused(fixture, "t", POM_ERROR_NOT_FOUND, "t has no Parquet files");
    pomi_store_write(NULL, "t/a.parquet", (struct pomi_view){(const uint8_t *)"not a Parquet file", 18},
                     NULL);
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet");
    pomi_store_write(NULL, "t/a.parquet", (struct pomi_view){(const uint8_t *)"", 0}, NULL);
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet");

    make(fixture, "COPY (SELECT 'p' path, CASE WHEN i = 3000 THEN [1] ELSE [1, 2] END::FLOAT[] features FROM "
                  "range(4000) t(i)) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT,
                   "t/a.parquet: row 3001: features has 1 numbers, the first row of the table has 2");
    make(fixture, "COPY (SELECT 'p' path, CASE WHEN i = 5 THEN NULL ELSE [1, 2] END::FLOAT[] features FROM "
                  "range(10) t(i)) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet: row 6: features is NULL");
    make(fixture, "COPY (SELECT 'p' path, NULL::FLOAT[] features) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet: row 1: features is NULL");
    make(fixture, "COPY (SELECT 'p' path, []::FLOAT[] features) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet: row 1: features is empty");
    make(fixture,
         "COPY (SELECT 'p' path, CASE WHEN i = 5 THEN [1, NULL] ELSE [1, 2] END::FLOAT[] features FROM "
         "range(10) t(i)) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT,
                   "t/a.parquet: row 6: features has a NULL among its numbers");
    make(fixture,
         "COPY (SELECT CASE WHEN i = 7 THEN NULL ELSE 'p' END path, [1]::FLOAT[] features FROM range(10) "
         "t(i)) TO 't/a.parquet'");
    assert_refused(fixture, "t", POM_ERROR_FORMAT, "t/a.parquet: row 8: path is NULL");

    make(fixture,
         "COPY (SELECT 'p' path, [1]::FLOAT[] features) TO 't/a.parquet' (KV_METADATA {network_name: 'one', "
         "network_identity: 'aaaa'})");
    make(fixture, "COPY (SELECT 'p' path, [1]::FLOAT[] features) TO 't/b.parquet'");
    make(fixture,
         "COPY (SELECT 'p' path, [1]::FLOAT[] features) TO 't/c.parquet' (KV_METADATA {network_name: 'two', "
         "network_identity: 'bbbb'})");
    assert_refused(fixture, "t", POM_ERROR_MISMATCH, "t/c.parquet");
    pomi_store_remove(NULL, "t/c.parquet", NULL);
    assert_table(fixture, "t", "p  1;p  1;");
}

/* Every way to cut a file short or to turn one of its bytes is an error or harmless, never a crash. */
static void cut_and_turned_files_do_not_crash(void **state)
{
    struct fixture *fixture = *state;
    struct pomi_bytes good = {0};
    write_part(fixture, "g", POMI_FORMAT_PARQUET, 20, 3, 20);
    assert_int_equal(pomi_store_read(NULL, "g/part-00000-run.parquet", 1 << 20, &good, NULL), POM_OK);
    int n_refused = 0;
    for (size_t at = 0; at < good.size_bytes; at += 11) {
        for (int how = 0; how < 2; how++) {
            uint8_t before = good.data[at];
            if (how == 1) good.data[at] ^= 0x41;
            pomi_store_write(NULL, "g/bad.parquet",
                             (struct pomi_view){good.data, how == 0 ? at : good.size_bytes}, NULL);
            good.data[at] = before;
            struct pomi_table_reader *reader;
            struct pomi_rows rows = {.n_rows = 1};
            enum pom_status status = pomi_table_open(&reader, fixture->sink, "g/bad.parquet",
                                                     POMI_TABLE_FEATURES, "features", &fixture->err);
            while (status == POM_OK && rows.n_rows > 0)
                status = pomi_table_next(reader, &rows, NULL, &fixture->err);
            pomi_table_close(reader);
            if (how == 0) assert_int_not_equal(status, POM_OK);
            n_refused += status != POM_OK;
        }
    }
    assert_true(n_refused > (int)good.size_bytes / 11);
    pomi_bytes_release(&good);
    write_part(fixture, "h", POMI_FORMAT_PARQUET, 20, 3, 20); /* the instance survived all that */
}

static void closing_early_is_fine(void **state)
{
    struct fixture *fixture = *state;
    write_part(fixture, "t", POMI_FORMAT_PARQUET, 9000, 10, 100);
    for (int n_reads = 0; n_reads < 3; n_reads++) {
        struct pomi_table_reader *reader = open_table(fixture, "t");
        struct pomi_rows rows;
        for (int i = 0; i < n_reads; i++)
            assert_ok(fixture, pomi_table_next(reader, &rows, NULL, &fixture->err));
        pomi_table_close(reader);
    }
    pomi_table_close(NULL);
}

static void failures_come_back_sorted(void **state)
{
    struct fixture *fixture = *state;
    struct pomi_failure_list list;
    assert_ok(fixture, pomi_failures_read(&list, fixture->sink, "absent", &fixture->err));
    assert_int_equal(list.n_failures, 0);
    pomi_failure_list_release(&list);

    static const struct pomi_failure failures[] = {{"b\n.jpg", "x", "decode", "truncated", "ends early"},
                                                   {"ä.jpg", "", "source", "not_found", "is not there"},
                                                   {"a,\".jpg", "x", "decode", "empty", ""},
                                                   {"B.jpg", "x", "decode", "corrupt", "say \xff"}};
    for (int i = 0; i < 2; i++) {
        struct pomi_part_options options = {.kind = POMI_TABLE_FAILURES,
                                            .formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV,
                                            .folder = "out/failures",
                                            .part_index = i,
                                            .run_id = "run"};
        struct pomi_part *part;
        assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
        assert_ok(fixture, pomi_part_failures(part, failures + 2 * i, 2, &fixture->err));
        assert_ok(fixture, pomi_part_commit(part, &fixture->err));
    }
    assert_ok(fixture, pomi_failures_read(&list, fixture->sink, "out", &fixture->err));
    assert_int_equal(list.n_failures, 4);
    static const char *const paths[] = {"B.jpg", "a,\".jpg", "b\n.jpg", "ä.jpg"};
    for (int i = 0; i < 4; i++) assert_string_equal(list.failures[i].path, paths[i]);
    assert_string_equal(list.failures[0].message, "say \\xff");
    assert_string_equal(list.failures[1].message, "");
    assert_string_equal(list.failures[3].label, "");
    assert_string_equal(list.failures[3].stage, "source");
    assert_string_equal(list.failures[2].reason, "truncated");
    pomi_failure_list_release(&list);

    pomi_store_write(NULL, "out/failures/part-00002.parquet", (struct pomi_view){(const uint8_t *)"x", 1},
                     NULL);
    assert_int_equal(pomi_failures_read(&list, fixture->sink, "out", &fixture->err), POM_ERROR_FORMAT);
    assert_int_equal(list.n_failures, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(lists_of_double_are_rounded_to_float),
        TEST(columns_are_found_by_name),
        TEST(files_follow_each_other_by_name),
        TEST(an_output_folder_stands_for_its_tables),
        TEST(labels_may_be_folders),
        TEST(damaged_tables_are_refused_with_file_and_row),
        TEST(cut_and_turned_files_do_not_crash),
        TEST(closing_early_is_fine),
        TEST(failures_come_back_sorted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
