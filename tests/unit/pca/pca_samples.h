// SPDX-License-Identifier: Apache-2.0
/* Rows to test with. */
#ifndef PCA_SAMPLES_H
#define PCA_SAMPLES_H

#include <stddef.h>

#include "pomona/pca.h"

/* rows[n_rows][width], not negative and partly zero like a network's features, with columns that depend on
 * each other; the same for the same seed. The caller frees them. */
float *sample_rows(size_t n_rows, int width, unsigned seed);

/* Moments of rows; asserts that all goes well. */
struct pom_moments *moments_of(const float *rows, size_t n_rows, int width);

/* A PCA of rows with k components; asserts that all goes well. */
struct pom_pca *pca_of(const float *rows, size_t n_rows, int width, enum pom_scale scale, int n_components);

#endif
