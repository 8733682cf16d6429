// SPDX-License-Identifier: Apache-2.0
/*
 * Reading and writing the numbers of PCA files and saved moments: safetensors whose every tensor has a known
 * name, type and shape. A reader asks for each by name and refuses the file by name of what is wrong.
 */
#ifndef POMONA_PCA_TENSORS_H
#define POMONA_PCA_TENSORS_H

#include "base/safetensors.h"

/* Opens `bytes` and checks that its metadata says `format` ("pomona-pca/1") and that it has `n_tensors`.
 * `what` names the file in messages ("PCA file"). Errors: FORMAT, UNSUPPORTED (another version of this
 * format), MEMORY. */
enum pom_status pomi_tensors_open(struct pomi_safetensors **container, struct pomi_view bytes,
                                  const char *format, size_t n_tensors, const char *what,
                                  struct pom_error *err);

/* The length of one dimension of a tensor of this type, `smallest` to `largest`. */
enum pom_status pomi_tensors_length(const struct pomi_safetensors *container, const char *name,
                                    enum pomi_dtype dtype, int n_dimensions, int dimension, int64_t smallest,
                                    int64_t largest, int *length, struct pom_error *err);

/* Copies a tensor of exactly this type and shape (n_columns 0: one dimension). Numbers that are not finite
 * are refused. */
enum pom_status pomi_tensors_read(const struct pomi_safetensors *container, const char *name,
                                  enum pomi_dtype dtype, size_t n_rows, size_t n_columns, void *numbers,
                                  struct pom_error *err);

/* The tensor to write. */
struct pomi_tensor pomi_tensors_made(const char *name, enum pomi_dtype dtype, size_t n_rows, size_t n_columns,
                                     const void *numbers);

#endif
