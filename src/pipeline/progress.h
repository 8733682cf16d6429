// SPDX-License-Identifier: Apache-2.0
/* What a run tells its caller: stages, counts a few times per second, messages. */
#ifndef POMONA_PIPELINE_PROGRESS_H
#define POMONA_PIPELINE_PROGRESS_H

#include <stdbool.h>

#include "pomona/pipeline.h"

struct pomi_progress {
    const struct pom_run_options *options; /* the callbacks */
    struct pom_event event;                /* as it was last sent */
    int64_t n_done_before; /* done when the stage began, by an earlier session: not this one's speed */
    double stage_began_seconds;
    double last_sent_seconds;
};

void pomi_progress_init(struct pomi_progress *progress, const struct pom_run_options *options);
void pomi_progress_stage(struct pomi_progress *progress, const char *stage, int64_t n_total, int64_t n_done,
                         int64_t n_failed);
/* Sends an event when the last one is old enough. */
void pomi_progress_update(struct pomi_progress *progress, int64_t n_done, int64_t n_failed);
/* Sends the last event of a stage; returns its seconds. */
double pomi_progress_stage_end(struct pomi_progress *progress);
void pomi_progress_done(struct pomi_progress *progress, const struct pom_run_result *result);
void pomi_progress_message(struct pomi_progress *progress, enum pom_event_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether the caller wants the run to end. */
bool pomi_progress_should_stop(const struct pomi_progress *progress);

#endif
