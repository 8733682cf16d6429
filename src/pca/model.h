// SPDX-License-Identifier: Apache-2.0
/*
 * What a PCA holds, between fitting or opening it and applying it.
 */
#ifndef POMONA_PCA_MODEL_H
#define POMONA_PCA_MODEL_H

#include "kernels/kernels.h"
#include "pomona/pca.h"

struct pom_pca {
    struct pom_pca_info info; /* what users see; its pointers are the arrays below */

    double *mean;               /* [width] */
    double *sample_std;         /* [width] */
    double *scale_std;          /* [width] */
    double *components;         /* [k][width] */
    double *explained_variance; /* [k] */
    double *ratios;             /* [k] */
    double *all_ratios;         /* [width] */
    char *network_name;
    char *network_identity;

    double *component_panels; /* [k / 8 rounded up][width][8]: the components as apply reads them */
    const struct pomk_kernels *kernels;
};

/* All arrays, zeroed, and the names; info points at them. NULL names count as "". */
enum pom_status pomi_pca_new(struct pom_pca **pca, int width, int n_components, const char *network_name,
                             const char *network_identity, struct pom_error *err);

/* Fills scale_std from info.scale and sample_std, and component_panels from components: the last step of
 * fitting and opening. */
void pomi_pca_complete(struct pom_pca *pca);

/* What StandardScaler makes of a value; mean and sample_std may be NULL. */
static inline double pomi_scale_value(const double *mean, const double *sample_std, int column, double value)
{
    if (sample_std != NULL && sample_std[column] == 0) return 0;
    if (mean != NULL) value -= mean[column];
    return sample_std != NULL ? value / sample_std[column] : value;
}

/* Errors of a row that is given to be scaled or projected, and of what came of it. Errors: NUMERIC. */
enum pom_status pomi_check_row(const float *row, int width, size_t index, struct pom_error *err);
enum pom_status pomi_write_float(float *to, double value, const char *what, size_t row, int column,
                                 struct pom_error *err);

/* "none", "std", "mean-std": the names in files and on the command line. NULL for other numbers. */
const char *pomi_scale_name(enum pom_scale scale);

#endif
