// SPDX-License-Identifier: Apache-2.0
/*
 * How a network becomes integers, in the order of the functions below: who reads what and the scales
 * (quantize_scales.c), weights and biases (quantize_weights.c); quantize.c goes through the layers.
 */
#ifndef POMONA_CNN_QUANTIZE_PARTS_H
#define POMONA_CNN_QUANTIZE_PARTS_H

#include <stdlib.h>

#include "base/error.h"
#include "cnn/quantized.h"

enum { INT8_MAX_WEIGHT = 127, INT16_MAX_WEIGHT = 32767, FINE_MAX = 32767, LINEAR_ZERO = 128 };

/* What is known of a layer's output on the way. */
struct form {
    double *scale, *fine_scale; /* [out]; fine_scale: int8, when additions read or make it; else NULL */
    int zero;                   /* of the coarse form */
    bool is_coarse;             /* somebody reads the coarse form */
    bool is_pooled;             /* only its sums over all pixels are ever used */
    int chain; /* a layer that stands for all that are added together with this one; itself if none are */
};

struct quantizer {
    const struct pomi_graph *graph;
    struct pomi_quantized *quantized;
    struct form *forms;
    bool is_int8;
};

/* What a layer with weights reads: the real value of integer q in channel k is scale[k] * (q - zero). */
struct input_form {
    const double *scale;
    int zero;
    double most;                    /* the largest magnitude of q */
    const struct pomi_layer *layer; /* whose output it is; NULL: the photo */
};

/* Marks coarse readers, chains, and members of chains (by the flag array). */
void pomi_quantize_find_readers(const struct quantizer *q, bool *is_added, int *n_readers);

/* The forms' scales and zeros. Errors: MEMORY. */
enum pom_status pomi_quantize_choose_scales(const struct quantizer *q, const bool *is_added,
                                            struct pom_error *err);

/* A layer's integers, when the forms and what its output is are known. Errors: NUMERIC, MEMORY. */
enum pom_status pomi_quantize_round_weights(const struct quantizer *q, int index,
                                            const struct input_form *input, struct pom_error *err);

/* NULL when there is no memory. */
static inline double *numbers(int n)
{
    return calloc((size_t)n, sizeof(double));
}

#endif
