# SPDX-License-Identifier: Apache-2.0
"""pomona.spark beside the program: the same features, failures and PCA, for any partitioning, from content and from paths."""

import os
import shutil
import subprocess
import sys

import numpy as np

import package
import pomona

if os.system("java -version 2>/dev/null") != 0:
    print("skipped: no Java for Spark")
    sys.exit(77)

from pyspark.ml import Pipeline, PipelineModel  # noqa: E402
from pyspark.ml import feature as pyspark_feature  # noqa: E402
from pyspark.ml.functions import array_to_vector  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

from pomona.spark import PCA, Featurizer, PCAModel, StandardScaler, StandardScalerModel, read_photos  # noqa: E402

photos, paths = package.demo_photos(2)
features_table, failures_table = package.extracted(photos, os.path.join(package.folder, "out"), "--network", "orchard")
expected = dict(zip(features_table["path"].to_pylist(), features_table["features"].to_pylist()))
reasons = dict(zip(failures_table["path"].to_pylist(), zip(failures_table["stage"].to_pylist(),
                                                           failures_table["reason"].to_pylist())))
spark = (SparkSession.builder.master("local[2]").config("spark.ui.enabled", False)
         .config("spark.sql.shuffle.partitions", 4).config("spark.driver.bindAddress", "127.0.0.1")
         .config("spark.driver.host", "127.0.0.1").getOrCreate())
spark.sparkContext.setLogLevel("ERROR")


def check_features(rows):
    good = {row["path"].removeprefix("file:"): row["features"] for row in rows if row["failure"] is None}
    bad = {row["path"].removeprefix("file:"): (row["failure"]["stage"], row["failure"]["reason"])
           for row in rows if row["failure"] is not None}
    assert all(row["features"] is None for row in rows if row["failure"] is not None)
    assert bad == reasons and len(bad) == 2
    assert good.keys() == expected.keys()
    assert all(np.array_equal(np.float32(good[path]), np.float32(expected[path])) for path in good)


def features_are_those_of_the_program():
    read = spark.read.format("binaryFile").option("recursiveFileLookup", True).load(photos).select("path", "content")
    for partitions in (1, 5):
        check_features(Featurizer(network="orchard").transform(read.repartition(partitions)).collect())
    listed = spark.createDataFrame([(path,) for path in paths], "path string").repartition(3)
    check_features(Featurizer(network="orchard", inputCol="path").transform(listed).collect())


def a_stage_is_saved_and_read_back():
    folder = os.path.join(package.folder, "stage")
    Featurizer(network="orchard", inputCol="path", outputCol="vector").save(folder)
    again = Featurizer.load(folder)
    assert (again.getInputCol(), again.getOutputCol(), again.getOrDefault(again.network)) == ("path", "vector", "orchard")


def a_pca_is_that_of_the_program():
    rows = [(path, vector) for path, vector in expected.items()]
    table = spark.createDataFrame(rows, "path string, features array<float>").repartition(3)
    model = PCA(k=4, network="orchard").fit(table)
    local = pomona.PCA.fit(pomona.Moments(1280).add(np.float32([vector for _, vector in rows])), k=4)
    assert np.allclose(model.pca.explained_variance, local.explained_variance, rtol=1e-9)
    assert np.allclose(model.pca.components, local.components, atol=1e-6)
    file = os.path.join(package.folder, "spark.safetensors")
    model.save_pca(file)
    projected = {row["path"]: row["features_pca"] for row in PCAModel.open_pca(file).transform(table).collect()}
    for (path, _), row in zip(rows, model.pca.transform(np.float32([vector for _, vector in rows]))):
        assert np.array_equal(np.float32(projected[path]), row)


def moments_are_gathered_in_one_pass():
    """Whether partitions are few or many, cached or not, behind a shuffle or not: what makes the rows runs once for each."""
    from pomona.spark import moments

    vectors = np.float32(list(expected.values()))
    local = pomona.Moments(vectors.shape[1]).add(vectors).scaler()
    made = spark.sparkContext.accumulator(0)

    def counted(batches):
        for batch in batches:
            made.add(batch.num_rows)
            yield batch

    rows = spark.createDataFrame([(row.tolist(),) for row in vectors], "features array<float>")
    for few, many in ((3, 40), (40, 3)):
        for is_cached in (False, True):
            table = rows.repartition(few).mapInArrow(counted, rows.schema).repartition(many)
            table = table.cache() if is_cached else table
            before = made.value
            gathered = moments.of_column(table, "features")
            assert len(gathered) == len(vectors) == made.value - before, (few, many, is_cached, made.value - before)
            assert all(np.allclose(mine, theirs, rtol=1e-12) for mine, theirs in zip(gathered.scaler(), local))
            table.unpersist(True)


def scaler_and_pca_are_those_of_pyspark_and_of_the_program():
    rows = [(path, vector) for path, vector in expected.items()]
    table = spark.createDataFrame(rows, "path string, features array<float>").repartition(3)
    table = table.withColumn("vector", array_to_vector("features")).cache()
    output = os.path.join(package.folder, "transformed")
    assert subprocess.run([package.PROGRAM, "run", photos, output, "--network", "orchard", "-k", "4", "--with-scaled",
                           "--no-report", "--quiet"]).returncode == 1
    import pyarrow.parquet
    told = pyarrow.parquet.read_table(os.path.join(output, "pca"), columns=["path", "features_scaled", "features_pca"])
    scaled_by_program = dict(zip(told["path"].to_pylist(), told["features_scaled"].to_pylist()))
    for with_mean, with_std in ((True, True), (False, True)):
        theirs = pyspark_feature.StandardScaler(inputCol="vector", outputCol="theirs", withMean=with_mean, withStd=with_std).fit(table)
        ours = StandardScaler(inputCol="features", outputCol="ours", withMean=with_mean, withStd=with_std).fit(table)
        assert np.allclose(ours.std, theirs.std.toArray(), rtol=1e-9) and np.allclose(ours.mean, theirs.mean.toArray(), rtol=1e-9)
        for row in theirs.transform(ours.transform(table)).collect():
            assert np.allclose(row["ours"], row["theirs"].toArray(), rtol=1e-6, atol=1e-6)
            if with_mean and with_std:
                assert np.array_equal(np.float32(row["ours"]), np.float32(scaled_by_program[row["path"]]))
    # In a pipeline, from vectors to vectors, as pyspark.ml's own stages are used.
    ours = Pipeline(stages=[StandardScaler(inputCol="vector", outputCol="scaled", withMean=True, outputType="vector"),
                            PCA(k=4, scale="none", inputCol="scaled", outputCol="ours", outputType="vector")]).fit(table)
    theirs = Pipeline(stages=[
        pyspark_feature.StandardScaler(inputCol="vector", outputCol="theirs_scaled", withMean=True, withStd=True),
        pyspark_feature.PCA(k=4, inputCol="theirs_scaled", outputCol="theirs")]).fit(table)
    folder = os.path.join(package.folder, "pipeline")
    ours.save(folder)
    again = PipelineModel.load(folder)
    assert isinstance(again.stages[0], StandardScalerModel) and isinstance(again.stages[1], PCAModel)
    assert again.stages[0].getWithMean() and np.array_equal(again.stages[0].std, ours.stages[0].std)
    assert again.stages[1].uid == ours.stages[1].uid and again.stages[1].getOutputType() == "vector"
    # The scaled rows between the two are 32-bit floats here.
    assert np.allclose(ours.stages[1].pca.ratios, theirs.stages[1].explainedVariance.toArray(), rtol=1e-6)
    signs = np.sign((ours.stages[1].pca.components.T * theirs.stages[1].pc.toArray()).sum(axis=0))
    for row in theirs.transform(again.transform(table)).collect():
        assert np.allclose(row["ours"].toArray(), row["theirs"].toArray() * signs, atol=2e-4)
    fitted = PCA(k=4, scale="mean-std", inputCol="vector").fit(table)
    assert np.allclose(fitted.pca.ratios, theirs.stages[1].explainedVariance.toArray(), rtol=1e-9)
    program = pomona.PCA.open(os.path.join(output, "pca.safetensors"))
    assert np.allclose(fitted.pca.explained_variance, program.explained_variance, rtol=1e-9)
    assert np.allclose(fitted.pca.components, program.components, atol=1e-6)


def stages_make_a_pipeline():
    listed = spark.createDataFrame([(path,) for path in expected], "path string")
    stages = Pipeline(stages=[Featurizer(network="orchard", inputCol="path"), PCA(k=3)])
    rows = stages.fit(listed).transform(listed).collect()
    assert len(rows) == len(expected) and all(len(row["features_pca"]) == 3 for row in rows)


def listed_photos_are_those_of_the_program():
    listed = read_photos(spark, photos, partitions=4)
    assert listed.rdd.getNumPartitions() == 4
    sizes = [len(part) for part in listed.rdd.glom().collect()]
    assert sum(sizes) == len(paths) and max(sizes) - min(sizes) <= 4, sizes
    rows = listed.collect()
    assert sorted(row["path"] for row in rows) == paths
    assert all(row["label"] == os.path.basename(os.path.dirname(row["path"])) and
               row["size_bytes"] == os.path.getsize(row["path"]) for row in rows)
    check_features(Featurizer(network="orchard", inputCol="path").transform(listed).collect())
    assert read_photos(spark, photos, glob="*.nothing *.JPG").count() > 0


@package.with_s3
def photos_are_fetched_from_s3_by_the_executors(server):
    shutil.copytree(photos, os.path.join(server.bucket, "photos"))
    s3 = {"endpoint_url": server.url, "region": "eu-central-1"}
    listed = read_photos(spark, "s3://bucket/photos", s3=s3)
    rows = Featurizer(network="orchard", inputCol="path", s3=s3).transform(listed).collect()
    local = [{**row.asDict(), "path": row["path"].replace("s3://bucket/photos", photos)} for row in rows]
    check_features(local)
    gone = spark.createDataFrame([("s3://bucket/photos/gone.jpg",), (listed.first()["path"],)], "path string")
    failure = Featurizer(network="orchard", inputCol="path", s3=s3).transform(gone).first()["failure"]
    assert (failure["stage"], failure["reason"]) == ("source", "not_found"), failure


def an_older_spark_is_told():
    script = "import pyspark; pyspark.__version__ = '3.2.4'; import pomona.spark"
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.returncode == 1 and "pomona.spark needs Spark 3.3 or later for mapInArrow; this is 3.2.4" in told.stderr


def rows_that_cannot_be_fitted_are_named():
    table = spark.createDataFrame([([1.0, 2.0],), ([1.0, 2.0, 3.0],)], "features array<float>").coalesce(1)
    try:
        PCA(k=1).fit(table)
    except Exception as error:
        assert "vectors of 2 and of 3 numbers" in str(error), error
    else:
        raise AssertionError("no error")


for test in (features_are_those_of_the_program, a_stage_is_saved_and_read_back, a_pca_is_that_of_the_program,
             moments_are_gathered_in_one_pass,
             scaler_and_pca_are_those_of_pyspark_and_of_the_program, stages_make_a_pipeline,
             listed_photos_are_those_of_the_program, photos_are_fetched_from_s3_by_the_executors, an_older_spark_is_told,
             rows_that_cannot_be_fitted_are_named):
    test()
    print("ok:", test.__name__.replace("_", " "), flush=True)
spark.stop()
