// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at the front of `text`, 0 when there is none. The second byte's
 * range is narrower after some first bytes: RFC 3629, section 4. */
static size_t sequence_bytes(const unsigned char *text, size_t text_bytes)
{
    unsigned char first = text[0], low = 0x80, high = 0xBF;
    size_t n;
    if (first < 0x80) return 1;
    if (first >= 0xC2 && first <= 0xDF)
        n = 2;
    else if (first >= 0xE0 && first <= 0xEF)
        n = 3;
    else if (first >= 0xF0 && first <= 0xF4)
        n = 4;
    else
        return 0;
    if (first == 0xE0) low = 0xA0;
    if (first == 0xED) high = 0x9F;
    if (first == 0xF0) low = 0x90;
    if (first == 0xF4) high = 0x8F;
    if (text_bytes < n || text[1] < low || text[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if (text[i] < 0x80 || text[i] > 0xBF) return 0;
    return n;
}

bool pomi_utf8_valid(const char *text, size_t text_bytes)
{
    for (size_t at = 0; at < text_bytes;) {
        size_t n = sequence_bytes((const unsigned char *)text + at, text_bytes - at);
        if (n == 0) return false;
        at += n;
    }
    return true;
}

char *pomi_utf8_escaped(const char *text)
{
    size_t text_bytes = strlen(text);
    char *escaped = malloc(text_bytes * 4 + 1), *to = escaped;
    if (escaped == NULL) return NULL;
    for (size_t at = 0; at < text_bytes;) {
        size_t n = sequence_bytes((const unsigned char *)text + at, text_bytes - at);
        if (n == 0) {
            to += snprintf(to, 5, "\\x%02x", (unsigned char)text[at]);
            n = 1;
        } else {
            to = (char *)memcpy(to, text + at, n) + n;
        }
        at += n;
    }
    *to = '\0';
    return escaped;
}
