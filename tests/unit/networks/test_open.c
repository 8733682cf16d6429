// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "networks/network_file.h"
#include "networks/open.h"
#include "store/store.h"

static char folder[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/pomona-test-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : setenv("POMONA_NETWORKS", folder, 1);
}

static int tear_down(void **state)
{
    (void)state;
    return (int)pomi_store_remove_tree(NULL, folder, NULL);
}

/* A network file called NAME in the folder: orchard's graph under another name. */
static void install(const char *name)
{
    struct pom_network *orchard;
    struct pomi_bytes bytes = {0};
    const struct pomi_network_text text = {name, "a copy", "Apache-2.0", NULL};
    assert_int_equal(pom_network_open(&orchard, "orchard", NULL), POM_OK);
    assert_int_equal(pomi_network_file_write(&bytes, &orchard->graph, &text, NULL), POM_OK);
    char *path = pomi_store_join(folder, "%s.pomona", name);
    assert_int_equal(pomi_store_write(NULL, path, pomi_bytes_view(&bytes), NULL), POM_OK);
    free(path);
    pomi_bytes_release(&bytes);
    pom_network_free(orchard);
}

static void auto_says_what_it_took_and_why(void **state)
{
    (void)state;
    struct pom_network *network;
    struct pom_error err;
    assert_int_equal(pom_network_open(&network, "auto", &err), POM_OK);
    assert_string_equal(pom_network_info(network)->name, "orchard");
    assert_non_null(strstr(pom_network_info(network)->selection, "not installed"));
    assert_non_null(strstr(pom_network_info(network)->selection, "pomona network pull mobilenetv2"));
    pom_network_free(network);

    install("mobilenetv2");
    assert_int_equal(pom_network_open(&network, "auto", &err), POM_OK);
    assert_string_equal(pom_network_info(network)->name, "mobilenetv2");
    assert_non_null(strstr(pom_network_info(network)->selection, "is installed"));
    /* Not the published weights under the published name: */
    assert_int_equal(pom_network_verify(network, &err), POM_ERROR_MISMATCH);
    pom_network_free(network);

    /* A damaged one is an error: quietly taking the other network would mix features. */
    char *path = pomi_store_join(folder, "mobilenetv2.pomona");
    assert_int_equal(pomi_store_write(NULL, path, (struct pomi_view){(const uint8_t *)"damaged", 7}, NULL),
                     POM_OK);
    free(path);
    assert_int_equal(pom_network_open(&network, "auto", &err), POM_ERROR_FORMAT);
    assert_null(network);
    assert_non_null(strstr(err.message, "mobilenetv2.pomona"));
}

static void names_and_paths_are_told_apart(void **state)
{
    (void)state;
    struct pom_network *network;
    struct pom_error err;
    assert_int_equal(pom_network_open(&network, "mine", &err), POM_ERROR_NOT_FOUND);
    assert_non_null(strstr(err.message, "pomona network list"));
    install("mine");
    assert_int_equal(pom_network_open(&network, "mine", &err), POM_OK);
    pom_network_free(network);
    char *path = pomi_store_join(folder, "mine.pomona");
    assert_int_equal(pom_network_open(&network, path, &err), POM_OK);
    assert_non_null(strstr(pom_network_info(network)->selection, "from a file"));
    pom_network_free(network);
    free(path);
    assert_int_equal(pom_network_open(&network, "./nothing", &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(pom_network_open(&network, "", &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_network_open(&network, NULL, &err), POM_ERROR_ARGUMENT);
}

static void the_folder_follows_the_environment(void **state)
{
    (void)state;
    char path[64];
    struct pom_error err;
    unsetenv("POMONA_NETWORKS");
    setenv("XDG_CACHE_HOME", "/cache", 1);
    assert_int_equal(pom_network_folder(path, sizeof path, &err), POM_OK);
    assert_string_equal(path, "/cache/pomona/networks");
    unsetenv("XDG_CACHE_HOME");
    setenv("HOME", "/home/pear", 1);
    assert_int_equal(pom_network_folder(path, sizeof path, &err), POM_OK);
    assert_string_equal(path, "/home/pear/.cache/pomona/networks");
    assert_int_equal(pom_network_folder(path, 10, &err), POM_ERROR_ARGUMENT);
    unsetenv("HOME");
    assert_int_equal(pom_network_folder(path, sizeof path, &err), POM_ERROR_NOT_FOUND);
    struct pom_network *network; /* needs no folder */
    assert_int_equal(pom_network_open(&network, "auto", &err), POM_OK);
    pom_network_free(network);
}

static void all_networks_are_listed(void **state)
{
    (void)state;
    struct pom_network_entry *entries;
    size_t n_entries;
    install("pear");
    install("apple");
    install("mobilenetv2");
    assert_int_equal(pom_network_list(&entries, &n_entries, NULL), POM_OK);
    assert_int_equal(n_entries, 5);
    static const char *const names[] = {"mobilenetv2", "resnet50", "orchard", "apple", "pear"};
    for (size_t i = 0; i < n_entries; i++) assert_string_equal(entries[i].name, names[i]);
    assert_true(entries[0].is_installed && entries[0].can_be_pulled && !entries[0].is_embedded);
    assert_true(!entries[1].is_installed && entries[1].can_be_pulled && entries[1].download_bytes > 90000000);
    assert_true(entries[2].is_embedded && !entries[2].can_be_pulled);
    assert_true(entries[3].is_installed && entries[3].size_bytes > 0 &&
                strstr(entries[3].path, "apple.pomona"));
    pom_network_list_free(entries);
}

/* Against values that numpy computed in float64 from the same file. */
static void the_embedded_network_computes_what_it_should(void **state)
{
    (void)state;
    struct pom_network *network;
    struct pom_error err;
    assert_int_equal(pom_network_open(&network, "orchard", &err), POM_OK);
    if (pom_network_verify(network, &err) != POM_OK)
        fail_msg("%s (has orchard.safetensors changed? then run tests/golden/verify_features.py)",
                 err.message);
    network->graph.layers[0].weights[5] += 0.5F;
    assert_int_equal(pom_network_verify(network, &err), POM_ERROR_MISMATCH);
    pom_network_free(network);
}

/* Opening takes them as they are written in the catalogue. */
static void the_embedded_networks_hashes_are_those_of_its_file(void **state)
{
    (void)state;
    struct pom_network *embedded, *file;
    struct pomi_bytes bytes = {0};
    char *path;
    assert_int_equal(pomi_network_load(&bytes, &path, "orchard", NULL), POM_OK);
    assert_int_equal(pom_network_open_memory(&file, bytes.data, bytes.size_bytes, NULL), POM_OK);
    assert_int_equal(pom_network_open(&embedded, "orchard", NULL), POM_OK);
    const struct pom_network_info *expected = pom_network_info(file), *info = pom_network_info(embedded);
    assert_string_equal(info->identity, expected->identity);
    assert_string_equal(info->calibration, expected->calibration);
    pom_network_free(embedded);
    pom_network_free(file);
    pomi_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(auto_says_what_it_took_and_why, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_and_paths_are_told_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_networks_are_listed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_folder_follows_the_environment, set_up, tear_down),
        cmocka_unit_test(the_embedded_network_computes_what_it_should),
        cmocka_unit_test(the_embedded_networks_hashes_are_those_of_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
