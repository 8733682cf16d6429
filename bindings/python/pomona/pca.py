# SPDX-License-Identifier: Apache-2.0
"""Moments that merge, the scaler, and PCA: pomona/pca.h with numpy arrays."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import threading
import weakref
from typing import Iterator, Optional, Union

import numpy

from pomona import _declarations as c
from pomona import _library as library

SCALES = ("none", "std", "mean-std")
_FLOATS = ctypes.POINTER(ctypes.c_float)
_DOUBLES = ctypes.POINTER(ctypes.c_double)


def _rows(rows: "numpy.typing.ArrayLike", width: int) -> numpy.ndarray:
    rows = numpy.ascontiguousarray(rows, dtype=numpy.float32)
    if rows.ndim == 1:
        rows = rows.reshape(1, -1)
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f"rows of shape {rows.shape}: expected [n, {width}]")
    return rows


class Moments:
    """Count, mean and centred cross-products of rows, in double, in one pass: O(width^2) memory for any number of rows."""

    def __init__(self, width: int):
        self.width = width
        self._handle = ctypes.c_void_p()
        library.call(library.pom_moments_new, ctypes.byref(self._handle), width)
        weakref.finalize(self, library.pom_moments_free, self._handle)

    def add(self, rows: "numpy.typing.ArrayLike") -> "Moments":
        rows = _rows(rows, self.width)
        library.call(library.pom_moments_add, self._handle, rows.ctypes.data_as(_FLOATS), len(rows))
        return self

    def merge(self, other: "Moments") -> "Moments":
        library.call(library.pom_moments_merge, self._handle, other._handle)
        return self

    def __len__(self) -> int:
        return library.pom_moments_count(self._handle)

    def scaler(self) -> "tuple[numpy.ndarray, numpy.ndarray]":
        """Mean and sample standard deviation (n - 1) of each column, for `scale_rows`."""
        mean, sample_std = numpy.empty(self.width), numpy.empty(self.width)
        library.call(library.pom_moments_scaler, self._handle, mean.ctypes.data_as(_DOUBLES),
                     sample_std.ctypes.data_as(_DOUBLES))
        return mean, sample_std

    def to_bytes(self) -> bytes:
        return library.saved(library.pom_moments_save_memory, self._handle)

    @classmethod
    def from_bytes(cls, data: bytes, width: int) -> "Moments":
        moments = cls.__new__(cls)
        moments.width = width
        moments._handle = ctypes.c_void_p()
        library.call(library.pom_moments_open_memory, ctypes.byref(moments._handle), data, len(data))
        weakref.finalize(moments, library.pom_moments_free, moments._handle)
        return moments


def scale_rows(rows: "numpy.typing.ArrayLike", *, mean: Optional[numpy.ndarray] = None,
               sample_std: Optional[numpy.ndarray] = None) -> numpy.ndarray:
    """(rows - mean) / sample_std, float32, as StandardScaler does it: a column whose sample_std is 0 becomes 0."""
    given = [None if values is None else numpy.ascontiguousarray(values, dtype=numpy.float64)
             for values in (mean, sample_std)]
    width = numpy.shape(rows)[-1]
    rows = _rows(rows, width)
    if any(values is not None and values.shape != (width,) for values in given):
        raise ValueError(f"mean and sample_std must have one number for each of the {width} columns")
    scaled = numpy.empty_like(rows)
    library.call(library.pom_scale_rows, *(None if values is None else values.ctypes.data_as(_DOUBLES) for values in given),
                 width, rows.ctypes.data_as(_FLOATS), len(rows), scaled.ctypes.data_as(_FLOATS))
    return scaled


@functools.lru_cache(maxsize=None)
def _openblas_libraries() -> "list[tuple[ctypes._CFuncPtr, ctypes._CFuncPtr]]":
    """What tells and sets the number of threads of each OpenBLAS in this process; empty where numpy has another BLAS."""
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[5].rstrip("\n") for line in maps if "openblas" in line}
    found = []
    for library_file in map(ctypes.CDLL, sorted(paths)):
        for name in ("openblas_{}_num_threads", "openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads",
                     "scipy_openblas_{}_num_threads64_"):
            if hasattr(library_file, name.format("set")):
                found.append((getattr(library_file, name.format("get")), getattr(library_file, name.format("set"))))
                break
    return found


_one_solution_at_a_time = threading.Lock()


@contextlib.contextmanager
def _one_blas_thread() -> "Iterator[None]":
    """As the C library has it when it solves: OpenBLAS adds up in another order for each number of threads. And where cores are
    busy, its threads wait for each other in endless loops: ten times the processor time was seen."""
    with _one_solution_at_a_time:
        before = [(set_threads, get_threads()) for get_threads, set_threads in _openblas_libraries()]
        for set_threads, _ in before:
            set_threads(1)
        try:
            yield
        finally:
            for set_threads, n_threads in before:
                set_threads(n_threads)


def _solve_symmetric(_user, matrix, eigenvalues, n):
    """numpy's eigh is LAPACK's dsyevd, which the C library calls itself where it was built with LAPACK."""
    try:
        with _one_blas_thread():
            values, vectors = numpy.linalg.eigh(numpy.ctypeslib.as_array(matrix, (n, n)))
        numpy.ctypeslib.as_array(eigenvalues, (n,))[:] = values
        numpy.ctypeslib.as_array(matrix, (n, n))[:] = vectors.T
        return 0
    except numpy.linalg.LinAlgError:
        return 1


_numpy_solver = dict(c.pom_pca_options._fields_)["solve_symmetric"](_solve_symmetric)


@functools.lru_cache(maxsize=None)
def solver():
    """For pom_pca_options.solve_symmetric: None where the library fits by itself, with the program's bytes; the wheel's asks numpy."""
    moments, options, handle = Moments(2).add([[0.0, 1.0], [1.0, 3.0]]), library.options(c.pom_pca_options), ctypes.c_void_p()
    try:
        library.call(library.pom_pca_fit, ctypes.byref(handle), moments._handle, ctypes.byref(options))
    except library.Error as error:
        if error.reason != "no_lapack":
            raise
        return _numpy_solver
    library.pom_pca_free(handle)
    return None


class PCA:
    """A fitted scaler and PCA; `PCA.fit`, `PCA.open` and `PCA.from_bytes` make one. Immutable, shared by threads."""

    def __init__(self, handle: ctypes.c_void_p):
        self._handle = handle
        weakref.finalize(self, library.pom_pca_free, handle)
        info = library.pom_pca_info(handle).contents
        self.width, self.n_components, self.n_rows = info.width, info.n_components, info.n_rows
        self.scale = SCALES[info.scale]
        self.network_name, self.network_identity = info.network_name.decode(), info.network_identity.decode()
        copy = lambda pointer, *shape: numpy.ctypeslib.as_array(pointer, shape).copy()  # noqa: E731
        self.mean, self.sample_std = copy(info.mean, self.width), copy(info.sample_std, self.width)
        self.components = copy(info.components, self.n_components, self.width)
        self.explained_variance = copy(info.explained_variance, self.n_components)
        self.ratios = copy(info.ratios, self.n_components)
        self.all_ratios = copy(info.all_ratios, info.n_all_ratios)

    @classmethod
    def fit(cls, moments: Moments, *, k: Optional[int] = None, variance: float = 0.95, scale: str = "mean-std",
            network: "Optional[pomona.Network]" = None, network_name: str = "", network_identity: str = "") -> "PCA":
        """k components, or as many as explain `variance`. `network`: whose features the rows are; recorded in the file."""
        if network is not None:
            network_name, network_identity = network.name, network.identity
        options = library.options(c.pom_pca_options, n_components=k, variance=variance, scale=SCALES.index(scale),
                                  network_name=network_name.encode() or None,
                                  network_identity=network_identity.encode() or None, solve_symmetric=solver())
        handle = ctypes.c_void_p()
        library.call(library.pom_pca_fit, ctypes.byref(handle), moments._handle, ctypes.byref(options))
        return cls(handle)

    @classmethod
    def open(cls, path: "Union[str, os.PathLike[str]]") -> "PCA":
        handle = ctypes.c_void_p()
        library.call(library.pom_pca_open, ctypes.byref(handle), library.text(path))
        return cls(handle)

    @classmethod
    def from_bytes(cls, data: bytes) -> "PCA":
        handle = ctypes.c_void_p()
        library.call(library.pom_pca_open_memory, ctypes.byref(handle), data, len(data))
        return cls(handle)

    def to_bytes(self) -> bytes:
        return library.saved(library.pom_pca_save_memory, self._handle)

    def save(self, path: "Union[str, os.PathLike[str]]") -> None:
        library.call(library.pom_pca_save, self._handle, library.text(path))

    def transform(self, rows: "numpy.typing.ArrayLike", *, spark_compatible: bool = False) -> numpy.ndarray:
        """rows [n, width] -> float32 [n, k]. `spark_compatible`: as pyspark.ml, which does not subtract the mean."""
        rows = _rows(rows, self.width)
        projected = numpy.empty((len(rows), self.n_components), dtype=numpy.float32)
        flags = c.POM_PCA_SPARK_COMPATIBLE if spark_compatible else 0
        library.call(library.pom_pca_apply, self._handle, rows.ctypes.data_as(_FLOATS), len(rows), flags,
                     projected.ctypes.data_as(_FLOATS), None)
        return projected

    def __reduce__(self):
        return PCA.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        return (f"<pomona.PCA {self.width} -> {self.n_components}, {self.ratios.sum():.1%} of the variance, "
                f"scale {self.scale}, {self.n_rows} rows>")
