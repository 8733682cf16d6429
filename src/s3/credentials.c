// SPDX-License-Identifier: Apache-2.0
#include "s3/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROLES 8 /* source_profile pointing to source_profile ... */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0' ? value : NULL;
}

static enum pom_status set(struct pomi_credentials *credentials, const char *key_id, const char *secret,
                           const char *token, const char *where, struct pom_error *err)
{
    if (key_id == NULL || secret == NULL)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s: there is %s, but no %s", where,
                         key_id != NULL ? "a key id" : "a secret key",
                         key_id != NULL ? "secret key" : "key id");
    if (token == NULL) token = "";
    if (strlen(key_id) >= sizeof credentials->key_id || strlen(secret) >= sizeof credentials->secret ||
        strlen(token) >= sizeof credentials->token)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s: credentials that are too long to be any",
                         where);
    for (const char *const *text = (const char *const[]){key_id, secret, token, NULL}; *text != NULL; text++)
        if ((*text)[strcspn(*text, "\r\n")] != '\0')
            return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s: credentials with a line break in them",
                             where);
    *credentials = (struct pomi_credentials){0};
    strcpy(credentials->key_id, key_id);
    strcpy(credentials->secret, secret);
    strcpy(credentials->token, token);
    return POM_OK;
}

static enum pom_status of_variables(struct pomi_credentials *credentials, struct pom_error *err)
{
    const char *token = variable("AWS_SESSION_TOKEN");
    return set(credentials, variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
               token != NULL ? token : variable("AWS_SECURITY_TOKEN"), "the variables AWS_*", err);
}

static bool has_keys(const struct pomi_credential_settings *settings, enum pomi_aws_place place,
                     const char *profile)
{
    return pomi_aws_files_get(settings->files, place, profile, "aws_access_key_id") != NULL ||
           pomi_aws_files_get(settings->files, place, profile, "aws_secret_access_key") != NULL;
}

static enum pom_status of_keys(struct pomi_credentials *credentials,
                               const struct pomi_credential_settings *settings, enum pomi_aws_place place,
                               const char *profile, struct pom_error *err)
{
    const struct pomi_aws_files *files = settings->files;
    char where[300];
    snprintf(where, sizeof where, "the profile \"%.200s\"", profile);
    return set(credentials, pomi_aws_files_get(files, place, profile, "aws_access_key_id"),
               pomi_aws_files_get(files, place, profile, "aws_secret_access_key"),
               pomi_aws_files_get(files, place, profile, "aws_session_token"), where, err);
}

/* The profile's setting, wherever it stands: the credentials file may hold any. */
static const char *setting(const struct pomi_credential_settings *settings, const char *profile,
                           const char *name)
{
    const char *value = pomi_aws_files_get(settings->files, POMI_AWS_CREDENTIALS, profile, name);
    return value != NULL ? value : pomi_aws_files_get(settings->files, POMI_AWS_CONFIG, profile, name);
}

static enum pom_status of_role(struct pomi_credentials *credentials,
                               const struct pomi_credential_settings *settings, const char *profile,
                               int depth, struct pom_error *err);

/* What a profile has without asking STS; *is_found says whether it has anything. */
static enum pom_status of_profile(struct pomi_credentials *credentials,
                                  const struct pomi_credential_settings *settings, const char *profile,
                                  bool *is_found, struct pom_error *err)
{
    *is_found = true;
    if (has_keys(settings, POMI_AWS_CREDENTIALS, profile))
        return of_keys(credentials, settings, POMI_AWS_CREDENTIALS, profile, err);
    const char *process = setting(settings, profile, "credential_process");
    if (process != NULL) return pomi_credentials_of_process(credentials, process, err);
    if (has_keys(settings, POMI_AWS_CONFIG, profile))
        return of_keys(credentials, settings, POMI_AWS_CONFIG, profile, err);
    if (setting(settings, profile, "sso_session") != NULL ||
        setting(settings, profile, "sso_start_url") != NULL)
        return pomi_fail(
            err, POM_ERROR_IO, "no_credentials",
            "the profile \"%.200s\" signs in through SSO, which is the AWS CLI's work: run `eval $(aws "
            "configure export-credentials --profile %.200s --format env)`, or set credential_process",
            profile, profile);
    *is_found = false;
    return POM_OK;
}

/* The credentials with which a role is assumed. */
static enum pom_status of_role_source(struct pomi_credentials *credentials,
                                      const struct pomi_credential_settings *settings, const char *profile,
                                      int depth, struct pom_error *err)
{
    const char *source = setting(settings, profile, "source_profile");
    const char *kind = setting(settings, profile, "credential_source");
    if (source == NULL && kind != NULL) {
        if (strcmp(kind, "Environment") == 0) return of_variables(credentials, err);
        if (strcmp(kind, "EcsContainer") == 0) return pomi_credentials_of_container(credentials, err);
        if (strcmp(kind, "Ec2InstanceMetadata") == 0) return pomi_credentials_of_instance(credentials, err);
    }
    if (source == NULL)
        return pomi_fail(
            err, POM_ERROR_ARGUMENT, "bad_option",
            "the profile \"%.200s\" has a role_arn, but neither source_profile nor a credential_source "
            "of Environment, EcsContainer or Ec2InstanceMetadata",
            profile);
    if (!pomi_aws_files_has(settings->files, source))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "the profile \"%.200s\" names the source_profile \"%.200s\", which there is not",
                         profile, source);
    if (setting(settings, source, "role_arn") != NULL && strcmp(source, profile) != 0)
        return of_role(credentials, settings, source, depth + 1, err);
    bool is_found;
    POMI_TRY(of_profile(credentials, settings, source, &is_found, err));
    if (is_found) return POM_OK;
    return pomi_fail(err, POM_ERROR_IO, "no_credentials", "the source_profile \"%.200s\" has no credentials",
                     source);
}

static enum pom_status of_role(struct pomi_credentials *credentials,
                               const struct pomi_credential_settings *settings, const char *profile,
                               int depth, struct pom_error *err)
{
    struct pomi_assumed_role role = {
        .role_arn = setting(settings, profile, "role_arn"),
        .session_name = setting(settings, profile, "role_session_name"),
        .external_id = setting(settings, profile, "external_id"),
        .seconds = setting(settings, profile, "duration_seconds"),
        .token_file = setting(settings, profile, "web_identity_token_file"),
    };
    if (depth >= MAX_ROLES)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "the profile \"%.200s\": its source_profiles go round in a circle", profile);
    if (role.token_file != NULL) return pomi_credentials_of_role(credentials, &role, NULL, settings, err);
    if (setting(settings, profile, "mfa_serial") != NULL)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials",
                         "the profile \"%.200s\" asks for an MFA code: get a session with `aws configure "
                         "export-credentials --profile %.200s --format env` first",
                         profile, profile);
    struct pomi_credentials source;
    enum pom_status status = of_role_source(&source, settings, profile, depth, err);
    if (status == POM_OK) status = pomi_credentials_of_role(credentials, &role, &source, settings, err);
    pomi_credentials_wipe(&source);
    return status;
}

static bool has_variables(void)
{
    return variable("AWS_ACCESS_KEY_ID") != NULL || variable("AWS_SECRET_ACCESS_KEY") != NULL;
}

enum pom_status pomi_credentials_find(struct pomi_credentials *credentials,
                                      const struct pomi_credential_settings *settings, struct pom_error *err)
{
    bool is_found;
    *credentials = (struct pomi_credentials){0};
    if (!settings->is_profile_given && has_variables()) return of_variables(credentials, err);
    if (setting(settings, settings->profile, "role_arn") != NULL)
        return of_role(credentials, settings, settings->profile, 0, err);
    const char *token_file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    if (!settings->is_profile_given && token_file != NULL) {
        const struct pomi_assumed_role role = {.role_arn = variable("AWS_ROLE_ARN"),
                                               .session_name = variable("AWS_ROLE_SESSION_NAME"),
                                               .token_file = token_file};
        if (role.role_arn == NULL)
            return pomi_fail(err, POM_ERROR_IO, "no_credentials",
                             "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
        return pomi_credentials_of_role(credentials, &role, NULL, settings, err);
    }
    POMI_TRY(of_profile(credentials, settings, settings->profile, &is_found, err));
    if (is_found) return POM_OK;
    if (variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
        variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL)
        return pomi_credentials_of_container(credentials, err);
    const char *disabled = variable("AWS_EC2_METADATA_DISABLED");
    struct pom_error why = {0};
    if ((disabled == NULL || strcasecmp(disabled, "true") != 0) &&
        pomi_credentials_of_instance(credentials, &why) == POM_OK)
        return POM_OK;
    return pomi_fail(
        err, POM_ERROR_IO, "no_credentials",
        "no AWS credentials found in variables, the profile \"%.200s\", a container or an instance: run "
        "`aws configure`, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or read a public bucket with "
        "--no-sign-request%s%.300s",
        settings->profile, why.message[0] != '\0' ? "; " : "", why.message);
}
