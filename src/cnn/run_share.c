// SPDX-License-Identifier: Apache-2.0
/* Who does what of a step, and when all are done. */
#include "cnn/run_steps.h"
#include "cnn/team.h"

int pomi_run_claim(const struct pomi_runner *r, const struct step *step, int phase, int n)
{
    const int n_members = r->crew->n_members;
    atomic_int *taken = r->crew->claims + ((step - r->plan->steps) * PHASES + phase) * n_members;
    for (int i = 0; i < n_members; i++) {
        const int owner = (r->member + i) % n_members, end = part_begin(n, n_members, owner + 1);
        const int item = part_begin(n, n_members, owner) + atomic_fetch_add(&taken[owner], 1);
        if (item < end) return item;
    }
    return n;
}

void pomi_run_meet(const struct pomi_runner *r)
{
    if (r->crew->team) pomi_team_meet(r->crew->team);
}
