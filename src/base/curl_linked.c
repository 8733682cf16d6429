// SPDX-License-Identifier: Apache-2.0
#include "base/curl.h"

#include <curl/curl.h>
#include <pthread.h>

static void initialise(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

enum pom_status pomi_curl_ready(const char *purpose, struct pom_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)purpose, (void)err;
    pthread_once(&once, initialise);
    return POM_OK;
}
