// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

#include <stdlib.h>

int verb_s3_policy(struct settings *settings)
{
    struct pom_error err = {0};
    char *json;
    settings->run.source = settings->arguments[0];
    settings->run.output = settings->arguments[1];
    if (pom_s3_policy(&settings->run, &json, &err) != POM_OK) return terminal_fail(settings, &err);
    puts(json);
    free(json);
    return EXIT_ALL_WRITTEN;
}
