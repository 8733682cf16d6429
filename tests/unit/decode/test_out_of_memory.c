// SPDX-License-Identifier: Apache-2.0
/*
 * Every allocation of a decode or a resize fails once, those inside libjpeg, libpng and libwebp included: the answer is
 * an error, nothing leaks, and the same image and workspace then do the job as if nothing had happened.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "pomona/image.h"
#include "resize/resize.h"

#include "../failing_allocation.h"

static uint8_t file_bytes[16384];

static size_t read_photo(const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/image/%s", getenv("POMONA_SOURCE"), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("cannot open %s", path);
    size_t n_bytes = fread(file_bytes, 1, sizeof file_bytes, file);
    fclose(file);
    return n_bytes;
}

/* Decodes with the n-th allocation failing; returns how many failures it took until none was met. */
static int fail_each_allocation(const char *name, bool tells_memory)
{
    size_t n_bytes = read_photo(name);
    for (int n = 0;; n++) {
        struct pom_image image = {0};
        struct pom_error err = {0};
        long before = n_living;
        n_until_failure = n;
        enum pom_status status = pom_image_decode(&image, file_bytes, n_bytes, NULL, &err);
        bool was_met = n_until_failure < 0;
        n_until_failure = -1;
        if (!was_met) assert_int_equal(status, POM_OK);
        if (status != POM_OK && tells_memory) assert_string_equal(err.reason, "out_of_memory");
        if (status != POM_OK)
            assert_int_equal(pom_image_decode(&image, file_bytes, n_bytes, NULL, &err), POM_OK);
        pom_image_release(&image);
        assert_int_equal(n_living, before);
        if (!was_met) return n;
    }
}

static void decoding_survives_each_failure(void **state)
{
    (void)state;
#ifdef CANNOT_REPLACE_MALLOC
    skip();
#endif
    assert_true(fail_each_allocation("jpeg-420.jpg", true) > 5);
    assert_true(fail_each_allocation("jpeg-420-progressive.jpg", true) > 5);
    assert_true(fail_each_allocation("jpeg-exif-6.jpg", true) > 5);
#if POMI_HAVE_PNG
    assert_true(fail_each_allocation("png-rgba-16-interlaced.png", true) > 5);
    assert_true(fail_each_allocation("png-palette-4.png", true) > 5);
#endif
#if POMI_HAVE_WEBP
    // libwebp's container parser cannot say that it was memory that was missing; and libwebp 1.2.4 itself crashes when it
    // gets none for a lossless photo or for alpha, so only plain lossy ones are tried.
    assert_true(fail_each_allocation("webp-lossy.webp", false) > 3);
    assert_true(fail_each_allocation("webp-exif-5.webp", false) > 3);
#endif
}

static void resizing_survives_each_failure(void **state)
{
    (void)state;
#ifdef CANNOT_REPLACE_MALLOC
    skip();
#endif
    static uint8_t pixels[40 * 30 * 3];
    struct pom_image source = {pixels, 40, 30, sizeof pixels};
    for (int filter = POM_FILTER_NEAREST; filter <= POM_FILTER_LANCZOS; filter++) {
        bool was_met = true;
        for (int n = 0; was_met; n++) {
            struct pom_resize_options options = {(enum pom_filter)filter, POM_FIT_CROP};
            struct pom_image result = {0};
            struct pomi_resize_workspace workspace = {0};
            long before = n_living;
            n_until_failure = n;
            enum pom_status status = pomi_resize(&result, &source, 21, 25, &options, &workspace, NULL);
            was_met = n_until_failure < 0;
            n_until_failure = -1;
            assert_int_equal(status, was_met ? POM_ERROR_MEMORY : POM_OK);
            assert_int_equal(pomi_resize(&result, &source, 21, 25, &options, &workspace, NULL), POM_OK);
            pom_image_release(&result);
            pomi_resize_workspace_release(&workspace);
            assert_int_equal(n_living, before);
        }
    }
}

/* After the first photo of a size our own code allocates nothing: resizing uses no library at all. */
static void warm_resizing_allocates_nothing(void **state)
{
    (void)state;
#ifdef CANNOT_REPLACE_MALLOC
    skip();
#endif
    static uint8_t pixels[100 * 100 * 3];
    struct pom_image source = {pixels, 100, 100, sizeof pixels}, result = {0};
    struct pomi_resize_workspace workspace = {0};
    assert_int_equal(pomi_resize(&result, &source, 224, 224, NULL, &workspace, NULL), POM_OK);
    n_until_failure = 0;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pomi_resize(&result, &source, 224, 224, NULL, &workspace, NULL), POM_OK);
    assert_int_equal(n_until_failure, 0); // not one allocation was tried
    n_until_failure = -1;
    pom_image_release(&result);
    pomi_resize_workspace_release(&workspace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decoding_survives_each_failure),
        cmocka_unit_test(resizing_survives_each_failure),
        cmocka_unit_test(warm_resizing_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
