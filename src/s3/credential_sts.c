// SPDX-License-Identifier: Apache-2.0
/* Roles, through the Security Token Service: AssumeRole, signed, and AssumeRoleWithWebIdentity, which is not. */
#include "s3/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "s3/http.h"
#include "s3/xml.h"

#define TIMEOUT_MS 10000
#define N_ATTEMPTS 3

/* The end of a path such as AssumeRoleResponse/AssumeRoleResult/Credentials/AccessKeyId */
static enum pom_status on_element(void *user, const char *path, const char *text, struct pom_error *err)
{
    struct pomi_credentials *credentials = user;
    const struct {
        const char *name;
        char *to;
        size_t to_bytes;
    } texts[] = {{"/Credentials/AccessKeyId", credentials->key_id, sizeof credentials->key_id},
                 {"/Credentials/SecretAccessKey", credentials->secret, sizeof credentials->secret},
                 {"/Credentials/SessionToken", credentials->token, sizeof credentials->token}};
    size_t path_bytes = strlen(path);
    for (size_t i = 0; i < 3; i++) {
        size_t name_bytes = strlen(texts[i].name);
        if (path_bytes < name_bytes || strcmp(path + path_bytes - name_bytes, texts[i].name) != 0) continue;
        if (strlen(text) >= texts[i].to_bytes || text[strcspn(text, "\r\n")] != '\0')
            return pomi_fail(err, POM_ERROR_FORMAT, "no_credentials",
                             "credentials that are too long to be any");
        strcpy(texts[i].to, text);
    }
    static const char expiration[] = "/Credentials/Expiration";
    if (path_bytes >= sizeof expiration - 1 &&
        strcmp(path + path_bytes - sizeof expiration + 1, expiration) == 0)
        credentials->expires_s = pomi_time_of_iso8601(text);
    return POM_OK;
}

static void endpoint_of(char url[1024], const char *region)
{
    const char *given = getenv("AWS_ENDPOINT_URL_STS");
    if (given == NULL || given[0] == '\0') given = getenv("AWS_ENDPOINT_URL");
    if (given != NULL && given[0] != '\0') {
        size_t length = strlen(given);
        while (length > 0 && given[length - 1] == '/') length--;
        snprintf(url, 1024, "%.*s/", (int)length, given);
    } else {
        snprintf(url, 1024, "https://sts.%s.amazonaws.com%s/", region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    }
}

/* host[:port] of a URL. */
static void host_of(char host[512], const char *url)
{
    const char *start = strstr(url, "://");
    start = start != NULL ? start + 3 : url;
    snprintf(host, 512, "%.*s", (int)strcspn(start, "/?#"), start);
}

static enum pom_status send_once(struct pomi_bytes *answer, int *status, char *message, const char *url,
                                 struct pomi_view body, const struct pomi_credentials *source,
                                 const struct pomi_credential_settings *settings, struct pom_error *err)
{
    char date[POMI_SIGV4_DATE_BYTES], hash[POMI_SHA256_TEXT_BYTES], host[512];
    struct pomi_bytes authorization = {0};
    pomi_sigv4_date((int64_t)time(NULL), date);
    pomi_sha256_text(body.data, body.size_bytes, hash);
    host_of(host, url);
    struct pomi_pair headers[8] = {
        {"host", host}, {"content-type", "application/x-www-form-urlencoded"}, {"x-amz-date", date}};
    size_t n_headers = 3;
    if (source != NULL) {
        if (source->token[0] != '\0')
            headers[n_headers++] = (struct pomi_pair){"x-amz-security-token", source->token};
        const struct pomi_sigv4_request request = {.method = "POST",
                                                   .path = "/",
                                                   .headers = headers,
                                                   .n_headers = n_headers,
                                                   .payload_hash = hash,
                                                   .region = settings->region,
                                                   .service = "sts"};
        POMI_TRY(pomi_sigv4_sign(&authorization, &request, date, source, err));
        headers[n_headers++] = (struct pomi_pair){"authorization", (const char *)authorization.data};
    }
    struct pomi_http_transfer transfer = {.method = "POST",
                                          .url = url,
                                          .headers = headers,
                                          .n_headers = n_headers,
                                          .body = body,
                                          .ca_bundle = settings->ca_bundle,
                                          .connect_timeout_ms = TIMEOUT_MS,
                                          .stall_timeout_ms = TIMEOUT_MS,
                                          .deadline_ms = pomi_http_now_ms() + TIMEOUT_MS};
    pomi_credentials_send(&transfer, answer);
    pomi_bytes_release(&authorization);
    *status = transfer.failure == POMI_HTTP_DONE ? transfer.status : 0;
    snprintf(message, sizeof transfer.message, "%s", transfer.message);
    return POM_OK;
}

static enum pom_status ask(struct pomi_credentials *credentials, struct pomi_view body, const char *role_arn,
                           const struct pomi_credentials *source,
                           const struct pomi_credential_settings *settings, struct pom_error *err)
{
    char url[1024], message[256] = "";
    struct pomi_bytes answer = {0};
    int http = 0;
    enum pom_status status = POM_OK;
    endpoint_of(url, settings->region);
    for (int attempt = 0; attempt < N_ATTEMPTS && status == POM_OK; attempt++) {
        if (attempt > 0) usleep(200000u << attempt);
        status = send_once(&answer, &http, message, url, body, source, settings, err);
        if (http != 0 && http < 500 && http != 429) break;
    }
    struct pomi_s3_problem problem = {0};
    if (status == POM_OK && http != 200) {
        pomi_xml_problem(&problem, pomi_bytes_view(&answer));
        if (source != NULL) pomi_credentials_redact(source, problem.message);
        status = http == 0 ? pomi_fail(err, POM_ERROR_IO, "no_credentials", "cannot reach STS at %.300s: %s",
                                       url, message)
                           : pomi_fail(err, POM_ERROR_IO, "no_credentials",
                                       "STS does not give the role %.200s: %s (HTTP %d, %s; request %s)",
                                       role_arn, problem.message, http, problem.code, problem.request_id);
    }
    *credentials = (struct pomi_credentials){0};
    if (status == POM_OK && pomi_xml_read(pomi_bytes_view(&answer), on_element, credentials, err) != POM_OK)
        status = pomi_fail_in(err, POM_ERROR_IO, "the answer of STS");
    if (status == POM_OK && (credentials->key_id[0] == '\0' || credentials->secret[0] == '\0'))
        status = pomi_fail(err, POM_ERROR_IO, "no_credentials", "STS answered without credentials");
    if (status != POM_OK) pomi_credentials_wipe(credentials);
    pomi_credentials_wipe_bytes(&answer);
    return status;
}

static enum pom_status add(struct pomi_bytes *body, const char *name, const char *value,
                           struct pom_error *err)
{
    if (value == NULL) return POM_OK;
    POMI_TRY(pomi_bytes_print(body, err, "&%s=", name));
    return pomi_uri_encode(body, value, false, err);
}

static enum pom_status add_token(struct pomi_bytes *body, const char *path, struct pom_error *err)
{
    char token[16384];
    FILE *file = fopen(path, "rb");
    size_t n = file != NULL ? fread(token, 1, sizeof token - 1, file) : 0;
    if (file != NULL) fclose(file);
    while (n > 0 && (token[n - 1] == '\n' || token[n - 1] == '\r')) n--;
    token[n] = '\0';
    enum pom_status status = n == 0 ? pomi_fail(err, POM_ERROR_IO, "no_credentials",
                                                "cannot read a web identity token from %.300s", path)
                                    : add(body, "WebIdentityToken", token, err);
    pomi_wipe(token, sizeof token);
    return status;
}

static enum pom_status fill_body(struct pomi_bytes *body, const struct pomi_assumed_role *role,
                                 struct pom_error *err)
{
    char session_name[64];
    snprintf(session_name, sizeof session_name, "pomona-%lld", (long long)time(NULL));
    POMI_TRY(pomi_bytes_print(body, err, "Action=%s&Version=2011-06-15",
                              role->token_file != NULL ? "AssumeRoleWithWebIdentity" : "AssumeRole"));
    POMI_TRY(add(body, "RoleArn", role->role_arn, err));
    POMI_TRY(
        add(body, "RoleSessionName", role->session_name != NULL ? role->session_name : session_name, err));
    POMI_TRY(add(body, "ExternalId", role->external_id, err));
    POMI_TRY(add(body, "DurationSeconds", role->seconds, err));
    return role->token_file != NULL ? add_token(body, role->token_file, err) : POM_OK;
}

enum pom_status pomi_credentials_of_role(struct pomi_credentials *credentials,
                                         const struct pomi_assumed_role *role,
                                         const struct pomi_credentials *source,
                                         const struct pomi_credential_settings *settings,
                                         struct pom_error *err)
{
    struct pomi_bytes body = {0};
    enum pom_status status = fill_body(&body, role, err);
    if (status == POM_OK)
        status = ask(credentials, pomi_bytes_view(&body), role->role_arn, source, settings, err);
    pomi_credentials_wipe_bytes(&body);
    return status;
}
