# SPDX-License-Identifier: Apache-2.0
"""Networks: photos in, feature vectors out."""

from __future__ import annotations

import ctypes
import os
import queue
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Iterable, Iterator, NamedTuple, Optional, Sequence, Union

import numpy

from pomona import _declarations as c
from pomona import _library as library
from pomona.source import Fetch, FetchedBytes

Photo = Union[bytes, bytearray, memoryview, str, "os.PathLike[str]"]

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
FITS = ("stretch", "crop", "pad")
PRECISIONS = ("fp32", "int16", "int8")


class Failure(NamedTuple):
    """Why a photo has no features: what the failures table of `pomona run` says."""

    index: int
    stage: str
    reason: str
    message: str


class PhotoError(library.Error):
    """A photo that has no features; `index` is its place among the photos that were given, `stage` where it failed."""

    def __init__(self, failure: Failure):
        super().__init__("photo", failure.reason, f"photo {failure.index}: {failure.message}")
        self.index, self.stage = failure.index, failure.stage


def network_file(name_or_path: str) -> Optional[str]:
    """The network file that Network(name_or_path) opens; None for the one inside the library. For sending it elsewhere."""
    name = os.fspath(name_or_path)
    if name == "auto":
        name = Network("auto").name
    if name == "orchard":
        return None
    if "/" in name or "." in name:
        return name
    folder = ctypes.create_string_buffer(4096)
    library.call(library.pom_network_folder, folder, len(folder))
    return os.path.join(os.fsdecode(folder.value), name + ".pomona")


def pull_network(name: str) -> str:
    """Downloads "mobilenetv2" or "resnet50" from its publisher, checks it, and installs it for Network(name). The file's path."""
    library.call(library.pom_network_pull, library.text(name), None)
    return network_file(name)


def convert_network(source: "Union[str, os.PathLike[str]]", destination: "Union[str, os.PathLike[str]]") -> None:
    """Makes a network file of weights from Keras (.h5, .weights.h5), PyTorch (safetensors) or ONNX, as `pomona network convert`."""
    library.call(library.pom_network_convert, library.text(source), library.text(destination), None)


def _choice(what: str, value: str, choices: Sequence[str]) -> int:
    if value not in choices:
        raise ValueError(f"{what} {value!r}: use one of {', '.join(choices)}")
    return choices.index(value)


class _Photos:
    """Photos as they were given; when some are on s3://, all that are paths are fetched ahead."""

    def __init__(self, given: "list[Photo]", s3: Optional[dict]):
        self.given = given
        self._fetch, self._places = None, {}
        if any(isinstance(photo, str) and photo.startswith("s3://") for photo in given):
            paths = [index for index, photo in enumerate(given) if isinstance(photo, (str, os.PathLike))]
            self._fetch = Fetch([os.fspath(given[index]) for index in paths], s3=s3)
            self._places = {index: place for place, index in enumerate(paths)}

    def take(self, index: int) -> "Union[Photo, FetchedBytes]":
        place = self._places.get(index)
        return self.given[index] if place is None else self._fetch.take(place)


class Network:
    """A network and what turns photos into its input.

    `name_or_path`: "auto" (mobilenetv2 when it is installed, else orchard), "orchard" (inside the library), "mobilenetv2",
    "resnet50", or a network file. `data`: a network file's bytes instead. Any number of threads may share one Network.
    """

    def __init__(self, name_or_path: str = "auto", *, data: Optional[bytes] = None, precision: str = "fp32",
                 filter: str = "bicubic", fit: str = "stretch", exif_rotate: bool = True,
                 max_pixels: Optional[int] = None, cpu: Optional[str] = None):
        self._handle = ctypes.c_void_p()
        if data is not None:
            library.call(library.pom_network_open_memory, ctypes.byref(self._handle), data, len(data))
        else:
            library.call(library.pom_network_open, ctypes.byref(self._handle), library.text(name_or_path))
        self._cpu = None if cpu is None else cpu.encode()
        self._options = library.options(c.pom_extractor_options, cpu=self._cpu,
                                        precision=_choice("precision", precision, PRECISIONS) or None)
        self._options.resize.filter = _choice("filter", filter, FILTERS)
        self._options.resize.fit = _choice("fit", fit, FITS)
        self._options.decode.ignore_exif_rotation = not exif_rotate
        self._options.decode.max_pixels = max_pixels or 0
        self.precision = precision
        # Extractors that no thread uses now. The finalizer owns their list and the network, in the order of freeing.
        self._idle: "queue.SimpleQueue[ctypes.c_void_p]" = queue.SimpleQueue()
        self._finalizer = weakref.finalize(self, _release, self._idle, self._handle)
        self._prototype = self._new_extractor()
        self._idle.put(self._prototype)
        self._info = library.pom_network_info(self._handle).contents

    @property
    def name(self) -> str:
        return self._info.name.decode()

    @property
    def identity(self) -> str:
        """SHA-256 of the network file: features of two identities are never to be mixed."""
        return self._info.identity.decode()

    @property
    def n_features(self) -> int:
        return self._info.n_features

    @property
    def input_px(self) -> int:
        return self._info.input_px

    def __repr__(self) -> str:
        return f"<pomona.Network {self.name} {self.identity[:8]}: {self.n_features} features, {self.precision}>"

    def features(self, photos: Union[Photo, Iterable[Photo]], *, threads: Optional[int] = None,
                 s3: Optional[dict] = None) -> numpy.ndarray:
        """Features, float32 [n_photos, n_features]; of one photo, [n_features].

        A photo is a path, local or s3://, or an encoded image's bytes. Raises PhotoError at the first photo that has none;
        `extract` goes on. `threads`: None for as many as the process may use; the result does not depend on it. `s3`: how
        s3:// paths are reached, see pomona.s3_options.
        """
        if isinstance(photos, (bytes, bytearray, memoryview, str, os.PathLike)):
            return self.features([photos], threads=1, s3=s3)[0]
        rows, failures = self.extract(photos, threads=threads, s3=s3)
        if failures:
            raise PhotoError(failures[0])
        return rows

    def extract(self, photos: Iterable[Photo], *, threads: Optional[int] = None,
                s3: Optional[dict] = None) -> "tuple[numpy.ndarray, list[Failure]]":
        """Features of all photos, and the failures among them in order. The rows of failed photos are NaN.

        Raises Error when S3 itself fails, so that other photos would fail too."""
        photos = _Photos(list(photos), s3)
        return self._extract_range(photos, 0, len(photos.given), threads)

    def extract_chunks(self, photos: Iterable[Photo], n_rows: int, *, threads: Optional[int] = None,
                       s3: Optional[dict] = None) -> "Iterator[tuple[numpy.ndarray, list[Failure]]]":
        """What `extract` gives, n_rows photos at a time, while those after them are fetched already."""
        photos = _Photos(list(photos), s3)
        for begin in range(0, len(photos.given), n_rows):
            yield self._extract_range(photos, begin, min(begin + n_rows, len(photos.given)), threads)

    def _extract_range(self, photos: "_Photos", begin: int, end: int,
                       threads: Optional[int]) -> "tuple[numpy.ndarray, list[Failure]]":
        rows = numpy.full((end - begin, self.n_features), numpy.nan, dtype=numpy.float32)
        n_threads = min(threads or len(os.sched_getaffinity(0)), end - begin) or 1
        # A thread takes the next photo when it is done with one: large and small ones mix.
        numbered: "queue.SimpleQueue[int]" = queue.SimpleQueue()
        for index in range(begin, end):
            numbered.put(index)

        def work(_: int) -> "list[Failure]":
            return list(self._work(photos, numbered, rows, begin))

        if n_threads == 1:
            return rows, sorted(work(0))
        with ThreadPoolExecutor(n_threads) as pool:
            failures = [failure for part in pool.map(work, range(n_threads)) for failure in part]
        return rows, sorted(failures)

    def _work(self, photos: "_Photos", numbered: "queue.SimpleQueue[int]", rows: numpy.ndarray,
              begin: int) -> Iterator[Failure]:
        extractor = self._take_extractor()
        try:
            while True:
                try:
                    index = numbered.get_nowait()
                except queue.Empty:
                    return
                row, is_read = rows[index - begin], False
                try:
                    photo = photos.take(index)
                    is_read = True
                    self._extract_one(extractor, photo, row)
                except library.Error as error:
                    if error.is_general:
                        raise
                    row[:] = numpy.nan
                    stage = library.pom_extractor_stage(extractor).decode() if is_read else "source"
                    yield Failure(index - begin, stage, error.reason, error.message)
        finally:
            self._idle.put(extractor)

    @staticmethod
    def _extract_one(extractor: ctypes.c_void_p, photo: "Union[Photo, FetchedBytes]", row: numpy.ndarray) -> None:
        output = row.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
        if isinstance(photo, (str, os.PathLike)):
            library.call(library.pom_extract_file, extractor, library.text(photo), output)
        elif isinstance(photo, FetchedBytes):
            library.call(library.pom_extract_memory, extractor, photo.data, photo.size_bytes, output)
        else:
            data = numpy.frombuffer(photo, dtype=numpy.uint8)
            library.call(library.pom_extract_memory, extractor, data.ctypes.data, data.size, output)

    def _new_extractor(self) -> ctypes.c_void_p:
        extractor = ctypes.c_void_p()
        library.call(library.pom_extractor_new, ctypes.byref(extractor), self._handle, ctypes.byref(self._options))
        return extractor

    def _take_extractor(self) -> ctypes.c_void_p:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            extractor = ctypes.c_void_p()
            library.call(library.pom_extractor_clone, ctypes.byref(extractor), self._prototype)
            return extractor


def _release(idle: "queue.SimpleQueue[ctypes.c_void_p]", network: ctypes.c_void_p) -> None:
    while not idle.empty():
        library.pom_extractor_free(idle.get_nowait())
    library.pom_network_free(network)
