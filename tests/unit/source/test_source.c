// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "source/source.h"
#include "store/store.h"

#include "../own_folder.h"

static struct pom_error err;

static void write_text(const char *path, const char *content)
{
    struct pomi_view view = {(const uint8_t *)content, strlen(content)};
    if (pomi_store_write(NULL, path, view, &err) != POM_OK) fail_msg("%s", err.message);
}

/* Tests run in a folder with these files; only the listing looks at them, nobody decodes. */
static int enter_photo_folder(void **state)
{
    static const char *const paths[] = {
        "photos/apple/2.jpg",
        "photos/apple/1.JPG",
        "photos/apple/1.png",
        "photos/apple/notes.txt",
        "photos/Pear/a b.jpeg",
        "photos/Pear/it's \"x\".webp",
        "photos/top.jpg",
        "photos/apple/jpg",
        "photos/x/y/z/deep.Png",
        "photos/two\nlines/n\nl.jpg",
        "photos/apple/\xff\xfe.jpg",
    };
    if (enter_folder(state) != 0) return 1;
    static const char *const folders[] = {"photos/apple", "photos/Pear", "photos/x/y/z", "photos/two\nlines",
                                          "empty"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (pomi_store_make_folder(NULL, folders[i], &err) != POM_OK) return 1;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) write_text(paths[i], "x");
    return 0;
}

/* The listing as "path|label;path|label;". */
static void assert_listing(struct pomi_source_options options, const char *expected)
{
    struct pomi_listing listing;
    struct pomi_bytes got = {0};
    if (pomi_source_list(&listing, &options, &err) != POM_OK) fail_msg("%s", err.message);
    for (size_t i = 0; i < listing.n_photos; i++)
        pomi_bytes_print(&got, NULL, "%s|%s;", listing.photos[i].path, listing.photos[i].label);
    pomi_bytes_append(&got, "", 1, NULL);
    assert_string_equal((char *)got.data, expected);
    pomi_bytes_release(&got);
    pomi_listing_release(&listing);
}

static void assert_refused(struct pomi_source_options options, enum pom_status status, const char *message)
{
    struct pomi_listing listing;
    assert_int_equal(pomi_source_list(&listing, &options, &err), status);
    if (strstr(err.message, message) == NULL) fail_msg("not \"%s\" but: %s", message, err.message);
    assert_int_equal(listing.n_photos, 0);
    assert_null(listing.photos);
}

static void a_folder_is_listed_by_path_bytes_with_its_folders_as_labels(void **state)
{
    (void)state;
    const char *expected =
        "photos/Pear/a b.jpeg|Pear;photos/Pear/it's \"x\".webp|Pear;photos/apple/1.JPG|apple;"
        "photos/apple/1.png|apple;photos/apple/2.jpg|apple;photos/apple/\xff\xfe.jpg|apple;"
        "photos/top.jpg|photos;photos/two\nlines/n\nl.jpg|two\nlines;photos/x/y/z/deep.Png|z;";
    assert_listing((struct pomi_source_options){.source = "photos"}, expected);
    assert_listing((struct pomi_source_options){.source = "photos/", .label_from = "parent"}, expected);
}

static void patterns_choose_files(void **state)
{
    (void)state;
    assert_listing((struct pomi_source_options){.source = "photos", .glob = "*.PNG", .label_from = "none"},
                   "photos/apple/1.png|;photos/x/y/z/deep.Png|;");
    assert_listing(
        (struct pomi_source_options){.source = "photos", .glob = "  1.*  deep.??? ", .label_from = "none"},
        "photos/apple/1.JPG|;photos/apple/1.png|;photos/x/y/z/deep.Png|;");
    assert_refused((struct pomi_source_options){.source = "photos", .glob = "*.tif"}, POM_ERROR_ARGUMENT,
                   "photos has no photo that matches *.tif");
    assert_refused((struct pomi_source_options){.source = "photos", .glob = "  "}, POM_ERROR_ARGUMENT,
                   "--glob is empty");
    assert_refused((struct pomi_source_options){.source = "empty"}, POM_ERROR_ARGUMENT, "empty has no photo");
    assert_refused((struct pomi_source_options){.source = "absent"}, POM_ERROR_NOT_FOUND, "absent");
    char many[34 * 2 + 1] = "";
    for (int i = 0; i < 33; i++) strcat(many, "a ");
    assert_refused((struct pomi_source_options){.source = "photos", .glob = many}, POM_ERROR_ARGUMENT,
                   "32 patterns");
}

static void labels_follow_the_rule(void **state)
{
    (void)state;
    assert_listing((struct pomi_source_options){.source = "photos/x", .label_from = "regex:^photos/([^/]*)/"},
                   "photos/x/y/z/deep.Png|x;");
    assert_listing((struct pomi_source_options){.source = "photos/x", .label_from = "regex:(no such)"},
                   "photos/x/y/z/deep.Png|;");
    assert_listing((struct pomi_source_options){.source = "photos/x", .label_from = "regex:(q)?deep"},
                   "photos/x/y/z/deep.Png|;");
    assert_refused((struct pomi_source_options){.source = "photos", .label_from = "regex:(a"},
                   POM_ERROR_ARGUMENT, "--label-from regex:(a");
    assert_refused((struct pomi_source_options){.source = "photos", .label_from = "regex:a"},
                   POM_ERROR_ARGUMENT, "exactly one (group), it has 0");
    assert_refused((struct pomi_source_options){.source = "photos", .label_from = "regex:(a)(b)"},
                   POM_ERROR_ARGUMENT, "it has 2");
    assert_refused((struct pomi_source_options){.source = "photos", .label_from = "folder"},
                   POM_ERROR_ARGUMENT, "expected parent, none or regex:EXPRESSION");
}

static void one_photo_is_a_listing_of_one(void **state)
{
    (void)state;
    assert_listing((struct pomi_source_options){.source = "photos/apple/notes.txt"},
                   "photos/apple/notes.txt|apple;"); /* who names a file means it, whatever the patterns */
    assert_int_equal(chdir("photos/apple"), 0);
    assert_listing((struct pomi_source_options){.source = "1.png"}, "1.png|;");
}

static void list_files_name_photos_that_need_not_be_there(void **state)
{
    (void)state;
    write_text("list",
               "photos/b/2.jpg\r\n\nphotos/b/1.jpg\nphotos/b/2.jpg\n/absolute/c.tif\nlast without end");
    assert_listing((struct pomi_source_options){.source = "@list"},
                   "/absolute/c.tif|absolute;last without end|;photos/b/1.jpg|b;photos/b/2.jpg|b;");
    write_text("list", "\n\r\n\n");
    assert_refused((struct pomi_source_options){.source = "@list"}, POM_ERROR_ARGUMENT, "the list is empty");
    write_text("list", "");
    assert_refused((struct pomi_source_options){.source = "@list"}, POM_ERROR_ARGUMENT, "the list is empty");
    assert_int_equal(pomi_store_write(NULL, "list", (struct pomi_view){(const uint8_t *)"a\0b\n", 4}, &err),
                     POM_OK);
    assert_refused((struct pomi_source_options){.source = "@list"}, POM_ERROR_FORMAT, "zero byte");
    assert_refused((struct pomi_source_options){.source = "@absent"}, POM_ERROR_NOT_FOUND, "absent");
    assert_refused((struct pomi_source_options){.source = "@"}, POM_ERROR_NOT_FOUND, "");
}

static void outputs_of_runs_are_left_out(void **state)
{
    (void)state;
    assert_int_equal(pomi_store_make_folder(NULL, "mixed/out/plots", &err), POM_OK);
    assert_int_equal(pomi_store_make_folder(NULL, "mixed/out-of-season", &err), POM_OK);
    write_text("mixed/a.png", "x");
    write_text("mixed/out/run.json", "{\n  \"format\": \"pomona-run/1\"\n}");
    write_text("mixed/out/plots/scree.png", "x");
    write_text("mixed/out-of-season/b.png", "x");
    write_text("mixed/out-of-season/run.json", "{\"format\": \"a marathon\"}"); /* somebody else's */
    assert_listing((struct pomi_source_options){.source = "mixed"},
                   "mixed/a.png|mixed;mixed/out-of-season/b.png|out-of-season;");
    assert_listing((struct pomi_source_options){.source = "mixed", .glob = "*", .label_from = "none"},
                   "mixed/a.png|;mixed/out-of-season/b.png|;mixed/out-of-season/run.json|;");
    assert_refused((struct pomi_source_options){.source = "mixed/out"}, POM_ERROR_ARGUMENT,
                   "what lies in the output of a run is left out");
    struct pomi_listing listing;
    assert_int_equal(
        pomi_source_list(&listing, &(struct pomi_source_options){.source = "mixed", .glob = "*.png"}, &err),
        POM_OK);
    assert_int_equal(listing.n_left_out, 1);
    pomi_listing_release(&listing);
}

static void hash_of(struct pomi_source_options options, char hash[65])
{
    struct pomi_listing listing;
    assert_int_equal(pomi_source_list(&listing, &options, &err), POM_OK);
    memcpy(hash, listing.hash, sizeof listing.hash);
    assert_int_equal(strlen(hash), 64);
    pomi_listing_release(&listing);
}

static void the_hash_is_of_paths_and_labels(void **state)
{
    (void)state;
    char first[65], other[65];
    hash_of((struct pomi_source_options){.source = "photos"}, first);
    hash_of((struct pomi_source_options){.source = "photos/"}, other);
    assert_string_equal(first, other);
    write_text("photos/top.jpg", "other content, same listing");
    hash_of((struct pomi_source_options){.source = "photos"}, other);
    assert_string_equal(first, other);
    hash_of((struct pomi_source_options){.source = "photos", .label_from = "none"}, other);
    assert_string_not_equal(first, other);
    write_text("photos/new.jpg", "x");
    hash_of((struct pomi_source_options){.source = "photos"}, other);
    assert_string_not_equal(first, other);
    /* Where one path ends and the next begins counts. */
    write_text("list", "ab\nc\n");
    hash_of((struct pomi_source_options){.source = "@list"}, first);
    write_text("list", "a\nbc\n");
    hash_of((struct pomi_source_options){.source = "@list"}, other);
    assert_string_not_equal(first, other);
}

static void loops_are_errors(void **state)
{
    (void)state;
    assert_int_equal(symlink("..", "photos/apple/loop"), 0);
    assert_refused((struct pomi_source_options){.source = "photos"}, POM_ERROR_IO, "photos/apple/loop");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_photo_folder, leave_folder)
    const struct CMUnitTest tests[] = {
        TEST(a_folder_is_listed_by_path_bytes_with_its_folders_as_labels),
        TEST(patterns_choose_files),
        TEST(labels_follow_the_rule),
        TEST(outputs_of_runs_are_left_out),
        TEST(one_photo_is_a_listing_of_one),
        TEST(list_files_name_photos_that_need_not_be_there),
        TEST(the_hash_is_of_paths_and_labels),
        TEST(loops_are_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
