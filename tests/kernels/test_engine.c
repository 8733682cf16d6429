// SPDX-License-Identifier: Apache-2.0
/*
 * The engine against an independent implementation: plain loops that follow the contract literally (bias
 * first, then kernel row, kernel column, input channel, one fmaf each; padding multiplies zeros; 3x3 convolutions
 * by Winograd's way where the plan says so). Random
 * networks of both families: any width, odd sizes, both padding rules, fused and unfusable layers. Every
 * kernel set must give the same bytes.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "cnn/plan.h"
#include "kernels/kernels.h"

#include "random_integers.h"
#include "winograd_reference.h"

static int n_rounds = 15; /* random networks of each family */

/* --- The contract, literally --- */

static float activate(float x, enum pomi_activation activation)
{
    if (activation != NONE && 0.0f > x) x = 0.0f;
    if (activation == RELU6 && 6.0f < x) x = 6.0f;
    return x;
}

/* Tensors are [height][width][channels]. */
struct map {
    float *data;
    int height, width, channels;
};

static float at(const struct map *m, int y, int x, int c)
{
    if (y < 0 || x < 0 || y >= m->height || x >= m->width) return 0.0f;
    return m->data[((size_t)y * (size_t)m->width + (size_t)x) * (size_t)m->channels + (size_t)c];
}

static float window(const struct pomi_layer *l, const struct map *in, int y, int x, int c)
{
    const int top = y * l->stride_px - l->pad_top_px, left = x * l->stride_px - l->pad_left_px,
              k = l->kernel_px;
    if (l->kind == MAX_POOL) {
        float largest = -INFINITY;
        for (int ky = 0; ky < k; ky++)
            for (int kx = 0; kx < k; kx++) {
                const int iy = top + ky, ix = left + kx;
                if (iy < 0 || ix < 0 || iy >= in->height || ix >= in->width) continue;
                if (at(in, iy, ix, c) > largest) largest = at(in, iy, ix, c);
            }
        return largest;
    }
    float sum = l->bias[c];
    const float *w =
        l->weights + (size_t)c * (size_t)(k * k) * (size_t)(l->kind == CONV ? l->in_channels : 1);
    for (int ky = 0; ky < k; ky++)
        for (int kx = 0; kx < k; kx++) {
            if (l->kind == DEPTHWISE)
                sum = fmaf(at(in, top + ky, left + kx, c), *w++, sum);
            else
                for (int i = 0; i < l->in_channels; i++)
                    sum = fmaf(at(in, top + ky, left + kx, i), *w++, sum);
        }
    return sum;
}

static size_t n_winograd_layers[5]; /* met so far, by the side of their tiles */

/* An m x m tile of one output channel; `points` has the layer's weights, [n_outputs][(m + 2)^2][n_channels]. */
static void winograd_tile(const struct pomi_layer *l, int m, const struct map *in, const float *points, int y,
                          int x, int c, float tile[4][4])
{
    const int patch_px = m + 2;
    float products[6][6] = {{0}};
    products[1][1] = l->bias[c];
    for (int i = 0; i < l->in_channels; i++) {
        float patch[6][6] = {{0}};
        for (int v = 0; v < patch_px; v++)
            for (int u = 0; u < patch_px; u++)
                patch[v][u] = at(in, y - l->pad_top_px + v, x - l->pad_left_px + u, i);
        reference_patch(m, patch);
        for (int v = 0; v < patch_px; v++)
            for (int u = 0; u < patch_px; u++) {
                const size_t point = (size_t)((c * patch_px + v) * patch_px + u);
                const float weight = points[point * (size_t)l->in_channels + (size_t)i];
                products[v][u] = fmaf(patch[v][u], weight, products[v][u]);
            }
    }
    reference_tile(m, products, tile);
}

static void winograd_layer(const struct pomi_layer *l, int m, const struct map *in, struct map *out)
{
    float *points = malloc((size_t)(l->out_channels * l->in_channels) * 36 * sizeof *points);
    assert_non_null(points);
    pomk_winograd_weights(m, points, l->weights, l->out_channels, l->in_channels);
    for (int y = 0; y < out->height; y += m)
        for (int x = 0; x < out->width; x += m)
            for (int c = 0; c < out->channels; c++) {
                float tile[4][4];
                winograd_tile(l, m, in, points, y, x, c, tile);
                for (int v = y; v < y + m && v < out->height; v++)
                    for (int u = x; u < x + m && u < out->width; u++)
                        out->data[(v * out->width + u) * out->channels + c] =
                            activate(tile[v - y][u - x], l->activation);
            }
    free(points);
    n_winograd_layers[m]++;
}

static struct map photo_as_floats(const struct pomi_graph *g, const uint8_t *rgb)
{
    static const double constants[3][2][3] = {
        {{127.5, 127.5, 127.5}, {127.5, 127.5, 127.5}},
        {{123.68, 116.779, 103.939}, {1, 1, 1}},
        {{0.485 * 255, 0.456 * 255, 0.406 * 255}, {0.229 * 255, 0.224 * 255, 0.225 * 255}},
    };
    struct map m = {malloc((size_t)g->input_px * (size_t)g->input_px * 3 * sizeof(float)), g->input_px,
                    g->input_px, 3};
    assert_non_null(m.data);
    for (int i = 0; i < g->input_px * g->input_px; i++)
        for (int c = 0; c < 3; c++) {
            const double mean = constants[g->preprocessing][0][c],
                         deviation = constants[g->preprocessing][1][c];
            const float x = fmaf(rgb[i * 3 + c], (float)(1 / deviation), (float)(-mean / deviation));
            m.data[i * 3 + (g->preprocessing == POMI_PREPROCESSING_CAFFE ? 2 - c : c)] = x;
        }
    return m;
}

static void reference_features(const struct pomi_graph *g, const uint8_t *rgb, float *features)
{
    struct map maps[MAX_LAYERS + 1]; /* [0] is the photo */
    maps[0] = photo_as_floats(g, rgb);
    for (int i = 0; i < g->n_layers; i++) {
        const struct pomi_layer *l = &g->layers[i];
        const struct map *in = &maps[l->inputs[0] + 1], *other = &maps[l->inputs[1] + 1];
        struct map *out = &maps[i + 1];
        *out = (struct map){NULL, l->out_height_px, l->out_width_px, l->out_channels};
        out->data = malloc((size_t)out->height * (size_t)out->width * (size_t)out->channels * sizeof(float));
        assert_non_null(out->data);
        float *to = out->data;
        const int tile_px = pomi_winograd_tile_px(g, i);
        if (tile_px > 0) {
            winograd_layer(l, tile_px, in, out);
            continue;
        }
        if (l->kind == AVERAGE) {
            for (int c = 0; c < l->out_channels; c++) {
                float sum = 0.0f;
                for (int y = 0; y < in->height; y++)
                    for (int x = 0; x < in->width; x++) sum += at(in, y, x, c);
                *to++ = sum * (1.0f / (float)(in->height * in->width));
            }
            continue;
        }
        for (int y = 0; y < out->height; y++)
            for (int x = 0; x < out->width; x++)
                for (int c = 0; c < out->channels; c++) {
                    const float value =
                        l->kind == ADD ? at(in, y, x, c) + at(other, y, x, c) : window(l, in, y, x, c);
                    *to++ = activate(value, l->activation);
                }
    }
    memcpy(features, maps[g->n_layers].data, (size_t)maps[g->n_layers].channels * sizeof *features);
    for (int i = 0; i <= g->n_layers; i++) free(maps[i].data);
}

/* --- Tests --- */

static void check(const struct pomi_graph *g, const char *what, int round)
{
    const size_t n_bytes = (size_t)g->input_px * (size_t)g->input_px * 3;
    const size_t n_features = (size_t)g->layers[g->n_layers - 1].out_channels;
    uint8_t *photos[2];
    float *expected[2], *features = malloc(n_features * sizeof *features);
    assert_non_null(features);
    for (int p = 0; p < 2; p++) {
        photos[p] = malloc(n_bytes);
        expected[p] = malloc(n_features * sizeof(float));
        assert_non_null(photos[p]);
        assert_non_null(expected[p]);
        for (size_t i = 0; i < n_bytes; i++) photos[p][i] = (uint8_t)random_bits();
        reference_features(g, photos[p], expected[p]);
    }
    const struct pomk_kernels *sets[POMK_MAX_SETS];
    const int n_sets = pomk_list(sets);
    for (int s = 0; s < n_sets; s++) {
        struct pom_error err = {0};
        struct pomi_plan *plan;
        struct pomi_runner *runner;
        if (pomi_plan_new(&plan, g, NULL, sets[s], &err) != POM_OK) fail_msg("%s", err.message);
        /* One to four threads on a photo: an arena that is shared, and as many that are not. */
        const int n_threads = 1 + (round + s) % 4;
        if (pomi_runner_new_threads(&runner, plan, n_threads, &err) != POM_OK) fail_msg("%s", err.message);
        pomi_plan_release(plan);
        for (int k = 0; k < 3; k++) { /* the first photo again: nothing of the second may stay behind */
            pomi_runner_run(runner, photos[k % 2], features);
            for (size_t i = 0; i < n_features; i++)
                if (memcmp(&features[i], &expected[k % 2][i], sizeof(float)) != 0)
                    fail_msg("%s %d on %s, %d threads: feature %zu of %zu is %.9g, expected %.9g", what,
                             round, sets[s]->name, n_threads, i, n_features, (double)features[i],
                             (double)expected[k % 2][i]);
        }
        pomi_runner_free(runner);
    }
    for (int p = 0; p < 2; p++) {
        free(photos[p]);
        free(expected[p]);
    }
    free(features);
}

static void test_random_mobilenets(void **unused)
{
    (void)unused;
    for (int round = 0; round < n_rounds; round++) {
        state = (uint64_t)round;
        struct pomi_graph g = random_mobilenet();
        check(&g, "mobilenet", round);
        release(&g);
    }
}

static void test_random_resnets(void **unused)
{
    (void)unused;
    for (int round = 0; round < n_rounds; round++) {
        state = (uint64_t)round + 1000;
        struct pomi_graph g = random_resnet();
        check(&g, "resnet", round);
        release(&g);
    }
    assert_true(n_rounds < 10 || (n_winograd_layers[4] >= 2 && n_winograd_layers[2] >= 2));
}

/* --- One plan, many threads, no allocation --- */

/* The linker sends the engine's allocations here (see meson.build). */
static atomic_long n_allocations;
static long failing_allocation = -1; /* number of the one that finds no memory */

static bool next_allocation_fails(void)
{
    return atomic_fetch_add(&n_allocations, 1) == failing_allocation;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_malloc(size_t size)
{
    return next_allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return next_allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t size)
{
    return next_allocation_fails() ? NULL : __real_realloc(memory, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return next_allocation_fails() ? NULL : __real_aligned_alloc(alignment, size);
}

enum { N_THREADS = 3, N_PHOTOS = 5, MAX_FEATURES = 256 };

static struct pomi_plan *shared_plan;
static uint8_t *shared_photos[N_PHOTOS];

/* Returns the features of all photos, [N_PHOTOS][MAX_FEATURES]. */
static void *run_all_photos(void *unused)
{
    (void)unused;
    float *features = calloc((size_t)N_PHOTOS * MAX_FEATURES, sizeof *features);
    struct pomi_runner *runner;
    if (!features || pomi_runner_new(&runner, shared_plan, NULL) != POM_OK) abort();
    for (int i = 0; i < N_PHOTOS; i++) pomi_runner_run(runner, shared_photos[i], features + i * MAX_FEATURES);
    pomi_runner_free(runner);
    return features;
}

static void test_threads_share_a_plan(void **unused)
{
    (void)unused;
    state = 7;
    struct pomi_graph g = random_mobilenet();
    const size_t n_bytes = (size_t)g.input_px * (size_t)g.input_px * 3;
    for (int i = 0; i < N_PHOTOS; i++) {
        shared_photos[i] = malloc(n_bytes);
        assert_non_null(shared_photos[i]);
        for (size_t k = 0; k < n_bytes; k++) shared_photos[i][k] = (uint8_t)random_bits();
    }
    assert_int_equal(pomi_plan_new(&shared_plan, &g, NULL, pomk_choose(NULL), NULL), POM_OK);
    release(&g); /* the plan has packed all it needs */
    pthread_t threads[N_THREADS];
    for (int i = 0; i < N_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_all_photos, NULL), 0);
    float *alone = run_all_photos(NULL);
    for (int i = 0; i < N_THREADS; i++) {
        void *features;
        assert_int_equal(pthread_join(threads[i], &features), 0);
        assert_memory_equal(features, alone, (size_t)N_PHOTOS * MAX_FEATURES * sizeof(float));
        free(features);
    }
    free(alone);
    pomi_plan_release(shared_plan);
    for (int i = 0; i < N_PHOTOS; i++) free(shared_photos[i]);
}

static void check_allocates_nothing(struct pomi_graph g, enum pom_precision precision, int n_threads)
{
    struct pomi_plan *plan;
    struct pomi_runner *runner;
    static float features[MAX_FEATURES];
    struct pomi_quantized quantized = {0};
    const bool is_fp32 = precision == POM_PRECISION_FP32;
    if (!is_fp32) quantized = random_integers(&g, precision);
    uint8_t *photo = calloc((size_t)g.input_px * (size_t)g.input_px, 3);
    const long before_plan = n_allocations;
    assert_int_equal(pomi_plan_new(&plan, &g, is_fp32 ? NULL : &quantized, pomk_choose(NULL), NULL), POM_OK);
    assert_int_equal(pomi_runner_new_threads(&runner, plan, n_threads, NULL), POM_OK);
    const long before = n_allocations;
    assert_true(before > before_plan); /* they are counted */
    pomi_runner_run(runner, photo, features);
    assert_int_equal(n_allocations, before);
    pomi_runner_free(runner);
    pomi_plan_release(plan);
    pomi_quantized_release(&quantized);
    release(&g);
    free(photo);
}

static void test_running_allocates_nothing(void **unused)
{
    (void)unused;
    for (int precision = POM_PRECISION_FP32; precision <= POM_PRECISION_INT8; precision++) {
        state = 3;
        check_allocates_nothing(random_mobilenet(), (enum pom_precision)precision, 1);
        state = 3;
        check_allocates_nothing(random_mobilenet(), (enum pom_precision)precision, 2);
        if (precision == POM_PRECISION_INT8)
            continue; /* this one adds what a max pooling gives, which int8 refuses */
        state = 3;
        check_allocates_nothing(random_resnet(), (enum pom_precision)precision, 2);
    }
}

/* Every allocation of the set-up fails once: an error each time, and nothing leaks or crashes. */
static void test_allocation_failures(void **unused)
{
    (void)unused;
    state = 5;
    struct pomi_graph g = random_mobilenet();
    int n_failures = 0;
    for (bool complete = false; !complete;) {
        struct pom_error err = {0};
        struct pomi_plan *plan;
        struct pomi_runner *runner = NULL;
        failing_allocation = n_allocations + n_failures;
        enum pom_status status = pomi_plan_new(&plan, &g, NULL, pomk_choose(NULL), &err);
        if (status == POM_OK) status = pomi_runner_new_threads(&runner, plan, 2, &err);
        complete = status == POM_OK;
        if (!complete) {
            assert_int_equal(status, POM_ERROR_MEMORY);
            assert_int_equal(err.status, POM_ERROR_MEMORY);
            assert_null(runner);
            n_failures++;
        }
        failing_allocation = -1;
        pomi_runner_free(runner);
        pomi_plan_release(plan);
    }
    assert_true(n_failures >= 10);
    release(&g);
}

/* --- Refusals --- */

static void expect_unsupported(const struct pomi_graph *g, const char *layer)
{
    struct pom_error err = {0};
    struct pomi_plan *plan;
    assert_int_equal(pomi_plan_new(&plan, g, NULL, &pomk_kernels_scalar, &err), POM_ERROR_UNSUPPORTED);
    assert_null(plan);
    assert_non_null(strstr(err.message, layer));
}

static void test_unsupported_layers_are_named(void **unused)
{
    (void)unused;
    struct pomi_graph g = new_graph();
    int x = add_layer(&g, CONV, POMI_INPUT_IMAGE, 0, 8, 3, 2, RELU6);
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    expect_unsupported(&g, "layer1");
    release(&g);

    g = new_graph();
    x = add_layer(&g, MAX_POOL, POMI_INPUT_IMAGE, 0, 0, 3, 2, NONE);
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    expect_unsupported(&g, "layer0");
    release(&g);

    g = new_graph();
    x = add_layer(&g, CONV, POMI_INPUT_IMAGE, 0, 8, 3, 2, RELU6);
    x = add_layer(&g, DEPTHWISE, x, 0, 0, 33, 1, NONE);
    add_layer(&g, AVERAGE, x, 0, 0, 1, 1, NONE);
    expect_unsupported(&g, "layer1");
    release(&g);
}

/* test_engine [ROUNDS]: fewer random networks where the CPU is emulated. */
int main(int argc, char **argv)
{
    if (argc > 1) n_rounds = atoi(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_mobilenets),    cmocka_unit_test(test_random_resnets),
        cmocka_unit_test(test_threads_share_a_plan), cmocka_unit_test(test_running_allocates_nothing),
        cmocka_unit_test(test_allocation_failures),  cmocka_unit_test(test_unsupported_layers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
