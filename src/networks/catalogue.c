// SPDX-License-Identifier: Apache-2.0
#include "networks/catalogue.h"

#include <string.h>

#include "networks/verify_mobilenetv2.h"
#include "networks/verify_orchard.h"

#define KERAS_APPLICATIONS "https://storage.googleapis.com/tensorflow/keras-applications/"
#define MOBILENETV2_FILE   "mobilenet_v2/mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
#define RESNET50_FILE      "resnet/resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5"

static const struct pomi_known_network known[] = {
    {
        .name = "mobilenetv2",
        .architecture = "mobilenetv2",
        .address = KERAS_APPLICATIONS MOBILENETV2_FILE,
        .download_bytes = 9406464,
        .origin = "MobileNetV2 1.0/224 without its classifier, trained on ImageNet by Google, as published "
                  "for Keras: " KERAS_APPLICATIONS MOBILENETV2_FILE,
        .licence = "Apache-2.0",
        .expected = &mobilenetv2_features,
    },
    {
        .name = "resnet50",
        .architecture = "resnet50",
        .address = KERAS_APPLICATIONS RESNET50_FILE,
        .md5 = "4d473c1dd8becc155b73f8504c6f6626",
        .download_bytes = 94765736,
        .origin = "ResNet50 without its classifier, trained on ImageNet by Kaiming He et al., as published "
                  "for Keras: " KERAS_APPLICATIONS RESNET50_FILE,
        .licence = "MIT",
    },
    {
        .name = "orchard",
        .expected = &orchard_features,
        .hashes =
            {
                .identity = "69cef0c42e642a9f9fe73b4cdc756d383459e125165090a3604b13ccfd21f70e",
                .calibration = "4fc34c4192eaecafced9a401a9bf391a09455d6fa9c026a77101670443b00b3e",
            },
    },
};

const struct pomi_known_network *pomi_catalogue_at(size_t index)
{
    return index < sizeof known / sizeof known[0] ? &known[index] : NULL;
}

const struct pomi_known_network *pomi_catalogue_find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0) return &known[i];
    return NULL;
}
