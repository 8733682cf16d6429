# SPDX-License-Identifier: Apache-2.0
"""Pomona: photos in, vectors out.

    network = pomona.Network("mobilenetv2")
    features = network.features(["apple.jpg", "pear.png"])         # float32 [2, 1280]
    pca = pomona.PCA.fit(pomona.Moments(network.n_features).add(features), k=1, network=network)
    vectors = pca.transform(features)

Features are the same bytes as those of the `pomona` program, on every machine. `pomona.spark` does the same inside Spark.
"""

from pomona._library import Error, pom_cpu_choose, pom_version
from pomona.network import Failure, Network, Photo, PhotoError, convert_network, network_file, pull_network
from pomona.pca import PCA, Moments, scale_rows
from pomona.source import ListedPhoto, list_photos, s3_options

__all__ = ["Error", "Failure", "ListedPhoto", "Moments", "Network", "PCA", "Photo", "PhotoError", "convert_network", "kernel_set",
           "list_photos", "network_file", "pull_network", "s3_options", "scale_rows"]
__version__ = pom_version().decode()


def kernel_set() -> str:
    """The instruction set that the kernels use here: as `pomona version --cpu` names them; all give the same features."""
    return pom_cpu_choose(None).decode()
