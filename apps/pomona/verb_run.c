// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_run(struct settings *settings)
{
    struct pom_run_result result = {0};
    struct pom_error err = {0};
    settings->run.source = settings->arguments[0];
    settings->run.output = settings->arguments[1];
    terminal_attach(settings);
    enum pom_status status = pom_run(&settings->run, &result, &err);
    if (status == POM_OK) terminal_summarise(settings, &result);
    if (status == POM_OK && !settings->run.no_report)
        terminal_hint(settings, "look at: %s/report.html", settings->run.output);
    return terminal_finish(settings, status, &result, &err);
}
