// SPDX-License-Identifier: Apache-2.0
/*
 * The arena: tensors and scratch memory that do not live at the same time share addresses.
 */
#include "cnn/plan_builder.h"

#include <stdlib.h>

#include "base/sizes.h"

struct resident {
    size_t size_bytes, *offset;
    int first_step, last_step;
};

static int by_size_descending(const void *a, const void *b)
{
    const size_t x = ((const struct resident *)a)->size_bytes, y = ((const struct resident *)b)->size_bytes;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_offset(const void *a, const void *b)
{
    const size_t x = *(*(const struct resident *const *)a)->offset,
                 y = *(*(const struct resident *const *)b)->offset;
    return x < y ? -1 : x > y ? 1 : 0;
}

/* First fit, largest first: `neighbours` holds those already placed that live at the same time. */
static size_t lowest_gap(const struct resident *item, struct resident **neighbours, size_t n_neighbours)
{
    size_t offset = 0;
    qsort(neighbours, n_neighbours, sizeof *neighbours, by_offset);
    for (size_t i = 0; i < n_neighbours; i++) {
        if (offset + item->size_bytes <= *neighbours[i]->offset) break;
        const size_t end = *neighbours[i]->offset + neighbours[i]->size_bytes;
        if (end > offset) offset = end;
    }
    return offset;
}

enum pom_status pomi_plan_lay_out_arena(struct pomi_plan *plan, struct pom_error *err)
{
    enum { SCRATCH_PER_STEP = 7, FORMS_PER_TENSOR = 2 };
    const size_t max_residents =
        (size_t)plan->n_tensors * FORMS_PER_TENSOR + (size_t)plan->n_steps * SCRATCH_PER_STEP;
    struct resident *residents = calloc(max_residents, sizeof *residents);
    struct resident **neighbours = calloc(max_residents, sizeof *neighbours);
    enum pom_status status = POM_OK;
    if (!residents || !neighbours) {
        status = pomi_fail_memory(err, max_residents * (sizeof *residents + sizeof *neighbours),
                                  "the plan of a network");
        goto done;
    }
    size_t n = 0;
    for (int i = 0; i < plan->n_tensors; i++) {
        struct tensor *t = &plan->tensors[i];
        struct scratch *const forms[FORMS_PER_TENSOR] = {&t->coarse, &t->fine};
        for (int k = 0; k < FORMS_PER_TENSOR; k++)
            if (forms[k]->size_bytes > 0)
                residents[n++] =
                    (struct resident){forms[k]->size_bytes, &forms[k]->offset, t->first_step, t->last_step};
    }
    for (int i = 0; i < plan->n_steps; i++) {
        struct step *s = &plan->steps[i];
        struct scratch *const scratch[SCRATCH_PER_STEP] = {
            &s->image, &s->expanded, &s->depthwise, &s->gathered, &s->sums, &s->points, &s->products};
        for (int k = 0; k < SCRATCH_PER_STEP; k++)
            if (scratch[k]->size_bytes > 0)
                residents[n++] = (struct resident){scratch[k]->size_bytes, &scratch[k]->offset, i, i};
    }
    for (size_t i = 0; i < n; i++)
        residents[i].size_bytes = pomi_size_align(residents[i].size_bytes, POMK_ALIGN_BYTES);
    qsort(residents, n, sizeof *residents, by_size_descending);
    for (size_t i = 0; i < n; i++) {
        size_t n_neighbours = 0;
        for (size_t k = 0; k < i; k++)
            if (residents[k].first_step <= residents[i].last_step &&
                residents[i].first_step <= residents[k].last_step)
                neighbours[n_neighbours++] = &residents[k];
        *residents[i].offset = lowest_gap(&residents[i], neighbours, n_neighbours);
        size_t end;
        if (!pomi_size_add(*residents[i].offset, residents[i].size_bytes, &end)) {
            status = pomi_plan_too_large(err);
            goto done;
        }
        if (end > plan->arena_bytes) plan->arena_bytes = end;
    }
done:
    free(residents);
    free(neighbours);
    return status;
}
