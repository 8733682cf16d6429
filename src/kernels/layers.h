// SPDX-License-Identifier: Apache-2.0
/*
 * The kernels that a network's layers are made of, in one number format: what the engine calls.
 *
 * A format is how values are stored and multiplied; `struct pomk_layers` is the table of its kernels for one
 * instruction set, with the sizes that the engine needs to lay out memory for it. Formats differ in nothing
 * else, so one plan and one walk through the network serve them all.
 *
 * Words. A *block* is `block_channels` neighbouring channels of one pixel. A tensor is [n_channels /
 * block_channels rounded up][height][width][block_channels]; lanes beyond n_channels hold unspecified values
 * that never reach a real lane. A *panel* is a group of output channels that one call computes. A *dword* is
 * what a multiplication takes from a pixel at a time: 32 bits, `dword_channels` channels. All strides are
 * counted in elements.
 */
#ifndef POMK_LAYERS_H
#define POMK_LAYERS_H

#include <stddef.h>
#include <stdint.h>

/* Applied last, after the residual: relu is 0 > x ? 0 : x, relu6 then 6 < x ? 6 : x. NaN stays NaN. */
enum pomk_activation { POMK_ACTIVATION_NONE, POMK_ACTIVATION_RELU, POMK_ACTIVATION_RELU6 };

/*
 * From an integer sum to what is stored. A channel's result is
 *     sum * multiplier, rounded to the nearest integer, halves to even, saturated to 16 bits;
 *     plus the residual, saturated again; then no lower than `low` and no higher than `high`
 * where the sum becomes a float, the product a float, and the result an integer, each with one rounding. It is
 * stored as it is, or as the *fine* form of a value that those who multiply read in a *coarse* form:
 *     fine * coarse_multiplier, rounded as above; plus coarse_zero; no lower than 0, no higher than coarse_high.
 * Where elements are bytes, a result of one form has low = 0 and high = 255.
 */
struct pomk_requantization {
    const float *multipliers; /* [channels], as written by pack_channels */
    int low, high;
    const float *coarse_multipliers; /* the same, or NULL: there is one form */
    int coarse_zero, coarse_high;
};

/* How the output channels of one convolution are cut into panels: all of whole blocks but the last, which is
 * of whole vectors. */
struct pomk_panels {
    int n_panels;
    int panel_channels;      /* a multiple of the block when there is more than one panel */
    int last_panel_channels; /* 0 < last <= panel_channels */
};

/*
 * One panel of a convolution over a run of neighbouring output pixels.
 * The input value for tap t, channel k and output pixel i is
 *     input[tap_offsets[t] + (k / block) * input_block_stride + k % block + i * pixel_stride]
 * A 1x1 convolution has one tap with offset 0; a 3x3 one has nine. A first convolution over packed RGB rows
 * sets reads_image and has one tap per kernel row, kernel_width * 3 "channels", input_block_stride = block and
 * pixel_stride 3 * stride. Of the last dword all channels are read; its surplus meets weights of zero.
 */
struct pomk_conv {
    const void *input;
    const ptrdiff_t *tap_offsets; /* [n_taps] */
    int n_taps;
    int n_channels; /* input values per tap, any number above 0 */
    ptrdiff_t input_block_stride;
    ptrdiff_t pixel_stride;
    int reads_image; /* the input is a photo's rows, of image elements */

    /* All that follows is the panel's own: channel 0 is the panel's first, which begins a block. */
    int panel_channels;
    const void *weights; /* [n_taps][n_channels in dwords][panel_channels], as written by pack_weights */
    const void *bias; /* [panel_channels], as written by pack_bias: floats, or integers that begin the sum */
    struct pomk_requantization requantization; /* integers */

    /* Block 0 of the result. Integers: of its one form, or of the coarse form; NULL where nobody reads that. */
    void *output;
    int16_t *fine; /* integers: block 0 of the fine form, or NULL */
    ptrdiff_t output_block_stride;
    /* Where each pixel of the run goes, or NULL: one block apart. Lets one run cover rows that have borders. */
    const ptrdiff_t *output_offsets; /* [n_pixels] */
    int continues; /* fp32: the chain starts from what output holds, not from bias: a sum over many k in parts */

    /* NULL, or pixels one block apart; added before the activation. Integers: int16_t, of the result's scale. */
    const void *residual;
    ptrdiff_t residual_block_stride;

    /* What will be needed soon: brought into the second-level cache little by little while this run computes. */
    const void *prefetch;
    size_t prefetch_bytes;
    enum pomk_activation activation; /* fp32 */

    /*
     * NULL, or [panel_channels]: nothing is written to output; each channel's results are added to its sum, a
     * float or an int32_t, in pixel order, which is the first half of a global average pooling.
     */
    void *pooled_sums;
};

/* Depthwise convolution of one block over n_rows output rows. */
struct pomk_depthwise {
    /* [(n_rows - 1) * stride + kernel] input rows, each at the tap (., 0) of output pixel 0 */
    const void *const *rows;
    const void *weights; /* one block of what pack_depthwise wrote */
    const void *bias;    /* [block], as written by pack_bias */
    void *output;
    ptrdiff_t output_row_stride;
    int n_rows;
    int n_pixels; /* output pixels in a row */
    int kernel;   /* taps in each direction */
    int stride;
    enum pomk_activation activation;           /* fp32 */
    struct pomk_requantization requantization; /* integers; one form */
};

/* Max pooling of one block, one output row. Only existing pixels take part: padding never wins. */
struct pomk_max_pool {
    const void *const *rows; /* [n_rows] the existing input rows under the window, at input column 0 */
    int n_rows;
    int width; /* input pixels in a row */
    void *output;
    int n_pixels;
    int kernel;
    int stride;
    int pad_left;
};

/* output = activation(a + b), n_pixels pixels of one block; output may be a or b. */
struct pomk_add {
    const void *a, *b; /* integers: int16_t */
    void *output;      /* as in struct pomk_conv */
    int16_t *fine;
    size_t n_pixels;
    enum pomk_activation activation;           /* fp32 */
    struct pomk_requantization requantization; /* integers; no multipliers: the sum is the result */
};

/*
 * Winograd's convolution F(m x m, 3x3), m = 4 or 2, fp32 alone: 3x3, stride 1, with fewer multiplications. A *tile* is m x m
 * neighbouring output pixels; it reads a patch of (m + 2) x (m + 2) input pixels. Both become (m + 2)^2 *points* by
 * transforms along columns and rows,
 *     points = B' patch B        tile = A' products A
 * and what lies between is a 1x1 convolution for each point (conv, with the tiles as its pixels): the products of
 * point p are the points p of all input channels times weights that pomk_winograd_weights transformed. The bias begins the chain
 * of point (1, 1), from which A spreads it over the tile; other points begin with zero. winograd_template.h
 * has the matrices and the order of operations, which is part of the contract.
 */
static inline int pomk_winograd_points(int tile_px)
{
    return (tile_px + 2) * (tile_px + 2);
}
static inline int pomk_winograd_bias_point(int tile_px)
{
    return tile_px + 3;
}

/* Patches of one block that are neighbours in a row of tiles: each begins tile_px pixels after the one before. */
struct pomk_winograd_patches {
    int tile_px;
    const float *input; /* the first patch's first pixel */
    ptrdiff_t row_stride;
    int n_tiles;
    float *points; /* of each point, point_stride apart, [n_tiles][block] */
    ptrdiff_t point_stride;
};

/* The results of one block for such tiles. */
struct pomk_winograd_tiles {
    int tile_px;
    const float *products; /* as points above, and may have any such stride */
    ptrdiff_t product_stride;
    float *output; /* the first tile's first pixel */
    ptrdiff_t row_stride;
    /* Output pixels that exist: at most tile_px rows, and columns up to within the last tile. */
    int height, width;
    const float *residual; /* NULL, or added before the activation */
    ptrdiff_t residual_row_stride;
    enum pomk_activation activation;
};

/* The kernels of one number format. */
struct pomk_layers {
    size_t element_bytes;       /* of a value in a tensor */
    size_t fine_element_bytes;  /* of a residual's, or of the fine form */
    size_t image_element_bytes; /* of a value in the photo's converted rows */
    int block_channels;
    const char *tiles; /* for people: the largest convolution tiles, pixels x vectors */

    /*
     * Weights: panels for a number of output channels, and the packed size and form of OHWI weights
     * [n_outputs][n_taps][n_channels]: floats, or int16_t in all integer formats. They are padded with zeros to
     * whole vectors and dwords. Values of channels, 32 bits each, are packed in the panels' order and padded too.
     */
    struct pomk_panels (*choose_panels)(int n_outputs);
    size_t (*packed_bytes)(int n_outputs, int n_taps, int n_channels, int reads_image);
    void (*pack_weights)(void *packed, const void *weights, int n_outputs, int n_taps, int n_channels,
                         int reads_image);
    void (*pack_channels)(void *packed, const void *values, int n_channels);
    /*
     * The same for biases of a layer with weights [n_channels][n_weights]. Kernels that multiply values less a constant,
     * because their instructions want signed bytes, find there what that takes off the sums.
     */
    void (*pack_bias)(void *packed, const void *bias, const void *weights, int n_channels, int n_weights,
                      int reads_image);
    /* Depthwise weights [n_channels][kernel][kernel], block by block. */
    size_t (*packed_depthwise_bytes)(int n_channels, int kernel);
    void (*pack_depthwise)(void *packed, const void *weights, int n_channels, int kernel);

    void (*conv)(const struct pomk_conv *conv, int n_pixels);
    void (*depthwise)(const struct pomk_depthwise *depthwise);
    /* NULL in integers, whose sums have no room for the transforms. */
    void (*winograd_patches)(const struct pomk_winograd_patches *patches);
    void (*winograd_products)(const struct pomk_conv *conv,
                              int n_tiles); /* conv, so that its time can be told apart */
    void (*winograd_tiles)(const struct pomk_winograd_tiles *tiles);
    void (*max_pool)(const struct pomk_max_pool *max_pool);
    void (*add)(const struct pomk_add *add);
    /*
     * A photo's bytes to a network's values, i < n: in fp32 output[i] = bytes[i] * scale[i % 3] + shift[i % 3],
     * fused; in integers the same in int16_t, scale and shift being integers. No pointer needs an alignment.
     */
    void (*convert_bytes)(void *output, const uint8_t *bytes, size_t n, const float scale[3],
                          const float shift[3]);
    /* sums[block] += the pixels' values, in ascending order. */
    void (*sum_pixels)(void *sums, const void *input, size_t n_pixels);
    /*
     * features[c] = (sums[c] - shift) * scales[c], c < n: the other half of a global average pooling. Sums lie in the
     * order of pack_channels, scales and features by channel. The shift is the integer formats'.
     */
    void (*average)(float *features, const void *sums, size_t n, const float *scales, int32_t shift);
};

/* Weights of 3x3 kernels, [n_outputs][3][3][n_channels], to [n_outputs][points][n_channels]: G weights G', computed in double
 * and rounded once. */
void pomk_winograd_weights(int tile_px, float *points, const float *weights, int n_outputs, int n_channels);

#endif
