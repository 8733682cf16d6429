// SPDX-License-Identifier: Apache-2.0
/* One photo to its features: extract_photo PHOTO [NETWORK [fp32|int16|int8]] prints one number a line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pomona/features.h>
#include <pomona/network.h>

/* -> as pom_precision counts them; -1: none of them */
static int precision_of(const char *name)
{
    static const char *const NAMES[] = {"fp32", "int16", "int8"};

    for (int i = 0; i < 3; i++)
        if (strcmp(name, NAMES[i]) == 0) return i;
    return -1;
}

int main(int argc, char **argv)
{
    int precision = argc > 3 ? precision_of(argv[3]) : POM_PRECISION_FP32;
    struct pom_extractor_options options;
    struct pom_network *network = NULL;
    struct pom_extractor *extractor = NULL;
    struct pom_error err;
    float *features = NULL;
    int exit_code = EXIT_FAILURE;

    if (argc < 2 || precision < 0) {
        fprintf(stderr, "usage: %s PHOTO [NETWORK [fp32|int16|int8]]\n", argv[0]);
        return EXIT_FAILURE;
    }
    pom_extractor_options_init(&options);
    options.precision = precision;
    if (pom_network_open(&network, argc > 2 ? argv[2] : "orchard", &err) != POM_OK) goto failed;
    if (pom_extractor_new(&extractor, network, &options, &err) != POM_OK) goto failed;

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
