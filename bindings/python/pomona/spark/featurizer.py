# SPDX-License-Identifier: Apache-2.0
"""Photos in a column to features in a column."""

import os
from typing import Any, Optional
from urllib.parse import unquote, urlparse

import numpy
import pyarrow
from pyspark import TaskContext, keyword_only
from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql.functions import col, struct, when
from pyspark.sql.types import ArrayType, BinaryType, FloatType, StringType, StructField, StructType

import pomona
from pomona.spark import columns
from pomona.spark.networks import SharedNetwork

# What a failure tells. On their way from Python these are columns of their own: Spark 3.3 takes no struct in a row of Arrow's.
_FAILURE = ("stage", "reason", "message")

# Rows that go back to Spark at a time: a few hundred vectors are 1 MB, ten thousand would be 50.
_CHUNK_ROWS = 256


class Featurizer(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
    """Adds `outputCol` (array<float>) and `failureCol` (struct<stage, reason, message>): one of them is NULL in each row.

    `inputCol` holds encoded photos (binary, as Spark's binaryFile reads them into `content`) or their paths (string: s3://,
    local, or file: URLs), which the executors fetch by themselves, as read_photos lists them. A photo that cannot be read is a
    row with its failure: no row is lost and no task fails for it. A task fails when S3 itself does (its server is away,
    credentials have expired): Spark tries it again, and no photo is called a failure for that.
    """

    network = Param(Params._dummy(), "network", "auto, orchard, mobilenetv2, resnet50 or a network file on the driver",
                    TypeConverters.toString)
    precision = Param(Params._dummy(), "precision", "fp32, int16 or int8", TypeConverters.toString)
    failureCol = Param(Params._dummy(), "failureCol", "column that says why a photo has no features",
                       TypeConverters.toString)
    s3 = Param(Params._dummy(), "s3", "how s3:// paths are reached: a dictionary as for pomona.s3_options",
               TypeConverters.identity)

    @keyword_only
    def __init__(self, *, network: str = "auto", inputCol: str = "content", outputCol: str = "features",
                 failureCol: str = "failure", precision: str = "fp32", s3: "Optional[dict[str, Any]]" = None) -> None:
        super().__init__()
        self._setDefault(network="auto", inputCol="content", outputCol="features", failureCol="failure",
                         precision="fp32", s3={})
        self._set(**self._input_kwargs)

    def setNetwork(self, value: str) -> "Featurizer":
        return self._set(network=value)

    def setInputCol(self, value: str) -> "Featurizer":
        return self._set(inputCol=value)

    def setOutputCol(self, value: str) -> "Featurizer":
        return self._set(outputCol=value)

    def setFailureCol(self, value: str) -> "Featurizer":
        return self._set(failureCol=value)

    def setPrecision(self, value: str) -> "Featurizer":
        return self._set(precision=value)

    def setS3(self, value: "dict[str, Any]") -> "Featurizer":
        return self._set(s3=value)

    def _transform(self, dataset):
        name, precision = self.getOrDefault(self.network), self.getOrDefault(self.precision)
        photo_column, output_column = self.getInputCol(), self.getOutputCol()
        failure_column = self.getOrDefault(self.failureCol)
        if not isinstance(dataset.schema[photo_column].dataType, (BinaryType, StringType)):
            raise TypeError(f"column {photo_column} holds neither binary photos nor paths")
        s3 = self.getOrDefault(self.s3)
        pomona.s3_options(s3)  # a wrong name is told here
        network = SharedNetwork(dataset.sparkSession, name, precision=precision, s3=s3)
        told = [f"{failure_column} {name}" for name in _FAILURE]
        schema = StructType(dataset.schema.fields + [StructField(output_column, ArrayType(FloatType(), False))] +
                            [StructField(name, StringType()) for name in told])

        def work(batches):
            opened = network.open()
            threads = TaskContext.get().cpus() if hasattr(TaskContext, "cpus") else 1
            for batch in batches:
                photos = [_photo(value) for value in batch.column(batch.schema.get_field_index(photo_column))]
                made = opened.extract_chunks(photos, _CHUNK_ROWS, threads=threads, s3=s3)
                for index, (rows, failures) in enumerate(made):
                    yield _with_features(batch.slice(index * _CHUNK_ROWS, len(rows)), rows, failures,
                                         [output_column] + told)

        failure = struct([col(f"`{column}`").alias(name) for column, name in zip(told, _FAILURE)])
        made = dataset.mapInArrow(work, schema).withColumn(failure_column, when(col(f"`{told[0]}`").isNotNull(), failure))
        return made.drop(*told)


def _with_features(batch, rows, failures, names):
    failed = numpy.zeros(batch.num_rows, dtype=bool)
    why = {name: [None] * batch.num_rows for name in _FAILURE}
    for failure in failures:
        failed[failure.index] = True
        for name in _FAILURE:
            why[name][failure.index] = getattr(failure, name)
    arrays = batch.columns + [columns.from_rows(rows, failed)] + [pyarrow.array(why[name], pyarrow.string()) for name in _FAILURE]
    return pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names + names)


def _photo(value):
    """A photo's bytes as they lie in Arrow's memory, or its path; an empty photo for NULL."""
    if not value.is_valid:
        return b""
    if isinstance(value, (pyarrow.BinaryScalar, pyarrow.LargeBinaryScalar)) and not isinstance(
            value, (pyarrow.StringScalar, pyarrow.LargeStringScalar)):
        return memoryview(value.as_buffer())
    path = value.as_py()
    return os.fsdecode(unquote(urlparse(path).path)) if path.startswith("file:") else path
