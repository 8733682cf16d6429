// SPDX-License-Identifier: Apache-2.0
/*
 * A part's task, as a part maker in another process gets it: whatever it is, it is refused with words, or taken and then
 * found to have no run here. The input is a task as a whole, and what follows the settings in one, which only a run knows.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "pomona/pipeline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void *run_task;                         /* of a run that is real */
static size_t run_task_bytes, beginning_bytes; /* {"format":...,"settings":{...}, */

static enum pom_status keep_beginning(void *user, struct pom_parts *parts, struct pom_error *err)
{
    (void)user;
    if (pom_parts_task(parts, 0, &run_task, &run_task_bytes, err) != POM_OK) abort();
    const char *end = strstr(run_task, "\"run_id\"");
    if (end == NULL) abort();
    beginning_bytes = (size_t)(end - (const char *)run_task);
    return POM_ERROR_INTERRUPTED;
}

static struct pom_part_maker *maker_of_a_run(void)
{
    static char folder[] = "/tmp/pomona-fuzz-XXXXXX", photo[64], output[64];
    struct pom_error err;
    if (mkdtemp(folder) == NULL) abort();
    snprintf(photo, sizeof photo, "%s/1.jpg", folder);
    snprintf(output, sizeof output, "%s/out", folder);
    FILE *file = fopen(photo, "w");
    if (file == NULL || fclose(file) != 0) abort();

    struct pom_run_options options;
    pom_run_options_init(&options);
    options.source = folder;
    options.output = output;
    options.network = "orchard";
    options.n_threads = 1;
    options.make_parts = keep_beginning;
    if (pom_extract_run(&options, NULL, &err) == POM_OK || run_task == NULL) {
        fprintf(stderr, "no part was asked for: %s\n", err.message);
        abort();
    }
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0) abort();

    struct pom_network *network;
    struct pom_part_maker *maker;
    if (pom_network_open(&network, "orchard", &err) != POM_OK) abort();
    if (pom_part_maker_new(&maker, &options, network, &err) != POM_OK) abort();
    char *report;
    if (pom_part_maker_make(maker, run_task, run_task_bytes, &report, &err) != POM_ERROR_NOT_FOUND) abort();
    return maker;
}

static void offer(struct pom_part_maker *maker, const void *task, size_t size_bytes)
{
    char *report;
    struct pom_error err;
    enum pom_status status = pom_part_maker_make(maker, task, size_bytes, &report, &err);
    if (status != POM_ERROR_FORMAT && status != POM_ERROR_MISMATCH && status != POM_ERROR_NOT_FOUND) abort();
    if (err.message[0] == '\0') abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct pom_part_maker *maker;
    if (maker == NULL) maker = maker_of_a_run();
    offer(maker, data, size_bytes);
    struct pomi_bytes task = {0};
    struct pom_error err;
    if (pomi_bytes_append(&task, run_task, beginning_bytes, &err) != POM_OK) abort();
    if (pomi_bytes_append(&task, data, size_bytes, &err) != POM_OK) abort();
    offer(maker, task.data, task.size_bytes);
    pomi_bytes_release(&task);
    return 0;
}
