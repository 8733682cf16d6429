// SPDX-License-Identifier: Apache-2.0
/*
 * Fitting a PCA and applying it: 1,000 points of a flat, tilted disc in space are almost two-dimensional, and
 * the PCA says so. Half of the points come in each of two sets of moments, as if two processes had read them.
 *
 *     cc fit_and_apply_pca.c $(pkg-config --cflags --libs pomona) -lm && ./a.out
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <pomona/pca.h>

enum { N_POINTS = 1000, WIDTH = 3 };

/* The plane of the disc holds (2, 2, 1) / 3 and (-1, 2, -2) / 3; the points stray from it by 0.1. */
static void make_points(float points[N_POINTS][WIDTH])
{
    unsigned state = 1;
    for (int i = 0; i < N_POINTS; i++) {
        double angle = i * 2.399963, radius = 5 * sqrt((i + 0.5) / N_POINTS); /* a sunflower's seeds */
        double u = 2 * radius * cos(angle), v = radius * sin(angle);
        state = state * 1664525u + 1013904223u;
        double astray = 0.1 * ((state >> 8) / 8388608.0 - 1);
        points[i][0] = (float)((2 * u - v - 2 * astray) / 3 + 10);
        points[i][1] = (float)((2 * u + 2 * v + astray) / 3 + 20);
        points[i][2] = (float)((u - 2 * v + 2 * astray) / 3 + 30);
    }
}

static void require(enum pom_status status, const struct pom_error *err)
{
    if (status == POM_OK) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

int main(void)
{
    static float points[N_POINTS][WIDTH];
    make_points(points);
    struct pom_error err;

    struct pom_moments *first_half, *second_half;
    require(pom_moments_new(&first_half, WIDTH, &err), &err);
    require(pom_moments_new(&second_half, WIDTH, &err), &err);
    require(pom_moments_add(first_half, points[0], N_POINTS / 2, &err), &err);
    require(pom_moments_add(second_half, points[N_POINTS / 2], N_POINTS - N_POINTS / 2, &err), &err);
    require(pom_moments_merge(first_half, second_half, &err), &err);

    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.scale = POM_SCALE_NONE; /* all three coordinates are in the same unit */
    options.variance = 0.99;
    struct pom_pca *pca;
    enum pom_status status = pom_pca_fit(&pca, first_half, &options, &err);
    if (status == POM_ERROR_UNSUPPORTED) {
        fprintf(stderr, "%s\n", err.message);
        return 77;
    }
    require(status, &err);

    const struct pom_pca_info *info = pom_pca_info(pca);
    printf("%lld points; %d of %d components hold %g of the variance\n", (long long)info->n_rows,
           info->n_components, info->width, options.variance);
    for (int c = 0; c < info->n_components; c++) {
        const double *component = info->components + c * WIDTH;
        printf("component %d: %.1f %% along (%.2f, %.2f, %.2f)\n", c + 1, 100 * info->ratios[c], component[0],
               component[1], component[2]);
    }

    float *projected = malloc(N_POINTS * (size_t)info->n_components * sizeof *projected);
    if (projected == NULL) return 1;
    require(pom_pca_apply(pca, points[0], N_POINTS, 0, projected, NULL, &err), &err);
    printf("the last point (%.2f, %.2f, %.2f) is at (", points[N_POINTS - 1][0], points[N_POINTS - 1][1],
           points[N_POINTS - 1][2]);
    for (int c = 0; c < info->n_components; c++)
        printf("%s%.2f", c > 0 ? ", " : "", projected[(N_POINTS - 1) * info->n_components + c]);
    printf(")\n");

    free(projected);
    pom_pca_free(pca);
    pom_moments_free(first_half);
    pom_moments_free(second_half);
    return 0;
}
