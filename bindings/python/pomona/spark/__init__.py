# SPDX-License-Identifier: Apache-2.0
"""Pomona inside Spark: pyspark.ml stages whose work is done by the C library, through Arrow.

    from pomona.spark import Featurizer, PCA, read_photos

    photos = read_photos(spark, "s3://bucket/photos")                     # path, label, size_bytes
    rows = Featurizer(inputCol="path", network="mobilenetv2").transform(photos)   # adds features and failure
    model = PCA(k=100, inputCol="features").fit(rows.where("failure is null"))
    model.save_pca("pca.safetensors")                                     # what `pomona transform --pca` reads
    vectors = model.transform(rows.where("failure is null"))              # adds features_pca

Features are the same bytes as `pomona extract` gives, for any partitioning. Spark 3.3 or later.
"""

import pyspark

if tuple(int(part) for part in pyspark.__version__.split(".")[:2]) < (3, 3):
    raise ImportError(f"pomona.spark needs Spark 3.3 or later for mapInArrow; this is {pyspark.__version__}")

from pomona.spark.featurizer import Featurizer  # noqa: E402
from pomona.spark.pca import PCA, PCAModel  # noqa: E402
from pomona.spark.photos import read_photos  # noqa: E402
from pomona.spark.scaler import StandardScaler, StandardScalerModel  # noqa: E402

__all__ = ["Featurizer", "PCA", "PCAModel", "StandardScaler", "StandardScalerModel", "read_photos"]
