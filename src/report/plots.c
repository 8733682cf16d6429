// SPDX-License-Identifier: Apache-2.0
/* The static plots: the page's four pictures as SVG and PNG, for papers, slides and places without scripts.
 */
#include <string.h>

#include "config.h"
#include "report/report.h"

const char *const pomi_report_plot_names[] = {"scree", "cumulative_variance", "components_2d",
                                              "components_3d", NULL};

#if POMI_HAVE_CAIRO

#include "report/plots.h"

enum pom_status pomi_report_plot(struct pomi_bytes *image, const struct pomi_report *report, const char *name,
                                 const char *format, struct pom_error *err)
{
    bool is_png = strcmp(format, "png") == 0;
    if (!is_png && strcmp(format, "svg") != 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_format", "plots are svg or png, not \"%s\"",
                         format);
    if (strcmp(name, "scree") == 0) return pomi_plot_scree(image, report, is_png, err);
    if (strcmp(name, "cumulative_variance") == 0) return pomi_plot_cumulative(image, report, is_png, err);
    if (strcmp(name, "components_2d") == 0) return pomi_plot_components(image, report, 2, is_png, err);
    if (strcmp(name, "components_3d") == 0) return pomi_plot_components(image, report, 3, is_png, err);
    return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_plot", "there is no plot \"%s\"", name);
}

#else

enum pom_status pomi_report_plot(struct pomi_bytes *image, const struct pomi_report *report, const char *name,
                                 const char *format, struct pom_error *err)
{
    (void)image;
    (void)report;
    return pomi_fail(err, POM_ERROR_UNSUPPORTED, "no_cairo", "this build has no cairo and cannot draw %s.%s",
                     name, format);
}

#endif
