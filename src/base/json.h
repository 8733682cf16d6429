// SPDX-License-Identifier: Apache-2.0
/* JSON from outside, by jansson: telling a text that is not JSON from one that found no memory. */
#ifndef POMONA_BASE_JSON_H
#define POMONA_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* Whether parsing ended in `root` for want of memory; jansson then may leave the reason empty. *where is zeroed before. */
static inline bool pomi_json_out_of_memory(const json_t *root, const json_error_t *where)
{
    return root == NULL && (json_error_code(where) == json_error_out_of_memory || where->text[0] == '\0');
}

#endif
