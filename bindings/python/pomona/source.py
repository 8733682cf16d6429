# SPDX-License-Identifier: Apache-2.0
"""Where photos come from: listing a folder, a list file or s3://, and fetching ahead of whoever waits."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import NamedTuple, Optional, Sequence

from pomona import _declarations as c
from pomona import _library as library


class ListedPhoto(NamedTuple):
    path: str
    label: str
    size_bytes: int


def s3_options(values: Optional[dict] = None) -> c.pom_s3_options:
    """The fields of pomona/s3.h by name: endpoint_url, region, profile, no_sign_request, request_payer, require_region..."""
    options = c.pom_s3_options()
    for name, value in (values or {}).items():
        if name not in dict(c.pom_s3_options._fields_):
            raise TypeError(f"s3 has no option {name}: it has {', '.join(dict(c.pom_s3_options._fields_))}")
        if value is not None:
            setattr(options, name, value.encode() if isinstance(value, str) else int(value))
    return options


def list_photos(source: "str | os.PathLike[str]", *, glob: Optional[str] = None, label_from: Optional[str] = None,
                s3: Optional[dict] = None) -> "list[ListedPhoto]":
    """The photos of a folder, of "@FILE" (a list of paths) or of one file, local or on s3://, sorted by the bytes of their paths.

    What a run of this source is planned on. `glob`, `label_from`: as the options of `pomona run`. `s3`: see s3_options.
    """
    options = c.pom_source_options()
    library.pom_source_options_init(ctypes.byref(options))
    options.source = library.text(source)
    options.glob = None if glob is None else glob.encode()
    options.label_from = None if label_from is None else label_from.encode()
    options.s3 = s3_options(s3)
    listing = ctypes.c_void_p()
    library.call(library.pom_listing_new, ctypes.byref(listing), ctypes.byref(options))
    try:
        photos = library.pom_listing_photos(listing)
        return [ListedPhoto(os.fsdecode(photo.path), os.fsdecode(photo.label), photo.size_bytes)
                for photo in photos[:library.pom_listing_count(listing)]]
    finally:
        library.pom_listing_free(listing)


class Fetch:
    """Files on their way: those on s3:// are requested ahead of whoever takes them. Shared by threads."""

    def __init__(self, paths: Sequence[str], sizes_bytes: Optional[Sequence[int]] = None, *, max_file_bytes: int = 0,
                 s3: Optional[dict] = None):
        self._paths = [library.text(path) for path in paths]
        sizes = [-1] * len(self._paths) if sizes_bytes is None else sizes_bytes
        self._photos = (c.pom_photo * len(self._paths))(*((path, b"", size) for path, size in zip(self._paths, sizes)))
        self._s3 = s3_options(s3)
        self._handle = ctypes.c_void_p()
        library.call(library.pom_fetch_new, ctypes.byref(self._handle), self._photos, len(self._paths), max_file_bytes,
                     ctypes.byref(self._s3))
        # The texts must outlive the handle: the finalizer keeps them.
        weakref.finalize(self, _release, self._handle, self._photos, self._s3, self._paths)

    def take(self, index: int) -> "FetchedBytes":
        """File `index`, each once and in about ascending order."""
        data, size_bytes, err = ctypes.c_void_p(), ctypes.c_size_t(), c.pom_error()
        if library.pom_fetch_take(self._handle, index, ctypes.byref(data), ctypes.byref(size_bytes), ctypes.byref(err)) != 0:
            error = library.error_of(err)
            error.is_general = library.pom_failure_is_general(self._paths[index], ctypes.byref(err)) != 0
            raise error
        return FetchedBytes(data, size_bytes.value)


class FetchedBytes:
    """Bytes in the library's memory."""

    def __init__(self, data: ctypes.c_void_p, size_bytes: int):
        self.data, self.size_bytes = data, size_bytes
        weakref.finalize(self, library.free, data)

    def __bytes__(self) -> bytes:
        return ctypes.string_at(self.data, self.size_bytes)


def read(path: str, *, s3: Optional[dict] = None) -> bytes:
    """The bytes of one file, local or on s3://."""
    return bytes(Fetch([path], max_file_bytes=1 << 30, s3=s3).take(0))


def _release(handle, *kept):
    library.pom_fetch_free(handle)
