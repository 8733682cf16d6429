// SPDX-License-Identifier: Apache-2.0
/*
 * From a graph to a plan: everything that run.c needs is decided here, once.
 */
#include "cnn/plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/sizes.h"
#include "cnn/plan_builder.h"

void *pomi_vector_memory(size_t size_bytes)
{
    if (size_bytes > SIZE_MAX - POMI_HUGE_PAGE_BYTES) return NULL;
    const size_t alignment = size_bytes >= POMI_HUGE_PAGE_BYTES ? POMI_HUGE_PAGE_BYTES : POMK_ALIGN_BYTES;
    size_bytes = pomi_size_align(size_bytes > 0 ? size_bytes : 1, alignment);
    void *memory = aligned_alloc(alignment, size_bytes);
    if (!memory) return NULL;
    pomi_prefer_huge_pages(memory, size_bytes);
    memset(memory, 0, size_bytes);
    return memory;
}

void pomi_fill(void *to, size_t n, size_t element_bytes, int value)
{
    if (element_bytes == sizeof(int16_t) && value != 0)
        for (size_t i = 0; i < n; i++) ((int16_t *)to)[i] = (int16_t)value;
    else
        memset(to, element_bytes == 1 ? value : 0, n * element_bytes);
}

static enum pomk_format format_of(const struct pomi_quantized *quantized)
{
    if (!quantized) return POMK_F32;
    return quantized->precision == POM_PRECISION_INT8 ? POMK_I8 : POMK_I16;
}

enum pom_status pomi_plan_new(struct pomi_plan **plan_out, const struct pomi_graph *graph,
                              const struct pomi_quantized *quantized, const struct pomk_kernels *kernels,
                              struct pom_error *err)
{
    *plan_out = NULL;
    const size_t n = (size_t)graph->n_layers;
    struct pomi_plan *plan = calloc(1, sizeof *plan);
    struct plan_builder b = {
        .plan = plan,
        .graph = graph,
        .quantized = quantized,
        .n_users = calloc(n, sizeof *b.n_users),
        .user = calloc(n, sizeof *b.user),
        .tensor_of_layer = calloc(n, sizeof *b.tensor_of_layer),
        .done = calloc(n, sizeof *b.done),
    };
    enum pom_status status = POM_OK;
    if (plan) {
        plan->steps = calloc(n, sizeof *plan->steps);
        plan->tensors = calloc(n, sizeof *plan->tensors);
    }
    if (!plan || !b.n_users || !b.user || !b.tensor_of_layer || !b.done || !plan->steps || !plan->tensors) {
        status =
            pomi_fail_memory(err, n * (sizeof *plan->steps + sizeof *plan->tensors), "the plan of a network");
        goto done;
    }
    atomic_init(&plan->n_references, 1);
    plan->kernels = kernels->layers[format_of(quantized)];
    plan->input_px = graph->input_px;
    plan->n_features = graph->layers[n - 1].out_channels;

    status = pomi_plan_match_steps(&b, err);
    if (status == POM_OK) status = pomi_plan_shape(&b, err);
    if (status == POM_OK) status = pomi_plan_lay_out_arena(plan, err);
    if (status == POM_OK) status = pomi_plan_make_constants(&b, err);
done:
    free(b.n_users);
    free(b.user);
    free(b.tensor_of_layer);
    free(b.done);
    free(b.winograd_weights);
    if (status == POM_OK)
        *plan_out = plan;
    else
        pomi_plan_release(plan);
    return status;
}

void pomi_plan_retain(struct pomi_plan *plan)
{
    atomic_fetch_add(&plan->n_references, 1);
}

void pomi_plan_release(struct pomi_plan *plan)
{
    if (!plan || atomic_fetch_sub(&plan->n_references, 1) > 1) return;
    free(plan->steps);
    free(plan->tensors);
    free(plan->constants);
    free(plan->offsets);
    free(plan);
}

size_t pomi_plan_arena_bytes(const struct pomi_plan *plan)
{
    return plan->arena_bytes;
}

size_t pomi_plan_weights_bytes(const struct pomi_plan *plan)
{
    return plan->constants_bytes;
}
