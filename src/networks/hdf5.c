// SPDX-License-Identifier: Apache-2.0
#include "networks/hdf5.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/safetensors.h"
#include "base/sizes.h"
#include "networks/hdf5_parts.h"

/* Some ten times what a ResNet50's file takes. */
#define MAX_STEPS ((size_t)1 << 23)

enum pom_status pomi_hdf5_open(struct pomi_hdf5 *file, struct pomi_view bytes, struct pom_error *err)
{
    *file =
        (struct pomi_hdf5){.bytes = bytes, .n_steps_left = MAX_STEPS, .n_data_bytes_left = bytes.size_bytes};
    struct pomi_hdf5_cursor at = {bytes.data, bytes.data + bytes.size_bytes, false};
    bool is_hdf5 = pomi_hdf5_signature(&at, "\x89HDF\r\n\x1a\n");
    int version = (int)pomi_hdf5_number(&at, 1);
    if (version <= 1) pomi_hdf5_take(&at, 4); /* versions of parts */
    bool sizes_are_8 = pomi_hdf5_number(&at, 1) == 8 && pomi_hdf5_number(&at, 1) == 8;
    pomi_hdf5_take(&at, version == 0 ? 9 : version == 1 ? 13 : 1); /* sizes of groups' nodes, flags */
    uint64_t base = pomi_hdf5_number(&at, 8);
    pomi_hdf5_take(&at, 8); /* free space, or the superblock's extension */
    uint64_t end = pomi_hdf5_number(&at, 8);
    pomi_hdf5_take(&at, version <= 1 ? 8 + 8 : 0); /* driver; the root's name */
    file->root = pomi_hdf5_number(&at, 8);
    if (!is_hdf5 || at.overrun || version > 3 || !sizes_are_8 || base != 0)
        return pomi_hdf5_damaged(err, "its superblock cannot be used");
    if (end > bytes.size_bytes)
        return pomi_fail(err, POM_ERROR_FORMAT, "truncated", "the HDF5 file has %zu of its %llu bytes",
                         bytes.size_bytes, (unsigned long long)end);
    return POM_OK;
}

enum pom_status pomi_hdf5_append_name(struct pomi_hdf5_names *names, const char *text, size_t max_bytes,
                                      struct pom_error *err)
{
    size_t text_bytes = max_bytes == 0 ? 0 : strnlen(text, max_bytes);
    if (text_bytes >= POMI_HDF5_MAX_NAME_BYTES || names->n_names == POMI_HDF5_MAX_NAMES)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_large",
                         "the HDF5 file has a name of %d bytes or more, or more than %d names in one list",
                         POMI_HDF5_MAX_NAME_BYTES, POMI_HDF5_MAX_NAMES);
    if ((names->n_names & (names->n_names - 1)) == 0) { /* full: room for twice as many */
        size_t room_bytes = (names->n_names == 0 ? 1 : 2 * names->n_names) * sizeof *names->list;
        struct pomi_hdf5_name *grown = realloc(names->list, room_bytes);
        if (grown == NULL) return pomi_fail_memory(err, room_bytes, "names");
        names->list = grown;
    }
    struct pomi_hdf5_name *name = &names->list[names->n_names++];
    if (text_bytes > 0) memcpy(name->text, text, text_bytes);
    name->text[text_bytes] = '\0';
    return POM_OK;
}

/* ---- what attributes and datasets have in common: extent and type ---- */

struct extent {
    int n_dimensions;
    uint64_t shape[4];
    uint64_t n_elements;
};

/* False for what cannot be read or has too many dimensions or elements. */
static bool read_extent(struct pomi_hdf5_cursor at, struct extent *extent)
{
    enum { NOTHING = 2 };
    uint64_t version = pomi_hdf5_number(&at, 1), n_dimensions = pomi_hdf5_number(&at, 1);
    pomi_hdf5_take(&at, 1); /* flags */
    uint64_t kind = pomi_hdf5_number(&at, 1);
    if (version == 1) pomi_hdf5_take(&at, 4), kind = 0;
    if (at.overrun || version < 1 || version > 2 || n_dimensions > 4) return false;
    *extent = (struct extent){.n_dimensions = (int)n_dimensions, .n_elements = kind == NOTHING ? 0 : 1};
    for (int i = 0; i < extent->n_dimensions; i++) {
        extent->shape[i] = pomi_hdf5_number(&at, 8);
        if (extent->shape[i] > INT_MAX ||
            __builtin_mul_overflow(extent->n_elements, extent->shape[i], &extent->n_elements))
            return false;
    }
    return !at.overrun;
}

enum type_class { TYPE_FLOAT = 1, TYPE_TEXT = 3, TYPE_VARIABLE_LENGTH = 9 };

struct type {
    int class;
    bool is_text; /* fixed or of variable length */
    uint32_t element_bytes;
    const uint8_t *description; /* of a float: 3 bytes of flags, 4 of size, 12 of bit places */
};

static bool read_type(struct pomi_hdf5_cursor at, struct type *type)
{
    enum { FLOAT_DESCRIPTION_BYTES = 3 + 4 + 12, VARIABLE_IS_TEXT = 1 };
    type->class = (int)(pomi_hdf5_number(&at, 1) & 15);
    struct pomi_hdf5_cursor description = at;
    uint64_t flags = pomi_hdf5_number(&at, 3);
    type->element_bytes = (uint32_t)pomi_hdf5_number(&at, 4);
    type->description =
        type->class == TYPE_FLOAT ? pomi_hdf5_take(&description, FLOAT_DESCRIPTION_BYTES) : NULL;
    type->is_text =
        type->class == TYPE_TEXT || (type->class == TYPE_VARIABLE_LENGTH && (flags & 15) == VARIABLE_IS_TEXT);
    return !at.overrun && !description.overrun && type->element_bytes > 0;
}

/* ---- attributes ---- */

struct wanted_attribute {
    const char *name;
    bool found;
    bool is_sound;
    struct extent extent;
    struct type type;
    struct pomi_hdf5_cursor data;
};

/* Version 1 pads its three parts to multiples of 8. */
static struct pomi_hdf5_cursor take_part(struct pomi_hdf5_cursor *at, uint64_t size_bytes, bool is_padded)
{
    const uint8_t *part = pomi_hdf5_take(at, size_bytes);
    if (is_padded) pomi_hdf5_take(at, pomi_size_align(size_bytes, 8) - size_bytes);
    if (part == NULL) return (struct pomi_hdf5_cursor){at->end, at->end, true};
    return (struct pomi_hdf5_cursor){part, part + size_bytes, false};
}

static enum pom_status match_attribute(struct pomi_hdf5 *file, struct pomi_hdf5_cursor at, void *user,
                                       struct pom_error *err)
{
    enum { FLAG_PARTS_ELSEWHERE = 3 };
    struct wanted_attribute *wanted = user;
    (void)file;
    uint64_t version = pomi_hdf5_number(&at, 1), flags = pomi_hdf5_number(&at, 1);
    uint64_t name_bytes = pomi_hdf5_number(&at, 2), type_bytes = pomi_hdf5_number(&at, 2);
    uint64_t extent_bytes = pomi_hdf5_number(&at, 2);
    if (version == 3) pomi_hdf5_take(&at, 1); /* the name's encoding */
    struct pomi_hdf5_cursor name = take_part(&at, name_bytes, version == 1);
    struct pomi_hdf5_cursor type = take_part(&at, type_bytes, version == 1);
    struct pomi_hdf5_cursor extent = take_part(&at, extent_bytes, version == 1);
    if (at.overrun || version < 1 || version > 3)
        return pomi_hdf5_damaged(err, "an attribute cannot be read");
    if (strlen(wanted->name) + 1 != name_bytes || memcmp(name.at, wanted->name, name_bytes) != 0)
        return POM_OK;
    wanted->found = true;
    wanted->is_sound = (version == 1 || (flags & FLAG_PARTS_ELSEWHERE) == 0) &&
                       read_type(type, &wanted->type) && read_extent(extent, &wanted->extent);
    wanted->data = at;
    return POM_OK;
}

static enum pom_status visit_attribute_message(struct pomi_hdf5 *file, int type, struct pomi_hdf5_cursor body,
                                               void *user, struct pom_error *err)
{
    enum { FLAG_ORDER = 1, RECORD_ID_AT = 0 };
    if (type == POMI_HDF5_ATTRIBUTE) return match_attribute(file, body, user, err);
    if (type != POMI_HDF5_ATTRIBUTE_INFO) return POM_OK;
    pomi_hdf5_take(&body, 1); /* version */
    uint64_t flags = pomi_hdf5_number(&body, 1);
    pomi_hdf5_take(&body, flags & FLAG_ORDER ? 2 : 0);
    uint64_t heap = pomi_hdf5_number(&body, 8), tree = pomi_hdf5_number(&body, 8);
    if (body.overrun) return pomi_hdf5_damaged(err, "the attributes of an object cannot be read");
    if (heap == POMI_HDF5_NOWHERE) return POM_OK;
    return pomi_hdf5_each_in_heap(file, heap, tree, RECORD_ID_AT, match_attribute, user, err);
}

/* Text of variable length: its length, the address of a global heap, a number in it. The heap: "GCOL", version and
 * reserved 4, size; then objects of number 2, references 2, reserved 4, size 8, data up to a multiple of 8. */
static enum pom_status append_from_heap(struct pomi_hdf5 *file, struct pomi_hdf5_cursor element,
                                        struct pomi_hdf5_names *names, struct pom_error *err)
{
    enum { HEADER_BYTES = 16 };
    uint64_t text_bytes = pomi_hdf5_number(&element, 4), address = pomi_hdf5_number(&element, 8);
    uint64_t number = pomi_hdf5_number(&element, 4);
    if (text_bytes == 0) return pomi_hdf5_append_name(names, "", 0, err);
    struct pomi_hdf5_cursor at = pomi_hdf5_at(file, address, HEADER_BYTES);
    bool is_heap = pomi_hdf5_signature(&at, "GCOL");
    pomi_hdf5_take(&at, 4);
    uint64_t heap_bytes = pomi_hdf5_number(&at, 8);
    at = pomi_hdf5_at(file, address, heap_bytes);
    pomi_hdf5_take(&at, HEADER_BYTES);
    while (is_heap && !at.overrun) {
        POMI_TRY(pomi_hdf5_step(file, err));
        uint64_t found = pomi_hdf5_number(&at, 2);
        pomi_hdf5_take(&at, 2 + 4);
        uint64_t size_bytes = pomi_hdf5_number(&at, 8);
        if (found == 0) break; /* the free rest */
        const char *text = (const char *)pomi_hdf5_take(&at, size_bytes);
        if (text != NULL && found == number && text_bytes <= size_bytes)
            return pomi_hdf5_append_name(names, text, (size_t)text_bytes, err);
        pomi_hdf5_take(&at, -size_bytes & 7);
    }
    return pomi_hdf5_damaged(err, "the text of an attribute is not where it should be");
}

enum pom_status pomi_hdf5_read_strings(struct pomi_hdf5 *file, uint64_t object, const char *attribute,
                                       struct pomi_hdf5_names *names, struct pom_error *err)
{
    struct wanted_attribute wanted = {.name = attribute};
    POMI_TRY(pomi_hdf5_each_message(file, object, visit_attribute_message, &wanted, err));
    if (!wanted.found)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "not_found", "the HDF5 file has no attribute \"%.100s\"",
                         attribute);
    if (wanted.is_sound && wanted.extent.n_elements == 0) return POM_OK;
    if (!wanted.is_sound || !wanted.type.is_text)
        return pomi_hdf5_damaged(err, "an attribute that should hold text does not");
    for (uint64_t i = 0; i < wanted.extent.n_elements; i++) {
        const uint8_t *element = pomi_hdf5_take(&wanted.data, wanted.type.element_bytes);
        if (element == NULL) return pomi_hdf5_damaged(err, "an attribute is too short");
        struct pomi_hdf5_cursor at = {element, element + wanted.type.element_bytes, false};
        POMI_TRY(wanted.type.class == TYPE_TEXT
                     ? pomi_hdf5_append_name(names, (const char *)element, wanted.type.element_bytes, err)
                     : append_from_heap(file, at, names, err));
    }
    return POM_OK;
}

/* ---- datasets ---- */

struct dataset {
    bool has_extent, has_type, is_external;
    struct extent extent;
    struct type type;
    struct pomi_hdf5_cursor data; /* NULL: nothing that can be read */
};

/* Versions 3 and 4 say: version, class; compact: size 2 and the data; contiguous: address, size. */
static struct pomi_hdf5_cursor read_layout(const struct pomi_hdf5 *file, struct pomi_hdf5_cursor at)
{
    enum { COMPACT = 0, CONTIGUOUS = 1 };
    uint64_t version = pomi_hdf5_number(&at, 1), class = pomi_hdf5_number(&at, 1);
    if (version >= 3 && version <= 4 && class == COMPACT) {
        uint64_t size_bytes = pomi_hdf5_number(&at, 2);
        return take_part(&at, size_bytes, false);
    }
    if (version >= 3 && version <= 4 && class == CONTIGUOUS) {
        uint64_t address = pomi_hdf5_number(&at, 8), size_bytes = pomi_hdf5_number(&at, 8);
        if (!at.overrun) return pomi_hdf5_at(file, address, size_bytes);
    }
    return (struct pomi_hdf5_cursor){NULL, NULL, true};
}

static enum pom_status visit_dataset_message(struct pomi_hdf5 *file, int type, struct pomi_hdf5_cursor body,
                                             void *user, struct pom_error *err)
{
    struct dataset *dataset = user;
    (void)err;
    if (type == POMI_HDF5_DATASPACE) dataset->has_extent = read_extent(body, &dataset->extent);
    if (type == POMI_HDF5_DATATYPE) dataset->has_type = read_type(body, &dataset->type);
    if (type == POMI_HDF5_EXTERNAL_FILES) dataset->is_external = true;
    if (type == POMI_HDF5_DATA_LAYOUT) dataset->data = read_layout(file, body);
    return POM_OK;
}

/* The IEEE formats as a type message spells them: sign, exponent and mantissa by their places and sizes. */
static bool is_ieee(const struct type *type)
{
    static const uint8_t formats[3][19] = {
        {0x20, 15, 0, 2, 0, 0, 0, 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0},
        {0x20, 31, 0, 4, 0, 0, 0, 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0},
        {0x20, 63, 0, 8, 0, 0, 0, 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0},
    };
    for (int i = 0; i < 3 && type->description != NULL; i++)
        if (memcmp(type->description, formats[i], sizeof formats[i]) == 0) return true;
    return false;
}

static float to_float(const uint8_t *bytes, uint32_t size_bytes)
{
    uint16_t half;
    float single;
    double number;
    switch (size_bytes) {
    case 2:
        memcpy(&half, bytes, sizeof half);
        return pomi_half_to_float(half);
    case 4:
        memcpy(&single, bytes, sizeof single);
        return single;
    default:
        memcpy(&number, bytes, sizeof number);
        return (float)number;
    }
}

enum pom_status pomi_hdf5_read_floats(struct pomi_hdf5 *file, uint64_t object,
                                      struct pomi_hdf5_floats *floats, struct pom_error *err)
{
    struct dataset dataset = {0};
    *floats = (struct pomi_hdf5_floats){0};
    POMI_TRY(pomi_hdf5_each_message(file, object, visit_dataset_message, &dataset, err));
    if (!dataset.has_extent || !dataset.has_type)
        return pomi_hdf5_damaged(err, "a dataset says no type or no shape that can be used");
    if (!is_ieee(&dataset.type))
        return pomi_fail(err, POM_ERROR_UNSUPPORTED, "unsupported",
                         "it does not hold little-endian IEEE floats");
    if (dataset.is_external || dataset.data.at == NULL)
        return pomi_fail(
            err, POM_ERROR_UNSUPPORTED, "unsupported",
            "it is stored in chunks, compressed, or in another file, which weights files are not; "
            "`h5repack -l CONTI -f NONE` rewrites it in one piece");
    uint64_t size_bytes;
    if (__builtin_mul_overflow(dataset.extent.n_elements, dataset.type.element_bytes, &size_bytes) ||
        dataset.data.overrun || size_bytes > (uint64_t)(dataset.data.end - dataset.data.at) ||
        size_bytes == 0)
        return pomi_hdf5_damaged(err, "a dataset is empty or has less data than its shape says");
    if (size_bytes > file->n_data_bytes_left)
        return pomi_fail(err, POM_ERROR_LIMIT, "too_large",
                         "the datasets of the HDF5 file together say more than the file's %zu bytes",
                         file->bytes.size_bytes);
    file->n_data_bytes_left -= size_bytes;
    floats->values = malloc(dataset.extent.n_elements * sizeof *floats->values);
    if (floats->values == NULL)
        return pomi_fail_memory(err, dataset.extent.n_elements * sizeof *floats->values, "weights");
    floats->n_dimensions = dataset.extent.n_dimensions;
    floats->n_values = dataset.extent.n_elements;
    for (int i = 0; i < floats->n_dimensions; i++) floats->shape[i] = (int)dataset.extent.shape[i];
    for (size_t i = 0; i < floats->n_values; i++)
        floats->values[i] =
            to_float(dataset.data.at + i * dataset.type.element_bytes, dataset.type.element_bytes);
    return POM_OK;
}
