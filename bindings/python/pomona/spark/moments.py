# SPDX-License-Identifier: Apache-2.0
"""The moments of a column of vectors: gathered per partition in C, merged by a tree."""

import pyarrow

import pomona
from pomona.spark import columns


def of_column(dataset, column):
    """pomona.Moments of all rows of `column`."""
    columns.check_vectors(dataset, column)
    vectors, _ = columns.vectors_to_arrays(dataset.select(column))
    per_partition = vectors.mapInArrow(_of_partition(column), "width int, moments binary")
    merged = per_partition.rdd.map(lambda row: (row[0], bytes(row[1]))).treeAggregate(None, _merge, _merge)
    if merged is None:
        raise ValueError(f"column {column} has no rows to fit on")
    width, data = merged
    return pomona.Moments.from_bytes(data, width)


def _of_partition(column):
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
    if a is None or b is None:
        return b if a is None else a
    if a[0] != b[0]:
        raise ValueError(f"vectors of {a[0]} and of {b[0]} numbers in one column")
    merged = pomona.Moments.from_bytes(a[1], a[0])
    return a[0], merged.merge(pomona.Moments.from_bytes(b[1], b[0])).to_bytes()
