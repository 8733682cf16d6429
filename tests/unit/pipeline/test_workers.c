// SPDX-License-Identifier: Apache-2.0
/*
 * Photos of very different cost, good and bad ones mixed, on one thread and on many: the same results in the same order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pipeline/workers.h"

enum { N_PHOTOS = 60 };

static struct pom_error err;
static struct pom_network *network;
static struct pom_extractor *prototype;
static struct pom_photo photos[N_PHOTOS];
static struct pomi_listing listing = {.photos = photos, .n_photos = N_PHOTOS};
static size_t order[N_PHOTOS];

static int make_extractor(void **state)
{
    static const char *const names[] = {"jpeg-420.jpg", "empty.jpg",         "png-rgba-16.png",
                                        "text.jpg",     "jpeg-1x1.jpg",      "absent.jpg",
                                        "gif.gif",      "webp-lossless.webp"};
    static char paths[sizeof names / sizeof names[0]][512];
    (void)state;
    const char *source = getenv("POMONA_SOURCE");
    if (source == NULL || chdir(source) != 0) return 1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        snprintf(paths[i], sizeof paths[i], "tests/golden/image/%s", names[i]);
    for (size_t i = 0; i < N_PHOTOS; i++) {
        photos[i] = (struct pom_photo){.path = paths[i * 5 % 8], .label = ""};
        order[i] = N_PHOTOS - 1 - i;
    }
    photos[7].path = "not utf-8 \xff";
    return pom_network_open(&network, "orchard", &err) != POM_OK ||
           pom_extractor_new(&prototype, network, NULL, &err) != POM_OK;
}

static int free_extractor(void **state)
{
    (void)state;
    pom_extractor_free(prototype);
    pom_network_free(network);
    return 0;
}

struct outcome {
    enum pom_status status;
    enum pomi_photo_stage stage;
    char reason[32];
    float *features; /* owned */
};

/* Everything the workers deliver, in order; `outcomes` is [n_order]. */
static void collect(struct outcome *outcomes, int n_threads, size_t n_order)
{
    struct pomi_workers *workers;
    struct pomi_photo_result result;
    size_t n = 0, n_features = (size_t)prototype->n_features;
    assert_int_equal(pomi_workers_new(&workers, prototype, NULL, n_threads, &listing, order, n_order, &err),
                     POM_OK);
    while (pomi_workers_next(workers, 10, &result)) {
        if (result.photo == SIZE_MAX) continue;
        assert_true(n < n_order);
        assert_int_equal(result.photo, order[n]);
        struct outcome *outcome = &outcomes[n++];
        *outcome = (struct outcome){.status = result.error->status, .stage = result.stage};
        if (result.features == NULL) {
            strcpy(outcome->reason, result.error->reason);
            continue;
        }
        outcome->features = malloc(n_features * sizeof(float));
        assert_non_null(outcome->features);
        memcpy(outcome->features, result.features, n_features * sizeof(float));
    }
    assert_int_equal(n, n_order);
    assert_false(pomi_workers_next(workers, 0, &result)); /* and it stays over */
    double seconds[POMI_N_PHOTO_STAGES] = {0};
    pomi_workers_free(workers, seconds);
    assert_true(n_order == 0 || seconds[POMI_STAGE_CNN] > 0);
}

static void many_threads_give_what_one_gives(void **state)
{
    (void)state;
    static struct outcome one[N_PHOTOS], many[N_PHOTOS];
    collect(one, 1, N_PHOTOS);
    assert_string_equal(one[N_PHOTOS - 1 - 7].reason, "path_not_utf8");
    static const int n_threads[] = {2, 13};
    for (size_t t = 0; t < 2; t++) {
        collect(many, n_threads[t], N_PHOTOS);
        for (size_t i = 0; i < N_PHOTOS; i++) {
            assert_int_equal(many[i].status, one[i].status);
            assert_int_equal(many[i].stage, one[i].stage);
            assert_string_equal(many[i].reason, one[i].reason);
            assert_int_equal(many[i].features != NULL, one[i].features != NULL);
            if (one[i].features != NULL)
                assert_memory_equal(many[i].features, one[i].features,
                                    (size_t)prototype->n_features * sizeof(float));
            free(many[i].features);
        }
    }
    for (size_t i = 0; i < N_PHOTOS; i++) free(one[i].features);
}

static void nothing_to_do_is_over_at_once(void **state)
{
    (void)state;
    collect(NULL, 3, 0);
}

static void a_stop_ends_it_at_any_place(void **state)
{
    (void)state;
    for (size_t stop_at = 0; stop_at < 20; stop_at += 9) {
        struct pomi_workers *workers;
        struct pomi_photo_result result;
        assert_int_equal(pomi_workers_new(&workers, prototype, NULL, 4, &listing, order, N_PHOTOS, &err),
                         POM_OK);
        for (size_t n = 0; n < stop_at;) {
            assert_true(pomi_workers_next(workers, 10, &result));
            n += result.photo != SIZE_MAX;
        }
        pomi_workers_stop(workers);
        assert_false(pomi_workers_next(workers, 10, &result));
        pomi_workers_free(workers, NULL);
    }
}

/* The reader may be away for long: workers wait for it, and nothing is lost. */
static void a_short_wait_gives_up_and_comes_back(void **state)
{
    (void)state;
    struct pomi_workers *workers;
    struct pomi_photo_result result;
    size_t n = 0;
    assert_int_equal(pomi_workers_new(&workers, prototype, NULL, 2, &listing, order, N_PHOTOS, &err), POM_OK);
    while (pomi_workers_next(workers, 0, &result)) {
        if (result.photo == SIZE_MAX) continue;
        assert_int_equal(result.photo, order[n++]);
    }
    assert_int_equal(n, N_PHOTOS);
    pomi_workers_free(workers, NULL);
    pomi_workers_free(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_threads_give_what_one_gives),
        cmocka_unit_test(nothing_to_do_is_over_at_once),
        cmocka_unit_test(a_stop_ends_it_at_any_place),
        cmocka_unit_test(a_short_wait_gives_up_and_comes_back),
    };
    return cmocka_run_group_tests(tests, make_extractor, free_extractor);
}
