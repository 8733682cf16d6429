// SPDX-License-Identifier: Apache-2.0
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *pom_status_name(enum pom_status status)
{
    static const char *const names[] = {"ok",          "argument", "memory",  "io",
                                        "not_found",   "exists",   "format",  "limit",
                                        "unsupported", "mismatch", "numeric", "interrupted"};
    if ((int)status < 0 || (size_t)status >= sizeof names / sizeof names[0]) return "unknown";
    return names[status];
}

enum pom_status pomi_fail(struct pom_error *err, enum pom_status status, const char *reason,
                          const char *format, ...)
{
    if (err == NULL) return status;
    err->status = status;
    snprintf(err->reason, sizeof err->reason, "%s", reason);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    return status;
}

enum pom_status pomi_fail_in(struct pom_error *err, enum pom_status status, const char *format, ...)
{
    if (err == NULL) return status;
    char prefix[512], message[sizeof err->message];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(prefix, sizeof prefix, format, arguments);
    va_end(arguments);
    memcpy(message, err->message, sizeof message);
    snprintf(err->message, sizeof err->message, "%s: %.*s", prefix,
             (int)(sizeof err->message - strlen(prefix) - 3), message);
    return status;
}

enum pom_status pomi_fail_memory(struct pom_error *err, size_t size_bytes, const char *what)
{
    return pomi_fail(err, POM_ERROR_MEMORY, "out_of_memory", "out of memory: %zu bytes for %s", size_bytes,
                     what);
}
