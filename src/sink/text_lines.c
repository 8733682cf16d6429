// SPDX-License-Identifier: Apache-2.0
#include "sink/text_lines.h"

#include <string.h>

enum pom_status pomi_csv_append(struct pomi_bytes *line, const char *text, struct pom_error *err)
{
    if (text[0] != '\0' && strpbrk(text, ",\"\r\n") == NULL)
        return pomi_bytes_append(line, text, strlen(text), err);
    POMI_TRY(pomi_bytes_append(line, "\"", 1, err));
    for (const char *quote; (quote = strchr(text, '"')) != NULL; text = quote + 1) {
        POMI_TRY(pomi_bytes_append(line, text, (size_t)(quote - text), err));
        POMI_TRY(pomi_bytes_append(line, "\"\"", 2, err));
    }
    POMI_TRY(pomi_bytes_append(line, text, strlen(text), err));
    return pomi_bytes_append(line, "\"", 1, err);
}

enum pom_status pomi_json_append(struct pomi_bytes *line, const char *text, struct pom_error *err)
{
    POMI_TRY(pomi_bytes_append(line, "\"", 1, err));
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            POMI_TRY(pomi_bytes_print(line, err, "\\%c", byte));
        else if (byte == '\n')
            POMI_TRY(pomi_bytes_append(line, "\\n", 2, err));
        else if (byte == '\t')
            POMI_TRY(pomi_bytes_append(line, "\\t", 2, err));
        else if (byte < 0x20)
            POMI_TRY(pomi_bytes_print(line, err, "\\u%04x", byte));
        else
            POMI_TRY(pomi_bytes_append(line, text, 1, err));
    }
    return pomi_bytes_append(line, "\"", 1, err);
}
