// SPDX-License-Identifier: Apache-2.0
/* What the files that read and write a network file share. */
#ifndef POMONA_NETWORKS_NETWORK_FILE_PARTS_H
#define POMONA_NETWORKS_NETWORK_FILE_PARTS_H

#include "base/safetensors.h"
#include "cnn/graph.h"

#define POMI_TENSOR_NAME_MAX    (sizeof((struct pomi_layer *)0)->name + 16)
#define POMI_CALIBRATION_SUFFIX ".calibration"

#define POMI_COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

/* The position of `word`, which may be NULL, among `words`, or -1. */
int pomi_word_find(const char *const *words, int n_words, const char *word);

/* A FORMAT error; `format` has one %s, for `name`. */
enum pom_status pomi_network_file_fail(struct pom_error *err, const char *format, const char *name);

bool pomi_layer_has_weights(const struct pomi_layer *layer);
bool pomi_is_calibration(const char *tensor_name);

/* The metadata "layers"; the caller frees the text, which is NULL when memory is out. */
char *pomi_layers_to_json(const struct pomi_graph *graph);

/* Fills the graph's layers, without weights, and derives their shapes; `text` may be NULL, which is an error like any
 * other. Errors: FORMAT, MEMORY. */
enum pom_status pomi_layers_from_json(struct pomi_graph *graph, const char *text, struct pom_error *err);

/* Gives each layer its weights, bias and calibration. Errors: MISMATCH, UNSUPPORTED, MEMORY. */
enum pom_status pomi_network_file_weights(struct pomi_graph *graph, const struct pomi_safetensors *container,
                                          struct pom_error *err);

#endif
