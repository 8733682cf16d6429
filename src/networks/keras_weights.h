// SPDX-License-Identifier: Apache-2.0
/* The layers of a Keras weights file, between reading them (read_keras.c) and placing them in a graph
 * (keras_graph.c). */
#ifndef POMONA_NETWORKS_KERAS_WEIGHTS_H
#define POMONA_NETWORKS_KERAS_WEIGHTS_H

#include "networks/hdf5.h"
#include "networks/readers.h"

#define POMI_KERAS_MAX_LAYERS POMI_HDF5_MAX_NAMES

/* All convolutions and normalisations of a file, each in the order of its kind. */
struct pomi_keras_weights {
    struct pomi_convolution *convolutions; /* owned, as are the others; room for POMI_KERAS_MAX_LAYERS each */
    bool *is_depthwise;                    /* by convolution */
    int n_convolutions;
    struct pomi_normalisation *normalisations;
    int n_normalisations;
};

/* Recognises the architecture, builds its graph and folds the weights into it. Errors: MISMATCH with the layer's
 * name, MEMORY. */
enum pom_status pomi_keras_fill_graph(struct pomi_graph *graph, const char **architecture,
                                      struct pomi_keras_weights *weights,
                                      const struct pomi_reader_wishes *wishes, struct pom_error *err);

#endif
