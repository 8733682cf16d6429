# SPDX-License-Identifier: Apache-2.0
"""Our tables in Spark; Spark's in our reader."""
import os
import shutil
import sys
import tempfile

import numpy as np

from table_rows import assert_same, make_rows, read_table, run_tests, write_table

TOOL = os.path.abspath(sys.argv[1])
ROWS = make_rows(300, 256)

if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
    print("skipped: no java; tools/setup.sh --tests installs it")
    sys.exit(77)

os.environ["PYSPARK_PYTHON"] = sys.executable
from pyspark.ml.functions import array_to_vector, vector_to_array  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import col, posexplode  # noqa: E402

SCHEMA = """root
 |-- path: string (nullable = true)
 |-- label: string (nullable = true)
 |-- features: array (nullable = true)
 |    |-- element: float (containsNull = true)
"""


def collect(frame):
    return [(r["path"], r["label"], np.array(r["features"], np.float32)) for r in frame.collect()]


def by_path(rows):
    return sorted(rows, key=lambda row: row[0])


def ours_in_spark():
    frame = spark.read.parquet("out/features")
    schema = frame._jdf.schema().treeString()
    print(schema, end="")
    assert schema == SCHEMA, schema
    assert_same(by_path(collect(frame)), by_path(ROWS))
    # An aggregate over the elements, computed by Spark itself.
    sums = frame.select("path", posexplode("features")).groupBy("path").agg({"col": "max"}).collect()
    largest = {path: features.max() for path, _, features in ROWS}
    assert all(np.float32(r["max(col)"]) == largest[r["path"]] for r in sums)


def our_csv_and_json_in_spark():
    frame = spark.read.csv("out/features_csv", header=True, multiLine=True, quote='"', escape='"',
                           lineSep="\n", emptyValue="", ignoreLeadingWhiteSpace=False,
                           ignoreTrailingWhiteSpace=False)
    assert frame.columns == ["path", "label"] + [f"f{k}" for k in range(256)]
    got = [(r[0], r[1], np.array(r[2:], np.float32)) for r in frame.collect()]
    assert_same(by_path(got), by_path(ROWS))
    frame = spark.read.json("out/features_json")
    assert_same(by_path(collect(frame)), by_path(ROWS))


def sparks_arrays_of_float():
    frame = spark.read.parquet("out/features")
    frame.repartition(3).write.parquet("spark_float")
    assert os.path.exists("spark_float/_SUCCESS")
    assert_same(by_path(read_table(TOOL, "spark_float")), by_path(ROWS))
    frame.write.option("compression", "zstd").parquet("spark_zstd")
    assert_same(by_path(read_table(TOOL, "spark_zstd")), by_path(ROWS))


def sparks_vectors_as_arrays():
    vectors = spark.read.parquet("out/features").withColumn("features", array_to_vector(col("features")))
    for dtype in ("float32", "float64"):
        arrays = vectors.withColumn("features", vector_to_array(col("features"), dtype))
        arrays.write.parquet("spark_" + dtype)
        assert_same(by_path(read_table(TOOL, "spark_" + dtype)), by_path(ROWS))
    vectors.write.parquet("spark_vector")
    message = read_table(TOOL, "spark_vector")
    print("   ", message)
    assert "vector_to_array" in message, message


def sparks_label_folders():
    rows = [(f"p{i:03}", f"0{i % 3}", features) for i, (_, _, features) in enumerate(ROWS)]
    data = [(path, label, [float(x) for x in features]) for path, label, features in rows]
    spark.createDataFrame(data, "path string, label string, features array<float>") \
        .write.partitionBy("label").parquet("spark_labels")
    assert_same(by_path(read_table(TOOL, "spark_labels")), rows)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    write_table(TOOL, "out/features", ROWS, 200)
    spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
             .config("spark.driver.memory", "1g").config("spark.driver.bindAddress", "127.0.0.1")
             .config("spark.driver.host", "127.0.0.1").config("spark.sql.shuffle.partitions", "2")
             .config("spark.ui.showConsoleProgress", "false").config("spark.local.dir", folder).getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    run_tests([ours_in_spark, our_csv_and_json_in_spark, sparks_arrays_of_float, sparks_vectors_as_arrays,
               sparks_label_folders])
    spark.stop()
    os.chdir("/")
