// SPDX-License-Identifier: Apache-2.0
/* A program of its own, because what counts is the peak of the whole process. */
#include "sink_testing.h"

#include <sys/resource.h>

/* Sanitizers keep freed memory for a while; gcc and clang tell of them in different ways. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define KEEPS_FREED_MEMORY 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS_FREED_MEMORY 1
#endif

static int64_t peak_memory_bytes(void)
{
    struct rusage usage;
    assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
    return (int64_t)usage.ru_maxrss * 1024;
}

/* 20,000 rows of 1280 features are 102 MB. What writing and reading 4,096 of them needs is enough for all. */
static void memory_does_not_grow_with_the_rows(void **state)
{
    struct fixture *fixture = *state;
    write_part(fixture, "small", POMI_FORMAT_PARQUET, 4096, 1280, 32);
    check_made_rows(fixture, "small", 4096, 1280);
    write_part(fixture, "small", POMI_FORMAT_PARQUET, 4096, 1280, 32);
    int64_t before_bytes = peak_memory_bytes();
    write_part(fixture, "large", POMI_FORMAT_PARQUET, 20000, 1280, 32);
    int64_t written_bytes = peak_memory_bytes();
    check_made_rows(fixture, "large", 20000, 1280);
    int64_t read_bytes = peak_memory_bytes();
    print_message(
        "peak memory: %lld MB for 4,096 rows, %lld MB after writing 20,000, %lld MB after reading them\n",
        (long long)before_bytes >> 20, (long long)written_bytes >> 20, (long long)read_bytes >> 20);
#ifndef KEEPS_FREED_MEMORY
    assert_true(read_bytes < before_bytes + (40 << 20));
    assert_true(read_bytes <= (int64_t)pomi_sink_memory_bytes(POMI_WRITING, 1280)); /* what a run promises */
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(memory_does_not_grow_with_the_rows, fixture_open, fixture_close)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
