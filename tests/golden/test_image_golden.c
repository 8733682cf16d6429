// SPDX-License-Identifier: Apache-2.0
/*
 * Decoding and resizing against what Pillow gave for the small photos in tests/golden/image, one line of
 * expected.txt at a time, with every kernel set; make_image_golden.py made both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base/hash.h"
#include "config.h"
#include "kernels/kernels.h"
#include "pomona/image.h"
#include "resize/resize.h"

static void read_photo(const char *name, struct pomi_bytes *data)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/image/%s", getenv("POMONA_SOURCE"), name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) fail_msg("cannot open %s", path);
    data->size_bytes = 0;
    char part[4096];
    size_t n_bytes;
    while ((n_bytes = fread(part, 1, sizeof part, file)) > 0)
        assert_int_equal(pomi_bytes_append(data, part, n_bytes, NULL), POM_OK);
    fclose(file);
}

static void assert_pixels(const struct pom_image *image, int width, int height, const char *sha256,
                          const char *line)
{
    char text[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text(image->pixels, (size_t)image->width_px * (size_t)image->height_px * 3, text);
    if (image->width_px != width || image->height_px != height || strcmp(text, sha256) != 0)
        fail_msg("%d x %d with SHA-256 %s, but expected: %s", image->width_px, image->height_px, text, line);
}

static void check_line(const char *line, struct pom_image *photo, struct pom_image *small,
                       struct pomi_resize_workspace *workspace, struct pomi_bytes *data)
{
    char name[128], sha256[POMI_SHA256_TEXT_BYTES], reason[32];
    int ignore_rotation, filter, fit, width, height;
    struct pom_error err = {0};
    if (sscanf(line, "decode %127s %d %d %d %64s", name, &ignore_rotation, &width, &height, sha256) == 5) {
        read_photo(name, data);
        struct pom_decode_options options = {.ignore_exif_rotation = ignore_rotation};
        if (pom_image_decode(photo, data->data, data->size_bytes, &options, &err) != POM_OK)
            fail_msg("%s: %s", name, err.message);
        assert_pixels(photo, width, height, sha256, line);
    } else if (sscanf(line, "resize %127s %d %d %d %d %64s", name, &filter, &fit, &width, &height, sha256) ==
               6) {
        read_photo(name, data);
        struct pom_decode_options stored = {.ignore_exif_rotation = 1};
        assert_int_equal(pom_image_decode(photo, data->data, data->size_bytes, &stored, &err), POM_OK);
        struct pom_resize_options options = {(enum pom_filter)filter, (enum pom_fit)fit};
        const struct pomk_kernels *sets[POMK_MAX_SETS];
        int n_sets = pomk_list(sets);
        for (int i = 0; i < n_sets; i++) {
            workspace->kernels = sets[i];
            if (pomi_resize(small, photo, width, height, &options, workspace, &err) != POM_OK)
                fail_msg("%s: %s", line, err.message);
            assert_pixels(small, width, height, sha256, line);
        }
    } else if (sscanf(line, "fail %127s %31s", name, reason) == 2) {
        read_photo(name, data);
        if (pom_image_decode(photo, data->data, data->size_bytes, NULL, &err) == POM_OK)
            fail_msg("%s was decoded, but expected: %s", name, line);
        if (strcmp(err.reason, reason) != 0)
            fail_msg("%s: %s, but expected: %s", err.reason, err.message, line);
        assert_int_equal(photo->width_px, 0);
    } else {
        fail_msg("not understood: %s", line);
    }
}

static bool is_left_out(const char *line)
{
    (void)line;
#if !POMI_HAVE_PNG
    if (strstr(line, ".png") != NULL) return true;
#endif
#if !POMI_HAVE_WEBP
    if (strstr(line, ".webp") != NULL) return true;
#endif
    return false;
}

static void every_line_is_what_pillow_gave(void **state)
{
    (void)state;
    struct pom_image photo = {0}, small = {0};
    struct pomi_resize_workspace workspace = {0};
    struct pomi_bytes expected = {0}, data = {0};
    read_photo("expected.txt", &expected);
    assert_int_equal(pomi_bytes_append(&expected, "", 1, NULL), POM_OK);
    int n_lines = 0;
    for (char *rest = NULL, *line = strtok_r((char *)expected.data, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest), n_lines++)
        if (!is_left_out(line)) check_line(line, &photo, &small, &workspace, &data);
    assert_true(n_lines > 400);
    pomi_bytes_release(&expected);
    pomi_bytes_release(&data);
    pomi_resize_workspace_release(&workspace);
    pom_image_release(&photo);
    pom_image_release(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_line_is_what_pillow_gave)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
