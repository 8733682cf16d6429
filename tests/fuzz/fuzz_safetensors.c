// SPDX-License-Identifier: Apache-2.0
/* Safetensors containers: every byte of every tensor can be read, and what opens comes back the same when it is
 * written and opened again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void check_round_trip(const struct pomi_safetensors *container)
{
    size_t n_tensors = pomi_safetensors_count(container);
    struct pomi_tensor *tensors = calloc(n_tensors + 1, sizeof *tensors);
    struct pomi_bytes bytes = {0};
    struct pomi_safetensors *again;
    if (tensors == NULL) abort();
    for (size_t i = 0; i < n_tensors; i++) tensors[i] = *pomi_safetensors_at(container, i);
    if (pomi_safetensors_write(&bytes, tensors, n_tensors, NULL, 0, NULL) != POM_OK) abort();
    if (pomi_safetensors_open(&again, pomi_bytes_view(&bytes), NULL) != POM_OK) abort();
    if (pomi_safetensors_count(again) != n_tensors) abort();
    for (size_t i = 0; i < n_tensors; i++) {
        const struct pomi_tensor *tensor = pomi_safetensors_find(again, tensors[i].name);
        if (tensor == NULL || tensor->size_bytes != tensors[i].size_bytes ||
            tensor->dtype != tensors[i].dtype)
            abort();
        if (tensor->size_bytes > 0 && memcmp(tensor->data, tensors[i].data, tensor->size_bytes) != 0) abort();
    }
    pomi_safetensors_free(again);
    pomi_bytes_release(&bytes);
    free(tensors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pomi_safetensors *container;
    struct pom_error err;
    if (pomi_safetensors_open(&container, (struct pomi_view){data, size_bytes}, &err) != POM_OK) return 0;
    check_round_trip(container);
    pomi_safetensors_free(container);
    return 0;
}
