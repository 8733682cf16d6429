// SPDX-License-Identifier: Apache-2.0
/* Where a bucket's requests go: the service's host, or the bucket's own. */
#ifndef POMONA_S3_ENDPOINT_H
#define POMONA_S3_ENDPOINT_H

#include "s3/s3.h"

struct pomi_s3_endpoint {
    bool is_aws; /* then the host follows from the region */
    bool is_tls;
    bool is_virtual;  /* asked for */
    bool is_path;     /* asked for */
    char host[256];   /* with the port, when it is not the scheme's own */
    char prefix[256]; /* path of the endpoint, without a slash at its end */
};

/* `url` NULL: AWS. Errors: ARGUMENT ("bad_option"). */
enum pom_status pomi_s3_endpoint_init(struct pomi_s3_endpoint *endpoint, const char *url,
                                      enum pomi_s3_addressing addressing, struct pom_error *err);

/* Host header and encoded path of a request; the URL is scheme, "://", host and path. `path` is appended, terminated. */
enum pom_status pomi_s3_endpoint_place(const struct pomi_s3_endpoint *endpoint, const char *bucket,
                                       const char *key, const char *region, char host[512],
                                       struct pomi_bytes *path, struct pom_error *err);

/* Whether the text can be a region: it becomes a part of a host's name, and may come from a server. */
bool pomi_s3_is_region(const char *text);

/* The region that a redirect's Location names, when it is an address of S3 on AWS; "" otherwise. */
void pomi_s3_region_of_url(const char *url, char region[64]);

#endif
