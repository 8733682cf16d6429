// SPDX-License-Identifier: Apache-2.0
/*
 * The networks this version knows by name: where their publisher keeps them and how to tell that a file is
 * really theirs.
 */
#ifndef POMONA_NETWORKS_CATALOGUE_H
#define POMONA_NETWORKS_CATALOGUE_H

#include "networks/network_file.h"

/* Features of the built-in test image at the network's size, from an independent implementation. */
struct pomi_expected_features {
    int n_features;
    int stride; /* values[i] is feature i * stride */
    int n_values;
    double norm; /* Euclidean, of the whole vector */
    const float *values;
};

struct pomi_known_network {
    const char *name;
    const char *architecture; /* NULL: it is embedded and never converted */
    const char *address;      /* the publisher's file; NULL: nothing to download */
    const char *md5;          /* the publisher's checksum of it; NULL: gives none */
    int64_t download_bytes;   /* about; for a first line before the server answers */
    const char *origin;
    const char *licence;
    const struct pomi_expected_features *expected; /* NULL: none stored */
    /* Of the embedded file, which is the same in every process: hashing it would take as long as reading it. */
    struct pomi_network_hashes hashes;
};

/* NULL past the last, or for an unknown name. */
const struct pomi_known_network *pomi_catalogue_at(size_t index);
const struct pomi_known_network *pomi_catalogue_find(const char *name);

/* Fills rgb[input_px][input_px][3] with the built-in test image: gradients, stripes and shaded discs,
 * integers only, the same bytes everywhere. tests/golden/verify_features.py draws it too. */
void pomi_test_image(uint8_t *rgb, int input_px);

/* Computes the test image's features and compares. Errors: MISMATCH with the largest difference, MEMORY,
 * UNSUPPORTED. */
enum pom_status pomi_check_features(const struct pom_network *network,
                                    const struct pomi_expected_features *expected, struct pom_error *err);

#endif
