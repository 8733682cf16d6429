// SPDX-License-Identifier: Apache-2.0
/*
 * The numerical kernels and their run-time choice.
 *
 * A kernel set is one table of functions compiled for one instruction set. Every set computes the same bytes:
 * each output element is one chain of fused multiply-adds, bias first, then the products in ascending order
 * (kernel row, kernel column, input channel). Kernels take pointers, sizes and strides; they never allocate
 * and never read past what is described here. README.md beside this file explains layout, packing and tiles.
 *
 * Words. A *block* is 16 neighbouring channels of one pixel, 64 bytes, 64-byte aligned. A tensor is
 * [n_channels / 16 rounded up][height][width][16]; lanes beyond n_channels hold unspecified values that never
 * reach a real lane. A *panel* is a group of output channels that one call computes. All strides are counted
 * in floats.
 */
#ifndef POMK_KERNELS_H
#define POMK_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#define POMK_BLOCK_CHANNELS 16
#define POMK_ALIGN_BYTES    64
#define POMK_F64_PANEL      8

/* Applied last, after the residual: relu is 0 > x ? 0 : x, relu6 then 6 < x ? 6 : x. NaN stays NaN. */
enum pomk_activation { POMK_ACTIVATION_NONE, POMK_ACTIVATION_RELU, POMK_ACTIVATION_RELU6 };

/* How the output channels of one convolution are cut into panels: all of whole blocks, the last may be half a
 * block. */
struct pomk_panels {
    int n_panels;
    int panel_channels;      /* a multiple of 16 when there is more than one panel, else of 8 */
    int last_panel_channels; /* a multiple of 8, 0 < last <= panel_channels */
};

/*
 * One panel of a convolution over a run of neighbouring output pixels.
 * The input value for tap t, channel k and output pixel i is
 *     input[tap_offsets[t] + (k / 16) * input_block_stride + k % 16 + i * pixel_stride]
 * A 1x1 convolution has one tap with offset 0; a 3x3 one has nine. A first convolution over packed RGB rows
 * has one tap per kernel row, kernel_width * 3 "channels", input_block_stride 16 and pixel_stride 3 * stride.
 */
struct pomk_conv {
    const float *input;
    const ptrdiff_t *tap_offsets; /* [n_taps] */
    int n_taps;
    int n_channels; /* input values per tap, any number above 0 */
    ptrdiff_t input_block_stride;
    ptrdiff_t pixel_stride;

    /* All that follows is the panel's own: channel 0 is the panel's first, which begins a block. */
    int panel_channels;
    const float *weights; /* [n_taps][n_channels][panel_channels], as written by pack_weights */
    const float *bias;    /* [panel_channels] */

    float *output; /* block 0 */
    ptrdiff_t output_block_stride;
    /* Where each pixel of the run goes, or NULL: 16 floats apart. Lets one run cover rows that have borders.
     */
    const ptrdiff_t *output_offsets; /* [n_pixels] */
    int continues; /* the chain starts from what output holds, not from bias: a sum over many k in parts */

    const float *residual; /* NULL, or pixels 16 floats apart; added before the activation */
    ptrdiff_t residual_block_stride;

    /* What will be needed soon: brought into the second-level cache little by little while this run computes.
     */
    const float *prefetch;
    size_t prefetch_floats;
    enum pomk_activation activation;

    /*
     * NULL, or [panel_channels]: nothing is written to output; each channel's results are added to its sum in
     * pixel order, which is the first half of a global average pooling.
     */
    float *pooled_sums;
};

/* Depthwise convolution of one block over n_rows output rows. */
struct pomk_depthwise {
    const float *const
        *rows; /* [(n_rows - 1) * stride + kernel] input rows, each at the tap (., 0) of output pixel 0 */
    const float *weights; /* [kernel * kernel][16] */
    const float *bias;    /* [16] */
    float *output;
    ptrdiff_t output_row_stride;
    int n_rows;
    int n_pixels; /* output pixels in a row */
    int kernel;   /* taps in each direction */
    int stride;
    enum pomk_activation activation;
};

/* Max pooling of one block, one output row. Only existing pixels take part: padding never wins. */
struct pomk_max_pool {
    const float *const *rows; /* [n_rows] the existing input rows under the window, at input column 0 */
    int n_rows;
    int width; /* input pixels in a row */
    float *output;
    int n_pixels;
    int kernel;
    int stride;
    int pad_left;
};

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

struct pomk_kernels {
    const char *name;
    int vector_lanes;
    const char *tiles; /* for people: the largest convolution tiles, pixels x vectors */

    /*
     * Weights: panels for a number of output channels, and the packed size and form of OHWI weights
     * [n_outputs][n_taps][n_channels]. Rows are padded with zeros to whole vectors.
     */
    struct pomk_panels (*choose_panels)(int n_outputs);
    size_t (*packed_floats)(int n_outputs, int n_taps, int n_channels);
    void (*pack_weights)(float *packed, const float *weights, int n_outputs, int n_taps, int n_channels);

    void (*conv)(const struct pomk_conv *conv, int n_pixels);
    void (*depthwise)(const struct pomk_depthwise *depthwise);
    void (*max_pool)(const struct pomk_max_pool *max_pool);
    /* output = activation(a + b), n_pixels blocks; output may be a or b. */
    void (*add)(float *output, const float *a, const float *b, size_t n_pixels,
                enum pomk_activation activation);
    /*
     * A photo's bytes to a network's values: output[i] = bytes[i] * scale[i % 3] + shift[i % 3], fused, i < n. Neither
     * pointer needs an alignment.
     */
    void (*convert_bytes)(float *output, const uint8_t *bytes, size_t n, const float scale[3],
                          const float shift[3]);
    /* sums[16] += the pixels' values, in ascending order. */
    void (*sum_pixels)(float *sums, const float *input, size_t n_pixels);

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
extern const struct pomk_kernels pomk_kernels_avx512;

/*
 * The best set that this CPU runs and `limit` allows: NULL or "auto" for no limit, else "scalar", "avx2",
 * "avx512". A limit above what the CPU has gives the best it has. NULL for an unknown name.
 */
const struct pomk_kernels *pomk_choose(const char *limit);

/* The number of panels of doubles that n columns take. */
static inline size_t pomk_f64_panels(size_t n_columns)
{
    return (n_columns + POMK_F64_PANEL - 1) / POMK_F64_PANEL;
}

/* Fills `list` with the sets that this CPU runs, slowest first, and returns their number. */
#define POMK_MAX_SETS 8
int pomk_list(const struct pomk_kernels *list[POMK_MAX_SETS]);

#endif
