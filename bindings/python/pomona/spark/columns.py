# SPDX-License-Identifier: Apache-2.0
"""Columns of vectors: numpy rows to array<float> or Spark's vector and back, without a copy per row."""

from typing import Iterator, TypeVar

import numpy
import pandas
import pyarrow
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql.functions import col, pandas_udf
from pyspark.sql.types import ArrayType, DoubleType, FloatType, NumericType


_Stage = TypeVar("_Stage", bound="HasOutputType")


class HasOutputType(Params):
    """`outputType`: "array" gives array<float>, "vector" Spark's own type, which pyspark.ml's stages take."""

    outputType = Param(Params._dummy(), "outputType", "array: array<float>; vector: as pyspark.ml's stages take it",
                       TypeConverters.toString)

    def getOutputType(self):
        return self.getOrDefault(self.outputType)

    def setOutputType(self: "_Stage", value: str) -> "_Stage":
        return self._set(outputType=value)


def from_rows(rows, is_null=None):
    """Rows [n, width] as a list column of their number type; NULL where is_null[i]."""
    n, width = rows.shape
    good = rows if is_null is None else rows[~is_null]
    lengths = numpy.full(n, width, dtype=numpy.int32)
    if is_null is not None:
        lengths[is_null] = 0
    offsets = numpy.concatenate(([0], numpy.cumsum(lengths))).astype(numpy.int32)
    # A list whose offset is NULL is NULL; the last offset only ends the last list.
    mask = None if is_null is None else numpy.append(is_null, False)
    return pyarrow.ListArray.from_arrays(pyarrow.array(offsets, mask=mask),
                                         pyarrow.array(numpy.ascontiguousarray(good).reshape(-1)))


def _holds_null(name):
    return ValueError(f"column {name} holds NULL: leave failed photos out, as in .where('failure is null')")


def to_rows(column, name):
    """A column of lists of numbers, none NULL and all of one width, as float32 rows [n, width]."""
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count or len(column) == 0:
        raise _holds_null(name)
    values = column.flatten()
    if values.null_count:
        raise ValueError(f"column {name} has vectors with NULL in them")
    width = len(values) // len(column)
    lengths = column.value_lengths().to_numpy()
    if (lengths != width).any():
        raise ValueError(f"column {name} has vectors of {lengths.min()} and of {lengths.max()} numbers")
    return values.to_numpy(zero_copy_only=False).astype(numpy.float32, copy=False).reshape(len(column), width)


def as_array(dataset, name):
    """Column `name` as an array of numbers: Arrow carries none of Spark's vectors."""
    kind = dataset.schema[name].dataType
    if isinstance(kind, VectorUDT):
        return vector_to_array(col(name))
    if isinstance(kind, ArrayType) and isinstance(kind.elementType, NumericType):
        return col(name)
    raise TypeError(f"column {name} holds {kind.simpleString()}, not arrays or vectors of numbers")


class _Converted(pandas.Series):
    """Arrays as Arrow takes them. From Spark 3.5 on each result of a pandas UDF is given a function to apply that rebuilds every
    array as a list, number by number in Python: two thirds of the time that a projection takes."""

    def apply(self, *_arguments, **_named):
        return self


def with_column(dataset, source, output, output_type, make_function):
    """Adds column `output`: what the function that make_function() makes, once a task, gives for the rows of `source`.

    A pandas UDF, because it takes one column to Python and brings one back, and one that nobody asks for later neither; mapInArrow
    takes all of them both ways.
    """
    if output_type not in ("array", "vector"):
        raise ValueError(f"outputType {output_type!r}: use array or vector")
    is_vector = output_type == "vector"

    def work(batches: Iterator[pandas.Series]) -> Iterator[pandas.Series]:
        function = make_function()
        for batch in batches:
            rows = function(_stacked(batch, source)) if len(batch) else []
            yield _Converted(list(rows.astype(numpy.float64) if is_vector and len(rows) else rows), dtype=object)

    made = pandas_udf(work, ArrayType(DoubleType() if is_vector else FloatType()))(as_array(dataset, source))
    return dataset.withColumn(output, array_to_vector(made) if is_vector else made)


def _stacked(series, name):
    """A series of numpy arrays as rows."""
    if series.isna().any():
        raise _holds_null(name)
    widths = {len(vector) for vector in series}
    if len(widths) > 1:
        raise ValueError(f"column {name} has vectors of {min(widths)} and of {max(widths)} numbers")
    return numpy.stack(series.to_numpy()).astype(numpy.float32, copy=False)
