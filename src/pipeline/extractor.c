// SPDX-License-Identifier: Apache-2.0
#include "pipeline/extractor.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "cnn/quantized.h"
#include "decode/decode.h"
#include "kernels/kernels.h"
#include "store/store.h"

#define KEPT_PHOTO_BYTES       ((size_t)48 << 20) /* pixels of a phone photo, 16 megapixels */
#define MAX_PHOTO_THREADS      256
#define DEFAULT_MAX_FILE_BYTES ((int64_t)256 << 20)

double pomi_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

const char *pomi_photo_stage_name(enum pomi_photo_stage stage)
{
    static const char *const names[POMI_N_PHOTO_STAGES] = {"read", "decode", "resize", "cnn"};
    return names[stage];
}

const char *pomi_failure_stage_name(enum pomi_photo_stage stage)
{
    return stage == POMI_STAGE_READ ? "source" : pomi_photo_stage_name(stage);
}

const char *pom_extractor_stage(const struct pom_extractor *extractor)
{
    return pomi_failure_stage_name(extractor->stage);
}

void pom_extractor_options_init(struct pom_extractor_options *options)
{
    *options = (struct pom_extractor_options){0};
    pom_decode_options_init(&options->decode);
    pom_resize_options_init(&options->resize);
}

/* An extractor around `plan`, which it retains. */
static enum pom_status extractor_on_plan(struct pom_extractor **extractor, struct pomi_plan *plan,
                                         int input_px, int n_features,
                                         const struct pom_extractor_options *options, struct pom_error *err)
{
    struct pom_extractor *made = calloc(1, sizeof *made);
    if (made == NULL) return pomi_fail_memory(err, sizeof *made, "an extractor");
    made->options = *options;
    made->options.cpu = NULL; /* only the plan needed it; the caller's text may go away */
    made->input_px = input_px;
    made->n_features = n_features;
    made->plan = plan;
    pomi_plan_retain(plan);
    enum pom_status status =
        pomi_runner_new_threads(&made->runner, plan, options->n_threads > 0 ? options->n_threads : 1, err);
    if (status != POM_OK) {
        pom_extractor_free(made);
        return status;
    }
    *extractor = made;
    return POM_OK;
}

enum pom_status pomi_plan_in_precision(struct pomi_plan **plan, const struct pom_network *network,
                                       enum pom_precision precision, const struct pomk_kernels *kernels,
                                       struct pom_error *err)
{
    if (precision == POM_PRECISION_FP32) return pomi_plan_new(plan, &network->graph, NULL, kernels, err);
    if (precision != POM_PRECISION_INT16 && precision != POM_PRECISION_INT8)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "there is no precision number %d",
                         (int)precision);
    if (kernels->layers[precision == POM_PRECISION_INT8 ? POMK_I8 : POMK_I16] == NULL)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_precision",
                         "the kernels of this machine cannot compute in this precision");
    struct pomi_quantized quantized = {0};
    enum pom_status status = pomi_quantize(&quantized, &network->graph, precision, err);
    if (status != POM_OK) return pomi_fail_in(err, status, "network %s", network->info.name);
    status = pomi_plan_new(plan, &network->graph, &quantized, kernels, err);
    pomi_quantized_release(&quantized);
    return status;
}

enum pom_status pom_extractor_new(struct pom_extractor **extractor, const struct pom_network *network,
                                  const struct pom_extractor_options *options, struct pom_error *err)
{
    struct pom_extractor_options defaults;
    *extractor = NULL;
    if (options == NULL) {
        pom_extractor_options_init(&defaults);
        options = &defaults;
    }
    if (options->n_threads < 0 || options->n_threads > MAX_PHOTO_THREADS)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "too_many_threads",
                         "%d threads for a photo: 0 to %d are possible", options->n_threads,
                         MAX_PHOTO_THREADS);
    const struct pomk_kernels *kernels = pomk_choose(options->cpu);
    if (kernels == NULL)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "unknown_cpu", "there is no kernel set %s: use one of %s",
                         options->cpu, pomk_set_names());
    if (options->decode.preview_px != 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_option",
                         "preview_px is not for features: they are those of the whole photo");
    struct pomi_plan *plan = NULL;
    POMI_TRY(pomi_plan_in_precision(&plan, network, options->precision, kernels, err));
    const struct pom_network_info *info = pom_network_info(network);
    enum pom_status status =
        extractor_on_plan(extractor, plan, info->input_px, info->n_features, options, err);
    pomi_plan_release(plan);
    if (status == POM_OK) (*extractor)->workspace.kernels = kernels;
    return status;
}

enum pom_status pomi_extractor_clone_threads(struct pom_extractor **clone,
                                             const struct pom_extractor *extractor, int n_threads,
                                             struct pom_error *err)
{
    struct pom_extractor_options options = extractor->options;
    options.n_threads = n_threads;
    *clone = NULL;
    POMI_TRY(
        extractor_on_plan(clone, extractor->plan, extractor->input_px, extractor->n_features, &options, err));
    (*clone)->workspace.kernels = extractor->workspace.kernels;
    return POM_OK;
}

enum pom_status pom_extractor_clone(struct pom_extractor **clone, const struct pom_extractor *extractor,
                                    struct pom_error *err)
{
    return pomi_extractor_clone_threads(clone, extractor, extractor->options.n_threads, err);
}

void pom_extractor_free(struct pom_extractor *extractor)
{
    if (extractor == NULL) return;
    pomi_runner_free(extractor->runner);
    pomi_plan_release(extractor->plan);
    pomi_bytes_release(&extractor->file);
    pom_image_release(&extractor->photo);
    pom_image_release(&extractor->input);
    pomi_resize_workspace_release(&extractor->workspace);
    free(extractor);
}

size_t pomi_extractor_max_file_bytes(const struct pom_extractor *extractor)
{
    int64_t limit = extractor->options.max_file_bytes;
    return (size_t)(limit > 0 ? limit : DEFAULT_MAX_FILE_BYTES);
}

size_t pomi_extractor_fixed_bytes(const struct pom_extractor *extractor)
{
    size_t input_bytes = (size_t)extractor->input_px * (size_t)extractor->input_px * 3;
    size_t n_threads = extractor->options.n_threads > 0 ? (size_t)extractor->options.n_threads : 1;
    return n_threads * pomi_plan_arena_bytes(extractor->plan) + input_bytes;
}

size_t pomi_extractor_photo_bytes(const struct pom_extractor *extractor)
{
    size_t file_bytes = pomi_extractor_max_file_bytes(extractor),
           decode_bytes = pomi_decode_max_bytes(&extractor->options.decode);
    return decode_bytes < SIZE_MAX - file_bytes ? file_bytes + decode_bytes : SIZE_MAX;
}

/* A very large photo is no reason to hold its memory for the rest of the run. */
static void let_go_of_large_buffers(struct pom_extractor *extractor)
{
    if (extractor->photo.capacity_bytes > KEPT_PHOTO_BYTES) pom_image_release(&extractor->photo);
    if (extractor->file.capacity_bytes > KEPT_PHOTO_BYTES) pomi_bytes_release(&extractor->file);
}

/* Charges the time since *since to the current stage and moves on to `next`. */
static void enter_stage(struct pom_extractor *extractor, enum pomi_photo_stage next, double *since)
{
    double now = pomi_clock_seconds();
    extractor->seconds[extractor->stage] += now - *since;
    extractor->stage = next;
    *since = now;
}

/* From extractor->stage on, which is DECODE or, with decoded pixels, RESIZE. */
static enum pom_status run_network(struct pom_extractor *extractor, const struct pom_image *photo,
                                   float *features, double *since, struct pom_error *err)
{
    int side_px = extractor->input_px;
    POMI_TRY(pomi_resize(&extractor->input, photo, side_px, side_px, &extractor->options.resize,
                         &extractor->workspace, err));
    enter_stage(extractor, POMI_STAGE_CNN, since);
    pomi_runner_run(extractor->runner, extractor->input.pixels, features);
    for (int i = 0; i < extractor->n_features; i++)
        if (!isfinite(features[i]))
            return pomi_fail(
                err, POM_ERROR_NUMERIC, "not_finite",
                "feature %d is not finite: the network's weights are damaged or do not fit this photo", i);
    return POM_OK;
}

static enum pom_status decode_and_run(struct pom_extractor *extractor, struct pomi_view data, float *features,
                                      double *since, struct pom_error *err)
{
    POMI_TRY(pomi_decode(&extractor->photo, data, &extractor->options.decode, err));
    enter_stage(extractor, POMI_STAGE_RESIZE, since);
    return run_network(extractor, &extractor->photo, features, since, err);
}

enum pom_status pom_extract_memory(struct pom_extractor *extractor, const void *data, size_t size_bytes,
                                   float *features, struct pom_error *err)
{
    double since = pomi_clock_seconds();
    extractor->stage = POMI_STAGE_DECODE;
    enum pom_status status =
        decode_and_run(extractor, (struct pomi_view){data, size_bytes}, features, &since, err);
    let_go_of_large_buffers(extractor);
    enter_stage(extractor, extractor->stage, &since);
    return status;
}

static enum pom_status read_file(void *user, const char *path, size_t max_bytes, struct pomi_bytes *bytes,
                                 struct pom_error *err)
{
    return pomi_store_read(user, path, max_bytes, bytes, err);
}

enum pom_status pom_extract_file(struct pom_extractor *extractor, const char *path, float *features,
                                 struct pom_error *err)
{
    return pomi_extract_by(extractor, path, read_file, NULL, features, err);
}

enum pom_status pomi_extract_by(struct pom_extractor *extractor, const char *path, pomi_photo_reader reader,
                                void *user, float *features, struct pom_error *err)
{
    double since = pomi_clock_seconds();
    extractor->stage = POMI_STAGE_READ;
    enum pom_status status =
        reader(user, path, pomi_extractor_max_file_bytes(extractor), &extractor->file, err);
    if (status == POM_OK) {
        enter_stage(extractor, POMI_STAGE_DECODE, &since);
        status = decode_and_run(extractor, pomi_bytes_view(&extractor->file), features, &since, err);
        if (status != POM_OK) pomi_fail_in(err, status, "%s", path);
    }
    let_go_of_large_buffers(extractor);
    enter_stage(extractor, extractor->stage, &since);
    return status;
}

enum pom_status pom_extract_image(struct pom_extractor *extractor, const struct pom_image *image,
                                  float *features, struct pom_error *err)
{
    double since = pomi_clock_seconds();
    extractor->stage = POMI_STAGE_RESIZE;
    if (image->pixels == NULL || image->width_px <= 0 || image->height_px <= 0)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "empty", "the image has no pixels");
    enum pom_status status = run_network(extractor, image, features, &since, err);
    enter_stage(extractor, extractor->stage, &since);
    return status;
}
