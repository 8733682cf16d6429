// SPDX-License-Identifier: Apache-2.0
/*
 * Included by one file of a test program: malloc and its kin of the whole process, libraries included, of which the one that
 * n_until_failure counts down to fails; n_living is how many blocks are out. CANNOT_REPLACE_MALLOC is defined where a
 * sanitizer or another C library has its own say.
 */
#include <stdbool.h>
#include <stddef.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define HAS_OWN_ALLOCATOR 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(HAS_OWN_ALLOCATOR) ||           \
    !defined(__GLIBC__)
#define CANNOT_REPLACE_MALLOC 1
#endif

static long n_until_failure = -1; /* -1: never */
static long n_living;

#ifndef CANNOT_REPLACE_MALLOC
/* These names in the program take the place of the C library's for every library in the process. */
void *__libc_malloc(size_t n_bytes);
void *__libc_calloc(size_t n, size_t n_bytes);
void *__libc_realloc(void *memory, size_t n_bytes);
void __libc_free(void *memory);

static bool fails_now(void)
{
    return n_until_failure >= 0 && n_until_failure-- == 0;
}

static void *counted(void *memory)
{
    if (memory != NULL) n_living++;
    return memory;
}

void *malloc(size_t n_bytes)
{
    return fails_now() ? NULL : counted(__libc_malloc(n_bytes));
}

void *calloc(size_t n, size_t n_bytes)
{
    return fails_now() ? NULL : counted(__libc_calloc(n, n_bytes));
}

void *realloc(void *memory, size_t n_bytes)
{
    if (fails_now()) return NULL;
    void *moved = __libc_realloc(memory, n_bytes);
    return memory == NULL ? counted(moved) : moved;
}

void free(void *memory)
{
    if (memory != NULL) n_living--;
    __libc_free(memory);
}
#endif
