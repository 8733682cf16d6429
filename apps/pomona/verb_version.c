// SPDX-License-Identifier: Apache-2.0
#include "terminal.h"
#include "verbs.h"

int verb_version(struct settings *settings)
{
    const char *chosen = pom_cpu_choose(settings->run.cpu);
    if (chosen == NULL) {
        fprintf(stderr, "pomona version: POMONA_CPU=%s is not a kernel set: use one of %s\n",
                settings->run.cpu, pom_cpu_kernel_set_names());
        return EXIT_USAGE;
    }
    if (settings->json) {
        printf("{\"version\":\"%s\",\"kernels\":\"%s\",\"kernel_sets\":[", pom_version(), chosen);
        for (int i = 0; pom_cpu_kernel_set(i) != NULL; i++)
            printf("%s\"%s\"", i > 0 ? "," : "", pom_cpu_kernel_set(i));
        puts("]}");
        return EXIT_ALL_WRITTEN;
    }
    printf("pomona %s\n", pom_version());
    if (!settings->cpu) return EXIT_ALL_WRITTEN;
    fputs("kernel sets on this machine:", stdout);
    for (int i = 0; pom_cpu_kernel_set(i) != NULL; i++) printf(" %s", pom_cpu_kernel_set(i));
    printf("\nchosen: %s\n", chosen);
    return EXIT_ALL_WRITTEN;
}
