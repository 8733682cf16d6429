// SPDX-License-Identifier: Apache-2.0
/* What the targets of the weight readers share: each defines READER and says in its first comment what it reads. */
#include <stdint.h>
#include <stdlib.h>

#include "networks/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    const struct pomi_reader_wishes wishes = {.input_px = 32, .padding = -1, .preprocessing = -1};
    const char *architecture = NULL;
    struct pomi_graph graph = {0};
    struct pom_error err;
    enum pom_status status =
        READER(&graph, &architecture, (struct pomi_view){data, size_bytes}, &wishes, &err);
    for (int i = 0; status == POM_OK && i < graph.n_layers; i++)
        if (pomi_layer_n_weights(&graph.layers[i]) > 0 && graph.layers[i].weights == NULL) abort();
    pomi_graph_release(&graph);
    return 0;
}
