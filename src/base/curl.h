// SPDX-License-Identifier: Apache-2.0
/*
 * libcurl: linked by an ordinary build, opened at run time by one that is to work on other machines (the meson option
 * `curl=runtime`, for the Python wheel): TLS and its certificates then are the host's, and so are their updates.
 *
 * Either way the code that speaks HTTP includes <curl/curl.h> and calls libcurl's functions by their names, after this one
 * has succeeded. curl_linked.c and curl_runtime.c are its two sides.
 */
#ifndef POMONA_BASE_CURL_H
#define POMONA_BASE_CURL_H

#include "base/error.h"

/* Makes libcurl ready, once; from any thread, and cheap when it is. `purpose` begins the message: "reading s3://".
 * Errors: UNSUPPORTED ("no_libcurl") where libcurl is not on this machine, or too old. */
enum pom_status pomi_curl_ready(const char *purpose, struct pom_error *err);

#endif
