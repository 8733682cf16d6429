// SPDX-License-Identifier: Apache-2.0
/*
 * A network in integers: what a plan of precision int16 or int8 is made from, beside the graph. quantize.c
 * makes it; the kernels (kernels/layers.h) say what the numbers do.
 *
 * A layer's output has up to two forms, by who reads it. The *coarse* one is read by convolutions and pooling:
 *     real = scale[c] * (q - zero)    int8: q in 0..255; int16: -8191..8191 and zero = 0
 * and the *fine* one, int8 only, by additions: 16 bits, zero = 0, one scale[c] for all that are added together.
 * (In int16 the coarse form serves both.) Scales appear nowhere: the multiplier of what writes a channel and the
 * weights of what reads it contain them, so they may differ from channel to channel.
 */
#ifndef POMONA_CNN_QUANTIZED_H
#define POMONA_CNN_QUANTIZED_H

#include "cnn/graph.h"
#include "pomona/features.h"

/* The largest values that convolutions multiply. */
#define POMI_COARSE_MAX_INT8  255
#define POMI_COARSE_MAX_INT16 8191

/* A photo's byte in integers: IMAGE_SCALE * byte - pixel_offset[colour]. */
#define POMI_IMAGE_SCALE 64

struct pomi_quantized_layer {
    /* As the graph layer's, or NULL without: CONV [out][kernel][kernel][in]; DEPTHWISE [channels][kernel][kernel].
     * int8: -127..127, but 16 bits for a convolution of the photo itself. */
    int16_t *weights;
    int32_t *bias; /* [out], in units of the sum; with the zero points of input and, of one form, output */
    float *
        multipliers; /* [out], above 0: from the sum to the output's fine form, or coarse if it has no other */
    /*
     * Of the output. A layer whose only reader is an ADD gives the ADD's fine form; the rest is then the ADD's.
     * A CONV before a global average pooling is never stored: its `high` may be as large as 32767.
     */
    int low, high;
    bool is_fine;
    float *coarse_multipliers; /* [out]: from the fine form to a coarse one beside it; NULL: there is none */
    int zero;                  /* of the coarse form */
};

struct pomi_quantized {
    enum pom_precision precision;
    struct pomi_quantized_layer *layers; /* [n_layers] of the graph */
    int n_layers;
    float *feature_scales; /* [n_features]: from the sum over all pixels to the feature */
    int pixel_offset[3];   /* red first */
};

/* The caller releases *quantized. Errors: UNSUPPORTED (the graph is not calibrated, or a map is too large), NUMERIC (its
 * weights do not fit its calibration), MEMORY. */
enum pom_status pomi_quantize(struct pomi_quantized *quantized, const struct pomi_graph *graph,
                              enum pom_precision precision, struct pom_error *err);

void pomi_quantized_release(struct pomi_quantized *quantized);

#endif
