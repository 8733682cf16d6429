// SPDX-License-Identifier: Apache-2.0
#include "s3/s3.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/random.h"
#include "s3/client.h"

/* ---- configuration ---- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

/* A setting of the chosen profile, wherever it stands. */
static const char *setting(const struct pomi_s3 *client, const char *name)
{
    const char *value = pomi_aws_files_get(client->files, POMI_AWS_CONFIG, client->profile, name);
    return value != NULL ? value
                         : pomi_aws_files_get(client->files, POMI_AWS_CREDENTIALS, client->profile, name);
}

static const char *first_of(const char *a, const char *b)
{
    return a != NULL && a[0] != '\0' ? a : b;
}

static enum pom_status keep(char **copy, const char *text, struct pom_error *err)
{
    if (text == NULL || text[0] == '\0') return POM_OK;
    *copy = strdup(text);
    return *copy != NULL ? POM_OK : pomi_fail_memory(err, strlen(text), "an option");
}

static enum pom_status choose_profile(struct pomi_s3 *client, const struct pomi_s3_options *options,
                                      struct pom_error *err)
{
    const char *named =
        first_of(options->profile, first_of(variable("AWS_PROFILE"), variable("AWS_DEFAULT_PROFILE")));
    POMI_TRY(pomi_aws_files_new(&client->files, err));
    POMI_TRY(pomi_aws_files_read(client->files, err));
    POMI_TRY(keep(&client->profile, named != NULL ? named : "default", err));
    if (named != NULL && !pomi_aws_files_has(client->files, named))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "there is no profile \"%.200s\" in ~/.aws/config or ~/.aws/credentials", named);
    return POM_OK;
}

static const char *endpoint_url(const struct pomi_s3 *client, const struct pomi_s3_options *options)
{
    const char *ignored = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    const char *services = setting(client, "services");
    if (first_of(options->endpoint_url, NULL) != NULL) return options->endpoint_url;
    if (ignored != NULL && strcasecmp(ignored, "true") == 0) return NULL;
    const char *url = first_of(variable("AWS_ENDPOINT_URL_S3"), variable("AWS_ENDPOINT_URL"));
    if (url == NULL && services != NULL)
        url = pomi_aws_files_get(client->files, POMI_AWS_SERVICES, services, "s3.endpoint_url");
    return first_of(url, setting(client, "endpoint_url"));
}

static enum pom_status choose_endpoint(struct pomi_s3 *client, const struct pomi_s3_options *options,
                                       struct pom_error *err)
{
    enum pomi_s3_addressing addressing = options->addressing;
    const char *style = setting(client, "s3.addressing_style");
    if (addressing == POMI_S3_ADDRESSING_AUTO && style != NULL)
        addressing = strcmp(style, "path") == 0      ? POMI_S3_ADDRESSING_PATH
                     : strcmp(style, "virtual") == 0 ? POMI_S3_ADDRESSING_VIRTUAL
                                                     : POMI_S3_ADDRESSING_AUTO;
    const char *region =
        first_of(options->region, first_of(variable("AWS_REGION"), variable("AWS_DEFAULT_REGION")));
    region = first_of(region, first_of(setting(client, "region"), "us-east-1"));
    if (!pomi_s3_is_region(region))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "\"%.100s\" is no region", region);
    POMI_TRY(keep(&client->region, region, err));
    return pomi_s3_endpoint_init(&client->endpoint, endpoint_url(client, options), addressing, err);
}

static enum pom_status choose_ca(struct pomi_s3 *client, const struct pomi_s3_options *options,
                                 struct pom_error *err)
{
    const char *bundle = first_of(options->ca_bundle, variable("AWS_CA_BUNDLE"));
    bundle = first_of(first_of(bundle, setting(client, "ca_bundle")), variable("SSL_CERT_FILE"));
    if (bundle != NULL && access(bundle, R_OK) != 0)
        return pomi_fail(err, POM_ERROR_IO, "tls", "cannot read the CA bundle %.300s", bundle);
    return keep(&client->ca_bundle, bundle, err);
}

static bool is_when_required(const struct pomi_s3 *client, const char *name, const char *in_file)
{
    const char *value = first_of(variable(name), setting(client, in_file));
    return value != NULL && strcasecmp(value, "when_required") == 0;
}

static enum pom_status check_options(const struct pomi_s3_options *options, struct pom_error *err)
{
    if (options->max_connections < 1 || options->max_connections > 4096)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "S3 connections: 1 to 4096, not %d",
                         options->max_connections);
    if (options->max_attempts < 1 || options->request_timeout_ms < 1 || options->connect_timeout_ms < 1 ||
        options->stall_timeout_ms < 1 || options->backoff_ms < 0 ||
        options->backoff_max_ms < options->backoff_ms || options->retry_budget < 0 ||
        options->upload_part_bytes < 1)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option", "an S3 budget that is no budget");
    if (options->request_payer != NULL && strcmp(options->request_payer, "requester") != 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "--request-payer is \"requester\" or nothing");
    return POM_OK;
}

static enum pom_status configure(struct pomi_s3 *client, const struct pomi_s3_options *options,
                                 struct pom_error *err)
{
    POMI_TRY(check_options(options, err));
    POMI_TRY(choose_profile(client, options, err));
    POMI_TRY(choose_endpoint(client, options, err));
    POMI_TRY(choose_ca(client, options, err));
    POMI_TRY(keep(&client->request_payer, options->request_payer, err));
    client->with_request_checksums =
        !options->without_checksums &&
        !is_when_required(client, "AWS_REQUEST_CHECKSUM_CALCULATION", "request_checksum_calculation");
    client->with_response_checksums =
        !options->without_checksums &&
        !is_when_required(client, "AWS_RESPONSE_CHECKSUM_VALIDATION", "response_checksum_validation");
    client->credential_settings = (struct pomi_credential_settings){
        .files = client->files,
        .profile = client->profile,
        .is_profile_given = first_of(options->profile, NULL) != NULL,
        .region = client->region,
        .ca_bundle = client->ca_bundle,
    };
    return options->no_sign_request ? POM_OK
                                    : pomi_keeper_new(&client->keeper, &client->credential_settings, err);
}

/* ---- life ---- */

enum pom_status pomi_s3_new(struct pomi_s3 **client, const struct pomi_s3_options *options,
                            struct pom_error *err)
{
    struct pomi_s3_options defaults;
    *client = NULL;
    if (options == NULL) {
        pomi_s3_options_init(&defaults);
        options = &defaults;
    }
    struct pomi_s3 *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "an S3 client");
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    made->options = *options;
    made->retries_left = options->retry_budget;
    made->random = pomi_random_number(); /* pauses differ between clients */
    enum pom_status status = configure(made, options, err);
    const struct pomi_http_hooks hooks = {made, pomi_s3_on_turn, pomi_s3_on_attempt};
    if (status == POM_OK) status = pomi_http_loop_new(&made->loop, &hooks, options->max_connections, err);
    if (status == POM_OK)
        *client = made;
    else
        pomi_s3_free(made);
    return status;
}

void pomi_s3_cancel(struct pomi_s3 *client)
{
    atomic_store(&client->is_cancelled, true);
    atomic_store(&client->wants_sweep, true);
    pomi_http_wake(client->loop);
}

void pomi_s3_free(struct pomi_s3 *client)
{
    if (client == NULL) return;
    pomi_http_loop_free(client->loop);
    pomi_keeper_free(client->keeper);
    pomi_aws_files_free(client->files);
    for (struct pomi_s3_bucket_state *bucket; (bucket = client->buckets) != NULL;) {
        client->buckets = bucket->next;
        free(bucket->name);
        free(bucket);
    }
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client->region);
    free(client->profile);
    free(client->ca_bundle);
    free(client->request_payer);
    free(client);
}

/* ---- buckets and statistics ---- */

struct pomi_s3_bucket_state *pomi_s3_bucket_of(struct pomi_s3 *client, const char *name)
{
    pthread_mutex_lock(&client->lock);
    struct pomi_s3_bucket_state *bucket = client->buckets;
    while (bucket != NULL && strcmp(bucket->name, name) != 0) bucket = bucket->next;
    if (bucket == NULL && (bucket = calloc(1, sizeof *bucket)) != NULL) {
        bucket->name = strdup(name);
        bucket->next = client->buckets;
        if (bucket->name != NULL) {
            client->buckets = bucket;
        } else {
            free(bucket);
            bucket = NULL;
        }
    }
    pthread_mutex_unlock(&client->lock);
    return bucket;
}

void pomi_s3_statistics(struct pomi_s3 *client, struct pomi_s3_statistics *statistics)
{
    pthread_mutex_lock(&client->lock);
    *statistics = client->statistics;
    pthread_mutex_unlock(&client->lock);
}

void pomi_s3_visit_buckets(struct pomi_s3 *client,
                           void (*visit)(void *user, const struct pomi_s3_bucket *bucket), void *user)
{
    pthread_mutex_lock(&client->lock);
    for (const struct pomi_s3_bucket_state *state = client->buckets; state != NULL; state = state->next) {
        struct pomi_s3_bucket bucket = {.name = state->name,
                                        .region = state->region,
                                        .received_bytes = state->received_bytes,
                                        .sent_bytes = state->sent_bytes};
        memcpy(bucket.n_requests, state->n_requests, sizeof bucket.n_requests);
        visit(user, &bucket);
    }
    pthread_mutex_unlock(&client->lock);
}
