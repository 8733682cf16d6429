// SPDX-License-Identifier: Apache-2.0
/*
 * The smallest IAM policy with which a run works. It follows from what the store asks for: listing below the source and the
 * output, getting photos, getting and putting below the output, and deleting no more than the lock, the signs that a table
 * is complete, and what the run's options replace.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/session.h"
#include "s3/s3.h"

struct policy {
    const char *partition; /* of AWS: "aws", or a country's own */
    json_t *statements;
    bool is_complete; /* false: memory was out */
};

static const char *partition_of(const char *region)
{
    if (region == NULL) return "aws";
    if (strncmp(region, "cn-", 3) == 0) return "aws-cn";
    if (strncmp(region, "us-gov-", 7) == 0) return "aws-us-gov";
    return strncmp(region, "eusc-", 5) == 0 ? "aws-eusc" : "aws";
}

/* In a policy * and ? stand for other characters, and $ begins a variable, unless written ${*}, ${?}, ${$}. */
static char *escape_wildcards(const char *key)
{
    char *escaped = malloc(4 * strlen(key) + 1), *to = escaped;
    for (; escaped != NULL && *key != '\0'; key++) {
        if (strchr("*?$", *key) != NULL)
            to += sprintf(to, "${%c}", *key);
        else
            *to++ = *key;
    }
    if (escaped != NULL) *to = '\0';
    return escaped;
}

/* "arn:aws:s3:::BUCKET" or "arn:aws:s3:::BUCKET/KEYsuffix". */
static json_t *resource(const struct policy *policy, const char *bucket, const char *key, const char *suffix)
{
    return key == NULL ? json_sprintf("arn:%s:s3:::%s", policy->partition, bucket)
                       : json_sprintf("arn:%s:s3:::%s/%s%s", policy->partition, bucket, key, suffix);
}

/* Takes `actions`, `resources` and `condition` (NULL: none). */
static void allow(struct policy *policy, const char *name, json_t *actions, json_t *resources,
                  json_t *condition)
{
    json_t *statement = json_pack("{s:s, s:s, s:o, s:o}", "Sid", name, "Effect", "Allow", "Action", actions,
                                  "Resource", resources);
    if (statement == NULL ||
        (condition != NULL && json_object_set_new(statement, "Condition", condition) != 0) ||
        json_array_append_new(policy->statements, statement) != 0)
        policy->is_complete = false;
}

static void allow_listing(struct policy *policy, const char *name, const char *bucket, const char *prefix)
{
    json_t *condition = json_pack("{s:{s:[o]}}", "StringLike", "s3:prefix", json_sprintf("%s*", prefix));
    allow(policy, name, json_pack("[s]", "s3:ListBucket"),
          json_pack("[o]", resource(policy, bucket, NULL, NULL)), condition);
}

static bool looks_like_a_file(const char *key)
{
    const char *name = strrchr(key, '/'), *dot = strrchr(name != NULL ? name : key, '.');
    return dot != NULL && strlen(dot) > 2 && strlen(dot) <= 12;
}

/* Reading of `path`: one object when it looks like one, else all in the folder. */
static enum pom_status allow_reading(struct policy *policy, const char *name, const char *path,
                                     struct pom_error *err)
{
    struct pomi_s3_path parts;
    char list_name[32], get_name[32];
    POMI_TRY(pomi_s3_split(path, &parts, err));
    char *key = escape_wildcards(parts.key);
    if (key == NULL) return pomi_fail_memory(err, strlen(path), "the policy");
    size_t length = strlen(key);
    while (length > 0 && key[length - 1] == '/') key[--length] = '\0';
    bool is_file = looks_like_a_file(key);
    snprintf(list_name, sizeof list_name, "List%s", name);
    snprintf(get_name, sizeof get_name, "Get%s", name);
    char *prefix = NULL;
    if (asprintf(&prefix, "%s%s", key, is_file || length == 0 ? "" : "/") < 0) {
        free(key);
        return pomi_fail_memory(err, length, "the policy");
    }
    allow_listing(policy, list_name, parts.bucket, prefix);
    allow(policy, get_name, json_pack("[s]", "s3:GetObject"),
          json_pack("[o]", resource(policy, parts.bucket, prefix, is_file ? "" : "*")), NULL);
    free(prefix);
    free(key);
    return POM_OK;
}

/* A single object that is asked for by its name, without listing. */
static enum pom_status allow_getting(struct policy *policy, const char *name, const char *path,
                                     struct pom_error *err)
{
    struct pomi_s3_path parts;
    POMI_TRY(pomi_s3_split(path, &parts, err));
    char *key = escape_wildcards(parts.key);
    if (key == NULL) return pomi_fail_memory(err, strlen(path), "the policy");
    allow(policy, name, json_pack("[s]", "s3:GetObject"),
          json_pack("[o]", resource(policy, parts.bucket, key, "")), NULL);
    free(key);
    return POM_OK;
}

static enum pom_status allow_writing(struct policy *policy, const struct pom_run_options *options,
                                     struct pom_error *err)
{
    struct pomi_s3_path parts;
    POMI_TRY(pomi_s3_split(options->output, &parts, err));
    char *key = escape_wildcards(parts.key);
    if (key == NULL) return pomi_fail_memory(err, strlen(options->output), "the policy");
    size_t length = strlen(key);
    while (length > 0 && key[length - 1] == '/') key[--length] = '\0';
    char *folder = NULL;
    if (asprintf(&folder, "%s%s", key, length > 0 ? "/" : "") < 0) {
        free(key);
        return pomi_fail_memory(err, length, "the policy");
    }
    allow_listing(policy, "ListOutput", parts.bucket, folder);
    allow(policy, "ListUnfinishedUploads", json_pack("[s]", "s3:ListBucketMultipartUploads"),
          json_pack("[o]", resource(policy, parts.bucket, NULL, NULL)), NULL);
    allow(policy, "GetAndPutOutput",
          json_pack("[s, s, s]", "s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"),
          json_pack("[o]", resource(policy, parts.bucket, folder, "*")), NULL);
    static const char *const own[] = {"_lock", "features/_SUCCESS", "pca/_SUCCESS", "failures/_SUCCESS"};
    json_t *deleted = json_array();
    for (size_t i = 0; !options->overwrite && i < sizeof own / sizeof own[0]; i++)
        json_array_append_new(deleted, resource(policy, parts.bucket, folder, own[i]));
    /* Failed photos that succeed at last leave the failures table. */
    if (options->retry_failed && !options->overwrite)
        json_array_append_new(deleted, resource(policy, parts.bucket, folder, "failures*/part-*"));
    if (options->overwrite) json_array_append_new(deleted, resource(policy, parts.bucket, folder, "*"));
    allow(policy, options->overwrite ? "DeleteOutput" : "DeleteLockAndMarks",
          json_pack("[s]", "s3:DeleteObject"), deleted, NULL);
    free(folder);
    free(key);
    return POM_OK;
}

static bool is_remote(const char *path)
{
    return path != NULL && pomi_store_is_remote(path);
}

static enum pom_status fill(struct policy *policy, const struct pom_run_options *options,
                            struct pom_error *err)
{
    const char *source = options->source;
    if (source != NULL && source[0] == '@')
        return pomi_fail(
            err, POM_ERROR_ARGUMENT, "bad_source",
            "a list file does not say below which prefix its photos are: name the folder that holds them");
    if (is_remote(source)) POMI_TRY(allow_reading(policy, "Source", source, err));
    if (is_remote(options->network)) POMI_TRY(allow_getting(policy, "GetNetwork", options->network, err));
    if (is_remote(options->pca_path)) POMI_TRY(allow_getting(policy, "GetPca", options->pca_path, err));
    if (is_remote(options->output)) POMI_TRY(allow_writing(policy, options, err));
    if (json_array_size(policy->statements) > 0) return POM_OK;
    return pomi_fail(
        err, POM_ERROR_ARGUMENT, "not_s3", "neither %s nor %s is on s3://: no permission is needed",
        source != NULL ? source : "the source", options->output != NULL ? options->output : "the output");
}

enum pom_status pom_s3_policy(const struct pom_run_options *options, char **json, struct pom_error *err)
{
    struct policy policy = {partition_of(options->s3.region), json_array(), true};
    *json = NULL;
    enum pom_status status = fill(&policy, options, err);
    json_t *document = json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", policy.statements);
    if (status == POM_OK && policy.is_complete) *json = json_dumps(document, JSON_INDENT(2));
    json_decref(document);
    if (status == POM_OK && *json == NULL) status = pomi_fail_memory(err, 0, "the policy");
    return status;
}
