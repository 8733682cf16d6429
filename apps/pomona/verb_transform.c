// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_transform(struct settings *settings)
{
    struct pom_run_result result = {0};
    struct pom_error err = {0};
    if (settings->run.pca_path == NULL) {
        fputs("pomona transform: --pca FILE is missing (see pomona transform --help)\n", stderr);
        return EXIT_USAGE;
    }
    settings->run.source = settings->arguments[0];
    settings->run.output = settings->arguments[1];
    terminal_attach(settings);
    enum pom_status status = pom_transform_run(&settings->run, &result, &err);
    return terminal_finish(settings, status, &result, &err);
}
