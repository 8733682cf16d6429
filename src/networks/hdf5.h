// SPDX-License-Identifier: Apache-2.0
/*
 * HDF5 files, as far as Keras and h5py write weights into them: groups, text attributes, arrays of floats.
 *
 * Read from memory and after the HDF5 File Format Specification, version 3.0 (The HDF Group):
 *
 *     superblock          versions 0 to 3, offsets and lengths of 8 bytes, at the start of the file
 *     object headers      versions 1 and 2, with continuations
 *     groups              symbol tables (B-tree version 1, local heap); links in the header; links in a
 *                         fractal heap, found by a B-tree of version 2. Hard links only: a soft or external
 *                         link could lead to another file
 *     attributes          in the header or in a fractal heap; text of fixed or of variable length (global heap)
 *     datasets            IEEE floats of 16, 32 and 64 bits, little-endian, in one piece (contiguous or compact)
 *
 * Chunked, compressed and external storage is refused by name: Keras writes none of it. Checksums are not
 * looked at; what decides is whether the weights found make a network.
 *
 * Nothing read is trusted: every address is checked against the file, every count against a bound, and the work
 * one file can ask for is limited. Memory follows from what is in the file, never from what it claims.
 */
#ifndef POMONA_NETWORKS_HDF5_H
#define POMONA_NETWORKS_HDF5_H

#include "base/bytes.h"

#define POMI_HDF5_MAX_NAME_BYTES 256
#define POMI_HDF5_MAX_NAMES      2048 /* in one list */

/* An open file: nothing in it is owned. */
struct pomi_hdf5 {
    struct pomi_view bytes;
    uint64_t root; /* address of the root group */
    size_t n_steps_left;
    size_t n_data_bytes_left;
};

struct pomi_hdf5_name {
    char text[POMI_HDF5_MAX_NAME_BYTES];
};

struct pomi_hdf5_names {
    struct pomi_hdf5_name *list; /* owned, from malloc */
    size_t n_names;
};

struct pomi_hdf5_floats {
    int n_dimensions; /* 0: one number */
    int shape[4];
    size_t n_values;
    float *values; /* owned, from malloc */
};

/* Borrows `bytes`. Errors: FORMAT. */
enum pom_status pomi_hdf5_open(struct pomi_hdf5 *file, struct pomi_view bytes, struct pom_error *err);

/* Groups, datasets and attributes are named by the address of an object, which pomi_hdf5_find gives: what `path`
 * ("a/b", "." or "" for the object itself) leads to from the group at `from`. NOT_FOUND when nothing has that
 * name. Other errors, here and below: FORMAT for damage, LIMIT for too much, MEMORY. */
enum pom_status pomi_hdf5_find(struct pomi_hdf5 *file, uint64_t from, const char *path, uint64_t *object,
                               struct pom_error *err);

/* Appends the names of a group's children, in no order. Nothing for an object that is not a group. */
enum pom_status pomi_hdf5_list(struct pomi_hdf5 *file, uint64_t group, struct pomi_hdf5_names *names,
                               struct pom_error *err);

/* Appends the strings of an attribute; nothing for an empty one, whose type need not be text (h5py makes an empty
 * list float64). NOT_FOUND when there is no such attribute. */
enum pom_status pomi_hdf5_read_strings(struct pomi_hdf5 *file, uint64_t object, const char *attribute,
                                       struct pomi_hdf5_names *names, struct pom_error *err);

/* A dataset's values. UNSUPPORTED for other types and layouts; LIMIT when a file's datasets together take more
 * bytes than the file has. `floats` is empty after an error. */
enum pom_status pomi_hdf5_read_floats(struct pomi_hdf5 *file, uint64_t dataset,
                                      struct pomi_hdf5_floats *floats, struct pom_error *err);

#endif
