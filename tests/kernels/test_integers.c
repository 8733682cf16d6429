// SPDX-License-Identifier: Apache-2.0
/*
 * Every integer kernel of every set against plain loops that follow the contract literally (kernels/layers.h):
 * the same integers, for all tail sizes, with values up to the limits.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

#include "guarded.h"

/* --- Values --- */

static const struct pomk_kernels *sets[POMK_MAX_SETS];
static int n_sets;

/* One format of one set, and what its values may be. */
struct subject {
    const char *set;
    const struct pomk_layers *layers;
    bool is_int8;
    int coarse_max, weight_max;
};

static int element(const struct subject *s, const void *p, size_t i)
{
    return s->layers->element_bytes == 1 ? ((const uint8_t *)p)[i] : ((const int16_t *)p)[i];
}

/* Coarse values, within the format's limits. */
static void *values(const struct subject *s, size_t n)
{
    void *p = guarded(n * s->layers->element_bytes);
    for (size_t i = 0; i < n; i++) {
        const int limit = s->coarse_max,
                  value = random_int(0, 5) == 0 ? limit : random_int(s->is_int8 ? 0 : -limit, limit);
        if (s->layers->element_bytes == 1)
            ((uint8_t *)p)[i] = (uint8_t)value;
        else
            ((int16_t *)p)[i] = (int16_t)value;
    }
    return p;
}

static int16_t *words(size_t n, int limit)
{
    int16_t *p = guarded(n * sizeof *p);
    for (size_t i = 0; i < n; i++)
        p[i] = (int16_t)(random_int(0, 5) ? random_int(-limit, limit) : random_int(0, 1) ? limit : -limit);
    return p;
}

static int32_t *integers(size_t n, int limit)
{
    int32_t *p = guarded(n * sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = random_int(-limit, limit);
    return p;
}

/* Multipliers that bring sums of about `sum` into and around the format's range. */
static float *multipliers(size_t n, double sum, int limit)
{
    float *p = guarded(n * sizeof *p);
    for (size_t i = 0; i < n; i++) p[i] = (float)(limit * random_int(1, 200) / 100.0 / sum);
    return p;
}

/* As packed by the kernels, with a guard. */
static void *packed_channels(const struct subject *s, const void *of, int n)
{
    const struct pomk_panels panels = s->layers->choose_panels(n);
    const int columns = (panels.n_panels - 1) * panels.panel_channels + panels.last_panel_channels;
    const int block = s->layers->block_channels, n_padded = (n + block - 1) / block * block;
    void *packed = guarded((size_t)(columns > n_padded ? columns : n_padded) * sizeof(uint32_t));
    s->layers->pack_channels(packed, of, n);
    return packed;
}

static int32_t *packed_biases(const struct subject *s, const int32_t *bias, const int16_t *weights,
                              int n_channels, int n_weights, bool image)
{
    int32_t *packed = packed_channels(s, bias, n_channels);
    s->layers->pack_bias(packed, bias, weights, n_channels, n_weights, image);
    return packed;
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}
static int saturate(int x)
{
    return clamp(x, INT16_MIN, INT16_MAX);
}
static int scaled(int sum, float multiplier)
{
    return (int)lrintf((float)sum * multiplier);
}

/* A channel's result, before its forms. */
static int result(int32_t sum, float multiplier, int residual, int low, int high)
{
    return clamp(saturate(saturate(scaled(sum, multiplier)) + residual), low, high);
}
static int coarse(int fine, float multiplier, int zero, int high)
{
    return clamp(saturate(scaled(fine, multiplier)) + zero, 0, high);
}

#define FOR_ALL_SUBJECTS(check, ...)                                                                         \
    for (int i_ = 0; i_ < n_sets * 4; i_++) {                                                                \
        const bool is_int8 = i_ & 1;                                                                         \
        const struct subject subject = {sets[i_ / 4]->name,                                                  \
                                        sets[i_ / 4]->layers[is_int8 ? POMK_I8 : POMK_I16], is_int8,         \
                                        is_int8 ? 255 : 8191, is_int8 ? 127 : 600};                          \
        guard_in_front = i_ & 2;                                                                             \
        check(&subject, __VA_ARGS__);                                                                        \
        unmap_all();                                                                                         \
    }

/* --- Convolution --- */

enum form { ONE, FINE, COARSE_AND_FINE, POOLED };

struct conv_case {
    int n_pixels, n_taps, n_channels, n_outputs, stride;
    bool image, residual, scattered;
    enum form form;
};

static void check_conv(const struct subject *s, const struct conv_case *t)
{
    const struct pomk_layers *layers = s->layers;
    const size_t block = (size_t)layers->block_channels, n_pixels = (size_t)t->n_pixels;
    const size_t n_blocks = ((size_t)t->n_channels + block - 1) / block,
                 n_out_blocks = ((size_t)t->n_outputs + block - 1) / block;
    const int n_positions = (t->n_pixels - 1) * t->stride + t->n_taps;
    const ptrdiff_t position = t->image ? 3 : (ptrdiff_t)block;
    const size_t block_stride = t->image ? block : (size_t)n_positions * block;
    const int weight_max = t->image ? 600 : s->weight_max;
    /* Of an image's last dword all words are read. */
    const void *input =
        t->image ? words((size_t)(n_positions - 1) * 3 + (size_t)(t->n_channels + 1) / 2 * 2, 16320)
                 : values(s, n_blocks * block_stride);
    const size_t n_k = (size_t)(t->n_taps * t->n_channels), n_outputs = (size_t)t->n_outputs;
    const int16_t *weights = words(n_outputs * n_k, weight_max);
    const int32_t *bias = integers(n_outputs, 100000);
    const double typical = (t->image ? 16320.0 : s->coarse_max) * weight_max * sqrt((double)n_k) / 2;
    const int fine_limit = t->form == ONE ? s->coarse_max : 20000;
    const float *to_result = multipliers(n_outputs, typical, fine_limit),
                *to_coarse = multipliers(n_outputs, 20000, s->coarse_max);
    ptrdiff_t offsets[16], output_offsets[64];
    for (int i = 0; i < t->n_taps; i++) offsets[i] = i * position;
    const size_t spread = t->scattered ? n_pixels + n_pixels / 5 + 1 : n_pixels;
    for (int i = 0; i < t->n_pixels; i++) output_offsets[i] = (i + i / 5) * (ptrdiff_t)block;

    const struct pomk_panels panels = layers->choose_panels(t->n_outputs);
    assert_true(panels.n_panels == 1 || panels.panel_channels % (int)block == 0);
    const int columns = (panels.n_panels - 1) * panels.panel_channels + panels.last_panel_channels;
    const size_t n_packed = layers->packed_bytes(t->n_outputs, t->n_taps, t->n_channels, t->image);
    char *packed = guarded((n_packed + 63) / 64 * 64);
    packed += n_packed % 64 && !guard_in_front ? 64 - n_packed % 64 : 0;
    if ((uintptr_t)packed % 64 != 0) packed = guarded((n_packed + 63) / 64 * 64);
    layers->pack_weights(packed, weights, t->n_outputs, t->n_taps, t->n_channels, t->image);
    const int32_t *packed_bias = packed_biases(s, bias, weights, t->n_outputs, (int)n_k, t->image);
    const float *packed_result = packed_channels(s, to_result, t->n_outputs),
                *packed_coarse = packed_channels(s, to_coarse, t->n_outputs);
    const int16_t *residual = words(n_out_blocks * n_pixels * block, 9000);
    const size_t n_output = n_out_blocks * spread * block;
    void *output = values(s, n_output), *before = guarded(n_output * layers->element_bytes);
    memcpy(before, output, n_output * layers->element_bytes);
    int16_t *fine = words(n_output, 1), *fine_before = guarded(n_output * sizeof *fine);
    memcpy(fine_before, fine, n_output * sizeof *fine);
    int32_t *sums = integers(
        (size_t)(columns > (int)(n_out_blocks * block) ? columns : (int)(n_out_blocks * block)), 1000);
    const int pooled_before = random_int(-1000, 1000);
    for (size_t i = 0; i < n_out_blocks * block; i++) sums[i] = pooled_before;
    const int low = t->form == ONE && s->is_int8 ? 0
                    : random_int(0, 1)           ? 0
                                                 : -fine_limit,
              zero = random_int(0, 1) ? 0 : random_int(1, 255);
    const int coarse_high = s->coarse_max;
    const bool reads_residual = t->residual && !(t->form == ONE && s->is_int8);

    for (int p = 0; p < panels.n_panels; p++) {
        const ptrdiff_t channel = (ptrdiff_t)p * panels.panel_channels,
                        out_block = channel / (ptrdiff_t)block;
        struct pomk_conv call = {
            .input = input,
            .tap_offsets = offsets,
            .n_taps = t->n_taps,
            .n_channels = t->n_channels,
            .input_block_stride = (ptrdiff_t)block_stride,
            .pixel_stride = t->stride * position,
            .reads_image = t->image,
            .panel_channels = p + 1 < panels.n_panels ? panels.panel_channels : panels.last_panel_channels,
            .weights = packed + (size_t)channel * (n_packed / (size_t)columns),
            .bias = packed_bias + channel,
            .requantization = {.multipliers = packed_result + channel,
                               .low = low,
                               .high = fine_limit,
                               .coarse_multipliers =
                                   t->form == COARSE_AND_FINE ? packed_coarse + channel : NULL,
                               .coarse_zero = zero,
                               .coarse_high = coarse_high},
            .output = t->form == FINE
                          ? NULL
                          : (char *)output + (size_t)out_block * spread * block * layers->element_bytes,
            .fine = t->form == FINE || t->form == COARSE_AND_FINE
                        ? fine + out_block * (ptrdiff_t)(spread * block)
                        : NULL,
            .output_block_stride = (ptrdiff_t)(spread * block),
            .output_offsets = t->scattered ? output_offsets : NULL,
            .residual = reads_residual ? residual + out_block * (ptrdiff_t)(n_pixels * block) : NULL,
            .residual_block_stride = (ptrdiff_t)(n_pixels * block),
            .pooled_sums = t->form == POOLED ? sums + channel : NULL,
            .prefetch = p % 2 ? packed : NULL, /* a hint changes nothing */
            .prefetch_bytes = 4000,
        };
        layers->conv(&call, t->n_pixels);
    }

    bool *written = calloc(n_output, sizeof *written);
    int32_t *pooled = calloc(n_outputs, sizeof *pooled);
    assert_true(written && pooled);
    for (size_t c = 0; c < n_outputs; c++) {
        for (size_t i = 0; i < n_pixels; i++) {
            const size_t out = c / block * spread * block +
                               (t->scattered ? (size_t)output_offsets[i] : i * block) + c % block;
            int32_t sum = bias[c];
            for (int tap = 0; tap < t->n_taps; tap++)
                for (int k = 0; k < t->n_channels; k++) {
                    const size_t at = (size_t)(offsets[tap] + (ptrdiff_t)i * t->stride * position) +
                                      (size_t)k / block * block_stride + (size_t)k % block;
                    sum += (t->image ? ((const int16_t *)input)[at] : element(s, input, at)) *
                           weights[c * n_k + (size_t)(tap * t->n_channels + k)];
                }
            const int added = reads_residual ? residual[(c / block * n_pixels + i) * block + c % block] : 0;
            const int expected = result(sum, to_result[c], added, low, fine_limit);
            pooled[c] += expected;
            if (t->form == POOLED) continue;
            for (size_t lane = 0; lane < block; lane++) written[out / block * block + lane] = true;
            const int expected_coarse =
                t->form == ONE ? expected : coarse(expected, to_coarse[c], zero, coarse_high);
            if ((t->form != FINE && element(s, output, out) != expected_coarse) ||
                (t->form != ONE && fine[out] != expected))
                fail_msg("%s, %s: conv, %d pixels, %d taps, %d channels, %d outputs, stride %d, form %d%s: "
                         "pixel %d, "
                         "channel %d is %d, %d, expected %d, %d",
                         s->set, s->is_int8 ? "int8" : "int16", t->n_pixels, t->n_taps, t->n_channels,
                         t->n_outputs, t->stride, (int)t->form, t->image ? ", image" : "", (int)i, (int)c,
                         element(s, output, out), fine[out], expected_coarse, expected);
        }
    }
    for (size_t i = 0; i < n_output; i++)
        if ((!written[i] || t->form == FINE) && element(s, output, i) != element(s, before, i))
            fail_msg("%s: conv wrote beside its output", s->set);
    for (size_t i = 0; i < n_output; i++)
        if ((!written[i] || t->form == ONE) && fine[i] != fine_before[i])
            fail_msg("%s: conv wrote beside its fine output", s->set);
    if (t->form == POOLED) {
        float *features = guarded(n_outputs * sizeof *features),
              *scales = guarded(n_outputs * sizeof *scales);
        for (size_t c = 0; c < n_outputs; c++) scales[c] = (float)random_int(1, 1000) / 1000;
        layers->average(features, sums, n_outputs, scales, 77);
        for (size_t c = 0; c < n_outputs; c++)
            if (features[c] != (float)(pooled_before + pooled[c] - 77) * scales[c])
                fail_msg("%s: feature %d is wrong", s->set, (int)c);
    }
    free(written);
    free(pooled);
}

static void test_conv_every_run_length(void **unused)
{
    (void)unused;
    for (int n_pixels = 1; n_pixels <= 30; n_pixels++)
        for (int n_outputs = 8; n_outputs <= 72; n_outputs += 8) {
            state = (uint64_t)(n_pixels * 100 + n_outputs);
            const struct conv_case t = {n_pixels, 1, 17, n_outputs, 1, false, false, false, ONE};
            FOR_ALL_SUBJECTS(check_conv, &t)
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
            .form = (enum form)random_int(0, 3),
        };
        if (t.image && t.n_channels > 16) t.n_channels = 9; /* a row of the kernel */
        if (t.form == POOLED) t.residual = false;
        t.scattered = !t.residual && t.form != POOLED && random_int(0, 1);
        FOR_ALL_SUBJECTS(check_conv, &t)
    }
}

/* --- Depthwise convolution --- */

static void check_depthwise(const struct subject *s, int kernel, int stride, int n_rows, int n_pixels,
                            int n_channels)
{
    const struct pomk_layers *layers = s->layers;
    const size_t block = (size_t)layers->block_channels, n_taps = (size_t)(kernel * kernel);
    const int n_inputs = (n_rows - 1) * stride + kernel, width = (n_pixels - 1) * stride + kernel;
    const void *rows[32];
    assert_true(n_inputs <= 32);
    for (int y = 0; y < n_inputs; y++) rows[y] = values(s, (size_t)width * block);
    const int16_t *weights = words((size_t)n_channels * n_taps, s->is_int8 ? 127 : 25000 / (int)n_taps);
    const int32_t *bias = integers((size_t)n_channels, 10000);
    const float *to_result = multipliers((size_t)n_channels, 255.0 * 127, s->coarse_max);
    char *packed = guarded(layers->packed_depthwise_bytes(n_channels, kernel));
    layers->pack_depthwise(packed, weights, n_channels, kernel);
    const int32_t *packed_bias = packed_biases(s, bias, weights, n_channels, (int)n_taps, false);
    const float *packed_result = packed_channels(s, to_result, n_channels);
    const int low = s->is_int8 || random_int(0, 1) ? 0 : -s->coarse_max;
    for (int first = 0; first < n_channels; first += (int)block) {
        void *output = values(s, (size_t)(n_rows * n_pixels) * block);
        layers->depthwise(&(struct pomk_depthwise){
            .rows = rows,
            .weights = packed + (size_t)first / block * layers->packed_depthwise_bytes((int)block, kernel),
            .bias = packed_bias + first,
            .output = output,
            .output_row_stride = n_pixels * (ptrdiff_t)block,
            .n_rows = n_rows,
            .n_pixels = n_pixels,
            .kernel = kernel,
            .stride = stride,
            .requantization = {.multipliers = packed_result + first, .low = low, .high = s->coarse_max},
        });
        for (int c = first; c < n_channels && c < first + (int)block; c++)
            for (int y = 0; y < n_rows; y++)
                for (int x = 0; x < n_pixels; x++) {
                    int32_t sum = bias[c];
                    for (int ky = 0; ky < kernel; ky++)
                        for (int kx = 0; kx < kernel; kx++)
                            sum += element(s, rows[y * stride + ky],
                                           (size_t)(x * stride + kx) * block + (size_t)(c - first)) *
                                   weights[(c * kernel + ky) * kernel + kx];
                    const int expected = result(sum, to_result[c], 0, low, s->coarse_max);
                    const int is =
                        element(s, output, (size_t)(y * n_pixels + x) * block + (size_t)(c - first));
                    if (is != expected)
                        fail_msg("%s, %s: depthwise, kernel %d, stride %d, %d rows, %d pixels: (%d, %d), "
                                 "channel %d "
                                 "is %d, expected %d",
                                 s->set, s->is_int8 ? "int8" : "int16", kernel, stride, n_rows, n_pixels, y,
                                 x, c, is, expected);
                }
    }
}

static void test_depthwise(void **unused)
{
    (void)unused;
    for (int kernel = 1; kernel <= 5; kernel++)
        for (int stride = 1; stride <= 3; stride++)
            for (int n_rows = 1; n_rows <= 4; n_rows++)
                for (int n_pixels = 1; n_pixels <= (kernel == 3 ? 20 : 6); n_pixels++) {
                    state = (uint64_t)(kernel * 1000 + stride * 100 + n_rows * 20 + n_pixels);
                    const int n_channels = ONE_OF(8, 16, 24, 40);
                    FOR_ALL_SUBJECTS(check_depthwise, kernel, stride, n_rows, n_pixels, n_channels)
                }
}

/* --- The small kernels --- */

static void check_max_pool(const struct subject *s, int kernel, int stride, int n_rows, int pad_left,
                           int width)
{
    const size_t block = (size_t)s->layers->block_channels;
    const int n_pixels = (width + 2 * pad_left - kernel) / stride + 1;
    const void *rows[8];
    for (int y = 0; y < n_rows; y++) rows[y] = values(s, (size_t)width * block);
    void *output = values(s, (size_t)n_pixels * block);
    s->layers->max_pool(&(struct pomk_max_pool){.rows = rows,
                                                .n_rows = n_rows,
                                                .width = width,
                                                .output = output,
                                                .n_pixels = n_pixels,
                                                .kernel = kernel,
                                                .stride = stride,
                                                .pad_left = pad_left});
    for (int x = 0; x < n_pixels; x++)
        for (size_t lane = 0; lane < block; lane++) {
            int largest = INT32_MIN;
            for (int y = 0; y < n_rows; y++)
                for (int k = x * stride - pad_left; k < x * stride - pad_left + kernel; k++)
                    if (k >= 0 && k < width && element(s, rows[y], (size_t)k * block + lane) > largest)
                        largest = element(s, rows[y], (size_t)k * block + lane);
            assert_int_equal(element(s, output, (size_t)x * block + lane), largest);
        }
}

static void test_max_pool(void **unused)
{
    (void)unused;
    for (int kernel = 1; kernel <= 4; kernel++)
        for (int stride = 1; stride <= 2; stride++)
            for (int width = kernel; width <= 12; width++) {
                state = (uint64_t)(kernel * 1000 + stride * 100 + width);
                FOR_ALL_SUBJECTS(check_max_pool, kernel, stride, kernel, kernel / 2, width)
            }
}

static void check_add(const struct subject *s, size_t n_pixels, enum form form)
{
    const size_t block = (size_t)s->layers->block_channels, n = n_pixels * block;
    if (s->is_int8 && form == ONE) return; /* additions are fine */
    const int limit = form == ONE ? s->coarse_max : 32767;
    const int16_t *a = words(n, limit), *b = words(n, limit);
    void *output = values(s, n);
    int16_t *fine = words(n, 1);
    const float *to_coarse = multipliers(block, 20000, s->coarse_max);
    const int low = random_int(0, 1) ? 0 : -limit, zero = random_int(0, 200);
    s->layers->add(&(struct pomk_add){
        .a = a,
        .b = b,
        .output = form == FINE ? NULL : output,
        .fine = form == ONE ? NULL : fine,
        .n_pixels = n_pixels,
        .requantization = {.low = low,
                           .high = limit,
                           .coarse_multipliers =
                               form == COARSE_AND_FINE ? packed_channels(s, to_coarse, (int)block) : NULL,
                           .coarse_zero = zero,
                           .coarse_high = s->coarse_max},
    });
    for (size_t i = 0; i < n; i++) {
        const int expected = clamp(saturate(a[i] + b[i]), low, limit);
        if (form != ONE) assert_int_equal(fine[i], expected);
        if (form != FINE)
            assert_int_equal(element(s, output, i),
                             form == ONE ? expected
                                         : coarse(expected, to_coarse[i % block], zero, s->coarse_max));
    }
}

static void check_sums(const struct subject *s, size_t n_pixels)
{
    const size_t block = (size_t)s->layers->block_channels;
    const void *input = values(s, n_pixels * block);
    int32_t *sums = guarded(block * sizeof *sums);
    float *features = guarded(block * sizeof *features), *scales = guarded(block * sizeof *scales);
    for (size_t c = 0; c < block; c++) sums[c] = 5, scales[c] = (float)random_int(1, 1000) / 1000;
    s->layers->sum_pixels(sums, input, n_pixels);
    s->layers->average(features, sums, block, scales, 3);
    for (size_t c = 0; c < block; c++) {
        int32_t sum = 2;
        for (size_t i = 0; i < n_pixels; i++) sum += element(s, input, i * block + c);
        assert_true(features[c] == (float)sum * scales[c]);
    }
}

static void check_convert_bytes(const struct subject *s, size_t n)
{
    uint8_t *bytes = guarded(n);
    int16_t *output = guarded(n * sizeof *output);
    for (size_t i = 0; i < n; i++) bytes[i] = (uint8_t)random_bits();
    static const float scale[3] = {64, 64, 60}, shift[3] = {-8160, 100, -7};
    s->layers->convert_bytes(output, bytes, n, scale, shift);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(output[i], bytes[i] * (int)scale[i % 3] + (int)shift[i % 3]);
}

static void test_small_kernels(void **unused)
{
    (void)unused;
    for (size_t n = 1; n <= 20; n++) {
        state = n;
        for (int form = ONE; form <= COARSE_AND_FINE; form++) FOR_ALL_SUBJECTS(check_add, n, (enum form)form)
        FOR_ALL_SUBJECTS(check_sums, n)
        FOR_ALL_SUBJECTS(check_convert_bytes, n * 3)
        FOR_ALL_SUBJECTS(check_convert_bytes, n * 33)
    }
}

int main(void)
{
    n_sets = pomk_list(sets);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_every_run_length),
        cmocka_unit_test(test_conv_random_shapes),
        cmocka_unit_test(test_depthwise),
        cmocka_unit_test(test_max_pool),
        cmocka_unit_test(test_small_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
