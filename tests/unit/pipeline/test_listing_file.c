// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/listing_file.h"
#include "store/store.h"

#include "../own_folder.h"

static struct pom_error err;

/* A listing read from the bytes of a listing file. */
static enum pom_status read_text(struct pomi_listing *listing, const char *text, size_t text_bytes)
{
    assert_int_equal(
        pomi_store_write(NULL, "_listing", (struct pomi_view){(const uint8_t *)text, text_bytes}, &err),
        POM_OK);
    return pomi_listing_file_read(listing, NULL, ".", &err);
}

#define READ(listing, text) assert_int_equal(read_text(listing, text, sizeof text - 1), POM_OK)

static void assert_paths(const struct pomi_listing *listing, const char *expected)
{
    struct pomi_bytes got = {0};
    for (size_t i = 0; i < listing->n_photos; i++)
        pomi_bytes_print(&got, NULL, "%s|%s;", listing->photos[i].path, listing->photos[i].label);
    pomi_bytes_append(&got, "", 1, NULL);
    assert_string_equal((char *)got.data, expected);
    pomi_bytes_release(&got);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct pom_photo photos[] = {{"a\nb/1.jpg", "a\nb"}, {"b/\xff.jpg", "b"}, {"c.jpg", ""}};
    struct pomi_listing listing = {.photos = photos, .n_photos = 3}, read;
    assert_int_equal(pomi_listing_file_write(&listing, NULL, ".", &err), POM_OK);
    assert_int_equal(pomi_listing_file_read(&read, NULL, ".", &err), POM_OK);
    assert_paths(&read, "a\nb/1.jpg|a\nb;b/\xff.jpg|b;c.jpg|;");
    assert_int_equal(strlen(read.hash), 64);
    pomi_listing_release(&read);
}

static void damaged_files_are_refused(void **state)
{
    (void)state;
    struct pomi_listing listing;
    static const char *const texts[] = {"", "a", "a\0b", "a\0", "a\0b\0c\0", "a\0b\0c"};
    static const size_t sizes[] = {0, 1, 3, 2, 6, 5};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(read_text(&listing, texts[i], sizes[i]), POM_ERROR_FORMAT);
        assert_non_null(strstr(err.message, "./_listing is damaged: start again with --overwrite"));
        assert_null(listing.photos);
    }
    assert_int_equal(pomi_store_remove(NULL, "_listing", &err), POM_OK);
    assert_int_equal(pomi_listing_file_read(&listing, NULL, ".", &err), POM_ERROR_NOT_FOUND);
}

static void new_photos_go_to_the_end(void **state)
{
    (void)state;
    struct pomi_listing plan, today;
    size_t n_new, n_gone;
    const char *example;
    READ(&plan, "b\0B\0d\0D\0");
    READ(&today, "a\0A\0b\0B\0c\0C\0d\0D\0e\0E\0");
    char hash[65];
    strcpy(hash, plan.hash);
    assert_int_equal(pomi_listing_add_new(&plan, &today, &n_new, &n_gone, &example, &err), POM_OK);
    assert_paths(&plan, "b|B;d|D;a|A;c|C;e|E;");
    assert_int_equal(n_new, 3);
    assert_int_equal(n_gone, 0);
    assert_string_equal(example, "a");
    assert_string_not_equal(plan.hash, hash);

    /* The plan is no longer sorted as a whole, and a second addition still finds what it has. */
    pomi_listing_release(&today);
    READ(&today, "a\0A\0b\0B\0bb\0B\0c\0C\0d\0D\0e\0E\0");
    assert_int_equal(pomi_listing_add_new(&plan, &today, &n_new, &n_gone, &example, &err), POM_OK);
    assert_paths(&plan, "b|B;d|D;a|A;c|C;e|E;bb|B;");
    assert_int_equal(n_new, 1);
    assert_string_equal(example, "bb");
    pomi_listing_release(&plan);
    pomi_listing_release(&today);
}

static void what_is_gone_stays_and_is_counted(void **state)
{
    (void)state;
    struct pomi_listing plan, today;
    size_t n_new, n_gone;
    const char *example;
    READ(&plan, "a\0\0b\0\0c\0\0d\0\0");
    READ(&today, "b\0\0");
    assert_int_equal(pomi_listing_add_new(&plan, &today, &n_new, &n_gone, &example, &err), POM_OK);
    assert_paths(&plan, "a|;b|;c|;d|;");
    assert_int_equal(n_new, 0);
    assert_int_equal(n_gone, 3);
    assert_string_equal(example, "a");
    pomi_listing_release(&today);

    READ(&today, "a\0\0b\0\0c\0\0");
    assert_int_equal(pomi_listing_add_new(&plan, &today, &n_new, &n_gone, &example, &err), POM_OK);
    assert_int_equal(n_gone, 1);
    assert_string_equal(example, "d");
    pomi_listing_release(&today);

    READ(&today, "a\0\0b\0\0c\0\0d\0\0");
    assert_int_equal(pomi_listing_add_new(&plan, &today, &n_new, &n_gone, &example, &err), POM_OK);
    assert_int_equal(n_new + n_gone, 0);
    assert_null(example);
    pomi_listing_release(&plan);
    pomi_listing_release(&today);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(damaged_files_are_refused),
        TEST(new_photos_go_to_the_end),
        TEST(what_is_gone_stays_and_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
