// SPDX-License-Identifier: Apache-2.0
#include "pipeline/progress.h"

#include <stdarg.h>
#include <stdio.h>

#include "pipeline/extractor.h"

#define SECONDS_BETWEEN_EVENTS 0.2

static void send(struct pomi_progress *progress, enum pom_event_kind kind, const char *message)
{
    struct pom_event *event = &progress->event;
    event->kind = kind;
    event->message = message;
    event->seconds = pomi_clock_seconds() - progress->stage_began_seconds;
    event->photos_per_second =
        event->seconds > 0 ? (double)(event->n_done - progress->n_done_before) / event->seconds : 0;
    if (progress->options->on_event != NULL) progress->options->on_event(progress->options->user, event);
}

void pomi_progress_init(struct pomi_progress *progress, const struct pom_run_options *options)
{
    *progress = (struct pomi_progress){.options = options, .stage_began_seconds = pomi_clock_seconds()};
    progress->event.stage = "";
}

void pomi_progress_stage(struct pomi_progress *progress, const char *stage, int64_t n_total, int64_t n_done,
                         int64_t n_failed)
{
    progress->stage_began_seconds = progress->last_sent_seconds = pomi_clock_seconds();
    progress->n_done_before = n_done;
    progress->event =
        (struct pom_event){.stage = stage, .n_total = n_total, .n_done = n_done, .n_failed = n_failed};
    send(progress, POM_EVENT_STAGE, NULL);
}

void pomi_progress_update(struct pomi_progress *progress, int64_t n_done, int64_t n_failed)
{
    progress->event.n_done = n_done;
    progress->event.n_failed = n_failed;
    double now = pomi_clock_seconds();
    if (n_done >= progress->event.n_total) return; /* pomi_progress_stage_end says the last word */
    if (now - progress->last_sent_seconds < SECONDS_BETWEEN_EVENTS) return;
    progress->last_sent_seconds = now;
    send(progress, POM_EVENT_PROGRESS, NULL);
}

double pomi_progress_stage_end(struct pomi_progress *progress)
{
    send(progress, POM_EVENT_PROGRESS, NULL);
    return progress->event.seconds;
}

void pomi_progress_done(struct pomi_progress *progress, const struct pom_run_result *result)
{
    progress->event.n_total = result->n_listed;
    progress->event.n_done = result->n_written + result->n_failed;
    progress->event.n_failed = result->n_failed;
    send(progress, POM_EVENT_DONE, NULL);
}

void pomi_progress_message(struct pomi_progress *progress, enum pom_event_kind kind, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    send(progress, kind, text);
}

bool pomi_progress_should_stop(const struct pomi_progress *progress)
{
    const struct pom_run_options *options = progress->options;
    return options->should_stop != NULL && options->should_stop(options->user) != 0;
}
