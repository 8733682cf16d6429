# SPDX-License-Identifier: Apache-2.0
"""What spark.py gives to spark-submit: spark_jobs.py JOB ARGUMENT..., where JOB is one of the functions at the end.

`reference` is the well-known notebook's pipeline in its fair variant: binaryFile, a pandas UDF that opens photos with Pillow and
predicts a batch at a time by `predict_on_batch`, weights broadcast, StandardScaler, PCA, Parquet.
"""
import io
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PCA_COMPONENTS = 100
PHOTOS_PER_BATCH = 64
VECTORS_PER_BATCH = 500


def session(rows_per_batch):
    from pyspark.sql import SparkSession
    spark = SparkSession.builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", rows_per_batch)
    return spark


def keras_network(weights):
    import keras
    return keras.applications.MobileNetV2(weights=weights, include_top=False, pooling="avg", input_shape=(224, 224, 3))


def scaled_and_projected(table, k):
    """pyspark.ml's StandardScaler and PCA, fitted and applied, as arrays."""
    from pyspark.ml.feature import PCA, StandardScaler
    from pyspark.ml.functions import array_to_vector, vector_to_array
    table = table.withColumn("vector", array_to_vector("features")).cache()
    scaled = StandardScaler(inputCol="vector", outputCol="scaled", withMean=True, withStd=True).fit(table).transform(table)
    projected = PCA(k=k, inputCol="scaled", outputCol="projected").fit(scaled).transform(scaled)
    return projected.select("path", "label", vector_to_array("projected").alias("features_pca")), table


def reference(photos, weights, output, k):
    """Also writes batches.txt: when each batch was ready, and of how many photos it was."""
    from typing import Iterator

    import numpy as np
    import pandas as pd
    from pyspark import AccumulatorParam
    from pyspark.sql.functions import col, element_at, pandas_udf, split

    class Lists(AccumulatorParam):
        def zero(self, value):
            return []

        def addInPlace(self, value, others):
            return value + others

    spark = session(PHOTOS_PER_BATCH)
    broadcast = spark.sparkContext.broadcast(keras_network(weights).get_weights())
    batches = spark.sparkContext.accumulator([], Lists())
    images = (spark.read.format("binaryFile").option("pathGlobFilter", "*.jpg").option("recursiveFileLookup", "true")
              .load(photos).withColumn("label", element_at(split(col("path"), "/"), -2)))

    @pandas_udf("array<float>")
    def featurize(columns: Iterator[pd.Series]) -> Iterator[pd.Series]:
        import keras
        from PIL import Image
        network = keras_network(None)
        network.set_weights(broadcast.value)
        for column in columns:
            pixels = np.stack([np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((224, 224), Image.BICUBIC))
                               for data in column])
            inputs = keras.applications.mobilenet_v2.preprocess_input(pixels.astype("float32"))
            features = network.predict_on_batch(inputs)
            batches.add([(time.time(), len(column))])
            yield pd.Series(list(features))

    rows = images.repartition(spark.sparkContext.defaultParallelism).select("path", "label", featurize("content").alias("features"))
    rows.write.mode("overwrite").parquet(output + "/features")
    with open(output + "/batches.txt", "w") as file:
        file.writelines(f"{at} {n_photos}\n" for at, n_photos in sorted(batches.value))
    projected, _ = scaled_and_projected(spark.read.parquet(output + "/features"), int(k))
    projected.write.mode("overwrite").parquet(output + "/pca")


def pca(side, table_folder, output):
    """The same job three times in one session: the first is cold."""
    spark = session(VECTORS_PER_BATCH)
    for _ in range(3):
        began = time.monotonic()
        table = spark.read.parquet(table_folder)
        if side == "pyspark.ml":
            projected, cached = scaled_and_projected(table, PCA_COMPONENTS)
            projected.write.mode("overwrite").parquet(output)
        else:
            from pomona.spark import PCA
            cached = table.cache()
            projected = PCA(k=PCA_COMPONENTS).fit(cached).transform(cached).select("path", "label", "features_pca")
            projected.write.mode("overwrite").parquet(output)
        print(f"seconds {time.monotonic() - began}", flush=True)
        cached.unpersist(True)


def read(side, photos, output):
    """Features of Pomona's built-in network, which is small: what is left is mostly how photos come in."""
    from pomona.spark import Featurizer, read_photos
    spark = session(PHOTOS_PER_BATCH)
    for _ in range(3):
        began = time.monotonic()
        if side == "read_photos":
            rows = Featurizer(network="orchard", inputCol="path").transform(read_photos(spark, photos))
        else:
            files = spark.read.format("binaryFile").option("pathGlobFilter", "*.jpg").option("recursiveFileLookup", "true").load(photos)
            rows = Featurizer(network="orchard").transform(files.select("path", "content"))
        rows.select("path", "features").write.mode("overwrite").parquet(output)
        print(f"seconds {time.monotonic() - began}", flush=True)


if __name__ == "__main__":
    {"reference": reference, "pca": pca, "read": read}[sys.argv[1]](*sys.argv[2:])
