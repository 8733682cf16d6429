// SPDX-License-Identifier: Apache-2.0
#include "store/machine.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

void pomi_machine_read_line(const char *path, char *line, size_t line_bytes)
{
    FILE *file = fopen(path, "r");
    line[0] = '\0';
    if (file == NULL) return;
    if (fgets(line, (int)line_bytes, file) == NULL) line[0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    fclose(file);
}

void pomi_machine_name(char *name, size_t name_bytes)
{
    char boot[64], space[64];
    pomi_machine_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t length = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[length > 0 ? length : 0] = '\0';
    snprintf(name, name_bytes, "%s %s", boot, space);
}
