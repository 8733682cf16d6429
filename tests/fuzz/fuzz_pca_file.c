// SPDX-License-Identifier: Apache-2.0
/* PCA files: whatever opens must apply, and must come back the same through saving and opening. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pomona/pca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_round_trip(const struct pom_pca *pca)
{
    struct pom_pca *again;
    void *saved, *saved_again;
    size_t saved_bytes, again_bytes;
    if (pom_pca_save_memory(pca, &saved, &saved_bytes, NULL) != POM_OK) abort();
    if (pom_pca_open_memory(&again, saved, saved_bytes, NULL) != POM_OK) abort();
    if (pom_pca_save_memory(again, &saved_again, &again_bytes, NULL) != POM_OK) abort();
    if (again_bytes != saved_bytes || memcmp(saved, saved_again, saved_bytes) != 0) abort();
    free(saved);
    free(saved_again);
    pom_pca_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pom_pca *pca;
    struct pom_error err;
    if (pom_pca_open_memory(&pca, data, size_bytes, &err) != POM_OK) return 0;
    check_round_trip(pca);

    const struct pom_pca_info *info = pom_pca_info(pca);
    float *rows = malloc(2 * (size_t)info->width * sizeof *rows),
          *scaled = malloc(2 * (size_t)info->width * sizeof *rows);
    float *projected = malloc(2 * (size_t)info->n_components * sizeof *projected);
    if (rows == NULL || scaled == NULL || projected == NULL) abort();
    for (int i = 0; i < 2 * info->width; i++) rows[i] = (float)i * 0.25f;
    for (unsigned flags = 0; flags <= POM_PCA_SPARK_COMPATIBLE; flags++)
        if (pom_pca_apply(pca, rows, 2, flags, projected, scaled, &err) == POM_OK)
            for (int i = 0; i < 2 * info->n_components; i++)
                if (!(projected[i] == projected[i])) abort();
    free(rows);
    free(scaled);
    free(projected);
    pom_pca_free(pca);
    return 0;
}
