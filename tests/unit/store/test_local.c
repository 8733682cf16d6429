// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/store.h"

#include "../own_folder.h"

static struct pom_error err;

static struct pomi_view text(const char *content)
{
    return (struct pomi_view){(const uint8_t *)content, strlen(content)};
}

static void write_text(const char *path, const char *content)
{
    if (pomi_store_write(NULL, path, text(content), &err) != POM_OK) fail_msg("%s", err.message);
}

static void assert_content(const char *path, const char *expected)
{
    struct pomi_bytes bytes = {0};
    if (pomi_store_read(NULL, path, 1 << 20, &bytes, &err) != POM_OK) fail_msg("%s", err.message);
    assert_int_equal(bytes.size_bytes, strlen(expected));
    assert_memory_equal(bytes.data, expected, bytes.size_bytes);
    pomi_bytes_release(&bytes);
}

static bool is_there(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool is_folder(const char *path)
{
    bool answer;
    assert_int_equal(pomi_store_is_folder(NULL, path, &answer, &err), POM_OK);
    return answer;
}

static size_t count_files(void)
{
    struct pomi_store_listing listing;
    assert_int_equal(pomi_store_list(NULL, ".", NULL, NULL, &listing, &err), POM_OK);
    size_t n_entries = listing.n_entries;
    pomi_store_listing_release(&listing);
    return n_entries;
}

static void files_are_read_whole_and_memory_is_reused(void **state)
{
    (void)state;
    struct pomi_bytes bytes = {0};
    write_text("large", "0123456789");
    write_text("small", "abc");
    write_text("empty", "");
    assert_int_equal(pomi_store_read(NULL, "large", 10, &bytes, &err), POM_OK);
    assert_int_equal(bytes.size_bytes, 10);
    const uint8_t *data = bytes.data;
    assert_int_equal(pomi_store_read(NULL, "small", 10, &bytes, &err), POM_OK);
    assert_ptr_equal(bytes.data, data);
    assert_int_equal(bytes.size_bytes, 3);
    assert_memory_equal(bytes.data, "abc", 3);
    assert_int_equal(pomi_store_read(NULL, "empty", 10, &bytes, &err), POM_OK);
    assert_int_equal(bytes.size_bytes, 0);
    pomi_bytes_release(&bytes);
}

static void what_cannot_be_read_has_a_reason(void **state)
{
    (void)state;
    struct pomi_bytes bytes = {0};
    assert_int_equal(pomi_store_read(NULL, "absent", 10, &bytes, &err), POM_ERROR_NOT_FOUND);
    assert_string_equal(err.reason, "not_found");
    assert_non_null(strstr(err.message, "absent"));
    write_text("file", "0123456789");
    assert_int_equal(pomi_store_read(NULL, "file/inside", 10, &bytes, &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(pomi_store_read(NULL, "file", 9, &bytes, &err), POM_ERROR_LIMIT);
    assert_string_equal(err.reason, "file_too_large");
    assert_null(bytes.data); /* refused before allocation */
    assert_int_equal(mkdir("folder", 0777), 0);
    assert_int_equal(pomi_store_read(NULL, "folder", 10, &bytes, &err), POM_ERROR_UNSUPPORTED);
    assert_string_equal(err.reason, "not_a_file");
    assert_int_equal(mkfifo("pipe", 0666), 0); /* nobody writes to it: must not wait */
    assert_int_equal(pomi_store_read(NULL, "pipe", 10, &bytes, &err), POM_ERROR_UNSUPPORTED);
    assert_string_equal(err.reason, "not_a_file");
    assert_int_equal(symlink("nowhere", "dangling"), 0);
    assert_int_equal(pomi_store_read(NULL, "dangling", 10, &bytes, &err), POM_ERROR_NOT_FOUND);
    if (geteuid() != 0) {
        assert_int_equal(chmod("file", 0), 0);
        assert_int_equal(pomi_store_read(NULL, "file", 10, &bytes, &err), POM_ERROR_IO);
        assert_string_equal(err.reason, "unreadable");
    }
}

static void writing_replaces_whole_files_and_leaves_nothing_else(void **state)
{
    (void)state;
    write_text("a", "first, and longer");
    write_text("a", "second");
    assert_content("a", "second");
    assert_int_equal(count_files(), 1);
    assert_int_equal(pomi_store_write(NULL, "no/such/folder", text("x"), &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(mkdir("in the way", 0777), 0);
    write_text("in the way/b", "b");
    assert_int_not_equal(pomi_store_write(NULL, "in the way", text("x"), &err), POM_OK);
    assert_int_equal(count_files(), 2);
}

/* Every write that fails, fails like this one: the old file stays, the temporary goes. */
static void a_full_disk_leaves_the_old_file(void **state)
{
    (void)state;
    struct pomi_local_file temporary;
    write_text("a", "old");
    assert_int_equal(pomi_store_create(NULL, "a", &temporary, &err), POM_OK);
    if (symlink("/dev/full", temporary.path) != 0) skip();
    temporary.is_temporary = false;
    pomi_local_file_release(&temporary);
    assert_int_equal(pomi_store_write(NULL, "a", text("new"), &err), POM_ERROR_IO);
    assert_string_equal(err.reason, "disk_full");
    assert_non_null(strstr(err.message, "no space left on the device"));
    assert_content("a", "old");
    assert_int_equal(count_files(), 1);

    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = (struct rlimit){2, before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    enum pom_status status = pomi_store_write(NULL, "a", text("longer than two"), &err);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, POM_ERROR_IO);
    assert_content("a", "old");
    assert_int_equal(count_files(), 1);
}

static void temporaries_are_hidden_and_beside_the_file(void **state)
{
    (void)state;
    struct pomi_local_file temporary;
    char expected[64];
    assert_int_equal(pomi_store_create(NULL, "out/a.parquet", &temporary, &err), POM_OK);
    snprintf(expected, sizeof expected, "out/.a.parquet.tmp-%ld-", (long)getpid());
    assert_memory_equal(temporary.path, expected, strlen(expected));
    assert_int_equal(strlen(temporary.path), strlen(expected) + 8);
    pomi_local_file_release(&temporary);
    assert_int_equal(pomi_store_create(NULL, "a", &temporary, &err), POM_OK);
    snprintf(expected, sizeof expected, ".a.tmp-%ld-", (long)getpid());
    assert_memory_equal(temporary.path, expected, strlen(expected));
    write_text(temporary.path, "given up");
    pomi_local_file_release(&temporary);
    assert_int_equal(count_files(), 0);
}

static void publishing_moves_a_file_into_place(void **state)
{
    (void)state;
    struct pomi_local_file made;
    write_text("name", "old");
    assert_int_equal(pomi_store_create(NULL, "name", &made, &err), POM_OK);
    write_text(made.path, "content");
    assert_int_equal(pomi_store_publish(NULL, &made, "name", &err), POM_OK);
    assert_null(made.path);
    assert_content("name", "content");
    assert_int_equal(count_files(), 1);

    assert_int_equal(pomi_store_create(NULL, "name", &made, &err), POM_OK); /* and never written */
    assert_int_equal(pomi_store_publish(NULL, &made, "name", &err), POM_ERROR_IO);
    assert_string_equal(err.reason, "output_gone");
    assert_content("name", "content");
    pomi_local_file_release(&made);
}

/* Another process removes the folders as fast as they are made. */
static void a_folder_that_is_gone_again_is_not_a_wrong_path(void **state)
{
    (void)state;
    const pid_t other = fork();
    assert_true(other >= 0);
    while (other == 0) {
        rmdir("made/in/turn");
        rmdir("made/in");
        rmdir("made");
        if (getppid() == 1) _exit(1);
    }
    enum pom_status status = POM_OK;
    for (int i = 0; i < 5000 && (status == POM_OK || status == POM_ERROR_IO); i++) {
        status = pomi_store_make_folder(NULL, "made/in/turn", &err);
        if (status != POM_OK && strcmp(err.reason, "output_gone") != 0) break;
    }
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
    if (status != POM_OK) assert_string_equal(err.reason, "output_gone");
}

static void what_a_killed_process_left_is_removed(void **state)
{
    (void)state;
    assert_int_equal(pomi_store_make_folder(NULL, "out/features", &err), POM_OK);
    write_text("out/features/.part-00000-run.parquet.tmp-123", "half");
    write_text("out/features/.hidden", "somebody's");
    write_text("out/features/part-00000-run.tmp-1", "somebody's");
    assert_int_equal(pomi_store_remove_unfinished(NULL, "out", &err), POM_OK);
    assert_int_equal(count_files(), 2);
}

static void a_file_is_fetched_by_its_own_name(void **state)
{
    (void)state;
    struct pomi_local_file file;
    write_text("a", "content");
    assert_int_equal(pomi_store_fetch(NULL, "a", 0, &file, &err), POM_OK);
    assert_string_equal(file.path, "a");
    pomi_local_file_release(&file);
    assert_content("a", "content"); /* and stays */
}

static void folders_are_made_with_their_parents_and_removed_with_their_files(void **state)
{
    (void)state;
    assert_int_equal(pomi_store_make_folder(NULL, "a/b//c/", &err), POM_OK);
    assert_true(is_folder("a/b/c"));
    assert_int_equal(pomi_store_make_folder(NULL, "a/b/c", &err), POM_OK);
    assert_int_equal(pomi_store_make_folder(NULL, "/", &err), POM_OK);
    write_text("a/b/file", "x");
    assert_false(is_folder("a/b/file"));
    assert_int_not_equal(pomi_store_make_folder(NULL, "a/b/file", &err), POM_OK);
    assert_int_not_equal(pomi_store_make_folder(NULL, "a/b/file/c", &err), POM_OK);

    /* What a link points to is not ours to remove. */
    assert_int_equal(mkdir("kept", 0777), 0);
    write_text("kept/file", "x");
    assert_int_equal(symlink("../../kept", "a/b/link"), 0);
    assert_int_equal(pomi_store_remove_tree(NULL, "a", &err), POM_OK);
    assert_false(is_there("a"));
    assert_content("kept/file", "x");
    assert_int_equal(pomi_store_remove_tree(NULL, "a", &err), POM_OK);
    assert_int_equal(pomi_store_remove(NULL, "kept/file", &err), POM_OK);
    assert_int_equal(pomi_store_remove(NULL, "kept/file", &err), POM_OK);
    assert_int_not_equal(pomi_store_remove(NULL, "kept", &err), POM_OK);
}

static bool ends_in_x(void *user, const char *path)
{
    ++*(int *)user;
    return path[strlen(path) - 1] == 'x';
}

static void listings_are_sorted_by_path_bytes(void **state)
{
    (void)state;
    assert_int_equal(pomi_store_make_folder(NULL, "l/b/c", &err), POM_OK);
    static const char *const paths[] = {"l/B", "l/a", "l/b/c/x", "l/b-x", "l/b/y", "l/\xc3\xa9", "l/\xff"};
    for (size_t i = 0; i < 7; i++) write_text(paths[i], &"12345"[i % 5]);
    struct pomi_store_listing listing;
    assert_int_equal(pomi_store_list(NULL, "l", NULL, NULL, &listing, &err), POM_OK);
    static const char *const sorted[] = {"l/B", "l/a", "l/b-x", "l/b/c/x", "l/b/y", "l/\xc3\xa9", "l/\xff"};
    assert_int_equal(listing.n_entries, 7);
    for (size_t i = 0; i < 7; i++) assert_string_equal(listing.entries[i].path, sorted[i]);
    assert_int_equal(listing.entries[0].size_bytes, 5);
    assert_int_equal(listing.entries[6].size_bytes, 4);
    pomi_store_listing_release(&listing);

    int n_asked = 0;
    assert_int_equal(pomi_store_list(NULL, "l/", ends_in_x, &n_asked, &listing, &err), POM_OK);
    assert_int_equal(n_asked, 7);
    assert_int_equal(listing.n_entries, 2);
    assert_string_equal(listing.entries[0].path, "l/b-x");
    pomi_store_listing_release(&listing);
}

static void links_are_followed_and_loops_named(void **state)
{
    (void)state;
    struct pomi_store_listing listing;
    assert_int_equal(pomi_store_make_folder(NULL, "a/deep", &err), POM_OK);
    assert_int_equal(pomi_store_make_folder(NULL, "b", &err), POM_OK);
    write_text("b/file", "x");
    assert_int_equal(symlink("../../b", "a/deep/once"), 0);
    assert_int_equal(symlink("../b", "a/twice"), 0); /* the same folder twice is not a loop */
    assert_int_equal(symlink("gone", "a/dangling"), 0);
    assert_int_equal(pomi_store_list(NULL, "a", NULL, NULL, &listing, &err), POM_OK);
    assert_int_equal(listing.n_entries, 3);
    assert_string_equal(listing.entries[0].path,
                        "a/dangling"); /* it fails as a file, it does not disappear */
    assert_string_equal(listing.entries[1].path, "a/deep/once/file");
    assert_string_equal(listing.entries[2].path, "a/twice/file");
    pomi_store_listing_release(&listing);

    assert_int_equal(symlink("../..", "a/deep/loop"), 0);
    assert_int_equal(pomi_store_list(NULL, "a", NULL, NULL, &listing, &err), POM_ERROR_IO);
    assert_string_equal(err.reason, "symlink_loop");
    assert_non_null(strstr(err.message, "a/deep/loop"));
    assert_int_equal(listing.n_entries, 0);
    assert_int_equal(unlink("a/deep/loop"), 0);
    assert_int_equal(symlink("itself", "a/itself"), 0); /* a link to itself is no folder */
    assert_int_equal(pomi_store_list(NULL, "a", NULL, NULL, &listing, &err), POM_OK);
    pomi_store_listing_release(&listing);
}

static void folders_that_cannot_be_listed_are_named(void **state)
{
    (void)state;
    struct pomi_store_listing listing;
    assert_int_equal(pomi_store_list(NULL, "absent", NULL, NULL, &listing, &err), POM_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "absent"));
    write_text("file", "x");
    assert_int_equal(pomi_store_list(NULL, "file", NULL, NULL, &listing, &err), POM_ERROR_NOT_FOUND);
    if (geteuid() == 0) return; /* root may read everything */
    assert_int_equal(pomi_store_make_folder(NULL, "a/closed", &err), POM_OK);
    assert_int_equal(chmod("a/closed", 0), 0);
    assert_int_equal(pomi_store_list(NULL, "a", NULL, NULL, &listing, &err), POM_ERROR_IO);
    assert_non_null(strstr(err.message, "a/closed"));
    assert_int_equal(chmod("a/closed", 0700), 0);
}

static void joining_puts_one_slash(void **state)
{
    (void)state;
    static const char *const folders[] = {"a", "a/", "/", ""};
    static const char *const expected[] = {"a/b-07", "a/b-07", "/b-07", "/b-07"};
    for (int i = 0; i < 4; i++) {
        char *path = pomi_store_join(folders[i], "b-%02d", 7);
        assert_string_equal(path, expected[i]);
        free(path);
    }
}

static void a_lock_keeps_others_out_until_its_process_ends(void **state)
{
    (void)state;
    struct pomi_store_lock *lock, *other;
    int to_child[2];
    assert_int_equal(pomi_store_make_folder(NULL, "out", &err), POM_OK);
    assert_int_equal(pomi_store_lock(NULL, &lock, "out", &err), POM_OK);
    assert_int_equal(pomi_store_lock(NULL, &other, "out", &err), POM_ERROR_EXISTS);
    assert_string_equal(err.reason, "locked");
    assert_int_equal(pomi_store_lock_check(lock, &err), POM_OK);
    assert_int_equal(rename("out", "moved"), 0);
    assert_int_equal(pomi_store_lock_check(lock, &err), POM_ERROR_IO);
    assert_string_equal(err.reason, "lock_lost");
    assert_int_equal(mkdir("out", 0777), 0); /* another folder of that name is not the one */
    assert_int_equal(pomi_store_lock_check(lock, &err), POM_ERROR_IO);
    assert_int_equal(rmdir("out"), 0);
    assert_int_equal(rename("moved", "out"), 0);
    assert_int_equal(pomi_store_lock_check(lock, &err), POM_OK);
    assert_null(other);
    assert_int_equal(pomi_store_unlock(lock, &err), POM_OK);
    assert_int_equal(count_files(), 0);

    assert_int_equal(pipe(to_child), 0);
    pid_t child = fork();
    if (child == 0) {
        char ready = pomi_store_lock(NULL, &lock, "out", NULL) == POM_OK;
        if (write(to_child[1], &ready, 1) == 1) pause();
        _exit(1);
    }
    char ready = 0;
    assert_int_equal(read(to_child[0], &ready, 1), 1);
    assert_int_equal(ready, 1);
    assert_int_equal(pomi_store_lock(NULL, &lock, "out", &err), POM_ERROR_EXISTS);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(pomi_store_lock(NULL, &lock, "out", &err), POM_OK);
    assert_int_equal(pomi_store_unlock(lock, &err), POM_OK);
    close(to_child[0]);
    close(to_child[1]);
    assert_int_equal(pomi_store_lock(NULL, &lock, "absent", &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(pomi_store_unlock(NULL, &err), POM_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)
    const struct CMUnitTest tests[] = {
        TEST(files_are_read_whole_and_memory_is_reused),
        TEST(what_cannot_be_read_has_a_reason),
        TEST(writing_replaces_whole_files_and_leaves_nothing_else),
        TEST(a_full_disk_leaves_the_old_file),
        TEST(temporaries_are_hidden_and_beside_the_file),
        TEST(publishing_moves_a_file_into_place),
        TEST(a_folder_that_is_gone_again_is_not_a_wrong_path),
        TEST(what_a_killed_process_left_is_removed),
        TEST(a_file_is_fetched_by_its_own_name),
        TEST(folders_are_made_with_their_parents_and_removed_with_their_files),
        TEST(listings_are_sorted_by_path_bytes),
        TEST(links_are_followed_and_loops_named),
        TEST(folders_that_cannot_be_listed_are_named),
        TEST(joining_puts_one_slash),
        TEST(a_lock_keeps_others_out_until_its_process_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
