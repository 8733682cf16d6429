// SPDX-License-Identifier: Apache-2.0
/*
 * The two passes of resampling, for every instruction set from one function of its own: weigh_48, which
 * weighs 48 neighbouring bytes of several rows.
 *
 * Going down the rows that is all there is to do. Going along the columns, the bytes to be weighed lie in the
 * wrong direction: a strip of 16 rows is therefore turned on its side, so that each byte column becomes 16
 * neighbouring bytes and each pixel 48; the columns are then rows, and the result is turned back.
 */
#include <stdint.h>
#include <string.h>

enum { STRIP_ROWS = POMK_RESAMPLE_STRIP_ROWS, PIXEL_BYTES = 3 * STRIP_ROWS, WEIGHED_BYTES = 48 };
_Static_assert(STRIP_ROWS == 16 && PIXEL_BYTES == WEIGHED_BYTES,
               "one pixel of a strip is one call of weigh_48");

typedef uint8_t bytes_16 __attribute__((vector_size(16)));

/* Turns 16 rows of 16 bytes on their side. Each round interleaves row i with row i + 8, which rotates the
 * eight bits of (row, column) by one: after four rounds row and column have changed places. */
static inline void transpose_16x16(uint8_t *to, ptrdiff_t to_stride, const uint8_t *const from[STRIP_ROWS])
{
    bytes_16 a[16], b[16];
    for (int i = 0; i < 16; i++) memcpy(&a[i], from[i], 16);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 8; i++) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6,
                                               22, 7, 23);
            b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13,
                                                   29, 14, 30, 15, 31);
        }
        memcpy(a, b, sizeof a);
    }
    for (int i = 0; i < 16; i++) memcpy(to + i * to_stride, &a[i], 16);
}

static inline uint8_t weigh_1(const uint8_t *input, ptrdiff_t stride, const int32_t *weights, int n_weights)
{
    int32_t sum = POMK_RESAMPLE_HALF;
    for (int t = 0; t < n_weights; t++) sum += input[t * stride] * weights[t];
    sum >>= POMK_RESAMPLE_BITS;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void resample_rows(uint8_t *output, const uint8_t *input, ptrdiff_t input_stride,
                          const int32_t *weights, int n_weights, size_t n_bytes)
{
    if (n_bytes < WEIGHED_BYTES) {
        for (size_t i = 0; i < n_bytes; i++) output[i] = weigh_1(input + i, input_stride, weights, n_weights);
        return;
    }
    for (size_t i = 0; i < n_bytes; i += WEIGHED_BYTES) {
        if (i + WEIGHED_BYTES > n_bytes) i = n_bytes - WEIGHED_BYTES; // the last ones may be weighed twice
        weigh_48(output + i, input + i, input_stride, weights, n_weights);
    }
}

/* Rows (input) to strip: byte j of row r becomes strip[j * 16 + r]. Missing rows repeat the last one. */
static void lay_on_side(uint8_t *strip, const uint8_t *input, ptrdiff_t stride, int n_rows, size_t n_bytes)
{
    const uint8_t *rows[STRIP_ROWS];
    for (int r = 0; r < STRIP_ROWS; r++) rows[r] = input + (r < n_rows ? r : n_rows - 1) * stride;
    size_t j = 0;
    for (; j + 16 <= n_bytes; j += 16) {
        transpose_16x16(strip + j * STRIP_ROWS, STRIP_ROWS, rows);
        for (int r = 0; r < STRIP_ROWS; r++) rows[r] += 16;
    }
    for (int r = 0; r < STRIP_ROWS; r++)
        for (size_t k = 0; k < n_bytes - j; k++) strip[(j + k) * STRIP_ROWS + (size_t)r] = rows[r][k];
}

static void stand_up(uint8_t *output, ptrdiff_t stride, int n_rows, const uint8_t *strip, size_t n_bytes)
{
    size_t j = 0;
    for (; j + 16 <= n_bytes && n_rows == STRIP_ROWS; j += 16) {
        const uint8_t *columns[16];
        for (int k = 0; k < 16; k++) columns[k] = strip + (j + (size_t)k) * STRIP_ROWS;
        transpose_16x16(output + j, stride, columns);
    }
    for (int r = 0; r < n_rows; r++)
        for (size_t k = j; k < n_bytes; k++)
            output[r * stride + (ptrdiff_t)k] = strip[k * STRIP_ROWS + (size_t)r];
}

static void resample_columns(const struct pomk_resample_columns *pass)
{
    uint8_t *in_strip = pass->scratch;
    uint8_t *out_strip = in_strip + (size_t)pass->in_width_px * PIXEL_BYTES;
    for (int y = 0; y < pass->n_rows; y += STRIP_ROWS) {
        int n_rows = pass->n_rows - y < STRIP_ROWS ? pass->n_rows - y : STRIP_ROWS;
        lay_on_side(in_strip, pass->input + y * pass->input_stride, pass->input_stride, n_rows,
                    (size_t)pass->in_width_px * 3);
        for (int x = 0; x < pass->out_width_px; x++)
            weigh_48(out_strip + (size_t)x * PIXEL_BYTES, in_strip + (size_t)pass->firsts[x] * PIXEL_BYTES,
                     PIXEL_BYTES, pass->weights + (size_t)x * (size_t)pass->max_weights, pass->n_weights[x]);
        stand_up(pass->output + y * pass->output_stride, pass->output_stride, n_rows, out_strip,
                 (size_t)pass->out_width_px * 3);
    }
}
