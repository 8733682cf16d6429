// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "terminal.h"
#include "verbs.h"

struct printing {
    const struct settings *settings;
    char section[16]; /* printed last */
};

static void print_json(const struct pom_bench_result *result)
{
    printf("{\"section\":\"%s\",\"name\":\"%s\",\"kernel_set\":\"%s\",\"precision\":\"%s\",\"value\":%.6g,"
           "\"unit\":\"%s\",\"share_of_limit\":%.4f,\"share_of_photo\":%.4f}\n",
           result->section, result->name, result->kernel_set, result->precision, result->value, result->unit,
           result->share_of_limit, result->share_of_photo);
}

static const char *heading(const char *section)
{
    static const char *const headings[][2] = {
        {"start", "Before the first photo, one thread"},
        {"limit", "What the multiply-add units can do"},
        {"network", "The network: pixels to features"},
        {"scaling", "From one thread to all, beside the multiply-add limit's own growth"},
        {"layers", "One photo in the network, one thread"},
        {"photo", "A photo before the network, one thread"},
        {"tables", "Its features after the network, one thread"},
    };
    for (size_t i = 0; i < sizeof headings / sizeof headings[0]; i++)
        if (strcmp(section, headings[i][0]) == 0) return headings[i][1];
    return section;
}

/* Twenty characters for the whole. */
static void print_bar(double share)
{
    for (int i = 0; i < 20 && share * 20 > i + 0.5; i++) putchar('#');
}

static void print_result(void *user, const struct pom_bench_result *result)
{
    struct printing *printing = user;
    if (printing->settings->json) {
        print_json(result);
        fflush(stdout);
        return;
    }
    if (strcmp(result->section, printing->section) != 0) {
        printf("%s%s\n", printing->section[0] != '\0' ? "\n" : "", heading(result->section));
        snprintf(printing->section, sizeof printing->section, "%s", result->section);
    }
    printf("  %-27s %-5s %-10s %9.*f %s", result->name, result->precision, result->kernel_set,
           result->value < 1     ? 4
           : result->value < 100 ? 2
                                 : 1,
           result->value, result->unit);
    if (result->share_of_photo > 0) printf("  %5.1f %% of the photo", 100 * result->share_of_photo);
    if (result->share_of_limit > 0) {
        printf("  %5.1f %% of the limit  ", 100 * result->share_of_limit);
        print_bar(result->share_of_limit);
    }
    putchar('\n');
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
    struct printing printing = {.settings = settings};
    if (pom_bench(&options, print_result, &printing, &err) != POM_OK) return terminal_fail(settings, &err);
    return EXIT_ALL_WRITTEN;
}
