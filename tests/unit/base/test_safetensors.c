// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/safetensors.h"

/* A container from a header's text and as many zero bytes of data. */
static struct pomi_bytes container(const char *header, size_t data_bytes)
{
    struct pomi_bytes bytes = {0};
    uint8_t length[8] = {(uint8_t)strlen(header), (uint8_t)(strlen(header) >> 8)}, zero = 0;
    pomi_bytes_append(&bytes, length, sizeof length, NULL);
    pomi_bytes_append(&bytes, header, strlen(header), NULL);
    for (size_t i = 0; i < data_bytes; i++) pomi_bytes_append(&bytes, &zero, 1, NULL);
    return bytes;
}

static void what_was_written_is_read_back(void **state)
{
    (void)state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const int8_t small[3] = {-1, 0, 1};
    const struct pomi_tensor tensors[] = {
        {.name = "z",
         .dtype = POMI_F32,
         .n_dimensions = 2,
         .shape = {2, 3},
         .data = values,
         .size_bytes = 24},
        {.name = "a \"quoted\"",
         .dtype = POMI_I8,
         .n_dimensions = 1,
         .shape = {3},
         .data = small,
         .size_bytes = 3},
        {.name = "nothing", .dtype = POMI_F64, .n_dimensions = 1, .shape = {0}, .data = "", .size_bytes = 0},
    };
    const struct pomi_metadata metadata[] = {{"name", "pear & plum"}, {"a", "line\nbreak"}};
    struct pomi_bytes bytes = {0}, again = {0};
    assert_int_equal(pomi_safetensors_write(&bytes, tensors, 3, metadata, 2, NULL), POM_OK);
    const struct pomi_tensor turned[] = {tensors[2], tensors[0], tensors[1]};
    const struct pomi_metadata turned_metadata[] = {metadata[1], metadata[0]};
    assert_int_equal(pomi_safetensors_write(&again, turned, 3, turned_metadata, 2, NULL), POM_OK);
    assert_int_equal(bytes.size_bytes, again.size_bytes);
    assert_memory_equal(bytes.data, again.data, bytes.size_bytes);
    assert_int_equal(bytes.data[0] % 8, 0);
    char written_sha256[POMI_SHA256_TEXT_BYTES], sha256[POMI_SHA256_TEXT_BYTES];
    pomi_sha256_text(bytes.data, bytes.size_bytes, written_sha256);
    assert_int_equal(pomi_safetensors_sha256(sha256, turned, 3, turned_metadata, 2, NULL), POM_OK);
    assert_string_equal(sha256, written_sha256);

    struct pomi_safetensors *opened;
    struct pom_error err;
    assert_int_equal(pomi_safetensors_open(&opened, pomi_bytes_view(&bytes), &err), POM_OK);
    assert_int_equal(pomi_safetensors_count(opened), 3);
    assert_string_equal(pomi_safetensors_at(opened, 0)->name, "a \"quoted\"");
    assert_string_equal(pomi_safetensors_at(opened, 2)->name, "z");
    assert_null(pomi_safetensors_at(opened, 3));
    const struct pomi_tensor *z = pomi_safetensors_find(opened, "z");
    assert_int_equal(z->n_dimensions, 2);
    assert_int_equal(z->shape[1], 3);
    assert_int_equal(z->n_elements, 6);
    assert_memory_equal(z->data, values, sizeof values);
    assert_null(pomi_safetensors_find(opened, "y"));
    assert_string_equal(pomi_safetensors_metadata(opened, "a"), "line\nbreak");
    assert_null(pomi_safetensors_metadata(opened, "b"));
    pomi_safetensors_free(opened);
    pomi_bytes_release(&bytes);
    pomi_bytes_release(&again);
}

static void the_bytes_written_are_fixed(void **state)
{
    (void)state;
    const uint8_t value = 7;
    const struct pomi_tensor tensor = {
        .name = "t", .dtype = POMI_U8, .n_dimensions = 1, .shape = {1}, .data = &value, .size_bytes = 1};
    const struct pomi_metadata metadata = {"k", "v"};
    const char expected[] = "\x50\0\0\0\0\0\0\0{\"__metadata__\":{\"k\":\"v\"},"
                            "\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}  \7";
    struct pomi_bytes bytes = {0};
    assert_int_equal(pomi_safetensors_write(&bytes, &tensor, 1, &metadata, 1, NULL), POM_OK);
    assert_int_equal(bytes.size_bytes, sizeof expected - 1);
    assert_memory_equal(bytes.data, expected, sizeof expected - 1);
    pomi_bytes_release(&bytes);
}

static void what_cannot_be_written_is_refused(void **state)
{
    (void)state;
    const struct pomi_tensor twice[] = {{.name = "t", .dtype = POMI_U8, .data = "x", .size_bytes = 1},
                                        {.name = "t", .dtype = POMI_U8, .data = "y", .size_bytes = 1}};
    const struct pomi_metadata latin1 = {"name", "caf\xe9"};
    struct pomi_bytes bytes = {0};
    struct pom_error err;
    assert_int_equal(pomi_safetensors_write(&bytes, twice, 2, NULL, 0, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(pomi_safetensors_write(&bytes, twice, 1, &latin1, 1, &err), POM_ERROR_ARGUMENT);
    assert_int_equal(bytes.size_bytes, 0);
    char sha256[POMI_SHA256_TEXT_BYTES];
    assert_int_equal(pomi_safetensors_sha256(sha256, twice, 2, NULL, 0, &err), POM_ERROR_ARGUMENT);
    pomi_bytes_release(&bytes);
}

static void damaged_files_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        size_t data_bytes;
        enum pom_status status;
        const char *message;
    } cases[] = {
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 7, POM_ERROR_FORMAT, "outside"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 9, POM_ERROR_FORMAT,
         "no tensor"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, POM_ERROR_FORMAT, "fit"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, POM_ERROR_FORMAT, "outside"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, POM_ERROR_FORMAT, "shape"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,8]}}", 8,
         POM_ERROR_FORMAT, "shape"},
        {"{\"t\":{\"dtype\":\"F32\",\"shape\":[4611686018427387905],\"data_offsets\":[0,4]}}", 4,
         POM_ERROR_FORMAT, "fit"},
        {"{\"t\":{\"dtype\":\"F8\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, POM_ERROR_UNSUPPORTED, "F8"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
         POM_ERROR_FORMAT, "8"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"u\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}",
         1, POM_ERROR_FORMAT, "overlaps"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", 2, POM_ERROR_FORMAT, "hole"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
         "\"t\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
         2, POM_ERROR_FORMAT, "JSON"},
        {"{\"t\":{\"dtype\":\"U8\",\"shape\":[1]}}", 1, POM_ERROR_FORMAT, "described"},
        {"{\"t\":[]}", 0, POM_ERROR_FORMAT, "described"},
        {"{\"__metadata__\":{\"k\":1}}", 0, POM_ERROR_FORMAT, "not a string"},
        {"{\"__metadata__\":[]}", 0, POM_ERROR_FORMAT, "not an object"},
        {"{\"t\":", 0, POM_ERROR_FORMAT, "JSON"},
        {"[]", 0, POM_ERROR_FORMAT, "brace"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pomi_bytes bytes = container(cases[i].header, cases[i].data_bytes);
        struct pomi_safetensors *opened = (void *)1;
        struct pom_error err = {0};
        assert_int_equal(pomi_safetensors_open(&opened, pomi_bytes_view(&bytes), &err), cases[i].status);
        assert_null(opened);
        if (strstr(err.message, cases[i].message) == NULL) fail_msg("case %zu: %s", i, err.message);
        pomi_bytes_release(&bytes);
    }
}

static void truncated_files_are_refused(void **state)
{
    (void)state;
    struct pomi_bytes bytes =
        container("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    for (size_t size = 0; size < bytes.size_bytes; size++) {
        /* A copy of exactly this size, so that a sanitizer sees any byte read past the end. */
        struct pomi_bytes part = {0};
        pomi_bytes_append(&part, bytes.data, size, NULL);
        struct pomi_safetensors *opened;
        assert_int_equal(pomi_safetensors_open(&opened, pomi_bytes_view(&part), NULL), POM_ERROR_FORMAT);
        pomi_bytes_release(&part);
    }
    memset(bytes.data, 0xff, 8);
    struct pomi_safetensors *opened;
    assert_int_equal(pomi_safetensors_open(&opened, pomi_bytes_view(&bytes), NULL), POM_ERROR_FORMAT);
    pomi_bytes_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_back),
        cmocka_unit_test(the_bytes_written_are_fixed),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(damaged_files_are_refused_with_the_reason),
        cmocka_unit_test(truncated_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
