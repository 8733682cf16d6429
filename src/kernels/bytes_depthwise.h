// SPDX-License-Identifier: Apache-2.0
/*
 * Depthwise convolution of one block in bytes. A multiplication takes a dword: here four neighbouring pixels of
 * one channel, so four pixels of sixteen channels are turned on their side. With weights (w0 w1 w2 0) they give
 * the first pixel's output of a 3x3 kernel, with (0 w0 w1 w2) the next one's. DEPTHWISE_COLUMNS, a multiple of 2, is the
 * width of a tile.
 *
 * Packed weights of a block: [row][four columns at a time][channel][4], then for kernels of up to three columns
 * [row][channel][4] moved by one pixel.
 */
enum { BLOCK_WEIGHTS_BYTES = BLOCK_CHANNELS * 4 };

ALWAYS_INLINE int count_groups(int kernel)
{
    return (kernel + 3) / 4;
}

static size_t packed_depthwise_bytes(int n_channels, int kernel)
{
    const size_t n_blocks = ((size_t)n_channels + BLOCK_CHANNELS - 1) / BLOCK_CHANNELS;
    return n_blocks * (size_t)(kernel * count_groups(kernel) + (kernel <= 3 ? kernel : 0)) *
           BLOCK_WEIGHTS_BYTES;
}

static void pack_depthwise(void *packed, const void *weights, int n_channels, int kernel)
{
    const int16_t *from = weights;
    int8_t *to = packed;
    for (int block = 0; block < n_channels; block += BLOCK_CHANNELS)
        for (int moved = 0; moved < (kernel <= 3 ? 2 : 1); moved++)
            for (int row = 0; row < kernel; row++)
                for (int x = -moved; x < kernel; x += 4)
                    for (int c = block; c < block + BLOCK_CHANNELS; c++)
                        for (int i = x; i < x + 4; i++)
                            *to++ = c < n_channels && i >= 0 && i < kernel
                                        ? (int8_t)from[(c * kernel + row) * kernel + i]
                                        : 0;
}

/* A dword of each channel of a block, of pixels or of weights. */
struct turned {
    lanes vectors[BLOCK_VECTORS];
};

ALWAYS_INLINE struct turned load_turned(const element *p, const int n)
{
    struct turned pixels;
    turn(pixels.vectors, p, n);
    return pixels;
}

ALWAYS_INLINE struct turned load_block(const void *p)
{
    struct turned values;
    UNROLL
    for (int v = 0; v < BLOCK_VECTORS; v++)
        values.vectors[v] = load_lanes((const int32_t *)p + v * VECTOR_LANES);
    return values;
}

ALWAYS_INLINE void accumulate(struct turned *acc, const struct turned *pixels, const struct turned *weights)
{
    UNROLL
    for (int v = 0; v < BLOCK_VECTORS; v++)
        acc->vectors[v] = multiply_add(pixels->vectors[v], weights->vectors[v], acc->vectors[v]);
}

/* GROUP_PIXELS sums to bytes. */
ALWAYS_INLINE byte_group finish_group(const struct turned *acc, const float *multipliers)
{
    lanes group[4];
    UNROLL
    for (int r = 0; r < 4; r++)
        group[r] = scale(acc[r / BLOCK_VECTORS].vectors[r % BLOCK_VECTORS],
                         multipliers + r % BLOCK_VECTORS * VECTOR_LANES);
    return pack_words(pack(group[0], group[1]), pack(group[2], group[3]));
}

/* n_rows x DEPTHWISE_COLUMNS outputs of a 3x3 kernel; two rows only at stride 1. */
ALWAYS_INLINE void depthwise_tile(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const element *const *rows, ptrdiff_t x, const struct turned *weights,
                                  const struct turned *moved, const struct turned *bias, element *output)
{
    struct turned acc[2][DEPTHWISE_COLUMNS];
    UNROLL
    for (int i = 0; i < n_rows * DEPTHWISE_COLUMNS; i++)
        acc[i / DEPTHWISE_COLUMNS][i % DEPTHWISE_COLUMNS] = *bias;
    UNROLL
    for (int y = 0; y < n_rows + 2; y++) {
        if (stride == 1) {
            UNROLL
            for (int c = 0; c < DEPTHWISE_COLUMNS; c += 2) {
                const struct turned pixels = load_turned(rows[y] + (x + c) * BLOCK_CHANNELS, 4);
                UNROLL
                for (int r = 0; r < n_rows; r++) {
                    if (y - r < 0 || y - r > 2) continue;
                    accumulate(&acc[r][c], &pixels, &weights[y - r]);
                    accumulate(&acc[r][c + 1], &pixels, &moved[y - r]);
                }
            }
        } else {
            UNROLL
            for (int c = 0; c < DEPTHWISE_COLUMNS; c++) {
                const struct turned pixels = load_turned(rows[y] + (x + c) * stride * BLOCK_CHANNELS, 3);
                accumulate(&acc[0][c], &pixels, &weights[y]);
            }
        }
    }
    UNROLL
    for (int r = 0; r < n_rows; r++) {
        UNROLL
        for (int c = 0; c < DEPTHWISE_COLUMNS; c += GROUP_PIXELS)
            bytes_store_anywhere(output + r * d->output_row_stride + (x + c) * BLOCK_CHANNELS,
                                 finish_group(&acc[r][c], d->requantization.multipliers));
    }
}

/* The last tile begins where it still ends within the row. */
ALWAYS_INLINE void depthwise_rows(const int n_rows, const int stride, const struct pomk_depthwise *d,
                                  const element *const *rows, element *output)
{
    const struct turned bias = load_block(d->bias);
    struct turned weights[3], moved[3];
    UNROLL
    for (int i = 0; i < 3; i++) {
        weights[i] = load_block((const char *)d->weights + i * BLOCK_WEIGHTS_BYTES);
        moved[i] = load_block((const char *)d->weights + (3 + i) * BLOCK_WEIGHTS_BYTES);
    }
    for (ptrdiff_t x = 0; x < d->n_pixels; x += DEPTHWISE_COLUMNS)
        depthwise_tile(n_rows, stride, d, rows,
                       x + DEPTHWISE_COLUMNS <= d->n_pixels ? x : d->n_pixels - DEPTHWISE_COLUMNS, weights,
                       moved, &bias, output);
}

/* Any kernel size and stride, and rows of few pixels. */
static void depthwise_row(const struct pomk_depthwise *d, const element *const *rows, element *output)
{
    for (ptrdiff_t x = 0; x < d->n_pixels; x++) {
        struct turned acc[GROUP_PIXELS];
        UNROLL
        for (int i = 0; i < GROUP_PIXELS; i++) acc[i] = load_block(d->bias);
        const char *weights = d->weights;
        for (int row = 0; row < d->kernel; row++)
            for (int k = 0; k < d->kernel; k += 4, weights += BLOCK_WEIGHTS_BYTES) {
                const struct turned pixels = load_turned(rows[row] + (x * d->stride + k) * BLOCK_CHANNELS,
                                                         d->kernel - k < 4 ? d->kernel - k : 4),
                                    taps = load_block(weights);
                accumulate(&acc[0], &pixels, &taps);
            }
        block_store(output + x * BLOCK_CHANNELS,
                    bytes_block(finish_group(acc, d->requantization.multipliers), 0));
    }
}

static void depthwise(const struct pomk_depthwise *d)
{
    const element *const *rows = (const element *const *)d->rows;
    element *output = d->output;
    const int tiled = d->kernel == 3 && d->n_pixels >= DEPTHWISE_COLUMNS;
    int row = 0;
    if (tiled && d->stride == 1)
        for (; row + 2 <= d->n_rows; row += 2)
            depthwise_rows(2, 1, d, rows + row, output + row * d->output_row_stride);
    for (; row < d->n_rows; row++) {
        const element *const *from = rows + row * d->stride;
        element *to = output + row * d->output_row_stride;
        if (tiled && d->stride == 1)
            depthwise_rows(1, 1, d, from, to);
        else if (tiled && d->stride == 2)
            depthwise_rows(1, 2, d, from, to);
        else
            depthwise_row(d, from, to);
    }
}
