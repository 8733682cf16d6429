// SPDX-License-Identifier: Apache-2.0
/*
 * Every kernel of every set against plain loops that follow the contract literally: the same bytes, for all
 * tail sizes, random and extreme values. Each buffer ends (or begins) at an unreadable page, so one float too
 * many is a crash.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

#include "guarded.h"
#include "winograd_reference.h"

/* --- Random values --- */

static bool extreme; /* zeros of both signs, subnormal and huge numbers among the values */

static float random_float(void)
{
    static const float extremes[] = {0.0f, -0.0f, 1e-40f, -3e-42f, 3e38f, -3e38f, 1e-30f, -2e20f};
    if (extreme && random_int(0, 3) == 0) return extremes[random_int(0, 7)];
    return (float)random_bits() * 0x1p-30f - 2.0f;
}

/* n floats filled at random. */
static float *buffer(size_t n)
{
    float *floats = guarded(n * sizeof *floats);
    for (size_t i = 0; i < n; i++) floats[i] = random_float();
    return floats;
}

static float *copy_of(const float *from, size_t n)
{
    float *copy = buffer(n);
    memcpy(copy, from, n * sizeof *copy);
    return copy;
}

/* Equal bytes; two NaNs are equal whatever their payload. */
static bool same(float a, float b)
{
    return (isnan(a) && isnan(b)) || memcmp(&a, &b, sizeof a) == 0;
}

static float activate(float x, enum pomk_activation activation)
{
    if (activation != POMK_ACTIVATION_NONE && 0.0f > x) x = 0.0f;
    if (activation == POMK_ACTIVATION_RELU6 && 6.0f < x) x = 6.0f;
    return x;
}

static size_t round_up_16(int n)
{
    return ((size_t)n + 15) / 16 * 16;
}

/* --- Convolution --- */

struct conv_case {
    int n_pixels, n_taps, n_channels, n_outputs, stride;
    bool image; /* packed values instead of blocks */
    bool residual, continues, pooled, scattered;
    enum pomk_activation activation;
};

static void check_conv(const struct pomk_kernels *kernels, const struct conv_case *t)
{
    /* Input: taps follow each other along the pixels, as the columns of a kernel do. */
    const int n_positions = (t->n_pixels - 1) * t->stride + t->n_taps;
    const size_t n_blocks = round_up_16(t->n_channels) / 16, n_out_blocks = round_up_16(t->n_outputs) / 16;
    const ptrdiff_t position = t->image ? 3 : 16;
    const size_t block_stride = t->image ? 16 : (size_t)n_positions * 16;
    /* The last tap of the last pixel of an image ends the buffer: values beyond n_channels do not exist. */
    const size_t n_input =
        t->image ? (size_t)(n_positions - 1) * 3 + (size_t)t->n_channels : n_blocks * block_stride;
    const size_t n_pixels = (size_t)t->n_pixels, n_k = (size_t)t->n_taps * (size_t)t->n_channels;
    const size_t n_outputs = (size_t)t->n_outputs;
    float *input = buffer(n_input), *weights = buffer(n_outputs * n_k);
    ptrdiff_t offsets[16], output_offsets[64];
    for (int i = 0; i < t->n_taps; i++) offsets[i] = i * position;

    /* Scattered pixels leave a gap of one pixel after every fifth. */
    const size_t spread = t->scattered ? n_pixels + n_pixels / 5 + 1 : n_pixels;
    for (int i = 0; i < t->n_pixels; i++) output_offsets[i] = (i + i / 5) * 16;

    const struct pomk_panels panels = kernels->layers[POMK_F32]->choose_panels(t->n_outputs);
    const size_t n_packed =
        kernels->layers[POMK_F32]->packed_bytes(t->n_outputs, t->n_taps, t->n_channels, t->image) /
        sizeof(float);
    const size_t n_bias = n_packed / n_k;
    assert_true(n_bias >= n_outputs && n_bias % 8 == 0);
    assert_true(panels.n_panels == 1 || panels.panel_channels % 16 == 0);
    float *packed = buffer((n_packed + 15) / 16 * 16), *bias = buffer(round_up_16((int)n_bias));
    float *sums = buffer(round_up_16((int)n_bias));
    packed += (n_packed + 15) / 16 * 16 - n_packed; /* at the guard; panels are multiples of 8 floats */
    if ((uintptr_t)packed % 64 != 0) packed = buffer((n_packed + 15) / 16 * 16);
    kernels->layers[POMK_F32]->pack_weights(packed, weights, t->n_outputs, t->n_taps, t->n_channels,
                                            t->image);
    const float *residual = buffer(n_out_blocks * n_pixels * 16);
    const size_t n_output = n_out_blocks * spread * 16;
    float *output = buffer(n_output);
    const float *before = copy_of(output, n_output), *sums_before = copy_of(sums, round_up_16((int)n_bias));

    for (int p = 0; p < panels.n_panels; p++) {
        const ptrdiff_t channel = (ptrdiff_t)p * panels.panel_channels;
        struct pomk_conv call = {
            .input = input,
            .tap_offsets = offsets,
            .n_taps = t->n_taps,
            .n_channels = t->n_channels,
            .input_block_stride = (ptrdiff_t)block_stride,
            .pixel_stride = t->stride * position,
            .reads_image = t->image,
            .panel_channels = p + 1 < panels.n_panels ? panels.panel_channels : panels.last_panel_channels,
            .weights = packed + (size_t)channel * n_k,
            .bias = bias + channel,
            .output = output + channel / 16 * (ptrdiff_t)spread * 16,
            .output_block_stride = (ptrdiff_t)spread * 16,
            .output_offsets = t->scattered ? output_offsets : NULL,
            .continues = t->continues,
            .residual = t->residual ? residual + channel / 16 * (ptrdiff_t)n_pixels * 16 : NULL,
            .residual_block_stride = (ptrdiff_t)n_pixels * 16,
            .activation = t->activation,
            .pooled_sums = t->pooled ? sums + channel : NULL,
            .prefetch = p % 2 ? packed : NULL, /* a hint changes nothing */
            .prefetch_bytes = 4000,
        };
        kernels->layers[POMK_F32]->conv(&call, t->n_pixels);
    }

    bool *written = calloc(n_output, sizeof *written);
    assert_non_null(written);
    for (int c = 0; c < t->n_outputs; c++) {
        float pooled = sums_before[c];
        for (int i = 0; i < t->n_pixels; i++) {
            const size_t out = ((size_t)c / 16 * spread) * 16 +
                               (size_t)(t->scattered ? output_offsets[i] : i * 16) + (size_t)c % 16;
            float sum = t->continues ? before[out] : bias[c];
            for (int tap = 0; tap < t->n_taps; tap++)
                for (int k = 0; k < t->n_channels; k++) {
                    const size_t at = (size_t)(offsets[tap] + i * t->stride * position) +
                                      (size_t)k / 16 * block_stride + (size_t)k % 16;
                    sum = fmaf(input[at], weights[(size_t)c * n_k + (size_t)(tap * t->n_channels + k)], sum);
                }
            if (t->residual) sum += residual[((size_t)c / 16 * n_pixels + (size_t)i) * 16 + (size_t)c % 16];
            sum = activate(sum, t->activation);
            pooled += sum;
            if (!t->pooled && !same(output[out], sum))
                fail_msg("%s: conv, %d pixels, %d taps, %d channels, %d outputs, stride %d: pixel %d, "
                         "channel %d is %a, "
                         "expected %a",
                         kernels->name, t->n_pixels, t->n_taps, t->n_channels, t->n_outputs, t->stride, i, c,
                         (double)output[out], (double)sum);
            if (!t->pooled)
                for (size_t lane = 0; lane < 16; lane++) written[out / 16 * 16 + lane] = true;
        }
        if (t->pooled && !same(sums[c], pooled))
            fail_msg("%s: pooled sum of channel %d is %a, expected %a", kernels->name, c, (double)sums[c],
                     (double)pooled);
    }
    for (size_t i = 0; i < n_output; i++)
        if (!written[i] && !same(output[i], before[i]))
            fail_msg("%s: conv wrote beside its output", kernels->name);
    free(written);
    unmap_all();
}

static const struct pomk_kernels *sets[POMK_MAX_SETS];
static int n_sets;

/* Calls `check` for every set, with the guard on either side, with plain and with extreme values. */
#define FOR_ALL_SETS(check, ...)                                                                             \
    for (int set_ = 0; set_ < n_sets * 4; set_++) {                                                          \
        guard_in_front = set_ & 1;                                                                           \
        extreme = set_ & 2;                                                                                  \
        check(sets[set_ / 4], __VA_ARGS__);                                                                  \
    }

static void test_conv_every_run_length(void **unused)
{
    (void)unused;
    for (int n_pixels = 1; n_pixels <= 30; n_pixels++)
        for (int n_outputs = 8; n_outputs <= 72; n_outputs += 8) {
            state = (uint64_t)(n_pixels * 100 + n_outputs);
            const struct conv_case t = {
                n_pixels, 1, 17, n_outputs, 1, false, false, false, false, false, POMK_ACTIVATION_RELU6};
            FOR_ALL_SETS(check_conv, &t)
        }
}

static void test_conv_random_shapes(void **unused)
{
    (void)unused;
    for (int round = 0; round < 400; round++) {
        state = (uint64_t)round;
        struct conv_case t = {
            .n_pixels = random_int(1, 40),
            .n_taps = ONE_OF(1, 1, 2, 3, 9),
            .n_channels = ONE_OF(1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 48, 100),
            .n_outputs = ONE_OF(1, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 48, 56, 64, 80, 96, 100),
            .stride = ONE_OF(1, 1, 2, 3),
            .image = random_int(0, 3) == 0,
            .residual = random_int(0, 2) == 0,
            .continues = random_int(0, 4) == 0,
            .pooled = random_int(0, 4) == 0,
            .activation = (enum pomk_activation)random_int(0, 2),
        };
        t.scattered = !t.residual && !t.continues && !t.pooled && random_int(0, 1);
        if (t.pooled) t.continues = false;
        FOR_ALL_SETS(check_conv, &t)
    }
}

/* --- Depthwise convolution --- */

static void check_depthwise(const struct pomk_kernels *kernels, int kernel, int stride, int n_rows,
                            int n_pixels, enum pomk_activation activation)
{
    const int n_inputs = (n_rows - 1) * stride + kernel, width = (n_pixels - 1) * stride + kernel;
    const float *rows[32];
    assert_true(n_inputs <= 32);
    for (int y = 0; y < n_inputs; y++) rows[y] = buffer((size_t)width * 16);
    const float *weights = buffer((size_t)(kernel * kernel) * 16), *bias = buffer(16);
    float *output = buffer((size_t)(n_rows * n_pixels) * 16);
    kernels->layers[POMK_F32]->depthwise(&(struct pomk_depthwise){
        .rows = (const void *const *)rows,
        .weights = weights,
        .bias = bias,
        .output = output,
        .output_row_stride = (ptrdiff_t)n_pixels * 16,
        .n_rows = n_rows,
        .n_pixels = n_pixels,
        .kernel = kernel,
        .stride = stride,
        .activation = activation,
    });
    for (int y = 0; y < n_rows; y++)
        for (int x = 0; x < n_pixels; x++)
            for (int c = 0; c < 16; c++) {
                float sum = bias[c];
                for (int ky = 0; ky < kernel; ky++)
                    for (int kx = 0; kx < kernel; kx++)
                        sum = fmaf(rows[y * stride + ky][(x * stride + kx) * 16 + c],
                                   weights[(ky * kernel + kx) * 16 + c], sum);
                sum = activate(sum, activation);
                const float got = output[(y * n_pixels + x) * 16 + c];
                if (!same(got, sum))
                    fail_msg("%s: depthwise %dx%d, stride %d: row %d, pixel %d of %d is %a, expected %a",
                             kernels->name, kernel, kernel, stride, y, x, n_pixels, (double)got, (double)sum);
            }
    unmap_all();
}

static void test_depthwise(void **unused)
{
    (void)unused;
    for (int kernel = 1; kernel <= 5; kernel++)
        for (int stride = 1; stride <= 3; stride++)
            for (int n_rows = 1; n_rows <= 5; n_rows++)
                for (int n_pixels = 1; n_pixels <= 11; n_pixels++) {
                    state = (uint64_t)(kernel * 1000 + stride * 100 + n_rows * 20 + n_pixels);
                    const enum pomk_activation activation =
                        random_int(0, 2) ? POMK_ACTIVATION_RELU6 : (enum pomk_activation)random_int(0, 1);
                    FOR_ALL_SETS(check_depthwise, kernel, stride, n_rows, n_pixels, activation)
                }
}

/* --- Winograd's convolution --- */

/* The input ends where the last patch does; `gap` pixels lie between what belongs to different points. */
static void check_winograd_patches(const struct pomk_kernels *kernels, int tile_px, int n_tiles, int gap)
{
    const size_t m = (size_t)tile_px, patch_px = m + 2, n = (size_t)n_tiles;
    const size_t width = n * m + 2, stride = (n + (size_t)gap) * 16;
    const size_t n_points = (patch_px * patch_px - 1) * stride + n * 16;
    const float *input = buffer(patch_px * width * 16);
    float *points = buffer(n_points);
    const float *before = copy_of(points, n_points);
    kernels->layers[POMK_F32]->winograd_patches(&(struct pomk_winograd_patches){
        .tile_px = tile_px,
        .input = input,
        .row_stride = (ptrdiff_t)width * 16,
        .n_tiles = n_tiles,
        .points = points,
        .point_stride = (ptrdiff_t)stride,
    });
    for (size_t tile = 0; tile < n; tile++)
        for (size_t c = 0; c < 16; c++) {
            float patch[6][6] = {{0}};
            for (size_t y = 0; y < patch_px; y++)
                for (size_t x = 0; x < patch_px; x++)
                    patch[y][x] = input[(y * width + tile * m + x) * 16 + c];
            reference_patch(tile_px, patch);
            for (size_t p = 0; p < patch_px * patch_px; p++) {
                const float got = points[p * stride + tile * 16 + c],
                            expected = patch[p / patch_px][p % patch_px];
                if (!same(got, expected))
                    fail_msg("%s: tiles of %d: point %zu of tile %zu of %d is %a, expected %a", kernels->name,
                             tile_px, p, tile, n_tiles, (double)got, (double)expected);
            }
        }
    for (size_t i = 0; i < n_points; i++)
        if (i % stride >= n * 16) assert_true(same(points[i], before[i]));
    unmap_all();
}

static void check_winograd_tiles(const struct pomk_kernels *kernels, int tile_px, int height, int width,
                                 bool has_residual, enum pomk_activation activation)
{
    const size_t m = (size_t)tile_px, patch_px = m + 2, n_tiles = ((size_t)width + m - 1) / m;
    const size_t n_output = (size_t)(height * width) * 16;
    const float *products = buffer(patch_px * patch_px * n_tiles * 16), *residual = buffer(n_output);
    float *output = buffer(n_output);
    kernels->layers[POMK_F32]->winograd_tiles(&(struct pomk_winograd_tiles){
        .tile_px = tile_px,
        .products = products,
        .product_stride = (ptrdiff_t)n_tiles * 16,
        .output = output,
        .row_stride = (ptrdiff_t)width * 16,
        .height = height,
        .width = width,
        .residual = has_residual ? residual : NULL,
        .residual_row_stride = (ptrdiff_t)width * 16,
        .activation = activation,
    });
    for (size_t tile = 0; tile < n_tiles; tile++)
        for (size_t c = 0; c < 16; c++) {
            float values[6][6] = {{0}}, expected[4][4];
            for (size_t p = 0; p < patch_px * patch_px; p++)
                values[p / patch_px][p % patch_px] = products[(p * n_tiles + tile) * 16 + c];
            reference_tile(tile_px, values, expected);
            for (size_t y = 0; y < (size_t)height; y++)
                for (size_t x = tile * m; x < tile * m + m && x < (size_t)width; x++) {
                    const size_t at = (y * (size_t)width + x) * 16 + c;
                    float value = expected[y][x % m];
                    if (has_residual) value += residual[at];
                    value = activate(value, activation);
                    if (!same(output[at], value))
                        fail_msg("%s: tiles of %d: pixel (%zu, %zu) of %d x %d is %a, expected %a",
                                 kernels->name, tile_px, y, x, height, width, (double)output[at],
                                 (double)value);
                }
        }
    unmap_all();
}

static void test_winograd_transforms(void **unused)
{
    (void)unused;
    for (int tile_px = 2; tile_px <= 4; tile_px += 2) {
        for (int n_tiles = 1; n_tiles <= 5; n_tiles++) {
            state = (uint64_t)(tile_px * 10 + n_tiles);
            FOR_ALL_SETS(check_winograd_patches, tile_px, n_tiles, n_tiles % 3)
        }
        for (int height = 1; height <= tile_px; height++)
            for (int width = 1; width <= 14; width++) {
                state = (uint64_t)(tile_px * 1000 + height * 100 + width);
                const enum pomk_activation activation = (enum pomk_activation)random_int(0, 2);
                FOR_ALL_SETS(check_winograd_tiles, tile_px, height, width, random_int(0, 1), activation)
            }
    }
}

/* The three matrices make a convolution: a tile against nine products a pixel in double. */
static void test_winograd_is_a_convolution(void **unused)
{
    (void)unused;
    for (int round = 0; round < 200; round++) {
        state = (uint64_t)round;
        const int m = round % 2 ? 4 : 2, patch_px = m + 2;
        float input[6][6], weights[9], points[36], patch[6][6], products[6][6] = {{0}}, tile[4][4];
        for (int i = 0; i < 36; i++)
            patch[i / 6][i % 6] = input[i / 6][i % 6] = (float)random_int(-1000, 1000) / 1000;
        for (int i = 0; i < 9; i++) weights[i] = (float)random_int(-1000, 1000) / 1000;
        pomk_winograd_weights(m, points, weights, 1, 1);
        reference_patch(m, patch);
        for (int p = 0; p < patch_px * patch_px; p++)
            products[p / patch_px][p % patch_px] = fmaf(patch[p / patch_px][p % patch_px], points[p],
                                                        p == pomk_winograd_bias_point(m) ? 0.5f : 0.0f);
        reference_tile(m, products, tile);
        for (int y = 0; y < m; y++)
            for (int x = 0; x < m; x++) {
                double sum = 0.5;
                for (int i = 0; i < 9; i++) sum += (double)input[y + i / 3][x + i % 3] * weights[i];
                if (fabs(sum - tile[y][x]) > 1e-5)
                    fail_msg("tile of %d: pixel (%d, %d) is %.8f, expected %.8f", m, y, x, (double)tile[y][x],
                             sum);
            }
    }
}

/* --- Pooling and addition --- */

static void check_max_pool(const struct pomk_kernels *kernels, int kernel, int stride, int n_rows,
                           int pad_left, int width)
{
    const int n_pixels = (width + 2 * pad_left - kernel) / stride + 1;
    const float *rows[8];
    for (int y = 0; y < n_rows; y++) rows[y] = buffer((size_t)width * 16);
    float *output = buffer((size_t)n_pixels * 16);
    kernels->layers[POMK_F32]->max_pool(&(struct pomk_max_pool){.rows = (const void *const *)rows,
                                                                .n_rows = n_rows,
                                                                .width = width,
                                                                .output = output,
                                                                .n_pixels = n_pixels,
                                                                .kernel = kernel,
                                                                .stride = stride,
                                                                .pad_left = pad_left});
    for (int x = 0; x < n_pixels; x++)
        for (int c = 0; c < 16; c++) {
            float largest = -INFINITY;
            for (int y = 0; y < n_rows; y++)
                for (int kx = 0; kx < kernel; kx++) {
                    const int column = x * stride - pad_left + kx;
                    if (column >= 0 && column < width) largest = fmaxf(largest, rows[y][column * 16 + c]);
                }
            if (output[x * 16 + c] != largest) /* zeros of either sign are equal */
                fail_msg("%s: max pool %d, stride %d: pixel %d is %a, expected %a", kernels->name, kernel,
                         stride, x, (double)output[x * 16 + c], (double)largest);
        }
    /* The scalar set decides which of two zeros wins. */
    float *scalar = buffer((size_t)n_pixels * 16);
    pomk_kernels_scalar.layers[POMK_F32]->max_pool(&(struct pomk_max_pool){.rows = (const void *const *)rows,
                                                                           .n_rows = n_rows,
                                                                           .width = width,
                                                                           .output = scalar,
                                                                           .n_pixels = n_pixels,
                                                                           .kernel = kernel,
                                                                           .stride = stride,
                                                                           .pad_left = pad_left});
    assert_memory_equal(output, scalar, (size_t)n_pixels * 16 * sizeof(float));
    unmap_all();
}

static void test_max_pool(void **unused)
{
    (void)unused;
    for (int kernel = 2; kernel <= 3; kernel++)
        for (int stride = 1; stride <= 3; stride++)
            for (int n_rows = 1; n_rows <= kernel; n_rows++)
                for (int width = 3; width <= 12; width++) {
                    state = (uint64_t)(kernel * 1000 + stride * 100 + n_rows * 20 + width);
                    FOR_ALL_SETS(check_max_pool, kernel, stride, n_rows, kernel / 2, width)
                    FOR_ALL_SETS(check_max_pool, kernel, stride, n_rows, 0, width)
                }
}

static void check_add_and_sum(const struct pomk_kernels *kernels, size_t n_pixels,
                              enum pomk_activation activation)
{
    const size_t n = n_pixels * 16;
    const float *a = buffer(n), *b = buffer(n);
    float *output = buffer(n), *in_place = copy_of(a, n), *sums = buffer(16);
    const float *sums_before = copy_of(sums, 16);
    struct pomk_add call = {.a = a, .b = b, .output = output, .n_pixels = n_pixels, .activation = activation};
    kernels->layers[POMK_F32]->add(&call);
    call.a = call.output = in_place;
    kernels->layers[POMK_F32]->add(&call);
    for (size_t i = 0; i < n; i++) {
        assert_true(same(output[i], activate(a[i] + b[i], activation)));
        assert_true(same(in_place[i], output[i]));
    }
    kernels->layers[POMK_F32]->sum_pixels(sums, a, n_pixels);
    for (size_t c = 0; c < 16; c++) {
        float sum = sums_before[c];
        for (size_t i = 0; i < n_pixels; i++) sum += a[i * 16 + c];
        assert_true(same(sums[c], sum));
    }
    unmap_all();
}

static void test_add_and_sum(void **unused)
{
    (void)unused;
    for (size_t n_pixels = 1; n_pixels <= 20; n_pixels++)
        for (int activation = 0; activation <= 2; activation++) {
            state = n_pixels;
            FOR_ALL_SETS(check_add_and_sum, n_pixels, (enum pomk_activation)activation)
        }
}

/* --- Bytes to values --- */

static void check_convert_bytes(const struct pomk_kernels *kernels, size_t n)
{
    float *output = buffer(n);
    uint8_t *bytes = (uint8_t *)buffer((n + 3) / 4) + (guard_in_front ? 0 : (n + 3) / 4 * 4 - n);
    const float scale[3] = {random_float(), random_float(), random_float()};
    const float shift[3] = {random_float(), random_float(), random_float()};
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)random_bits();
    kernels->layers[POMK_F32]->convert_bytes(output, bytes, n, scale, shift);
    for (size_t i = 0; i < n; i++) assert_true(same(output[i], fmaf(bytes[i], scale[i % 3], shift[i % 3])));
    unmap_all();
}

static void test_convert_bytes(void **unused)
{
    (void)unused;
    for (size_t n = 1; n <= 200; n++) {
        state = n;
        FOR_ALL_SETS(check_convert_bytes, n)
    }
}

/* --- Choice --- */

static void test_choice(void **unused)
{
    (void)unused;
    const struct pomk_kernels *best = sets[n_sets - 1];
    assert_ptr_equal(sets[0], &pomk_kernels_scalar);
    assert_ptr_equal(pomk_choose(NULL), best);
    assert_ptr_equal(pomk_choose("auto"), best);
    assert_ptr_equal(pomk_choose("scalar"), &pomk_kernels_scalar);
    assert_null(pomk_choose("avx3"));
    assert_null(pomk_choose(""));
    for (int i = 0; i < n_sets; i++) assert_ptr_equal(pomk_choose(sets[i]->name), sets[i]);
}

/* The measuring loop counts what it does and stays clear of subnormal numbers and overflow. */
static void test_fma_peak(void **unused)
{
    (void)unused;
    for (int i = 0; i < n_sets; i++) {
        float result = 1.0f;
        const double one = sets[i]->fma_peak(1000, &result), two = sets[i]->fma_peak(2000, &result);
        assert_true(one > 0 && two == 2 * one);
        assert_true(result > 1.0f && result < 100.0f);
    }
}

int main(void)
{
    n_sets = pomk_list(sets);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_every_run_length),
        cmocka_unit_test(test_conv_random_shapes),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_winograd_transforms),
        cmocka_unit_test(test_winograd_is_a_convolution),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_add_and_sum),
        cmocka_unit_test(test_convert_bytes),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_fma_peak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
