// SPDX-License-Identifier: Apache-2.0
/*
 * The numerical kernels and their run-time choice.
 *
 * A kernel set is one table of functions compiled for one instruction set: the layers of a network, in tables
 * of their own by number format (layers.h), resizing, and sums of products. Every set computes the same bytes.
 * In fp32 each output element is one chain of fused multiply-adds, bias first, then the products in ascending
 * order (kernel row, kernel column, input channel). Kernels take pointers, sizes and strides; they never
 * allocate and never read past what is described here. README.md beside this file explains layout, packing and
 * tiles.
 */
#ifndef POMK_KERNELS_H
#define POMK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/layers.h"

#define POMK_ALIGN_BYTES 64
#define POMK_F64_PANEL   8

/*
 * Resampling in fixed point, as Pillow computes it. A weighed byte is
 *     (HALF + sum over t of weights[t] * byte[t]) >> BITS, clipped to 0..255
 * in 32-bit integers, so the order of the sum is free and every set gives the same bytes.
 */
#define POMK_RESAMPLE_BITS       22
#define POMK_RESAMPLE_HALF       (1 << (POMK_RESAMPLE_BITS - 1))
#define POMK_RESAMPLE_STRIP_ROWS 16 /* rows that are worked on together when going along columns */

/* Every row of an RGB image to another width: output pixel x weighs the n_weights[x] input pixels from
 * firsts[x] on. */
struct pomk_resample_columns {
    const uint8_t *input;
    ptrdiff_t input_stride; /* bytes from row to row, as below */
    int in_width_px;
    int n_rows;
    uint8_t *output; /* may not overlap the input */
    ptrdiff_t output_stride;
    int out_width_px;
    const int32_t *firsts;    /* [out_width_px] */
    const int32_t *n_weights; /* [out_width_px] */
    const int32_t *weights;   /* [out_width_px][max_weights] */
    int max_weights;
    uint8_t *scratch; /* [in_width_px + out_width_px][3][STRIP_ROWS] */
};

/* The number formats in which a set computes networks: fp32, and integers of at most 16 and 8 bits. */
enum pomk_format { POMK_F32, POMK_I16, POMK_I8, POMK_N_FORMATS };

struct pomk_kernels {
    const char *name;
    int vector_lanes; /* floats in a register */
    const struct pomk_layers *layers[POMK_N_FORMATS];

    void (*resample_columns)(const struct pomk_resample_columns *pass);
    /* One output row of n_bytes, weighed from n_weights input rows that are input_stride bytes apart. */
    void (*resample_rows)(uint8_t *output, const uint8_t *input, ptrdiff_t input_stride,
                          const int32_t *weights, int n_weights, size_t n_bytes);

    /*
     * Moments and projections. A *panel* of doubles is eight neighbouring columns of a matrix, [depth][8].
     * sums[8][8] += sum over d of a[d] (a column) times b[d] (a row): the sum over d starts from zero, goes
     * in ascending order, rounds each product and each addition, and is then added to `sums`.
     */
    void (*add_products)(double *sums, const double *a, const double *b, size_t depth);

    /*
     * Runs fused multiply-adds on registers alone, the limit against which `pomona bench` shows all else.
     * Returns how many it did (one per lane); *result keeps the compiler honest.
     */
    double (*fma_peak)(long n_rounds, float *result);
};

extern const struct pomk_kernels pomk_kernels_scalar;
extern const struct pomk_kernels pomk_kernels_avx2;
extern const struct pomk_kernels pomk_kernels_avxvnni; /* AVX2 with VNNI */
extern const struct pomk_kernels pomk_kernels_avx512;
extern const struct pomk_kernels pomk_kernels_avx512vnni;
extern const struct pomk_kernels pomk_kernels_neon;    /* aarch64 */
extern const struct pomk_kernels pomk_kernels_neondot; /* with the dot product of ARMv8.2 */

/* The tables that more than one set shares. */
extern const struct pomk_layers pomk_f32_scalar, pomk_f32_avx2, pomk_f32_avx512, pomk_f32_neon;
extern const struct pomk_layers pomk_words_scalar, pomk_words_avx2, pomk_words_avxvnni, pomk_words_avx512,
    pomk_words_avx512vnni, pomk_words_neon;
extern const struct pomk_layers pomk_bytes_avxvnni, pomk_bytes_avx512vnni, pomk_bytes_neondot;

/*
 * The best set that this CPU runs and `limit` allows: NULL or "auto" for no limit, else the name of a set. A limit above
 * what the CPU has gives the best it has. NULL for an unknown name.
 */
const struct pomk_kernels *pomk_choose(const char *limit);

/* All sets of this build, whether this CPU runs them or not, slowest first, for messages: "scalar, avx2, ...". */
const char *pomk_set_names(void);

/* The number of panels of doubles that n columns take. */
static inline size_t pomk_f64_panels(size_t n_columns)
{
    return (n_columns + POMK_F64_PANEL - 1) / POMK_F64_PANEL;
}

/* Fills `list` with the sets that this CPU runs, slowest first, and returns their number. */
#define POMK_MAX_SETS 8
int pomk_list(const struct pomk_kernels *list[POMK_MAX_SETS]);

#endif
