// SPDX-License-Identifier: Apache-2.0
/*
 * pom_bench: medians over rounds in which the limit and the network take turns. Photos are drawn here, so that the numbers
 * need no file.
 */
#include "pomona/bench.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "base/bytes.h"
#include "cnn/run.h"
#include "decode/decode.h"
#include "kernels/kernels.h"
#include "pipeline/extractor.h"
#include "pipeline/session.h"
#include "resize/resize.h"

#define N_ROUNDS    7
#define MAX_THREADS 256

void pom_bench_options_init(struct pom_bench_options *options)
{
    *options = (struct pom_bench_options){0};
}

struct bench {
    const struct pom_network *network;
    int n_photos, n_threads;
    void (*on_result)(void *user, const struct pom_bench_result *result);
    void *user;
};

static int by_value(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;
    return (difference > 0) - (difference < 0);
}

static double median(double *values, int n)
{
    qsort(values, (size_t)n, sizeof *values, by_value);
    return values[n / 2];
}

static void give(const struct bench *bench, const char *name, const char *kernel_set, double value,
                 const char *unit, double share)
{
    struct pom_bench_result result = {name, kernel_set, value, unit, share};
    bench->on_result(bench->user, &result);
}

/* Smooth colours with some texture: a JPEG of it has about the size of a real photo's. */
static void draw_photo(uint8_t *pixels, int width_px, int height_px)
{
    uint32_t noise = 1;
    for (int y = 0; y < height_px; y++) {
        for (int x = 0; x < width_px; x++, pixels += 3) {
            noise = noise * 1664525u + 1013904223u;
            int grain = (int)(noise >> 28);
            pixels[0] = (uint8_t)(x * 200 / width_px + grain);
            pixels[1] = (uint8_t)(y * 200 / height_px + grain);
            pixels[2] = (uint8_t)((x + y) * 100 / (width_px + height_px) + grain);
        }
    }
}

/* Seconds for running the runner over n_photos. */
static double time_network(struct pomi_runner *runner, const uint8_t *rgb, float *features, int n_photos)
{
    double began = pomi_clock_seconds();
    for (int i = 0; i < n_photos; i++) pomi_runner_run(runner, rgb, features);
    return pomi_clock_seconds() - began;
}

/* Multiply-adds per second of `kernels` on registers alone. */
static double time_limit(const struct pomk_kernels *kernels, long n_rounds)
{
    float result = 1;
    double began = pomi_clock_seconds();
    double n_done = kernels->fma_peak(n_rounds, &result);
    return n_done / (pomi_clock_seconds() - began);
}

static enum pom_status bench_kernel_set(const struct bench *bench, const struct pomk_kernels *kernels,
                                        const uint8_t *rgb, float *features, struct pom_error *err)
{
    struct pomi_plan *plan = NULL;
    struct pomi_runner *runner = NULL;
    POMI_TRY(pomi_plan_new(&plan, &bench->network->graph, NULL, kernels, err));
    enum pom_status status = pomi_runner_new(&runner, plan, err);
    pomi_plan_release(plan);
    POMI_TRY(status);

    double limits[N_ROUNDS], speeds[N_ROUNDS], shares[N_ROUNDS];
    double macs = (double)pom_network_info(bench->network)->n_macs;
    double first = time_network(runner, rgb, features, 1);
    int n_photos = bench->n_photos > 0 ? bench->n_photos : first > 0.14 ? 1 : (int)(0.14 / first) + 1;
    /* As long a loop for the limit as for the network, so that both meet the same clock. */
    long n_limit_rounds = (long)(1 + 0.14 * time_limit(kernels, 1000) / (kernels->fma_peak(1, features) + 1));
    for (int round = 0; round < N_ROUNDS; round++) {
        limits[round] = time_limit(kernels, n_limit_rounds);
        speeds[round] = n_photos / time_network(runner, rgb, features, n_photos);
        shares[round] = speeds[round] * macs / limits[round];
    }
    pomi_runner_free(runner);
    give(bench, "multiply-add limit, 1 thread", kernels->name, median(limits, N_ROUNDS) * 1e-9,
         "G multiply-adds/s", 0);
    give(bench, "network, 1 thread", kernels->name, median(speeds, N_ROUNDS), "photos/s",
         median(shares, N_ROUNDS));
    return POM_OK;
}

/* --- all threads --- */

struct crew_member {
    pthread_t thread;
    struct pomi_runner *runner;
    const struct pomk_kernels *kernels;
    const uint8_t *rgb;
    float *features;
    int n_photos;
    bool is_running;
};

static void *work(void *argument)
{
    struct crew_member *member = argument;
    time_network(member->runner, member->rgb, member->features, member->n_photos);
    return NULL;
}

static enum pom_status bench_all_threads(const struct bench *bench, const struct pomk_kernels *kernels,
                                         const uint8_t *rgb, struct pom_error *err)
{
    int n_threads = bench->n_threads < MAX_THREADS ? bench->n_threads : MAX_THREADS;
    size_t n_features = (size_t)pom_network_info(bench->network)->n_features;
    struct crew_member *crew = calloc((size_t)n_threads, sizeof *crew);
    struct pomi_plan *plan = NULL;
    if (crew == NULL) return pomi_fail_memory(err, (size_t)n_threads * sizeof *crew, "threads");
    enum pom_status status = pomi_plan_new(&plan, &bench->network->graph, NULL, kernels, err);
    for (int i = 0; status == POM_OK && i < n_threads; i++) {
        crew[i] = (struct crew_member){
            .kernels = kernels, .rgb = rgb, .features = malloc(n_features * sizeof(float))};
        status = crew[i].features == NULL ? pomi_fail_memory(err, n_features * sizeof(float), "features")
                                          : pomi_runner_new(&crew[i].runner, plan, err);
    }
    if (status == POM_OK) {
        double seconds = time_network(crew[0].runner, rgb, crew[0].features, 4) / 4;
        int n_photos = bench->n_photos > 0 ? bench->n_photos : (int)(1 / seconds) + 1;
        double began = pomi_clock_seconds();
        int n_started = 0;
        for (int i = 0; i < n_threads; i++) {
            crew[i].n_photos = n_photos;
            crew[i].is_running = pthread_create(&crew[i].thread, NULL, work, &crew[i]) == 0;
            n_started += crew[i].is_running;
        }
        for (int i = 0; i < n_threads; i++)
            if (crew[i].is_running) pthread_join(crew[i].thread, NULL);
        char name[64];
        snprintf(name, sizeof name, "network, %d threads", n_started);
        give(bench, name, kernels->name, (double)n_started * n_photos / (pomi_clock_seconds() - began),
             "photos/s", 0);
    }
    for (int i = 0; i < n_threads; i++) {
        pomi_runner_free(crew[i].runner);
        free(crew[i].features);
    }
    pomi_plan_release(plan);
    free(crew);
    return status;
}

/* --- decode and resize --- */

static unsigned long encode_jpeg(unsigned char **data, const uint8_t *pixels, int width_px, int height_px)
{
    struct jpeg_compress_struct encoder;
    struct jpeg_error_mgr errors;
    unsigned long size_bytes = 0;
    *data = NULL;
    encoder.err = jpeg_std_error(&errors);
    jpeg_create_compress(&encoder);
    jpeg_mem_dest(&encoder, data, &size_bytes);
    encoder.image_width = (JDIMENSION)width_px;
    encoder.image_height = (JDIMENSION)height_px;
    encoder.input_components = 3;
    encoder.in_color_space = JCS_RGB;
    jpeg_set_defaults(&encoder);
    jpeg_set_quality(&encoder, 90, TRUE);
    jpeg_start_compress(&encoder, TRUE);
    while (encoder.next_scanline < encoder.image_height) {
        JSAMPROW row = (JSAMPROW)(pixels + (size_t)encoder.next_scanline * (size_t)width_px * 3);
        jpeg_write_scanlines(&encoder, &row, 1);
    }
    jpeg_finish_compress(&encoder);
    jpeg_destroy_compress(&encoder);
    return size_bytes;
}

static enum pom_status bench_photo(const struct bench *bench, int width_px, int height_px,
                                   struct pom_error *err)
{
    uint8_t *pixels = malloc((size_t)width_px * (size_t)height_px * 3);
    if (pixels == NULL) return pomi_fail_memory(err, (size_t)width_px * (size_t)height_px * 3, "a photo");
    unsigned char *data;
    draw_photo(pixels, width_px, height_px);
    unsigned long size_bytes = encode_jpeg(&data, pixels, width_px, height_px);
    free(pixels);

    struct pom_image photo = {0}, small = {0};
    struct pomi_resize_workspace workspace = {0};
    struct pom_decode_options decode_options;
    struct pom_resize_options resize_options;
    pom_decode_options_init(&decode_options);
    pom_resize_options_init(&resize_options);
    double decode_ms[N_ROUNDS], resize_ms[N_ROUNDS];
    int side_px = pom_network_info(bench->network)->input_px;
    int n_times = (int)(4000000 / ((int64_t)width_px * height_px)) + 1;
    enum pom_status status = POM_OK;
    for (int round = 0; status == POM_OK && round < N_ROUNDS; round++) {
        double began = pomi_clock_seconds();
        for (int i = 0; status == POM_OK && i < n_times; i++)
            status = pomi_decode(&photo, (struct pomi_view){data, size_bytes}, &decode_options, err);
        double decoded = pomi_clock_seconds();
        for (int i = 0; status == POM_OK && i < n_times; i++)
            status = pomi_resize(&small, &photo, side_px, side_px, &resize_options, &workspace, err);
        decode_ms[round] = (decoded - began) * 1e3 / n_times;
        resize_ms[round] = (pomi_clock_seconds() - decoded) * 1e3 / n_times;
    }
    if (status == POM_OK) {
        char name[64];
        snprintf(name, sizeof name, "decode JPEG %dx%d", width_px, height_px);
        give(bench, name, "", median(decode_ms, N_ROUNDS), "ms", 0);
        snprintf(name, sizeof name, "resize %dx%d to %d", width_px, height_px, side_px);
        give(bench, name, "", median(resize_ms, N_ROUNDS), "ms", 0);
    }
    pom_image_release(&photo);
    pom_image_release(&small);
    pomi_resize_workspace_release(&workspace);
    free(data);
    return status;
}

enum pom_status pom_bench(const struct pom_bench_options *options,
                          void (*on_result)(void *user, const struct pom_bench_result *result), void *user,
                          struct pom_error *err)
{
    struct pom_network *network = NULL;
    const struct pomk_kernels *list[POMK_MAX_SETS];
    const struct pomk_kernels *best = pomk_choose(options->cpu);
    if (best == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_cpu",
                         "there is no kernel set %s: use scalar, avx2 or avx512", options->cpu);
    POMI_TRY(pom_network_open(&network, options->network != NULL ? options->network : "auto", err));
    struct pom_run_options threads = {.n_threads = options->n_threads};
    struct bench bench = {network, options->n_photos, pomi_session_n_threads(&threads), on_result, user};
    size_t side_px = (size_t)pom_network_info(network)->input_px;
    uint8_t *rgb = malloc(side_px * side_px * 3);
    float *features = malloc((size_t)pom_network_info(network)->n_features * sizeof(float));
    enum pom_status status =
        rgb == NULL || features == NULL ? pomi_fail_memory(err, side_px * side_px * 3, "a photo") : POM_OK;
    if (status == POM_OK) draw_photo(rgb, (int)side_px, (int)side_px);
    if (status == POM_OK) status = bench_photo(&bench, 100, 100, err);
    if (status == POM_OK) status = bench_photo(&bench, 4000, 3000, err);
    int n_sets = pomk_list(list);
    for (int i = 0; status == POM_OK && i < n_sets; i++) {
        status = bench_kernel_set(&bench, list[i], rgb, features, err);
        if (list[i] == best) break;
    }
    if (status == POM_OK) status = bench_all_threads(&bench, best, rgb, err);
    free(rgb);
    free(features);
    pom_network_free(network);
    return status;
}
