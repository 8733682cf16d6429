// SPDX-License-Identifier: Apache-2.0
/*
 * The known architectures, written as graphs without weights.
 *
 * Sources: MobileNetV2: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018),
 * table 2. ResNet50: He et al., "Deep Residual Learning for Image Recognition" (2015), table 1.
 */
#ifndef POMONA_NETWORKS_ARCHITECTURES_H
#define POMONA_NETWORKS_ARCHITECTURES_H

#include "cnn/graph.h"

#define POMI_MOBILENETV2_STAGES 7

/* The widths that make one MobileNetV2 differ from another. */
struct pomi_mobilenetv2_widths {
    int stem;
    int stages[POMI_MOBILENETV2_STAGES];
    int head;
    bool first_block_expands; /* MXNet's variant has a 1x1 convolution there although its factor is 1 */
};

/* Widths for a width multiplier: each is rounded to a multiple of 8 (at least 8, never below 90 % of the
 * exact value); the head is widened only by multipliers above 1. */
struct pomi_mobilenetv2_widths pomi_mobilenetv2_widths(double multiplier);

/* Where a ResNet's stages halve the image: in the first 1x1 convolution (the paper, Keras, MXNet), or in the
 * 3x3 one ("v1.5": torchvision, timm). */
enum pomi_resnet_stride { POMI_RESNET_STRIDE_IN_REDUCE, POMI_RESNET_STRIDE_IN_CONV };

/* Fill an empty graph, weights NULL, derived. Padding and preprocessing are what the architecture's first
 * publisher used (MobileNetV2: TensorFlow's SAME and "tf"; ResNet50: symmetric, and "caffe" with the stride
 * in the reduction, "torch" otherwise); a caller may change them and derive again. The caller releases the
 * graph, also after a failure. Errors: FORMAT, MEMORY. */
enum pom_status pomi_graph_mobilenetv2(struct pomi_graph *graph, const struct pomi_mobilenetv2_widths *widths,
                                       int input_px, struct pom_error *err);
enum pom_status pomi_graph_resnet50(struct pomi_graph *graph, enum pomi_resnet_stride stride, int input_px,
                                    struct pom_error *err);

#endif
