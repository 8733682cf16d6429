# SPDX-License-Identifier: Apache-2.0
"""Columns of vectors: numpy rows to array<float> or Spark's vector and back, without a copy per row."""

import numpy
import pyarrow
from pyspark.ml.functions import array_to_vector, vector_to_array
from pyspark.ml.linalg import VectorUDT
from pyspark.ml.param import Param, Params, TypeConverters
from pyspark.sql.types import ArrayType, DoubleType, FloatType, NumericType, StructField, StructType


class HasOutputType(Params):
    """`outputType`: "array" gives array<float>, "vector" Spark's own type, which pyspark.ml's stages take."""

    outputType = Param(Params._dummy(), "outputType", "array: array<float>; vector: as pyspark.ml's stages take it",
                       TypeConverters.toString)

    def getOutputType(self):
        return self.getOrDefault(self.outputType)

    def setOutputType(self, value):
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


def to_rows(column, name):
    """A column of lists of numbers, none NULL and all of one width, as float32 rows [n, width]."""
    if isinstance(column, pyarrow.ChunkedArray):
        column = column.combine_chunks()
    if column.null_count or len(column) == 0:
        raise ValueError(f"column {name} holds NULL: leave failed photos out, as in .where('failure is null')")
    values = column.flatten()
    if values.null_count:
        raise ValueError(f"column {name} has vectors with NULL in them")
    width = len(values) // len(column)
    lengths = column.value_lengths().to_numpy()
    if (lengths != width).any():
        raise ValueError(f"column {name} has vectors of {lengths.min()} and of {lengths.max()} numbers")
    return values.to_numpy(zero_copy_only=False).astype(numpy.float32, copy=False).reshape(len(column), width)


def vectors_to_arrays(dataset):
    """Arrow carries none of Spark's vectors: the dataset with arrays in their places, and the names of those columns."""
    names = [field.name for field in dataset.schema.fields if isinstance(field.dataType, VectorUDT)]
    for name in names:
        dataset = dataset.withColumn(name, vector_to_array(name))
    return dataset, names


def check_vectors(dataset, name):
    kind = dataset.schema[name].dataType
    if not isinstance(kind, VectorUDT) and not (isinstance(kind, ArrayType) and isinstance(kind.elementType, NumericType)):
        raise TypeError(f"column {name} holds {kind.simpleString()}, not arrays or vectors of numbers")


def with_column(dataset, source, output, output_type, make_function):
    """Adds column `output`: what the function that make_function() makes, once a task, gives for the rows of `source`."""
    if output_type not in ("array", "vector"):
        raise ValueError(f"outputType {output_type!r}: use array or vector")
    check_vectors(dataset, source)
    is_vector = output_type == "vector"
    dataset, vectors = vectors_to_arrays(dataset)
    number = DoubleType() if is_vector else FloatType()
    schema = StructType(dataset.schema.fields + [StructField(output, ArrayType(number, False))])

    def work(batches):
        function = make_function()
        for batch in batches:
            if batch.num_rows == 0:
                continue
            rows = function(to_rows(batch.column(batch.schema.get_field_index(source)), source))
            column = from_rows(rows.astype(numpy.float64) if is_vector else rows)
            yield pyarrow.RecordBatch.from_arrays(batch.columns + [column], names=batch.schema.names + [output])

    made = dataset.mapInArrow(work, schema)
    for name in vectors + [output] * is_vector:
        made = made.withColumn(name, array_to_vector(name))
    return made
