// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_report(struct settings *settings)
{
    struct pom_error err = {0};
    settings->run.output = settings->arguments[0];
    terminal_attach(settings);
    if (pom_report_run(&settings->run, &err) != POM_OK) return terminal_fail(settings, &err);
    terminal_hint(settings, "look at: %s/report.html", settings->run.output);
    return EXIT_ALL_WRITTEN;
}
