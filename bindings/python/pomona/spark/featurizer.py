# SPDX-License-Identifier: Apache-2.0
"""Photos in a column to features in a column."""

import os
from urllib.parse import unquote, urlparse

import numpy
import pyarrow
from pyspark import TaskContext, keyword_only
from pyspark.ml import Transformer
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable
from pyspark.sql.types import ArrayType, BinaryType, FloatType, StringType, StructField, StructType

import pomona
from pomona.spark import columns

FAILURE = StructType([StructField(name, StringType(), False) for name in ("stage", "reason", "message")])

# Of this worker process: networks by what made them, so that each is opened once and not once a task.
_networks = {}


class Featurizer(Transformer, HasInputCol, HasOutputCol, DefaultParamsReadable, DefaultParamsWritable):
    """Adds `outputCol` (array<float>) and `failureCol` (struct<stage, reason, message>): one of them is NULL in each row.

    `inputCol` holds encoded photos (binary, as Spark's binaryFile reads them into `content`) or their paths (string; local,
    or file: URLs). A photo that cannot be read is a row with its failure: no row is lost and no task fails for it.
    """

    network = Param(Params._dummy(), "network", "auto, orchard, mobilenetv2, resnet50 or a network file on the driver",
                    TypeConverters.toString)
    precision = Param(Params._dummy(), "precision", "fp32, int16 or int8", TypeConverters.toString)
    failureCol = Param(Params._dummy(), "failureCol", "column that says why a photo has no features",
                       TypeConverters.toString)

    @keyword_only
    def __init__(self, *, network="auto", inputCol="content", outputCol="features", failureCol="failure",
                 precision="fp32"):
        super().__init__()
        self._setDefault(network="auto", inputCol="content", outputCol="features", failureCol="failure",
                         precision="fp32")
        self._set(**self._input_kwargs)

    def setNetwork(self, value):
        return self._set(network=value)

    def setInputCol(self, value):
        return self._set(inputCol=value)

    def setOutputCol(self, value):
        return self._set(outputCol=value)

    def setFailureCol(self, value):
        return self._set(failureCol=value)

    def setPrecision(self, value):
        return self._set(precision=value)

    def _transform(self, dataset):
        name, precision = self.getOrDefault(self.network), self.getOrDefault(self.precision)
        photo_column, output_column = self.getInputCol(), self.getOutputCol()
        failure_column = self.getOrDefault(self.failureCol)
        if not isinstance(dataset.schema[photo_column].dataType, (BinaryType, StringType)):
            raise TypeError(f"column {photo_column} holds neither binary photos nor paths")
        network = pomona.Network(name, precision=precision)
        file = pomona.network_file(name)
        broadcast = None if file is None else dataset.sparkSession.sparkContext.broadcast(open(file, "rb").read())
        key = (network.identity, precision)
        n_features = network.n_features
        schema = StructType(dataset.schema.fields + [StructField(output_column, ArrayType(FloatType(), False)),
                                                     StructField(failure_column, FAILURE)])

        def work(batches):
            opened = _open(key, broadcast)
            threads = TaskContext.get().cpus() if hasattr(TaskContext, "cpus") else 1
            for batch in batches:
                if batch.num_rows > 0:
                    yield _with_features(batch, opened, photo_column, output_column, failure_column, n_features, threads)

        return dataset.mapInArrow(work, schema)


def _open(key, broadcast):
    if key not in _networks:
        source = {"name_or_path": "orchard"} if broadcast is None else {"data": broadcast.value}
        _networks[key] = pomona.Network(**source, precision=key[1])
        if _networks[key].identity != key[0]:
            raise RuntimeError(f"this worker's pomona brings network {_networks[key].identity}, the driver's {key[0]}: "
                               "install the same version on both")
    return _networks[key]


def _with_features(batch, network, photo_column, output_column, failure_column, n_features, threads):
    column = batch.column(batch.schema.get_field_index(photo_column))
    rows, failures = network.extract([_photo(value) for value in column], threads=threads)
    failed = numpy.zeros(batch.num_rows, dtype=bool)
    why = [None] * batch.num_rows
    for failure in failures:
        failed[failure.index] = True
        why[failure.index] = {"stage": failure.stage, "reason": failure.reason, "message": failure.message}
    text = pyarrow.string()
    struct = pyarrow.struct([pyarrow.field(name, text, False) for name in ("stage", "reason", "message")])
    arrays = batch.columns + [columns.from_rows(rows, failed), pyarrow.array(why, type=struct)]
    return pyarrow.RecordBatch.from_arrays(arrays, names=batch.schema.names + [output_column, failure_column])


def _photo(value):
    """A photo's bytes as they lie in Arrow's memory, or its path; an empty photo for NULL."""
    if not value.is_valid:
        return b""
    if isinstance(value, (pyarrow.BinaryScalar, pyarrow.LargeBinaryScalar)) and not isinstance(
            value, (pyarrow.StringScalar, pyarrow.LargeStringScalar)):
        return memoryview(value.as_buffer())
    path = value.as_py()
    return os.fsdecode(unquote(urlparse(path).path)) if path.startswith("file:") else path
