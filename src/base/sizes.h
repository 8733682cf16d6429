// SPDX-License-Identifier: Apache-2.0
/* Checked size arithmetic: every product that reaches an allocation goes through here. */
#ifndef POMONA_BASE_SIZES_H
#define POMONA_BASE_SIZES_H

#include <stdbool.h>
#include <stddef.h>

/* *result = a * b; false when that does not fit. */
static inline bool pomi_size_multiply(size_t a, size_t b, size_t *result)
{
    return !__builtin_mul_overflow(a, b, result);
}

/* *result = a + b; false when that does not fit. */
static inline bool pomi_size_add(size_t a, size_t b, size_t *result)
{
    return !__builtin_add_overflow(a, b, result);
}

/* `size` rounded up to a multiple of `alignment`, a power of two. */
static inline size_t pomi_size_align(size_t size, size_t alignment)
{
    return (size + alignment - 1) & ~(alignment - 1);
}

#endif
