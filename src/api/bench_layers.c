// SPDX-License-Identifier: Apache-2.0
/*
 * Where a photo's time in the network goes, by kind of layer. Layers run fused, so no layer can be timed from outside:
 * instead the network runs on a copy of the kernel table whose functions look at the clock before and after the real ones.
 * What two looks at the clock cost is measured and taken off.
 */
#include <string.h>

#include "api/bench.h"
#include "cnn/plan.h"
#include "pipeline/extractor.h"

enum kind {
    FIRST,
    EXPAND_PROJECT,
    WINDOW,
    PRODUCTS,
    TRANSFORMS,
    DEPTHWISE,
    LAST,
    ADD,
    POOL,
    CONVERT,
    N_KINDS
};

static const char *const kind_names[N_KINDS] = {
    "first convolution",        "1x1 convolutions",           "larger convolutions",
    "3x3: Winograd's products", "3x3: Winograd's transforms", "depthwise convolutions",
    "last convolution",         "additions, where not fused", "pooling",
    "bytes to numbers",
};

/* Kernels take no context: what they add up is the thread's that measures. */
static _Thread_local struct {
    const struct pomk_layers *real;
    double seconds[N_KINDS];
    long n_calls[N_KINDS];
} timing;

#define TIMED(what, call)                                                                                    \
    {                                                                                                        \
        enum kind timed_kind = (what);                                                                       \
        double began = pomi_clock_seconds();                                                                 \
        call;                                                                                                \
        timing.seconds[timed_kind] += pomi_clock_seconds() - began;                                          \
        timing.n_calls[timed_kind]++;                                                                        \
    }

static enum kind conv_kind(const struct pomk_conv *conv)
{
    return conv->reads_image           ? FIRST
           : conv->pooled_sums != NULL ? LAST
           : conv->n_taps > 1          ? WINDOW
                                       : EXPAND_PROJECT;
}
static void timed_conv(const struct pomk_conv *conv, int n_pixels)
{
    TIMED(conv_kind(conv), timing.real->conv(conv, n_pixels))
}
static void timed_depthwise(const struct pomk_depthwise *depthwise)
{
    TIMED(DEPTHWISE, timing.real->depthwise(depthwise))
}
static void timed_products(const struct pomk_conv *conv, int n_tiles)
{
    TIMED(PRODUCTS, timing.real->winograd_products(conv, n_tiles))
}
static void timed_patches(const struct pomk_winograd_patches *patches)
{
    TIMED(TRANSFORMS, timing.real->winograd_patches(patches))
}
static void timed_tiles(const struct pomk_winograd_tiles *tiles)
{
    TIMED(TRANSFORMS, timing.real->winograd_tiles(tiles))
}
static void timed_max_pool(const struct pomk_max_pool *max_pool)
{
    TIMED(POOL, timing.real->max_pool(max_pool))
}
static void timed_add(const struct pomk_add *add)
{
    TIMED(ADD, timing.real->add(add))
}
static void timed_convert(void *output, const uint8_t *bytes, size_t n, const float scale[3],
                          const float shift[3])
{
    TIMED(CONVERT, timing.real->convert_bytes(output, bytes, n, scale, shift))
}
static void timed_sum(void *sums, const void *input, size_t n_pixels)
{
    TIMED(POOL, timing.real->sum_pixels(sums, input, n_pixels))
}
static void timed_average(float *features, const void *sums, size_t n, const float *scales, int32_t shift)
{
    TIMED(POOL, timing.real->average(features, sums, n, scales, shift))
}

static struct pomk_layers timed_table(const struct pomk_layers *real)
{
    struct pomk_layers timed = *real;
    timed.conv = timed_conv;
    timed.depthwise = timed_depthwise;
    timed.winograd_patches = timed_patches;
    timed.winograd_products = timed_products;
    timed.winograd_tiles = timed_tiles;
    timed.max_pool = timed_max_pool;
    timed.add = timed_add;
    timed.convert_bytes = timed_convert;
    timed.sum_pixels = timed_sum;
    timed.average = timed_average;
    return timed;
}

static double clock_cost(void)
{
    enum { N = 10000 };
    double sum = 0, began = pomi_clock_seconds();
    for (int i = 0; i < N; i++) sum += pomi_clock_seconds() - began;
    double elapsed = pomi_clock_seconds() - began;
    return sum > 0 ? elapsed / N : 0; /* of one look; half of each of two falls into what is timed */
}

/* Multiply-adds per kind, as conv_kind tells them apart. */
static void count_macs(const struct pomi_graph *graph, double n_macs[N_KINDS], bool last_is_pooled,
                       bool has_winograd)
{
    const struct pomi_layer *pool = &graph->layers[graph->n_layers - 1];
    memset(n_macs, 0, N_KINDS * sizeof *n_macs);
    for (int i = 0; i < graph->n_layers; i++) {
        const struct pomi_layer *layer = &graph->layers[i];
        bool is_last = last_is_pooled && i == pool->inputs[0];
        const int tile_px = has_winograd ? pomi_winograd_tile_px(graph, i) : 0;
        enum kind kind = layer->kind == POMI_LAYER_DEPTHWISE    ? DEPTHWISE
                         : layer->kind != POMI_LAYER_CONV       ? POOL
                         : layer->inputs[0] == POMI_INPUT_IMAGE ? FIRST
                         : is_last                              ? LAST
                         : tile_px > 0                          ? PRODUCTS
                         : layer->kernel_px > 1                 ? WINDOW
                                                                : EXPAND_PROJECT;
        /* Points for the pixels of whole tiles, in the place of nine products each. */
        const double share = kind == PRODUCTS ? pomk_winograd_points(tile_px) / (9.0 * tile_px * tile_px) : 1;
        n_macs[kind] += share * (double)pomi_layer_n_macs(layer);
    }
}

struct rounds {
    double seconds[N_KINDS + 1][POMI_BENCH_MAX_ROUNDS]; /* per photo; last: what no kernel took */
    double limits[POMI_BENCH_MAX_ROUNDS];
};

/* One round: the limit, a few photos untimed inside, as many timed inside. */
static enum pom_status run_round(const struct pomi_bench *bench, const struct pomk_kernels *kernels,
                                 struct pomi_runner *plain, struct pomi_runner *timed, int round,
                                 struct rounds *rounds, struct pom_error *err)
{
    POMI_TRY(pom_bench_limit(kernels->name, 1, POMI_BENCH_SECONDS / 2, &rounds->limits[round], err));
    int n_photos = 0, wanted = bench->n_photos > 0 ? bench->n_photos : POMI_BENCH_BATCH;
    memset(timing.seconds, 0, sizeof timing.seconds);
    memset(timing.n_calls, 0, sizeof timing.n_calls);
    double began = pomi_clock_seconds(), cost = clock_cost();
    for (; n_photos < wanted; n_photos++) pomi_runner_run(timed, bench->rgb, bench->features);
    began = pomi_clock_seconds();
    for (int i = 0; i < n_photos; i++) pomi_runner_run(plain, bench->rgb, bench->features);
    double rest = (pomi_clock_seconds() - began) / n_photos;
    for (int kind = 0; kind < N_KINDS; kind++) {
        double seconds = (timing.seconds[kind] - (double)timing.n_calls[kind] * cost) / n_photos;
        rounds->seconds[kind][round] = seconds > 0 ? seconds : 0;
        rest -= rounds->seconds[kind][round];
    }
    rounds->seconds[N_KINDS][round] = rest > 0 ? rest : 0;
    return POM_OK;
}

static void give_rounds(const struct pomi_bench *bench, const struct pomk_kernels *kernels,
                        enum pom_precision precision, struct rounds *rounds)
{
    double n_macs[N_KINDS], medians[N_KINDS + 1], total = 0;
    double limit = pomi_bench_median(rounds->limits, bench->n_rounds);
    for (int kind = 0; kind <= N_KINDS; kind++)
        total += medians[kind] = pomi_bench_median(rounds->seconds[kind], bench->n_rounds);
    count_macs(&bench->network->graph, n_macs, medians[LAST] > 0, medians[PRODUCTS] > 0);
    for (int kind = 0; kind <= N_KINDS; kind++) {
        if (medians[kind] == 0) continue;
        double macs = kind < N_KINDS ? n_macs[kind] : 0;
        bench->on_result(bench->user, &(struct pom_bench_result){
                                          .section = "layers",
                                          .name = kind < N_KINDS ? kind_names[kind] : "between the kernels",
                                          .kernel_set = kernels->name,
                                          .precision = pomi_bench_precision_name(precision),
                                          .value = medians[kind] * 1e3,
                                          .unit = "ms",
                                          .share_of_limit = macs / medians[kind] / limit,
                                          .share_of_photo = medians[kind] / total,
                                      });
    }
}

static enum pom_status bench_precision(const struct pomi_bench *bench, enum pom_precision precision,
                                       struct pom_error *err)
{
    static const enum pomk_format formats[] = {POMK_F32, POMK_I16, POMK_I8};
    struct pomk_kernels kernels = *bench->sets[bench->n_sets - 1];
    struct pomi_plan *plain_plan = NULL, *timed_plan = NULL;
    struct pomi_runner *plain = NULL, *timed = NULL;
    POMI_TRY(pomi_bench_plan(bench, &plain_plan, &kernels, precision, err));
    if (plain_plan == NULL) return POM_OK;
    timing.real = kernels.layers[formats[precision]];
    struct pomk_layers table = timed_table(timing.real);
    struct pomk_kernels timed_kernels = kernels;
    timed_kernels.layers[formats[precision]] = &table;
    struct rounds rounds;
    enum pom_status status =
        pomi_plan_in_precision(&timed_plan, bench->network, precision, &timed_kernels, err);
    if (status == POM_OK) status = pomi_runner_new(&plain, plain_plan, err);
    if (status == POM_OK) status = pomi_runner_new(&timed, timed_plan, err);
    for (int round = 0; status == POM_OK && round < bench->n_rounds; round++)
        status = run_round(bench, &kernels, plain, timed, round, &rounds, err);
    if (status == POM_OK) give_rounds(bench, &kernels, precision, &rounds);
    pomi_runner_free(plain);
    pomi_runner_free(timed);
    pomi_plan_release(timed_plan);
    pomi_plan_release(plain_plan);
    return status;
}

enum pom_status pomi_bench_layers(const struct pomi_bench *bench, struct pom_error *err)
{
    for (enum pom_precision precision = POM_PRECISION_FP32; precision <= POM_PRECISION_INT8; precision++)
        POMI_TRY(bench_precision(bench, precision, err));
    return POM_OK;
}
