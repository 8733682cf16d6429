// SPDX-License-Identifier: Apache-2.0
/* One function per verb, each in a file of its own; all return an exit code. */
#ifndef POMONA_APP_VERBS_H
#define POMONA_APP_VERBS_H

#include "options.h"

int verb_run(struct settings *settings);
int verb_extract(struct settings *settings);
int verb_fit(struct settings *settings);
int verb_transform(struct settings *settings);
int verb_report(struct settings *settings);
int verb_network(struct settings *settings);
int verb_bench(struct settings *settings);
int verb_version(struct settings *settings);
int verb_s3_policy(struct settings *settings);

#endif
