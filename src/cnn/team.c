// SPDX-License-Identifier: Apache-2.0
#include "cnn/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

/* How often a waiting thread looks before it sleeps: 20 to 50 microseconds, by the length of the CPU's pause. */
enum { N_LOOKS = 1000 };

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* A number that only grows, and threads that wait for it to change. */
struct gate {
    atomic_uint number;
    atomic_int n_sleepers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void gate_init(struct gate *gate)
{
    atomic_init(&gate->number, 0);
    atomic_init(&gate->n_sleepers, 0);
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
}

static void gate_destroy(struct gate *gate)
{
    pthread_mutex_destroy(&gate->lock);
    pthread_cond_destroy(&gate->changed);
}

/* Either the opener sees the sleeper, or the sleeper sees the new number: both write first and then look. */
static void gate_open(struct gate *gate)
{
    atomic_fetch_add(&gate->number, 1);
    if (atomic_load(&gate->n_sleepers) == 0) return;
    pthread_mutex_lock(&gate->lock);
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_wait(struct gate *gate, unsigned seen)
{
    for (int i = 0; i < N_LOOKS; i++) {
        if (atomic_load(&gate->number) != seen) return;
        pause_briefly();
    }
    pthread_mutex_lock(&gate->lock);
    atomic_fetch_add(&gate->n_sleepers, 1);
    while (atomic_load(&gate->number) == seen) pthread_cond_wait(&gate->changed, &gate->lock);
    atomic_fetch_sub(&gate->n_sleepers, 1);
    pthread_mutex_unlock(&gate->lock);
}

struct helper {
    struct pomi_team *team;
    pthread_t thread;
    int member;
};

struct pomi_team {
    int n_members;
    void (*work)(void *context, int member);
    void *context;
    struct gate start, meeting;
    atomic_int n_arrived; /* at the meeting */
    atomic_bool is_over;
    struct helper *helpers; /* [n_members - 1] */
    int n_helpers;          /* running */
};

void pomi_team_meet(struct pomi_team *team)
{
    const unsigned seen = atomic_load(&team->meeting.number);
    if (atomic_fetch_add(&team->n_arrived, 1) + 1 < team->n_members) {
        gate_wait(&team->meeting, seen);
        return;
    }
    atomic_store(&team->n_arrived, 0);
    gate_open(&team->meeting);
}

static void *help(void *argument)
{
    const struct helper *helper = argument;
    struct pomi_team *team = helper->team;
    for (unsigned n_runs = 0;; n_runs++) {
        gate_wait(&team->start, n_runs);
        if (atomic_load(&team->is_over)) return NULL;
        team->work(team->context, helper->member);
        pomi_team_meet(team);
    }
}

void pomi_team_run(struct pomi_team *team)
{
    gate_open(&team->start);
    team->work(team->context, 0);
    pomi_team_meet(team);
}

enum pom_status pomi_team_new(struct pomi_team **team_out, int n_members,
                              void (*work)(void *context, int member), void *context, struct pom_error *err)
{
    *team_out = NULL;
    struct pomi_team *team = calloc(1, sizeof *team);
    struct helper *helpers = calloc((size_t)n_members, sizeof *helpers);
    if (!team || !helpers) {
        free(team);
        free(helpers);
        return pomi_fail_memory(err, sizeof *team + (size_t)n_members * sizeof *helpers, "threads");
    }
    team->n_members = n_members;
    team->work = work;
    team->context = context;
    team->helpers = helpers;
    gate_init(&team->start);
    gate_init(&team->meeting);
    atomic_init(&team->n_arrived, 0);
    atomic_init(&team->is_over, false);
    for (int i = 1; i < n_members; i++) {
        struct helper *helper = &helpers[i - 1];
        *helper = (struct helper){.team = team, .member = i};
        const int code = pthread_create(&helper->thread, NULL, help, helper);
        if (code != 0) {
            pomi_team_free(team);
            return pomi_fail(err, POM_ERROR_MEMORY, "no_thread", "cannot start thread %d of %d: %s", i + 1,
                             n_members, strerror(code));
        }
        team->n_helpers++;
    }
    *team_out = team;
    return POM_OK;
}

void pomi_team_free(struct pomi_team *team)
{
    if (!team) return;
    atomic_store(&team->is_over, true);
    gate_open(&team->start);
    for (int i = 0; i < team->n_helpers; i++) pthread_join(team->helpers[i].thread, NULL);
    gate_destroy(&team->start);
    gate_destroy(&team->meeting);
    free(team->helpers);
    free(team);
}
