// SPDX-License-Identifier: Apache-2.0
/*
 * What the static plots are drawn on: a cairo surface with paper, title and type, that ends as an SVG or PNG
 * file. Lengths are in points of the plot; a PNG has two pixels for each.
 */
#ifndef POMONA_REPORT_DRAWING_H
#define POMONA_REPORT_DRAWING_H

#include <cairo.h>

#include "report/labels.h"

struct pomi_drawing {
    cairo_surface_t *surface;
    cairo_t *cairo;
    struct pomi_bytes *image; /* where the file goes in the end */
    struct pomi_bytes drawn;  /* where cairo writes it */
    struct pom_error *err;
    bool is_png;
};

/* A rectangle of the plot in which data is drawn, and the data's range there. */
struct pomi_frame {
    double left, top, right, bottom;
    double x_low, x_high, y_low, y_high;
};

enum pomi_ink {
    POMI_INK,
    POMI_MUTED,
    POMI_GRID,
    POMI_AXIS,
    POMI_ACCENT,
    POMI_ACCENT_SOFT,
    POMI_LEAF,
    POMI_PAPER
};

#define POMI_PNG_SCALE 2

/* Starts a plot with its title and, under it, the report's title and how many photos it shows. */
enum pom_status pomi_drawing_open(struct pomi_drawing *drawing, struct pomi_bytes *image, bool is_png,
                                  double width, double height, const char *title,
                                  const struct pomi_report *report, struct pom_error *err);
/* Ends it and releases everything; fails when anything since open did. */
enum pom_status pomi_drawing_close(struct pomi_drawing *drawing);

void pomi_drawing_ink(cairo_t *cairo, enum pomi_ink ink);
void pomi_drawing_line(cairo_t *cairo, double x0, double y0, double x1, double y1);

/* Text from anywhere, made safe to draw: valid UTF-8 without control and direction marks, at most `most`
 * bytes with an ellipsis. The caller frees it; NULL when memory is out. */
char *pomi_drawing_safe_text(const char *text, size_t most);

/* Writes text, `align` of its width to the left of x (0 left-aligned, 0.5 centred, 1 right-aligned). With
 * `halo`, on a rim of paper. */
void pomi_drawing_text(cairo_t *cairo, double x, double y, double align, bool halo, const char *text);
double pomi_drawing_text_width(cairo_t *cairo, const char *text);
void pomi_drawing_font(cairo_t *cairo, bool bold, double size);

double pomi_frame_x(const struct pomi_frame *frame, double value);
double pomi_frame_y(const struct pomi_frame *frame, double value);

/* 1, 2 or 5 times a power of ten, such that `range` has at most about `most` such steps. */
double pomi_nice_step(double range, int most);

/* "12.5" with at most three digits that matter, whatever the locale. */
const char *pomi_number_text(char text[32], double value);

/* Fills or strokes a label's sign round (x, y). */
void pomi_drawing_sign(cairo_t *cairo, int shape, struct pomi_colour colour, double x, double y,
                       double radius, double fade);

#endif
