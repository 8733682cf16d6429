// SPDX-License-Identifier: Apache-2.0
#include "sink_testing.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

static struct pomi_part_options features_options(const char *folder, int width)
{
    return (struct pomi_part_options){.kind = POMI_TABLE_FEATURES,
                                      .formats = POMI_FORMAT_PARQUET,
                                      .folder = folder,
                                      .run_id = "run",
                                      .n_features = width};
}

static void rows_come_back_in_order_bit_by_bit(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        int64_t n_rows;
        int width;
        size_t portion;
    } cases[] = {{1, 1, 1}, {5000, 1, 7}, {2048, 3, 2048}, {2049, 5, 1}, {300, 2048, 33}, {700, 1280, 64}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        write_part(fixture, "t", POMI_FORMAT_PARQUET, cases[i].n_rows, cases[i].width, cases[i].portion);
        check_made_rows(fixture, "t", cases[i].n_rows, cases[i].width);
    }
    assert_int_equal(count_files("t"), 1);
}

static void a_part_without_rows_is_a_valid_file(void **state)
{
    struct fixture *fixture = *state;
    write_part(fixture, "t", POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON, 0, 4, 1);
    assert_int_equal(count_files("."), 3);
    check_made_rows(fixture, "t", 0, 4);
    assert_sql(fixture, "0", "SELECT count(*) FROM 't/part-00000-run.parquet'");
    assert_sql(fixture, "path,label,f0,f1,f2,f3\n",
               "SELECT content FROM read_text('t_csv/part-00000-run.csv')");
    assert_sql(fixture, "", "SELECT content FROM read_text('t_json/part-00000-run.json')");
}

static void the_parquet_file_is_what_the_format_page_says(void **state)
{
    struct fixture *fixture = *state;
    write_part(fixture, "t", POMI_FORMAT_PARQUET, 5000, 8, 100);
#define FILE_SQL "('t/part-00000-run.parquet')"
    assert_sql(fixture, "path:VARCHAR label:VARCHAR features:FLOAT[]",
               "SELECT string_agg(column_name || ':' || column_type, ' ') FROM "
               "(DESCRIBE SELECT * FROM read_parquet" FILE_SQL ")");
    assert_sql(
        fixture, "2048,2048,904",
        "SELECT string_agg(n::VARCHAR, ',') FROM (SELECT DISTINCT row_group_id, row_group_num_rows n FROM "
        "parquet_metadata" FILE_SQL " ORDER BY row_group_id)");
    assert_sql(fixture, "SNAPPY", "SELECT string_agg(DISTINCT compression) FROM parquet_metadata" FILE_SQL);
    assert_sql(fixture, "PLAIN",
               "SELECT string_agg(DISTINCT encodings) FROM parquet_metadata" FILE_SQL
               " WHERE path_in_schema LIKE 'features%%'");
    assert_sql(fixture, "network_identity=0123abc network_name=orchard",
               "SELECT string_agg(decode(key) || '=' || decode(value), ' ' ORDER BY key) FROM "
               "parquet_kv_metadata" FILE_SQL);
}

static void pca_and_failures_have_their_columns(void **state)
{
    struct fixture *fixture = *state;
    const float pca[] = {1.5f, -2.0f}, scaled[] = {0.25f, 0.5f, 0.75f};
    const char *path = "a.jpg", *label = "apple";
    struct pomi_part_options options = {.kind = POMI_TABLE_PCA,
                                        .formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON,
                                        .folder = "o/pca",
                                        .part_index = 17,
                                        .run_id = "run",
                                        .n_features = 3,
                                        .n_components = 2,
                                        .with_scaled = true};
    struct pomi_rows rows = {.n_rows = 1,
                             .paths = &path,
                             .labels = &label,
                             .n_features = 3,
                             .features_scaled = scaled,
                             .n_components = 2,
                             .features_pca = pca};
    struct pomi_part *part;
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    assert_ok(fixture, pomi_part_rows(part, &rows, &fixture->err));
    assert_ok(fixture, pomi_part_commit(part, &fixture->err));
    assert_sql(fixture, "(a.jpg, apple, [1.5, -2.0], [0.25, 0.5, 0.75])",
               "SELECT row(path, label, features_pca, features_scaled)::VARCHAR FROM "
               "'o/pca/part-00017-run.parquet'");
    assert_sql(fixture, "path,label,pc1,pc2,scaled0,scaled1,scaled2\na.jpg,apple,1.5,-2.0,0.25,0.5,0.75\n",
               "SELECT content FROM read_text('o/pca_csv/part-00017-run.csv')");
    assert_sql(fixture,
               "{\"path\":\"a.jpg\",\"label\":\"apple\",\"features_pca\":[1.5,-2.0],"
               "\"features_scaled\":[0.25,0.5,0.75]}\n",
               "SELECT content FROM read_text('o/pca_json/part-00017-run.json')");

    options = (struct pomi_part_options){.kind = POMI_TABLE_FAILURES,
                                         .formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON,
                                         .folder = "o/failures",
                                         .run_id = "run"};
    const struct pomi_failure failure = {"bad\xff.jpg", "apple", "decode", "truncated", "it \"ends\", early"};
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    assert_ok(fixture, pomi_part_failures(part, &failure, 1, &fixture->err));
    assert_ok(fixture, pomi_part_commit(part, &fixture->err));
    assert_sql(fixture, "bad\\xff.jpg|apple|decode|truncated|it \"ends\", early",
               "SELECT concat_ws('|', path, label, stage, reason, message) FROM "
               "'o/failures/part-00000-run.parquet'");
    assert_sql(fixture,
               "path,label,stage,reason,message\n"
               "bad\\xff.jpg,apple,decode,truncated,\"it \"\"ends\"\", early\"\n",
               "SELECT content FROM read_text('o/failures_csv/part-00000-run.csv')");
    assert_sql(
        fixture,
        "{\"path\":\"bad\\\\xff.jpg\",\"label\":\"apple\",\"stage\":\"decode\",\"reason\":\"truncated\","
        "\"message\":\"it \\\"ends\\\", early\"}\n",
        "SELECT content FROM read_text('o/failures_json/part-00000-run.json')");
}

static void texts_round_trip_in_every_format(void **state)
{
    struct fixture *fixture = *state;
    static const char *const paths[] = {
        "plain.jpg",
        "with space.jpg",
        "it's.jpg",
        "\"quoted\".jpg",
        "comma,semicolon;.jpg",
        "two\nlines",
        "carriage\rreturn",
        "tab\there",
        "back\\slash",
        "pipe|.jpg",
        "🍎 apple.jpg",
        "ünïcödé",
        "<script>&amp;",
        "\x01\x1f\x7f",
        "{\"path\":1}",
        "[1,2]",
        "NULL",
        "''",
        "--; DROP TABLE",
        "  spaces  ",
        "#comment",
        "ends with quote\"",
        "\"",
        "\\",
        "\xF4\x8F\xBF\xBF",
        "https://x/?y=",
        "%41%00",
        "$(reboot)",
        "`x`",
        "=1+1",
    };
    enum { N = sizeof paths / sizeof paths[0] };
    const char *labels[N];
    float features[N * 2];
    for (int i = 0; i < N; i++) {
        labels[i] = paths[N - 1 - i];
        features[2 * i] = (float)i;
        features[2 * i + 1] = number_of(i, 1);
    }
    labels[0] = "";
    struct pomi_part_options options = features_options("t", 2);
    options.formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON;
    struct pomi_part *part;
    struct pomi_rows rows = {
        .n_rows = N, .paths = paths, .labels = labels, .n_features = 2, .features = features};
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    assert_ok(fixture, pomi_part_rows(part, &rows, &fixture->err));
    assert_ok(fixture, pomi_part_commit(part, &fixture->err));

    struct pomi_table_reader *reader;
    struct pomi_rows back;
    assert_ok(fixture,
              pomi_table_open(&reader, fixture->sink, "t", POMI_TABLE_FEATURES, "features", &fixture->err));
    assert_ok(fixture, pomi_table_next(reader, &back, NULL, &fixture->err));
    assert_int_equal(back.n_rows, N);
    for (int i = 0; i < N; i++) {
        assert_string_equal(back.paths[i], paths[i]);
        assert_string_equal(back.labels[i], labels[i]);
    }
    pomi_table_close(reader);
    /* CSV and JSON as a reader of those formats understands them, against the Parquet file, row by row. */
#define SAME_AS_PARQUET                                                                                      \
    "SELECT count(*) FROM (SELECT row_number() OVER () r, path, label, features FROM 't/*.parquet') p "      \
    "JOIN %s t ON p.r = t.r AND p.path = t.path AND p.label = t.label AND p.features[1] = t.f0 AND "         \
    "p.features[2] = t.f1"
    char expected[8];
    snprintf(expected, sizeof expected, "%d", N);
    assert_sql(
        fixture, expected, SAME_AS_PARQUET,
        "(SELECT row_number() OVER () r, * FROM read_csv('t_csv/*.csv', header = true, auto_detect = false, "
        "delim = ',', quote = '\"', escape = '\"', nullstr = 'no such text', columns = {path: 'VARCHAR', "
        "label: 'VARCHAR', f0: 'FLOAT', f1: 'FLOAT'}))");
    assert_sql(
        fixture, expected, SAME_AS_PARQUET,
        "(SELECT row_number() OVER () r, path, label, features[1]::FLOAT f0, features[2]::FLOAT f1 FROM "
        "read_json('t_json/*.json', format = 'newline_delimited', columns = {path: 'VARCHAR', label: "
        "'VARCHAR', features: 'FLOAT[]'}))");
}

/* Each number is read with strtof from the CSV and from the JSON file. */
static void numbers_in_text_read_back_as_the_same_float(void **state)
{
    struct fixture *fixture = *state;
    enum { ROWS = 2000, WIDTH = 16 };
    write_part(fixture, "t", POMI_FORMAT_CSV | POMI_FORMAT_JSON, ROWS, WIDTH, 100);
    struct pomi_bytes csv = {0}, json = {0};
    assert_int_equal(pomi_store_read(NULL, "t_csv/part-00000-run.csv", 1 << 30, &csv, NULL), POM_OK);
    assert_int_equal(pomi_store_read(NULL, "t_json/part-00000-run.json", 1 << 30, &json, NULL), POM_OK);
    assert_int_equal(pomi_bytes_append(&csv, "", 1, NULL), POM_OK);
    assert_int_equal(pomi_bytes_append(&json, "", 1, NULL), POM_OK);
    const char *in_csv = strchr((char *)csv.data, '\n'), *in_json = (char *)json.data;
    for (int row = 0; row < ROWS; row++) {
        in_csv = strchr(strchr(in_csv, ',') + 1, ','); /* after path and label */
        in_json = strchr(in_json, '[');
        for (int k = 0; k < WIDTH; k++) {
            char *end;
            float expected = number_of(row, k), got = strtof(in_csv + 1, &end);
            assert_memory_equal(&got, &expected, sizeof got);
            assert_true(end - in_csv <= 20);
            in_csv = end;
            got = strtof(in_json + 1, &end);
            assert_memory_equal(&got, &expected, sizeof got);
            in_json = end;
        }
        assert_int_equal(*in_csv, '\n');
        assert_memory_equal(in_json, "]}\n", 3);
    }
    pomi_bytes_release(&csv);
    pomi_bytes_release(&json);
}

static void the_same_rows_give_the_same_bytes(void **state)
{
    struct fixture *fixture = *state;
    static const size_t portions[] = {1, 50, 5000};
    static const char *const paths[] = {"t/part-00000-run.parquet", "t_csv/part-00000-run.csv",
                                        "t_json/part-00000-run.json"};
    struct pomi_bytes first[3] = {{0}};
    for (size_t p = 0; p < 3; p++) {
        write_part(fixture, "t", POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON, 5000, 30,
                   portions[p]);
        for (int i = 0; i < 3; i++) {
            struct pomi_bytes bytes = {0};
            assert_int_equal(pomi_store_read(NULL, paths[i], 1 << 30, &bytes, NULL), POM_OK);
            if (p == 0) {
                first[i] = bytes;
                continue;
            }
            assert_int_equal(bytes.size_bytes, first[i].size_bytes);
            assert_memory_equal(bytes.data, first[i].data, bytes.size_bytes);
            pomi_bytes_release(&bytes);
        }
    }
    for (int i = 0; i < 3; i++) pomi_bytes_release(&first[i]);
}

static void files_are_named_and_removed_by_part(void **state)
{
    struct fixture *fixture = *state;
    const unsigned all = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON;
    char *path = pomi_part_file("o/t/", 12, "r", POMI_FORMAT_JSON);
    assert_string_equal(path, "o/t_json/part-00012-r.json");
    free(path);
    write_part(fixture, "o/t", all, 1, 1, 1);
    write_part(fixture, "o/t2", all, 1, 1, 1);
    assert_ok(fixture, pomi_part_remove(NULL, "o/t", 1, "run", &fixture->err));
    assert_int_equal(count_files("."), 6);
    assert_ok(fixture, pomi_part_remove(NULL, "o/t", 0, "run", &fixture->err));
    assert_int_equal(count_files("."), 3);
    assert_ok(fixture, pomi_table_remove(NULL, "o/t2/", &fixture->err));
    assert_int_equal(count_files("."), 0);
}

static void what_does_not_belong_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct pomi_part_options options = features_options("t", 2);
    struct pomi_part *part;
    const char *path = "a.jpg", *label = "apple";
    float numbers[] = {1, 2, 3};
    struct pomi_rows rows = {
        .n_rows = 1, .paths = &path, .labels = &label, .n_features = 3, .features = numbers};
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));

    assert_int_equal(pomi_part_rows(part, &rows, &fixture->err), POM_ERROR_ARGUMENT);
    assert_string_equal(fixture->err.message, "rows with 3 numbers of features for a table of 2");

    rows.n_features = 2;
    path = "caf\xe9.jpg";
    assert_int_equal(pomi_part_rows(part, &rows, &fixture->err), POM_ERROR_ARGUMENT);
    assert_string_equal(fixture->err.reason, "path_not_utf8");

    path = "a.jpg";
    numbers[1] = NAN;
    assert_int_equal(pomi_part_rows(part, &rows, &fixture->err), POM_ERROR_NUMERIC);
    assert_string_equal(fixture->err.message, "a.jpg: features has a number that is not finite");

    struct pomi_failure failure = {"a", "b", "c", "d", "e"};
    assert_int_equal(pomi_part_failures(part, &failure, 1, &fixture->err), POM_ERROR_ARGUMENT);
    pomi_part_abandon(part);
    assert_int_equal(count_files("."), 0);

    options.n_features = 0;
    assert_int_equal(pomi_part_begin(&part, fixture->sink, &options, &fixture->err), POM_ERROR_ARGUMENT);
    assert_null(part);
    options.kind = POMI_TABLE_PCA;
    options.n_components = 2;
    options.with_scaled = true;
    assert_int_equal(pomi_part_begin(&part, fixture->sink, &options, &fixture->err), POM_ERROR_ARGUMENT);
    options.kind = POMI_TABLE_FEATURES;
    options.n_features = 2;
    options.formats = 0;
    assert_int_equal(pomi_part_begin(&part, fixture->sink, &options, &fixture->err), POM_ERROR_ARGUMENT);
    options.formats = POMI_FORMAT_PARQUET;
    options.folder = "/proc/no such folder";
    assert_int_not_equal(pomi_part_begin(&part, fixture->sink, &options, &fixture->err), POM_OK);
    options.folder = "t\xff";
    assert_int_equal(pomi_part_begin(&part, fixture->sink, &options, &fixture->err), POM_ERROR_ARGUMENT);
}

static void abandoning_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    pomi_part_abandon(NULL);
    static const int64_t n_rows[] = {0, 10, 3000};
    for (int i = 0; i < 3; i++) {
        struct pomi_part_options options = features_options("t", 64);
        options.formats = POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON;
        struct pomi_part *part;
        struct made_rows made;
        make_rows(&made, 0, (size_t)n_rows[i], 64);
        assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
        assert_ok(fixture, pomi_part_rows(part, &made.rows, &fixture->err));
        pomi_part_abandon(part);
        free_rows(&made);
        assert_int_equal(count_files("."), 0);
    }
}

/* Folders whose names mean something else to DuckDB, SQL or the shell. */
static void folders_may_have_any_name(void **state)
{
    struct fixture *fixture = *state;
    static const char *const folders[] = {"it's",    "two\nlines", "a[1]*?{x}", "~", "~user/x",
                                          "./s3:/b", "s3:b",       "file:",     "🍎", "back\\",
                                          "%20+$",   "label=x/t",  "_hidden/.t"};
    assert_int_equal(mkdir("a1xx{x}", 0777), 0); /* what a[1]*?{x} would match as a pattern */
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        write_part(fixture, folders[i], POMI_FORMAT_PARQUET | POMI_FORMAT_CSV, 10, 4, 10);
        check_made_rows(fixture, folders[i], 10, 4);
        assert_int_equal(count_files(folders[i]), 1);
        assert_ok(fixture, pomi_table_remove(NULL, folders[i], &fixture->err));
        assert_false(access(folders[i], F_OK) == 0);
    }
    char absolute[128];
    snprintf(absolute, sizeof absolute, "%s/t", fixture->folder);
    write_part(fixture, absolute, POMI_FORMAT_PARQUET, 10, 4, 10);
    check_made_rows(fixture, absolute, 10, 4);
}

/* Fills the part until it fails, or up to its end; what the run then does is abandon it. */
static enum pom_status write_until_failure(struct fixture *fixture, unsigned formats)
{
    struct pomi_part_options options = features_options("t", 512);
    options.formats = formats;
    struct pomi_part *part;
    struct made_rows made;
    make_rows(&made, 0, 8192, 512);
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    enum pom_status status = pomi_part_rows(part, &made.rows, &fixture->err);
    if (status == POM_OK)
        status = pomi_part_commit(part, &fixture->err);
    else
        pomi_part_abandon(part);
    free_rows(&made);
    return status;
}

static void a_full_disk_is_an_error_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum pomi_table_format format;
        const char *path;
    } cases[] = {{POMI_FORMAT_PARQUET, "t/part-00000-run.parquet"},
                 {POMI_FORMAT_CSV, "t_csv/part-00000-run.csv"},
                 {POMI_FORMAT_JSON, "t_json/part-00000-run.json"}};
    for (int i = 0; i < 3; i++) {
        /* Every write to /dev/full fails as on a full disk; the temporary's name is known. */
        struct pomi_local_file temporary;
        char *folder = pomi_table_format_folder("t", cases[i].format);
        assert_int_equal(pomi_store_make_folder(NULL, folder, NULL), POM_OK);
        free(folder);
        assert_int_equal(pomi_store_create(NULL, cases[i].path, &temporary, NULL), POM_OK);
        if (symlink("/dev/full", temporary.path) != 0) skip();
        assert_int_equal(
            write_until_failure(fixture, POMI_FORMAT_PARQUET | POMI_FORMAT_CSV | POMI_FORMAT_JSON),
            POM_ERROR_IO);
        assert_string_equal(fixture->err.reason, "disk_full");
        assert_non_null(strstr(fixture->err.message, cases[i].path));
        assert_non_null(strstr(fixture->err.message, "no space left on the device"));
        assert_int_equal(count_files("."), 0);
        pomi_local_file_release(&temporary);
    }
}

static void a_file_size_limit_is_an_error_and_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct rlimit before, small = {1 << 20, 1 << 20};
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    static const unsigned formats[] = {POMI_FORMAT_PARQUET, POMI_FORMAT_CSV, POMI_FORMAT_JSON};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        enum pom_status status = write_until_failure(fixture, formats[i]);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(status, POM_ERROR_IO);
        assert_non_null(strstr(fixture->err.message, strerror(EFBIG)));
        assert_int_equal(count_files("."), 0);
    }
    signal(SIGXFSZ, handler);
    /* The same sink goes on once there is room. */
    write_part(fixture, "t", POMI_FORMAT_PARQUET, 100, 8, 100);
    check_made_rows(fixture, "t", 100, 8);
}

/* A name that cannot be taken: the commit fails, and neither it nor its companions stay. */
static void a_part_that_cannot_be_published_leaves_nothing(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(pomi_store_make_folder(NULL, "t/part-00000-run.parquet/in the way", NULL), POM_OK);
    assert_int_equal(write_until_failure(fixture, POMI_FORMAT_PARQUET | POMI_FORMAT_CSV), POM_ERROR_IO);
    assert_int_equal(count_files("."), 0);
}

struct worker {
    struct fixture *fixture;
    const char *folder;
    int width;
};

static void *write_and_read(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < 3; i++) {
        write_part(worker->fixture, worker->folder, POMI_FORMAT_PARQUET | POMI_FORMAT_JSON, 1000,
                   worker->width, 17);
        check_made_rows(worker->fixture, worker->folder, 1000, worker->width);
    }
    return NULL;
}

static void parts_and_readers_may_be_open_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct worker workers[] = {{fixture, "a", 3}, {fixture, "b", 50}, {fixture, "c", 7}};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, &workers[i]), 0);
    for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);

    /* One thread, as a transform does: reading one table while writing another and collecting failures. */
    struct pomi_table_reader *reader;
    struct pomi_part *part, *failures;
    struct pomi_part_options options = features_options("d", 50), other = {.kind = POMI_TABLE_FAILURES,
                                                                           .formats = POMI_FORMAT_PARQUET,
                                                                           .folder = "f",
                                                                           .run_id = "run"};
    assert_ok(fixture, pomi_part_begin(&part, fixture->sink, &options, &fixture->err));
    assert_ok(fixture, pomi_part_begin(&failures, fixture->sink, &other, &fixture->err));
    assert_ok(fixture,
              pomi_table_open(&reader, fixture->sink, "b", POMI_TABLE_FEATURES, "features", &fixture->err));
    struct pomi_rows rows;
    do {
        assert_ok(fixture, pomi_table_next(reader, &rows, NULL, &fixture->err));
        if (rows.n_rows > 0) assert_ok(fixture, pomi_part_rows(part, &rows, &fixture->err));
    } while (rows.n_rows > 0);
    pomi_table_close(reader);
    assert_ok(fixture, pomi_part_commit(part, &fixture->err));
    assert_ok(fixture, pomi_part_commit(failures, &fixture->err));
    check_made_rows(fixture, "d", 1000, 50);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)
    const struct CMUnitTest tests[] = {
        TEST(rows_come_back_in_order_bit_by_bit),
        TEST(a_part_without_rows_is_a_valid_file),
        TEST(the_parquet_file_is_what_the_format_page_says),
        TEST(pca_and_failures_have_their_columns),
        TEST(texts_round_trip_in_every_format),
        TEST(numbers_in_text_read_back_as_the_same_float),
        TEST(the_same_rows_give_the_same_bytes),
        TEST(files_are_named_and_removed_by_part),
        TEST(what_does_not_belong_is_refused),
        TEST(abandoning_leaves_nothing),
        TEST(folders_may_have_any_name),
        TEST(a_full_disk_is_an_error_and_leaves_nothing),
        TEST(a_file_size_limit_is_an_error_and_leaves_nothing),
        TEST(a_part_that_cannot_be_published_leaves_nothing),
        TEST(parts_and_readers_may_be_open_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
