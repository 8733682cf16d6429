// SPDX-License-Identifier: Apache-2.0
/*
 * The rows that flow from the CNN on: blocks of photos' features, PCA projections, and failures.
 */
#ifndef POMONA_FEATURES_TABLE_H
#define POMONA_FEATURES_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Some rows of a table, borrowed by whoever receives them. Columns that a table does not have are NULL. */
struct pomi_rows {
    size_t n_rows;
    const char *const *paths;  /* [n_rows] UTF-8 */
    const char *const *labels; /* [n_rows] */
    int n_features;
    const float *features; /* [n_rows][n_features] */
    int n_components;
    const float *features_pca;    /* [n_rows][n_components] */
    const float *features_scaled; /* [n_rows][n_features] */
};

/* One failed photo. `stage` is "source", "decode", "resize" or "cnn"; `reason` as in struct pom_error. */
struct pomi_failure {
    const char *path;
    const char *label;
    const char *stage;
    const char *reason;
    const char *message;
};

#endif
