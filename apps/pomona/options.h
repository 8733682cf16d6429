// SPDX-License-Identifier: Apache-2.0
/* The command line: its verbs, what it says, and what is written about it. */
#ifndef POMONA_APP_OPTIONS_H
#define POMONA_APP_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "pomona/pomona.h"

/* What the command line says; text is borrowed from argv. */
struct settings {
    struct pom_run_options run;
    const char *arguments[3]; /* what is not an option, in order */
    int n_arguments;
    const char *network_verb; /* of `pomona network` */
    struct pom_convert_options convert;
    const char *address;
    const char *file; /* --out of fit and convert */
    int n_photos;     /* of bench */
    bool cpu;         /* of version */
    bool help, quiet, json;
};

struct verb {
    const char *name;
    const char *arguments; /* as the usage line shows them */
    const char *summary;   /* one line */
    const char *details;   /* for --help and the man page */
    int min_arguments, max_arguments;
    int (*run)(struct settings *settings);
};

/* The verbs in the order of --help; the last one has no name. */
extern const struct verb verbs[];

const struct verb *find_verb(const char *name);      /* NULL: unknown */
const struct verb *find_near_verb(const char *name); /* one that may have been meant; NULL: none */

/* Fills `settings` from argv[2..]. On a mistake prints what is wrong and how to get help to stderr and returns false. */
bool parse_options(struct settings *settings, const struct verb *verb, int argc, char **argv);

/* documentation.c and completions.c */
void print_usage(FILE *to);
void print_help(FILE *to, const struct verb *verb);
void print_man_page(FILE *to);
void print_completion(FILE *to, const char *shell); /* "bash", "zsh", "fish" */

#endif
