// SPDX-License-Identifier: Apache-2.0
#include "report/thin.h"

#include <stdlib.h>
#include <string.h>

static bool load_original(void *user, size_t index, struct pom_image *image)
{
    const struct pomi_thinned *thinned = user;
    return thinned->original->load_photo(thinned->original->user, index * thinned->step, image);
}

static void announce_originals(void *user, const size_t *indices, size_t n)
{
    const struct pomi_thinned *thinned = user;
    size_t *originals = calloc(n + 1, sizeof *originals);
    if (originals == NULL) return; /* then they come one by one */
    for (size_t i = 0; i < n; i++) originals[i] = indices[i] * thinned->step;
    thinned->original->announce_photos(thinned->original->user, originals, n);
    free(originals);
}

enum pom_status pomi_thin(struct pomi_thinned *thinned, const struct pomi_report *report, size_t max_points,
                          struct pom_error *err)
{
    *thinned = (struct pomi_thinned){.report = *report, .original = report, .step = 1};
    if (report->n_points <= max_points) return POM_OK;

    struct pomi_report *fewer = &thinned->report;
    thinned->step = (report->n_points + max_points - 1) / max_points;
    fewer->n_points = (report->n_points + thinned->step - 1) / thinned->step;
    if (fewer->n_points_total == 0) fewer->n_points_total = report->n_points;
    if (fewer->n_components_total == 0) fewer->n_components_total = report->n_components;
    if (fewer->n_components > POMI_REPORT_MAX_COMPONENTS) fewer->n_components = POMI_REPORT_MAX_COMPONENTS;

    size_t row_bytes = (size_t)fewer->n_components * sizeof(float);
    thinned->paths = calloc(fewer->n_points, sizeof *thinned->paths);
    thinned->labels = calloc(fewer->n_points, sizeof *thinned->labels);
    thinned->projected = calloc(fewer->n_points, row_bytes + 1);
    if (thinned->paths == NULL || thinned->labels == NULL || thinned->projected == NULL) {
        pomi_thinned_release(thinned);
        return pomi_fail_memory(err, fewer->n_points * (row_bytes + 1), "the report's points");
    }
    for (size_t i = 0; i < fewer->n_points; i++) {
        size_t from = i * thinned->step;
        thinned->paths[i] = report->paths[from];
        thinned->labels[i] = report->labels == NULL ? NULL : report->labels[from];
        if (report->projected != NULL)
            memcpy(thinned->projected + i * (size_t)fewer->n_components,
                   report->projected + from * (size_t)report->n_components, row_bytes);
    }
    fewer->paths = thinned->paths;
    fewer->labels = thinned->labels;
    fewer->projected = report->projected == NULL ? NULL : thinned->projected;
    fewer->load_photo = report->load_photo == NULL ? NULL : load_original;
    fewer->announce_photos = report->announce_photos == NULL ? NULL : announce_originals;
    fewer->user = thinned;
    return POM_OK;
}

void pomi_thinned_release(struct pomi_thinned *thinned)
{
    free(thinned->paths);
    free(thinned->labels);
    free(thinned->projected);
    *thinned = (struct pomi_thinned){0};
}
