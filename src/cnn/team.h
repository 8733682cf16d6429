// SPDX-License-Identifier: Apache-2.0
/*
 * Threads that work on one photo together. They wait for each other dozens of times per photo, a few microseconds
 * each time, so whoever waits looks again for a moment before it sleeps: sleeping at once would cost more than the
 * wait, and looking for ever would take the core from the very thread that is waited for when others want it too.
 */
#ifndef POMONA_CNN_TEAM_H
#define POMONA_CNN_TEAM_H

#include "pomona/status.h"

struct pomi_team;

/* Starts n_members - 1 threads, which sleep until there is work. Errors: MEMORY. */
enum pom_status pomi_team_new(struct pomi_team **team, int n_members, void (*work)(void *context, int member),
                              void *context, struct pom_error *err);
void pomi_team_free(struct pomi_team *team); /* NULL is fine */

/* Calls work(context, member) on every member, the caller being member 0, and returns when all are done. */
void pomi_team_run(struct pomi_team *team);

/* From within work: returns when every member has called it. What one wrote before, all see after. */
void pomi_team_meet(struct pomi_team *team);

#endif
