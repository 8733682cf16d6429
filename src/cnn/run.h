// SPDX-License-Identifier: Apache-2.0
/*
 * Running a network: a plan is made once from a graph and a kernel set and shared; a runner is one thread's
 * arena, or several threads' that run one photo together.
 */
#ifndef POMONA_CNN_RUN_H
#define POMONA_CNN_RUN_H

#include "cnn/graph.h"

struct pomk_kernels; /* kernels/kernels.h */
struct pomi_plan;
struct pomi_quantized; /* cnn/quantized.h */
struct pomi_runner;

/* Packs the weights for one kernel set and lays out the working memory. `quantized` is NULL for fp32. Graph and
 * integers may be released afterwards. The caller owns one reference. Errors: UNSUPPORTED (with the layer's name),
 * MEMORY. */
enum pom_status pomi_plan_new(struct pomi_plan **plan, const struct pomi_graph *graph,
                              const struct pomi_quantized *quantized, const struct pomk_kernels *kernels,
                              struct pom_error *err);
void pomi_plan_retain(struct pomi_plan *plan);  /* thread-safe */
void pomi_plan_release(struct pomi_plan *plan); /* thread-safe; NULL is fine */

size_t pomi_plan_arena_bytes(const struct pomi_plan *plan);
size_t pomi_plan_weights_bytes(const struct pomi_plan *plan);

/* Retains the plan. */
enum pom_status pomi_runner_new(struct pomi_runner **runner, struct pomi_plan *plan, struct pom_error *err);
/* The same, whose runs use n_threads > 0 threads, one of them the caller's; the others sleep in between. Each takes an
 * arena. The features are the same bytes. */
enum pom_status pomi_runner_new_threads(struct pomi_runner **runner, struct pomi_plan *plan, int n_threads,
                                        struct pom_error *err);
void pomi_runner_free(struct pomi_runner *runner); /* NULL is fine */

/* rgb[input_px][input_px][3] -> features[n_features]. Allocates nothing, cannot fail. */
void pomi_runner_run(struct pomi_runner *runner, const uint8_t *rgb, float *features);

#endif
