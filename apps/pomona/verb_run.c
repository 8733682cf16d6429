// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

#include <inttypes.h>

/* The last words of a run, on stderr: what happened, and what to look at. */
static void summarise(const struct settings *settings, const struct pom_run_result *result)
{
    const char *output = settings->run.output;
    fprintf(stderr, "%" PRId64 " photos: %" PRId64 " written, %" PRId64 " failed; %.1f s", result->n_listed,
            result->n_written, result->n_failed, result->seconds);
    if (result->photos_per_second > 0) fprintf(stderr, ", %.1f photos/s", result->photos_per_second);
    fprintf(stderr, ", %.0f MB\n", (double)result->peak_memory_bytes * 1e-6);
    if (result->n_failed > 0) fprintf(stderr, "why they failed: %s/failures\n", output);
    if (!settings->run.no_report) fprintf(stderr, "look at: %s/report.html\n", output);
}

int verb_run(struct settings *settings)
{
    struct pom_run_result result = {0};
    struct pom_error err = {0};
    settings->run.source = settings->arguments[0];
    settings->run.output = settings->arguments[1];
    terminal_attach(settings);
    enum pom_status status = pom_run(&settings->run, &result, &err);
    if (status == POM_OK && !settings->run.dry_run && !settings->quiet && !settings->json)
        summarise(settings, &result);
    return terminal_finish(settings, status, &result, &err);
}
