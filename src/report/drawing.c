// SPDX-License-Identifier: Apache-2.0
#include "report/drawing.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static cairo_status_t append(void *user, const unsigned char *data, unsigned int size_bytes)
{
    struct pomi_drawing *drawing = user;
    return pomi_bytes_append(&drawing->drawn, data, size_bytes, drawing->err) == POM_OK
               ? CAIRO_STATUS_SUCCESS
               : CAIRO_STATUS_NO_MEMORY;
}

/* 1600 as "1,600". */
static void count_text(char *text, size_t text_bytes, size_t count)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%zu", count);
    size_t at = 0;
    for (int i = 0; i < n && at + 2 < text_bytes; i++) {
        if (i > 0 && (n - i) % 3 == 0) text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

static void write_titles(cairo_t *cairo, const char *title, const struct pomi_report *report)
{
    cairo_select_font_face(cairo, "serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, 21);
    pomi_drawing_ink(cairo, POMI_INK);
    pomi_drawing_text(cairo, 28, 40, 0, false, title);

    char shown[32], all[32], line[256];
    size_t n_total = report->n_points_total > report->n_points ? report->n_points_total : report->n_points;
    count_text(shown, sizeof shown, report->n_points);
    count_text(all, sizeof all, n_total);
    char *name = pomi_drawing_safe_text(report->title, 60);
    if (report->n_points < n_total)
        snprintf(line, sizeof line, "%s, %s of %s photos", name == NULL ? "" : name, shown, all);
    else
        snprintf(line, sizeof line, "%s, %s photo%s", name == NULL ? "" : name, all, n_total == 1 ? "" : "s");
    free(name);
    pomi_drawing_font(cairo, false, 12.5);
    pomi_drawing_ink(cairo, POMI_MUTED);
    pomi_drawing_text(cairo, 28, 60, 0, false, line);
}

enum pom_status pomi_drawing_open(struct pomi_drawing *drawing, struct pomi_bytes *image, bool is_png,
                                  double width, double height, const char *title,
                                  const struct pomi_report *report, struct pom_error *err)
{
    *drawing = (struct pomi_drawing){.image = image, .err = err, .is_png = is_png};
    if (is_png) {
        drawing->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * POMI_PNG_SCALE),
                                                      (int)(height * POMI_PNG_SCALE));
        cairo_surface_set_device_scale(drawing->surface, POMI_PNG_SCALE, POMI_PNG_SCALE);
    } else {
        drawing->surface = cairo_svg_surface_create_for_stream(append, drawing, width, height);
    }
    drawing->cairo = cairo_create(drawing->surface);
    if (cairo_status(drawing->cairo) != CAIRO_STATUS_SUCCESS) return pomi_drawing_close(drawing);
    pomi_drawing_ink(drawing->cairo, POMI_PAPER);
    cairo_paint(drawing->cairo);
    write_titles(drawing->cairo, title, report);
    return POM_OK;
}

/* A name with a number, such as surface12, at the start of what an id or a reference names; 0 when it is
 * something else. */
static size_t numbered_name_bytes(const char *at, size_t *letters_bytes)
{
    size_t n = strspn(at, "abcdefghijklmnopqrstuvwxyz-");
    *letters_bytes = n;
    size_t digits = strspn(at + n, "0123456789");
    return n > 0 && digits > 0 && (at[n + digits] == '"' || at[n + digits] == ')') ? n + digits : 0;
}

/* Appends an SVG with its ids numbered from 1. Cairo counts them on through the life of the process: the same
 * plot, drawn twice, would be two different files. */
static enum pom_status append_renumbered(struct pomi_bytes *image, const char *svg, struct pom_error *err)
{
    enum { MOST_IDS = 64 }; /* there are two or three; further ones would keep their numbers */
    const char *seen[MOST_IDS];
    size_t n_seen = 0;
    const char *copied = svg; /* up to here */
    for (const char *at = svg; *at != '\0'; at++) {
        if (at == svg ||
            !(at[-1] == '#' || (at[-1] == '"' && at - svg >= 4 && memcmp(at - 4, "id=\"", 4) == 0)))
            continue;
        size_t letters_bytes, seen_letters_bytes, i = 0, name_bytes = numbered_name_bytes(at, &letters_bytes);
        if (name_bytes == 0) continue;
        while (i < n_seen && !(strncmp(seen[i], at, name_bytes) == 0 &&
                               numbered_name_bytes(seen[i], &seen_letters_bytes) == name_bytes))
            i++;
        if (i == MOST_IDS) continue;
        if (i == n_seen) seen[n_seen++] = at;
        POMI_TRY(pomi_bytes_append(image, copied, (size_t)(at - copied) + letters_bytes, err));
        POMI_TRY(pomi_bytes_print(image, err, "%zu", i + 1));
        copied = at + name_bytes;
    }
    return pomi_bytes_append(image, copied, strlen(copied), err);
}

static enum pom_status hand_over(struct pomi_drawing *drawing)
{
    if (drawing->is_png)
        return pomi_bytes_append(drawing->image, drawing->drawn.data, drawing->drawn.size_bytes,
                                 drawing->err);
    POMI_TRY(pomi_bytes_append(&drawing->drawn, "", 1, drawing->err));
    return append_renumbered(drawing->image, (const char *)drawing->drawn.data, drawing->err);
}

enum pom_status pomi_drawing_close(struct pomi_drawing *drawing)
{
    cairo_status_t outcome = cairo_status(drawing->cairo);
    cairo_destroy(drawing->cairo);
    if (outcome == CAIRO_STATUS_SUCCESS && drawing->is_png)
        outcome = cairo_surface_write_to_png_stream(drawing->surface, append, drawing);
    cairo_surface_finish(drawing->surface); /* an SVG is written here */
    if (outcome == CAIRO_STATUS_SUCCESS) outcome = cairo_surface_status(drawing->surface);
    cairo_surface_destroy(drawing->surface);

    enum pom_status status;
    if (outcome == CAIRO_STATUS_SUCCESS)
        status = hand_over(drawing);
    else if (outcome == CAIRO_STATUS_NO_MEMORY)
        status = pomi_fail_memory(drawing->err, drawing->drawn.size_bytes, "a plot");
    else
        status = pomi_fail(drawing->err, POM_ERROR_UNSUPPORTED, "plot", "cairo could not draw a plot: %s",
                           cairo_status_to_string(outcome));
    pomi_bytes_release(&drawing->drawn);
    return status;
}

void pomi_drawing_ink(cairo_t *cairo, enum pomi_ink ink)
{
    /* The page's light colours. */
    static const unsigned inks[] = {
        [POMI_INK] = 0x2a211d,  [POMI_MUTED] = 0x756960,  [POMI_GRID] = 0xeee7de,
        [POMI_AXIS] = 0xb9ac9f, [POMI_ACCENT] = 0x84234f, [POMI_ACCENT_SOFT] = 0xf4e6ec,
        [POMI_LEAF] = 0x4c7a39, [POMI_PAPER] = 0xfffdfa};
    unsigned colour = inks[ink];
    cairo_set_source_rgb(cairo, (colour >> 16) / 255.0, (colour >> 8 & 255) / 255.0, (colour & 255) / 255.0);
}

void pomi_drawing_line(cairo_t *cairo, double x0, double y0, double x1, double y1)
{
    cairo_move_to(cairo, x0, y0);
    cairo_line_to(cairo, x1, y1);
    cairo_stroke(cairo);
}

/* Control characters, and the marks of Unicode that turn the reading direction or take no room. */
static bool is_invisible(const unsigned char *at)
{
    if (at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) return true;
    if (at[0] == 0xd8 && at[1] == 0x9c) return true; /* U+061C */
    if (at[0] == 0xe2 && at[1] == 0x80)
        return at[2] >= 0x8b && (at[2] <= 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae));
    if (at[0] == 0xe2 && at[1] == 0x81) return at[2] >= 0xa0 && at[2] <= 0xaf; /* U+2060 to U+206F */
    return at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf;                    /* U+FEFF */
}

static size_t character_bytes(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
}

char *pomi_drawing_safe_text(const char *text, size_t most)
{
    char *safe = pomi_utf8_escaped(text == NULL ? "" : text);
    if (safe == NULL) return NULL;
    size_t to = 0;
    for (size_t from = 0; safe[from] != '\0';) {
        size_t n = character_bytes((unsigned char)safe[from]);
        if (is_invisible((unsigned char *)safe + from))
            safe[to++] = '_';
        else
            for (size_t i = 0; i < n; i++) safe[to++] = safe[from + i];
        from += n;
    }
    safe[to] = '\0';
    if (to > most) {
        static const char ellipsis[] = "…";
        size_t cut = most - (sizeof ellipsis - 1);
        while (cut > 0 && ((unsigned char)safe[cut] & 0xc0) == 0x80) cut--;
        memcpy(safe + cut, ellipsis, sizeof ellipsis);
    }
    return safe;
}

void pomi_drawing_font(cairo_t *cairo, bool bold, double size)
{
    cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL,
                           bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cairo, size);
}

double pomi_drawing_text_width(cairo_t *cairo, const char *text)
{
    cairo_text_extents_t extents;
    cairo_text_extents(cairo, text, &extents);
    return extents.x_advance;
}

void pomi_drawing_text(cairo_t *cairo, double x, double y, double align, bool halo, const char *text)
{
    x -= align * pomi_drawing_text_width(cairo, text);
    cairo_move_to(cairo, x, y);
    if (halo) {
        cairo_save(cairo);
        cairo_text_path(cairo, text);
        pomi_drawing_ink(cairo, POMI_PAPER);
        cairo_set_line_width(cairo, 3.5);
        cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
        cairo_stroke(cairo);
        cairo_restore(cairo);
        cairo_move_to(cairo, x, y);
    }
    cairo_show_text(cairo, text);
    cairo_new_path(cairo);
}

double pomi_frame_x(const struct pomi_frame *frame, double value)
{
    return frame->left +
           (value - frame->x_low) / (frame->x_high - frame->x_low) * (frame->right - frame->left);
}

double pomi_frame_y(const struct pomi_frame *frame, double value)
{
    return frame->bottom -
           (value - frame->y_low) / (frame->y_high - frame->y_low) * (frame->bottom - frame->top);
}

double pomi_nice_step(double range, int most)
{
    if (!(range > 0)) return 1;
    double rough = range / most, power = pow(10, floor(log10(rough)));
    return power * (rough <= power ? 1 : rough <= 2 * power ? 2 : rough <= 5 * power ? 5 : 10);
}

const char *pomi_number_text(char text[32], double value)
{
    snprintf(text, 32, "%.3g", value == 0 ? 0.0 : value); /* 0.0 also for -0 */
    if (strchr(text, 'e') != NULL) snprintf(text, 32, "%.0f", value);
    for (char *c = text; *c != '\0'; c++)
        if (*c == ',') *c = '.';
    return text;
}

static void polygon(cairo_t *cairo, double x, double y, double r, const double (*corners)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) cairo_line_to(cairo, x + corners[i][0] * r, y + corners[i][1] * r);
    cairo_close_path(cairo);
}

void pomi_drawing_sign(cairo_t *cairo, int shape, struct pomi_colour colour, double x, double y,
                       double radius, double fade)
{
    static const double square[][2] = {{-.75, -.75}, {.75, -.75}, {.75, .75}, {-.75, .75}};
    static const double up[][2] = {{0, -.95}, {.95, .75}, {-.95, .75}},
                        down[][2] = {{0, .95}, {.95, -.75}, {-.95, -.75}};
    static const double diamond[][2] = {{0, -1}, {1, 0}, {0, 1}, {-1, 0}};
    static const double cross[][2] = {{-.3, -1}, {.3, -1}, {.3, -.3}, {1, -.3}, {1, .3},   {.3, .3},
                                      {.3, 1},   {-.3, 1}, {-.3, .3}, {-1, .3}, {-1, -.3}, {-.3, -.3}};
    cairo_new_path(cairo);
    switch (shape % 6) {
    case 0:
        cairo_arc(cairo, x, y, 0.85 * radius, 0, 2 * M_PI);
        break;
    case 1:
        polygon(cairo, x, y, radius, square, 4);
        break;
    case 2:
        polygon(cairo, x, y, radius, up, 3);
        break;
    case 3:
        polygon(cairo, x, y, radius, diamond, 4);
        break;
    case 4:
        polygon(cairo, x, y, radius, down, 3);
        break;
    default:
        polygon(cairo, x, y, radius, cross, 12);
        break;
    }
    double keep = 1 - fade;
    double red = keep * colour.red + fade * 255, green = keep * colour.green + fade * 253,
           blue = keep * colour.blue + fade * 250;
    if (shape < 6) {
        /* A rim of paper first: signs that overlap stay apart. */
        pomi_drawing_ink(cairo, POMI_PAPER);
        cairo_set_line_width(cairo, 0.35 * radius);
        cairo_stroke_preserve(cairo);
        cairo_set_source_rgb(cairo, red / 255, green / 255, blue / 255);
        cairo_fill(cairo);
    } else {
        cairo_set_source_rgb(cairo, red / 255, green / 255, blue / 255);
        cairo_set_line_width(cairo, fmax(0.9, 0.35 * radius));
        cairo_stroke(cairo);
    }
}
