// SPDX-License-Identifier: Apache-2.0
/*
 * The walk over an ONNX graph, as its files share it: what names stand for, the layers made so far, and an operator for
 * every type of node that has a counterpart here. read_onnx.c says how the walk goes.
 */
#ifndef POMONA_NETWORKS_ONNX_WALK_H
#define POMONA_NETWORKS_ONNX_WALK_H

#include "networks/onnx.h"
#include "networks/readers.h"

/* What a name in the graph stands for. */
enum onnx_value_kind {
    VALUE_UNKNOWN,  /* the result of a node that is no layer */
    VALUE_CONSTANT, /* a tensor in the file */
    VALUE_MAP       /* a feature map: the image or a layer's output */
};

struct onnx_value {
    struct pomi_view name;
    enum onnx_value_kind kind;
    int n_users;
    struct pomi_onnx_tensor tensor; /* CONSTANT */
    int layer;                      /* MAP: index, or POMI_INPUT_IMAGE */
    bool channels_last;             /* MAP: [n][h][w][c] instead of [n][c][h][w] */
    int pad_px[4];                  /* MAP: zeros that a Pad added: top, left, bottom, right */
    struct pomi_view op;            /* UNKNOWN: of the node that makes it; empty before that */
};

/* What the graph says of a layer beside what pomi_layer holds. */
struct onnx_details {
    struct pomi_convolution convolution;
    struct pomi_normalisation normalisation;
    bool pads_are_automatic; /* SAME_UPPER: whatever TensorFlow does */
    int pad_px[4];
    bool waits_for_shift; /* the normalisation is a Mul so far, an Add may follow */
    int pool_px;          /* of an AveragePool that must cover the whole map; 0: it does by definition */
};

struct onnx_walker {
    const struct pomi_onnx_model *model;
    struct onnx_value *values; /* sorted by name */
    size_t n_values;
    struct pomi_graph graph;
    struct onnx_details *details; /* by layer */
    bool is_done;                 /* the global average pool has been reached */
};

/* ---- operators ---- */

/* Makes a layer of a node, or joins it to the one before, and says what the node's output is. Errors: UNSUPPORTED,
 * MISMATCH, FORMAT, MEMORY. */
typedef enum pom_status pomi_onnx_operator(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                           struct pom_error *err);

/* onnx_windows.c */
pomi_onnx_operator pomi_onnx_conv, pomi_onnx_max_pool, pomi_onnx_average_pool, pomi_onnx_global_average_pool,
    pomi_onnx_reduce_mean, pomi_onnx_pad;

/* onnx_arithmetic.c */
pomi_onnx_operator pomi_onnx_normalisation, pomi_onnx_relu, pomi_onnx_clip, pomi_onnx_add, pomi_onnx_multiply;

/* ---- values (onnx_values.c) ---- */

/* The order of walker->values, for qsort. */
int pomi_onnx_by_name(const void *a, const void *b);

/* NULL for a name that nothing in the graph defines, such as that of an omitted input. */
struct onnx_value *pomi_onnx_find(struct onnx_walker *walker, struct pomi_view name);
struct onnx_value *pomi_onnx_input_of(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                      int index);

/* The feature map at an input, or an error that says which node made something else of it. */
enum pom_status pomi_onnx_map_input(struct onnx_walker *walker, const struct pomi_onnx_node *node, int index,
                                    struct onnx_value **map, struct pom_error *err);

/* A copy of the constant at an input, which must have n_values of them; the caller frees it. */
enum pom_status pomi_onnx_vector(struct onnx_walker *walker, const struct pomi_onnx_node *node, int index,
                                 int n_values, float **values, struct pom_error *err);

/* What an attribute says; where newer operator sets made an input of it, what the constant at that input says. */
int64_t pomi_onnx_integer(const struct pomi_onnx_node *node, const char *name, int64_t otherwise);
bool pomi_onnx_number(struct onnx_walker *walker, const struct pomi_onnx_node *node, const char *name,
                      int index, float *number); /* false: neither has it */
int pomi_onnx_integers(struct onnx_walker *walker, const struct pomi_onnx_node *node, const char *name,
                       int index, int64_t integers[POMI_ONNX_MAX_DIMENSIONS]); /* how many */

/* Makes the node's output a map of `layer` in the layout of `like`; NULL when the node has no output. */
struct onnx_value *pomi_onnx_set_output(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                        const struct onnx_value *like, int layer);
enum pom_status pomi_onnx_append_layer(struct onnx_walker *walker, const struct pomi_onnx_node *node,
                                       struct pomi_layer layer, const struct onnx_value *like,
                                       struct pom_error *err);

bool pomi_onnx_is_padded(const struct onnx_value *map);
bool pomi_onnx_is_convolution(const struct onnx_walker *walker, const struct onnx_value *map);

/* Whether the map is a convolution's or an addition's own result, used here alone and not yet activated: then
 * what follows can join it. */
bool pomi_onnx_can_join(const struct onnx_walker *walker, const struct onnx_value *map);

/* ---- messages, which name the node ---- */

struct short_text {
    char text[80];
};
struct short_text pomi_onnx_shorten(struct pomi_view view);

enum pom_status pomi_onnx_unsupported(struct pom_error *err, const struct pomi_onnx_node *node,
                                      const char *what);
enum pom_status pomi_onnx_mismatch(struct pom_error *err, const struct pomi_onnx_node *node,
                                   const char *what);

/* ---- after the walk (onnx_architecture.c) ---- */

/* Preprocessing is not part of an ONNX graph. TensorFlow's padding tells TensorFlow's MobileNetV2; models by
 * a converter from Keras use Keras' preprocessing; all others that we know of use torch's. */
enum pom_status pomi_onnx_recognise(struct onnx_walker *walker, const char **architecture,
                                    const struct pomi_reader_wishes *wishes, struct pom_error *err);

#endif
