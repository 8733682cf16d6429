// SPDX-License-Identifier: Apache-2.0
/* Strings as CSV fields (RFC 4180) and JSON strings (RFC 8259), for the text tables. */
#ifndef POMONA_SINK_TEXT_LINES_H
#define POMONA_SINK_TEXT_LINES_H

#include "base/bytes.h"

/* Appends `text`, quoted where a comma, a quote or a line end demands it. "" is written as two quotes:
 * readers that tell an empty text from a missing one then see the former. */
enum pom_status pomi_csv_append(struct pomi_bytes *line, const char *text, struct pom_error *err);

/* Appends `text` with its quotes, escapes and all; UTF-8 stays as it is. */
enum pom_status pomi_json_append(struct pomi_bytes *line, const char *text, struct pom_error *err);

#endif
