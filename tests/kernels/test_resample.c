// SPDX-License-Identifier: Apache-2.0
/*
 * The resampling kernels of every set against sums written down plainly, at all tail sizes, with input and
 * output directly before an unreadable page: one byte too far is a crash.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernels/kernels.h"

enum { PAGES_BYTES = 1 << 16 };

/* Returns the end of PAGES_BYTES usable bytes. */
static uint8_t *guarded_end(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *memory =
        mmap(NULL, PAGES_BYTES + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    assert_int_equal(mprotect(memory + PAGES_BYTES, page, PROT_NONE), 0);
    return memory + PAGES_BYTES;
}

static uint32_t random_bits(void)
{
    static uint64_t state = 1;
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(state >> 33);
}

static void fill(uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) bytes[i] = (uint8_t)random_bits();
}

/* Weights that sum to about one, some of them negative: the sum then also leaves 0..255 on both sides. */
static void make_weights(int32_t *weights, int n_weights)
{
    for (int t = 0; t < n_weights; t++)
        weights[t] = (int32_t)(random_bits() % (1 << 23)) / n_weights - (1 << 21) / n_weights;
}

static uint8_t weigh(const uint8_t *input, ptrdiff_t stride, const int32_t *weights, int n_weights)
{
    int64_t sum = POMK_RESAMPLE_HALF;
    for (int t = 0; t < n_weights; t++) sum += (int64_t)input[t * stride] * weights[t];
    assert_true(sum >= INT32_MIN && sum <= INT32_MAX);
    sum = sum >= 0 ? sum >> POMK_RESAMPLE_BITS : -1;
    return sum < 0 ? 0 : sum > 255 ? 255 : (uint8_t)sum;
}

static void rows_are_weighed_exactly(void **state)
{
    (void)state;
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    uint8_t *input_end = guarded_end(), *output_end = guarded_end();
    int32_t weights[9];
    for (int set = 0; set < n_sets; set++)
        for (size_t n_bytes = 1; n_bytes < 200; n_bytes++) {
            int n_weights = 1 + (int)(n_bytes % 9);
            ptrdiff_t stride = (ptrdiff_t)n_bytes + (ptrdiff_t)(n_bytes % 4);
            const uint8_t *input = input_end - (n_weights - 1) * stride - (ptrdiff_t)n_bytes;
            uint8_t *output = output_end - n_bytes;
            fill((uint8_t *)input, (size_t)(input_end - input));
            make_weights(weights, n_weights);
            output[-1] = 77;
            sets[set]->resample_rows(output, input, stride, weights, n_weights, n_bytes);
            for (size_t i = 0; i < n_bytes; i++)
                assert_int_equal(output[i], weigh(input + i, stride, weights, n_weights));
            assert_int_equal(output[-1], 77);
        }
}

static void columns_are_weighed_exactly(void **state)
{
    (void)state;
    enum { MAX_PX = 40, MAX_WEIGHTS = 7 };
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    int n_sets = pomk_list(sets);
    uint8_t *input_end = guarded_end(), *output_end = guarded_end(), *scratch_end = guarded_end();
    int32_t firsts[MAX_PX], n_weights[MAX_PX], weights[MAX_PX * MAX_WEIGHTS];
    for (int set = 0; set < n_sets; set++)
        for (int trial = 0; trial < 300; trial++) {
            int in_width = 1 + (int)(random_bits() % MAX_PX), out_width = 1 + (int)(random_bits() % MAX_PX);
            int n_rows = 1 + (int)(random_bits() % 40);
            for (int x = 0; x < out_width; x++) {
                firsts[x] = (int)random_bits() % in_width;
                n_weights[x] = 1 + (int)random_bits() % MAX_WEIGHTS;
                if (n_weights[x] > in_width - firsts[x]) n_weights[x] = in_width - firsts[x];
                make_weights(weights + x * MAX_WEIGHTS, n_weights[x]);
            }
            ptrdiff_t in_stride = in_width * 3, out_stride = out_width * 3 + trial % 3;
            struct pomk_resample_columns pass = {
                .input = input_end - n_rows * in_stride,
                .input_stride = in_stride,
                .in_width_px = in_width,
                .n_rows = n_rows,
                .output = output_end - (n_rows - 1) * out_stride - out_width * 3,
                .output_stride = out_stride,
                .out_width_px = out_width,
                .firsts = firsts,
                .n_weights = n_weights,
                .weights = weights,
                .max_weights = MAX_WEIGHTS,
                .scratch = scratch_end - (in_width + out_width) * 3 * POMK_RESAMPLE_STRIP_ROWS,
            };
            fill((uint8_t *)pass.input, (size_t)(n_rows * in_stride));
            memset(pass.output, 77, (size_t)(output_end - pass.output));
            sets[set]->resample_columns(&pass);
            for (int y = 0; y < n_rows; y++) {
                for (int i = 0; i < out_width * 3; i++) {
                    const uint8_t *in = pass.input + y * in_stride + firsts[i / 3] * 3 + i % 3;
                    assert_int_equal(pass.output[y * out_stride + i],
                                     weigh(in, 3, weights + i / 3 * MAX_WEIGHTS, n_weights[i / 3]));
                }
                for (ptrdiff_t i = out_width * 3; i < out_stride && y < n_rows - 1; i++)
                    assert_int_equal(pass.output[y * out_stride + i], 77);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_weighed_exactly),
        cmocka_unit_test(columns_are_weighed_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
