// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_extract(struct settings *settings)
{
    struct pom_run_result result = {0};
    struct pom_error err = {0};
    settings->run.source = settings->arguments[0];
    settings->run.output = settings->arguments[1];
    terminal_attach(settings);
    enum pom_status status = pom_extract_run(&settings->run, &result, &err);
    if (status == POM_OK) terminal_summarise(settings, &result);
    if (status == POM_OK && result.n_written > 0)
        terminal_hint(settings, "next: pomona fit %s --out FILE", settings->run.output);
    return terminal_finish(settings, status, &result, &err);
}
