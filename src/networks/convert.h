// SPDX-License-Identifier: Apache-2.0
/* From other people's weights files to network files, in memory; pom_network_convert does it with files. */
#ifndef POMONA_NETWORKS_CONVERT_H
#define POMONA_NETWORKS_CONVERT_H

#include "cnn/graph.h"

/* Appends a network file to `network_file`. The layout of `source` is told by its first bytes. */
enum pom_status pomi_convert(struct pomi_bytes *network_file, struct pomi_view source,
                             const struct pom_convert_options *options, struct pom_error *err);

#endif
