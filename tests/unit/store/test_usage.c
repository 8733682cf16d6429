// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/read_ahead.h"
#include "store/usage.h"

static struct pom_error err;

static void the_union_is_smaller_than_the_names_that_begin_with_eu(void **state)
{
    (void)state;
    assert_true(pomi_region_is_in_eu("eu-central-1"));
    assert_true(pomi_region_is_in_eu("eu-south-2"));
    assert_false(pomi_region_is_in_eu("eu-west-2"));    /* London */
    assert_false(pomi_region_is_in_eu("eu-central-2")); /* Zurich */
    assert_false(pomi_region_is_in_eu("us-east-1"));
    assert_false(pomi_region_is_in_eu(""));
}

static void regions_are_asked_for_by_name_by_pattern_or_as_the_union(void **state)
{
    (void)state;
    static const struct {
        const char *region, *wanted;
        bool matches;
    } cases[] = {
        {"eu-west-1", "eu-west-1", true},
        {"eu-west-1", "eu-*", true},
        {"eu-west-2", "eu-*", true},
        {"eu-west-2", "EU", false},
        {"eu-west-1", "EU", true},
        {"us-east-1", "eu-*, us-east-1", true},
        {"us-east-1", "eu-*,us-west-*", false},
        {"eu-west-1", "", false},
        {"", "*", false}, /* a server that does not tell */
        {"eu-west-1", "eu-west-10", false},
        {"eu-west-1", ",,eu-west-?", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pomi_region_matches(cases[i].region, cases[i].wanted), cases[i].matches);
}

static enum pom_status find(struct pomi_s3_prices *prices, const char *region, const char *text)
{
    return pomi_s3_prices_find(prices, region, text, text != NULL ? strlen(text) : 0, "prices.json", &err);
}

static void prices_come_from_the_table_or_from_a_file(void **state)
{
    (void)state;
    struct pomi_s3_prices prices;
    assert_int_equal(find(&prices, "eu-central-1", NULL), POM_OK);
    assert_true(prices.is_known);
    assert_float_equal(prices.per_1000_writes, 0.0054, 1e-9);
    assert_int_equal(strlen(prices.as_of), 10);
    assert_int_equal(find(&prices, "moon-1", NULL), POM_OK);
    assert_false(prices.is_known);

    const char *file = "{\"as_of\": \"2026-01-31\", \"regions\": {\"moon-1\": {\"per_1000_writes\": 1, "
                       "\"per_1000_reads\": 0.5, \"per_gb_out\": 0}}}";
    assert_int_equal(find(&prices, "moon-1", file), POM_OK);
    assert_true(prices.is_known);
    assert_float_equal(prices.per_1000_reads, 0.5, 1e-9);
    assert_string_equal(prices.as_of, "2026-01-31");
    assert_int_equal(find(&prices, "eu-central-1", file), POM_OK);
    assert_false(prices.is_known); /* the file replaces the table */
}

static void damaged_price_files_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "[]",
        "{\"as_of\": \"2026-01-31\"}",
        "{\"regions\": {}}",
        "{\"as_of\": 1, \"regions\": {}}",
        "{\"as_of\": \"2026\", \"regions\": {\"moon-1\": {}}}",
        "{\"as_of\": \"2026\", \"regions\": {\"moon-1\": 3}}",
        ("{\"as_of\": \"2026\", \"regions\": {\"moon-1\": {\"per_1000_writes\": -1, \"per_1000_reads\": 0, "
         "\"per_gb_out\": 0}}}")};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        struct pomi_s3_prices prices;
        assert_int_equal(find(&prices, "moon-1", files[i]), POM_ERROR_FORMAT);
        assert_non_null(strstr(err.message, "prices.json"));
    }
}

static void only_what_others_would_share_ends_a_run(void **state)
{
    (void)state;
    struct pom_error of_one = {POM_ERROR_NOT_FOUND, "not_found", ""};
    struct pom_error of_all = {POM_ERROR_IO, "expired_token", ""};
    assert_false(pomi_store_failure_is_general("s3://bucket/a.jpg", &of_one));
    assert_true(pomi_store_failure_is_general("s3://bucket/a.jpg", &of_all));
    struct pom_error on_disk = {POM_ERROR_IO, "io", ""};
    assert_false(pomi_store_failure_is_general("a.jpg", &on_disk));
}

static void a_store_that_saw_no_bucket_has_nothing_to_tell(void **state)
{
    (void)state;
    struct pomi_store *store;
    struct pomi_bytes text = {0};
    assert_int_equal(pomi_store_new(&store, NULL, &err), POM_OK);
    assert_null(pomi_store_usage(store));
    assert_int_equal(pomi_store_usage_text(store, &text, &err), POM_OK);
    assert_string_equal((const char *)text.data, "");
    pomi_bytes_release(&text);
    pomi_store_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_union_is_smaller_than_the_names_that_begin_with_eu),
        cmocka_unit_test(regions_are_asked_for_by_name_by_pattern_or_as_the_union),
        cmocka_unit_test(prices_come_from_the_table_or_from_a_file),
        cmocka_unit_test(damaged_price_files_are_refused_by_name),
        cmocka_unit_test(only_what_others_would_share_ends_a_run),
        cmocka_unit_test(a_store_that_saw_no_bucket_has_nothing_to_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
