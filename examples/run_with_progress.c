// SPDX-License-Identifier: Apache-2.0
/* A whole run with a progress callback: run_with_progress SOURCE OUT */
#include <inttypes.h>
#include <stdio.h>

#include <pomona/pipeline.h>

static void on_event(void *user, const struct pom_event *event)
{
    (void)user;
    if (event->kind == POM_EVENT_MESSAGE || event->kind == POM_EVENT_WARNING) printf("%s\n", event->message);
    if (event->kind == POM_EVENT_PROGRESS)
        printf("%s: %" PRId64 " of %" PRId64 "\n", event->stage, event->n_done, event->n_total);
}

int main(int argc, char **argv)
{
    struct pom_run_options options;
    struct pom_run_result result;
    struct pom_error err;

    if (argc != 3) {
        fprintf(stderr, "usage: %s SOURCE OUT\n", argv[0]);
        return 2;
    }
    pom_run_options_init(&options);
    options.source = argv[1];
    options.output = argv[2];
    options.network = "orchard";
    options.overwrite = 1;
    options.on_event = on_event;
    if (pom_run(&options, &result, &err) != POM_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 3;
    }
    printf("%" PRId64 " photos: %" PRId64 " written, %" PRId64 " failed, %d components\n", result.n_listed,
           result.n_written, result.n_failed, result.n_components);
    return 0;
}
