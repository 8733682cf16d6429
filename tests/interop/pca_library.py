# SPDX-License-Identifier: Apache-2.0
"""The library's PCA through the Python package, rows to fit, and what counts as equal."""
import ctypes
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.environ["POMONA_SOURCE"], "tests", "python"))
import package  # noqa: E402,F401
import pomona  # noqa: E402
from pomona import _declarations as c, _library as library  # noqa: E402

NONE, STD, MEAN_STD = 0, 1, 2
SCALE_NAMES = ("none", "std", "mean-std")
SPARK_COMPATIBLE = 1


def floats(rows):
    return rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


class Pca:
    """Fits rows; then mean, sample_std, components, explained_variance, ratios are numpy arrays."""

    def __init__(self, rows, scale, k):
        rows = np.ascontiguousarray(rows, np.float32)
        moments = pomona.Moments(rows.shape[1]).add(rows)
        options = library.options(c.pom_pca_options, scale=scale, n_components=k)  # solved by the library's LAPACK
        self.handle = ctypes.c_void_p()
        library.call(library.pom_pca_fit, ctypes.byref(self.handle), moments._handle, ctypes.byref(options))
        fitted = pomona.PCA(self.handle)
        self.k, self.mean, self.sample_std = fitted.n_components, fitted.mean, fitted.sample_std
        self.components, self.explained_variance, self.ratios = fitted.components, fitted.explained_variance, fitted.ratios
        self._fitted = fitted  # owns the handle

    def apply(self, rows, flags=0):
        """-> projected, scaled"""
        rows = np.ascontiguousarray(rows, np.float32)
        projected = np.empty((len(rows), self.k), np.float32)
        scaled = np.empty(rows.shape, np.float32)
        library.call(library.pom_pca_apply, self.handle, floats(rows), len(rows), flags, floats(projected), floats(scaled))
        return projected, scaled


def feature_rows(n, width=1280, seed=1):
    """Rows like a network's features: not negative, half of them zero, many directions that matter and noise in all
    others; two columns are constant."""
    random = np.random.default_rng(seed)
    classes = random.normal(0, 1, (60, width)) * random.gamma(2, 0.6, (60, 1))
    directions = random.normal(0, 1, (200, width)) * (np.arange(1, 201) ** -0.7)[:, None]
    rows = np.empty((n, width), np.float32)
    for first in range(0, n, 4096):  # the whole in double would take too much memory
        last = min(first + 4096, n)
        block = classes[random.integers(0, 60, last - first)] + random.normal(0, 1, (last - first, 200)) @ directions
        block += random.normal(0, 0.3, block.shape)
        rows[first:last] = np.clip(block * 0.5, 0, 6)
    rows[:, 17], rows[:, 600 % width] = 0, 0.25
    return rows


def real_rows():
    """Keras' own MobileNetV2 features of 176 photos; None when they are not there."""
    path = os.path.join(os.environ.get("POMONA_SHARED", "../shared"), "golden", "keras_mobilenetv2.npz")
    return np.load(path)["features"] if os.path.exists(path) else None


def given_tables():
    """The features of tables named after the library on the command line: name, rows."""
    for table in sys.argv[2:]:
        import pyarrow.parquet
        lists = pyarrow.parquet.read_table(table, columns=["features"])["features"].combine_chunks()
        yield table, np.asarray(lists.flatten(), np.float32).reshape(len(lists), -1)


def largest_is_positive(components):
    largest = np.abs(components).argmax(axis=1)
    return components * np.sign(components[np.arange(len(components)), largest])[:, None]


# An error e in a covariance moves an eigenvector by about e / gap, where the gap is the distance of its eigenvalue to the
# others. Double carries e near 1e-14 of the largest eigenvalue; so components can agree to 1e-6 where the gap is above
# 1e-7 of it. Where neighbours are closer, only the space they span together is determined, and that is compared.
CLOSE = 1e-7


def groups(eigenvalues, k):
    """Runs of neighbouring components among the first k whose eigenvalues are too close to tell apart. A run that goes on
    beyond k is left out: k cuts through the space it spans."""
    ends = [i + 1 for i in range(len(eigenvalues) - 1) if eigenvalues[i] - eigenvalues[i + 1] > CLOSE * eigenvalues[0]]
    starts = [0] + ends[:-1]
    return [(first, last) for first, last in zip(starts, ends) if last <= k]


def compare_components(ours, theirs, eigenvalues, tolerance):
    """Both [k][width]; eigenvalues of at least one component more. Returns how many were compared and the largest
    difference of an entry (of a projector for groups)."""
    worst, compared = 0.0, 0
    for first, last in groups(eigenvalues, len(ours)):
        a, b = ours[first:last], theirs[first:last]
        if last - first == 1:
            difference = np.abs(a - b).max()
        else:
            difference = np.abs(a.T @ a - b.T @ b).max()
        assert difference <= tolerance, f"components {first} to {last - 1} differ by {difference:.2e}"
        worst, compared = max(worst, difference), compared + last - first
    return compared, worst


def check(value, tolerance, what):
    assert value <= tolerance, f"{what}: {value:.2e}, allowed are {tolerance:.0e}"
    return value
