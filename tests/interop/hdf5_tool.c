// SPDX-License-Identifier: Apache-2.0
/*
 * The HDF5 reader as a program, for tests in other languages: hdf5_tool FILE ATTRIBUTE... prints, depth first and
 * sorted, one line for each object, in JSON:
 *
 *     ["/path", {"ATTRIBUTE": ["text", ...]}, null or [[shape], [value, ...]] or "reason"]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "networks/hdf5.h"
#include "store/store.h"

static json_t *dataset(struct pomi_hdf5 *file, uint64_t object)
{
    struct pomi_hdf5_floats floats;
    struct pom_error err = {0};
    if (pomi_hdf5_read_floats(file, object, &floats, &err) != POM_OK)
        return strstr(err.message, "says no type") != NULL ? json_null() : json_string(err.reason);
    json_t *shape = json_array(), *values = json_array();
    for (int i = 0; i < floats.n_dimensions; i++) json_array_append_new(shape, json_integer(floats.shape[i]));
    for (size_t i = 0; i < floats.n_values; i++)
        json_array_append_new(values, json_real((double)floats.values[i]));
    free(floats.values);
    return json_pack("[o,o]", shape, values);
}

static json_t *attributes(struct pomi_hdf5 *file, uint64_t object, char **wanted)
{
    json_t *all = json_object();
    for (; *wanted != NULL; wanted++) {
        struct pomi_hdf5_names names = {0};
        struct pom_error err = {0};
        enum pom_status status = pomi_hdf5_read_strings(file, object, *wanted, &names, &err);
        if (status != POM_ERROR_NOT_FOUND) {
            json_t *list = status == POM_OK ? json_array() : json_string(err.reason);
            for (size_t i = 0; status == POM_OK && i < names.n_names; i++)
                json_array_append_new(list, json_string(names.list[i].text));
            json_object_set_new(all, *wanted, list);
        }
        free(names.list);
    }
    return all;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct pomi_hdf5_name *)a)->text, ((const struct pomi_hdf5_name *)b)->text);
}

static void show(struct pomi_hdf5 *file, uint64_t object, const char *path, char **wanted)
{
    json_t *line = json_pack("[s,o,o]", path, attributes(file, object, wanted), dataset(file, object));
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9));
    puts(text);
    free(text);
    json_decref(line);
    struct pomi_hdf5_names names = {0};
    struct pom_error err;
    if (pomi_hdf5_list(file, object, &names, &err) != POM_OK) printf("\"%s: %s\"\n", path, err.message);
    if (names.n_names > 0) qsort(names.list, names.n_names, sizeof *names.list, by_text);
    for (size_t i = 0; i < names.n_names; i++) {
        char below[4096];
        uint64_t child;
        snprintf(below, sizeof below, "%s%s%s", path, path[1] == '\0' ? "" : "/", names.list[i].text);
        if (pomi_hdf5_find(file, object, names.list[i].text, &child, &err) == POM_OK)
            show(file, child, below, wanted);
        else
            printf("\"%s: %s\"\n", below, err.message);
    }
    free(names.list);
}

int main(int argc, char **argv)
{
    struct pomi_bytes bytes = {0};
    struct pomi_hdf5 file;
    struct pom_error err;
    if (argc < 2) return 2;
    if (pomi_store_read(NULL, argv[1], (size_t)1 << 30, &bytes, &err) != POM_OK ||
        pomi_hdf5_open(&file, pomi_bytes_view(&bytes), &err) != POM_OK) {
        fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    show(&file, file.root, "/", argv + 2);
    pomi_bytes_release(&bytes);
    return 0;
}
