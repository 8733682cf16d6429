# SPDX-License-Identifier: Apache-2.0
"""pomona.spark beside the program: the same features, failures and PCA, for any partitioning, from content and from paths."""

import os
import sys

import numpy as np

import package
import pomona

if os.system("java -version 2>/dev/null") != 0:
    print("skipped: no Java for Spark")
    sys.exit(77)

from pyspark.ml import Pipeline  # noqa: E402
from pyspark.sql import SparkSession  # noqa: E402

from pomona.spark import PCA, Featurizer, PCAModel  # noqa: E402

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


def stages_make_a_pipeline():
    listed = spark.createDataFrame([(path,) for path in expected], "path string")
    stages = Pipeline(stages=[Featurizer(network="orchard", inputCol="path"), PCA(k=3)])
    rows = stages.fit(listed).transform(listed).collect()
    assert len(rows) == len(expected) and all(len(row["features_pca"]) == 3 for row in rows)


def rows_that_cannot_be_fitted_are_named():
    table = spark.createDataFrame([([1.0, 2.0],), ([1.0, 2.0, 3.0],)], "features array<float>").coalesce(1)
    try:
        PCA(k=1).fit(table)
    except Exception as error:
        assert "vectors of 2 and of 3 numbers" in str(error), error
    else:
        raise AssertionError("no error")


for test in (features_are_those_of_the_program, a_stage_is_saved_and_read_back, a_pca_is_that_of_the_program,
             stages_make_a_pipeline, rows_that_cannot_be_fitted_are_named):
    test()
    print("ok:", test.__name__.replace("_", " "), flush=True)
spark.stop()
