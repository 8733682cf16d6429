# SPDX-License-Identifier: Apache-2.0
"""Arrow columns of vectors: numpy rows to array<float> and back, without a copy per row."""

import numpy
import pyarrow


def from_rows(rows, is_null=None):
    """float32 rows [n, width] as a list<float> column; NULL where is_null[i]."""
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
