// SPDX-License-Identifier: Apache-2.0
/* The host's libcurl.so.4, opened when it is first needed. */
#include "base/curl.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>

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

#include "base/host_library.h"

static char trouble[256]; /* why there is no libcurl; written before `once` is over */

static void open_host_library(void)
{
    /* The second is Debian's other build of the same library. */
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) library = dlopen("libcurl-gnutls.so.4", RTLD_NOW | RTLD_LOCAL);
    const char *missing;
    if (library == NULL)
        snprintf(trouble, sizeof trouble,
                 "needs libcurl.so.4 on this machine: apt install libcurl4, or dnf install libcurl");
    else if (!pomi_host_find(library, &missing))
        snprintf(trouble, sizeof trouble,
                 "needs libcurl 7.68 or later; this machine's libcurl.so.4 is older (it has no %s)", missing);
    else if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
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
