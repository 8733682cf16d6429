// SPDX-License-Identifier: Apache-2.0
/*
 * S3: every path of a run may be s3://BUCKET/KEY. How to reach it, and what a run may do there.
 *
 * Credentials, region and endpoint are found as the AWS CLI finds them, from the same variables and files; the fields
 * here come first. docs/s3.md is the manual.
 */
#ifndef POMONA_S3_H
#define POMONA_S3_H

#include "status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pom_s3_options {
    const char *
        endpoint_url; /* of a server that is not AWS; NULL: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS itself */
    const char *region;  /* NULL: AWS_REGION, AWS_DEFAULT_REGION, the profile's, else asked from the bucket */
    const char *profile; /* NULL: AWS_PROFILE, else "default" */
    int no_sign_request; /* nonzero: send requests without a signature, for public buckets */
    const char
        *request_payer; /* "requester": this account pays for requests to buckets that want that; NULL: no */
    int n_connections;  /* most requests in flight; 0: the default, 64 */
    const char *
        require_region; /* refuse buckets elsewhere before a byte is read: comma-separated region names or patterns
                                   as eu-*, or EU for the regions within the European Union; NULL: anywhere */
    const char
        *price_file; /* JSON in place of the built-in price table, as docs/s3.md describes; NULL: built-in */
    int take_over; /* nonzero: go on although another run's lock is there, because that run is known to be gone */
};

#ifdef __cplusplus
}
#endif
#endif
