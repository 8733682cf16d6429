// SPDX-License-Identifier: Apache-2.0
/*
 * Status codes and the error a caller hands in.
 *
 * Every function of the library that can fail returns `enum pom_status`; 0 (POM_OK) is success. The last
 * parameter is `struct pom_error *err`, owned by the caller, which may be NULL. After a failure it holds the
 * status, one machine-readable word and one sentence: what went wrong, where, and what to do.
 *
 * The library never prints, exits or aborts, and keeps no state outside its handles.
 */
#ifndef POMONA_STATUS_H
#define POMONA_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define POM_API
#else
#define POM_API __attribute__((visibility("default")))
#endif

enum pom_status {
    POM_OK = 0,
    POM_ERROR_ARGUMENT = 1,    /* a parameter or an option is not usable */
    POM_ERROR_MEMORY = 2,      /* an allocation failed */
    POM_ERROR_IO = 3,          /* reading or writing failed: disk full, permission, device */
    POM_ERROR_NOT_FOUND = 4,   /* a file, folder or network is not there */
    POM_ERROR_EXISTS = 5,      /* an output is there already and may not be touched */
    POM_ERROR_FORMAT = 6,      /* bytes are not what they should be: damaged, truncated, not an image */
    POM_ERROR_LIMIT = 7,       /* a documented limit was exceeded, e.g. pixels of one photo */
    POM_ERROR_UNSUPPORTED = 8, /* well-formed, but a variant this build does not handle */
    POM_ERROR_MISMATCH = 9,    /* two things do not belong together: network and PCA file, run and listing */
    POM_ERROR_NUMERIC = 10,    /* not a number, not finite, too few rows, no convergence */
    POM_ERROR_INTERRUPTED = 11 /* the caller asked to stop; what was committed stays */
};

/* `reason` is one word in snake_case that tables and scripts can group by, such as "truncated" or
 * "not_an_image"; docs/formats.md lists them all. Both strings are always terminated. */
struct pom_error {
    enum pom_status status;
    char reason[32];
    char message[988];
};

/* The constant's name in lower case without its prefix, e.g. "format"; "unknown" for other numbers. */
POM_API const char *pom_status_name(enum pom_status status);

#ifdef __cplusplus
}
#endif
#endif
