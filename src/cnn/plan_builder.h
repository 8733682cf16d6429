// SPDX-License-Identifier: Apache-2.0
/*
 * How a plan is made, in the order of the functions below: which layers run together (plan_steps.c), borders,
 * strips and scratch memory (plan_shapes.c), addresses (plan_arena.c), packed weights (plan_constants.c).
 */
#ifndef POMONA_CNN_PLAN_BUILDER_H
#define POMONA_CNN_PLAN_BUILDER_H

#include "cnn/plan.h"
#include "cnn/quantized.h"

struct plan_builder {
    struct pomi_plan *plan;
    const struct pomi_graph *graph;
    const struct pomi_quantized *quantized; /* NULL: fp32 */
    int *n_users;                           /* by layer: how many layers read it */
    int *user;                              /* by layer: the last that reads it */
    int *tensor_of_layer;                   /* -1: not in memory (yet) */
    bool *done;                             /* by layer: a step has it */
    size_t n_constants_bytes;               /* handed out so far */
    size_t n_offsets;
    float *winograd_weights; /* room for those of the largest such layer, before they are packed */
    size_t n_winograd_weights;
};

/* Layers to steps and tensors. Errors: UNSUPPORTED. */
enum pom_status pomi_plan_match_steps(struct plan_builder *b, struct pom_error *err);

/* Borders (the zeros that padding reads), strips (how many rows at a time keep a step's intermediates in the
 * cache) and every size. Errors: LIMIT. */
enum pom_status pomi_plan_shape(struct plan_builder *b, struct pom_error *err);

/* Offsets in the arena: what does not live at the same time shares addresses. Errors: LIMIT, MEMORY. */
enum pom_status pomi_plan_lay_out_arena(struct pomi_plan *plan, struct pom_error *err);

/* Packed weights and offsets. Errors: MEMORY. */
enum pom_status pomi_plan_make_constants(struct plan_builder *b, struct pom_error *err);

enum pom_status pomi_plan_too_large(struct pom_error *err);

/* What `layer`'s activation is to the kernels. */
enum pomk_activation pomi_plan_activation(const struct pomi_layer *layer);

/* The number of blocks that n channels take in the plan's format. */
static inline int plan_blocks(const struct pomi_plan *plan, int n_channels)
{
    return (n_channels + plan->kernels->block_channels - 1) / plan->kernels->block_channels;
}

/* The number of Winograd's tiles along n output pixels. */
static inline int plan_tiles(int n_pixels, int tile_px)
{
    return (n_pixels + tile_px - 1) / tile_px;
}

static inline int max_int(int a, int b)
{
    return a > b ? a : b;
}

#endif
