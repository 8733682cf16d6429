// SPDX-License-Identifier: Apache-2.0
/* Behaviour around the pixels; the pixels themselves: tests/golden. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "resize/resize.h"

static struct pom_image make_image(int width, int height)
{
    size_t n_bytes = (size_t)width * (size_t)height * 3;
    struct pom_image image = {malloc(n_bytes), width, height, n_bytes};
    for (size_t i = 0; i < n_bytes; i++) image.pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    return image;
}

static void the_same_size_is_a_copy(void **state)
{
    (void)state;
    struct pom_image source = make_image(17, 11), copy = {0};
    struct pomi_resize_workspace workspace = {0};
    for (int filter = POM_FILTER_NEAREST; filter <= POM_FILTER_LANCZOS; filter++)
        for (int fit = POM_FIT_STRETCH; fit <= POM_FIT_PAD; fit++) {
            struct pom_resize_options options = {(enum pom_filter)filter, (enum pom_fit)fit};
            assert_int_equal(pomi_resize(&copy, &source, 17, 11, &options, &workspace, NULL), POM_OK);
            assert_memory_equal(copy.pixels, source.pixels, 17 * 11 * 3);
        }
    pom_image_release(&source);
    pom_image_release(&copy);
    pomi_resize_workspace_release(&workspace);
}

static void one_colour_stays_one_colour(void **state)
{
    (void)state;
    struct pom_image source = make_image(37, 23), result = {0};
    memset(source.pixels, 201, 37 * 23 * 3);
    struct pomi_resize_workspace workspace = {0};
    for (int filter = POM_FILTER_NEAREST; filter <= POM_FILTER_LANCZOS; filter++) {
        struct pom_resize_options options = {(enum pom_filter)filter, POM_FIT_CROP};
        assert_int_equal(pomi_resize(&result, &source, 50, 9, &options, &workspace, NULL), POM_OK);
        for (int i = 0; i < 50 * 9 * 3; i++) assert_int_equal(result.pixels[i], 201);
    }
    pom_image_release(&source);
    pom_image_release(&result);
    pomi_resize_workspace_release(&workspace);
}

static void padding_is_black_and_centred(void **state)
{
    (void)state;
    struct pom_image source = make_image(20, 10), result = {0};
    memset(source.pixels, 255, 20 * 10 * 3);
    struct pomi_resize_workspace workspace = {0};
    struct pom_resize_options options = {POM_FILTER_BICUBIC, POM_FIT_PAD};
    assert_int_equal(pomi_resize(&result, &source, 40, 40, &options, &workspace, NULL), POM_OK);
    for (int y = 0; y < 40; y++)
        for (int i = 0; i < 120; i++)
            assert_int_equal(result.pixels[y * 120 + i], y >= 10 && y < 30 ? 255 : 0);
    // A photo so wide that not one row of it is left.
    struct pom_image line = make_image(400, 1);
    assert_int_equal(pomi_resize(&result, &line, 40, 40, &options, &workspace, NULL), POM_OK);
    for (int i = 0; i < 40 * 120; i++) assert_int_equal(result.pixels[i], 0);
    pom_image_release(&source);
    pom_image_release(&line);
    pom_image_release(&result);
    pomi_resize_workspace_release(&workspace);
}

static void wrong_arguments_are_named(void **state)
{
    (void)state;
    struct pom_image source = make_image(4, 4), result = {0}, empty = {0};
    struct pomi_resize_workspace workspace = {0};
    struct pom_resize_options bad_filter = {(enum pom_filter)6, POM_FIT_STRETCH};
    struct pom_resize_options bad_fit = {POM_FILTER_BOX, (enum pom_fit) - 1};
    assert_int_equal(pomi_resize(&result, &source, 0, 5, NULL, &workspace, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_resize(&result, &source, 5, -1, NULL, &workspace, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_resize(&result, &empty, 5, 5, NULL, &workspace, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_resize(&result, &source, 5, 5, &bad_filter, &workspace, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_resize(&result, &source, 5, 5, &bad_fit, &workspace, NULL), POM_ERROR_ARGUMENT);
    assert_int_equal(pom_image_resize(&source, &source, 5, 5, NULL, NULL), POM_ERROR_ARGUMENT);
    assert_null(result.pixels);
    pom_image_release(&source);
}

static void memory_is_kept_from_photo_to_photo(void **state)
{
    (void)state;
    struct pom_image large = make_image(90, 70), small = make_image(10, 30), result = {0};
    struct pomi_resize_workspace workspace = {0};
    assert_int_equal(pomi_resize(&result, &large, 24, 24, NULL, &workspace, NULL), POM_OK);
    struct pomi_resize_workspace warm = workspace;
    const uint8_t *pixels = result.pixels;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pomi_resize(&result, i % 2 ? &large : &small, 24, 24, NULL, &workspace, NULL),
                         POM_OK);
        assert_ptr_equal(result.pixels, pixels);
        assert_ptr_equal(workspace.columns.memory.data, warm.columns.memory.data);
        assert_ptr_equal(workspace.rows.memory.data, warm.rows.memory.data);
        assert_ptr_equal(workspace.between.data, warm.between.data);
        assert_ptr_equal(workspace.strip.data, warm.strip.data);
    }
    pom_image_release(&large);
    pom_image_release(&small);
    pom_image_release(&result);
    pomi_resize_workspace_release(&workspace);
    assert_null(workspace.between.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_size_is_a_copy),
        cmocka_unit_test(one_colour_stays_one_colour),
        cmocka_unit_test(padding_is_black_and_centred),
        cmocka_unit_test(wrong_arguments_are_named),
        cmocka_unit_test(memory_is_kept_from_photo_to_photo),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
