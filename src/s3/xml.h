// SPDX-License-Identifier: Apache-2.0
/*
 * S3's and STS's answers, by expat: a reader that reports each element's path and text, and the two documents that
 * are read in more than one place. Depth, text and names are limited; document type declarations are refused, so that
 * no entity can expand.
 */
#ifndef POMONA_S3_XML_H
#define POMONA_S3_XML_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Called at the end of each element. `path` is "Root/Child/Name" without namespaces, `text` what stands directly
 * inside. A status other than POM_OK ends the reading and is returned. */
typedef enum pom_status (*pomi_xml_visit)(void *user, const char *path, const char *text,
                                          struct pom_error *err);

/* Errors: FORMAT ("bad_xml"), LIMIT ("bad_xml"), MEMORY. */
enum pom_status pomi_xml_read(struct pomi_view document, pomi_xml_visit visit, void *user,
                              struct pom_error *err);

/* <Error>. What the document does not say is "". Texts that are too long are cut. */
struct pomi_s3_problem {
    char code[64];
    char message[256];
    char region[64];
    char request_id[128];
    char bucket_or_key[256]; /* BucketName, or Key */
};

/* Never fails: what cannot be read leaves the fields empty. Also reads STS's <ErrorResponse>. */
void pomi_xml_problem(struct pomi_s3_problem *problem, struct pomi_view document);

/* Text that was encoded under encoding-type=url, in place; "+" is a space. Returns false for a bad escape, or a zero. */
bool pomi_url_decode(char *text);

/* "2024-05-01T10:00:00Z" with or without fractions to Unix time; 0 for anything else. */
int64_t pomi_time_of_iso8601(const char *text);

/* "Wed, 21 Oct 2015 07:28:00 GMT" to Unix time; 0 for anything else. */
int64_t pomi_time_of_http(const char *text);

#endif
