# SPDX-License-Identifier: Apache-2.0
"""Spark's s3a:// reads the output that pomona wrote on S3, and writes features that `pomona fit s3://...` reads."""
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

source_root, build = pathlib.Path(os.environ["POMONA_SOURCE"]), pathlib.Path(os.environ["POMONA_BUILD"])
jars = sorted((source_root / ".deps/s3a").glob("*.jar"))
versitygw = shutil.which("versitygw", path=f"{source_root}/.deps/go/bin:{os.environ['PATH']}")
for missing, how in ((not jars, "no hadoop-aws; tools/setup.sh --tests fetches it"),
                     (versitygw is None, "no versitygw; tools/setup.sh --tests builds it where Go is"),
                     (shutil.which("java") is None and "JAVA_HOME" not in os.environ, "no java; tools/setup.sh --tests installs it")):
    if missing:
        print("skipped:", how)
        sys.exit(77)

import numpy as np  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402
from pyspark.sql.functions import col, size  # noqa: E402

os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
pomona = build / "apps/pomona/pomona"
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-s3a-"))
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
address = f"http://127.0.0.1:{port}"
environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
environment |= {"AWS_CONFIG_FILE": str(work / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "none"),
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_S3": address,
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret", "POMONA_NETWORKS": str(work / "networks")}


def run(code, *arguments):
    done = subprocess.run([pomona, *arguments], env=environment, capture_output=True, text=True, cwd=work)
    assert done.returncode == code, f"{arguments}: {done.returncode} instead of {code}\n{done.stderr}"


def start_spark():
    settings = {
        "spark.ui.enabled": "false", "spark.jars": ",".join(map(str, jars)), "spark.sql.shuffle.partitions": "2",
        "spark.hadoop.fs.s3a.endpoint": address, "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false", "spark.hadoop.fs.s3a.access.key": "test",
        "spark.hadoop.fs.s3a.secret.key": "test-secret", "spark.hadoop.fs.s3a.endpoint.region": "eu-central-1",
        # Most of the time would go into starting: what is compiled thoroughly is not used often enough here.
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
        # versitygw keeps objects as files, and does not remove the marker of a folder that has something in it.
        "spark.hadoop.fs.s3a.directory.marker.retention": "keep", "spark.hadoop.fs.s3a.multiobjectdelete.enable": "false",
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2"}
    builder = SparkSession.builder.master("local[2]").appName("s3a")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def rows_of(frame, column):
    return {row["path"]: np.array(row[column], np.float32) for row in frame.select("path", column).collect()}


def main():
    subprocess.run([build / "tools/demo_photos/demo_photos", work / "photos", "--per-kind", "2"], check=True,
                   stdout=subprocess.DEVNULL)
    for folder in ("root/bucket", "iam"):
        (work / folder).mkdir(parents=True)
    shutil.copytree(work / "photos", work / "root/bucket/photos")
    server = subprocess.Popen(["timeout", "600", versitygw, "--access", "test", "--secret", "test-secret", "--region", "eu-central-1",
                               "--port", f"127.0.0.1:{port}", "--keep-alive", "--quiet", "--iam-dir", str(work / "iam"), "posix",
                               str(work / "root")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        run(1, "run", "s3://bucket/photos", "s3://bucket/out", "-k", "5", "--part-rows", "16")  # 1: damaged photos among them
        run(1, "run", "s3://bucket/photos", "disk", "-k", "5", "--part-rows", "16")
        spark = start_spark()
        # Whole folders, by Spark's own listing: _SUCCESS, parts, nothing that it takes for rows and is none.
        for table, column in (("features", "features"), ("pca", "features_pca")):
            ours = spark.read.parquet(f"s3a://bucket/out/{table}")
            disk = spark.read.parquet(f"{work}/disk/{table}")
            got, wanted = rows_of(ours, column), rows_of(disk, column)
            assert got.keys() == wanted.keys() and len(got) > 20, table
            assert all(np.array_equal(got[path], wanted[path]) for path in got), table
        # What Spark writes back, through its committer: two files, float and double, and a photo's row less.
        features = spark.read.parquet("s3a://bucket/out/features")
        dropped = features.first()["path"]
        kept = features.where(col("path") != dropped)
        kept.repartition(2).write.parquet("s3a://bucket/spark")
        kept.withColumn("features", col("features").cast("array<double>")).write.parquet("s3a://bucket/spark-double")
        assert features.select(size("features")).first()[0] > 0
        for table in ("spark", "spark-double"):
            run(0, "fit", f"s3://bucket/{table}", "--out", f"s3://bucket/{table}.safetensors", "-k", "5")
            run(0, "transform", f"s3://bucket/{table}", "--pca", f"s3://bucket/{table}.safetensors", f"s3://bucket/{table}-out")
            projected = rows_of(spark.read.parquet(f"s3a://bucket/{table}-out/pca"), "features_pca")
            assert len(projected) == kept.count() and dropped not in projected, table
        n_rows = kept.count()
        spark.stop()
        print(f"{len(got)} rows read by s3a, {n_rows} written by it")
    finally:
        server.terminate()
        server.wait()


try:
    main()
finally:
    shutil.rmtree(work)
