// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1: transfers that run side by side on one thread, and single ones for credentials. The only place of the S3
 * client that knows libcurl. A transfer ends at its deadline, when no byte moved for its stall time, or when the loop
 * is told to stop, whatever the other side does.
 */
#ifndef POMONA_S3_HTTP_H
#define POMONA_S3_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "s3/sigv4.h"

enum pomi_http_failure {
    POMI_HTTP_DONE,     /* a whole answer, of any status */
    POMI_HTTP_CONNECT,  /* no such host, nobody listens, no route */
    POMI_HTTP_TLS,      /* the certificate is not good, or no TLS at all */
    POMI_HTTP_CUT,      /* the connection ended before the answer did */
    POMI_HTTP_STALLED,  /* no byte for stall_ms */
    POMI_HTTP_DEADLINE, /* deadline_ms came */
    POMI_HTTP_REFUSED,  /* on_header or on_body returned false */
    POMI_HTTP_STOPPED,  /* by pomi_http_stop_all */
    POMI_HTTP_MEMORY
};

/* One attempt. `url` and `body` are borrowed until it is done, the headers are copied when it begins. */
struct pomi_http_transfer {
    const char *method;
    const char *url; /* encoded, sent as it is */
    const struct pomi_pair *headers;
    size_t n_headers;
    struct pomi_view body; /* of PUT and POST */
    const char *ca_bundle; /* NULL: the system's */
    int connect_timeout_ms, stall_timeout_ms;
    int64_t deadline_ms; /* by pomi_http_now_ms; on_header may move it */
    bool without_proxy;  /* for addresses of this machine and its links */
    void *user;
    /* A header of the answer; name in lower case. An empty name begins an answer, its value being the status. */
    bool (*on_header)(void *user, const char *name, const char *value);
    bool (*on_body)(void *user, const uint8_t *data, size_t size_bytes);

    /* When done: */
    enum pomi_http_failure failure;
    int status;                         /* 0: no answer came */
    int64_t sent_bytes, received_bytes; /* of bodies */
    bool is_resent;                     /* the body went out more than once */
    char message[256];                  /* what failed, in libcurl's words; never a header */

    void *handle; /* of the loop */
    int64_t progress_ms;
    size_t body_offset;
    void *header_list;
};

/* Milliseconds on a clock that only goes forward. */
int64_t pomi_http_now_ms(void);

/* A loop calls back from its thread only. */
struct pomi_http_loop;
struct pomi_http_hooks {
    void *user;
    /* Begins what is due (by pomi_http_begin); returns in how many ms it wants to be asked again at the latest. */
    int (*on_turn)(void *user);
    void (*on_done)(void *user, struct pomi_http_transfer *transfer);
};

enum pom_status pomi_http_loop_new(struct pomi_http_loop **loop, const struct pomi_http_hooks *hooks,
                                   int max_connections, struct pom_error *err);
void pomi_http_begin(struct pomi_http_loop *loop,
                     struct pomi_http_transfer *transfer); /* from on_turn only */
void pomi_http_wake(struct pomi_http_loop *loop);          /* from any thread */

/* Ends running transfers as stopped, for whom `is_stopped` says so; from on_turn only. */
void pomi_http_stop(struct pomi_http_loop *loop,
                    bool (*is_stopped)(const struct pomi_http_transfer *transfer, void *user), void *user);

/* Ends the thread; nothing may run any more. NULL is fine. */
void pomi_http_loop_free(struct pomi_http_loop *loop);

/* One transfer in the caller's thread; there must have been a loop before. */
void pomi_http_once(struct pomi_http_transfer *transfer);

#endif
