// SPDX-License-Identifier: Apache-2.0
/*
 * Convolution of a run of pixels by one panel of output channels: the kernel that does nine tenths of the
 * work.
 *
 * Included once per kernel set, after a vector_*.h. A tile keeps n_pixels x n_vectors accumulators in
 * registers. For every k it loads the panel's n_vectors weights once, broadcasts each pixel's value, and
 * multiplies and adds. Tile sizes are compile-time constants (TILES), so the loops over accumulators unroll
 * away; every count from 1 pixel to the largest tile exists, which lets a run be cut into equal tiles instead
 * of a large one and a poor remainder.
 *
 * The including file defines TILES(X), a list of X(n_vectors, max_pixels) with n_vectors * VECTOR_LANES a
 * multiple of 16 or half of 16, and tile_cost[]. Input and output of one call do not overlap; residual and
 * output may be the same.
 */
#include "kernels/template.h"

#define MAX_TILE_PIXELS  14
#define MAX_TILE_VECTORS 16

/* One tile's share of a call. */
struct tile {
    const float *input, *residual;
    float *output;
    const ptrdiff_t *output_offsets;
    const char *prefetch;
    ptrdiff_t prefetch_bytes_per_block; /* for every 16 k */
};

/* Where vector j of the panel lies within a pixel's channel blocks. */
ALWAYS_INLINE ptrdiff_t vector_offset(int j, ptrdiff_t block_stride)
{
    const int channel = j * VECTOR_LANES;
    return channel / BLOCK_CHANNELS * block_stride + channel % BLOCK_CHANNELS;
}

/* One k: acc[i][j] += value_of_pixel(i) * weights[j]. */
#define CONV_STEP(value_of_pixel)                                                                            \
    {                                                                                                        \
        vector w[MAX_TILE_VECTORS];                                                                          \
        UNROLL                                                                                               \
        for (int j = 0; j < n_vectors; j++) w[j] = vector_load(weights + j * VECTOR_LANES);                  \
        UNROLL                                                                                               \
        for (int i = 0; i < n_pixels; i++) {                                                                 \
            const vector x = vector_set(value_of_pixel);                                                     \
            UNROLL                                                                                           \
            for (int j = 0; j < n_vectors; j++) acc[i][j] = vector_multiply_add(x, w[j], acc[i][j]);         \
        }                                                                                                    \
        weights += n_vectors * VECTOR_LANES;                                                                 \
    }

/*
 * dense: neighbouring pixels are one block apart, so their addresses are constants. Otherwise the distance is
 * known only at run time, and addresses are formed from every fourth pixel's and one, two or three distances.
 */
ALWAYS_INLINE void conv_tile(const int n_pixels, const int n_vectors, const int dense,
                             const struct pomk_conv *conv, const struct tile *tile)
{
    vector acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS];
    const float *weights = conv->weights;
    const char *prefetch = tile->prefetch;
    float *const output = tile->output;
    const ptrdiff_t block_stride = conv->output_block_stride;

    UNROLL
    for (int j = 0; j < n_vectors; j++) {
        const vector bias = vector_load((const float *)conv->bias + j * VECTOR_LANES);
        UNROLL
        for (int i = 0; i < n_pixels; i++) acc[i][j] = bias;
    }
    if (conv->continues) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            const float *from = output + vector_offset(j, block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++) acc[i][j] = vector_load(from + i * BLOCK_CHANNELS);
        }
    }

    const ptrdiff_t step = conv->pixel_stride, step3 = 3 * step;
    for (int tap = 0; tap < conv->n_taps; tap++) {
        const float *values = tile->input + conv->tap_offsets[tap];
        int k = conv->n_channels;
        if (dense) {
            for (; k >= BLOCK_CHANNELS; k -= BLOCK_CHANNELS, values += conv->input_block_stride) {
                for (ptrdiff_t n = tile->prefetch_bytes_per_block; n > 0; n -= LINE_BYTES) {
                    PREFETCH(prefetch);
                    prefetch += LINE_BYTES;
                }
                UNROLL_4
                for (int c = 0; c < BLOCK_CHANNELS; c++) CONV_STEP(values[i * BLOCK_CHANNELS + c])
            }
            for (; k > 0; k--, values++) CONV_STEP(values[i * BLOCK_CHANNELS])
        } else {
            for (; k > 0; k -= BLOCK_CHANNELS, values += conv->input_block_stride) {
                const float *quad[4] = {values, values + 4 * step, values + 8 * step, values + 12 * step};
                const int n = k < BLOCK_CHANNELS ? k : BLOCK_CHANNELS;
                for (int c = 0; c < n; c++) CONV_STEP(quad[i / 4][(i % 4 == 3 ? step3 : i % 4 * step) + c])
            }
        }
    }

    if (tile->residual) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            const float *from = tile->residual + vector_offset(j, conv->residual_block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++)
                acc[i][j] = vector_add(acc[i][j], vector_load(from + i * BLOCK_CHANNELS));
        }
    }
    if (conv->activation != POMK_ACTIVATION_NONE) {
        const vector zero = vector_set(0.0f);
        UNROLL
        for (int i = 0; i < n_pixels; i++) {
            UNROLL
            for (int j = 0; j < n_vectors; j++) acc[i][j] = vector_greater(zero, acc[i][j]);
        }
        if (conv->activation == POMK_ACTIVATION_RELU6) {
            const vector six = vector_set(6.0f);
            UNROLL
            for (int i = 0; i < n_pixels; i++) {
                UNROLL
                for (int j = 0; j < n_vectors; j++) acc[i][j] = vector_smaller(six, acc[i][j]);
            }
        }
    }

    if (conv->pooled_sums) {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            float *to = (float *)conv->pooled_sums + j * VECTOR_LANES;
            vector sum = vector_load(to);
            UNROLL
            for (int i = 0; i < n_pixels; i++) sum = vector_add(sum, acc[i][j]);
            vector_store(to, sum);
        }
    } else if (tile->output_offsets) {
        UNROLL
        for (int i = 0; i < n_pixels; i++) {
            float *to = output + tile->output_offsets[i];
            UNROLL
            for (int j = 0; j < n_vectors; j++) vector_store(to + vector_offset(j, block_stride), acc[i][j]);
        }
    } else {
        UNROLL
        for (int j = 0; j < n_vectors; j++) {
            float *to = output + vector_offset(j, block_stride);
            UNROLL
            for (int i = 0; i < n_pixels; i++) vector_store(to + i * BLOCK_CHANNELS, acc[i][j]);
        }
    }
}

typedef void conv_tile_function(const struct pomk_conv *, const struct tile *);

#define DEFINE_TILE(n_vectors, n_pixels)                                                                     \
    static NEVER_INLINE void conv_##n_pixels##x##n_vectors##_dense(const struct pomk_conv *conv,             \
                                                                   const struct tile *tile)                  \
    {                                                                                                        \
        conv_tile(n_pixels, n_vectors, 1, conv, tile);                                                       \
    }                                                                                                        \
    static NEVER_INLINE void conv_##n_pixels##x##n_vectors##_strided(const struct pomk_conv *conv,           \
                                                                     const struct tile *tile)                \
    {                                                                                                        \
        conv_tile(n_pixels, n_vectors, 0, conv, tile);                                                       \
    }
#define NAME_TILE(n_vectors, n_pixels)                                                                       \
    {conv_##n_pixels##x##n_vectors##_dense, conv_##n_pixels##x##n_vectors##_strided},

/* FOR_PIXELS_n(DO, v): DO(v, 1) DO(v, 2) ... DO(v, n) */
#define FOR_PIXELS_1(DO, v)  DO(v, 1)
#define FOR_PIXELS_2(DO, v)  FOR_PIXELS_1(DO, v) DO(v, 2)
#define FOR_PIXELS_3(DO, v)  FOR_PIXELS_2(DO, v) DO(v, 3)
#define FOR_PIXELS_4(DO, v)  FOR_PIXELS_3(DO, v) DO(v, 4)
#define FOR_PIXELS_5(DO, v)  FOR_PIXELS_4(DO, v) DO(v, 5)
#define FOR_PIXELS_6(DO, v)  FOR_PIXELS_5(DO, v) DO(v, 6)
#define FOR_PIXELS_7(DO, v)  FOR_PIXELS_6(DO, v) DO(v, 7)
#define FOR_PIXELS_8(DO, v)  FOR_PIXELS_7(DO, v) DO(v, 8)
#define FOR_PIXELS_9(DO, v)  FOR_PIXELS_8(DO, v) DO(v, 9)
#define FOR_PIXELS_10(DO, v) FOR_PIXELS_9(DO, v) DO(v, 10)
#define FOR_PIXELS_11(DO, v) FOR_PIXELS_10(DO, v) DO(v, 11)
#define FOR_PIXELS_12(DO, v) FOR_PIXELS_11(DO, v) DO(v, 12)
#define FOR_PIXELS_13(DO, v) FOR_PIXELS_12(DO, v) DO(v, 13)
#define FOR_PIXELS_14(DO, v) FOR_PIXELS_13(DO, v) DO(v, 14)

#define DEFINE_TILES(n_vectors, max_pixels) FOR_PIXELS_##max_pixels(DEFINE_TILE, n_vectors)
TILES(DEFINE_TILES)

/* conv_tiles[n_vectors][n_pixels - 1][dense ? 0 : 1] */
#define NAME_TILES(n_vectors, max_pixels) [n_vectors] = {FOR_PIXELS_##max_pixels(NAME_TILE, n_vectors)},
static conv_tile_function *const conv_tiles[MAX_TILE_VECTORS + 1][MAX_TILE_PIXELS][2] = {TILES(NAME_TILES)};

#define MAX_PIXELS(n_vectors, max_pixels) [n_vectors] = max_pixels,
static const int conv_max_pixels[MAX_TILE_VECTORS + 1] = {TILES(MAX_PIXELS)};

#define TILE_TEXT(n_vectors, max_pixels) " " #max_pixels "x" #n_vectors
static const char tile_text[] = TILES(TILE_TEXT);

static void conv(const struct pomk_conv *conv, int n_pixels)
{
    const int n_vectors = conv->panel_channels / VECTOR_LANES, max_pixels = conv_max_pixels[n_vectors];
    const int strided = conv->pixel_stride != BLOCK_CHANNELS;
    int n_tiles = (n_pixels + max_pixels - 1) / max_pixels;
    struct tile tile = {
        .input = conv->input,
        .residual = conv->residual,
        .output = conv->output,
        .output_offsets = conv->output_offsets,
        .prefetch = conv->prefetch,
    };
    ptrdiff_t prefetch_per_tile = 0;
    if (conv->prefetch) {
        const ptrdiff_t n_blocks = (ptrdiff_t)conv->n_taps * (conv->n_channels / BLOCK_CHANNELS);
        tile.prefetch_bytes_per_block = (ptrdiff_t)conv->prefetch_bytes / (n_blocks * n_tiles + 1) + 1;
        prefetch_per_tile = (ptrdiff_t)conv->prefetch_bytes / n_tiles;
    }
    for (; n_tiles > 0; n_tiles--) {
        const int n = n_pixels / n_tiles;
        conv_tiles[n_vectors][n - 1][strided](conv, &tile);
        n_pixels -= n;
        tile.input += n * conv->pixel_stride;
        if (tile.output_offsets)
            tile.output_offsets += n;
        else if (tile.output) /* a null pointer may not move, not even by nothing */
            tile.output += n * BLOCK_CHANNELS;
        if (tile.residual) tile.residual += n * BLOCK_CHANNELS;
        if (tile.prefetch) tile.prefetch += prefetch_per_tile;
    }
}

/*
 * The panel width with the least estimated time for n_outputs channels. All panels but the last are whole
 * blocks. tile_cost[n_vectors] is the measured time of one multiply-add at that width, relative to the best:
 * narrow tiles spend more on loads. The last panel may be narrower.
 */
static struct pomk_panels choose_panels(int n_outputs)
{
    const int n_vectors = (n_outputs + VECTOR_LANES - 1) / VECTOR_LANES;
    struct pomk_panels best = {0, 0, 0};
    double best_cost = 0;
    for (int width = 1; width <= MAX_TILE_VECTORS; width++) {
        if (conv_max_pixels[width] == 0) continue;
        const int n_panels = (n_vectors + width - 1) / width;
        if (n_panels > 1 && width * VECTOR_LANES % BLOCK_CHANNELS != 0) continue;
        int last = n_vectors - (n_panels - 1) * width;
        while (conv_max_pixels[last] == 0) last++; /* ends at width */
        const double cost = (n_panels - 1) * width * tile_cost[width] + last * tile_cost[last];
        if (best.n_panels == 0 || cost < best_cost) {
            best = (struct pomk_panels){n_panels, width * VECTOR_LANES, last * VECTOR_LANES};
            best_cost = cost;
        }
    }
    return best;
}

static size_t packed_bytes(int n_outputs, int n_taps, int n_channels)
{
    const struct pomk_panels panels = choose_panels(n_outputs);
    const int n_padded = (panels.n_panels - 1) * panels.panel_channels + panels.last_panel_channels;
    return (size_t)n_padded * (size_t)n_taps * (size_t)n_channels * sizeof(float);
}

/* [n_outputs][n_taps * n_channels] -> for each panel [n_taps * n_channels][panel_channels] */
static void pack_weights(void *packed_to, const void *weights_from, int n_outputs, int n_taps, int n_channels)
{
    float *packed = packed_to;
    const float *weights = weights_from;
    const struct pomk_panels panels = choose_panels(n_outputs);
    const size_t n_k = (size_t)n_taps * (size_t)n_channels;
    for (int p = 0; p < panels.n_panels; p++) {
        const int first = p * panels.panel_channels;
        const int width = p + 1 < panels.n_panels ? panels.panel_channels : panels.last_panel_channels;
        for (size_t k = 0; k < n_k; k++)
            for (int c = 0; c < width; c++)
                *packed++ = first + c < n_outputs ? weights[(size_t)(first + c) * n_k + k] : 0.0f;
    }
}
