// SPDX-License-Identifier: Apache-2.0
/*
 * How failures travel: a function fills the caller's `struct pom_error` once, where it knows most, and every
 * function above returns the status unchanged.
 */
#ifndef POMONA_BASE_ERROR_H
#define POMONA_BASE_ERROR_H

#include <stddef.h>

#include "pomona/status.h"

/* Fills *err (which may be NULL) and returns `status`. `reason` is one snake_case word for tables. */
enum pom_status pomi_fail(struct pom_error *err, enum pom_status status, const char *reason,
                          const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts "PREFIX: " before the message that is already in *err: a caller adds where it happened. Returns err's
 * status. */
enum pom_status pomi_fail_in(struct pom_error *err, enum pom_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The one sentence for allocations that fail. */
enum pom_status pomi_fail_memory(struct pom_error *err, size_t size_bytes, const char *what);

/* Returns from the calling function when `expression` fails. */
#define POMI_TRY(expression)                                                                                 \
    do {                                                                                                     \
        enum pom_status pomi_try_status_ = (expression);                                                     \
        if (pomi_try_status_ != POM_OK) return pomi_try_status_;                                             \
    } while (0)

#endif
