// SPDX-License-Identifier: Apache-2.0
/*
 * What a run takes at most: what is known from its settings, and for DuckDB and LAPACK what was measured. Photos larger
 * than a few megapixels come on top, each while a thread has it.
 */
#include <string.h>

#include "pipeline/extraction.h"
#include "store/read_ahead.h"

/* The moments, and what LAPACK's dsyevd works in: the matrix, a copy of it and 2 n^2 numbers more. */
#define FIT_MATRICES 5

static double listing_bytes(const struct pomi_listing *plan)
{
    double bytes = (double)plan->n_photos * (sizeof *plan->photos + sizeof(size_t) + 1);
    for (size_t i = 0; i < plan->n_photos; i++)
        bytes += (double)(strlen(plan->photos[i].path) + strlen(plan->photos[i].label) + 2);
    return bytes;
}

static bool reads_ahead(const struct pomi_listing *plan)
{
    for (size_t i = 0; i < plan->n_photos; i++)
        if (pomi_store_is_remote(plan->photos[i].path)) return true;
    return false;
}

static double extracting_bytes(const struct pomi_extraction *extraction)
{
    const struct pom_network_info *network = pom_network_info(extraction->network);
    return (double)pomi_sink_memory_bytes(POMI_WRITING, network->n_features) +
           (double)network->n_parameters * sizeof(float) +
           (double)pomi_plan_weights_bytes(extraction->prototype->plan) +
           (double)extraction->n_threads * (double)pomi_extractor_fixed_bytes(extraction->prototype) +
           (double)pomi_workers_waiting_bytes(extraction->n_threads, network->n_features) +
           (double)(reads_ahead(&extraction->plan) ? POMI_STORE_AHEAD_BYTES : 0);
}

static double fitting_bytes(int n_features)
{
    return (double)pomi_sink_memory_bytes(POMI_READING, n_features) +
           FIT_MATRICES * (double)n_features * n_features * sizeof(double);
}

double pomi_extraction_memory_bytes(const struct pomi_extraction *extraction)
{
    const bool fits = extraction->session->goes_on && extraction->options->pca_path == NULL;
    const double extracting = extracting_bytes(extraction),
                 fitting = fits ? fitting_bytes(pom_network_info(extraction->network)->n_features) : 0;
    return listing_bytes(&extraction->plan) + (extracting > fitting ? extracting : fitting);
}
