// SPDX-License-Identifier: Apache-2.0
#include "report/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"

static const char *label_of(const struct pomi_report *report, size_t point)
{
    const char *label = report->labels == NULL ? NULL : report->labels[point];
    return label == NULL ? "" : label;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void *allocate(size_t n, size_t item_bytes)
{
    return calloc(n == 0 ? 1 : n, item_bytes);
}

enum pom_status pomi_labels_find(struct pomi_labels *labels, const struct pomi_report *report,
                                 struct pom_error *err)
{
    size_t n_points = report->n_points;
    *labels = (struct pomi_labels){.names = allocate(n_points, sizeof *labels->names),
                                   .n_points = allocate(n_points, sizeof *labels->n_points),
                                   .of_point = allocate(n_points, sizeof *labels->of_point)};
    if (labels->names == NULL || labels->n_points == NULL || labels->of_point == NULL) {
        pomi_labels_release(labels);
        return pomi_fail_memory(err, n_points, "the report's labels");
    }
    for (size_t i = 0; i < n_points; i++) labels->names[i] = label_of(report, i);
    qsort(labels->names, n_points, sizeof *labels->names, compare_names);
    for (size_t i = 0; i < n_points; i++)
        if (i == 0 || strcmp(labels->names[i], labels->names[labels->n_labels - 1]) != 0)
            labels->names[labels->n_labels++] = labels->names[i];
    for (size_t i = 0; i < n_points; i++) {
        const char *name = label_of(report, i);
        const char **found =
            bsearch(&name, labels->names, labels->n_labels, sizeof *labels->names, compare_names);
        labels->of_point[i] = (uint32_t)(found - labels->names);
        labels->n_points[labels->of_point[i]]++;
    }
    return POM_OK;
}

void pomi_labels_release(struct pomi_labels *labels)
{
    free(labels->names);
    free(labels->n_points);
    free(labels->of_point);
    *labels = (struct pomi_labels){0};
}

/* How many points are chosen when no label gives more than `per_label`. */
static size_t chosen_with(const struct pomi_labels *labels, size_t per_label)
{
    size_t sum = 0;
    for (size_t i = 0; i < labels->n_labels; i++)
        sum += labels->n_points[i] < per_label ? labels->n_points[i] : per_label;
    return sum;
}

enum pom_status pomi_labels_choose(size_t **chosen, size_t *n_chosen, const struct pomi_labels *labels,
                                   size_t n_points, size_t max_points, struct pom_error *err)
{
    /* The largest share that fits, by bisection; one label more than there is room for gets share + 1. */
    size_t share = 0, too_much = max_points + 1;
    while (too_much - share > 1) {
        size_t middle = share + (too_much - share) / 2;
        if (chosen_with(labels, middle) <= max_points)
            share = middle;
        else
            too_much = middle;
    }
    size_t left_over = max_points - chosen_with(labels, share);

    size_t *quota = allocate(labels->n_labels, sizeof *quota),
           *seen = allocate(labels->n_labels, sizeof *seen);
    *chosen = allocate(max_points < n_points ? max_points : n_points, sizeof **chosen);
    *n_chosen = 0;
    if (quota == NULL || seen == NULL || *chosen == NULL) {
        free(quota);
        free(seen);
        free(*chosen);
        *chosen = NULL;
        return pomi_fail_memory(err, n_points, "the report's choice of photos");
    }
    for (size_t i = 0; i < labels->n_labels; i++) {
        quota[i] = labels->n_points[i] < share ? labels->n_points[i] : share;
        if (labels->n_points[i] > share && left_over > 0) {
            quota[i]++;
            left_over--;
        }
    }
    /* Point j of n is taken when floor((j + 1) * quota / n) steps: quota of them, evenly spaced. */
    for (size_t i = 0; i < n_points; i++) {
        size_t label = labels->of_point[i], n = labels->n_points[label], j = seen[label]++;
        if ((j + 1) * quota[label] / n > j * quota[label] / n) (*chosen)[(*n_chosen)++] = i;
    }
    free(quota);
    free(seen);
    return POM_OK;
}

/* Lightness, chroma and hue (degrees) in OKLCH. Each was chosen as the colour farthest from all before it,
 * over the part of OKLCH with lightness 0.42 to 0.75 and chroma up to 0.17, counting the distance that a
 * deuteranope sees as well; the smallest distance among the 20 is 0.09. */
static const struct {
    float lightness, chroma, hue;
} colours[POMI_N_COLOURS] = {
    {0.54f, 0.17f, 18},  /* cherry */
    {0.75f, 0.14f, 228}, /* sky */
    {0.42f, 0.17f, 264}, /* blueberry */
    {0.75f, 0.14f, 84},  /* mango */
    {0.42f, 0.14f, 144}, /* leaf */
    {0.63f, 0.17f, 294}, /* lavender */
    {0.72f, 0.14f, 0},   /* dragon fruit */
    {0.42f, 0.17f, 336}, /* plum */
    {0.66f, 0.17f, 138}, /* lime */
    {0.57f, 0.07f, 216}, /* slate */
    {0.51f, 0.17f, 306}, /* grape */
    {0.57f, 0.17f, 258}, /* cornflower */
    {0.48f, 0.11f, 60},  /* date */
    {0.66f, 0.11f, 180}, /* sea */
    {0.63f, 0.17f, 330}, /* orchid */
    {0.48f, 0.07f, 342}, /* fig */
    {0.75f, 0.11f, 132}, /* pear */
    {0.69f, 0.14f, 264}, /* periwinkle */
    {0.57f, 0.14f, 54},  /* orange */
    {0.63f, 0.17f, 12},  /* raspberry */
};

static uint8_t srgb_byte(double linear)
{
    if (linear <= 0) return 0;
    if (linear >= 1) return 255;
    double encoded = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return (uint8_t)lrint(255 * encoded);
}

/* OKLab to linear sRGB: B. Ottosson, "A perceptual color space for image processing", 2020. */
static struct pomi_colour from_oklch(double lightness, double chroma, double hue)
{
    double a = chroma * cos(hue * M_PI / 180), b = chroma * sin(hue * M_PI / 180);
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return (struct pomi_colour){srgb_byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
                                srgb_byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
                                srgb_byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

struct pomi_colour pomi_label_colour(size_t label, bool dark)
{
    size_t i = label % POMI_N_COLOURS;
    return from_oklch(colours[i].lightness + (dark ? 0.13f : 0), colours[i].chroma * (dark ? 0.9f : 1),
                      colours[i].hue);
}

int pomi_label_shape(size_t label)
{
    return (int)(label / POMI_N_COLOURS % POMI_N_SHAPES);
}
