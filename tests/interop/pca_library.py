# SPDX-License-Identifier: Apache-2.0
"""The library's PCA through its C API, rows to fit, and what counts as equal."""
import ctypes
import os
import sys

import numpy as np

NONE, STD, MEAN_STD = 0, 1, 2
SCALE_NAMES = ("none", "std", "mean-std")
SPARK_COMPATIBLE = 1


class Options(ctypes.Structure):
    _fields_ = [("scale", ctypes.c_int), ("n_components", ctypes.c_int), ("variance", ctypes.c_double),
                ("network_identity", ctypes.c_char_p), ("network_name", ctypes.c_char_p)]


_DOUBLES = ctypes.POINTER(ctypes.c_double)


class Info(ctypes.Structure):
    _fields_ = [("width", ctypes.c_int), ("n_components", ctypes.c_int), ("scale", ctypes.c_int),
                ("n_rows", ctypes.c_int64), ("mean", _DOUBLES), ("sample_std", _DOUBLES), ("scale_std", _DOUBLES),
                ("components", _DOUBLES), ("explained_variance", _DOUBLES), ("ratios", _DOUBLES),
                ("all_ratios", _DOUBLES), ("n_all_ratios", ctypes.c_int), ("network_identity", ctypes.c_char_p),
                ("network_name", ctypes.c_char_p)]


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("reason", ctypes.c_char * 32), ("message", ctypes.c_char * 988)]


LIBRARY = ctypes.CDLL(os.path.abspath(sys.argv[1]))
LIBRARY.pom_pca_info.restype = ctypes.POINTER(Info)


def call(name, *arguments):
    error = Error()
    if getattr(LIBRARY, name)(*arguments, ctypes.byref(error)) != 0:
        raise RuntimeError(f"{name}: {error.message.decode()}")


def floats(rows):
    return rows.ctypes.data_as(ctypes.POINTER(ctypes.c_float))


class Pca:
    """Fits rows; then mean, sample_std, components, explained_variance, ratios are numpy arrays."""

    def __init__(self, rows, scale, k):
        rows = np.ascontiguousarray(rows, np.float32)
        n, width = rows.shape
        moments, self.handle = ctypes.c_void_p(), ctypes.c_void_p()
        call("pom_moments_new", ctypes.byref(moments), width)
        call("pom_moments_add", moments, floats(rows), ctypes.c_size_t(n))
        options = Options(scale=scale, n_components=k)
        call("pom_pca_fit", ctypes.byref(self.handle), moments, ctypes.byref(options))
        LIBRARY.pom_moments_free(moments)
        info = LIBRARY.pom_pca_info(self.handle).contents

        def array(name, *shape):
            return np.ctypeslib.as_array(getattr(info, name), shape).copy()

        self.k = info.n_components
        self.mean, self.sample_std = array("mean", width), array("sample_std", width)
        self.components = array("components", self.k, width)
        self.explained_variance, self.ratios = array("explained_variance", self.k), array("ratios", self.k)

    def apply(self, rows, flags=0):
        """-> projected, scaled"""
        rows = np.ascontiguousarray(rows, np.float32)
        projected = np.empty((len(rows), self.k), np.float32)
        scaled = np.empty(rows.shape, np.float32)
        call("pom_pca_apply", self.handle, floats(rows), ctypes.c_size_t(len(rows)), ctypes.c_uint(flags),
             floats(projected), floats(scaled))
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
