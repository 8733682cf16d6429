// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

#include <inttypes.h>

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
    if (status == POM_OK)
        terminal_hint(settings, "written: %s/pca, %" PRId64 " rows of %d components", settings->run.output,
                      result.n_written, result.n_components);
    return terminal_finish(settings, status, &result, &err);
}
