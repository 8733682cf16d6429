// SPDX-License-Identifier: Apache-2.0
#include "base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "base/sizes.h"

void pomi_bytes_release(struct pomi_bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct pomi_bytes){0};
}

void pomi_prefer_huge_pages(void *memory, size_t size_bytes)
{
#if defined(__linux__)
    const uintptr_t first = (uintptr_t)memory;
    const uintptr_t begin = pomi_size_align(first, POMI_HUGE_PAGE_BYTES);
    const uintptr_t end = (first + size_bytes) & -POMI_HUGE_PAGE_BYTES;
    if (begin < end) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)memory, (void)size_bytes;
#endif
}

enum pom_status pomi_bytes_reserve(struct pomi_bytes *bytes, size_t capacity_bytes, struct pom_error *err)
{
    if (capacity_bytes <= bytes->capacity_bytes) return POM_OK;
    uint8_t *grown = realloc(bytes->data, capacity_bytes);
    if (grown == NULL) return pomi_fail_memory(err, capacity_bytes, "a buffer");
    bytes->data = grown;
    bytes->capacity_bytes = capacity_bytes;
    /* A large file is read in half the time where the system need not supply its memory in pages of 4 KiB. */
    pomi_prefer_huge_pages(grown, capacity_bytes);
    return POM_OK;
}

static enum pom_status make_room(struct pomi_bytes *bytes, size_t size_bytes, struct pom_error *err)
{
    size_t needed;
    if (!pomi_size_add(bytes->size_bytes, size_bytes, &needed))
        return pomi_fail_memory(err, size_bytes, "a buffer");
    if (needed <= bytes->capacity_bytes) return POM_OK;
    size_t doubled;
    if (!pomi_size_multiply(bytes->capacity_bytes, 2, &doubled) || doubled < needed) doubled = needed;
    return pomi_bytes_reserve(bytes, doubled, err);
}

enum pom_status pomi_bytes_append(struct pomi_bytes *bytes, const void *data, size_t size_bytes,
                                  struct pom_error *err)
{
    POMI_TRY(make_room(bytes, size_bytes, err));
    if (size_bytes > 0) memcpy(bytes->data + bytes->size_bytes, data, size_bytes);
    bytes->size_bytes += size_bytes;
    return POM_OK;
}

enum pom_status pomi_bytes_print(struct pomi_bytes *bytes, struct pom_error *err, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    enum pom_status status =
        length < 0 ? pomi_fail(err, POM_ERROR_ARGUMENT, "bad_text", "text that cannot be formatted")
                   : make_room(bytes, (size_t)length + 1, err);
    if (status == POM_OK) {
        vsnprintf((char *)bytes->data + bytes->size_bytes, (size_t)length + 1, format, again);
        bytes->size_bytes += (size_t)length;
    }
    va_end(again);
    return status;
}
