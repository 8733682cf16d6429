// SPDX-License-Identifier: Apache-2.0
/*
 * Converts a weights file for tests/golden/compare_routes.py and prints what became of it, one word a line:
 * identity, name, preprocessing, padding, whether verify agrees.
 *
 *     convert_peer SOURCE DESTINATION [PADDING PREPROCESSING]
 */
#include <stdio.h>

#include "pomona/network.h"

int main(int argc, char **argv)
{
    if (argc != 3 && argc != 5) {
        fputs("usage: convert_peer SOURCE DESTINATION [PADDING PREPROCESSING]\n", stderr);
        return 2;
    }
    struct pom_convert_options options;
    struct pom_network *network;
    struct pom_error err;
    pom_convert_options_init(&options);
    if (argc == 5) {
        options.padding = argv[3];
        options.preprocessing = argv[4];
    }
    if (pom_network_convert(argv[1], argv[2], &options, &err) != POM_OK ||
        pom_network_open(&network, argv[2], &err) != POM_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    const struct pom_network_info *info = pom_network_info(network);
    const char *verified = pom_network_verify(network, &err) == POM_OK ? "verified" : err.reason;
    printf("%s\n%s\n%s\n%s\n%s\n", info->identity, info->name, info->preprocessing, info->padding, verified);
    pom_network_free(network);
    return 0;
}
