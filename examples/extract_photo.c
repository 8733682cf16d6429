// SPDX-License-Identifier: Apache-2.0
/* One photo to its features: extract_photo PHOTO [NETWORK] prints one number a line. */
#include <stdio.h>
#include <stdlib.h>

#include <pomona/features.h>
#include <pomona/network.h>

int main(int argc, char **argv)
{
    struct pom_network *network = NULL;
    struct pom_extractor *extractor = NULL;
    struct pom_error err;
    float *features = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc < 2) {
        fprintf(stderr, "usage: %s PHOTO [NETWORK]\n", argv[0]);
        return EXIT_FAILURE;
    }
    if (pom_network_open(&network, argc > 2 ? argv[2] : "orchard", &err) != POM_OK) goto failed;
    if (pom_extractor_new(&extractor, network, NULL, &err) != POM_OK) goto failed;

    int n_features = pom_network_info(network)->n_features;
    features = malloc((size_t)n_features * sizeof *features);
    if (features == NULL) goto out;
    if (pom_extract_file(extractor, argv[1], features, &err) != POM_OK) goto failed;

    for (int i = 0; i < n_features; i++) printf("%.9g\n", features[i]);
    exit_code = EXIT_SUCCESS;
    goto out;

failed:
    fprintf(stderr, "%s\n", err.message);
out:
    free(features);
    pom_extractor_free(extractor);
    pom_network_free(network);
    return exit_code;
}
