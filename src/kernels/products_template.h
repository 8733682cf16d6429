// SPDX-License-Identifier: Apache-2.0
/*
 * Sums of products in double, for moments and projections: eight columns times eight columns.
 *
 * A set defines PRODUCTS_LANES (doubles in a register) and PRODUCTS_ROWS (rows of sums that stay in registers
 * at a time). Each lane is one plain sum with a rounding after the product and after the addition, which
 * every machine can do, WebAssembly too; so neither number changes a bit of the result.
 */
#include "kernels/template.h"

enum { PRODUCTS_VECTORS = POMK_F64_PANEL / PRODUCTS_LANES };

typedef double vector_f64
    __attribute__((vector_size(PRODUCTS_LANES * sizeof(double)), aligned(sizeof(double)), may_alias));

ALWAYS_INLINE void add_products_tile(double *sums, const double *a, const double *b, size_t depth)
{
    vector_f64 sum[PRODUCTS_ROWS][PRODUCTS_VECTORS];
    UNROLL
    for (int row = 0; row < PRODUCTS_ROWS; row++) {
        UNROLL
        for (int v = 0; v < PRODUCTS_VECTORS; v++) sum[row][v] = (vector_f64){0};
    }
    for (size_t d = 0; d < depth; d++) {
        const vector_f64 *b_row = (const vector_f64 *)(b + d * POMK_F64_PANEL);
        UNROLL
        for (int row = 0; row < PRODUCTS_ROWS; row++) {
            UNROLL
            for (int v = 0; v < PRODUCTS_VECTORS; v++) sum[row][v] += a[d * POMK_F64_PANEL + row] * b_row[v];
        }
    }
    UNROLL
    for (int row = 0; row < PRODUCTS_ROWS; row++) {
        UNROLL
        for (int v = 0; v < PRODUCTS_VECTORS; v++)
            ((vector_f64 *)(sums + row * POMK_F64_PANEL))[v] += sum[row][v];
    }
}

static void add_products(double *sums, const double *a, const double *b, size_t depth)
{
    for (int row = 0; row < POMK_F64_PANEL; row += PRODUCTS_ROWS)
        add_products_tile(sums + row * POMK_F64_PANEL, a + row, b, depth);
}
