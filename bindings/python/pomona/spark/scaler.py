# SPDX-License-Identifier: Apache-2.0
"""StandardScaler on a column of vectors, with pyspark.ml's Params and results."""

from typing import TypeVar

import numpy
from pyspark import keyword_only
from pyspark.ml import Estimator, Model
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.ml.param.shared import HasInputCol, HasOutputCol
from pyspark.ml.util import DefaultParamsReadable, DefaultParamsWritable

import pomona
from pomona.spark import columns, moments
from pomona.spark.fitted import FittedModel


_Stage = TypeVar("_Stage", bound="_ScalerParams")


class _ScalerParams(HasInputCol, HasOutputCol, columns.HasOutputType):
    withMean = Param(Params._dummy(), "withMean", "subtract the mean", TypeConverters.toBoolean)
    withStd = Param(Params._dummy(), "withStd", "divide by the sample standard deviation (n - 1)", TypeConverters.toBoolean)

    def __init__(self):
        super().__init__()
        self._setDefault(withMean=False, withStd=True, inputCol="features", outputCol="features_scaled", outputType="array")

    def getWithMean(self):
        return self.getOrDefault(self.withMean)

    def getWithStd(self):
        return self.getOrDefault(self.withStd)

    def setInputCol(self: "_Stage", value: str) -> "_Stage":
        return self._set(inputCol=value)

    def setOutputCol(self: "_Stage", value: str) -> "_Stage":
        return self._set(outputCol=value)


class StandardScaler(Estimator, _ScalerParams, DefaultParamsReadable, DefaultParamsWritable):
    """As pyspark.ml.feature.StandardScaler: withStd but not withMean by default; a constant column becomes 0."""

    @keyword_only
    def __init__(self, *, withMean: bool = False, withStd: bool = True, inputCol: str = "features",
                 outputCol: str = "features_scaled", outputType: str = "array") -> None:
        super().__init__()
        self._set(**self._input_kwargs)

    def setWithMean(self, value: bool) -> "StandardScaler":
        return self._set(withMean=value)

    def setWithStd(self, value: bool) -> "StandardScaler":
        return self._set(withStd=value)

    def _fit(self, dataset):
        mean, sample_std = moments.of_column(dataset, self.getInputCol()).scaler()
        return self._copyValues(StandardScalerModel(mean, sample_std))


class StandardScalerModel(Model, _ScalerParams, FittedModel):
    """Adds `outputCol`. `mean` and `std` are numpy arrays, of the unscaled rows."""

    SCHEMA = "mean array<double>, sample_std array<double>"

    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = numpy.asarray(mean, dtype=float), numpy.asarray(std, dtype=float)

    def _row(self):
        return self.mean.tolist(), self.std.tolist()

    @classmethod
    def _from_row(cls, row):
        return cls(row["mean"], row["sample_std"])

    def _transform(self, dataset):
        mean = self.mean if self.getWithMean() else None
        sample_std = self.std if self.getWithStd() else None
        return columns.with_column(dataset, self.getInputCol(), self.getOutputCol(), self.getOutputType(),
                                   lambda: lambda rows: pomona.scale_rows(rows, mean=mean, sample_std=sample_std))
