// SPDX-License-Identifier: Apache-2.0
/*
 * The host's libcurl.so.4, opened when it is first needed. Below the table each of libcurl's functions that Pomona calls is
 * defined under its own name and hands on to the host's; this library shows none of them, so they meet no other libcurl in
 * the process. What libcurl takes by "..." is handed on by the type that its option's number stands for (curl.h,
 * CURLOPTTYPE_*).
 */
#include "base/curl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef curl_easy_setopt /* macros that count the arguments */
#undef curl_easy_getinfo
#undef curl_multi_setopt

/* The youngest is curl_multi_wakeup, of libcurl 7.68 (January 2020). */
#define FUNCTIONS(_)                                                                                         \
    _(curl_easy_cleanup)                                                                                     \
    _(curl_easy_getinfo)                                                                                     \
    _(curl_easy_init)                                                                                        \
    _(curl_easy_perform)                                                                                     \
    _(curl_easy_reset)                                                                                       \
    _(curl_easy_setopt)                                                                                      \
    _(curl_easy_strerror)                                                                                    \
    _(curl_global_init)                                                                                      \
    _(curl_multi_add_handle)                                                                                 \
    _(curl_multi_cleanup)                                                                                    \
    _(curl_multi_info_read)                                                                                  \
    _(curl_multi_init)                                                                                       \
    _(curl_multi_perform)                                                                                    \
    _(curl_multi_poll)                                                                                       \
    _(curl_multi_remove_handle)                                                                              \
    _(curl_multi_setopt)                                                                                     \
    _(curl_multi_wakeup)                                                                                     \
    _(curl_slist_append)                                                                                     \
    _(curl_slist_free_all)

#define POINTER(name) __typeof__(name) *name##_;
#define ROW(name)     {#name, &host.name##_},

static struct {
    FUNCTIONS(POINTER)
} host;

static const struct {
    const char *name;
    void *pointer;
} table[] = {FUNCTIONS(ROW)};

static char trouble[256]; /* why there is no libcurl; written before `once` is over */

static void open_host_library(void)
{
    /* The second is Debian's other build of the same library. */
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        snprintf(trouble, sizeof trouble,
                 "needs libcurl.so.4 on this machine: apt install libcurl4, or dnf install libcurl");
        return;
    }
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        void *symbol = dlsym(library, table[i].name);
        if (symbol == NULL) {
            snprintf(trouble, sizeof trouble,
                     "needs libcurl 7.68 or later; this machine's libcurl.so.4 is older (it has no %s)",
                     table[i].name);
            return;
        }
        memcpy(table[i].pointer, &symbol, sizeof symbol);
    }
    if (host.curl_global_init_(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        snprintf(trouble, sizeof trouble, "needs libcurl, which does not start on this machine");
}

enum pom_status pomi_curl_ready(const char *purpose, struct pom_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_host_library);
    if (trouble[0] != '\0')
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "no_libcurl", "%s %s", purpose, trouble);
    return POM_OK;
}

/* ---- libcurl's functions ---- */

void curl_easy_cleanup(CURL *curl)
{
    if (curl != NULL) host.curl_easy_cleanup_(curl);
}

CURL *curl_easy_init(void)
{
    return host.curl_easy_init_();
}

CURLcode curl_easy_perform(CURL *curl)
{
    return host.curl_easy_perform_(curl);
}

void curl_easy_reset(CURL *curl)
{
    host.curl_easy_reset_(curl);
}

const char *curl_easy_strerror(CURLcode code)
{
    return host.curl_easy_strerror_(code);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *curl)
{
    return host.curl_multi_add_handle_(multi, curl);
}

CURLMcode curl_multi_cleanup(CURLM *multi)
{
    return host.curl_multi_cleanup_(multi);
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *n_left)
{
    return host.curl_multi_info_read_(multi, n_left);
}

CURLM *curl_multi_init(void)
{
    return host.curl_multi_init_();
}

CURLMcode curl_multi_perform(CURLM *multi, int *n_running)
{
    return host.curl_multi_perform_(multi, n_running);
}

CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd extra[], unsigned int n_extra, int timeout_ms,
                          int *n_ready)
{
    return host.curl_multi_poll_(multi, extra, n_extra, timeout_ms, n_ready);
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *curl)
{
    return host.curl_multi_remove_handle_(multi, curl);
}

CURLMcode curl_multi_wakeup(CURLM *multi)
{
    return host.curl_multi_wakeup_(multi);
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text)
{
    return host.curl_slist_append_(list, text);
}

void curl_slist_free_all(struct curl_slist *list)
{
    if (list != NULL) host.curl_slist_free_all_(list);
}

typedef void (*any_function)(void);

#define TYPE_OF(option) ((int)(option) / 10000 * 10000)

CURLcode curl_easy_setopt(CURL *curl, CURLoption option, ...)
{
    va_list value;
    va_start(value, option);
    CURLcode code;
    switch (TYPE_OF(option)) {
    case CURLOPTTYPE_LONG:
        code = host.curl_easy_setopt_(curl, option, va_arg(value, long));
        break;
    case CURLOPTTYPE_OFF_T:
        code = host.curl_easy_setopt_(curl, option, va_arg(value, curl_off_t));
        break;
    case CURLOPTTYPE_FUNCTIONPOINT:
        code = host.curl_easy_setopt_(curl, option, va_arg(value, any_function));
        break;
    default: /* CURLOPTTYPE_OBJECTPOINT, CURLOPTTYPE_BLOB */
        code = host.curl_easy_setopt_(curl, option, va_arg(value, void *));
    }
    va_end(value);
    return code;
}

CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list value;
    va_start(value, option);
    CURLMcode code = TYPE_OF(option) == CURLOPTTYPE_LONG
                         ? host.curl_multi_setopt_(multi, option, va_arg(value, long))
                         : host.curl_multi_setopt_(multi, option, va_arg(value, void *));
    va_end(value);
    return code;
}

/* Whatever is asked for goes to an address. */
CURLcode curl_easy_getinfo(CURL *curl, CURLINFO info, ...)
{
    va_list value;
    va_start(value, info);
    CURLcode code = host.curl_easy_getinfo_(curl, info, va_arg(value, void *));
    va_end(value);
    return code;
}
