// SPDX-License-Identifier: Apache-2.0
/*
 * The photos at their first two or three principal components, with a legend, and names where they find room.
 * The 3D plot is seen from where the page's map starts: turned by 0.6, from 0.38 above the horizon (radians),
 * far points smaller and paler.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/drawing.h"
#include "report/plots.h"
#include "report/thin.h"

enum {
    MAX_VECTOR_POINTS = 4000, /* beyond it, an SVG holds its points as an image: it must still open */
    MAX_LEGEND = 240,
    LEGEND_ROWS = 40,
    MAX_NAMED_LABELS = 60
};

static const double plot_left = 64, plot_top = 98, plot_width = 780, plot_height = 680, legend_row = 17;

/* One photo on the plot. */
struct mark {
    double x, y, nearness; /* nearness: how much perspective enlarges it */
    size_t point;
};

/* Takes values of up to three components to the plot. */
struct view {
    int dimensions;
    struct pomi_frame frame; /* 2D: the range; 3D: only the rectangle */
    double middle[3], half[3];
};

static double value_at(const struct pomi_report *report, size_t point, int axis)
{
    if (axis >= report->n_components) return 0;
    float value = report->projected[point * (size_t)report->n_components + (size_t)axis];
    return isfinite(value) ? value : 0;
}

/* (x, y, z) of the data to the plot, with the size factor of perspective. */
static void place(const struct view *view, const double at[3], double *x, double *y, double *nearness)
{
    if (view->dimensions == 2) {
        *x = pomi_frame_x(&view->frame, at[0]);
        *y = pomi_frame_y(&view->frame, at[1]);
        *nearness = 1;
        return;
    }
    static const double azimuth = -0.6, elevation = 0.38, eye = 5.2;
    double radius =
        sqrt(view->half[0] * view->half[0] + view->half[1] * view->half[1] + view->half[2] * view->half[2]);
    double u[3];
    for (int axis = 0; axis < 3; axis++)
        u[axis] = (at[axis] - view->middle[axis]) / (radius > 0 ? radius : 1);
    double right = cos(azimuth) * u[0] + sin(azimuth) * u[2],
           back = -sin(azimuth) * u[0] + cos(azimuth) * u[2];
    double up = cos(elevation) * u[1] - sin(elevation) * back,
           depth = sin(elevation) * u[1] + cos(elevation) * back;
    *nearness = 1 / (1 - depth / eye);
    *x = (view->frame.left + view->frame.right) / 2 + right * *nearness * plot_height * 0.54;
    *y = (view->frame.top + view->frame.bottom) / 2 - up * *nearness * plot_height * 0.54;
}

static struct view fit_view(const struct pomi_report *report, int dimensions)
{
    struct view view = {
        .dimensions = dimensions,
        .frame = {plot_left, plot_top, plot_left + plot_width, plot_top + plot_height, 0, 1, 0, 1}};
    for (int axis = 0; axis < dimensions; axis++) {
        double low = value_at(report, 0, axis), high = low;
        for (size_t i = 1; i < report->n_points; i++) {
            low = fmin(low, value_at(report, i, axis));
            high = fmax(high, value_at(report, i, axis));
        }
        view.middle[axis] = (low + high) / 2;
        view.half[axis] = (high - low) / 2;
    }
    double largest = fmax(fmax(view.half[0], view.half[1]), view.half[2]);
    for (int axis = 0; axis < dimensions; axis++)
        view.half[axis] = fmax(view.half[axis], largest > 0 ? largest * 0.02 : 1) * 1.06;
    /* In 2D a unit is as long on both axes: distances on paper are distances in the data. */
    double per_unit = fmin(plot_width / (2 * view.half[0]), plot_height / (2 * view.half[1]));
    view.frame.x_low = view.middle[0] - plot_width / per_unit / 2;
    view.frame.x_high = view.middle[0] + plot_width / per_unit / 2;
    view.frame.y_low = view.middle[1] - plot_height / per_unit / 2;
    view.frame.y_high = view.middle[1] + plot_height / per_unit / 2;
    return view;
}

static void axis_title(char text[48], const struct pomi_report *report, int axis)
{
    char number[32];
    if (axis < report->n_ratios && report->ratios != NULL)
        snprintf(text, 48, "PC%d  %s %%", axis + 1, pomi_number_text(number, 100 * report->ratios[axis]));
    else
        snprintf(text, 48, "PC%d", axis + 1);
}

static void draw_grid_2d(cairo_t *cairo, const struct view *view, const struct pomi_report *report)
{
    const struct pomi_frame *frame = &view->frame;
    char text[48];
    double step = pomi_nice_step(frame->x_high - frame->x_low, 9);
    cairo_set_line_width(cairo, 1);
    pomi_drawing_font(cairo, false, 11.5);
    for (double i = ceil(frame->x_low / step); i * step <= frame->x_high; i++) {
        double x = pomi_frame_x(frame, i * step);
        pomi_drawing_ink(cairo, i == 0 ? POMI_AXIS : POMI_GRID);
        pomi_drawing_line(cairo, x, frame->top, x, frame->bottom);
        pomi_drawing_ink(cairo, POMI_MUTED);
        pomi_drawing_text(cairo, x, frame->bottom + 18, 0.5, false, pomi_number_text(text, i * step));
    }
    for (double i = ceil(frame->y_low / step); i * step <= frame->y_high; i++) {
        double y = pomi_frame_y(frame, i * step);
        pomi_drawing_ink(cairo, i == 0 ? POMI_AXIS : POMI_GRID);
        pomi_drawing_line(cairo, frame->left, y, frame->right, y);
        pomi_drawing_ink(cairo, POMI_MUTED);
        pomi_drawing_text(cairo, frame->left - 9, y + 4, 1, false, pomi_number_text(text, i * step));
    }
    pomi_drawing_ink(cairo, POMI_INK);
    pomi_drawing_font(cairo, true, 12.5);
    axis_title(text, report, 0);
    pomi_drawing_text(cairo, frame->right, frame->bottom + 38, 1, false, text);
    axis_title(text, report, 1);
    pomi_drawing_text(cairo, frame->left, frame->top - 8, 0, true, text);
}

/* (u, v, w) in -1..1 of the box round the points. */
static void place_in_box(const struct view *view, double u, double v, double w, double *x, double *y)
{
    double at[3] = {view->middle[0] + u * view->half[0], view->middle[1] + v * view->half[1],
                    view->middle[2] + w * view->half[2]};
    double nearness;
    place(view, at, x, y, &nearness);
}

static void box_line(cairo_t *cairo, const struct view *view, double u0, double v0, double w0, double u1,
                     double v1, double w1)
{
    double x0, y0, x1, y1;
    place_in_box(view, u0, v0, w0, &x0, &y0);
    place_in_box(view, u1, v1, w1, &x1, &y1);
    pomi_drawing_line(cairo, x0, y0, x1, y1);
}

/* The floor and the two walls behind the points, and the three axes' names. */
static void draw_grid_3d(cairo_t *cairo, const struct view *view, const struct pomi_report *report)
{
    cairo_set_line_width(cairo, 1);
    pomi_drawing_ink(cairo, POMI_GRID);
    for (double t = -1; t <= 1; t += 0.5) {
        box_line(cairo, view, t, -1, -1, t, -1, 1);
        box_line(cairo, view, -1, -1, t, 1, -1, t);
        box_line(cairo, view, -1, t, -1, 1, t, -1);
        box_line(cairo, view, t, -1, -1, t, 1, -1);
        box_line(cairo, view, -1, -1, t, -1, 1, t);
        box_line(cairo, view, -1, t, -1, -1, t, 1);
    }
    pomi_drawing_ink(cairo, POMI_AXIS);
    box_line(cairo, view, -1, -1, 1, 1, -1, 1);
    box_line(cairo, view, 1, -1, -1, 1, -1, 1);
    box_line(cairo, view, -1, -1, 1, -1, 1, 1);
    pomi_drawing_ink(cairo, POMI_INK);
    pomi_drawing_font(cairo, true, 12.5);
    char text[48];
    double x, y;
    axis_title(text, report, 0);
    place_in_box(view, 0, -1, 1, &x, &y);
    pomi_drawing_text(cairo, x - 12, y + 24, 1, true, text);
    axis_title(text, report, 1);
    place_in_box(view, -1, 1, 1, &x, &y);
    pomi_drawing_text(cairo, x, y - 10, 0.5, true, text);
    axis_title(text, report, 2);
    place_in_box(view, 1, -1, 0, &x, &y);
    pomi_drawing_text(cairo, x + 14, y + 22, 0, true, text);
}

static int compare_nearness(const void *a, const void *b)
{
    const struct mark *first = a, *second = b;
    if (first->nearness != second->nearness) return first->nearness < second->nearness ? -1 : 1;
    return first->point < second->point ? -1 : first->point > second->point;
}

static size_t greatest_common_divisor(size_t a, size_t b)
{
    return b == 0 ? a : greatest_common_divisor(b, a % b);
}

/* In drawing order: far to near, or in 2D well mixed, since points come sorted by label and the last would
 * hide the rest. */
static void place_marks(struct mark *marks, const struct view *view, const struct pomi_report *report)
{
    size_t n = report->n_points, step = (size_t)((double)n * 0.618) + 1;
    while (greatest_common_divisor(step, n) > 1) step++;
    for (size_t i = 0, point = 0; i < n; i++, point = (point + step) % n) {
        double at[3] = {value_at(report, point, 0), value_at(report, point, 1), value_at(report, point, 2)};
        marks[i].point = point;
        place(view, at, &marks[i].x, &marks[i].y, &marks[i].nearness);
    }
    if (view->dimensions == 3) qsort(marks, n, sizeof *marks, compare_nearness);
}

static void draw_marks(cairo_t *cairo, const struct mark *marks, const struct view *view, size_t n,
                       const struct pomi_labels *labels)
{
    double radius = fmax(1.3, fmin(5.5, 32 / pow((double)n, 0.28)));
    for (size_t i = 0; i < n; i++) {
        size_t label = labels->of_point[marks[i].point];
        double fade = view->dimensions == 3 ? fmin(0.6, fmax(0, (1.1 - marks[i].nearness) * 2)) : 0;
        pomi_drawing_sign(cairo, pomi_label_shape(label), pomi_label_colour(label, false), marks[i].x,
                          marks[i].y, radius * marks[i].nearness, fade);
    }
}

/* The same, through an image with the plot's background where an SVG would become too large to open. */
static void draw_points(struct pomi_drawing *drawing, const struct mark *marks, const struct view *view,
                        size_t n, const struct pomi_labels *labels)
{
    if (drawing->is_png || n <= MAX_VECTOR_POINTS) {
        draw_marks(drawing->cairo, marks, view, n, labels);
        return;
    }
    int width_px = (int)(plot_left + plot_width + 20) * POMI_PNG_SCALE,
        height_px = (int)(plot_top + plot_height + 20) * POMI_PNG_SCALE;
    cairo_surface_t *layer = cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width_px, height_px);
    cairo_surface_set_device_scale(layer, POMI_PNG_SCALE, POMI_PNG_SCALE);
    cairo_t *cairo = cairo_create(layer);
    draw_marks(cairo, marks, view, n, labels);
    cairo_destroy(cairo);
    cairo_set_source_surface(drawing->cairo, layer, 0, 0);
    cairo_paint(drawing->cairo);
    cairo_surface_destroy(layer);
}

static int compare_doubles(const void *a, const void *b)
{
    double first = *(const double *)a, second = *(const double *)b;
    return first < second ? -1 : first > second;
}

struct box {
    double left, top, right, bottom;
};

static bool overlaps(const struct box *a, const struct box *boxes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a->left < boxes[i].right && boxes[i].left < a->right && a->top < boxes[i].bottom &&
            boxes[i].top < a->bottom)
            return true;
    return false;
}

/* Writes each label's name at the median of its points, unless another name is there already. */
static enum pom_status draw_names(cairo_t *cairo, const struct view *view, const struct pomi_report *report,
                                  const struct pomi_labels *labels, struct pom_error *err)
{
    struct box boxes[MAX_NAMED_LABELS];
    size_t n_boxes = 0;
    if (labels->n_labels < 2 || labels->n_labels > MAX_NAMED_LABELS) return POM_OK;
    double *values = malloc(report->n_points * sizeof *values);
    if (values == NULL) return pomi_fail_memory(err, report->n_points * sizeof *values, "a plot");
    pomi_drawing_font(cairo, true, 11.5);
    for (size_t label = 0; label < labels->n_labels; label++) {
        double middle[3] = {0}, x, y, nearness;
        for (int axis = 0; axis < view->dimensions; axis++) {
            size_t n = 0;
            for (size_t i = 0; i < report->n_points; i++)
                if (labels->of_point[i] == label) values[n++] = value_at(report, i, axis);
            qsort(values, n, sizeof *values, compare_doubles);
            middle[axis] = values[n / 2];
        }
        place(view, middle, &x, &y, &nearness);
        char *name = pomi_drawing_safe_text(labels->names[label], 28);
        if (name == NULL) break;
        double half = pomi_drawing_text_width(cairo, name) / 2;
        struct box box = {x - half - 3, y - 9, x + half + 3, y + 7};
        if (box.left > view->frame.left && box.right < view->frame.right && !overlaps(&box, boxes, n_boxes)) {
            boxes[n_boxes++] = box;
            pomi_drawing_ink(cairo, POMI_INK);
            cairo_save(cairo);
            pomi_drawing_text(cairo, x, y + 4, 0.5, true, name);
            cairo_restore(cairo);
        }
        free(name);
    }
    free(values);
    return POM_OK;
}

/* The legend's size: columns as wide as their widest name. */
struct legend {
    size_t n_shown;
    size_t n_columns;
    double column_width;
};

static struct legend plan_legend(const struct pomi_labels *labels)
{
    size_t n_shown = labels->n_labels < MAX_LEGEND ? labels->n_labels : MAX_LEGEND;
    if (n_shown == 1 && labels->names[0][0] == '\0') n_shown = 0;
    struct legend legend = {.n_shown = n_shown, .n_columns = (n_shown + LEGEND_ROWS - 1) / LEGEND_ROWS};
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, 1, 1);
    cairo_t *cairo = cairo_create(surface);
    pomi_drawing_font(cairo, false, 12);
    for (size_t i = 0; i < n_shown; i++) {
        char *name = pomi_drawing_safe_text(labels->names[i], 26);
        if (name != NULL)
            legend.column_width = fmax(legend.column_width, pomi_drawing_text_width(cairo, name) + 38);
        free(name);
    }
    cairo_destroy(cairo);
    cairo_surface_destroy(surface);
    return legend;
}

static void draw_legend(cairo_t *cairo, const struct legend *legend, const struct pomi_labels *labels)
{
    double left = plot_left + plot_width + 30, top = plot_top + 4;
    pomi_drawing_font(cairo, false, 12);
    for (size_t i = 0; i < legend->n_shown; i++) {
        double x = left + (double)(i / LEGEND_ROWS) * legend->column_width;
        double y = top + (double)(i % LEGEND_ROWS) * legend_row;
        pomi_drawing_sign(cairo, pomi_label_shape(i), pomi_label_colour(i, false), x + 6, y + 4, 5.5, 0);
        char *name =
            pomi_drawing_safe_text(labels->names[i][0] == '\0' ? "(no label)" : labels->names[i], 26);
        pomi_drawing_ink(cairo, POMI_INK);
        if (name != NULL) pomi_drawing_text(cairo, x + 18, y + 8, 0, false, name);
        free(name);
    }
    if (labels->n_labels > legend->n_shown && legend->n_shown > 0) {
        char text[64];
        snprintf(text, sizeof text, "and %zu more", labels->n_labels - legend->n_shown);
        pomi_drawing_ink(cairo, POMI_MUTED);
        pomi_drawing_text(cairo, left, top + LEGEND_ROWS * legend_row + 10, 0, false, text);
    }
}

static enum pom_status draw(struct pomi_bytes *image, const struct pomi_report *report,
                            const struct pomi_labels *labels, int dimensions, bool is_png, struct mark *marks,
                            struct pom_error *err)
{
    struct legend legend = plan_legend(labels);
    double width = plot_left + plot_width + 40 + (double)legend.n_columns * legend.column_width;
    struct pomi_drawing drawing;
    struct view view = fit_view(report, dimensions);
    POMI_TRY(pomi_drawing_open(&drawing, image, is_png, width, plot_top + plot_height + 60,
                               dimensions == 2 ? "Photos at their first two components"
                                               : "Photos at their first three components",
                               report, err));
    place_marks(marks, &view, report);
    if (dimensions == 2)
        draw_grid_2d(drawing.cairo, &view, report);
    else
        draw_grid_3d(drawing.cairo, &view, report);
    draw_points(&drawing, marks, &view, report->n_points, labels);
    enum pom_status status = draw_names(drawing.cairo, &view, report, labels, err);
    draw_legend(drawing.cairo, &legend, labels);
    enum pom_status closed = pomi_drawing_close(&drawing);
    return status != POM_OK ? status : closed;
}

enum pom_status pomi_plot_components(struct pomi_bytes *image, const struct pomi_report *report,
                                     int dimensions, bool is_png, struct pom_error *err)
{
    if (report->n_points == 0 || report->n_components == 0 || report->projected == NULL)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "nothing_to_plot",
                         "there are no projected photos to plot");
    struct pomi_thinned thinned;
    struct pomi_labels labels = {0};
    POMI_TRY(pomi_thin(&thinned, report, POMI_REPORT_MAX_POINTS, err));
    struct mark *marks = calloc(thinned.report.n_points, sizeof *marks);
    enum pom_status status = marks == NULL
                                 ? pomi_fail_memory(err, thinned.report.n_points * sizeof *marks, "a plot")
                                 : pomi_labels_find(&labels, &thinned.report, err);
    if (status == POM_OK) status = draw(image, &thinned.report, &labels, dimensions, is_png, marks, err);
    pomi_labels_release(&labels);
    free(marks);
    pomi_thinned_release(&thinned);
    return status;
}
