// SPDX-License-Identifier: Apache-2.0
/*
 * The network file: a safetensors file (base/safetensors.h) with the architecture in its metadata.
 *
 *     __metadata__     format          "pomona-network/1"
 *                      name            what the network is called
 *                      input_px        side of the square input
 *                      preprocessing   "tf", "caffe" or "torch"
 *                      padding         "same" or "symmetric"
 *                      features        number of features: the last layer's channels
 *                      layers          JSON array in execution order, see below
 *                      origin, licence where the weights come from, one paragraph; their licence
 *                      training        JSON about data and quality; may be absent
 *     NAME.weight      [out][kernel][kernel][in] of a conv, [channels][kernel][kernel][1] of a depthwise layer;
 *                      F32, F16, or I8 with NAME.scale       F32 [out]: weight = integer * scale
 *     NAME.bias        F32 [out]
 *     NAME.calibration F32 [3][out], of every layer but the last or of none: lowest, highest and mean output after
 *                      the activation on calibration photos, which integer precisions need
 *
 * A layer is {"name", "op", "input" or, of an add, "inputs", "channels", "kernel", "stride", "activation"};
 * op is "conv", "depthwise", "add", "max_pool" or "global_average_pool"; an input is "image" or the name of
 * an earlier layer; activation is "none", "relu" or "relu6". Which keys an op has is the table in
 * network_file.c.
 *
 * The identity is the SHA-256 of the file as it would be without its calibration: what fp32 computes does not
 * depend on that. The calibration has a hash of its own, which outputs of integer precisions record as well.
 */
#ifndef POMONA_NETWORKS_NETWORK_FILE_H
#define POMONA_NETWORKS_NETWORK_FILE_H

#include "cnn/graph.h"

#define POMI_NETWORK_MAX_FILE_BYTES ((size_t)1 << 30)

/* What a network file says beside the graph. `training` may be NULL. */
struct pomi_network_text {
    const char *name;
    const char *origin;
    const char *licence;
    const char *training;
};

/* Appends the file to `bytes`; weights as F32, without a calibration. Equal input gives equal bytes. */
enum pom_status pomi_network_file_write(struct pomi_bytes *bytes, const struct pomi_graph *graph,
                                        const struct pomi_network_text *text, struct pom_error *err);

/* Appends a network file's bytes without their calibration tensors: the bytes it had before it was calibrated. */
enum pom_status pomi_network_file_strip(struct pomi_bytes *stripped, struct pomi_view bytes,
                                        struct pom_error *err);

/* Appends a network file's bytes with the graph's calibration in place of what it may have; all else stays as it is,
 * weights that are not F32 too. */
enum pom_status pomi_network_file_calibrated(struct pomi_bytes *calibrated, struct pomi_view bytes,
                                             const struct pomi_graph *graph, struct pom_error *err);

/* Reads a file's bytes (borrowed for the call). Missing, extra, misshapen and non-finite tensors are refused
 * by name. The caller frees *network with pom_network_free. Errors: FORMAT, MISMATCH, UNSUPPORTED, MEMORY. */
enum pom_status pomi_network_file_read(struct pom_network **network, struct pomi_view bytes,
                                       struct pom_error *err);

/* Hex, as in struct pom_network_info. */
struct pomi_network_hashes {
    const char *identity, *calibration;
};

/* The same of a file whose hashes are known: they are taken, not computed. */
enum pom_status pomi_network_file_read_known(struct pom_network **network, struct pomi_view bytes,
                                             const struct pomi_network_hashes *known, struct pom_error *err);

/* The same; the network keeps the bytes instead of copies of its weights. They are its own, or released, whatever is returned:
 * *bytes is empty then. */
enum pom_status pomi_network_file_take(struct pom_network **network, struct pomi_bytes *bytes,
                                       struct pom_error *err);

/* The words of the file, and back: NULL or -1 for what is none. */
const char *pomi_layer_kind_name(enum pomi_layer_kind kind);
const char *pomi_padding_name(enum pomi_padding padding);
const char *pomi_preprocessing_name(enum pomi_preprocessing preprocessing);
int pomi_padding_from_name(const char *name);
int pomi_preprocessing_from_name(const char *name);

#endif
