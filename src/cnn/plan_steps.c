// SPDX-License-Identifier: Apache-2.0
/*
 * Matching: layers to steps. A step takes several layers where what lies between them need not leave the cache.
 */
#include "cnn/plan_builder.h"

/* The layer that alone reads layer `index`, if it is of this kind; else -1. */
static int sole_user(const struct plan_builder *b, int index, enum pomi_layer_kind kind)
{
    if (b->n_users[index] != 1) return -1;
    const int user = b->user[index];
    return b->graph->layers[user].kind == kind ? user : -1;
}

static bool is_pointwise(const struct pomi_layer *layer)
{
    return layer->kind == POMI_LAYER_CONV && layer->kernel_px == 1 && layer->stride_px == 1;
}

/* Multiplications per weight, at least so many as would take the time in which a weight comes from memory. */
static int64_t winograd_cost(const struct pomi_layer *layer, int n_points, int tile_px)
{
    enum { MIN_USES = 32 };
    const int64_t uses =
        (int64_t)plan_tiles(layer->out_height_px, tile_px) * plan_tiles(layer->out_width_px, tile_px);
    return n_points * (uses > MIN_USES ? uses : MIN_USES);
}

int pomi_winograd_tile_px(const struct pomi_graph *graph, int index)
{
    enum { MIN_CHANNELS = 16 }; /* with fewer, the transforms cost what the multiplications save */
    const struct pomi_layer *layer = &graph->layers[index], *last = &graph->layers[graph->n_layers - 1];
    if (layer->kind != POMI_LAYER_CONV || layer->kernel_px != 3 || layer->stride_px != 1) return 0;
    if (layer->inputs[0] == POMI_INPUT_IMAGE || last->inputs[0] == index)
        return 0; /* fused with photo or pooling */
    if (layer->in_channels < MIN_CHANNELS || layer->out_channels < MIN_CHANNELS) return 0;
    const int64_t direct = winograd_cost(layer, 3 * 3, 1);
    const int64_t large = winograd_cost(layer, pomk_winograd_points(4), 4);
    const int64_t small = winograd_cost(layer, pomk_winograd_points(2), 2);
    if (direct <= large && direct <= small) return 0;
    return large <= small ? 4 : 2;
}

/*
 * The addition that can end a step whose last layer is `index`: it alone reads that layer, which has no
 * activation of its own, and its other operand is in memory. -1 when there is none.
 */
static int fused_add(const struct plan_builder *b, int index, int *other_tensor)
{
    const int add = sole_user(b, index, POMI_LAYER_ADD);
    if (add < 0 || b->graph->layers[index].activation != POMI_ACTIVATION_NONE) return -1;
    const int *inputs = b->graph->layers[add].inputs;
    const int other = inputs[0] == index ? inputs[1] : inputs[0];
    if (other < 0 || b->tensor_of_layer[other] < 0) return -1;
    *other_tensor = b->tensor_of_layer[other];
    return add;
}

/* Kernels that write one form only cannot write the fine one. */
static bool is_fine_alone(const struct plan_builder *b, int index)
{
    const enum pomi_layer_kind kind = b->graph->layers[index].kind;
    return b->quantized && b->quantized->layers[index].is_fine &&
           (kind == POMI_LAYER_DEPTHWISE || kind == POMI_LAYER_MAX_POOL);
}

/* What no kernel does. Everything else that pomi_graph_derive accepts, runs. */
static enum pom_status check_layer(const struct plan_builder *b, int index, struct pom_error *err)
{
    const struct pomi_graph *graph = b->graph;
    const struct pomi_layer *l = &graph->layers[index];
    if (l->kind == POMI_LAYER_GLOBAL_AVERAGE_POOL && index != graph->n_layers - 1)
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: a global average pooling must be the last layer", l->name);
    if (l->kind != POMI_LAYER_CONV &&
        (l->inputs[0] == POMI_INPUT_IMAGE || (l->kind == POMI_LAYER_ADD && l->inputs[1] == POMI_INPUT_IMAGE)))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: only a convolution can read the photo itself", l->name);
    if ((l->kind == POMI_LAYER_DEPTHWISE || l->kind == POMI_LAYER_MAX_POOL) &&
        (l->kernel_px > PLAN_MAX_WINDOW || l->stride_px > PLAN_MAX_WINDOW))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
                         "layer %s: kernel %d, stride %d; the largest supported here is %d", l->name,
                         l->kernel_px, l->stride_px, PLAN_MAX_WINDOW);
    if (is_fine_alone(b, index))
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported_layer",
            "layer %s: int8 cannot add the result of a depthwise convolution or a max pooling: use int16",
            l->name);
    return POM_OK;
}

static int new_tensor(struct plan_builder *b, int layer)
{
    const struct pomi_layer *l = &b->graph->layers[layer];
    const int index = b->plan->n_tensors++;
    b->plan->tensors[index] = (struct tensor){
        .n_channels = l->out_channels,
        .n_blocks = plan_blocks(b->plan, l->out_channels),
        .height = l->out_height_px,
        .width = l->out_width_px,
        .has_coarse = true,
    };
    if (b->quantized) {
        const struct pomi_quantized_layer *q = &b->quantized->layers[layer];
        b->plan->tensors[index].has_fine = q->is_fine;
        b->plan->tensors[index].has_coarse = !q->is_fine || q->coarse_multipliers;
        b->plan->tensors[index].zero = q->zero;
    }
    b->tensor_of_layer[layer] = index;
    return index;
}

/* Fills the step that begins with `layer`, marking as done all layers it takes. */
static void match_step(struct plan_builder *b, int layer, struct step *step)
{
    bool *done = b->done;
    const struct pomi_layer *layers = b->graph->layers;
    *step = (struct step){.residual = -1, .output = -1, .layers = {layer, -1, -1}, .last_layer = layer};
    const int *inputs = layers[layer].inputs;
    step->input = inputs[0] == POMI_INPUT_IMAGE ? POMI_INPUT_IMAGE : b->tensor_of_layer[inputs[0]];
    int last = layer; /* whose output and activation are the step's */

    switch (layers[layer].kind) {
    case POMI_LAYER_CONV: {
        const int depthwise = sole_user(b, layer, POMI_LAYER_DEPTHWISE);
        const int project = depthwise >= 0 ? sole_user(b, depthwise, POMI_LAYER_CONV) : -1;
        if (project >= 0 && is_pointwise(&layers[project]) &&
            (step->input == POMI_INPUT_IMAGE || is_pointwise(&layers[layer]))) {
            step->kind = STEP_BLOCK;
            step->layers[1] = depthwise;
            step->layers[2] = last = project;
            done[depthwise] = done[project] = true;
        } else {
            step->kind =
                !b->quantized && pomi_winograd_tile_px(b->graph, layer) > 0 ? STEP_WINOGRAD : STEP_CONV;
            const int pool = sole_user(b, layer, POMI_LAYER_GLOBAL_AVERAGE_POOL);
            if (pool >= 0) {
                step->pooled = true;
                done[layer] = done[pool] = true;
                return;
            }
        }
        const int add = fused_add(b, last, &step->residual);
        if (add >= 0) {
            last = add;
            done[add] = true;
        }
        break;
    }
    case POMI_LAYER_DEPTHWISE:
        step->kind = STEP_DEPTHWISE;
        break;
    case POMI_LAYER_ADD:
        step->kind = STEP_ADD;
        step->residual = b->tensor_of_layer[inputs[1]];
        break;
    case POMI_LAYER_MAX_POOL:
        step->kind = STEP_MAX_POOL;
        break;
    case POMI_LAYER_GLOBAL_AVERAGE_POOL:
        step->kind = STEP_GLOBAL_AVERAGE_POOL;
        done[layer] = true;
        return;
    }
    done[layer] = true;
    step->last_layer = last;
    step->output = new_tensor(b, last);
}

enum pom_status pomi_plan_match_steps(struct plan_builder *b, struct pom_error *err)
{
    const struct pomi_graph *graph = b->graph;
    for (int i = 0; i < graph->n_layers; i++) {
        POMI_TRY(check_layer(b, i, err));
        const int n_inputs = graph->layers[i].kind == POMI_LAYER_ADD ? 2 : 1;
        for (int k = 0; k < n_inputs; k++)
            if (graph->layers[i].inputs[k] >= 0) {
                b->n_users[graph->layers[i].inputs[k]]++;
                b->user[graph->layers[i].inputs[k]] = i;
            }
        b->tensor_of_layer[i] = -1;
    }
    for (int i = 0; i < graph->n_layers; i++) {
        if (!b->done[i]) match_step(b, i, &b->plan->steps[b->plan->n_steps++]);
    }
    return POM_OK;
}
