// SPDX-License-Identifier: Apache-2.0
/*
 * From a name to a network: which file a name means, what "auto" takes, and one line that says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/embedded.h"
#include "networks/catalogue.h"
#include "networks/network_file.h"
#include "networks/open.h"
#include "store/store.h"

#define PREFERRED "mobilenetv2"
#define EMBEDDED  "orchard"

extern const struct pomi_embedded pomi_embedded_networks[]; /* made by tools/embed.c */

void pom_network_free(struct pom_network *network)
{
    if (network == NULL) return;
    pomi_graph_release(&network->graph);
    pomi_bytes_release(&network->text);
    free(network);
}

enum pom_status pom_network_open_memory(struct pom_network **network, const void *data, size_t size_bytes,
                                        struct pom_error *err)
{
    return pomi_network_file_read(network, (struct pomi_view){data, size_bytes}, err);
}

enum pom_status pom_network_folder(char *path, size_t path_bytes, struct pom_error *err)
{
    static const struct {
        const char *variable, *below;
    } places[] = {
        {"POMONA_NETWORKS", ""}, {"XDG_CACHE_HOME", "/pomona/networks"}, {"HOME", "/.cache/pomona/networks"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *value = getenv(places[i].variable);
        if (value == NULL || value[0] == '\0') continue;
        int length = snprintf(path, path_bytes, "%s%s", value, places[i].below);
        if (length < 0 || (size_t)length >= path_bytes)
            return pomi_fail(err, POM_ERROR_ARGUMENT, "path_too_long",
                             "the path of the networks folder (%s) is too long", places[i].variable);
        return POM_OK;
    }
    return pomi_fail(err, POM_ERROR_NOT_FOUND, "no_folder",
                     "there is no folder for networks: set POMONA_NETWORKS, or HOME");
}

static enum pom_status open_file(struct pom_network **network, const char *path, struct pom_error *err)
{
    struct pomi_bytes bytes = {0};
    enum pom_status status = pomi_store_read(NULL, path, POMI_NETWORK_MAX_FILE_BYTES, &bytes, err);
    if (status == POM_OK) {
        status = pomi_network_file_take(network, &bytes, err);
        if (status != POM_OK) status = pomi_fail_in(err, status, "%s", path);
    }
    pomi_bytes_release(&bytes);
    return status;
}

static enum pom_status open_embedded(struct pom_network **network, const char *name, struct pom_error *err)
{
    struct pomi_view file = pomi_embedded_find(pomi_embedded_networks, name);
    if (file.data == NULL)
        return pomi_fail(err, POM_ERROR_NOT_FOUND, "no_network",
                         "this build of the library has no network \"%s\" in it", name);
    return pomi_network_file_read_known(network, file, &pomi_catalogue_find(name)->hashes, err);
}

/* NAME.pomona in the networks folder; the caller frees it. */
static enum pom_status installed_path(const char *name, char **path, struct pom_error *err)
{
    char folder[4096];
    POMI_TRY(pom_network_folder(folder, sizeof folder, err));
    *path = pomi_store_join(folder, "%s.pomona", name);
    return *path == NULL ? pomi_fail_memory(err, strlen(folder), "a path") : POM_OK;
}

static enum pom_status fail_not_installed(const char *name, const char *path, struct pom_error *err)
{
    return pomi_fail(
        err, POM_ERROR_NOT_FOUND, "no_network",
        "the network \"%s\" is not installed (no %s): `pomona network list` shows what there is, "
        "`pomona network pull` gets mobilenetv2 or resnet50",
        name, path);
}

static enum pom_status open_installed(struct pom_network **network, const char *name, struct pom_error *err)
{
    char *path = NULL;
    POMI_TRY(installed_path(name, &path, err));
    enum pom_status status = open_file(network, path, err);
    if (status == POM_ERROR_NOT_FOUND) status = fail_not_installed(name, path, err);
    if (status == POM_OK) snprintf((*network)->selection, sizeof(*network)->selection, "%s, by name", name);
    free(path);
    return status;
}

static enum pom_status open_auto(struct pom_network **network, struct pom_error *err)
{
    char *path = NULL;
    enum pom_status status = installed_path(PREFERRED, &path, err);
    if (status != POM_OK && status != POM_ERROR_NOT_FOUND)
        return status; /* without a folder nothing is installed */
    bool is_installed = false;
    if (status == POM_OK) status = pomi_store_is_file(NULL, path, &is_installed, err);
    free(path);
    if (status != POM_OK && status != POM_ERROR_NOT_FOUND) return status;
    if (is_installed) {
        /* One that is there and damaged is an error: features of another network would be a silent surprise.
         */
        POMI_TRY(open_installed(network, PREFERRED, err));
        snprintf((*network)->selection, sizeof(*network)->selection,
                 "auto: " PREFERRED " is installed (--network " EMBEDDED " takes the embedded one)");
        return POM_OK;
    }
    POMI_TRY(open_embedded(network, EMBEDDED, err));
    snprintf((*network)->selection, sizeof(*network)->selection,
             "auto: the small one inside pomona, since " PREFERRED
             " is not installed; `pomona network pull " PREFERRED "` gets it");
    return POM_OK;
}

static bool is_path(const char *name_or_path)
{
    return strpbrk(name_or_path, "/.") != NULL;
}

enum pom_status pomi_network_load(struct pomi_bytes *bytes, char **path, const char *name_or_path,
                                  struct pom_error *err)
{
    *path = NULL;
    if (strcmp(name_or_path, EMBEDDED) == 0) {
        struct pomi_view file = pomi_embedded_find(pomi_embedded_networks, EMBEDDED);
        return pomi_bytes_append(bytes, file.data, file.size_bytes, err);
    }
    if (!is_path(name_or_path)) {
        POMI_TRY(installed_path(name_or_path, path, err));
    } else if ((*path = strdup(name_or_path)) == NULL) {
        return pomi_fail_memory(err, strlen(name_or_path), "a path");
    }
    enum pom_status status = pomi_store_read(NULL, *path, POMI_NETWORK_MAX_FILE_BYTES, bytes, err);
    if (status == POM_ERROR_NOT_FOUND && !is_path(name_or_path))
        return fail_not_installed(name_or_path, *path, err);
    return status;
}

enum pom_status pom_network_open(struct pom_network **network, const char *name_or_path,
                                 struct pom_error *err)
{
    *network = NULL;
    if (name_or_path == NULL || name_or_path[0] == '\0')
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument",
                         "a network needs a name or a path; \"auto\" takes the best there is");
    if (strcmp(name_or_path, "auto") == 0) return open_auto(network, err);
    if (strcmp(name_or_path, EMBEDDED) == 0) {
        POMI_TRY(open_embedded(network, EMBEDDED, err));
        snprintf((*network)->selection, sizeof(*network)->selection, EMBEDDED ", embedded in the library");
        return POM_OK;
    }
    if (!is_path(name_or_path)) return open_installed(network, name_or_path, err);
    POMI_TRY(open_file(network, name_or_path, err));
    snprintf((*network)->selection, sizeof(*network)->selection, "%s, from a file", (*network)->info.name);
    return POM_OK;
}
