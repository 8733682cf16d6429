// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl is asked for as little as it takes: one attempt, no redirects, no retries of its own beyond a reused
 * connection that turned out to be closed. Deadlines and stalls are watched here, in milliseconds and by the bytes that
 * really moved.
 */
#include "s3/http.h"

#include <ctype.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/curl.h"
#include "base/hash.h"

#define LONGEST_SLEEP_MS 500 /* a lost wake-up would cost this much, never a hang */
#define WATCH_EVERY_MS   20

struct pomi_http_loop {
    struct pomi_http_hooks hooks;
    CURLM *multi;
    pthread_t thread;
    bool is_running;
    atomic_bool is_ending;
    struct pomi_http_transfer **active;
    int n_active, max_active;
    CURL **idle; /* easy handles to use again */
    int n_idle;
    int64_t watched_ms;
};

int64_t pomi_http_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- one transfer ---- */

static size_t on_header(char *line, size_t size, size_t n, void *user)
{
    struct pomi_http_transfer *transfer = user;
    size_t line_bytes = size * n;
    transfer->progress_ms = pomi_http_now_ms();
    char text[8192];
    if (line_bytes >= sizeof text) return line_bytes; /* none that is read is that long */
    memcpy(text, line, line_bytes);
    while (line_bytes > 0 && isspace((unsigned char)text[line_bytes - 1])) line_bytes--;
    text[line_bytes] = '\0';
    if (strncmp(text, "HTTP/", 5) == 0) { /* HTTP/1.1 200 OK */
        char *code = text + strcspn(text, " ");
        code += strspn(code, " ");
        code[strcspn(code, " ")] = '\0';
        return transfer->on_header(transfer->user, "", code) ? size * n : 0;
    }
    char *value = strchr(text, ':');
    if (value == NULL) return size * n;
    *value++ = '\0';
    while (*value == ' ' || *value == '\t') value++;
    for (char *c = text; *c != '\0'; c++) *c = (char)tolower((unsigned char)*c);
    return transfer->on_header(transfer->user, text, value) ? size * n : 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *user)
{
    struct pomi_http_transfer *transfer = user;
    transfer->progress_ms = pomi_http_now_ms();
    transfer->received_bytes += (int64_t)(size * n);
    return transfer->on_body(transfer->user, (const uint8_t *)bytes, size * n) ? size * n : 0;
}

static size_t on_read(char *to, size_t size, size_t n, void *user)
{
    struct pomi_http_transfer *transfer = user;
    size_t left = transfer->body.size_bytes - transfer->body_offset;
    size_t taken = left < size * n ? left : size * n;
    if (taken > 0) memcpy(to, transfer->body.data + transfer->body_offset, taken);
    transfer->body_offset += taken;
    transfer->sent_bytes += (int64_t)taken;
    transfer->progress_ms = pomi_http_now_ms();
    return taken;
}

static int on_seek(void *user, curl_off_t offset, int origin)
{
    struct pomi_http_transfer *transfer = user;
    if (origin != SEEK_SET || offset < 0 || (size_t)offset > transfer->body.size_bytes)
        return CURL_SEEKFUNC_FAIL;
    transfer->body_offset = (size_t)offset;
    transfer->is_resent =
        true; /* libcurl's one retry: a reused connection that was closed before any answer */
    return CURL_SEEKFUNC_OK;
}

static bool is_late(struct pomi_http_transfer *transfer)
{
    int64_t now = pomi_http_now_ms();
    if (now >= transfer->deadline_ms)
        transfer->failure = POMI_HTTP_DEADLINE;
    else if (now - transfer->progress_ms >= transfer->stall_timeout_ms)
        transfer->failure = POMI_HTTP_STALLED;
    else
        return false;
    return true;
}

/* Watches single transfers; the loop watches its own. */
static int on_progress(void *user, curl_off_t total, curl_off_t received, curl_off_t up_total, curl_off_t up)
{
    (void)total, (void)received, (void)up_total, (void)up;
    return is_late(user);
}

static bool add_header(struct curl_slist **list, const struct pomi_pair *header)
{
    struct pomi_bytes line = {0};
    /* libcurl takes "Name:" for a header to leave out, "Name;" for one without a value. */
    bool is_added = pomi_bytes_print(&line, NULL, header->value[0] != '\0' ? "%s: %s" : "%s;", header->name,
                                     header->value) == POM_OK &&
                    pomi_bytes_append(&line, "", 1, NULL) == POM_OK;
    struct curl_slist *longer = is_added ? curl_slist_append(*list, (char *)line.data) : NULL;
    if (longer != NULL) *list = longer;
    if (line.data != NULL) pomi_wipe(line.data, line.size_bytes); /* the token's line */
    pomi_bytes_release(&line);
    return longer != NULL;
}

/* One of them may hold a session token. */
static void free_headers(struct pomi_http_transfer *transfer)
{
    for (struct curl_slist *line = transfer->header_list; line != NULL; line = line->next)
        pomi_wipe(line->data, strlen(line->data));
    curl_slist_free_all(transfer->header_list);
    transfer->header_list = NULL;
}

static bool set_headers(CURL *curl, struct pomi_http_transfer *transfer)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no pause before a body */
    bool is_set = list != NULL;
    for (size_t i = 0; i < transfer->n_headers && is_set; i++)
        is_set = add_header(&list, &transfer->headers[i]);
    transfer->header_list = list;
    if (is_set) curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
    return is_set;
}

static void set_method(CURL *curl, struct pomi_http_transfer *transfer)
{
    bool has_body = strcmp(transfer->method, "PUT") == 0 || strcmp(transfer->method, "POST") == 0;
    if (strcmp(transfer->method, "HEAD") == 0) {
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    } else if (has_body) {
        curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer->method);
        curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->body.size_bytes);
        curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
        curl_easy_setopt(curl, CURLOPT_READDATA, transfer);
        curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
        curl_easy_setopt(curl, CURLOPT_SEEKDATA, transfer);
    } else if (strcmp(transfer->method, "GET") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, transfer->method);
    }
}

static bool prepare(CURL *curl, struct pomi_http_transfer *transfer)
{
    transfer->failure = POMI_HTTP_DONE;
    transfer->status = 0;
    transfer->sent_bytes = transfer->received_bytes = 0;
    transfer->body_offset = 0;
    transfer->is_resent = false;
    transfer->message[0] = '\0';
    transfer->progress_ms = pomi_http_now_ms();
    transfer->header_list = NULL;
    curl_easy_setopt(curl, CURLOPT_URL, transfer->url);
    curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L); /* "a/../b" is a key like another */
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 128L * 1024);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_PRIVATE, transfer);
    /* Certificates and names are verified: that is libcurl's default, and nothing here turns it off. */
    if (transfer->ca_bundle != NULL) curl_easy_setopt(curl, CURLOPT_CAINFO, transfer->ca_bundle);
    if (transfer->without_proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
    set_method(curl, transfer);
    transfer->handle = curl;
    return set_headers(curl, transfer);
}

static enum pomi_http_failure failure_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return POMI_HTTP_DONE;
    case CURLE_OUT_OF_MEMORY:
        return POMI_HTTP_MEMORY;
    case CURLE_WRITE_ERROR:
        return POMI_HTTP_REFUSED;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_ENGINE_NOTFOUND:
        return POMI_HTTP_TLS;
    case CURLE_SSL_CONNECT_ERROR: /* also a connection that broke off during the handshake */
    case CURLE_URL_MALFORMAT:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT: /* connecting is all that libcurl times */
    case CURLE_COULDNT_CONNECT:
        return POMI_HTTP_CONNECT;
    default:
        return POMI_HTTP_CUT;
    }
}

static void conclude(CURL *curl, struct pomi_http_transfer *transfer, CURLcode code)
{
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    transfer->status = (int)status;
    if (transfer->failure == POMI_HTTP_DONE) transfer->failure = failure_of(code);
    if (code != CURLE_OK)
        snprintf(transfer->message, sizeof transfer->message, "%s", curl_easy_strerror(code));
    free_headers(transfer);
    transfer->handle = NULL;
}

void pomi_http_once(struct pomi_http_transfer *transfer)
{
    transfer->header_list = NULL;
    CURL *curl = curl_easy_init();
    if (curl == NULL || !prepare(curl, transfer)) {
        transfer->failure = POMI_HTTP_MEMORY;
        free_headers(transfer);
    } else {
        curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
        int64_t left_ms = transfer->deadline_ms - pomi_http_now_ms();
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(left_ms > 0 ? left_ms : 1));
        conclude(curl, transfer, curl_easy_perform(curl));
    }
    curl_easy_cleanup(curl);
}

/* ---- the loop ---- */

static void finish(struct pomi_http_loop *loop, struct pomi_http_transfer *transfer, CURLcode code)
{
    CURL *curl = transfer->handle;
    for (int i = 0; i < loop->n_active; i++)
        if (loop->active[i] == transfer) {
            loop->active[i] = loop->active[--loop->n_active];
            break;
        }
    curl_multi_remove_handle(loop->multi, curl);
    conclude(curl, transfer, code);
    curl_easy_reset(curl); /* keeps its connection and its caches, drops the headers */
    loop->idle[loop->n_idle++] = curl;
    loop->hooks.on_done(loop->hooks.user, transfer);
}

void pomi_http_begin(struct pomi_http_loop *loop, struct pomi_http_transfer *transfer)
{
    CURL *curl = loop->n_idle > 0 ? loop->idle[--loop->n_idle] : curl_easy_init();
    bool is_begun = curl != NULL && loop->n_active < loop->max_active && prepare(curl, transfer) &&
                    curl_multi_add_handle(loop->multi, curl) == CURLM_OK;
    if (is_begun) {
        loop->active[loop->n_active++] = transfer;
        return;
    }
    transfer->failure = POMI_HTTP_MEMORY;
    free_headers(transfer);
    curl_easy_cleanup(curl);
    loop->hooks.on_done(loop->hooks.user, transfer);
}

void pomi_http_stop(struct pomi_http_loop *loop,
                    bool (*is_stopped)(const struct pomi_http_transfer *transfer, void *user), void *user)
{
    for (int i = loop->n_active - 1; i >= 0; i--) {
        struct pomi_http_transfer *transfer = loop->active[i];
        if (!is_stopped(transfer, user)) continue;
        transfer->failure = POMI_HTTP_STOPPED;
        finish(loop, transfer, CURLE_ABORTED_BY_CALLBACK);
    }
}

static void watch(struct pomi_http_loop *loop)
{
    int64_t now = pomi_http_now_ms();
    if (now - loop->watched_ms < WATCH_EVERY_MS) return;
    loop->watched_ms = now;
    for (int i = loop->n_active - 1; i >= 0; i--)
        if (is_late(loop->active[i])) finish(loop, loop->active[i], CURLE_OPERATION_TIMEDOUT);
}

/* Until the next transfer may be late. */
static int sleep_ms(const struct pomi_http_loop *loop, int wanted_ms)
{
    int64_t least = wanted_ms < LONGEST_SLEEP_MS ? wanted_ms : LONGEST_SLEEP_MS, now = pomi_http_now_ms();
    for (int i = 0; i < loop->n_active; i++) {
        const struct pomi_http_transfer *transfer = loop->active[i];
        int64_t late = transfer->progress_ms + transfer->stall_timeout_ms;
        if (transfer->deadline_ms < late) late = transfer->deadline_ms;
        if (late - now < least) least = late - now;
    }
    return least < 1 ? 1 : (int)least;
}

static void *run(void *user)
{
    struct pomi_http_loop *loop = user;
    while (!atomic_load(&loop->is_ending)) {
        int wanted_ms = loop->hooks.on_turn(loop->hooks.user), n_running, n_left;
        bool has_finished = false;
        curl_multi_perform(loop->multi, &n_running);
        for (CURLMsg *message; (message = curl_multi_info_read(loop->multi, &n_left)) != NULL;) {
            struct pomi_http_transfer *transfer;
            CURLcode code = message->data.result;
            if (message->msg != CURLMSG_DONE) continue;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
            finish(loop, transfer, code);
            has_finished = true;
        }
        watch(loop);
        if (!has_finished) curl_multi_poll(loop->multi, NULL, 0, sleep_ms(loop, wanted_ms), NULL);
    }
    return NULL;
}

enum pom_status pomi_http_loop_new(struct pomi_http_loop **loop, const struct pomi_http_hooks *hooks,
                                   int max_connections, struct pom_error *err)
{
    *loop = NULL;
    POMI_TRY(pomi_curl_ready("reading s3://", err));
    struct pomi_http_loop *made = calloc(1, sizeof *made);
    *loop = made;
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "connections");
    made->hooks = *hooks;
    made->max_active = max_connections;
    made->active = calloc((size_t)max_connections, sizeof *made->active);
    made->idle = calloc((size_t)max_connections + 1, sizeof(CURL *));
    made->multi = curl_multi_init();
    if (made->active == NULL || made->idle == NULL || made->multi == NULL)
        return pomi_fail_memory(err, (size_t)max_connections * sizeof *made->active, "connections");
    curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)max_connections + 4);
    if (pthread_create(&made->thread, NULL, run, made) != 0)
        return pomi_fail(err, POM_ERROR_MEMORY, "no_thread", "cannot start the thread that speaks to S3");
    made->is_running = true;
    return POM_OK;
}

void pomi_http_wake(struct pomi_http_loop *loop)
{
    curl_multi_wakeup(loop->multi);
}

void pomi_http_loop_free(struct pomi_http_loop *loop)
{
    if (loop == NULL) return;
    if (loop->is_running) {
        atomic_store(&loop->is_ending, true);
        curl_multi_wakeup(loop->multi);
        pthread_join(loop->thread, NULL);
    }
    for (int i = 0; i < loop->n_idle; i++) curl_easy_cleanup(loop->idle[i]);
    if (loop->multi != NULL) curl_multi_cleanup(loop->multi);
    free(loop->idle);
    free(loop->active);
    free(loop);
}
