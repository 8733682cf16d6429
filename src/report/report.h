// SPDX-License-Identifier: Apache-2.0
/*
 * The report a person looks at: one HTML file that needs no network, and the same plots as SVG and PNG.
 *
 * At most POMI_REPORT_MAX_POINTS points are drawn, every m-th of a larger table, with
 * POMI_REPORT_MAX_COMPONENTS components each, and the page says so. A caller that passes no more than these
 * has bounded memory.
 */
#ifndef POMONA_REPORT_REPORT_H
#define POMONA_REPORT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "features/table.h"
#include "pomona/image.h"

#define POMI_REPORT_MAX_POINTS     100000
#define POMI_REPORT_MAX_COMPONENTS 32 /* kept per point, for the axes to choose from and for neighbours */
#define POMI_REPORT_MAX_THUMBNAILS 4000
#define POMI_REPORT_MAX_FAILURES   20000 /* listed by name; all are counted */
#define POMI_REPORT_THUMBNAIL_PX   96    /* longer side; 64 when there are more than 1000 thumbnails */

/* Everything the report shows; all borrowed. Texts are untrusted: file names may hold anything. */
struct pomi_report {
    const char *title; /* e.g. the source folder's name */
    const char
        *manifest_json; /* run.json as text: counts, seconds per stage, network, versions; NULL: none */
    size_t n_points;
    size_t n_points_total;     /* rows of the table these points were taken from; 0: n_points */
    const char *const *paths;  /* [n_points] */
    const char *const *labels; /* [n_points], or NULL; a NULL or "" label means none */
    int n_components;          /* columns of `projected`; those beyond the maximum are left out */
    int n_components_total;    /* k of the PCA; 0: n_components */
    const float *projected;    /* [n_points][n_components], may be NULL when no PCA was made */
    const double *ratios; /* [n_ratios] explained variance ratio of every component, for the scree plot */
    int n_ratios;
    const struct pomi_failure *failures; /* the first `n_failures` of them, in the listing's order */
    size_t n_failures;
    /* Loads photo number `index` for its thumbnail, upright, at any size from POMI_REPORT_THUMBNAIL_PX up,
     * reusing *image; fails quietly (false) when it is gone. Called from one thread with rising indices.
     * NULL: no thumbnails. */
    bool (*load_photo)(void *user, size_t index, struct pom_image *image);
    /* Told before the first load_photo which photos will be asked for, in that order, so that they can be fetched ahead.
     * The indices are borrowed for the call. May be NULL. */
    void (*announce_photos)(void *user, const size_t *indices, size_t n);
    void *user;
    int max_thumbnails; /* 0: POMI_REPORT_MAX_THUMBNAILS; photos beyond it are thinned out evenly over labels
                         */
};

/* Appends the page to `html`. Errors: MEMORY; UNSUPPORTED when built without the plotting library. */
enum pom_status pomi_report_html(struct pomi_bytes *html, const struct pomi_report *report,
                                 struct pom_error *err);

/* The names pomi_report_plot takes: "scree", "cumulative_variance", "components_2d", "components_3d"; ends
 * with NULL. */
extern const char *const pomi_report_plot_names[];

/* Appends one static plot to `image`. The same report gives the same bytes. Errors: ARGUMENT (another name or
 * format), NOT_FOUND (reason "nothing_to_plot": the report has no PCA), MEMORY, UNSUPPORTED when built
 * without cairo. */
enum pom_status pomi_report_plot(struct pomi_bytes *image, const struct pomi_report *report, const char *name,
                                 const char *format /* "svg" or "png" */, struct pom_error *err);

#endif
