// SPDX-License-Identifier: Apache-2.0
/* Scree and cumulative variance, with the k at which 80, 90, 95 and 99 % are reached. */
#include <math.h>
#include <stdio.h>

#include "report/drawing.h"
#include "report/plots.h"

static const double shares[] = {0.80, 0.90, 0.95, 0.99};
static const double width = 820, height = 500;

static double ratio_at(const struct pomi_report *report, int i)
{
    return isfinite(report->ratios[i]) && report->ratios[i] > 0 ? report->ratios[i] : 0;
}

int pomi_components_reaching(const double *ratios, int n_ratios, double share)
{
    double sum = 0;
    for (int i = 0; i < n_ratios; i++) {
        if (isfinite(ratios[i]) && ratios[i] > 0) sum += ratios[i];
        if (sum >= share - 1e-12) return i + 1;
    }
    return 0;
}

static enum pom_status need_ratios(const struct pomi_report *report, struct pom_error *err)
{
    if (report->n_ratios > 0 && report->ratios != NULL) return POM_OK;
    return pomi_fail(err, POM_ERROR_NOT_FOUND, "nothing_to_plot", "there is no PCA to plot");
}

static int n_kept(const struct pomi_report *report)
{
    return report->n_components_total > report->n_components ? report->n_components_total
                                                             : report->n_components;
}

/* Grid lines with their shares, and component numbers along the foot. */
static void draw_axes(cairo_t *cairo, const struct pomi_frame *frame, double step)
{
    char number[32], text[40];
    cairo_set_line_width(cairo, 1);
    pomi_drawing_font(cairo, false, 12);
    for (int i = 0; i * step <= frame->y_high * 1.0001; i++) {
        double y = pomi_frame_y(frame, i * step);
        pomi_drawing_ink(cairo, i == 0 ? POMI_AXIS : POMI_GRID);
        pomi_drawing_line(cairo, frame->left, y, frame->right, y);
        snprintf(text, sizeof text, "%s %%", pomi_number_text(number, 100 * i * step));
        pomi_drawing_ink(cairo, POMI_MUTED);
        pomi_drawing_text(cairo, frame->left - 9, y + 4, 1, false, text);
    }
    int n = (int)frame->x_high, k_step = (int)fmax(1, pomi_nice_step(n, 10));
    for (int k = 1; k <= n; k = k == 1 && k_step > 1 ? k_step : k + k_step)
        pomi_drawing_text(cairo, pomi_frame_x(frame, k), frame->bottom + 20, 0.5, false,
                          pomi_number_text(number, k));
    pomi_drawing_text(cairo, frame->right, frame->bottom + 42, 1, false, "component");
}

static void draw_dot(cairo_t *cairo, double x, double y, double radius)
{
    cairo_arc(cairo, x, y, radius, 0, 2 * M_PI);
    cairo_fill(cairo);
}

static void draw_scree(cairo_t *cairo, const struct pomi_report *report)
{
    int n = report->n_ratios < 50 ? report->n_ratios : 50, kept = n_kept(report);
    double largest = 0;
    for (int i = 0; i < n; i++) largest = fmax(largest, ratio_at(report, i));
    struct pomi_frame frame = {
        72, 88, width - 32, height - 62, 1, n > 1 ? n : 2, 0, largest > 0 ? largest * 1.05 : 1};
    draw_axes(cairo, &frame, pomi_nice_step(frame.y_high, 5));

    for (int i = 0; i < n; i++)
        cairo_line_to(cairo, pomi_frame_x(&frame, i + 1), pomi_frame_y(&frame, ratio_at(report, i)));
    cairo_line_to(cairo, pomi_frame_x(&frame, n), frame.bottom);
    cairo_line_to(cairo, frame.left, frame.bottom);
    cairo_close_path(cairo);
    pomi_drawing_ink(cairo, POMI_ACCENT_SOFT);
    cairo_fill(cairo);
    for (int i = 0; i < n; i++)
        cairo_line_to(cairo, pomi_frame_x(&frame, i + 1), pomi_frame_y(&frame, ratio_at(report, i)));
    pomi_drawing_ink(cairo, POMI_ACCENT);
    cairo_set_line_width(cairo, 2);
    cairo_stroke(cairo);
    for (int i = 0; i < n; i++) {
        pomi_drawing_ink(cairo, i < kept ? POMI_ACCENT : POMI_AXIS);
        draw_dot(cairo, pomi_frame_x(&frame, i + 1), pomi_frame_y(&frame, ratio_at(report, i)),
                 n > 30 ? 2.6 : 3.4);
    }
    pomi_drawing_font(cairo, true, 12);
    for (int i = 0, next_free = 0; i < 3 && i < n; i++) {
        char number[32], text[64];
        double x = pomi_frame_x(&frame, i + 1) + 9,
               y = fmax(pomi_frame_y(&frame, ratio_at(report, i)) + 3, next_free);
        snprintf(text, sizeof text, "PC%d  %s %%", i + 1,
                 pomi_number_text(number, 100 * ratio_at(report, i)));
        pomi_drawing_ink(cairo, POMI_INK);
        pomi_drawing_text(cairo, x, y, 0, true, text);
        next_free = (int)y + 16;
    }
    if (kept > 0 && kept < n) {
        char text[32];
        static const double dashes[] = {5, 4};
        double x = (pomi_frame_x(&frame, kept) + pomi_frame_x(&frame, kept + 1)) / 2;
        pomi_drawing_ink(cairo, POMI_LEAF);
        cairo_set_line_width(cairo, 1.5);
        cairo_set_dash(cairo, dashes, 2, 0);
        pomi_drawing_line(cairo, x, frame.top + 20, x, frame.bottom);
        cairo_set_dash(cairo, NULL, 0, 0);
        snprintf(text, sizeof text, "k = %d kept", kept);
        pomi_drawing_text(cairo, x, frame.top + 12, 0.5, true, text);
    }
}

/* Where a share is reached: its lines, or the name that stands over everyone's lines. */
static void draw_mark(cairo_t *cairo, const struct pomi_frame *frame, const struct pomi_report *report,
                      size_t share, bool is_name)
{
    static const double dashes[] = {3, 3};
    int k = pomi_components_reaching(report->ratios, report->n_ratios, shares[share]);
    if (k == 0) return;
    double x = pomi_frame_x(frame, k), y = pomi_frame_y(frame, shares[share]), reached = 0;
    if (is_name) {
        /* The names go down like stairs, one line each, so that marks close together do not collide. */
        char text[64];
        bool right = x > frame->left + 0.7 * (frame->right - frame->left);
        snprintf(text, sizeof text, "%.0f %% at k = %d", 100 * shares[share], k);
        pomi_drawing_ink(cairo, POMI_INK);
        pomi_drawing_font(cairo, true, 12.5);
        pomi_drawing_text(cairo, x + (right ? -8 : 8), pomi_frame_y(frame, 0.58 - 0.13 * (double)share),
                          right ? 1 : 0, true, text);
        return;
    }
    for (int c = 0; c < k; c++) reached += ratio_at(report, c);
    pomi_drawing_ink(cairo, POMI_LEAF);
    cairo_set_line_width(cairo, 1);
    cairo_set_dash(cairo, dashes, 2, 0);
    pomi_drawing_line(cairo, frame->left, y, x, y);
    pomi_drawing_line(cairo, x, pomi_frame_y(frame, reached), x, frame->bottom);
    cairo_set_dash(cairo, NULL, 0, 0);
    pomi_drawing_ink(cairo, POMI_ACCENT);
    draw_dot(cairo, x, pomi_frame_y(frame, reached), 3.6);
}

static void draw_cumulative(cairo_t *cairo, const struct pomi_report *report)
{
    int furthest = 5, kept = n_kept(report);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
        int k = pomi_components_reaching(report->ratios, report->n_ratios, shares[i]);
        if (k == 0) k = report->n_ratios;
        if (k * 1.12 > furthest) furthest = (int)ceil(k * 1.12);
    }
    if (kept > furthest) furthest = kept;
    int n = report->n_ratios < furthest ? report->n_ratios : furthest;
    struct pomi_frame frame = {72, 88, width - 32, height - 62, 1, n > 1 ? n : 2, 0, 1};
    draw_axes(cairo, &frame, 0.2);

    double sum = 0;
    for (int i = 0; i < n; i++)
        cairo_line_to(cairo, pomi_frame_x(&frame, i + 1), pomi_frame_y(&frame, sum += ratio_at(report, i)));
    pomi_drawing_ink(cairo, POMI_ACCENT);
    cairo_set_line_width(cairo, 2);
    cairo_stroke(cairo);
    if (n == 1) draw_dot(cairo, frame.left, pomi_frame_y(&frame, sum), 3.5);

    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) draw_mark(cairo, &frame, report, i, false);
    for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) draw_mark(cairo, &frame, report, i, true);
}

enum pom_status pomi_plot_scree(struct pomi_bytes *image, const struct pomi_report *report, bool is_png,
                                struct pom_error *err)
{
    struct pomi_drawing drawing;
    POMI_TRY(need_ratios(report, err));
    POMI_TRY(pomi_drawing_open(&drawing, image, is_png, width, height, "Variance explained by each component",
                               report, err));
    draw_scree(drawing.cairo, report);
    return pomi_drawing_close(&drawing);
}

enum pom_status pomi_plot_cumulative(struct pomi_bytes *image, const struct pomi_report *report, bool is_png,
                                     struct pom_error *err)
{
    struct pomi_drawing drawing;
    POMI_TRY(need_ratios(report, err));
    POMI_TRY(pomi_drawing_open(&drawing, image, is_png, width, height, "Variance explained, running total",
                               report, err));
    draw_cumulative(drawing.cairo, report);
    return pomi_drawing_close(&drawing);
}
