// SPDX-License-Identifier: Apache-2.0
/* A report with every m-th point of a larger one, so that page and plots stay at a size that opens. */
#ifndef POMONA_REPORT_THIN_H
#define POMONA_REPORT_THIN_H

#include "report/report.h"

struct pomi_thinned {
    struct pomi_report report; /* borrows from the original; use this one */
    const struct pomi_report *original;
    size_t step; /* point i is point i * step of the original */
    const char **paths;
    const char **labels;
    float *projected;
};

/* With at most `max_points` points, and at most POMI_REPORT_MAX_COMPONENTS components when points are left
 * out. Do not move *thinned afterwards: its report points to it. */
enum pom_status pomi_thin(struct pomi_thinned *thinned, const struct pomi_report *report, size_t max_points,
                          struct pom_error *err);
void pomi_thinned_release(struct pomi_thinned *thinned);

#endif
