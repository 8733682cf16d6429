// SPDX-License-Identifier: Apache-2.0
/* Saved moments: whatever opens must take rows, merge, and be fitted or refused. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pomona/pca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pom_moments *moments, *same;
    struct pom_error err;
    if (pom_moments_open_memory(&moments, data, size_bytes, &err) != POM_OK) return 0;
    if (pom_moments_open_memory(&same, data, size_bytes, &err) != POM_OK) abort();
    int64_t n_rows = pom_moments_count(moments);
    if (pom_moments_merge(moments, same, &err) != POM_OK) abort();
    if (pom_moments_count(moments) != 2 * n_rows) abort();

    for (int scale = POM_SCALE_NONE; scale <= POM_SCALE_MEAN_STD; scale++) {
        struct pom_pca *pca;
        struct pom_pca_options options;
        pom_pca_options_init(&options);
        options.scale = (enum pom_scale)scale;
        if (pom_pca_fit(&pca, moments, &options, &err) != POM_OK) continue;
        void *saved;
        size_t saved_bytes;
        if (pom_pca_save_memory(pca, &saved, &saved_bytes, &err) != POM_OK) abort();
        free(saved);
        pom_pca_free(pca);
    }

    void *saved;
    size_t saved_bytes;
    struct pom_moments *again;
    if (pom_moments_save_memory(same, &saved, &saved_bytes, &err) != POM_OK) abort();
    if (pom_moments_open_memory(&again, saved, saved_bytes, &err) != POM_OK) abort();
    free(saved);
    pom_moments_free(again);
    pom_moments_free(moments);
    pom_moments_free(same);
    return 0;
}
