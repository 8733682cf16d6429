// SPDX-License-Identifier: Apache-2.0
#include "pca_samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static float next_number(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)(*state >> 40) / 16777216.0f;
}

float *sample_rows(size_t n_rows, int width, unsigned seed)
{
    float *rows = malloc(n_rows * (size_t)width * sizeof *rows);
    assert_non_null(rows);
    uint64_t state = seed;
    for (size_t r = 0; r < n_rows; r++) {
        float common = next_number(&state), other = next_number(&state);
        for (int j = 0; j < width; j++) {
            float value = common * (float)(1 + j % 5) + other * (float)(j % 3) - next_number(&state) * 1.5f;
            rows[r * (size_t)width + (size_t)j] = value > 0 ? value : 0;
        }
    }
    return rows;
}

struct pom_moments *moments_of(const float *rows, size_t n_rows, int width)
{
    struct pom_moments *moments;
    assert_int_equal(pom_moments_new(&moments, width, NULL), POM_OK);
    assert_int_equal(pom_moments_add(moments, rows, n_rows, NULL), POM_OK);
    return moments;
}

struct pom_pca *pca_of(const float *rows, size_t n_rows, int width, enum pom_scale scale, int n_components)
{
    struct pom_moments *moments = moments_of(rows, n_rows, width);
    struct pom_pca_options options;
    pom_pca_options_init(&options);
    options.scale = scale;
    options.n_components = n_components;
    struct pom_pca *pca;
    struct pom_error err = {0};
    if (pom_pca_fit(&pca, moments, &options, &err) != POM_OK) fail_msg("%s", err.message);
    pom_moments_free(moments);
    return pca;
}
