# SPDX-License-Identifier: Apache-2.0
"""Our PCA against pyspark.ml: StandardScaler and PCA, fitted and applied to the same Parquet file.

    test_pca_spark.py LIBRARY [FEATURES...]    tables of features to compare on, instead of the usual rows
"""
import os
import shutil
import sys
import tempfile
import time

import numpy as np

from pca_library import (MEAN_STD, NONE, SCALE_NAMES, SPARK_COMPATIBLE, STD, Pca, check, compare_components, feature_rows,
                         given_tables, real_rows)

if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    print("skipped: no java; tools/setup.sh --tests installs it")
    sys.exit(77)

import pyarrow as pa  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.ml.feature import PCA, StandardScaler  # noqa: E402
from pyspark.ml.functions import array_to_vector, vector_to_array  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import col  # noqa: E402


def write(rows, path):
    offsets = pa.array(np.arange(0, rows.size + 1, rows.shape[1], dtype=np.int32))
    table = pa.table({"i": np.arange(len(rows)), "features": pa.ListArray.from_arrays(offsets, pa.array(rows.ravel()))})
    pq.write_table(table, path, row_group_size=2048)


def column(frame, name, sample):
    rows = frame.where(col("i") < sample).orderBy("i").select(vector_to_array(name).alias("v")).collect()
    return np.array([r["v"] for r in rows])


def compare(name, rows, scale, k):
    start = time.monotonic()
    write(rows, "rows.parquet")
    frame = spark.read.parquet("rows.parquet")
    frame = frame.select("i", array_to_vector(col("features").cast("array<double>")).alias("x"))
    if scale == NONE:
        frame = frame.withColumnRenamed("x", "z")
    else:
        scaler = StandardScaler(inputCol="x", outputCol="z", withStd=True, withMean=scale == MEAN_STD)
        frame = scaler.fit(frame).transform(frame)
    model = PCA(k=k, inputCol="z", outputCol="y").fit(frame)
    theirs = model.pc.toArray().T
    explained = np.array(model.explainedVariance.toArray())

    pca = Pca(rows, scale, k)
    ratio = check((np.abs(pca.ratios - explained) / explained).max(), 1e-9, "explained variance")
    signs = np.sign((theirs * pca.components).sum(axis=1))  # Spark's are as they come
    theirs = theirs * signs[:, None]
    compared, component = compare_components(pca.components[:-1], theirs[:-1], explained, 1e-6)

    sample = min(len(rows), 500)
    projected, scaled = pca.apply(rows[:sample], SPARK_COMPATIBLE)
    z = column(frame, "z", sample)
    scaling = check(np.abs(scaled - z).max() / np.abs(z).max(), 1e-7, "scaled rows")
    y = column(model.transform(frame), "y", sample) * signs
    single = [c for c in range(k) if np.abs(pca.components[c] - theirs[c]).max() <= 1e-6]
    projection = check(np.abs(projected - y)[:, single].max() / np.abs(y).max(), 1e-6, "projections")
    print(f"{name} {rows.shape[0]} x {rows.shape[1]}, scale {SCALE_NAMES[scale]}, k {k}: explained variance {ratio:.1e} "
          f"relative, {compared} components {component:.1e}, scaled rows {scaling:.1e}, {len(single)} projections "
          f"{projection:.1e} relative (Spark took {time.monotonic() - start:.0f} s)", flush=True)


tables = list(given_tables())
os.chdir(tempfile.mkdtemp(prefix="pomona-pca-spark-"))
spark = (SparkSession.builder.master("local[2]").config("spark.driver.memory", "4g")
         .config("spark.ui.showConsoleProgress", "false").config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.ui.enabled", "false").config("spark.driver.host", "127.0.0.1")
         .config("spark.sql.warehouse.dir", os.getcwd()).getOrCreate())
spark.sparkContext.setLogLevel("ERROR")
try:
    for name, rows in tables:
        for scale in (NONE, STD, MEAN_STD):
            compare(name, rows, scale, 300)
    if not tables:
        real = real_rows()
        if real is not None:
            compare("MobileNetV2", real[:, :256], MEAN_STD, 100)
        for scale in (NONE, STD, MEAN_STD):
            compare("feature-like", feature_rows(1600), scale, 300)
        many = feature_rows(30000, seed=2)
        for scale in (NONE, MEAN_STD):
            compare("feature-like", many, scale, 300)
finally:
    spark.stop()
    shutil.rmtree(os.getcwd())
