# SPDX-License-Identifier: Apache-2.0
"""Spark's way to many small objects, for s3.py: s3a_read.py ENDPOINT FOLDER JARS lists and reads them, and counts their bytes."""
import pathlib
import sys

from pyspark.sql import SparkSession

endpoint, folder, jars = sys.argv[1:]
settings = {
    "spark.ui.enabled": "false", "spark.jars": ",".join(map(str, pathlib.Path(jars).glob("*.jar"))),
    "spark.hadoop.fs.s3a.endpoint": endpoint, "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "false", "spark.hadoop.fs.s3a.access.key": "bench",
    "spark.hadoop.fs.s3a.secret.key": "bench-secret", "spark.hadoop.fs.s3a.endpoint.region": "eu-central-1"}
builder = SparkSession.builder.master("local[*]")
for name, value in settings.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()
photos = spark.read.format("binaryFile").option("recursiveFileLookup", "true").load(folder)
n_photos, n_bytes = photos.selectExpr("count(*)", "sum(length(content))").first()
print(n_photos, "photos,", n_bytes, "bytes")
spark.stop()
