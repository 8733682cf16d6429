// SPDX-License-Identifier: Apache-2.0
/*
 * Convolution of a run of pixels by one panel of output channels: the kernel that does nine tenths of the
 * work, in every number format.
 *
 * A tile keeps n_pixels x n_vectors accumulators in registers. A step loads the panel's n_vectors weights
 * once, broadcasts a dword of each pixel once (one float, two words or four bytes), and multiplies and adds. Tile
 * sizes are compile-time constants (TILES), so the loops over accumulators unroll away; every count from 1
 * pixel to the largest tile exists, which lets a run be cut into equal tiles instead of a large one and a poor
 * remainder.
 *
 * Included once per table of layers, after conv_f32.h, words_conv.h or bytes_conv.h, which say what a step and
 * the end of a tile are:
 *     BLOCK_CHANNELS, DWORD_CHANNELS, element                    of the input
 *     IMAGE_DWORD_CHANNELS, image_element                        the same of a photo's rows
 *     VECTOR_LANES, lanes                                        accumulators of 32 bits
 *     load_lanes, broadcast, broadcast_image, multiply_add, multiply_add_image
 *     start_tile, finish_tile                                    bias to accumulators; accumulators to results
 *     COLUMN_CHANNEL(c)                                          the channel that column c computes
 *     weight, pack_dword                                         unpacked weights; so many of them to a dword
 *     TILES(X), tile_cost[]                                      X(n_vectors, max_pixels): whole vectors of
 * results Input and output of one call do not overlap; residual and output may be the same.
 */
#include "kernels/template.h"

#define LANES_BYTES (VECTOR_LANES * 4)

enum { DENSE, STRIDED, IMAGE, N_VARIANTS };

/* One dword of k: acc[i][j] += value_of_pixel(i) * weights[j]. Weights or values, the fewer stay in registers meanwhile. */
#define CONV_STEP(multiply_add, broadcast, pixel)                                                            \
    {                                                                                                        \
        lanes w[MAX_TILE_VECTORS], x[MAX_TILE_PIXELS];                                                       \
        if (n_pixels < n_vectors) {                                                                          \
            UNROLL                                                                                           \
            for (int i = 0; i < n_pixels; i++) x[i] = broadcast(pixel);                                      \
            UNROLL                                                                                           \
            for (int j = 0; j < n_vectors; j++) {                                                            \
                w[j] = load_lanes(weights + j * LANES_BYTES);                                                \
                UNROLL                                                                                       \
                for (int i = 0; i < n_pixels; i++) acc[i][j] = multiply_add(x[i], w[j], acc[i][j]);          \
            }                                                                                                \
        } else {                                                                                             \
            UNROLL                                                                                           \
            for (int j = 0; j < n_vectors; j++) w[j] = load_lanes(weights + j * LANES_BYTES);                \
            UNROLL                                                                                           \
            for (int i = 0; i < n_pixels; i++) {                                                             \
                x[i] = broadcast(pixel);                                                                     \
                UNROLL                                                                                       \
                for (int j = 0; j < n_vectors; j++) acc[i][j] = multiply_add(x[i], w[j], acc[i][j]);         \
            }                                                                                                \
        }                                                                                                    \
        weights += n_vectors * LANES_BYTES;                                                                  \
    }

/*
 * DENSE: neighbouring pixels are one block apart, so their addresses are constants. Otherwise the distance is
 * known only at run time, and addresses are formed from every fourth pixel's and one, two or three distances.
 */
ALWAYS_INLINE void conv_tile(const int n_pixels, const int n_vectors, const int variant,
                             const struct pomk_conv *conv, const struct tile *tile)
{
    enum { BLOCK_DWORDS = BLOCK_CHANNELS / DWORD_CHANNELS };
    lanes acc[MAX_TILE_PIXELS][MAX_TILE_VECTORS];
    const char *weights = conv->weights, *prefetch = tile->prefetch;
    const ptrdiff_t step = conv->pixel_stride, step3 = 3 * step;

    start_tile(n_pixels, n_vectors, conv, tile, acc);
    for (int tap = 0; tap < conv->n_taps; tap++) {
        if (variant == DENSE) {
            const element *values = tile->input + conv->tap_offsets[tap];
            int k = (conv->n_channels + DWORD_CHANNELS - 1) / DWORD_CHANNELS;
            for (; k >= BLOCK_DWORDS; k -= BLOCK_DWORDS, values += READ_AGAIN(conv->input_block_stride)) {
                for (ptrdiff_t n = READ_AGAIN(tile->prefetch_bytes_per_block); n > 0; n -= LINE_BYTES) {
                    PREFETCH(prefetch);
                    prefetch += LINE_BYTES;
                }
                for (int four = 0; four < BLOCK_DWORDS; four += 4) {
                    UNROLL
                    for (int c = four; c < four + 4; c++)
                        CONV_STEP(multiply_add, broadcast, values + i * BLOCK_CHANNELS + c * DWORD_CHANNELS)
                }
            }
            for (; k > 0; k--, values += DWORD_CHANNELS)
                CONV_STEP(multiply_add, broadcast, values + i * BLOCK_CHANNELS)
        } else if (variant == STRIDED) {
            const element *values = tile->input + conv->tap_offsets[tap];
            int k = (conv->n_channels + DWORD_CHANNELS - 1) / DWORD_CHANNELS;
            for (; k > 0; k -= BLOCK_DWORDS, values += conv->input_block_stride) {
                const element *quad[4] = {values, values + 4 * step, values + 8 * step, values + 12 * step};
                const int n = k < BLOCK_DWORDS ? k : BLOCK_DWORDS;
                for (int c = 0; c < n; c++)
                    CONV_STEP(multiply_add, broadcast,
                              quad[i / 4] + (i % 4 == 3 ? step3 : i % 4 * step) + c * DWORD_CHANNELS)
            }
        } else {
            const image_element *values = tile->image + conv->tap_offsets[tap];
            const image_element *quad[4] = {values, values + 4 * step, values + 8 * step, values + 12 * step};
            const int n = (conv->n_channels + IMAGE_DWORD_CHANNELS - 1) / IMAGE_DWORD_CHANNELS;
            for (int c = 0; c < n; c++)
                CONV_STEP(multiply_add_image, broadcast_image,
                          quad[i / 4] + (i % 4 == 3 ? step3 : i % 4 * step) + c * IMAGE_DWORD_CHANNELS)
        }
    }
    finish_tile(n_pixels, n_vectors, conv, tile, acc);
}

typedef void conv_tile_function(const struct pomk_conv *, const struct tile *);

#define DEFINE_VARIANT(n_vectors, n_pixels, name, variant)                                                   \
    static NEVER_INLINE void conv_##n_pixels##x##n_vectors##_##name(const struct pomk_conv *conv,            \
                                                                    const struct tile *tile)                 \
    {                                                                                                        \
        conv_tile(n_pixels, n_vectors, variant, conv, tile);                                                 \
    }
#define DEFINE_TILE(n_vectors, n_pixels)                                                                     \
    DEFINE_VARIANT(n_vectors, n_pixels, dense, DENSE)                                                        \
    DEFINE_VARIANT(n_vectors, n_pixels, strided, STRIDED)                                                    \
    DEFINE_IMAGE_TILE(n_vectors, n_pixels)

/* Where a photo's rows hold the same elements as tensors, they are strided pixels that happen to overlap. */
#if SEPARATE_IMAGE_TILES
#define DEFINE_IMAGE_TILE(n_vectors, n_pixels) DEFINE_VARIANT(n_vectors, n_pixels, image, IMAGE)
#define NAME_IMAGE_TILE(n_vectors, n_pixels)   conv_##n_pixels##x##n_vectors##_image
#else
#define DEFINE_IMAGE_TILE(n_vectors, n_pixels)
#define NAME_IMAGE_TILE(n_vectors, n_pixels) conv_##n_pixels##x##n_vectors##_strided
#endif
#define NAME_TILE(n_vectors, n_pixels)                                                                       \
    {conv_##n_pixels##x##n_vectors##_dense, conv_##n_pixels##x##n_vectors##_strided,                         \
     NAME_IMAGE_TILE(n_vectors, n_pixels)},

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

/* conv_tiles[n_vectors][n_pixels - 1][variant]; most sets have few of the n_vectors, so each has an array of its own. */
typedef conv_tile_function *const conv_tile_variants[N_VARIANTS];
#define LIST_TILES(n_vectors, max_pixels)                                                                    \
    static conv_tile_variants conv_tiles_##n_vectors[max_pixels] = {                                         \
        FOR_PIXELS_##max_pixels(NAME_TILE, n_vectors)};
TILES(LIST_TILES)
#define NAME_TILES(n_vectors, max_pixels) [n_vectors] = conv_tiles_##n_vectors,
static conv_tile_variants *const conv_tiles[MAX_TILE_VECTORS + 1] = {TILES(NAME_TILES)};

#define MAX_PIXELS(n_vectors, max_pixels) [n_vectors] = max_pixels,
static const int conv_max_pixels[MAX_TILE_VECTORS + 1] = {TILES(MAX_PIXELS)};

#define TILE_TEXT(n_vectors, max_pixels) " " #max_pixels "x" #n_vectors
static const char tile_text[] = TILES(TILE_TEXT);

static void conv(const struct pomk_conv *conv, int n_pixels)
{
    const int n_vectors = conv->panel_channels / VECTOR_LANES, max_pixels = conv_max_pixels[n_vectors];
    const int variant = conv->reads_image ? IMAGE : conv->pixel_stride == BLOCK_CHANNELS ? DENSE : STRIDED;
    int n_tiles = (n_pixels + max_pixels - 1) / max_pixels;
    struct tile tile = {
        .input = conv->input,
        .image = conv->input,
        .residual = conv->residual,
        .output = conv->output,
        .fine = conv->fine,
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
        conv_tiles[n_vectors][n - 1][variant](conv, &tile);
        n_pixels -= n;
        tile.input += n * conv->pixel_stride;
        tile.image += n * conv->pixel_stride;
        if (tile.output_offsets) {
            tile.output_offsets += n;
        } else { /* a null pointer may not move, not even by nothing */
            if (tile.output) tile.output += n * BLOCK_CHANNELS;
            if (tile.fine) tile.fine += n * BLOCK_CHANNELS;
        }
        if (tile.residual) tile.residual = (const residual_element *)tile.residual + n * BLOCK_CHANNELS;
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

/* Dwords that hold n_channels values, in a tensor or in a photo's row. */
ALWAYS_INLINE size_t count_dwords(int n_channels, int reads_image)
{
    const int per_dword = reads_image ? IMAGE_DWORD_CHANNELS : DWORD_CHANNELS;
    return (size_t)((n_channels + per_dword - 1) / per_dword);
}

static int panels_columns(const struct pomk_panels *panels)
{
    return (panels->n_panels - 1) * panels->panel_channels + panels->last_panel_channels;
}

static size_t packed_bytes(int n_outputs, int n_taps, int n_channels, int reads_image)
{
    const struct pomk_panels panels = choose_panels(n_outputs);
    return (size_t)panels_columns(&panels) * (size_t)n_taps * count_dwords(n_channels, reads_image) * 4;
}

/* [n_outputs][n_taps][n_channels] -> for each panel [n_taps][n_channels in dwords][columns] */
static void pack_weights(void *packed, const void *weights_from, int n_outputs, int n_taps, int n_channels,
                         int reads_image)
{
    char *to = packed;
    const weight *weights = weights_from;
    const struct pomk_panels panels = choose_panels(n_outputs);
    const int per_dword = reads_image ? IMAGE_DWORD_CHANNELS : DWORD_CHANNELS;
    for (int p = 0; p < panels.n_panels; p++) {
        const int first = p * panels.panel_channels;
        const int width = p + 1 < panels.n_panels ? panels.panel_channels : panels.last_panel_channels;
        for (int tap = 0; tap < n_taps; tap++)
            for (int k = 0; k < n_channels; k += per_dword)
                for (int column = 0; column < width; column++, to += 4) {
                    const int channel = first + COLUMN_CHANNEL(column);
                    weight values[4] = {0};
                    if (channel < n_outputs)
                        for (int i = 0; i < per_dword && k + i < n_channels; i++)
                            values[i] = weights[((size_t)channel * (size_t)n_taps + (size_t)tap) *
                                                    (size_t)n_channels +
                                                (size_t)(k + i)];
                    pack_dword(to, values, per_dword);
                }
    }
}

static void pack_channels(void *packed, const void *values, int n_channels)
{
    const struct pomk_panels panels = choose_panels(n_channels);
    const int n_columns = panels_columns(&panels);
    uint32_t *to = packed;
    for (int column = 0; column < n_columns; column++) {
        const int channel = COLUMN_CHANNEL(column);
        to[column] = channel < n_channels ? ((const uint32_t *)values)[channel] : 0;
    }
}

static void pack_bias(void *packed, const void *bias, const void *weights, int n_channels, int n_weights,
                      int reads_image)
{
    pack_channels(packed, bias, n_channels);
    if (VALUE_OFFSET == 0 || reads_image) return;
    for (int c = 0; c < n_channels; c++) /* such formats have their columns in the order of channels */
        for (int i = 0; i < n_weights; i++)
            ((int32_t *)packed)[c] +=
                (int32_t)(VALUE_OFFSET * ((const weight *)weights)[(ptrdiff_t)c * n_weights + i]);
}
