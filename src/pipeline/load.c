// SPDX-License-Identifier: Apache-2.0
/* Networks and PCA files of a run, from wherever they are: local ones by the stages' own functions, others by their bytes. */
#include <stdio.h>
#include <stdlib.h>

#include "networks/network_file.h"
#include "pca/model.h"
#include "pipeline/session.h"

#define PCA_MAX_BYTES ((size_t)1 << 30)

enum pom_status pomi_session_open_network(struct pomi_session *session, struct pom_network **network,
                                          struct pom_error *err)
{
    const char *name = session->options->network != NULL ? session->options->network : "auto";
    if (!pomi_store_is_remote(name)) return pom_network_open(network, name, err);
    struct pomi_bytes file = {0};
    enum pom_status status = pomi_store_read(session->store, name, POMI_NETWORK_MAX_FILE_BYTES, &file, err);
    if (status == POM_OK) {
        status = pom_network_open_memory(network, file.data, file.size_bytes, err);
        if (status != POM_OK) pomi_fail_in(err, status, "%s", name);
    }
    if (status == POM_OK)
        snprintf((*network)->selection, sizeof(*network)->selection, "%s, from S3", (*network)->info.name);
    pomi_bytes_release(&file);
    return status;
}

enum pom_status pomi_session_open_pca(struct pomi_session *session, struct pom_pca **pca, const char *path,
                                      struct pom_error *err)
{
    struct pomi_bytes file = {0};
    enum pom_status status = pomi_store_read(session->store, path, PCA_MAX_BYTES, &file, err);
    if (status == POM_OK) {
        status = pom_pca_open_memory(pca, file.data, file.size_bytes, err);
        if (status != POM_OK) pomi_fail_in(err, status, "%s", path);
    }
    pomi_bytes_release(&file);
    return status;
}

enum pom_status pomi_session_save_pca(struct pomi_session *session, const struct pom_pca *pca,
                                      const char *path, struct pom_error *err)
{
    void *data = NULL;
    size_t size_bytes = 0;
    POMI_TRY(pom_pca_save_memory(pca, &data, &size_bytes, err));
    enum pom_status status =
        pomi_store_write(session->store, path, (struct pomi_view){data, size_bytes}, err);
    free(data);
    return status;
}
