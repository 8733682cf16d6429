// SPDX-License-Identifier: Apache-2.0
/*
 * What a person or a program sees of a run: a bar on a terminal, plain lines elsewhere, JSON events with --json. Results
 * go to stdout, everything else to stderr.
 */
#ifndef POMONA_APP_TERMINAL_H
#define POMONA_APP_TERMINAL_H

#include "options.h"

/* Exit codes, documented in docs/command-line.md. */
enum {
    EXIT_ALL_WRITTEN = 0,
    EXIT_SOME_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_NOT_FINISHED = 3,
    EXIT_INTERRUPTED = 130
};

/* Connects the run's events and Ctrl-C to this terminal. */
void terminal_attach(struct settings *settings);

/* Prints the error and returns the exit code that goes with it. */
int terminal_fail(const struct settings *settings, const struct pom_error *err);

/* The last words of a verb that went well, on stderr: what came of the photos, and one line of what to do now. Nothing with
 * --quiet, --json and --dry-run. */
void terminal_summarise(const struct settings *settings, const struct pom_run_result *result);
void terminal_hint(const struct settings *settings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Ends a run: prints the error or, on success, nothing, and returns the exit code. */
int terminal_finish(const struct settings *settings, enum pom_status status,
                    const struct pom_run_result *result, const struct pom_error *err);

/* Prints `text` as a JSON string with its quotes. */
void print_json_text(FILE *to, const char *text);

#endif
