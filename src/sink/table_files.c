// SPDX-License-Identifier: Apache-2.0
#include "sink/table_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
    enum pomi_table_format format;
    const char *folder_suffix;
    const char *extension;
} formats[] = {{POMI_FORMAT_PARQUET, "", "parquet"},
               {POMI_FORMAT_CSV, "_csv", "csv"},
               {POMI_FORMAT_JSON, "_json", "json"}};

enum { N_FORMATS = sizeof formats / sizeof formats[0] };

enum pom_status pomi_formats_parse(const char *text, unsigned *chosen, struct pom_error *err)
{
    *chosen = POMI_FORMAT_PARQUET;
    for (const char *word = text != NULL ? text : ""; *word != '\0';) {
        size_t length = strcspn(word, ",");
        int i = 0;
        while (i < N_FORMATS &&
               !(strlen(formats[i].extension) == length && strncmp(word, formats[i].extension, length) == 0))
            i++;
        if (i == N_FORMATS)
            return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_format",
                             "--format %s: use parquet, csv, json, separated by commas", text);
        *chosen |= formats[i].format;
        word += length + (word[length] == ',');
    }
    return POM_OK;
}

static char *format_folder(const char *folder, int index)
{
    size_t folder_bytes = strlen(folder);
    while (folder_bytes > 1 && folder[folder_bytes - 1] == '/') folder_bytes--;
    char *path = malloc(folder_bytes + strlen(formats[index].folder_suffix) + 1);
    if (path == NULL) return NULL;
    memcpy(path, folder, folder_bytes);
    strcpy(path + folder_bytes, formats[index].folder_suffix);
    return path;
}

static int index_of(enum pomi_table_format format)
{
    int index = 0;
    while (index < N_FORMATS - 1 && formats[index].format != format) index++;
    return index;
}

char *pomi_table_format_folder(const char *folder, enum pomi_table_format format)
{
    return format_folder(folder, index_of(format));
}

char *pomi_part_file(const char *folder, int part_index, const char *run_id, enum pomi_table_format format)
{
    int index = index_of(format);
    char *inside = format_folder(folder, index);
    if (inside == NULL) return NULL;
    char *path = pomi_store_join(inside, "part-%05d-%s.%s", part_index, run_id, formats[index].extension);
    free(inside);
    return path;
}

enum pom_status pomi_part_remove(struct pomi_store *store, const char *folder, int part_index,
                                 const char *run_id, struct pom_error *err)
{
    enum pom_status status = POM_OK;
    for (int i = 0; status == POM_OK && i < N_FORMATS; i++) {
        char *path = pomi_part_file(folder, part_index, run_id, formats[i].format);
        status = path != NULL ? pomi_store_remove(store, path, err) : pomi_fail_memory(err, 0, "a file name");
        free(path);
    }
    return status;
}

enum pom_status pomi_table_remove(struct pomi_store *store, const char *folder, struct pom_error *err)
{
    enum pom_status status = POM_OK;
    for (int i = 0; status == POM_OK && i < N_FORMATS; i++) {
        char *path = format_folder(folder, i);
        status =
            path != NULL ? pomi_store_remove_tree(store, path, err) : pomi_fail_memory(err, 0, "a file name");
        free(path);
    }
    return status;
}

/* Whether it is part-NNNNN-RUN.EXTENSION for one of the first n_parts numbers. */
static bool is_own_part(const char *name, int n_parts, const char *run_id, const char *extension)
{
    char expected[128];
    int index;
    if (sscanf(name, "part-%5d-", &index) != 1 || index < 0 || index >= n_parts) return false;
    snprintf(expected, sizeof expected, "part-%05d-%s.%s", index, run_id, extension);
    return strcmp(name, expected) == 0;
}

enum pom_status pomi_table_remove_others(struct pomi_store *store, const char *folder, int n_parts,
                                         const char *run_id, unsigned formats_kept, struct pom_error *err)
{
    enum pom_status status = POM_OK;
    for (int i = 0; status == POM_OK && i < N_FORMATS; i++) {
        bool is_there = false;
        struct pomi_store_listing listing = {0};
        char *path = format_folder(folder, i);
        status = path == NULL ? pomi_fail_memory(err, 0, "a file name")
                              : pomi_store_is_folder(store, path, &is_there, err);
        if (status == POM_OK && is_there && !(formats_kept & formats[i].format)) {
            status = pomi_store_remove_tree(store, path, err);
        } else if (status == POM_OK && is_there) {
            status = pomi_store_list(store, path, NULL, NULL, &listing, err);
            for (size_t f = 0; status == POM_OK && f < listing.n_entries; f++) {
                const char *file = listing.entries[f].path;
                if (!is_own_part(strrchr(file, '/') + 1, n_parts, run_id, formats[i].extension))
                    status = pomi_store_remove(store, file, err);
            }
        }
        pomi_store_listing_release(&listing);
        free(path);
    }
    return status;
}

/* `user` is the length of the folder's own path, in which names may well begin with _ or a dot. */
static bool is_table_file(void *user, const char *path)
{
    const char *below = path + *(const size_t *)user;
    for (const char *at = below; *at != '\0'; at++) {
        bool begins_name = at == below || at[-1] == '/';
        if (begins_name && (*at == '_' || *at == '.')) return false;
    }
    const char *dot = strrchr(below, '.');
    return dot != NULL && (strcasecmp(dot, ".parquet") == 0 || strcasecmp(dot, ".pq") == 0);
}

enum pom_status pomi_table_list(struct pomi_store *store, struct pomi_store_listing *listing,
                                const char *folder, struct pom_error *err)
{
    size_t folder_bytes = strlen(folder);
    if (folder_bytes > 0 && folder[folder_bytes - 1] != '/') folder_bytes++; /* with the slash after it */
    return pomi_store_list(store, folder, is_table_file, &folder_bytes, listing, err);
}
