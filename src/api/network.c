// SPDX-License-Identifier: Apache-2.0
/* Describing an open network: the public view of its graph. Opening and making networks is in networks/. */
#include "base/error.h"
#include "networks/network_file.h"

const struct pom_network_info *pom_network_info(const struct pom_network *network)
{
    return &network->info;
}

enum pom_status pom_network_layer(const struct pom_network *network, int index, struct pom_layer_info *layer,
                                  struct pom_error *err)
{
    if (index < 0 || index >= network->graph.n_layers)
        return pomi_fail(err, POM_ERROR_ARGUMENT, "bad_argument", "the network %s has layers 0 to %d, not %d",
                         network->info.name, network->graph.n_layers - 1, index);
    const struct pomi_layer *from = &network->graph.layers[index];
    size_t n_weights = pomi_layer_n_weights(from);
    *layer = (struct pom_layer_info){
        .name = from->name,
        .kind = pomi_layer_kind_name(from->kind),
        .kernel_px = from->kernel_px,
        .stride_px = from->stride_px,
        .out_height_px = from->out_height_px,
        .out_width_px = from->out_width_px,
        .out_channels = from->out_channels,
        .n_parameters = n_weights > 0 ? (int64_t)n_weights + from->out_channels : 0,
        .n_macs = pomi_layer_n_macs(from),
    };
    return POM_OK;
}
