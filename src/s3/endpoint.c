// SPDX-License-Identifier: Apache-2.0
#include "s3/endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "s3/sigv4.h"

enum pom_status pomi_s3_endpoint_init(struct pomi_s3_endpoint *endpoint, const char *url,
                                      enum pomi_s3_addressing addressing, struct pom_error *err)
{
    *endpoint = (struct pomi_s3_endpoint){.is_aws = url == NULL,
                                          .is_tls = true,
                                          .is_virtual = addressing == POMI_S3_ADDRESSING_VIRTUAL,
                                          .is_path = addressing == POMI_S3_ADDRESSING_PATH};
    if (url == NULL) return POM_OK;
    endpoint->is_tls = strncasecmp(url, "https://", 8) == 0;
    const char *host = endpoint->is_tls ? url + 8 : strncasecmp(url, "http://", 7) == 0 ? url + 7 : "";
    size_t host_bytes = strcspn(host, "/?#"), path_bytes = strcspn(host + host_bytes, "?#");
    const char *path = host + host_bytes;
    bool is_good = host_bytes > 0 && host_bytes < sizeof endpoint->host &&
                   path_bytes < sizeof endpoint->prefix && path[path_bytes] == '\0';
    for (const char *c = host; is_good && *c != '\0'; c++)
        is_good = isgraph((unsigned char)*c) && *c != '@' && *c != '\\' && *c != '"';
    if (!is_good)
        return pomi_fail(
            err, POM_ERROR_ARGUMENT, "bad_option",
            "the endpoint is not of the form http(s)://HOST[:PORT][/PATH] (without a user's name)");
    while (path_bytes > 0 && path[path_bytes - 1] == '/') path_bytes--;
    memcpy(endpoint->host, host, host_bytes);
    memcpy(endpoint->prefix, path, path_bytes);
    /* The Host header, which is signed, has no port that goes without saying. */
    char *port = strrchr(endpoint->host, ':');
    if (port != NULL && strcmp(port, endpoint->is_tls ? ":443" : ":80") == 0) *port = '\0';
    return POM_OK;
}

/* Whether the bucket can be a label of a host's name. A dot would be one label too many for the certificate. */
static bool fits_host(const char *bucket, bool is_tls)
{
    size_t length = strlen(bucket);
    if (length < 3 || length > 63 || strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-.") != length)
        return false;
    return bucket[0] != '-' && bucket[length - 1] != '-' && bucket[0] != '.' && bucket[length - 1] != '.' &&
           !(is_tls && strchr(bucket, '.') != NULL);
}

enum pom_status pomi_s3_endpoint_place(const struct pomi_s3_endpoint *endpoint, const char *bucket,
                                       const char *key, const char *region, char host[512],
                                       struct pomi_bytes *path, struct pom_error *err)
{
    bool is_virtual = !endpoint->is_path && (endpoint->is_aws || endpoint->is_virtual) &&
                      fits_host(bucket, endpoint->is_tls);
    const char *first = is_virtual ? bucket : "", *dot = is_virtual ? "." : "";
    if (endpoint->is_aws)
        snprintf(host, 512, "%s%ss3.%s.amazonaws.com%s", first, dot, region,
                 strncmp(region, "cn-", 3) == 0 ? ".cn" : "");
    else
        snprintf(host, 512, "%s%s%s", first, dot, endpoint->host);
    POMI_TRY(pomi_bytes_print(path, err, "%s/", endpoint->prefix));
    if (!is_virtual) {
        POMI_TRY(pomi_uri_encode(path, bucket, false, err));
        if (key[0] != '\0') POMI_TRY(pomi_bytes_append(path, "/", 1, err));
    }
    POMI_TRY(pomi_uri_encode(path, key, true, err));
    return pomi_bytes_append(path, "", 1, err);
}

bool pomi_s3_is_region(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length < 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") == length;
}

/* [BUCKET.]s3.REGION.amazonaws.com, [BUCKET.]s3-REGION.amazonaws.com, s3.dualstack.REGION.amazonaws.com */
void pomi_s3_region_of_url(const char *url, char region[64])
{
    static const char domain[] = ".amazonaws.com";
    char host[512];
    region[0] = '\0';
    if (strncasecmp(url, "https://", 8) != 0) return;
    size_t host_bytes = strcspn(url + 8, "/?#");
    if (host_bytes < sizeof domain || host_bytes >= sizeof host || memchr(url + 8, '@', host_bytes) != NULL)
        return;
    memcpy(host, url + 8, host_bytes);
    host[host_bytes] = '\0';
    if (strncmp(host + host_bytes - 3, ".cn", 3) == 0) host[host_bytes -= 3] = '\0';
    char *end = host_bytes >= sizeof domain ? host + host_bytes - (sizeof domain - 1) : host;
    if (strcmp(end, domain) != 0) return;
    *end = '\0';
    char *last = strrchr(host, '.');
    last = last != NULL ? last + 1 : host;
    if (strncmp(last, "s3-", 3) == 0) last += 3;
    if (strcmp(last, "s3") != 0 && pomi_s3_is_region(last)) snprintf(region, 64, "%s", last);
}
