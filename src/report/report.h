// SPDX-License-Identifier: Apache-2.0
/*
 * The report a person looks at: one HTML file that needs no network, and the same plots as SVG and PNG.
 */
#ifndef POMONA_REPORT_REPORT_H
#define POMONA_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "features/table.h"
#include "pomona/image.h"

/* Everything the report shows; all borrowed. Texts are untrusted: file names may hold anything. */
struct pomi_report {
    const char *title;         /* e.g. the source folder's name */
    const char *manifest_json; /* run.json as text: counts, seconds per stage, network, versions */
    size_t n_points;
    const char *const *paths;  /* [n_points] */
    const char *const *labels; /* [n_points] */
    int n_components;
    const float *projected; /* [n_points][n_components], may be NULL when no PCA was made */
    const double *ratios;   /* [n_ratios] explained variance ratio of every component, for the scree plot */
    int n_ratios;
    const struct pomi_failure *failures;
    size_t n_failures;
    /* Loads photo number `index` for its thumbnail, upright; fails quietly (false) when it is gone. Called
     * from one thread. NULL: no thumbnails. */
    bool (*load_photo)(void *user, size_t index, struct pom_image *image);
    void *user;
    int max_thumbnails; /* 0: the default, 4000; points beyond it are thinned out evenly over labels */
};

/* Appends the page to `html`. */
enum pom_status pomi_report_html(struct pomi_bytes *html, const struct pomi_report *report,
                                 struct pom_error *err);

/* Appends one static plot to `image`. `name`: "scree", "cumulative_variance", "components_2d",
 * "components_3d". Errors: UNSUPPORTED when built without cairo. */
enum pom_status pomi_report_plot(struct pomi_bytes *image, const struct pomi_report *report, const char *name,
                                 const char *format /* "svg" or "png" */, struct pom_error *err);

#endif
