// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

static void print_result(void *user, const struct pom_bench_result *result)
{
    const struct settings *settings = user;
    if (settings->json) {
        printf("{\"name\":\"%s\",\"kernel_set\":\"%s\",\"value\":%.4f,\"unit\":\"%s\",\"share_of_limit\":%."
               "4f}\n",
               result->name, result->kernel_set, result->value, result->unit, result->share_of_limit);
    } else {
        printf("%-34s %-8s %10.3f %-18s", result->name, result->kernel_set, result->value, result->unit);
        if (result->share_of_limit > 0) printf(" %5.1f %% of the limit", 100 * result->share_of_limit);
        putchar('\n');
    }
    fflush(stdout);
}

int verb_bench(struct settings *settings)
{
    struct pom_error err = {0};
    struct pom_bench_options options;
    pom_bench_options_init(&options);
    options.network = settings->run.network;
    options.cpu = settings->run.cpu;
    options.n_threads = settings->run.n_threads;
    options.n_photos = settings->n_photos;
    if (pom_bench(&options, print_result, settings, &err) != POM_OK) return terminal_fail(settings, &err);
    return EXIT_ALL_WRITTEN;
}
