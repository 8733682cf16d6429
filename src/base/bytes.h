// SPDX-License-Identifier: Apache-2.0
/*
 * Bytes that are owned, borrowed, or growing: three types, so that ownership shows in a signature.
 */
#ifndef POMONA_BASE_BYTES_H
#define POMONA_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Owns `data` (from malloc). A zeroed struct is empty and releasable. `capacity_bytes` lets a buffer be
 * reused. */
struct pomi_bytes {
    uint8_t *data;
    size_t size_bytes;
    size_t capacity_bytes;
};

/* Borrows. */
struct pomi_view {
    const uint8_t *data;
    size_t size_bytes;
};

#define POMI_HUGE_PAGE_BYTES ((size_t)2 << 20)

/* Asks for huge pages for those that lie whole in the memory, where the system has them. */
void pomi_prefer_huge_pages(void *memory, size_t size_bytes);

void pomi_bytes_release(struct pomi_bytes *bytes);

/* Makes room for `capacity_bytes`; keeps content; never shrinks. */
enum pom_status pomi_bytes_reserve(struct pomi_bytes *bytes, size_t capacity_bytes, struct pom_error *err);

/* Appends, at least doubling when it grows. */
enum pom_status pomi_bytes_append(struct pomi_bytes *bytes, const void *data, size_t size_bytes,
                                  struct pom_error *err);

/* Appends formatted text without its terminator. */
enum pom_status pomi_bytes_print(struct pomi_bytes *bytes, struct pom_error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline struct pomi_view pomi_bytes_view(const struct pomi_bytes *bytes)
{
    return (struct pomi_view){bytes->data, bytes->size_bytes};
}

#endif
