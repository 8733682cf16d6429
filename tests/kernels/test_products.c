// SPDX-License-Identifier: Apache-2.0
/*
 * Sums of products in double: every set gives the bytes of the loop that its contract spells, at every depth,
 * on factors that end at a page nobody may read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/kernels.h"

enum { MAX_DEPTH = 300, PANEL = POMK_F64_PANEL };

/* n doubles that end where an unreadable page begins. */
static double *before_guard_page(size_t n)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t size_bytes = (n * sizeof(double) + page_bytes - 1) / page_bytes * page_bytes;
    uint8_t *mapped =
        mmap(NULL, size_bytes + page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mapped != MAP_FAILED);
    assert_int_equal(mprotect(mapped + size_bytes, page_bytes, PROT_NONE), 0);
    return (double *)(mapped + size_bytes) - n;
}

static void fill(double *numbers, size_t n, uint64_t state)
{
    for (size_t i = 0; i < n; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        numbers[i] = (double)(int64_t)state * 0x1p-40;
    }
}

static void by_the_contract(double *sums, const double *a, const double *b, size_t depth)
{
    for (int row = 0; row < PANEL; row++)
        for (int column = 0; column < PANEL; column++) {
            volatile double sum = 0, product; /* volatile: each result is rounded to double */
            for (size_t d = 0; d < depth; d++) {
                product = a[d * PANEL + (size_t)row] * b[d * PANEL + (size_t)column];
                sum = sum + product;
            }
            sums[row * PANEL + column] += sum;
        }
}

static void every_set_follows_the_contract(void **state)
{
    (void)state;
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    double *a = before_guard_page(MAX_DEPTH * PANEL), *b = before_guard_page(MAX_DEPTH * PANEL);
    double *sums = before_guard_page(PANEL * PANEL), expected[PANEL * PANEL];
    fill(a, MAX_DEPTH * PANEL, 1);
    fill(b, MAX_DEPTH * PANEL, 2);
    const size_t depths[] = {0, 1, 2, 3, 17, 256, 257, MAX_DEPTH};
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        size_t offset = (MAX_DEPTH - depths[i]) * PANEL; /* the factors end at the page */
        fill(expected, PANEL * PANEL, 3);
        by_the_contract(expected, a + offset, b + offset, depths[i]);
        for (int s = 0; s < n_sets; s++) {
            fill(sums, PANEL * PANEL, 3);
            sets[s]->add_products(sums, a + offset, b + offset, depths[i]);
            assert_memory_equal(sums, expected, sizeof expected);
        }
    }
}

static void alignment_is_that_of_a_double(void **state)
{
    (void)state;
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    static double a[5 * PANEL + 7], b[5 * PANEL + 7], sums[PANEL * PANEL + 7];
    double expected[PANEL * PANEL];
    fill(a, sizeof a / sizeof a[0], 4);
    fill(b, sizeof b / sizeof b[0], 5);
    for (int s = 0; s < n_sets; s++)
        for (int shift = 0; shift < 8; shift++) {
            memset(expected, 0, sizeof expected);
            memset(sums, 0, sizeof sums);
            by_the_contract(expected, a + shift, b + 7 - shift, 5);
            sets[s]->add_products(sums + shift, a + shift, b + 7 - shift, 5);
            assert_memory_equal(sums + shift, expected, sizeof expected);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_set_follows_the_contract),
        cmocka_unit_test(alignment_is_that_of_a_double),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
