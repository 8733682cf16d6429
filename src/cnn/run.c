// SPDX-License-Identifier: Apache-2.0
/*
 * Runs a plan on one photo: walks the steps, each of which has a file of its own. One runner belongs to
 * one thread and owns an arena; nothing is allocated after it was made.
 */
#include "cnn/run.h"

#include <assert.h>
#include <stdlib.h>

#include "base/error.h"
#include "cnn/run_steps.h"
#include "cnn/team.h"

static void walk(void *context, int member)
{
    const struct crew *crew = context;
    const struct pomi_runner *runner = &crew->members[member];
    const uint8_t *rgb = crew->rgb;
    float *features = crew->features;
    for (int i = 0; i < runner->plan->n_steps; i++) {
        const struct step *step = &runner->plan->steps[i];
        switch (step->kind) {
        case STEP_BLOCK:
            pomi_run_block(runner, step, rgb);
            break;
        case STEP_CONV:
            pomi_run_conv(runner, step, rgb, features);
            break;
        case STEP_WINOGRAD:
            pomi_run_winograd(runner, step);
            break;
        case STEP_DEPTHWISE:
            pomi_run_depthwise(runner, step);
            break;
        case STEP_ADD:
            pomi_run_add(runner, step);
            break;
        case STEP_MAX_POOL:
            pomi_run_max_pool(runner, step);
            break;
        case STEP_GLOBAL_AVERAGE_POOL:
            pomi_run_global_average_pool(runner, step, features);
            break;
        }
    }
}

/* Gives the crew, which has none, its members; those that were made are there when it fails. */
static enum pom_status make_members(struct crew *crew, struct pomi_plan *plan, int n_members,
                                    struct pom_error *err)
{
    crew->members = calloc((size_t)n_members, sizeof *crew->members);
    crew->claims = calloc((size_t)plan->n_steps * PHASES * (size_t)n_members, sizeof *crew->claims);
    if (!crew->members || !crew->claims)
        return pomi_fail_memory(err, (size_t)n_members * sizeof *crew->members, "the threads of a photo");
    for (int i = 0; i < n_members; i++) {
        struct pomi_runner *member = &crew->members[i];
        *member = (struct pomi_runner){.plan = plan, .crew = crew, .member = i};
        member->scratch = pomi_vector_memory(plan->arena_bytes);
        if (!member->scratch)
            return pomi_fail_memory(err, pomi_plan_arena_bytes(plan), "the working memory of a network");
        member->arena = crew->members[0].scratch;
        crew->n_members++;
    }
    return n_members > 1 ? pomi_team_new(&crew->team, n_members, walk, crew, err) : POM_OK;
}

static void crew_free(struct crew *crew)
{
    pomi_team_free(crew->team);
    for (int i = 0; i < crew->n_members; i++) free(crew->members[i].scratch);
    free(crew->members);
    free(crew->claims);
    free(crew);
}

enum pom_status pomi_runner_new_threads(struct pomi_runner **runner, struct pomi_plan *plan, int n_threads,
                                        struct pom_error *err)
{
    assert(n_threads > 0);
    *runner = NULL;
    struct crew *crew = calloc(1, sizeof *crew);
    if (!crew) return pomi_fail_memory(err, sizeof *crew, "the threads of a photo");
    const enum pom_status status = make_members(crew, plan, n_threads, err);
    if (status != POM_OK) {
        crew_free(crew);
        return status;
    }
    pomi_plan_retain(plan);
    *runner = &crew->members[0];
    return POM_OK;
}

enum pom_status pomi_runner_new(struct pomi_runner **runner, struct pomi_plan *plan, struct pom_error *err)
{
    return pomi_runner_new_threads(runner, plan, 1, err);
}

void pomi_runner_free(struct pomi_runner *runner)
{
    if (!runner) return;
    pomi_plan_release(runner->plan);
    crew_free(runner->crew);
}

void pomi_runner_run(struct pomi_runner *runner, const uint8_t *rgb, float *features)
{
    struct crew *crew = runner->crew;
    crew->rgb = rgb;
    crew->features = features;
    for (int i = 0; i < runner->plan->n_steps * PHASES * crew->n_members; i++)
        atomic_store_explicit(&crew->claims[i], 0, memory_order_relaxed);
    if (crew->team)
        pomi_team_run(crew->team);
    else
        walk(crew, 0);
}
