# SPDX-License-Identifier: Apache-2.0
"""What a user's program takes from the package, read by mypy --strict (test_types.py): nothing runs it."""

from pathlib import Path
from typing import Optional

import numpy
import pomona
from numpy.typing import NDArray
from pomona.spark import PCA, Featurizer, PCAModel, StandardScaler, StandardScalerModel, read_photos
from pyspark.sql import DataFrame, SparkSession


def plain(folder: Path) -> NDArray[numpy.float32]:
    network = pomona.Network("orchard", precision="int8")
    photos: list[pomona.ListedPhoto] = pomona.list_photos(folder)
    features, failures = network.extract([photo.path for photo in photos], threads=2)
    failed: list[pomona.Failure] = failures
    moments = pomona.Moments(network.n_features).add(features)
    pca = pomona.PCA.fit(moments, variance=0.95)
    pca.save(folder / "pca.pomona")
    location: Optional[str] = pomona.network_file("mobilenetv2")
    print(location, failed, network.name)
    return pca.transform(features)


def on_spark(session: SparkSession) -> DataFrame:
    photos: DataFrame = read_photos(session, "photos")
    features = Featurizer(network="orchard", outputCol="features").transform(photos)
    scaler: StandardScalerModel = StandardScaler(inputCol="features", outputCol="scaled").fit(features)
    pca: PCAModel = PCA(inputCol="scaled", outputCol="pca", k=50).setK(40).setOutputType("vector").fit(scaler.transform(features))
    pca.save_pca("pca.safetensors")
    return pca.transform(scaler.transform(features))
