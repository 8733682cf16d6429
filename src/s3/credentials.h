// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials: where they come from, in the AWS CLI's order, and keeping them fresh.
 *
 *     1  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN   unless --profile is given
 *     2  the profile's role_arn with source_profile or credential_source, through STS AssumeRole
 *     3  web identity: AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, or the profile's web_identity_token_file
 *     4  the profile in the credentials file
 *     5  the profile's credential_process
 *     6  the profile in the config file
 *     7  the container's endpoint: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI
 *     8  the instance's metadata (IMDSv2)
 *
 * A source that is configured and fails ends the search with its error; only 8 may be silent.
 */
#ifndef POMONA_S3_CREDENTIALS_H
#define POMONA_S3_CREDENTIALS_H

#include "s3/config_files.h"
#include "s3/sigv4.h"

/* What the chain works with. Borrowed. */
struct pomi_credential_settings {
    const struct pomi_aws_files *files;
    const char *profile;
    bool is_profile_given; /* by --profile, which goes before variables */
    const char *region;    /* for STS */
    const char *ca_bundle;
};

/* Looks once. Errors: IO ("no_credentials"), ARGUMENT ("bad_option"), MEMORY. */
enum pom_status pomi_credentials_find(struct pomi_credentials *credentials,
                                      const struct pomi_credential_settings *settings, struct pom_error *err);

/* The sources that ask somebody (credential_sources.c). */
enum pom_status pomi_credentials_of_process(struct pomi_credentials *credentials, const char *command,
                                            struct pom_error *err);
enum pom_status pomi_credentials_of_container(struct pomi_credentials *credentials, struct pom_error *err);
enum pom_status pomi_credentials_of_instance(struct pomi_credentials *credentials, struct pom_error *err);

/* The JSON of the three above; `what` names the source in messages. */
enum pom_status pomi_credentials_of_json(struct pomi_credentials *credentials, struct pomi_view json,
                                         const char *what, struct pom_error *err);

/* Makes one transfer, whose answer of at most 64 KiB goes into memory that does not move: wiped, no copy is left. */
struct pomi_http_transfer;
void pomi_credentials_send(struct pomi_http_transfer *transfer, struct pomi_bytes *answer);
void pomi_credentials_wipe_bytes(struct pomi_bytes *bytes); /* and releases them */

/* STS (credential_sts.c). `source` is NULL for a web identity, whose token the file holds. */
struct pomi_assumed_role {
    const char *role_arn;
    const char *session_name;          /* NULL: one of ours */
    const char *external_id, *seconds; /* NULL: none */
    const char *token_file;            /* NULL: not a web identity */
};
enum pom_status pomi_credentials_of_role(struct pomi_credentials *credentials,
                                         const struct pomi_assumed_role *role,
                                         const struct pomi_credentials *source,
                                         const struct pomi_credential_settings *settings,
                                         struct pom_error *err);

/* ---- the keeper: a thread that refreshes what expires ---- */

struct pomi_keeper;

/* Looks for credentials now, and again in good time before they expire. */
enum pom_status pomi_keeper_new(struct pomi_keeper **keeper, const struct pomi_credential_settings *settings,
                                struct pom_error *err);
void pomi_keeper_free(struct pomi_keeper *keeper); /* NULL is fine */

/* A copy for one signature, which the caller wipes. Returns its generation, which rises with every refresh. */
int64_t pomi_keeper_get(struct pomi_keeper *keeper, struct pomi_credentials *credentials);

/* The service refused this generation: asks for the next. Returns false when there will be none. Never waits. */
bool pomi_keeper_renew(struct pomi_keeper *keeper, int64_t generation);

/* Whether a renewal that was asked for is still being looked for. */
bool pomi_keeper_is_renewing(struct pomi_keeper *keeper);

#endif
