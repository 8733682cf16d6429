// SPDX-License-Identifier: Apache-2.0
/*
 * Text from outside. File names are bytes; tables, JSON and HTML hold UTF-8 only.
 */
#ifndef POMONA_BASE_TEXT_H
#define POMONA_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, at most U+10FFFF). */
bool pomi_utf8_valid(const char *text, size_t text_bytes);

/* A copy in which each byte that is not part of well-formed UTF-8 became \xNN; the caller frees it with free().
 * NULL when memory is out. */
char *pomi_utf8_escaped(const char *text);

#endif
