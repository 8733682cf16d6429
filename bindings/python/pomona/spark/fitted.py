# SPDX-License-Identifier: Apache-2.0
"""Saving fitted models as pyspark.ml saves its own: FOLDER/metadata with the Params, FOLDER/data with one row."""

from pyspark.ml.util import DefaultParamsReader, DefaultParamsWriter, MLReadable, MLReader, MLWritable, MLWriter
from pyspark.sql import SparkSession


class FittedModel(MLReadable, MLWritable):
    """What a model needs for save and load: `SCHEMA` of its row, `_row()` to write it, `_from_row(row)` to make it again."""

    SCHEMA = None

    def write(self):
        return _Writer(self)

    @classmethod
    def read(cls):
        return _Reader(cls)


class _Writer(MLWriter):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def saveImpl(self, path):
        DefaultParamsWriter.saveMetadata(self.model, path, self.sc)
        spark = SparkSession.builder.getOrCreate()
        spark.createDataFrame([self.model._row()], self.model.SCHEMA).coalesce(1).write.parquet(path + "/data")


class _Reader(MLReader):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def load(self, path):
        metadata = DefaultParamsReader.loadMetadata(path, self.sc, self.kind.__module__ + "." + self.kind.__name__)
        row = SparkSession.builder.getOrCreate().read.schema(self.kind.SCHEMA).parquet(path + "/data").first()
        model = self.kind._from_row(row)
        model._resetUid(metadata["uid"])
        DefaultParamsReader.getAndSetParams(model, metadata)
        return model
