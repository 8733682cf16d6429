// SPDX-License-Identifier: Apache-2.0
/* What the parts of pom_bench share: what is measured, how results leave, and the photo that is drawn for it. */
#ifndef POMONA_API_BENCH_H
#define POMONA_API_BENCH_H

#include "cnn/graph.h"
#include "cnn/run.h"
#include "kernels/kernels.h"
#include "pomona/bench.h"
#include "pomona/features.h"

#define POMI_BENCH_MAX_ROUNDS 7
#define POMI_BENCH_SECONDS    0.14 /* of one measurement in a round */

struct pomi_bench {
    const char *network_name; /* as pom_network_open takes it */
    const struct pom_network *network;
    const struct pomk_kernels *sets[POMK_MAX_SETS]; /* slowest first; the last one is the one that runs use */
    int n_sets;
    int n_photos; /* per measurement; 0: as many as fit into POMI_BENCH_SECONDS */
    int n_rounds;
    int n_threads;
    uint8_t *rgb; /* [POMI_BENCH_BATCH][input_px][input_px][3] */
    float *features;
    void (*on_result)(void *user, const struct pom_bench_result *result);
    void *user;
};

#define POMI_BENCH_BATCH 16

/* Sorts the values. */
double pomi_bench_median(double *values, int n);

/* Smooth colours with some texture: a JPEG of it has about the size of a real photo's. */
void pomi_bench_draw(uint8_t *pixels, int width_px, int height_px, uint32_t seed);

/* *plan is NULL, and nothing to show, in integers of a network that was not calibrated. Errors: as pom_extractor_new. */
enum pom_status pomi_bench_plan(const struct pomi_bench *bench, struct pomi_plan **plan,
                                const struct pomk_kernels *kernels, enum pom_precision precision,
                                struct pom_error *err);
/* "fp32", "int16", "int8" */
const char *pomi_bench_precision_name(enum pom_precision precision);

/* The sections, in order. */
enum pom_status pomi_bench_start(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_limits(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_networks(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_scaling(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_layers(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_photos(const struct pomi_bench *bench, struct pom_error *err);
enum pom_status pomi_bench_tables(const struct pomi_bench *bench, struct pom_error *err);

#endif
