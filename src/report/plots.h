// SPDX-License-Identifier: Apache-2.0
/* The plots one by one; report.h has the function to call. */
#ifndef POMONA_REPORT_PLOTS_H
#define POMONA_REPORT_PLOTS_H

#include "report/report.h"

enum pom_status pomi_plot_scree(struct pomi_bytes *image, const struct pomi_report *report, bool is_png,
                                struct pom_error *err);
enum pom_status pomi_plot_cumulative(struct pomi_bytes *image, const struct pomi_report *report, bool is_png,
                                     struct pom_error *err);

/* The photos at their first two or three components; a missing component is 0. */
enum pom_status pomi_plot_components(struct pomi_bytes *image, const struct pomi_report *report,
                                     int dimensions, bool is_png, struct pom_error *err);

/* The smallest k whose ratios add up to `share`; 0 when all together do not. */
int pomi_components_reaching(const double *ratios, int n_ratios, double share);

#endif
