// SPDX-License-Identifier: Apache-2.0
/*
 * Moments in one pass: rows gather into blocks of a fixed size; each block is centred on its own mean, so
 * that nothing cancels however far from zero the data lies, and joined to what came before by the formula of
 * Chan, Golub and LeVeque ("Updating formulae and a pairwise algorithm for computing sample variances",
 * 1979):
 *
 *     delta  = mean_block - mean
 *     mean  += delta * n_block / (n + n_block)
 *     cross += cross_block + delta delta' * n * n_block / (n + n_block)
 *
 * The last term is the cross-product of one more row, delta * sqrt(n * n_block / (n + n_block)); it is
 * computed as such.
 */
#include "pca/moments.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sizes.h"

enum { BLOCK_ROWS = POMI_MOMENTS_BLOCK_ROWS };

static size_t count_tiles(int width)
{
    size_t n_panels = pomk_f64_panels((size_t)width);
    return n_panels * (n_panels + 1) / 2;
}

/* Tile (row, column) with row <= column; the tile rows above it hold n_panels, n_panels - 1, ... tiles. */
static double *tile_at(const struct pom_moments *moments, size_t row, size_t column)
{
    size_t n_panels = pomk_f64_panels((size_t)moments->width);
    size_t index = row * n_panels - row * (row + 1) / 2 + column;
    return moments->cross_products + index * POMK_F64_PANEL * POMK_F64_PANEL;
}

double *pomi_moments_cross_product(const struct pom_moments *moments, int i, int j)
{
    size_t low = (size_t)(i < j ? i : j), high = (size_t)(i < j ? j : i);
    double *tile = tile_at(moments, low / POMK_F64_PANEL, high / POMK_F64_PANEL);
    return tile + low % POMK_F64_PANEL * POMK_F64_PANEL + high % POMK_F64_PANEL;
}

double pomi_moments_sample_std(const struct pom_moments *moments, int column)
{
    return sqrt(*pomi_moments_cross_product(moments, column, column) / (double)(moments->n_rows - 1));
}

enum pom_status pom_moments_new(struct pom_moments **moments, int width, struct pom_error *err)
{
    if (moments == NULL) return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "moments is NULL");
    *moments = NULL;
    if (width < 1 || width > POMI_MOMENTS_MAX_WIDTH)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "moments of rows of %d numbers: the width must be 1 to %d", width,
                         POMI_MOMENTS_MAX_WIDTH);
    /* The limit on the width keeps these products far below 2^63; only 32-bit machines can overflow here. */
    uint64_t n_panels = pomk_f64_panels((size_t)width),
             needed = n_panels * n_panels * 8 * 64 + (uint64_t)width * 16;
    if (needed > SIZE_MAX / 2) return pomi_fail_memory(err, SIZE_MAX, "moments");

    struct pom_moments *created = calloc(1, sizeof *created);
    if (created == NULL) return pomi_fail_memory(err, sizeof *created, "moments");
    created->width = width;
    created->kernels = pomk_choose(NULL);
    created->mean = calloc((size_t)width, sizeof(double));
    created->cross_products = calloc(count_tiles(width) * POMK_F64_PANEL * POMK_F64_PANEL, sizeof(double));
    created->pending = calloc((size_t)width * BLOCK_ROWS, sizeof(float));
    created->block = calloc(n_panels * (BLOCK_ROWS + 1) * POMK_F64_PANEL, sizeof(double));
    if (created->mean == NULL || created->cross_products == NULL || created->pending == NULL ||
        created->block == NULL) {
        pom_moments_free(created);
        return pomi_fail_memory(err, (size_t)needed, "moments");
    }
    *moments = created;
    return POM_OK;
}

void pom_moments_free(struct pom_moments *moments)
{
    if (moments == NULL) return;
    free(moments->mean);
    free(moments->cross_products);
    free(moments->pending);
    free(moments->block);
    free(moments);
}

int64_t pom_moments_count(const struct pom_moments *moments)
{
    return moments == NULL ? 0 : moments->n_rows + moments->n_pending;
}

/* cross += block' block, where the block has `depth` rows. */
static void add_cross_products(struct pom_moments *moments, size_t depth)
{
    size_t n_panels = pomk_f64_panels((size_t)moments->width);
    size_t panel_size = (BLOCK_ROWS + 1) * POMK_F64_PANEL;
    for (size_t row = 0; row < n_panels; row++)
        for (size_t column = row; column < n_panels; column++)
            moments->kernels->add_products(tile_at(moments, row, column), moments->block + row * panel_size,
                                           moments->block + column * panel_size, depth);
}

static double *block_at(const struct pom_moments *moments, size_t row, size_t column)
{
    return moments->block + (column / POMK_F64_PANEL * (BLOCK_ROWS + 1) + row) * POMK_F64_PANEL +
           column % POMK_F64_PANEL;
}

/* Moves the mean for n_new rows of another mean; returns what joins the cross-products as one more row. */
static double move_mean(double *mean, double mean_new, int64_t n, int64_t n_new)
{
    double total = (double)n + (double)n_new;
    double delta = mean_new - *mean;
    *mean += delta * ((double)n_new / total);
    return delta * sqrt((double)n * ((double)n_new / total));
}

/* Joins rows[n_rows][width], at most one block of them. */
static void add_block(struct pom_moments *moments, const float *rows, size_t n_rows)
{
    size_t width = (size_t)moments->width;
    for (size_t first = 0; first < width; first += POMK_F64_PANEL) {
        size_t n_columns = width - first < POMK_F64_PANEL ? width - first : POMK_F64_PANEL;
        double block_mean[POMK_F64_PANEL] = {0};
        for (size_t row = 0; row < n_rows; row++)
            for (size_t i = 0; i < n_columns; i++) block_mean[i] += rows[row * width + first + i];
        for (size_t i = 0; i < n_columns; i++) block_mean[i] /= (double)n_rows;

        for (size_t row = 0; row < n_rows; row++)
            for (size_t i = 0; i < n_columns; i++)
                *block_at(moments, row, first + i) = rows[row * width + first + i] - block_mean[i];
        for (size_t i = 0; i < n_columns; i++)
            *block_at(moments, n_rows, first + i) =
                move_mean(&moments->mean[first + i], block_mean[i], moments->n_rows, (int64_t)n_rows);
    }
    add_cross_products(moments, n_rows + 1);
    moments->n_rows += (int64_t)n_rows;
}

enum pom_status pom_moments_add(struct pom_moments *moments, const float *rows, size_t n_rows,
                                struct pom_error *err)
{
    if (moments == NULL || (rows == NULL && n_rows > 0))
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "moments or rows is NULL");
    size_t width = (size_t)moments->width;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t column = 0; column < width; column++)
            if (!isfinite(rows[row * width + column]))
                return pomi_fail(
                    err, POM_ERROR_NUMERIC, "not_finite",
                    "row %zu of those given (the first is 0), column %zu is %s: nothing of them was "
                    "added",
                    row, column, isnan(rows[row * width + column]) ? "not a number" : "infinite");

    while (n_rows > 0) {
        if (moments->n_pending == 0 && n_rows >= BLOCK_ROWS) {
            add_block(moments, rows, BLOCK_ROWS);
            rows += BLOCK_ROWS * width;
            n_rows -= BLOCK_ROWS;
            continue;
        }
        size_t n_free = (size_t)(BLOCK_ROWS - moments->n_pending);
        size_t n_taken = n_rows < n_free ? n_rows : n_free;
        memcpy(moments->pending + (size_t)moments->n_pending * width, rows, n_taken * width * sizeof(float));
        moments->n_pending += (int)n_taken;
        rows += n_taken * width;
        n_rows -= n_taken;
        if (moments->n_pending == BLOCK_ROWS) {
            add_block(moments, moments->pending, BLOCK_ROWS);
            moments->n_pending = 0;
        }
    }
    return POM_OK;
}

enum pom_status pom_moments_merge(struct pom_moments *moments, const struct pom_moments *other,
                                  struct pom_error *err)
{
    if (moments == NULL || other == NULL || moments == other)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "moments merge with other moments: not with NULL, not with themselves");
    if (moments->width != other->width)
        return pomi_fail(err, POM_ERROR_MISMATCH, "width_mismatch",
                         "moments of rows of %d numbers do not merge with those of rows of %d",
                         moments->width, other->width);
    if (other->n_rows > 0) {
        size_t n_numbers = count_tiles(moments->width) * POMK_F64_PANEL * POMK_F64_PANEL;
        for (size_t i = 0; i < n_numbers; i++) moments->cross_products[i] += other->cross_products[i];
        for (size_t column = 0; column < (size_t)moments->width; column++)
            *block_at(moments, 0, column) =
                move_mean(&moments->mean[column], other->mean[column], moments->n_rows, other->n_rows);
        add_cross_products(moments, 1);
        moments->n_rows += other->n_rows;
    }
    return pom_moments_add(moments, other->pending, (size_t)other->n_pending, err);
}

enum pom_status pomi_moments_completed(struct pom_moments **completed, const struct pom_moments *moments,
                                       struct pom_error *err)
{
    POMI_TRY(pom_moments_new(completed, moments->width, err));
    POMI_TRY(pom_moments_merge(*completed, moments, err)); /* into empty moments: a copy, to the last bit */
    struct pom_moments *copy = *completed;
    if (copy->n_pending > 0) add_block(copy, copy->pending, (size_t)copy->n_pending);
    copy->n_pending = 0;
    return POM_OK;
}
