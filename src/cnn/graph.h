// SPDX-License-Identifier: Apache-2.0
/*
 * A network as data: layers in execution order with their weights. Architectures write it, weight readers
 * fill it, the network file stores it, plan.c turns it into packed weights and steps.
 */
#ifndef POMONA_CNN_GRAPH_H
#define POMONA_CNN_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "pomona/network.h"

enum pomi_layer_kind {
    POMI_LAYER_CONV,
    POMI_LAYER_DEPTHWISE,
    POMI_LAYER_ADD,
    POMI_LAYER_MAX_POOL,
    POMI_LAYER_GLOBAL_AVERAGE_POOL
};

enum pomi_activation { POMI_ACTIVATION_NONE, POMI_ACTIVATION_RELU, POMI_ACTIVATION_RELU6 };

enum pomi_padding {
    POMI_PADDING_SAME, /* TensorFlow: total = max((ceil(in / stride) - 1) * stride + kernel - in, 0), smaller
                          half first */
    POMI_PADDING_SYMMETRIC /* kernel / 2 on every side; max pooling pads with -infinity (equal to 0 after a
                              ReLU) */
};

enum pomi_preprocessing {
    POMI_PREPROCESSING_TF,    /* x / 127.5 - 1 */
    POMI_PREPROCESSING_CAFFE, /* BGR order, minus 103.939, 116.779, 123.68 */
    POMI_PREPROCESSING_TORCH  /* (x / 255 - mean) / std, mean .485 .456 .406, std .229 .224 .225 */
};

/* A photo's byte v in colour c, red first, is (v - mean[c]) / deviation[c] to the network. */
struct pomi_pixel_values {
    double mean[3], deviation[3];
    bool blue_first; /* the network's first channel is the photo's third */
};
const struct pomi_pixel_values *pomi_pixel_values(enum pomi_preprocessing preprocessing);

#define POMI_GRAPH_MAX_LAYERS 4096

#define POMI_INPUT_IMAGE (-1) /* the photo itself, 3 channels */

struct pomi_layer {
    char name[64];
    enum pomi_layer_kind kind;
    int inputs[2]; /* indices of earlier layers, or POMI_INPUT_IMAGE; the second only for ADD */
    enum pomi_activation activation;
    int kernel_px; /* square; 1 for ADD */
    int stride_px;
    /* Derived by pomi_graph_derive from the input size: */
    int in_channels, in_height_px, in_width_px;
    int out_channels, out_height_px,
        out_width_px; /* out_channels is given for CONV; for the others 0 or what is derived */
    int pad_top_px, pad_left_px, pad_bottom_px, pad_right_px; /* bottom, right: as far as any window reads */
    /* Folded weights, owned by the graph, those of `weights` perhaps in its `file`; NULL for layers without: */
    float *weights; /* CONV [out][kernel][kernel][in]; DEPTHWISE [channels][kernel][kernel] */
    float *bias;    /* [out] */
    /*
     * What the layer's output was like on calibration photos, after its activation: [POMI_N_CALIBRATION][out], owned by
     * the graph. NULL where the network is not calibrated, and for the last layer. Only integer precisions read it.
     */
    float *calibration;
};

enum { POMI_CALIBRATION_LOW, POMI_CALIBRATION_HIGH, POMI_CALIBRATION_MEAN, POMI_N_CALIBRATION };

struct pomi_graph {
    struct pomi_layer *layers; /* owned */
    int n_layers;              /* the last one is GLOBAL_AVERAGE_POOL; its channels are the features */
    int input_px;
    enum pomi_padding padding;
    enum pomi_preprocessing preprocessing;
    struct pomi_bytes file; /* owned: what the graph was read from, if weights were left where they lay */
};

/* The public handle. */
struct pom_network {
    struct pomi_graph graph;
    struct pom_network_info info; /* points into `text` and into itself */
    char identity[65];
    char calibration[65];
    struct pomi_bytes text;
    char selection[256];
};

/* Checks names, inputs and kinds and fills the derived fields. Limits: channels <= 65536, kernel and stride
 * <= 64, input_px <= 4096, at most 4096 layers, 2^28 values in one layer's output. Every layer but the last
 * is used by another. Errors: FORMAT with the layer's name. */
enum pom_status pomi_graph_derive(struct pomi_graph *graph, struct pom_error *err);

void pomi_graph_release(struct pomi_graph *graph);

/* Whether all layers but the last have their calibration: all or none of a graph's have. */
bool pomi_graph_is_calibrated(const struct pomi_graph *graph);

/* Number of weights (not counting bias) of a layer whose derived fields are filled. */
size_t pomi_layer_n_weights(const struct pomi_layer *layer);

/* Multiply-adds of one run of the layer, its bias not counted. */
int64_t pomi_layer_n_macs(const struct pomi_layer *layer);

#endif
