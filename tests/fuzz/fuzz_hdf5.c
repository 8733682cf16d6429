// SPDX-License-Identifier: Apache-2.0
/* Everything in an HDF5 file, whatever it is called: all groups, some attributes, all datasets. */
#include <stdint.h>
#include <stdlib.h>

#include "networks/hdf5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static volatile float touched;

static void read_object(struct pomi_hdf5 *file, uint64_t object, int depth)
{
    static const char *const attributes[] = {"layer_names", "weight_names", "name", "a0", "a11"};
    struct pomi_hdf5_names names = {0};
    struct pomi_hdf5_floats floats;
    if (pomi_hdf5_read_floats(file, object, &floats, NULL) == POM_OK)
        for (size_t i = 0; i < floats.n_values; i++) touched = floats.values[i];
    free(floats.values);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        pomi_hdf5_read_strings(file, object, attributes[i], &names, NULL);
    names.n_names = 0;
    if (depth > 0 && pomi_hdf5_list(file, object, &names, NULL) == POM_OK) {
        for (size_t i = 0; i < names.n_names; i++) {
            uint64_t child;
            if (pomi_hdf5_find(file, object, names.list[i].text, &child, NULL) == POM_OK)
                read_object(file, child, depth - 1);
        }
    }
    free(names.list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    struct pomi_hdf5 file;
    if (pomi_hdf5_open(&file, (struct pomi_view){data, size_bytes}, NULL) != POM_OK) return 0;
    if (file.n_steps_left > 50000)
        file.n_steps_left = 50000; /* many small inputs find more than a few long ones */
    read_object(&file, file.root, 4);
    return 0;
}
