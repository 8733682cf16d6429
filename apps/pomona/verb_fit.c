// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_fit(struct settings *settings)
{
    struct pom_run_result result = {0};
    struct pom_error err = {0};
    if (settings->file == NULL) {
        fputs("pomona fit: --out FILE is missing (see pomona fit --help)\n", stderr);
        return EXIT_USAGE;
    }
    settings->run.source = settings->arguments[0];
    settings->run.pca_path = settings->file;
    terminal_attach(settings);
    enum pom_status status = pom_fit_run(&settings->run, &result, &err);
    if (status == POM_OK)
        terminal_hint(settings, "written: %s; next: pomona transform %s --pca %s OUT", settings->file,
                      settings->run.source, settings->file);
    return terminal_finish(settings, status, &result, &err);
}
