// SPDX-License-Identifier: Apache-2.0
/*
 * Fractal heaps, where newer HDF5 files keep the links and attributes of large groups, and the B-trees of version 2
 * that list what is in them.
 *
 * A heap is one range of offsets, cut into blocks by a doubling table: rows of `width` blocks each; the blocks of rows
 * 0 and 1 have the starting size, those of every later row twice the size of the row before. Blocks up to the largest
 * direct size hold objects; larger ones are tables of the same kind in turn.
 */
#include "networks/hdf5_parts.h"

#define MAX_TREE_DEPTH 8

struct heap {
    uint64_t width, start_bytes, max_direct_bytes; /* powers of two */
    int offset_bytes, length_bytes;                /* of an object's place: offset, length */
    uint64_t root;
    uint64_t n_root_rows; /* 0: the root is a direct block */
};

static bool is_power_of_two(uint64_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

static int log2_floor(uint64_t n)
{
    return n == 0 ? 0 : 63 - __builtin_clzll(n);
}

/* How many bytes store a number up to `max`. */
static int bytes_for(uint64_t max)
{
    return log2_floor(max) / 8 + 1;
}

static enum pom_status open_heap(const struct pomi_hdf5 *file, uint64_t address, struct heap *heap,
                                 struct pom_error *err)
{
    enum { HEADER_BYTES = 142 };
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, address, HEADER_BYTES);
    bool is_heap = pomi_hdf5_signature(&at, "FRHP") && pomi_hdf5_number(&at, 1) == 0;
    pomi_hdf5_take(&at, 2); /* length of an object's place */
    uint64_t filter_bytes = pomi_hdf5_number(&at, 2);
    pomi_hdf5_take(&at, 1);
    uint64_t max_object_bytes = pomi_hdf5_number(&at, 4);
    pomi_hdf5_take(&at, 12 * 8); /* huge and tiny objects, free space, totals */
    heap->width = pomi_hdf5_number(&at, 2);
    heap->start_bytes = pomi_hdf5_number(&at, 8);
    heap->max_direct_bytes = pomi_hdf5_number(&at, 8);
    uint64_t n_offset_bits = pomi_hdf5_number(&at, 2);
    pomi_hdf5_take(&at, 2);
    heap->root = pomi_hdf5_number(&at, 8);
    heap->n_root_rows = pomi_hdf5_number(&at, 2);
    const uint64_t max_block_bytes = (uint64_t)1 << 32;
    if (at.overrun || !is_heap || filter_bytes != 0 || !is_power_of_two(heap->width) ||
        !is_power_of_two(heap->start_bytes) || !is_power_of_two(heap->max_direct_bytes) ||
        heap->start_bytes > heap->max_direct_bytes || heap->max_direct_bytes > max_block_bytes ||
        n_offset_bits < 1 || n_offset_bits > 64)
        return pomi_hdf5_damaged(err, "a heap of links or attributes cannot be used");
    int by_block = (log2_floor(heap->max_direct_bytes) + 7) / 8, by_object = bytes_for(max_object_bytes);
    heap->offset_bytes = ((int)n_offset_bits + 7) / 8;
    heap->length_bytes = by_block < by_object ? by_block : by_object;
    return POM_OK;
}

/* The bytes at an offset of the heap; overrun when there are none. Goes down from table to table: the offset within
 * the next one is always less than the one before. */
static struct pomi_hdf5_cursor in_heap(const struct pomi_hdf5 *file, const struct heap *heap, uint64_t offset,
                                       uint64_t length_bytes)
{
    const struct pomi_hdf5_cursor nothing = {file->bytes.data, file->bytes.data, true};
    uint64_t block = heap->root, block_bytes = heap->start_bytes, n_rows = heap->n_root_rows;
    const uint64_t row_0_bytes = heap->width * heap->start_bytes;
    while (n_rows > 0) {
        struct pomi_hdf5_cursor signature = pomi_hdf5_at(file, block, 4);
        if (!pomi_hdf5_signature(&signature, "FHIB")) return nothing;
        uint64_t row = 0, row_offset = 0;
        block_bytes = heap->start_bytes;
        if (offset >= row_0_bytes) {
            int log2_rows = log2_floor(offset / row_0_bytes);
            row = (uint64_t)log2_rows + 1;
            row_offset = row_0_bytes << log2_rows;
            block_bytes = heap->start_bytes << log2_rows;
        }
        if (row >= n_rows || block_bytes == 0) return nothing;
        uint64_t column = (offset - row_offset) / block_bytes;
        offset -= row_offset + column * block_bytes;
        /* signature 4, version 1, address of the header 8, offset of this block; then the blocks' addresses */
        uint64_t entry = 4 + 1 + 8 + (uint64_t)heap->offset_bytes + (row * heap->width + column) * 8;
        struct pomi_hdf5_cursor at = pomi_hdf5_at(file, block, entry + 8);
        pomi_hdf5_take(&at, entry);
        block = pomi_hdf5_number(&at, 8);
        if (at.overrun) return nothing;
        n_rows = 0;
        if (block_bytes > heap->max_direct_bytes) {
            if (block_bytes < row_0_bytes) return nothing;
            n_rows = (uint64_t)(log2_floor(block_bytes) - log2_floor(row_0_bytes)) + 1;
        }
    }
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, block, block_bytes);
    struct pomi_hdf5_cursor signature = at;
    if (!pomi_hdf5_signature(&signature, "FHDB")) return nothing;
    pomi_hdf5_take(&at, offset); /* offsets count from the block's own header */
    const uint8_t *object = pomi_hdf5_take(&at, length_bytes);
    return object == NULL ? nothing : (struct pomi_hdf5_cursor){object, object + length_bytes, false};
}

/* A B-tree: what is the same for all of its nodes, and for one walk over them. */
struct tree {
    uint64_t node_bytes, record_bytes;
    int count_bytes; /* of a node's number of records */
    int total_bytes[MAX_TREE_DEPTH +
                    1]; /* of the number in all nodes below one at this level; leaves are level 0 */
    const struct heap *heap;
    int id_at;
    pomi_hdf5_visit_heap *visit;
    void *user;
};

static enum pom_status visit_record(struct pomi_hdf5 *file, const struct tree *tree,
                                    struct pomi_hdf5_cursor record, struct pom_error *err)
{
    enum { VERSION_AND_TYPE = 0xF0 }; /* 0: an object within the heap */
    pomi_hdf5_take(&record, (uint64_t)tree->id_at);
    uint64_t flags = pomi_hdf5_number(&record, 1);
    uint64_t offset = pomi_hdf5_number(&record, tree->heap->offset_bytes);
    uint64_t length_bytes = pomi_hdf5_number(&record, tree->heap->length_bytes);
    struct pomi_hdf5_cursor object = in_heap(file, tree->heap, offset, length_bytes);
    if (record.overrun || object.overrun || (flags & VERSION_AND_TYPE) != 0)
        return pomi_hdf5_damaged(err, "a link or an attribute is not in its heap");
    POMI_TRY(pomi_hdf5_step(file, err));
    return tree->visit(file, object, tree->user, err);
}

static enum pom_status walk_node(struct pomi_hdf5 *file, const struct tree *tree, uint64_t address, int level,
                                 uint64_t n_records, struct pom_error *err)
{
    POMI_TRY(pomi_hdf5_step(file, err));
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, address, tree->node_bytes);
    bool is_node = pomi_hdf5_signature(&at, level > 0 ? "BTIN" : "BTLF");
    pomi_hdf5_take(&at, 2); /* version, type */
    const uint8_t *records = pomi_hdf5_take(&at, n_records * tree->record_bytes);
    if (!is_node || records == NULL)
        return pomi_hdf5_damaged(err, "an index of links or attributes is broken");
    for (uint64_t i = 0; i < n_records; i++) {
        const uint8_t *record = records + i * tree->record_bytes;
        POMI_TRY(visit_record(file, tree,
                              (struct pomi_hdf5_cursor){record, record + tree->record_bytes, false}, err));
    }
    for (uint64_t i = 0; level > 0 && i <= n_records; i++) {
        uint64_t child = pomi_hdf5_number(&at, 8), n_child_records = pomi_hdf5_number(&at, tree->count_bytes);
        pomi_hdf5_take(&at, (uint64_t)tree->total_bytes[level - 1]);
        if (at.overrun) return pomi_hdf5_damaged(err, "an index of links or attributes is broken");
        POMI_TRY(walk_node(file, tree, child, level - 1, n_child_records, err));
    }
    return POM_OK;
}

/* The widths of counts follow from how many records fit into a node of each level. */
static void derive_widths(struct tree *tree, int depth)
{
    enum { NODE_OVERHEAD_BYTES = 4 + 1 + 1 + 4 };
    uint64_t left_bytes = tree->node_bytes - NODE_OVERHEAD_BYTES;
    uint64_t max_records = left_bytes / tree->record_bytes, total = max_records;
    tree->count_bytes = bytes_for(max_records);
    tree->total_bytes[0] = 0;
    for (int level = 1; level <= depth; level++) {
        uint64_t pointer_bytes = (uint64_t)(8 + tree->count_bytes + tree->total_bytes[level - 1]);
        max_records = left_bytes < pointer_bytes
                          ? 0
                          : (left_bytes - pointer_bytes) / (tree->record_bytes + pointer_bytes);
        if (__builtin_mul_overflow(max_records + 1, total, &total) ||
            __builtin_add_overflow(total, max_records, &total))
            total = UINT64_MAX;
        tree->total_bytes[level] = bytes_for(total);
    }
}

enum pom_status pomi_hdf5_each_in_heap(struct pomi_hdf5 *file, uint64_t heap_address, uint64_t tree_address,
                                       int id_at, pomi_hdf5_visit_heap *visit, void *user,
                                       struct pom_error *err)
{
    enum { HEADER_BYTES = 38, MIN_NODE_BYTES = 64 };
    struct heap heap;
    struct tree tree = {.heap = &heap, .id_at = id_at, .visit = visit, .user = user};
    POMI_TRY(open_heap(file, heap_address, &heap, err));
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, tree_address, HEADER_BYTES);
    bool is_tree = pomi_hdf5_signature(&at, "BTHD") && pomi_hdf5_number(&at, 1) == 0;
    pomi_hdf5_take(&at, 1); /* type */
    tree.node_bytes = pomi_hdf5_number(&at, 4);
    tree.record_bytes = pomi_hdf5_number(&at, 2);
    uint64_t depth = pomi_hdf5_number(&at, 2);
    pomi_hdf5_take(&at, 2); /* when nodes are split and merged */
    uint64_t root = pomi_hdf5_number(&at, 8), n_root_records = pomi_hdf5_number(&at, 2);
    if (at.overrun || !is_tree || tree.node_bytes < MIN_NODE_BYTES || tree.record_bytes == 0 ||
        depth > MAX_TREE_DEPTH)
        return pomi_hdf5_damaged(err, "an index of links or attributes cannot be used");
    if (root == POMI_HDF5_NOWHERE) return POM_OK; /* empty */
    derive_widths(&tree, (int)depth);
    return walk_node(file, &tree, root, (int)depth, n_root_records, err);
}
