// SPDX-License-Identifier: Apache-2.0
/*
 * The keeper of credentials. Finding them may take seconds, so it happens on a thread of its own, and those who sign
 * only ever copy what is there.
 */
#include "s3/credentials.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define AHEAD_S       300 /* refreshed so long before they expire */
#define AGAIN_AFTER_S 10  /* when refreshing failed and there is still time */

struct pomi_keeper {
    const struct pomi_credential_settings *settings;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t thread;
    bool has_thread, is_ending;
    struct pomi_credentials credentials;
    int64_t generation;
    bool is_asked; /* somebody wants the next generation */
    bool is_dead;  /* asked for it, there was none */
    int64_t try_at_s;
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* Short-lived ones are not asked for without a pause. */
static int64_t refresh_at_s(const struct pomi_credentials *credentials)
{
    if (credentials->expires_s == 0) return INT64_MAX;
    int64_t ahead = credentials->expires_s - AHEAD_S, soon = now_s() + 1;
    int64_t half = now_s() + (credentials->expires_s - now_s()) / 2;
    if (ahead < half) ahead = half;
    return ahead > soon ? ahead : soon;
}

static void refresh(struct pomi_keeper *keeper)
{
    struct pomi_credentials found;
    pthread_mutex_unlock(&keeper->lock);
    enum pom_status status = pomi_credentials_find(&found, keeper->settings, NULL);
    pthread_mutex_lock(&keeper->lock);
    bool is_new = status == POM_OK && (strcmp(found.token, keeper->credentials.token) != 0 ||
                                       strcmp(found.secret, keeper->credentials.secret) != 0);
    if (is_new) {
        keeper->credentials = found;
        keeper->generation++;
        keeper->is_dead = false;
    } else if (keeper->is_asked) {
        keeper->is_dead = true;
    }
    if (status == POM_OK) {
        keeper->credentials.expires_s = found.expires_s;
        keeper->try_at_s = refresh_at_s(&found);
        if (!is_new && keeper->try_at_s < now_s() + AGAIN_AFTER_S) keeper->try_at_s = now_s() + AGAIN_AFTER_S;
    } else {
        keeper->try_at_s = now_s() + AGAIN_AFTER_S;
    }
    keeper->is_asked = false;
    pomi_credentials_wipe(&found);
}

static void *keep(void *user)
{
    struct pomi_keeper *keeper = user;
    pthread_mutex_lock(&keeper->lock);
    while (!keeper->is_ending) {
        if (keeper->is_asked || now_s() >= keeper->try_at_s) {
            refresh(keeper);
            continue;
        }
        struct timespec until = {
            .tv_sec = (time_t)(keeper->try_at_s < now_s() + 3600 ? keeper->try_at_s : now_s() + 3600)};
        pthread_cond_timedwait(&keeper->changed, &keeper->lock, &until);
    }
    pthread_mutex_unlock(&keeper->lock);
    return NULL;
}

enum pom_status pomi_keeper_new(struct pomi_keeper **keeper, const struct pomi_credential_settings *settings,
                                struct pom_error *err)
{
    struct pomi_keeper *made = calloc(1, sizeof *made);
    *keeper = NULL;
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "credentials");
    made->settings = settings;
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    enum pom_status status = pomi_credentials_find(&made->credentials, settings, err);
    if (status == POM_OK) {
        made->generation = 1;
        made->try_at_s = refresh_at_s(&made->credentials);
        if (pthread_create(&made->thread, NULL, keep, made) == 0)
            made->has_thread = true;
        else
            status = pomi_fail(err, POM_ERROR_MEMORY, "no_thread",
                               "cannot start the thread that keeps credentials");
    }
    if (status == POM_OK)
        *keeper = made;
    else
        pomi_keeper_free(made);
    return status;
}

void pomi_keeper_free(struct pomi_keeper *keeper)
{
    if (keeper == NULL) return;
    if (keeper->has_thread) {
        pthread_mutex_lock(&keeper->lock);
        keeper->is_ending = true;
        pthread_cond_signal(&keeper->changed);
        pthread_mutex_unlock(&keeper->lock);
        pthread_join(keeper->thread, NULL);
    }
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->lock);
    pomi_credentials_wipe(&keeper->credentials);
    free(keeper);
}

int64_t pomi_keeper_get(struct pomi_keeper *keeper, struct pomi_credentials *credentials)
{
    pthread_mutex_lock(&keeper->lock);
    *credentials = keeper->credentials;
    int64_t generation = keeper->generation;
    pthread_mutex_unlock(&keeper->lock);
    return generation;
}

bool pomi_keeper_renew(struct pomi_keeper *keeper, int64_t generation)
{
    pthread_mutex_lock(&keeper->lock);
    bool is_possible = keeper->generation > generation || !keeper->is_dead;
    if (keeper->generation == generation && is_possible && !keeper->is_asked) {
        keeper->is_asked = true;
        pthread_cond_signal(&keeper->changed);
    }
    pthread_mutex_unlock(&keeper->lock);
    return is_possible;
}

bool pomi_keeper_is_renewing(struct pomi_keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    bool is_renewing = keeper->is_asked;
    pthread_mutex_unlock(&keeper->lock);
    return is_renewing;
}
