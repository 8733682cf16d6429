# SPDX-License-Identifier: Apache-2.0
"""The moments of a column of vectors: gathered per partition in C, merged by a tree."""

import math

import pyarrow

import pomona
from pomona.spark import columns

_SCHEMA = "width int, moments binary"
_FEW = 8


def of_column(dataset, column):
    """pomona.Moments of all rows of `column`."""
    per_partition = dataset.select(columns.as_array(dataset, column).alias(column)).mapInArrow(_of_partition(column), _SCHEMA)
    # Moments of 1280 columns are 7 MB: the driver takes few of them.
    n_branches = max(1, math.isqrt(dataset.sparkSession.sparkContext.defaultParallelism))
    if not _are_few(dataset, per_partition, n_branches):
        per_partition = per_partition.repartition(n_branches).mapInArrow(_merge_batches, _SCHEMA)
    merged = list(_merge_batches(_collected(per_partition)))
    if not merged:
        raise ValueError(f"column {column} has no rows to fit on")
    return _opened(merged[0], 0)


def _are_few(dataset, per_partition, n_branches):
    """Whether there are so few partitions that the driver merges them sooner than a shuffle would.

    An adaptive plan runs its shuffles to know its partitions, and would run them again below another shuffle: it is asked only
    where what they give is cached.
    """
    execution = per_partition._jdf.queryExecution()
    is_adaptive = execution.executedPlan().getClass().getSimpleName() == "AdaptiveSparkPlanExec"
    if is_adaptive and not (dataset.storageLevel.useMemory or dataset.storageLevel.useDisk):
        return False
    return execution.toRdd().getNumPartitions() <= max(_FEW, n_branches)


def _collected(dataset):
    """The rows as Arrow's batches: as Spark's rows, pickled in the JVM, the bytes in them take seconds."""
    return dataset.toArrow().to_batches() if hasattr(dataset, "toArrow") else dataset._collect_as_arrow()


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
            yield _batch_of(moments)

    return work


def _merge_batches(batches):
    merged = None
    for batch in batches:
        for index in range(batch.num_rows):
            moments = _opened(batch, index)
            if merged is not None and moments.width != merged.width:
                raise ValueError(f"vectors of {merged.width} and of {moments.width} numbers in one column")
            merged = moments if merged is None else merged.merge(moments)
    if merged is not None:
        yield _batch_of(merged)


def _batch_of(moments):
    return pyarrow.RecordBatch.from_arrays(
        [pyarrow.array([moments.width], pyarrow.int32()), pyarrow.array([moments.to_bytes()], pyarrow.binary())],
        names=["width", "moments"])


def _opened(batch, index):
    return pomona.Moments.from_bytes(batch.column(1)[index].as_py(), batch.column(0)[index].as_py())
