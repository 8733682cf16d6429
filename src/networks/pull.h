// SPDX-License-Identifier: Apache-2.0
/* Downloading a known network; pom_network_pull finds it by name. */
#ifndef POMONA_NETWORKS_PULL_H
#define POMONA_NETWORKS_PULL_H

#include "networks/catalogue.h"

enum pom_status pomi_pull(const struct pomi_known_network *known, const struct pom_pull_options *options,
                          struct pom_error *err);

#endif
