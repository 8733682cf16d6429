// SPDX-License-Identifier: Apache-2.0
/* Telling machines apart that share a folder: a process id means something only on one boot of one machine, in one namespace of
 * process ids, as a container is one. */
#ifndef POMONA_STORE_MACHINE_H
#define POMONA_STORE_MACHINE_H

#include <stddef.h>

/* "BOOT-ID PID-NAMESPACE"; what cannot be found out is "". */
void pomi_machine_name(char *name, size_t name_bytes);

/* The first line of a file without its end; "" when it cannot be read. */
void pomi_machine_read_line(const char *path, char *line, size_t line_bytes);

#endif
