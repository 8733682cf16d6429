// SPDX-License-Identifier: Apache-2.0
#include "pca/model.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"

const char *pomi_scale_name(enum pom_scale scale)
{
    switch (scale) {
    case POM_SCALE_NONE:
        return "none";
    case POM_SCALE_STD:
        return "std";
    case POM_SCALE_MEAN_STD:
        return "mean-std";
    }
    return NULL;
}

enum pom_status pomi_pca_new(struct pom_pca **pca, int width, int n_components, const char *network_name,
                             const char *network_identity, struct pom_error *err)
{
    *pca = NULL;
    size_t n_panel_numbers;
    if (!pomi_size_multiply(pomk_f64_panels((size_t)n_components) * POMK_F64_PANEL, (size_t)width,
                            &n_panel_numbers))
        return pomi_fail_memory(err, SIZE_MAX, "a PCA");

    struct pom_pca *created = calloc(1, sizeof *created);
    if (created == NULL) return pomi_fail_memory(err, sizeof *created, "a PCA");
    created->mean = calloc((size_t)width, sizeof(double));
    created->sample_std = calloc((size_t)width, sizeof(double));
    created->scale_std = calloc((size_t)width, sizeof(double));
    created->components = calloc(n_panel_numbers, sizeof(double));
    created->explained_variance = calloc((size_t)n_components, sizeof(double));
    created->ratios = calloc((size_t)n_components, sizeof(double));
    created->all_ratios = calloc((size_t)width, sizeof(double));
    created->component_panels = calloc(n_panel_numbers, sizeof(double));
    created->network_name = strdup(network_name == NULL ? "" : network_name);
    created->network_identity = strdup(network_identity == NULL ? "" : network_identity);
    created->kernels = pomk_choose(NULL);
    created->info = (struct pom_pca_info){
        .width = width,
        .n_components = n_components,
        .mean = created->mean,
        .sample_std = created->sample_std,
        .scale_std = created->scale_std,
        .components = created->components,
        .explained_variance = created->explained_variance,
        .ratios = created->ratios,
        .all_ratios = created->all_ratios,
        .n_all_ratios = width,
        .network_name = created->network_name,
        .network_identity = created->network_identity,
    };
    if (created->mean == NULL || created->sample_std == NULL || created->scale_std == NULL ||
        created->components == NULL || created->explained_variance == NULL || created->ratios == NULL ||
        created->all_ratios == NULL || created->component_panels == NULL || created->network_name == NULL ||
        created->network_identity == NULL) {
        pom_pca_free(created);
        return pomi_fail_memory(err, n_panel_numbers * 2 * sizeof(double), "a PCA");
    }
    *pca = created;
    return POM_OK;
}

void pomi_pca_complete(struct pom_pca *pca)
{
    int width = pca->info.width;
    for (int j = 0; j < width; j++)
        pca->scale_std[j] =
            pca->info.scale == POM_SCALE_NONE || pca->sample_std[j] == 0 ? 1 : pca->sample_std[j];

    for (int c = 0; c < pca->info.n_components; c++) {
        double *panel = pca->component_panels + (size_t)(c / POMK_F64_PANEL) * (size_t)width * POMK_F64_PANEL;
        for (int j = 0; j < width; j++)
            panel[(size_t)j * POMK_F64_PANEL + c % POMK_F64_PANEL] =
                pca->components[(size_t)c * (size_t)width + j];
    }
}

void pom_pca_free(struct pom_pca *pca)
{
    if (pca == NULL) return;
    free(pca->mean);
    free(pca->sample_std);
    free(pca->scale_std);
    free(pca->components);
    free(pca->explained_variance);
    free(pca->ratios);
    free(pca->all_ratios);
    free(pca->component_panels);
    free(pca->network_name);
    free(pca->network_identity);
    free(pca);
}

const struct pom_pca_info *pom_pca_info(const struct pom_pca *pca)
{
    return pca == NULL ? NULL : &pca->info;
}
