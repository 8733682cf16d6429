# SPDX-License-Identifier: Apache-2.0
"""Listing photos for Spark: the driver lists in C, the executors fetch in C, and no photo goes through the JVM."""

import os
from typing import Any, Optional, Union

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import LongType, StringType, StructField, StructType

import pomona

LISTED = StructType([StructField("path", StringType(), False), StructField("label", StringType(), False),
                     StructField("size_bytes", LongType(), False)])

# Tasks per core: enough that no core waits long for another's last photos.
_TASKS_PER_CORE = 3


def read_photos(spark: SparkSession, source: "Union[str, os.PathLike[str]]", *, glob: Optional[str] = None,
                label_from: Optional[str] = None, partitions: Optional[int] = None,
                s3: "Optional[dict[str, Any]]" = None) -> DataFrame:
    """The photos of `source` as a DataFrame of path, label and size_bytes, for `Featurizer(inputCol="path")`.

    `source`: a folder, "@FILE" (a list of paths) or one photo, on s3:// or on a disk that all executors see. `glob`,
    `label_from`: as the options of `pomona run`. `partitions`: None for three per core; each gets as many photos, and
    neighbours in the listing, which are alike in size, go to different ones. `s3`: options of pomona.s3_options; give
    Featurizer the same.
    """
    listed = pomona.list_photos(source, glob=glob, label_from=label_from, s3=s3)
    unreadable = next((photo.path for photo in listed if not _is_unicode(photo.path + photo.label)), None)
    if unreadable is not None:
        raise ValueError(f"{unreadable!r} is not UTF-8, which Spark needs: rename the file or its folder")
    if partitions is None:
        partitions = min(_TASKS_PER_CORE * spark.sparkContext.defaultParallelism, len(listed))
    return spark.createDataFrame(listed, LISTED).repartition(partitions)


def _is_unicode(text):
    try:
        text.encode()
        return True
    except UnicodeEncodeError:
        return False
