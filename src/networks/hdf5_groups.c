// SPDX-License-Identifier: Apache-2.0
/* Groups of an HDF5 file: their links by name, in each of the three ways in which they are stored. */
#include <string.h>

#include "networks/hdf5_parts.h"

struct link {
    const char *name; /* not terminated */
    size_t name_bytes;
    uint64_t object;
};

/* Goes over a group's hard links. */
struct link_walk {
    enum pom_status (*visit)(const struct link *link, void *user, struct pom_error *err);
    void *user;
};

static enum pom_status visit_link(struct pomi_hdf5 *file, struct pomi_hdf5_cursor at, void *user,
                                  struct pom_error *err)
{
    enum { FLAGS_SIZE = 3, FLAG_ORDER = 4, FLAG_TYPE = 8, FLAG_CHARSET = 16, HARD = 0 };
    const struct link_walk *walk = user;
    (void)file;
    uint64_t version = pomi_hdf5_number(&at, 1), flags = pomi_hdf5_number(&at, 1);
    uint64_t type = flags & FLAG_TYPE ? pomi_hdf5_number(&at, 1) : HARD;
    pomi_hdf5_take(&at, (flags & FLAG_ORDER ? 8 : 0) + (flags & FLAG_CHARSET ? 1 : 0));
    struct link link;
    link.name_bytes = (size_t)pomi_hdf5_number(&at, 1 << (flags & FLAGS_SIZE));
    link.name = (const char *)pomi_hdf5_take(&at, link.name_bytes);
    if (version == 1 && type != HARD && !at.overrun) return POM_OK;
    link.object = pomi_hdf5_number(&at, 8);
    if (version != 1 || at.overrun) return pomi_hdf5_damaged(err, "a link cannot be read");
    return walk->visit(&link, walk->user, err);
}

/* A node of up to some hundred links: "SNOD", version, reserved, count, entries. Names are offsets into `names`. */
static enum pom_status walk_symbols(struct pomi_hdf5 *file, struct pomi_hdf5_cursor names, uint64_t address,
                                    const struct link_walk *walk, struct pom_error *err)
{
    enum { ENTRY_BYTES = 40, SYMBOLIC_LINK = 2 };
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, address, 8);
    bool is_node = pomi_hdf5_signature(&at, "SNOD");
    pomi_hdf5_take(&at, 2);
    uint64_t n_links = pomi_hdf5_number(&at, 2);
    at = pomi_hdf5_at(file, address + 8, n_links * ENTRY_BYTES);
    if (!is_node || at.overrun) return pomi_hdf5_damaged(err, "a node of a group's links is broken");
    for (uint64_t i = 0; i < n_links; i++) {
        struct pomi_hdf5_cursor name = names;
        struct link link = {0};
        pomi_hdf5_take(&name, pomi_hdf5_number(&at, 8));
        link.object = pomi_hdf5_number(&at, 8);
        uint64_t cached = pomi_hdf5_number(&at, 4);
        pomi_hdf5_take(&at, 4 + 16);
        link.name = (const char *)name.at;
        link.name_bytes = name.overrun ? 0 : strnlen(link.name, (size_t)(name.end - name.at));
        if (name.overrun || name.at + link.name_bytes == name.end)
            return pomi_hdf5_damaged(err, "a link has no name");
        POMI_TRY(pomi_hdf5_step(file, err));
        if (cached != SYMBOLIC_LINK) POMI_TRY(walk->visit(&link, walk->user, err));
    }
    return POM_OK;
}

/* A B-tree of version 1: "TREE", type 0, level, count, siblings; then key, child, key, child, ..., key. */
static enum pom_status walk_tree(struct pomi_hdf5 *file, struct pomi_hdf5_cursor names, uint64_t address,
                                 int max_level, const struct link_walk *walk, struct pom_error *err)
{
    enum { HEADER_BYTES = 24, CHILD_BYTES = 16 };
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, address, HEADER_BYTES);
    bool is_tree = pomi_hdf5_signature(&at, "TREE") && pomi_hdf5_number(&at, 1) == 0;
    int level = (int)pomi_hdf5_number(&at, 1);
    uint64_t n_children = pomi_hdf5_number(&at, 2);
    at = pomi_hdf5_at(file, address + HEADER_BYTES, n_children * CHILD_BYTES);
    if (!is_tree || at.overrun || level > max_level)
        return pomi_hdf5_damaged(err, "the index of a group's links is broken");
    for (uint64_t i = 0; i < n_children; i++) {
        pomi_hdf5_take(&at, 8); /* key */
        uint64_t child = pomi_hdf5_number(&at, 8);
        POMI_TRY(pomi_hdf5_step(file, err));
        POMI_TRY(level > 0 ? walk_tree(file, names, child, level - 1, walk, err)
                           : walk_symbols(file, names, child, walk, err));
    }
    return POM_OK;
}

static enum pom_status walk_symbol_table(struct pomi_hdf5 *file, struct pomi_hdf5_cursor body,
                                         const struct link_walk *walk, struct pom_error *err)
{
    enum { HEAP_HEADER_BYTES = 32, MAX_LEVEL = 8 };
    uint64_t tree = pomi_hdf5_number(&body, 8);
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, pomi_hdf5_number(&body, 8), HEAP_HEADER_BYTES);
    bool is_heap = pomi_hdf5_signature(&at, "HEAP");
    pomi_hdf5_take(&at, 4); /* version, reserved */
    uint64_t heap_bytes = pomi_hdf5_number(&at, 8);
    pomi_hdf5_take(&at, 8); /* free list */
    struct pomi_hdf5_cursor names = pomi_hdf5_at(file, pomi_hdf5_number(&at, 8), heap_bytes);
    if (body.overrun || !is_heap || names.overrun)
        return pomi_hdf5_damaged(err, "the names of a group cannot be found");
    return walk_tree(file, names, tree, MAX_LEVEL, walk, err);
}

static enum pom_status visit_group_message(struct pomi_hdf5 *file, int type, struct pomi_hdf5_cursor body,
                                           void *user, struct pom_error *err)
{
    enum { FLAG_ORDER = 1, RECORD_ID_AT = 4 };
    if (type == POMI_HDF5_LINK) return visit_link(file, body, user, err);
    if (type == POMI_HDF5_SYMBOL_TABLE) return walk_symbol_table(file, body, user, err);
    if (type != POMI_HDF5_LINK_INFO) return POM_OK;
    pomi_hdf5_take(&body, 1); /* version */
    uint64_t flags = pomi_hdf5_number(&body, 1);
    pomi_hdf5_take(&body, flags & FLAG_ORDER ? 8 : 0);
    uint64_t heap = pomi_hdf5_number(&body, 8), tree = pomi_hdf5_number(&body, 8);
    if (body.overrun) return pomi_hdf5_damaged(err, "a group cannot be read");
    if (heap == POMI_HDF5_NOWHERE) return POM_OK; /* its links are in the header */
    return pomi_hdf5_each_in_heap(file, heap, tree, RECORD_ID_AT, visit_link, user, err);
}

struct wanted_link {
    const char *name;
    size_t name_bytes;
    bool found;
    uint64_t object;
};

static enum pom_status match_link(const struct link *link, void *user, struct pom_error *err)
{
    struct wanted_link *wanted = user;
    (void)err;
    if (link->name_bytes == wanted->name_bytes && memcmp(link->name, wanted->name, wanted->name_bytes) == 0) {
        wanted->found = true;
        wanted->object = link->object;
    }
    return POM_OK;
}

enum pom_status pomi_hdf5_find(struct pomi_hdf5 *file, uint64_t from, const char *path, uint64_t *object,
                               struct pom_error *err)
{
    *object = from;
    for (;;) {
        path += strspn(path, "/");
        size_t part_bytes = strcspn(path, "/");
        if (part_bytes == 0) return POM_OK;
        struct wanted_link wanted = {.name = path, .name_bytes = part_bytes};
        struct link_walk walk = {match_link, &wanted};
        path += part_bytes;
        if (part_bytes == 1 && wanted.name[0] == '.') continue;
        POMI_TRY(pomi_hdf5_each_message(file, *object, visit_group_message, &walk, err));
        if (!wanted.found)
            return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "the HDF5 file has no \"%.*s\"",
                             part_bytes < 200 ? (int)part_bytes : 200, wanted.name);
        *object = wanted.object;
    }
}

static enum pom_status list_link(const struct link *link, void *user, struct pom_error *err)
{
    return pomi_hdf5_append_name(user, link->name, link->name_bytes, err);
}

enum pom_status pomi_hdf5_list(struct pomi_hdf5 *file, uint64_t group, struct pomi_hdf5_names *names,
                               struct pom_error *err)
{
    struct link_walk walk = {list_link, names};
    return pomi_hdf5_each_message(file, group, visit_group_message, &walk, err);
}
