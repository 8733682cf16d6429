// SPDX-License-Identifier: Apache-2.0
/*
 * The safetensors container, which network files and PCA files are: reading from and writing to memory.
 *
 *     offset  size   content
 *     0       8      n, little-endian u64: length of the header
 *     8       n      header: a JSON object, name -> {"dtype","shape","data_offsets":[begin,end]},
 *                    and "__metadata__" -> {key: string}
 *     8 + n   rest   tensor data, little-endian; offsets count from here; no holes, no overlaps
 *
 * Header limit 100 MB as in the reference implementation. Writing is deterministic: metadata and tensors
 * sorted by name, no spaces, header padded with spaces so that data begins at a multiple of 8.
 */
#ifndef POMONA_BASE_SAFETENSORS_H
#define POMONA_BASE_SAFETENSORS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/hash.h"

enum pomi_dtype {
    POMI_F64,
    POMI_F32,
    POMI_F16,
    POMI_BF16,
    POMI_I64,
    POMI_I32,
    POMI_I16,
    POMI_I8,
    POMI_U8,
    POMI_BOOL
};

#define POMI_TENSOR_MAX_DIMENSIONS 8

struct pomi_tensor {
    const char *name;
    enum pomi_dtype dtype;
    int n_dimensions;
    int64_t shape[POMI_TENSOR_MAX_DIMENSIONS];
    size_t n_elements;
    const void *data; /* borrowed from the container's bytes; may be unaligned */
    size_t size_bytes;
};

/* A parsed container. Borrows the bytes it was opened on; owns names and metadata. */
struct pomi_safetensors;

enum pom_status pomi_safetensors_open(struct pomi_safetensors **container, struct pomi_view bytes,
                                      struct pom_error *err);
void pomi_safetensors_free(struct pomi_safetensors *container);

size_t pomi_safetensors_count(const struct pomi_safetensors *container);
const struct pomi_tensor *pomi_safetensors_at(const struct pomi_safetensors *container,
                                              size_t index); /* by name order */
const struct pomi_tensor *pomi_safetensors_find(const struct pomi_safetensors *container, const char *name);
const char *pomi_safetensors_metadata(const struct pomi_safetensors *container,
                                      const char *key); /* NULL: absent */

struct pomi_metadata {
    const char *key;
    const char *value;
};

/* Appends the whole file to `bytes`. Tensors and metadata are sorted inside. */
enum pom_status pomi_safetensors_write(struct pomi_bytes *bytes, const struct pomi_tensor *tensors,
                                       size_t n_tensors, const struct pomi_metadata *metadata,
                                       size_t n_metadata, struct pom_error *err);

/* The SHA-256 of what pomi_safetensors_write would append; nothing is copied for it. Errors as there. */
enum pom_status pomi_safetensors_sha256(char text[POMI_SHA256_TEXT_BYTES], const struct pomi_tensor *tensors,
                                        size_t n_tensors, const struct pomi_metadata *metadata,
                                        size_t n_metadata, struct pom_error *err);

size_t pomi_dtype_bytes(enum pomi_dtype dtype);

/* IEEE half precision to single, exactly. */
float pomi_half_to_float(uint16_t half);

#endif
