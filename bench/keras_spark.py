# SPDX-License-Identifier: Apache-2.0
"""`pomona run` beside the job it replaces: Keras' MobileNetV2 inside PySpark, local[*], then StandardScaler and PCA.

The Spark side is the well-known notebook's pipeline: binaryFile, a pandas UDF per partition that opens photos with Pillow
and predicts in batches, Vectors, StandardScaler, PCA, Parquet. Both sides read the same photos with the same weights and
use as many threads as the machine has. Rounds alternate; the table shows medians and their ratio, and the features of both
sides are compared.

Usage: keras_spark.py POMONA PHOTOS WEIGHTS.h5 [ROUNDS]
"""
import glob
import io
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("PYSPARK_PYTHON", sys.executable)

N_COMPONENTS = 50


def run_spark(photos, weights, output):
    from typing import Iterator

    import numpy as np
    import pandas as pd
    from pyspark.ml.feature import PCA, StandardScaler
    from pyspark.ml.functions import array_to_vector, vector_to_array
    from pyspark.sql import SparkSession
    from pyspark.sql.functions import col, element_at, pandas_udf, split

    spark = (SparkSession.builder.master("local[*]").appName("keras_spark").config("spark.ui.enabled", "false")
             .config("spark.driver.memory", "4g").config("spark.sql.execution.arrow.maxRecordsPerBatch", "64").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    images = (spark.read.format("binaryFile").option("pathGlobFilter", "*.jpg").option("recursiveFileLookup", "true")
              .load(photos).withColumn("label", element_at(split(col("path"), "/"), -2)))

    @pandas_udf("array<float>")
    def featurize(batches: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import keras
        from PIL import Image
        model = keras.applications.MobileNetV2(weights=weights, include_top=False, pooling="avg", input_shape=(224, 224, 3))
        for batch in batches:
            pixels = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.BICUBIC))
                               for data in batch])
            inputs = keras.applications.mobilenet_v2.preprocess_input(pixels.astype("float32"))
            yield pd.Series(list(model.predict_on_batch(inputs)))

    features = images.repartition(spark.sparkContext.defaultParallelism).select("path", "label", featurize("content").alias("features"))
    features.write.mode("overwrite").parquet(output + "/features")
    table = spark.read.parquet(output + "/features").withColumn("vector", array_to_vector("features")).cache()
    scaled = StandardScaler(inputCol="vector", outputCol="scaled", withMean=True, withStd=True).fit(table).transform(table)
    model = PCA(k=N_COMPONENTS, inputCol="scaled", outputCol="pca").fit(scaled)
    model.transform(scaled).select("path", "label", vector_to_array("pca").alias("features_pca")).write.mode("overwrite").parquet(
        output + "/pca")
    spark.stop()


def run_pomona(pomona, photos, network, output):
    subprocess.run([pomona, "run", photos, output, "--network", network, "-k", str(N_COMPONENTS), "--overwrite", "--quiet",
                    "--no-exif-rotate"], check=True)


def largest_difference(ours, theirs):
    import numpy as np
    import pyarrow.parquet as parquet
    tables = [parquet.read_table(folder + "/features") for folder in (ours, theirs)]
    rows = [{path.removeprefix("file:"): values for path, values in zip(t["path"].to_pylist(), t["features"].to_pylist())}
            for t in tables]
    assert rows[0].keys() == rows[1].keys(), "the two sides do not have the same photos"
    return max(float(np.abs(np.subtract(rows[0][path], rows[1][path])).max()) for path in rows[0])


def main():
    pomona, photos, weights = (os.path.abspath(argument) for argument in sys.argv[1:4])
    n_rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 3
    n_photos = len(glob.glob(photos + "/**/*.jpg", recursive=True))
    with tempfile.TemporaryDirectory() as work:
        network = work + "/mobilenetv2.pomona"
        subprocess.run([pomona, "network", "convert", weights, "--out", network], check=True)
        seconds = {"pomona": [], "keras + spark": []}
        for _ in range(n_rounds):
            began = time.monotonic()
            run_pomona(pomona, photos, network, work + "/ours")
            seconds["pomona"].append(time.monotonic() - began)
            began = time.monotonic()
            subprocess.run([sys.executable, __file__, "--spark", photos, weights, work + "/theirs"], check=True)
            seconds["keras + spark"].append(time.monotonic() - began)
        medians = {side: statistics.median(values) for side, values in seconds.items()}
        for side, median in medians.items():
            print(f"{side:14s} {median:8.1f} s  {n_photos / median:8.1f} photos/s  (rounds: {', '.join(f'{s:.1f}' for s in seconds[side])})")
        print(f"ratio          {medians['keras + spark'] / medians['pomona']:8.1f}")
        print(f"largest difference of a feature: {largest_difference(work + '/ours', work + '/theirs'):.1e} over {n_photos} photos")


if sys.argv[1] == "--spark":
    run_spark(*sys.argv[2:5])
else:
    main()
