// SPDX-License-Identifier: Apache-2.0
/* Object headers: what every group and dataset of an HDF5 file begins with, a list of typed messages. */
#include <string.h>

#include "networks/hdf5_parts.h"

#define MAX_HEADER_BLOCKS 256

struct pomi_hdf5_cursor pomi_hdf5_at(const struct pomi_hdf5 *file, uint64_t address, uint64_t size_bytes)
{
    struct pomi_view bytes = file->bytes;
    if (address > bytes.size_bytes || size_bytes > bytes.size_bytes - address)
        return (struct pomi_hdf5_cursor){bytes.data, bytes.data, true};
    return (struct pomi_hdf5_cursor){bytes.data + address, bytes.data + address + size_bytes, false};
}

const uint8_t *pomi_hdf5_take(struct pomi_hdf5_cursor *cursor, uint64_t n_bytes)
{
    if (cursor->overrun || n_bytes > (uint64_t)(cursor->end - cursor->at)) {
        cursor->overrun = true;
        return NULL;
    }
    const uint8_t *taken = cursor->at;
    cursor->at += n_bytes;
    return taken;
}

uint64_t pomi_hdf5_number(struct pomi_hdf5_cursor *cursor, int n_bytes)
{
    const uint8_t *bytes = pomi_hdf5_take(cursor, (uint64_t)n_bytes);
    uint64_t value = 0;
    for (int i = n_bytes - 1; i >= 0 && bytes != NULL; i--) value = value << 8 | bytes[i];
    return value;
}

bool pomi_hdf5_signature(struct pomi_hdf5_cursor *cursor, const char *signature)
{
    const uint8_t *bytes = pomi_hdf5_take(cursor, strlen(signature));
    return bytes != NULL && memcmp(bytes, signature, strlen(signature)) == 0;
}

enum pom_status pomi_hdf5_step(struct pomi_hdf5 *file, struct pom_error *err)
{
    if (file->n_steps_left-- > 0) return POM_OK;
    file->n_steps_left = 0;
    return pomi_fail(err, POM_ERROR_LIMIT, "too_large", "the HDF5 file has more objects than weights need");
}

enum pom_status pomi_hdf5_damaged(struct pom_error *err, const char *what)
{
    return pomi_fail(err, POM_ERROR_FORMAT, "corrupt",
                     "the HDF5 file is damaged or in a form that Keras does not write: %s", what);
}

/* The blocks of one header: where the next ones are is found while reading the earlier ones. */
struct blocks {
    struct pomi_hdf5_cursor list[MAX_HEADER_BLOCKS];
    int n_blocks;
    int version;
    bool has_creation_order; /* version 2: each message says when it was made */
};

static enum pom_status add_continuation(const struct pomi_hdf5 *file, struct blocks *blocks,
                                        struct pomi_hdf5_cursor body, struct pom_error *err)
{
    enum { CHECKSUM_BYTES = 4 };
    uint64_t address = pomi_hdf5_number(&body, 8), size_bytes = pomi_hdf5_number(&body, 8);
    struct pomi_hdf5_cursor block = pomi_hdf5_at(file, address, size_bytes);
    if (body.overrun || block.overrun || blocks->n_blocks == MAX_HEADER_BLOCKS)
        return pomi_hdf5_damaged(err, "an object header goes on where it cannot");
    if (blocks->version == 2) {
        if (!pomi_hdf5_signature(&block, "OCHK") || block.end - block.at < CHECKSUM_BYTES)
            return pomi_hdf5_damaged(err, "an object header goes on where there is none");
        block.end -= CHECKSUM_BYTES;
    }
    blocks->list[blocks->n_blocks++] = block;
    return POM_OK;
}

static enum pom_status read_block(struct pomi_hdf5 *file, struct blocks *blocks,
                                  struct pomi_hdf5_cursor block, pomi_hdf5_visit_message *visit, void *user,
                                  struct pom_error *err)
{
    enum { FLAG_SHARED = 2 };
    int header_bytes = blocks->version == 1 ? 8 : blocks->has_creation_order ? 6 : 4;
    while (block.end - block.at >= header_bytes) { /* less is a gap */
        int type = (int)pomi_hdf5_number(&block, blocks->version == 1 ? 2 : 1);
        uint64_t size_bytes = pomi_hdf5_number(&block, 2);
        uint64_t flags = pomi_hdf5_number(&block, 1);
        pomi_hdf5_take(&block, (uint64_t)(blocks->version == 1 ? 3 : blocks->has_creation_order ? 2 : 0));
        const uint8_t *start = pomi_hdf5_take(&block, size_bytes);
        if (start == NULL) return pomi_hdf5_damaged(err, "a message of an object header is too long");
        struct pomi_hdf5_cursor body = {start, start + size_bytes, (flags & FLAG_SHARED) != 0};
        POMI_TRY(pomi_hdf5_step(file, err));
        POMI_TRY(type == POMI_HDF5_CONTINUATION ? add_continuation(file, blocks, body, err)
                                                : visit(file, type, body, user, err));
    }
    return POM_OK;
}

/* The first block, by the version of the header. */
static bool open_header(const struct pomi_hdf5 *file, uint64_t object, struct blocks *blocks)
{
    struct pomi_hdf5_cursor start =
        pomi_hdf5_at(file, object, object < file->bytes.size_bytes ? file->bytes.size_bytes - object : 0);
    struct pomi_hdf5_cursor signature = start;
    uint64_t size_bytes;
    blocks->n_blocks = 1;
    if (pomi_hdf5_signature(&signature, "OHDR")) {
        enum { FLAGS_SIZE = 3, FLAG_CREATION_ORDER = 4, FLAG_PHASES = 16, FLAG_TIMES = 32 };
        start = signature;
        blocks->version = (int)pomi_hdf5_number(&start, 1);
        uint64_t flags = pomi_hdf5_number(&start, 1);
        blocks->has_creation_order = (flags & FLAG_CREATION_ORDER) != 0;
        pomi_hdf5_take(&start, (flags & FLAG_TIMES ? 16 : 0) + (flags & FLAG_PHASES ? 4 : 0));
        size_bytes = pomi_hdf5_number(&start, 1 << (flags & FLAGS_SIZE));
        if (blocks->version != 2) return false;
    } else { /* version, reserved, count of messages 2, of references 4, size 4, padding 4 */
        blocks->version = (int)pomi_hdf5_number(&start, 1);
        blocks->has_creation_order = false;
        pomi_hdf5_take(&start, 1 + 2 + 4);
        size_bytes = pomi_hdf5_number(&start, 4);
        pomi_hdf5_take(&start, 4);
        if (blocks->version != 1) return false;
    }
    const uint8_t *messages = pomi_hdf5_take(&start, size_bytes);
    if (messages == NULL) return false;
    blocks->list[0] = (struct pomi_hdf5_cursor){messages, messages + size_bytes, false};
    return true;
}

enum pom_status pomi_hdf5_each_message(struct pomi_hdf5 *file, uint64_t object,
                                       pomi_hdf5_visit_message *visit, void *user, struct pom_error *err)
{
    struct blocks blocks;
    if (!open_header(file, object, &blocks)) return pomi_hdf5_damaged(err, "an object has no header");
    for (int i = 0; i < blocks.n_blocks; i++)
        POMI_TRY(read_block(file, &blocks, blocks.list[i], visit, user, err));
    return POM_OK;
}
