// SPDX-License-Identifier: Apache-2.0
#include "cnn/quantized.h"

#include <stdlib.h>

void pomi_quantized_release(struct pomi_quantized *quantized)
{
    for (int i = 0; i < quantized->n_layers && quantized->layers; i++) {
        free(quantized->layers[i].weights);
        free(quantized->layers[i].bias);
        free(quantized->layers[i].multipliers);
        free(quantized->layers[i].coarse_multipliers);
    }
    free(quantized->layers);
    free(quantized->feature_scales);
    *quantized = (struct pomi_quantized){0};
}
