// SPDX-License-Identifier: Apache-2.0
/* What the tests of kernels share: random numbers, and memory that ends or begins at an unreadable page, so that one
 * value too many is a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

static uint64_t state;

static uint32_t random_bits(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 32);
}

static int random_int(int low, int high)
{
    return low + (int)(random_bits() % (uint32_t)(high - low + 1));
}

static int one_of(const int *values, int n)
{
    return values[random_int(0, n - 1)];
}
#define ONE_OF(...) one_of((const int[]){__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int)))

enum { MAX_BUFFERS = 256 };

static struct {
    void *base;
    size_t size;
} mapped[MAX_BUFFERS];
static int n_mapped;
static bool guard_in_front;

/* Aligned for vectors when guard_in_front, or when the size is a multiple of 64. */
static void *guarded(size_t size_bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), inner = (size_bytes + page - 1) / page * page;
    char *base = mmap(NULL, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(base != MAP_FAILED && n_mapped < MAX_BUFFERS);
    assert_int_equal(mprotect(base + page, inner, PROT_READ | PROT_WRITE), 0);
    mapped[n_mapped].base = base;
    mapped[n_mapped++].size = inner + 2 * page;
    return base + page + (guard_in_front ? 0 : inner - size_bytes);
}

static void unmap_all(void)
{
    while (n_mapped > 0) {
        n_mapped--;
        munmap(mapped[n_mapped].base, mapped[n_mapped].size);
    }
}
