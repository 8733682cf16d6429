// SPDX-License-Identifier: Apache-2.0
/*
 * ~/.aws/config and ~/.aws/credentials: the INI dialect of the AWS CLI. Names of settings are case-insensitive, a value
 * may go on in indented lines, and an empty value followed by indented lines is a group: "s3 =\n  addressing_style =
 * path" is the setting "s3.addressing_style". Lines that begin with # or ; are comments; a value keeps what follows.
 */
#ifndef POMONA_S3_CONFIG_FILES_H
#define POMONA_S3_CONFIG_FILES_H

#include <stdbool.h>

#include "base/bytes.h"

struct pomi_aws_files; /* both, as one table */

/* An empty table. */
enum pom_status pomi_aws_files_new(struct pomi_aws_files **files, struct pom_error *err);

/* Adds a file's text; `name` is for messages. In the config file a profile is "[profile NAME]" or "[default]", in the
 * credentials file "[NAME]"; the first to say something is believed. Errors: ARGUMENT ("bad_option") with the line. */
enum pom_status pomi_aws_files_add(struct pomi_aws_files *files, struct pomi_view text, bool is_credentials,
                                   const char *name, struct pom_error *err);

/* Reads the user's files: AWS_CONFIG_FILE or ~/.aws/config, AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials. Files
 * that are not there are fine. */
enum pom_status pomi_aws_files_read(struct pomi_aws_files *files, struct pom_error *err);

/* Wipes them: they hold secrets. NULL is fine. */
void pomi_aws_files_free(struct pomi_aws_files *files);

bool pomi_aws_files_has(const struct pomi_aws_files *files, const char *profile);

/* The setting of a profile, from the credentials file, from the config file, or of a "[services NAME]" section;
 * NULL: not set. */
enum pomi_aws_place { POMI_AWS_CREDENTIALS, POMI_AWS_CONFIG, POMI_AWS_SERVICES };
const char *pomi_aws_files_get(const struct pomi_aws_files *files, enum pomi_aws_place place,
                               const char *section, const char *setting);

#endif
