# SPDX-License-Identifier: Apache-2.0
"""The Python package beside the program: the same features, the same failures, PCA files that each reads of the other."""

import ctypes
import filecmp
import os
import pickle
import subprocess
import tempfile
import unittest.mock
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow.parquet

import package
import pomona

photos, paths = package.demo_photos(2)
features_table, failures_table = package.extracted(photos, os.path.join(package.folder, "out"), "--network", "orchard")
by_path = dict(zip(features_table["path"].to_pylist(), features_table["features"].to_pylist()))
network = pomona.Network("orchard")


def features_and_failures_are_those_of_the_program():
    for threads in (1, 2, None):
        rows, failures = network.extract(paths, threads=threads)
        expected = np.array([by_path.get(path, [np.nan] * network.n_features) for path in paths], dtype=np.float32)
        assert np.array_equal(rows, expected, equal_nan=True)
        assert [(paths[f.index], f.stage, f.reason) for f in failures] == list(zip(
            *(failures_table[name].to_pylist() for name in ("path", "stage", "reason"))))
        assert len(failures) == 2


def bytes_are_as_good_as_paths():
    good = [path for path in paths if path in by_path][:10]
    contents = [open(path, "rb").read() for path in good]
    rows = network.features(contents)
    assert np.array_equal(rows, network.features(good))
    assert np.array_equal(network.features(memoryview(contents[3])), rows[3])
    assert rows.dtype == np.float32 and rows.shape == (10, 1280)


def a_photo_that_fails_is_named():
    try:
        network.features([paths[0], b"no photo"] if paths[0] in by_path else [paths[1], b"no photo"])
    except pomona.PhotoError as error:
        assert (error.index, error.stage, error.reason) == (1, "decode", "not_an_image")
        assert "not a JPEG, PNG or WebP" in str(error)
    else:
        raise AssertionError("no error")


def errors_are_told():
    for make, reason in ((lambda: pomona.Network("nowhere.pomona"), "not_found"),
                         (lambda: pomona.Network(data=b"no network"), None),
                         (lambda: pomona.Network("orchard", cpu="abacus"), None)):
        try:
            make()
        except pomona.Error as error:
            assert reason in (None, error.reason) and error.message
        else:
            raise AssertionError("no error")
    with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.dict(os.environ, POMONA_NETWORKS=folder):
        try:
            pomona.Network("mobilenetv2")
        except pomona.Error as error:
            assert error.reason == "no_network" and "pomona.pull_network" in error.message, error.message
        else:
            raise AssertionError("no error")
    for options in ({"precision": "fp64"}, {"filter": "sharp"}, {"fit": "squeeze"}):
        try:
            pomona.Network("orchard", **options)
        except ValueError as error:
            assert "use one of" in str(error)
        else:
            raise AssertionError("no error")


def threads_may_share_a_network():
    good = [path for path in paths if path in by_path]
    expected = network.features(good, threads=1)
    with ThreadPoolExecutor(8) as pool:
        for rows in pool.map(lambda _: network.features(good, threads=2), range(16)):
            assert np.array_equal(rows, expected)


def a_pca_agrees_with_numpy_and_with_the_program():
    rows = np.array(features_table["features"].to_pylist(), dtype=np.float32)
    moments = pomona.Moments(network.n_features).add(rows[:9])
    moments.merge(pomona.Moments.from_bytes(pomona.Moments(network.n_features).add(rows[9:]).to_bytes(), 1280))
    assert len(moments) == len(rows)
    pca = pomona.PCA.fit(moments, k=5, scale="none", network=network)
    x = rows.astype(np.float64)
    eigenvalues, vectors = np.linalg.eigh(np.cov(x, rowvar=False))
    assert np.allclose(pca.explained_variance, eigenvalues[::-1][:5], rtol=1e-9)
    assert np.allclose(np.abs(pca.components @ vectors[:, ::-1][:, :5]), np.eye(5), atol=1e-6)
    projected = pca.transform(rows)
    assert np.allclose(projected, (x - x.mean(axis=0)) @ pca.components.T, atol=1e-4)
    assert np.array_equal(pickle.loads(pickle.dumps(pca)).transform(rows), projected)

    file = os.path.join(package.folder, "pca.safetensors")
    pca.save(file)
    output = os.path.join(package.folder, "transformed")
    subprocess.run([package.PROGRAM, "transform", os.path.join(package.folder, "out"), output, "--pca", file, "--quiet"],
                   check=True)
    table = pyarrow.parquet.read_table(os.path.join(output, "pca"))
    assert np.array_equal(np.array(table["features_pca"].to_pylist(), dtype=np.float32), projected)
    assert pomona.PCA.open(file).network_identity == network.identity


def numpy_solves_in_one_thread():
    """For the same bits on any number of cores; what the caller had set comes back."""
    from pomona import pca as inside
    libraries = inside._openblas_libraries()
    assert libraries, "numpy's wheels have OpenBLAS in them"
    for _, set_threads in libraries:
        set_threads(2)
    during = []
    with inside._one_blas_thread():
        during = [get_threads() for get_threads, _ in libraries]
    assert during == [1] * len(libraries) and [get_threads() for get_threads, _ in libraries] == [2] * len(libraries)
    matrix = np.cov(np.random.default_rng(1).standard_normal((300, 50)), rowvar=False)
    solved, eigenvalues = matrix.copy(), np.empty(50)
    doubles = ctypes.POINTER(ctypes.c_double)
    assert inside._numpy_solver(None, solved.ctypes.data_as(doubles), eigenvalues.ctypes.data_as(doubles), 50) == 0
    assert np.allclose(solved.T @ np.diag(eigenvalues) @ solved, matrix) and (np.diff(eigenvalues) > 0).all()


def networks_are_brought_without_the_program():
    try:
        pomona.pull_network("orchid")
    except pomona.Error as error:
        assert error.reason == "unknown_network" and "orchid" in error.message, (error.reason, error.message)
    else:
        raise AssertionError("no error")
    with tempfile.TemporaryDirectory() as folder:
        not_a_network = os.path.join(folder, "text.pomona")
        with open(not_a_network, "wb") as file: # as Keras' weights begin
            file.write(b"\x89HDF\r\n\x1a\n" + bytes(100))
        try:
            pomona.Network(not_a_network)
        except pomona.Error as error:
            assert "`pomona network convert` (here pomona.convert_network)" in error.message, error.message
        else:
            raise AssertionError("no error")
    weights = os.path.join(os.environ.get("POMONA_SHARED", ""), "models", "mobilenet_v2_1.0_224_no_top.h5")
    if not os.path.exists(weights):
        print("  (not tried: converting, for there are no weights)")
        return
    mine, theirs = (os.path.join(package.folder, name + ".pomona") for name in ("mine", "theirs"))
    pomona.convert_network(weights, mine)
    subprocess.run([package.PROGRAM, "network", "convert", weights, "--out", theirs, "--quiet"], check=True)
    assert filecmp.cmp(mine, theirs, shallow=False) and pomona.Network(mine).name == "mobilenetv2"


if __name__ == "__main__":
    for test in (features_and_failures_are_those_of_the_program, bytes_are_as_good_as_paths, a_photo_that_fails_is_named,
                 errors_are_told, threads_may_share_a_network, a_pca_agrees_with_numpy_and_with_the_program,
                 numpy_solves_in_one_thread, networks_are_brought_without_the_program):
        test()
        print("ok:", test.__name__.replace("_", " "))
