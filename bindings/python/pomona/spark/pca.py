# SPDX-License-Identifier: Apache-2.0
"""Scaling and PCA of a column of vectors: moments per partition in C, merged by a tree, solved on the driver."""

import os

import pyarrow
from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql.types import ArrayType, FloatType, StructField, StructType

import pomona
from pomona.spark import columns


def _partition_moments(column):
    def work(batches):
        moments = None
        for batch in batches:
            if batch.num_rows == 0:
                continue
            rows = columns.to_rows(batch.column(0), column)
            moments = moments or pomona.Moments(rows.shape[1])
            moments.add(rows)
        if moments is not None:
            yield pyarrow.RecordBatch.from_arrays(
                [pyarrow.array([moments.width], pyarrow.int32()), pyarrow.array([moments.to_bytes()], pyarrow.binary())],
                names=["width", "moments"])

    return work


def _merge(a, b):
    if a[0] != b[0]:
        raise ValueError(f"vectors of {a[0]} and of {b[0]} numbers in one column")
    merged = pomona.Moments.from_bytes(bytes(a[1]), a[0])
    return a[0], merged.merge(pomona.Moments.from_bytes(bytes(b[1]), b[0])).to_bytes()


class PCA(Estimator, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
    """Fits the scaler and the PCA that `pomona fit` fits: `scale` none, std or mean-std; `k` components, or as many as
    explain `variance` when k is 0."""

    k = Param(Params._dummy(), "k", "number of components; 0: as many as variance asks for", TypeConverters.toInt)
    variance = Param(Params._dummy(), "variance", "share of the variance to explain, when k is 0", TypeConverters.toFloat)
    scale = Param(Params._dummy(), "scale", "none, std or mean-std", TypeConverters.toString)
    network = Param(Params._dummy(), "network", "whose features these are, recorded in the PCA file; empty: not known",
                    TypeConverters.toString)

    @keyword_only
    def __init__(self, *, k=0, variance=0.95, scale="mean-std", inputCol="features", outputCol="features_pca",
                 network=""):
        super().__init__()
        self._setDefault(k=0, variance=0.95, scale="mean-std", inputCol="features", outputCol="features_pca", network="")
        self._set(**self._input_kwargs)

    def setK(self, value):
        return self._set(k=value)

    def setInputCol(self, value):
        return self._set(inputCol=value)

    def setOutputCol(self, value):
        return self._set(outputCol=value)

    def _fit(self, dataset):
        column = self.getInputCol()
        per_partition = dataset.select(column).mapInArrow(_partition_moments(column), "width int, moments binary")
        partial = per_partition.rdd.map(lambda row: (row[0], bytes(row[1])))
        if partial.isEmpty():
            raise ValueError(f"column {column} has no rows to fit on")
        width, data = partial.treeReduce(_merge)
        name = self.getOrDefault(self.network)
        pca = pomona.PCA.fit(pomona.Moments.from_bytes(data, width), k=self.getOrDefault(self.k) or None,
                             variance=self.getOrDefault(self.variance), scale=self.getOrDefault(self.scale),
                             network=pomona.Network(name) if name else None)
        return PCAModel(pca)._set(inputCol=column, outputCol=self.getOutputCol())


class PCAModel(Model, HasInputCol, HasOutputCol):
    """Adds `outputCol`, array<float> of k numbers. `pca` is the pomona.PCA behind it."""

    def __init__(self, pca):
        super().__init__()
        self.pca = pca
        self._setDefault(inputCol="features", outputCol="features_pca")

    @classmethod
    def open_pca(cls, path):
        """From pca.safetensors, whoever wrote it: this, `pomona fit` or `pomona run`."""
        return cls(pomona.PCA.open(path))

    def save_pca(self, path):
        """Writes pca.safetensors on the driver's disk, whole or not at all."""
        self.pca.save(os.fspath(path))

    def _transform(self, dataset):
        column, output = self.getInputCol(), self.getOutputCol()
        data = dataset.sparkSession.sparkContext.broadcast(self.pca.to_bytes())
        schema = StructType(dataset.schema.fields + [StructField(output, ArrayType(FloatType(), False))])

        def work(batches):
            pca = pomona.PCA.from_bytes(data.value)
            for batch in batches:
                if batch.num_rows == 0:
                    continue
                rows = columns.to_rows(batch.column(batch.schema.get_field_index(column)), column)
                yield pyarrow.RecordBatch.from_arrays(batch.columns + [columns.from_rows(pca.transform(rows))],
                                                      names=batch.schema.names + [output])

        return dataset.mapInArrow(work, schema)
