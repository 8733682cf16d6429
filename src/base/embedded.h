// SPDX-License-Identifier: Apache-2.0
/*
 * Files that are part of the library: the report's page, the embedded network. tools/embed.c makes the tables
 * at build time; whoever owns one declares it beside its use: `extern const struct pomi_embedded
 * pomi_report_files[];`.
 */
#ifndef POMONA_BASE_EMBEDDED_H
#define POMONA_BASE_EMBEDDED_H

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"

/* One file. A table ends with an entry whose name is NULL. `data` has one zero byte more than `size_bytes`.
 */
struct pomi_embedded {
    const char *name;
    const unsigned char *data;
    size_t size_bytes;
};

/* The file's bytes; data is NULL when the table has no such name. */
static inline struct pomi_view pomi_embedded_find(const struct pomi_embedded *table, const char *name)
{
    for (; table->name != NULL; table++)
        if (strcmp(table->name, name) == 0) return (struct pomi_view){table->data, table->size_bytes};
    return (struct pomi_view){NULL, 0};
}

#endif
