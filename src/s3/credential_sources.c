// SPDX-License-Identifier: Apache-2.0
/*
 * Credentials that somebody else hands out: a program of the user's, a container's endpoint, an instance's metadata
 * service. Each has a short time to answer, and what it answered is wiped.
 */
#include "s3/credentials.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "s3/http.h"
#include "s3/xml.h"

#define MAX_ANSWER_BYTES     ((size_t)65536)
#define PROCESS_TIMEOUT_MS   60000
#define PROCESS_POLL_MS      5
#define CONTAINER_TIMEOUT_MS 5000
#define INSTANCE_TIMEOUT_MS  1000
#define MAX_WORDS            64

extern char **environ;

void pomi_credentials_wipe_bytes(struct pomi_bytes *bytes)
{
    if (bytes->data != NULL) pomi_wipe(bytes->data, bytes->capacity_bytes);
    pomi_bytes_release(bytes);
}

/* ---- the answer they share ---- */

static bool copy_text(char *to, size_t to_bytes, const json_t *object, const char *name,
                      const char *other_name)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL && other_name != NULL) text = json_string_value(json_object_get(object, other_name));
    if (text == NULL || strlen(text) >= to_bytes || text[strcspn(text, "\r\n")] != '\0') return false;
    strcpy(to, text);
    return true;
}

/* jansson's copies, before it frees them. */
static void wipe_texts(json_t *object)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        if (json_is_string(value)) pomi_wipe((char *)json_string_value(value), json_string_length(value));
    }
}

enum pom_status pomi_credentials_of_json(struct pomi_credentials *credentials, struct pomi_view json,
                                         const char *what, struct pom_error *err)
{
    *credentials = (struct pomi_credentials){0};
    json_t *root = json_loadb((const char *)json.data, json.size_bytes, 0, NULL);
    const json_t *code = json_object_get(root, "Code");
    bool is_good = json_is_object(root) &&
                   copy_text(credentials->key_id, sizeof credentials->key_id, root, "AccessKeyId", NULL) &&
                   copy_text(credentials->secret, sizeof credentials->secret, root, "SecretAccessKey", NULL);
    if (is_good && (json_is_string(json_object_get(root, "SessionToken")) ||
                    json_is_string(json_object_get(root, "Token"))))
        is_good = copy_text(credentials->token, sizeof credentials->token, root, "SessionToken", "Token");
    const char *expires = json_string_value(json_object_get(root, "Expiration"));
    enum pom_status status = POM_OK;
    if (is_good && expires != NULL && (credentials->expires_s = pomi_time_of_iso8601(expires)) == 0)
        status = pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s: the Expiration is no time in UTC", what);
    else if (!is_good)
        status = pomi_fail(err, POM_ERROR_IO, "no_credentials",
                           "%s did not answer with AccessKeyId and SecretAccessKey in JSON%s%.60s", what,
                           json_is_string(code) ? ", but with the code " : "",
                           json_is_string(code) ? json_string_value(code) : "");
    wipe_texts(root);
    json_decref(root);
    if (status != POM_OK) pomi_credentials_wipe(credentials);
    return status;
}

/* ---- credential_process ---- */

/* Splits like a shell: blanks, quotes, backslashes; no variables, no patterns. Works inside `text`. */
static bool split_words(char *text, char *words[MAX_WORDS + 1])
{
    int n = 0;
    for (char *from = text, *to = text;;) {
        while (isspace((unsigned char)*from)) from++;
        if (*from == '\0') break;
        if (n == MAX_WORDS) return false;
        words[n++] = to;
        for (char quote = '\0'; *from != '\0' && (quote != '\0' || !isspace((unsigned char)*from)); from++) {
            if (quote == '\0' && (*from == '"' || *from == '\'')) {
                quote = *from;
            } else if (quote != '\0' && *from == quote) {
                quote = '\0';
            } else {
                if (*from == '\\' && quote != '\'' && from[1] != '\0') from++;
                *to++ = *from;
            }
        }
        bool is_last = *from == '\0';
        *to++ = '\0';
        if (is_last) break;
        from++;
    }
    words[n] = NULL;
    return n > 0;
}

/* Reads until the other side closes; false when it takes too long or says too much. */
static bool read_all(int from, struct pomi_bytes *answer, int64_t deadline)
{
    if (pomi_bytes_reserve(answer, MAX_ANSWER_BYTES, NULL) != POM_OK) return false;
    for (;;) {
        struct pollfd waiting = {.fd = from, .events = POLLIN};
        int64_t left = deadline - pomi_http_now_ms();
        if (left <= 0 || answer->size_bytes == MAX_ANSWER_BYTES) return false;
        if (poll(&waiting, 1, (int)left) <= 0) continue;
        ssize_t n = read(from, answer->data + answer->size_bytes, MAX_ANSWER_BYTES - answer->size_bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n == 0;
        answer->size_bytes += (size_t)n;
    }
}

/* Waits for its end; one that has closed its output and does not end by the deadline is killed. */
static bool wait_for(pid_t process, int *state, int64_t deadline)
{
    for (;;) {
        pid_t ended = waitpid(process, state, WNOHANG);
        if (ended == process || (ended < 0 && errno != EINTR)) return ended == process;
        if (pomi_http_now_ms() >= deadline) break;
        usleep(PROCESS_POLL_MS * 1000);
    }
    kill(process, SIGKILL);
    while (waitpid(process, state, 0) < 0 && errno == EINTR) {
    }
    return false;
}

static enum pom_status run_process(struct pomi_bytes *answer, char *const words[], struct pom_error *err)
{
    int ends[2], state = 0;
    int64_t deadline = pomi_http_now_ms() + PROCESS_TIMEOUT_MS;
    pid_t process;
    posix_spawn_file_actions_t actions;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "credential_process: %s", strerror(errno));
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    int code = posix_spawnp(&process, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    bool is_read = code == 0 && read_all(ends[0], answer, deadline);
    close(ends[0]);
    if (code != 0)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "credential_process: cannot run %.200s: %s",
                         words[0], strerror(code));
    if (!wait_for(process, &state, is_read ? deadline : 0) || !is_read)
        return pomi_fail(
            err, POM_ERROR_IO, "no_credentials",
            "credential_process: %.200s did not finish within %d s, or answered more than %zu bytes",
            words[0], PROCESS_TIMEOUT_MS / 1000, MAX_ANSWER_BYTES);
    if (!WIFEXITED(state) || WEXITSTATUS(state) != 0)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "credential_process: %.200s ended with %s %d",
                         words[0], WIFEXITED(state) ? "exit code" : "signal",
                         WIFEXITED(state) ? WEXITSTATUS(state) : WTERMSIG(state));
    return POM_OK;
}

enum pom_status pomi_credentials_of_process(struct pomi_credentials *credentials, const char *command,
                                            struct pom_error *err)
{
    char *words[MAX_WORDS + 1], *text = strdup(command);
    struct pomi_bytes answer = {0};
    if (text == NULL) return pomi_fail_memory(err, strlen(command), "credential_process");
    enum pom_status status = split_words(text, words) ? run_process(&answer, words, err)
                                                      : pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                                                                  "credential_process is empty");
    if (status == POM_OK)
        status = pomi_credentials_of_json(credentials, pomi_bytes_view(&answer), "credential_process", err);
    pomi_credentials_wipe_bytes(&answer);
    free(text);
    return status;
}

/* ---- HTTP on this machine and its links ---- */

static bool ignore_header(void *user, const char *name, const char *value)
{
    (void)user, (void)name, (void)value;
    return true;
}

static bool keep_body(void *user, const uint8_t *data, size_t size_bytes)
{
    struct pomi_bytes *answer = user;
    return answer->size_bytes + size_bytes <= MAX_ANSWER_BYTES &&
           pomi_bytes_reserve(answer, MAX_ANSWER_BYTES, NULL) == POM_OK &&
           pomi_bytes_append(answer, data, size_bytes, NULL) == POM_OK;
}

void pomi_credentials_send(struct pomi_http_transfer *transfer, struct pomi_bytes *answer)
{
    transfer->user = answer;
    transfer->on_header = ignore_header;
    transfer->on_body = keep_body;
    answer->size_bytes = 0;
    pomi_http_once(transfer);
}

/* Answers that are not 200 are failures. `answer` ends with a zero that its size does not count. */
static enum pom_status ask(struct pomi_bytes *answer, const char *method, const char *url,
                           const struct pomi_pair *header, int timeout_ms, const char *what,
                           struct pom_error *err)
{
    struct pomi_http_transfer transfer = {.method = method,
                                          .url = url,
                                          .headers = header,
                                          .n_headers = header != NULL ? 1 : 0,
                                          .connect_timeout_ms = timeout_ms,
                                          .stall_timeout_ms = timeout_ms,
                                          .deadline_ms = pomi_http_now_ms() + timeout_ms,
                                          .without_proxy = true};
    pomi_credentials_send(&transfer, answer);
    if (transfer.failure != POMI_HTTP_DONE)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s does not answer (%s)", what,
                         transfer.message);
    if (transfer.status != 200)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s answered HTTP %d", what, transfer.status);
    POMI_TRY(pomi_bytes_append(answer, "", 1, err));
    answer->size_bytes--;
    return POM_OK;
}

/* ---- the container's endpoint ---- */

/* A token must not leave this machine in the clear: HTTPS, loopback, or the addresses that AWS reserved for this. */
static bool is_safe(const char *url)
{
    static const char *const hosts[] = {"localhost", "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]",
                                        "[::1]"};
    if (strncmp(url, "https://", 8) == 0) return true;
    if (strncmp(url, "http://", 7) != 0) return false;
    const char *host = url + 7;
    size_t host_bytes = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
    if (memchr(host, '@', strcspn(host, "/?#")) != NULL) return false;
    for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++)
        if (strlen(hosts[i]) == host_bytes && strncmp(host, hosts[i], host_bytes) == 0) return true;
    return strncmp(host, "127.", 4) == 0 && strspn(host, "0123456789.") == host_bytes;
}

static enum pom_status read_token(char *token, size_t token_bytes, const char *path, struct pom_error *err)
{
    FILE *file = fopen(path, "rb");
    size_t n = file != NULL ? fread(token, 1, token_bytes - 1, file) : 0;
    if (file != NULL) fclose(file);
    token[n] = '\0';
    while (n > 0 && isspace((unsigned char)token[n - 1])) token[--n] = '\0';
    if (n > 0 && n < token_bytes - 1 && strcspn(token, "\r\n") == n) return POM_OK;
    return pomi_fail(err, POM_ERROR_IO, "no_credentials", "cannot read a token of one line from %.300s",
                     path);
}

enum pom_status pomi_credentials_of_container(struct pomi_credentials *credentials, struct pom_error *err)
{
    static const char what[] = "the container's credentials endpoint";
    const char *relative = getenv("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *token_file = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *given = getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    char url[2048], token[sizeof credentials->token] = "";
    if (relative != NULL && relative[0] == '/')
        snprintf(url, sizeof url, "http://169.254.170.2%s", relative);
    else if (full != NULL && is_safe(full))
        snprintf(url, sizeof url, "%s", full);
    else
        return pomi_fail(err, POM_ERROR_IO, "no_credentials",
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI has to be https, or http to this machine");
    if (token_file != NULL)
        POMI_TRY(read_token(token, sizeof token, token_file, err));
    else if (given != NULL && strlen(given) < sizeof token && strcspn(given, "\r\n") == strlen(given))
        strcpy(token, given);
    const struct pomi_pair header = {"Authorization", token};
    struct pomi_bytes answer = {0};
    enum pom_status status =
        ask(&answer, "GET", url, token[0] != '\0' ? &header : NULL, CONTAINER_TIMEOUT_MS, what, err);
    if (status == POM_OK) status = pomi_credentials_of_json(credentials, pomi_bytes_view(&answer), what, err);
    pomi_wipe(token, sizeof token);
    pomi_credentials_wipe_bytes(&answer);
    return status;
}

/* ---- IMDSv2 ---- */

static enum pom_status ask_instance(struct pomi_bytes *token, struct pomi_bytes *answer,
                                    struct pom_error *err)
{
    static const char what[] = "the instance's metadata service";
    static const struct pomi_pair life = {"X-aws-ec2-metadata-token-ttl-seconds", "21600"};
    const char *base = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    char url[2048], role[256];
    if (base == NULL || base[0] == '\0') base = "http://169.254.169.254";
    size_t base_bytes = strlen(base);
    while (base_bytes > 0 && base[base_bytes - 1] == '/') base_bytes--;
    snprintf(url, sizeof url, "%.*s/latest/api/token", (int)base_bytes, base);
    POMI_TRY(ask(token, "PUT", url, &life, INSTANCE_TIMEOUT_MS, what, err));
    const struct pomi_pair header = {"X-aws-ec2-metadata-token", (const char *)token->data};
    if (strcspn((const char *)token->data, "\r\n") != token->size_bytes)
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "%s answered no token", what);
    snprintf(url, sizeof url, "%.*s/latest/meta-data/iam/security-credentials/", (int)base_bytes, base);
    POMI_TRY(ask(answer, "GET", url, &header, INSTANCE_TIMEOUT_MS, what, err));
    snprintf(role, sizeof role, "%.*s", (int)strcspn((char *)answer->data, "\r\n"), (char *)answer->data);
    if (role[0] == '\0' ||
        strspn(role, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+=,.@_-") != strlen(role))
        return pomi_fail(err, POM_ERROR_IO, "no_credentials", "the instance has no role");
    snprintf(url, sizeof url, "%.*s/latest/meta-data/iam/security-credentials/%s", (int)base_bytes, base,
             role);
    return ask(answer, "GET", url, &header, INSTANCE_TIMEOUT_MS, what, err);
}

enum pom_status pomi_credentials_of_instance(struct pomi_credentials *credentials, struct pom_error *err)
{
    struct pomi_bytes token = {0}, answer = {0};
    enum pom_status status = ask_instance(&token, &answer, err);
    if (status == POM_OK)
        status = pomi_credentials_of_json(credentials, pomi_bytes_view(&answer),
                                          "the instance's metadata service", err);
    pomi_credentials_wipe_bytes(&token);
    pomi_credentials_wipe_bytes(&answer);
    return status;
}
