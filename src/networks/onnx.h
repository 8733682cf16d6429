// SPDX-License-Identifier: Apache-2.0
/*
 * ONNX files as far as convolution networks need them: the protobuf wire format and the few messages of
 * onnx.proto3 that matter, read in place. Nothing is copied but lists of where things are; every length is
 * checked against the message that holds it.
 *
 *     ModelProto      2 producer_name, 7 graph
 *     GraphProto      1 node*, 5 initializer*, 11 input*
 *     NodeProto       1 input*, 2 output*, 3 name, 4 op_type, 5 attribute*, 7 domain
 *     AttributeProto  1 name, 2 f, 3 i, 4 s, 5 t, 8 ints*
 *     TensorProto     1 dims*, 2 data_type, 4 float_data, 7 int64_data, 8 name, 9 raw_data, 13 external_data
 *     ValueInfoProto  1 name, 2 type { 1 tensor_type { 2 shape { 1 dim* { 1 dim_value } } } }
 */
#ifndef POMONA_NETWORKS_ONNX_H
#define POMONA_NETWORKS_ONNX_H

#include <stdbool.h>

#include "base/bytes.h"

#define POMI_ONNX_MAX_NODES      16384
#define POMI_ONNX_MAX_INPUTS     8 /* of a node; further ones are counted, not kept */
#define POMI_ONNX_MAX_DIMENSIONS 8

enum pomi_onnx_type {
    POMI_ONNX_FLOAT = 1,
    POMI_ONNX_INT64 = 7,
    POMI_ONNX_FLOAT16 = 10,
    POMI_ONNX_DOUBLE = 11
};

struct pomi_onnx_tensor {
    struct pomi_view name;
    int64_t data_type;
    int n_dimensions;
    int64_t shape[POMI_ONNX_MAX_DIMENSIONS];
    size_t n_elements;
    struct pomi_view raw;    /* little-endian values */
    struct pomi_view floats; /* float_data, packed */
    struct pomi_view int64s; /* int64_data, packed varints */
    bool is_external;        /* its values are in another file */
};

struct pomi_onnx_attribute {
    float f;
    int64_t i;
    struct pomi_view s;
    struct pomi_view t; /* a TensorProto */
    int n_ints;
    int64_t ints[POMI_ONNX_MAX_DIMENSIONS];
};

struct pomi_onnx_node {
    struct pomi_view body;
    struct pomi_view op; /* op_type */
    struct pomi_view name;
    struct pomi_view inputs[POMI_ONNX_MAX_INPUTS];
    struct pomi_view output; /* the first */
    int n_inputs, n_outputs;
};

struct pomi_onnx_input {
    struct pomi_view name;
    int n_dimensions;
    int64_t shape[POMI_ONNX_MAX_DIMENSIONS]; /* 0: not fixed */
};

struct pomi_onnx_model {
    struct pomi_view producer;
    struct pomi_onnx_node *nodes; /* owned, like the other lists */
    size_t n_nodes;
    struct pomi_onnx_tensor *initializers;
    size_t n_initializers;
    struct pomi_onnx_input *inputs;
    size_t n_inputs;
};

/* The model borrows `bytes`. The caller releases it, also after a failure. Errors: FORMAT, LIMIT, MEMORY. */
enum pom_status pomi_onnx_read(struct pomi_onnx_model *model, struct pomi_view bytes, struct pom_error *err);
void pomi_onnx_release(struct pomi_onnx_model *model);

/* False when the node has no such attribute. A damaged attribute reads as absent: pomi_onnx_read has checked
 * them. */
bool pomi_onnx_attribute(const struct pomi_onnx_node *node, const char *name,
                         struct pomi_onnx_attribute *attribute);

enum pom_status pomi_onnx_tensor(struct pomi_onnx_tensor *tensor, struct pomi_view body,
                                 struct pom_error *err);

/* The tensor's values as floats, from malloc; n_elements is at most what the file has bytes. Errors:
 * UNSUPPORTED, MISMATCH (another number of values than its shape), MEMORY. */
enum pom_status pomi_onnx_floats(const struct pomi_onnx_tensor *tensor, float **values,
                                 struct pom_error *err);

/* Up to max_values integers of an int64 tensor; returns how many, or -1 when it does not hold int64 or holds
 * more. */
int pomi_onnx_int64s(const struct pomi_onnx_tensor *tensor, int64_t *values, int max_values);

bool pomi_view_is(struct pomi_view view, const char *text);

#endif
