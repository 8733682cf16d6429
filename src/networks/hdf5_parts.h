// SPDX-License-Identifier: Apache-2.0
/* What hdf5.c and hdf5_groups.c share: a cursor that cannot leave the file, and the messages of an object header. */
#ifndef POMONA_NETWORKS_HDF5_PARTS_H
#define POMONA_NETWORKS_HDF5_PARTS_H

#include <stdbool.h>

#include "networks/hdf5.h"

#define POMI_HDF5_NOWHERE UINT64_MAX /* the undefined address */

/* Reading goes forward within [at, end). Past the end it gives zeros and `overrun` stays true, so that a whole
 * structure is read first and judged once. */
struct pomi_hdf5_cursor {
    const uint8_t *at, *end;
    bool overrun;
};

/* `size_bytes` of the file from `address`; overrun from the start when they are not in it. */
struct pomi_hdf5_cursor pomi_hdf5_at(const struct pomi_hdf5 *file, uint64_t address, uint64_t size_bytes);

/* The next bytes; NULL past the end. */
const uint8_t *pomi_hdf5_take(struct pomi_hdf5_cursor *cursor, uint64_t n_bytes);

/* The next 0 to 8 bytes as a number, little-endian. */
uint64_t pomi_hdf5_number(struct pomi_hdf5_cursor *cursor, int n_bytes);

/* Whether the next bytes are this text. */
bool pomi_hdf5_signature(struct pomi_hdf5_cursor *cursor, const char *signature);

/* One more piece of work; LIMIT when a file has had its share. */
enum pom_status pomi_hdf5_step(struct pomi_hdf5 *file, struct pom_error *err);

enum pom_status pomi_hdf5_damaged(struct pom_error *err, const char *what);

/* Appends a text of at most `max_bytes`, which may end earlier with a zero. LIMIT for long names and long lists. */
enum pom_status pomi_hdf5_append_name(struct pomi_hdf5_names *names, const char *text, size_t max_bytes,
                                      struct pom_error *err);

enum pomi_hdf5_message {
    POMI_HDF5_DATASPACE = 0x01,
    POMI_HDF5_LINK_INFO = 0x02,
    POMI_HDF5_DATATYPE = 0x03,
    POMI_HDF5_LINK = 0x06,
    POMI_HDF5_EXTERNAL_FILES = 0x07,
    POMI_HDF5_DATA_LAYOUT = 0x08,
    POMI_HDF5_ATTRIBUTE = 0x0C,
    POMI_HDF5_CONTINUATION = 0x10,
    POMI_HDF5_SYMBOL_TABLE = 0x11,
    POMI_HDF5_ATTRIBUTE_INFO = 0x15
};

/* What is done with each message of an object header. A message that is stored elsewhere (shared) comes without
 * a body: its cursor is overrun. */
typedef enum pom_status pomi_hdf5_visit_message(struct pomi_hdf5 *file, int type,
                                                struct pomi_hdf5_cursor body, void *user,
                                                struct pom_error *err);

enum pom_status pomi_hdf5_each_message(struct pomi_hdf5 *file, uint64_t object,
                                       pomi_hdf5_visit_message *visit, void *user, struct pom_error *err);

/* What is done with each object of a fractal heap, found through a B-tree (version 2) whose records begin with
 * `id_at` bytes and then the object's place in the heap. */
typedef enum pom_status pomi_hdf5_visit_heap(struct pomi_hdf5 *file, struct pomi_hdf5_cursor object,
                                             void *user, struct pom_error *err);

enum pom_status pomi_hdf5_each_in_heap(struct pomi_hdf5 *file, uint64_t heap, uint64_t tree, int id_at,
                                       pomi_hdf5_visit_heap *visit, void *user, struct pom_error *err);

#endif
