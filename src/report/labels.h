// SPDX-License-Identifier: Apache-2.0
/*
 * The labels of a report's points: which there are, how many points each has, and the colour and shape that
 * tells it from the others, in the page and in the static plots alike.
 */
#ifndef POMONA_REPORT_LABELS_H
#define POMONA_REPORT_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "report/report.h"

struct pomi_labels {
    size_t n_labels;
    const char **names; /* [n_labels] sorted by bytes, borrowed from the report; "" for points without one */
    size_t *n_points;   /* [n_labels] */
    uint32_t *of_point; /* [report->n_points] index into names */
};

enum pom_status pomi_labels_find(struct pomi_labels *labels, const struct pomi_report *report,
                                 struct pom_error *err);
void pomi_labels_release(struct pomi_labels *labels);

/* Chooses at most `max_points` points, evenly over labels: no label gets more than another unless that one
 * has no more, and within a label they are spread over its points. Rising indices in *chosen, to be freed by
 * the caller. */
enum pom_status pomi_labels_choose(size_t **chosen, size_t *n_chosen, const struct pomi_labels *labels,
                                   size_t n_points, size_t max_points, struct pom_error *err);

/* 20 colours, then the next shape: label i is colour i % 20 and shape (i / 20) % 12, so 240 labels differ. */
#define POMI_N_COLOURS 20
#define POMI_N_SHAPES  12

struct pomi_colour {
    uint8_t red, green, blue;
};

/* On a light and on a dark ground. */
struct pomi_colour pomi_label_colour(size_t label, bool dark);

/* 0 disc, 1 square, 2 triangle, 3 diamond, 4 triangle pointing down, 5 cross; 6 to 11 the same, hollow. */
int pomi_label_shape(size_t label);

#endif
