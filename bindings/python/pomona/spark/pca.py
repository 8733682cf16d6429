# SPDX-License-Identifier: Apache-2.0
"""Scaling and PCA of a column of vectors: moments per partition in C, merged by a tree, solved on the driver."""

import os
from typing import Union

from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable

import pomona
from pomona.spark import columns, moments
from pomona.spark.fitted import FittedModel


class PCA(Estimator, HasInputCol, HasOutputCol, columns.HasOutputType, DefaultParamsReadable, DefaultParamsWritable):
    """Fits the scaler and the PCA that `pomona fit` fits: `scale` none, std or mean-std; `k` components, or as many as
    explain `variance` when k is 0. After a StandardScaler in a Pipeline, `scale` is "none"."""

    k = Param(Params._dummy(), "k", "number of components; 0: as many as variance asks for", TypeConverters.toInt)
    variance = Param(Params._dummy(), "variance", "share of the variance to explain, when k is 0", TypeConverters.toFloat)
    scale = Param(Params._dummy(), "scale", "none, std or mean-std", TypeConverters.toString)
    network = Param(Params._dummy(), "network", "whose features these are, recorded in the PCA file; empty: not known",
                    TypeConverters.toString)

    @keyword_only
    def __init__(self, *, k: int = 0, variance: float = 0.95, scale: str = "mean-std", inputCol: str = "features",
                 outputCol: str = "features_pca", network: str = "", outputType: str = "array") -> None:
        super().__init__()
        self._setDefault(k=0, variance=0.95, scale="mean-std", inputCol="features", outputCol="features_pca", network="",
                         outputType="array")
        self._set(**self._input_kwargs)

    def setK(self, value: int) -> "PCA":
        return self._set(k=value)

    def setVariance(self, value: float) -> "PCA":
        return self._set(variance=value)

    def setScale(self, value: str) -> "PCA":
        return self._set(scale=value)

    def setInputCol(self, value: str) -> "PCA":
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> "PCA":
        return self._set(outputCol=value)

    def _fit(self, dataset):
        name = self.getOrDefault(self.network)
        gathered = moments.of_column(dataset, self.getInputCol())
        pca = pomona.PCA.fit(gathered, k=self.getOrDefault(self.k) or None, variance=self.getOrDefault(self.variance),
                             scale=self.getOrDefault(self.scale), network=pomona.Network(name) if name else None)
        return PCAModel(pca)._set(inputCol=self.getInputCol(), outputCol=self.getOutputCol(),
                                  outputType=self.getOutputType())


class PCAModel(Model, HasInputCol, HasOutputCol, columns.HasOutputType, FittedModel):
    """Adds `outputCol`, k numbers. `pca` is the pomona.PCA behind it. sparkCompatible: as pyspark.ml, which does not
    subtract the mean of what it is given."""

    SCHEMA = "pca binary"

    sparkCompatible = Param(Params._dummy(), "sparkCompatible", "project without subtracting the mean, as pyspark.ml does",
                            TypeConverters.toBoolean)

    def __init__(self, pca):
        super().__init__()
        self.pca = pca
        self._setDefault(inputCol="features", outputCol="features_pca", outputType="array", sparkCompatible=False)

    def setInputCol(self, value: str) -> "PCAModel":
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> "PCAModel":
        return self._set(outputCol=value)

    def setSparkCompatible(self, value: bool) -> "PCAModel":
        return self._set(sparkCompatible=value)

    @classmethod
    def open_pca(cls, path: "Union[str, os.PathLike[str]]") -> "PCAModel":
        """From pca.safetensors, whoever wrote it: this, `pomona fit` or `pomona run`."""
        return cls(pomona.PCA.open(path))

    def save_pca(self, path: "Union[str, os.PathLike[str]]") -> None:
        """Writes pca.safetensors on the driver's disk, whole or not at all."""
        self.pca.save(os.fspath(path))

    def _row(self):
        return (bytearray(self.pca.to_bytes()),)

    @classmethod
    def _from_row(cls, row):
        return cls(pomona.PCA.from_bytes(bytes(row["pca"])))

    def _transform(self, dataset):
        data = dataset.sparkSession.sparkContext.broadcast(self.pca.to_bytes())
        is_compatible = self.getOrDefault(self.sparkCompatible)

        def make_function():
            pca = pomona.PCA.from_bytes(data.value)
            return lambda rows: pca.transform(rows, spark_compatible=is_compatible)

        return columns.with_column(dataset, self.getInputCol(), self.getOutputCol(), self.getOutputType(), make_function)
