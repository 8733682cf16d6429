// SPDX-License-Identifier: Apache-2.0
/*
 * The table of options. options.c parses by it, documentation.c makes --help and the man page of it, completions.c the
 * shells' completions, so that they cannot disagree.
 */
#ifndef POMONA_APP_OPTION_TABLE_H
#define POMONA_APP_OPTION_TABLE_H

#include "options.h"

enum option_type {
    TYPE_FLAG,   /* int or bool-like int: set to `value` */
    TYPE_TEXT,   /* const char * */
    TYPE_COUNT,  /* int, at least 1 */
    TYPE_LARGE,  /* int64_t, at least 0 */
    TYPE_SHARE,  /* double in (0, 1] */
    TYPE_CHOICE, /* int: the position in `choices` */
    TYPE_BOOL    /* bool */
};

struct option {
    const char *name;
    char letter; /* 0: none */
    enum option_type type;
    unsigned verbs;
    size_t offset; /* of the destination in struct settings */
    int value;
    const char *argument; /* as --help shows it; NULL: none. One with FILE in it may be the path of a file */
    const char *
        choices; /* separated by spaces: of TYPE_CHOICE all, of TYPE_TEXT those that have a name; NULL: none */
    const char *help;
};

extern const struct option options[];
extern const size_t n_options;

bool option_belongs(const struct option *option, const struct verb *verb);

#endif
