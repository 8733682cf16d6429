// SPDX-License-Identifier: Apache-2.0
/*
 * What moments hold: mean and centred cross-products of whole blocks of rows, and the rows that do not fill a
 * block yet.
 *
 * Cross-products are symmetric; they are kept as the 8x8 tiles on and above the diagonal, tile row by tile
 * row, the form that the kernel writes. Columns beyond `width` in the last tiles are zero; what
 * tiles on the diagonal hold below it is never read.
 */
#ifndef POMONA_PCA_MOMENTS_H
#define POMONA_PCA_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/kernels.h"
#include "pomona/pca.h"

/* Rows that are centred and multiplied together. Part of the result's definition: another number gives other
 * last bits. 256 rows of two panels (32 KiB) fit the first-level cache of every machine we know. */
#define POMI_MOMENTS_BLOCK_ROWS 256

/* LAPACK counts its workspace of 1 + 6 n + 2 n^2 numbers in 32 bits. */
#define POMI_MOMENTS_MAX_WIDTH 32000

struct pom_moments {
    int width;
    int64_t n_rows;         /* in mean and cross_products; pending rows come on top */
    double *mean;           /* [width] */
    double *cross_products; /* [n_tiles][8][8]: sum over rows of (x_i - mean_i) (x_j - mean_j) */
    int n_pending;
    float *pending; /* [POMI_MOMENTS_BLOCK_ROWS][width], the first n_pending rows are there */
    double *block;  /* [n_panels][POMI_MOMENTS_BLOCK_ROWS + 1][8], for the time of one block */
    const struct pomk_kernels *kernels;
};

/* A copy in which the pending rows are part of mean and cross_products. */
enum pom_status pomi_moments_completed(struct pom_moments **completed, const struct pom_moments *moments,
                                       struct pom_error *err);

/* Where the cross-product of columns i and j is kept. */
double *pomi_moments_cross_product(const struct pom_moments *moments, int i, int j);

/* Sample standard deviation (n - 1) of a column, of completed moments of at least 2 rows. */
double pomi_moments_sample_std(const struct pom_moments *moments, int column);

#endif
