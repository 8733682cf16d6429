// SPDX-License-Identifier: Apache-2.0
/* Pulling from a real HTTP server on loopback that can cut connections, lie and refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

#if defined(TESTS_HAVE_HDF5) && POMI_HAVE_CURL

#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/hash.h"
#include "networks/convert.h"
#include "networks/network_file.h"
#include "networks/pull.h"
#include "store/store.h"
#include "keras_file.h"

/* ---- the server ---- */

struct server {
    int listener;
    pthread_t thread;
    char address[64];
    struct pomi_view content;
    /* How it behaves: */
    size_t cut_after_bytes; /* closes the connection after so many bytes of content; 0: never */
    bool ignores_range;
    bool sends_wrong_range;
    int status; /* 0: 200 or 206 */
    /* What it saw: */
    int n_requests;
    char range[64]; /* of the last request, "" when it had none */
};

static void answer(struct server *server, int connection)
{
    char request[4096] = "", header[256];
    size_t size = 0;
    while (strstr(request, "\r\n\r\n") == NULL && size < sizeof request - 1) {
        ssize_t n = read(connection, request + size, sizeof request - 1 - size);
        if (n <= 0) return;
        size += (size_t)n;
        request[size] = '\0';
    }
    server->n_requests++;
    server->range[0] = '\0';
    const char *range = strstr(request, "Range: bytes=");
    size_t begin = 0, total = server->content.size_bytes;
    if (range != NULL) {
        sscanf(range, "Range: %63[^\r]", server->range);
        if (!server->ignores_range) begin = strtoul(range + strlen("Range: bytes="), NULL, 10);
    }
    int status = server->status != 0 ? server->status : begin >= total ? 416 : begin > 0 ? 206 : 200;
    size_t n_bytes = status == 200 || status == 206 ? total - begin : 0;
    int length = snprintf(header, sizeof header,
                          "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: %zu\r\n", status, n_bytes);
    if (status == 206)
        length +=
            snprintf(header + length, sizeof header - (size_t)length, "Content-Range: bytes %zu-%zu/%zu\r\n",
                     begin + server->sends_wrong_range, total - 1, total);
    length += snprintf(header + length, sizeof header - (size_t)length, "\r\n");
    send(connection, header, (size_t)length, MSG_NOSIGNAL);
    if (server->cut_after_bytes > 0 && n_bytes > server->cut_after_bytes) n_bytes = server->cut_after_bytes;
    for (size_t sent = 0; sent < n_bytes;) {
        ssize_t n = send(connection, server->content.data + begin + sent, n_bytes - sent, MSG_NOSIGNAL);
        if (n <= 0) return;
        sent += (size_t)n;
    }
}

static void *serve(void *user)
{
    struct server *server = user;
    for (int connection; (connection = accept(server->listener, NULL, NULL)) >= 0; close(connection))
        answer(server, connection);
    return NULL;
}

static void start(struct server *server, struct pomi_view content)
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t place_bytes = sizeof place;
    *server = (struct server){.listener = socket(AF_INET, SOCK_STREAM, 0), .content = content};
    assert_int_equal(bind(server->listener, (struct sockaddr *)&place, sizeof place), 0);
    assert_int_equal(listen(server->listener, 4), 0);
    getsockname(server->listener, (struct sockaddr *)&place, &place_bytes);
    snprintf(server->address, sizeof server->address, "http://127.0.0.1:%d/weights.h5",
             ntohs(place.sin_port));
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    close(server->listener);
    pthread_join(server->thread, NULL);
}

/* ---- what all tests use ---- */

struct place {
    char folder[64], part[128], installed[128];
    struct pomi_bytes weights; /* of the tiny network that is pulled */
    char md5[POMI_MD5_TEXT_BYTES];
    struct pomi_known_network known;
    struct server server;
    struct pom_pull_options options;
};

static int set_up(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    char file[96];
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    strcpy(place->folder, "/tmp/pomona-test-XXXXXX");
    if (mkdtemp(place->folder) == NULL) return -1;
    snprintf(file, sizeof file, "%s/source.h5", place->folder);
    keras_write(file, KERAS_LEGACY, KERAS_SOUND, false);
    if (pomi_store_read(NULL, file, 1 << 26, &place->weights, NULL) != POM_OK) return -1;
    unlink(file);
    snprintf(place->part, sizeof place->part, "%s/.tiny.download", place->folder);
    snprintf(place->installed, sizeof place->installed, "%s/tiny.pomona", place->folder);
    pomi_md5_text(place->weights.data, place->weights.size_bytes, place->md5);
    place->known = (struct pomi_known_network){.name = "tiny",
                                               .architecture = "mobilenetv2",
                                               .address = "http://127.0.0.1:1/",
                                               .md5 = place->md5,
                                               .origin = "a test",
                                               .licence = "CC0"};
    start(&place->server, pomi_bytes_view(&place->weights));
    place->options = (struct pom_pull_options){.address = place->server.address, .folder = place->folder};
    *state = place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    stop(&place->server);
    pomi_store_remove_tree(NULL, place->folder, NULL);
    pomi_bytes_release(&place->weights);
    free(place);
    return 0;
}

static void expect(struct place *place, enum pom_status status, const char *reason, const char *message)
{
    struct pom_error err = {0};
    enum pom_status got = pomi_pull(&place->known, &place->options, &err);
    if (got != status || (status != POM_OK && strcmp(err.reason, reason) != 0) ||
        (status != POM_OK && strstr(err.message, message) == NULL))
        fail_msg("%d %s: %s", got, err.reason, err.message);
}

static void expect_installed(const struct place *place)
{
    struct pom_network *network;
    struct pom_error err;
    if (pom_network_open(&network, place->installed, &err) != POM_OK) fail_msg("%s", err.message);
    assert_string_equal(pom_network_info(network)->name, "tiny");
    assert_string_equal(pom_network_info(network)->origin, "a test");
    assert_string_equal(pom_network_info(network)->licence, "CC0");
    struct pomi_bytes file = {0};
    char sha256[POMI_SHA256_TEXT_BYTES];
    const struct pom_convert_options options = {.name = "tiny", .origin = "a test", .licence = "CC0"};
    assert_int_equal(pomi_convert(&file, pomi_bytes_view(&place->weights), &options, NULL), POM_OK);
    pomi_sha256_text(file.data, file.size_bytes, sha256);
    assert_string_equal(pom_network_info(network)->identity, sha256);
    pomi_bytes_release(&file);
    pom_network_free(network);
    assert_false(access(place->part, F_OK) == 0);
}

static size_t file_bytes(const char *path)
{
    struct pomi_bytes bytes = {0};
    if (pomi_store_read(NULL, path, 1 << 26, &bytes, NULL) != POM_OK) return SIZE_MAX;
    size_t size_bytes = bytes.size_bytes;
    pomi_bytes_release(&bytes);
    return size_bytes;
}

/* ---- the tests ---- */

struct progress {
    int n_calls;
    int64_t received_bytes, total_bytes;
    int64_t stop_at_bytes; /* 0: never */
};

static int count_progress(void *user, int64_t received_bytes, int64_t total_bytes)
{
    struct progress *progress = user;
    progress->n_calls++;
    progress->received_bytes = received_bytes;
    if (total_bytes > 0) progress->total_bytes = total_bytes;
    return progress->stop_at_bytes > 0 && received_bytes >= progress->stop_at_bytes;
}

static void the_right_file_is_installed(void **state)
{
    struct place *place = *state;
    struct progress progress = {0};
    place->options.progress = count_progress;
    place->options.user = &progress;
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
    assert_true(progress.n_calls > 0);
    assert_int_equal(progress.received_bytes, place->weights.size_bytes);
    assert_int_equal(progress.total_bytes, place->weights.size_bytes);
    expect(place, POM_OK, NULL, NULL); /* a second time replaces it */
    expect_installed(place);
}

static void a_wrong_checksum_is_refused(void **state)
{
    struct place *place = *state;
    place->known.md5 = "4d473c1dd8becc155b73f8504c6f6626";
    expect(place, POM_ERROR_MISMATCH, "wrong_checksum", place->md5);
    assert_false(access(place->installed, F_OK) == 0);
    assert_false(access(place->part, F_OK) == 0);
}

static void a_wrong_network_is_refused(void **state)
{
    struct place *place = *state;
    expect(place, POM_OK, NULL, NULL);
    place->known.md5 = NULL;
    place->known.expected = pomi_catalogue_find("mobilenetv2")->expected;
    expect(place, POM_ERROR_MISMATCH, "wrong_network", "1280");
    place->known.expected = NULL;
    place->known.architecture = "resnet50";
    expect(place, POM_ERROR_MISMATCH, "missing_tensor", "not the network tiny");
    place->server.content = (struct pomi_view){(const uint8_t *)"<html>", 6};
    expect(place, POM_ERROR_MISMATCH, "not_weights", "not the network tiny");
    assert_false(access(place->part, F_OK) == 0);
    place->server.content = pomi_bytes_view(&place->weights);
    expect_installed(place); /* what was there before is untouched */
}

static void a_cut_connection_is_continued(void **state)
{
    struct place *place = *state;
    size_t half = place->weights.size_bytes / 2;
    char range[64];
    place->server.cut_after_bytes = half;
    expect(place, POM_ERROR_IO, "connection_lost", "goes on from there");
    assert_false(access(place->installed, F_OK) == 0);
    assert_int_equal(file_bytes(place->part), half);
    place->server.cut_after_bytes = 100;
    expect(place, POM_ERROR_IO, "connection_lost", "goes on from there");
    assert_int_equal(file_bytes(place->part), half + 100);
    place->server.cut_after_bytes = 0;
    expect(place, POM_OK, NULL, NULL);
    snprintf(range, sizeof range, "bytes=%zu-", half + 100);
    assert_string_equal(place->server.range, range);
    expect_installed(place);
}

static void a_server_without_ranges_starts_anew(void **state)
{
    struct place *place = *state;
    place->server.cut_after_bytes = 5000;
    expect(place, POM_ERROR_IO, "connection_lost", "");
    place->server.cut_after_bytes = 0;
    place->server.ignores_range = true;
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
}

static void a_wrong_range_is_not_appended(void **state)
{
    struct place *place = *state;
    place->server.cut_after_bytes = 5000;
    expect(place, POM_ERROR_IO, "connection_lost", "");
    place->server.cut_after_bytes = 0;
    place->server.sends_wrong_range = true;
    expect(place, POM_ERROR_IO, "http", "other bytes");
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
}

static void a_complete_download_is_not_repeated(void **state)
{
    struct place *place = *state;
    assert_int_equal(pomi_store_write(NULL, place->part, pomi_bytes_view(&place->weights), NULL), POM_OK);
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
    /* One that is too long can only be thrown away. */
    struct pomi_bytes longer = {0};
    pomi_bytes_append(&longer, place->weights.data, place->weights.size_bytes, NULL);
    pomi_bytes_append(&longer, "x", 1, NULL);
    assert_int_equal(pomi_store_write(NULL, place->part, pomi_bytes_view(&longer), NULL), POM_OK);
    pomi_bytes_release(&longer);
    expect(place, POM_ERROR_MISMATCH, "wrong_checksum", "removed");
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
}

static void the_caller_can_stop_and_go_on(void **state)
{
    struct place *place = *state;
    struct progress progress = {.stop_at_bytes = 1};
    place->options.progress = count_progress;
    place->options.user = &progress;
    expect(place, POM_ERROR_INTERRUPTED, "interrupted", "goes on from there");
    assert_false(access(place->installed, F_OK) == 0);
    place->options.progress = NULL;
    expect(place, POM_OK, NULL, NULL);
    expect_installed(place);
}

static void refusals_keep_what_is_there(void **state)
{
    struct place *place = *state;
    place->server.cut_after_bytes = 5000;
    expect(place, POM_ERROR_IO, "connection_lost", "");
    place->server.status = 503;
    expect(place, POM_ERROR_IO, "http", "503");
    place->server.status = 404;
    expect(place, POM_ERROR_NOT_FOUND, "not_found", "404");
    place->options.address = NULL; /* the known one: nobody listens there */
    expect(place, POM_ERROR_IO, "no_connection", "cannot download");
    place->options.address = "file:///etc/hostname";
    expect(place, POM_ERROR_IO, "no_connection", "cannot download");
    assert_int_equal(file_bytes(place->part), 5000);
    assert_false(access(place->installed, F_OK) == 0);
}

static void two_pulls_do_not_mix(void **state)
{
    struct place *place = *state;
    int other = open(place->part, O_RDWR | O_CREAT, 0666);
    assert_int_equal(flock(other, LOCK_EX), 0);
    expect(place, POM_ERROR_EXISTS, "busy", "another pull");
    assert_int_equal(place->server.n_requests, 0);
    close(other);
    expect(place, POM_OK, NULL, NULL);
}

static void unknown_names_are_refused(void **state)
{
    struct place *place = *state;
    struct pom_error err;
    assert_int_equal(pom_network_pull("vgg16", &place->options, &err), POM_ERROR_NOT_FOUND);
    assert_int_equal(pom_network_pull("orchard", &place->options, &err), POM_ERROR_NOT_FOUND);
}

/* The published weights, where they are at hand: they pass by their features alone; with one weight changed they
 * do not. */
static void mobilenetv2_is_known_by_its_features(void **state)
{
    struct place *place = *state;
    const char *shared = getenv("POMONA_SHARED");
    char path[4096], installed[128];
    struct pomi_bytes real = {0};
    snprintf(path, sizeof path, "%s/models/mobilenet_v2_1.0_224_no_top.h5", shared != NULL ? shared : "");
    if (pomi_store_read(NULL, path, 1 << 26, &real, NULL) != POM_OK) {
        print_message("skipped: no %s\n", path);
        skip();
    }
    struct pom_error err;
    struct pom_network *network;
    place->server.content = pomi_bytes_view(&real);
    if (pom_network_pull("mobilenetv2", &place->options, &err) != POM_OK) fail_msg("%s", err.message);
    snprintf(installed, sizeof installed, "%s/mobilenetv2.pomona", place->folder);
    assert_int_equal(pom_network_open(&network, installed, &err), POM_OK);
    assert_int_equal(pom_network_verify(network, &err), POM_OK);
    pom_network_free(network);
    unlink(installed);

    const struct pom_convert_options plain = {0};
    struct pomi_bytes file = {0};
    assert_int_equal(pomi_convert(&file, pomi_bytes_view(&real), &plain, &err), POM_OK);
    /* Find the stem's first weights in the HDF5 file by their bytes, and change their sign. */
    assert_int_equal(pom_network_open_memory(&network, file.data, file.size_bytes, &err), POM_OK);
    float stem[16];
    for (int i = 0; i < 16; i++) stem[i] = network->graph.layers[0].weights[i * 27];
    struct pomi_bytes changed = {0}; /* a copy: the server's thread has the other bytes in its hands */
    assert_int_equal(pomi_bytes_append(&changed, real.data, real.size_bytes, &err), POM_OK);
    uint8_t *found = memmem(changed.data, changed.size_bytes, stem, sizeof stem);
    assert_non_null(found);
    for (int i = 0; i < 16; i++) found[4 * i + 3] ^= 0x80;
    pom_network_free(network);
    pomi_bytes_release(&file);
    place->server.content = pomi_bytes_view(&changed);
    assert_int_equal(pom_network_pull("mobilenetv2", &place->options, &err), POM_ERROR_MISMATCH);
    if (strstr(err.message, "does not compute") == NULL) fail_msg("%s", err.message);
    assert_false(access(installed, F_OK) == 0);
    place->server.content = (struct pomi_view){0};
    pomi_bytes_release(&changed);
    pomi_bytes_release(&real);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_right_file_is_installed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_checksum_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_network_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cut_connection_is_continued, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_without_ranges_starts_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_range_is_not_appended, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_complete_download_is_not_repeated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_caller_can_stop_and_go_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_keep_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_pulls_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_names_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(mobilenetv2_is_known_by_its_features, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
    print_message("skipped: without libcurl, or without libhdf5, which writes the files to pull\n");
    return 77;
}

#endif
