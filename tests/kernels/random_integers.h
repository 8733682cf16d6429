// SPDX-License-Identifier: Apache-2.0
/* Random integers for a random network, within the limits of cnn/quantized.h. */
#include "cnn/quantized.h"

#include "random_network.h"

static int coarse_max(enum pom_precision precision)
{
    return precision == POM_PRECISION_INT8 ? POMI_COARSE_MAX_INT8 : POMI_COARSE_MAX_INT16;
}

static void *filled(size_t n, size_t size)
{
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

/* Multipliers that bring sums of n_products random products into the middle of `range`. */
static void quantize_weights(const struct pomi_layer *l, struct pomi_quantized_layer *q, int weight_max,
                             int input_max, int range)
{
    const size_t n_outputs = (size_t)l->out_channels,
                 n_products =
                     (size_t)(l->kernel_px * l->kernel_px) * (size_t)(l->kind == CONV ? l->in_channels : 1);
    q->weights = filled(n_outputs * n_products, sizeof *q->weights);
    q->bias = filled(n_outputs, sizeof *q->bias);
    q->multipliers = filled(n_outputs, sizeof *q->multipliers);
    const double sum = 0.3 * weight_max * input_max * sqrt((double)n_products);
    for (size_t i = 0; i < n_outputs * n_products; i++)
        q->weights[i] = (int16_t)random_int(-weight_max, weight_max);
    for (size_t c = 0; c < n_outputs; c++) {
        q->bias[c] = (int32_t)(random_float(1) * (float)sum);
        q->multipliers[c] = (float)(range * random_int(20, 100) / 100.0 / sum);
    }
}

static struct pomi_quantized random_integers(const struct pomi_graph *g, enum pom_precision precision)
{
    struct pomi_quantized quantized = {.precision = precision, .n_layers = g->n_layers};
    quantized.layers = filled((size_t)g->n_layers, sizeof *quantized.layers);
    const int n_features = g->layers[g->n_layers - 1].out_channels, limit = coarse_max(precision);
    const bool is_int8 = precision == POM_PRECISION_INT8;
    bool is_added[MAX_LAYERS] = {false}, is_multiplied[MAX_LAYERS] = {false};
    for (int i = 0; i < g->n_layers; i++) {
        const struct pomi_layer *l = &g->layers[i];
        for (int k = 0; k < (l->kind == ADD ? 2 : 1); k++)
            if (l->inputs[k] >= 0) (l->kind == ADD ? is_added : is_multiplied)[l->inputs[k]] = true;
    }
    for (int i = 0; i < g->n_layers; i++) {
        const struct pomi_layer *l = &g->layers[i];
        struct pomi_quantized_layer *q = &quantized.layers[i];
        const bool rectified = l->activation != NONE, before_pool = i + 2 == g->n_layers;
        q->is_fine = is_int8 && (is_added[i] || l->kind == ADD);
        if (q->is_fine && is_multiplied[i]) {
            q->coarse_multipliers = filled((size_t)l->out_channels, sizeof *q->coarse_multipliers);
            for (int c = 0; c < l->out_channels; c++)
                q->coarse_multipliers[c] = (float)(limit * random_int(50, 200) / 100.0 / 20000);
        }
        q->zero = is_int8 && !rectified && is_multiplied[i] ? random_int(1, 200) : 0;
        q->high = q->is_fine ? INT16_MAX : limit;
        q->low = rectified || (is_int8 && !q->is_fine) ? 0 : q->is_fine ? INT16_MIN : -limit;
        /* What only an addition reads may run into it unclamped. */
        if (is_added[i] && !is_multiplied[i] && !rectified) {
            q->low = INT16_MIN;
            q->high = INT16_MAX;
        }
        if (before_pool && l->kind == CONV) q->high = INT16_MAX;
        if (l->kind == CONV)
            quantize_weights(l, q, l->inputs[0] >= 0 && is_int8 ? 127 : 200,
                             l->inputs[0] >= 0 ? limit : POMI_IMAGE_SCALE * 255, q->high);
        if (l->kind == DEPTHWISE) quantize_weights(l, q, is_int8 ? 127 : 2000, limit, q->high);
        /* Max pooling keeps its input's zero point. */
        if (l->kind == MAX_POOL) q->zero = quantized.layers[l->inputs[0]].zero;
    }
    quantized.feature_scales = filled((size_t)n_features, sizeof(float));
    for (int c = 0; c < n_features; c++) quantized.feature_scales[c] = 1 + random_float(0.5f);
    for (int c = 0; c < 3; c++) quantized.pixel_offset[c] = random_int(0, POMI_IMAGE_SCALE * 200);
    return quantized;
}
