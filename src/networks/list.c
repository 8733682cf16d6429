// SPDX-License-Identifier: Apache-2.0
/* What networks there are: known ones, the embedded one, and files in the networks folder. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sizes.h"
#include "networks/catalogue.h"
#include "store/store.h"

#define EXTENSION ".pomona"

static bool is_network(void *user, const char *path)
{
    const char *name = strrchr(path, '/');
    size_t name_bytes;
    (void)user;
    name = name == NULL ? path : name + 1;
    name_bytes = strlen(name);
    return name[0] != '.' && name_bytes > strlen(EXTENSION) &&
           strcmp(name + name_bytes - strlen(EXTENSION), EXTENSION) == 0;
}

static struct pom_network_entry *find(struct pom_network_entry *entries, size_t n_entries, const char *name)
{
    for (size_t i = 0; i < n_entries; i++)
        if (strcmp(entries[i].name, name) == 0) return &entries[i];
    return NULL;
}

static void add_installed(struct pom_network_entry *entries, size_t *n_entries,
                          const struct pomi_store_entry *file)
{
    const char *base = strrchr(file->path, '/') + 1; /* pomi_store_list's paths have a folder */
    char name[sizeof entries->name];
    size_t name_bytes = strlen(base) - strlen(EXTENSION);
    if (name_bytes >= sizeof name || strlen(file->path) >= sizeof entries->path)
        return; /* cannot be opened by name */
    memcpy(name, base, name_bytes);
    name[name_bytes] = '\0';
    struct pom_network_entry *entry = find(entries, *n_entries, name);
    if (entry == NULL) entry = &entries[(*n_entries)++];
    memcpy(entry->name, name, sizeof name);
    snprintf(entry->path, sizeof entry->path, "%s", file->path);
    entry->size_bytes = file->size_bytes;
    entry->is_installed = 1;
}

static bool is_directly_in(const char *folder, const char *path)
{
    size_t folder_bytes = strlen(folder);
    while (folder_bytes > 0 && folder[folder_bytes - 1] == '/') folder_bytes--;
    return strrchr(path, '/') == path + folder_bytes;
}

enum pom_status pom_network_list(struct pom_network_entry **entries, size_t *n_entries, struct pom_error *err)
{
    char folder[4096];
    struct pomi_store_listing listing = {0};
    size_t n_known = 0, size_bytes;
    *entries = NULL;
    *n_entries = 0;
    POMI_TRY(pom_network_folder(folder, sizeof folder, err));
    bool is_there;
    POMI_TRY(pomi_store_is_folder(NULL, folder, &is_there, err));
    if (is_there) POMI_TRY(pomi_store_list(NULL, folder, is_network, NULL, &listing, err));
    while (pomi_catalogue_at(n_known) != NULL) n_known++;
    if (!pomi_size_multiply(n_known + 1 + listing.n_entries, sizeof **entries, &size_bytes) ||
        (*entries = calloc(1, size_bytes)) == NULL) {
        pomi_store_listing_release(&listing);
        return pomi_fail_memory(err, listing.n_entries * sizeof **entries, "a list of networks");
    }
    for (size_t i = 0; i < n_known; i++) {
        const struct pomi_known_network *known = pomi_catalogue_at(i);
        struct pom_network_entry *entry = &(*entries)[(*n_entries)++];
        snprintf(entry->name, sizeof entry->name, "%s", known->name);
        entry->is_embedded = known->architecture == NULL;
        entry->can_be_pulled = known->address != NULL;
        entry->download_bytes = known->download_bytes;
    }
    for (size_t i = 0; i < listing.n_entries; i++)
        if (is_directly_in(folder, listing.entries[i].path))
            add_installed(*entries, n_entries, &listing.entries[i]);
    pomi_store_listing_release(&listing);
    return POM_OK;
}

void pom_network_list_free(struct pom_network_entry *entries)
{
    free(entries);
}
