// SPDX-License-Identifier: Apache-2.0
/* Where a network's name or path leads: what pom_network_open reads, for those who want the file itself. */
#ifndef POMONA_NETWORKS_OPEN_H
#define POMONA_NETWORKS_OPEN_H

#include "base/bytes.h"

/* The bytes of the network file, and its path, which is NULL for the embedded network; the caller frees both. A name or
 * path as for pom_network_open, but not "auto". */
enum pom_status pomi_network_load(struct pomi_bytes *bytes, char **path, const char *name_or_path,
                                  struct pom_error *err);

#endif
