// SPDX-License-Identifier: Apache-2.0
/*
 * Readers of other people's weights files. Each takes a whole file in memory and fills an empty graph:
 * layers, shapes, and weights with batch normalisation folded in. A reader trusts nothing it reads: sizes are
 * checked before memory is asked for, and tensors that are missing, extra, misshapen or not finite are
 * refused by name.
 */
#ifndef POMONA_NETWORKS_READERS_H
#define POMONA_NETWORKS_READERS_H

#include "cnn/graph.h"

/* What the caller knows; all may be left open. */
struct pomi_reader_wishes {
    const char *architecture; /* "mobilenetv2", "resnet50"; NULL: whatever the tensors show */
    int input_px;             /* 0: what the file says, else 224 */
    int padding;              /* enum pomi_padding, or -1: the layout's own */
    int preprocessing;        /* enum pomi_preprocessing, or -1: the layout's own */
};

/* The caller releases the graph, also after a failure. *architecture: the name of the architecture found, or
 * NULL for one that has no name here (only ONNX describes such). Errors: FORMAT, MISMATCH, UNSUPPORTED,
 * LIMIT, MEMORY. */
typedef enum pom_status pomi_reader(struct pomi_graph *graph, const char **architecture,
                                    struct pomi_view bytes, const struct pomi_reader_wishes *wishes,
                                    struct pom_error *err);

pomi_reader pomi_read_keras;       /* legacy .h5 and .weights.h5 */
pomi_reader pomi_read_safetensors; /* names as in torchvision and timm */
pomi_reader pomi_read_onnx;

/* ---- what the readers share (fold.c) ---- */

/* One convolution as a weights file has it. Arrays are owned, from malloc. */
struct pomi_convolution {
    char name[128];                                 /* in the file, for messages */
    int out, kernel_height_px, kernel_width_px, in; /* in = 1 when it is depthwise */
    float *kernel;                                  /* [out][kernel_height_px][kernel_width_px][in] */
    float *bias;                                    /* [out]; NULL: none */
    struct pomi_normalisation *normalisation;       /* NULL: none; borrowed */
};

/* y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, each [n_channels]. */
struct pomi_normalisation {
    char name[128];
    int n_channels;
    float *gamma, *beta, *mean, *variance;
    float epsilon; /* single precision, as the frameworks compute with it */
};

void pomi_convolution_release(struct pomi_convolution *convolution);
void pomi_normalisation_release(struct pomi_normalisation *normalisation);

/* Checks the shape against the layer's, folds in double with one rounding at the end:
 *     scale = gamma / sqrt(variance + epsilon)
 *     weight = kernel * scale, bias' = beta + (bias - mean) * scale
 * and gives the layer its weights and bias. Errors: MISMATCH, MEMORY. */
enum pom_status pomi_fold(struct pomi_layer *layer, const struct pomi_convolution *convolution,
                          struct pom_error *err);

/* The graph's layer of this name, or NULL. */
struct pomi_layer *pomi_graph_find(const struct pomi_graph *graph, const char *name);

/* Sets what the caller wished over what the layout says, and derives again. */
enum pom_status pomi_graph_apply_wishes(struct pomi_graph *graph, const struct pomi_reader_wishes *wishes,
                                        struct pom_error *err);

#endif
