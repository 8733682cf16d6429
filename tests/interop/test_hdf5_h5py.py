#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The HDF5 reader beside h5py: test_hdf5_h5py.py HDF5_TOOL SHARED_FOLDER

Files in every form that h5py can give them (oldest and newest, with and without order of creation), small and with
thousands of links, must show the same objects, texts and numbers; and so must the real Keras files of ../shared.
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

tool, shared = sys.argv[1], Path(sys.argv[2])
ATTRIBUTES = ["layer_names", "weight_names", "name", "keras_version", "a0", "a7", "a29"]
rng = np.random.default_rng(7)


def text(value):
    return value.decode() if isinstance(value, bytes) else str(value)


def expected(file):
    """The lines of hdf5_tool, by path."""
    lines = {}

    def visit(path, item):
        attributes = {}
        for name in ATTRIBUTES:
            if name in item.attrs:
                value = item.attrs[name]
                attributes[name] = [] if getattr(value, "size", 1) == 0 else [text(v) for v in np.atleast_1d(value)]
        data = None
        if isinstance(item, h5py.Dataset):
            if item.dtype.kind != "f" or item.dtype.byteorder == ">" or item.chunks or item.external:
                data = "unsupported"
            elif item.size == 0:
                data = "corrupt"
            else:
                data = [list(item.shape), [float(v) for v in item[()].astype(np.float32).ravel()]]
        lines[path] = [path, attributes, data]
        if isinstance(item, h5py.Group):
            for name in item:
                if isinstance(item.get(name, getlink=True), h5py.HardLink):
                    visit(path.rstrip("/") + "/" + name, item[name])

    visit("/", file["/"])
    return lines


def compare(what, path):
    output = subprocess.run([tool, path, *ATTRIBUTES], capture_output=True, text=True, check=True).stdout
    got = [json.loads(line) for line in output.splitlines()]
    odd = [line for line in got if isinstance(line, str)]
    assert not odd, f"{what}: {odd[:3]}"
    got = {line[0]: line for line in got}
    with h5py.File(path, "r") as file:
        want = expected(file)
    assert got.keys() == want.keys(), f"{what}: {sorted(got.keys() ^ want.keys())[:5]}"
    for path in want:
        a, b = got[path], want[path]
        same = a[1] == b[1] and (a[2] == b[2] or (isinstance(a[2], list) and a[2][0] == b[2][0] and
                                                  np.array_equal(np.float32(a[2][1]), np.float32(b[2][1]))))
        assert same, f"{what}: {path}: {str(a)[:300]} instead of {str(b)[:300]}"
    print(f"{what}: {len(want)} objects")


def fill(file, n_links, track_order):
    names = [f"layer_{i}" for i in range(n_links)]
    file.attrs["layer_names"] = [name.encode() for name in names[:1500]] if n_links > 9 else np.array([], "f8")
    file.attrs["keras_version"] = "3.5.0"
    for i, name in enumerate(names):
        group = file.create_group(name, track_order=track_order)
        group.attrs["weight_names"] = [f"{name}/kernel", "später", ""] if i % 2 else []
        if i % 50 == 0:
            group["kernel"] = rng.standard_normal((1, 2, 3, 4)[: i % 4 + 1]).astype("<f4")
    odd = file.create_group("odd", track_order=track_order)
    odd["half"] = rng.standard_normal(5).astype("<f2")
    odd["double"] = rng.standard_normal((2, 3)).astype("<f8")
    odd["scalar"] = np.float32(0.25)
    odd["integers"] = np.arange(3)
    odd["big endian"] = np.arange(3, dtype=">f4")
    odd["empty"] = np.zeros(0, "<f4")
    odd.create_dataset("chunks", data=np.ones(100, "<f4"), chunks=(10,), compression="gzip")
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(odd.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6,)), compact).write(
        h5py.h5s.ALL, h5py.h5s.ALL, np.arange(6, dtype="<f4"))
    odd["hard"] = odd["double"]
    odd["soft"] = h5py.SoftLink("/odd/double")
    odd["external"] = h5py.ExternalLink("/etc/hostname", "/")
    many = file.create_group("many attributes", track_order=track_order)
    for i in range(30):
        many.attrs[f"a{i}"] = [f"value {i}", "x" * i] if i % 3 else np.bytes_(f"fixed {i}")


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "file.h5"
    for versions in ("earliest", "v108", "v110", "latest"):
        for track_order in (False, True):
            for n_links in (0, 7, 60, 2000):
                with h5py.File(path, "w", libver=versions, track_order=track_order) as file:
                    fill(file, n_links, track_order)
                compare(f"{versions}, {'order kept' if track_order else 'no order'}, {n_links} links", path)
for path in sorted((shared / "models").glob("*.h5")):
    compare(path.name, path)
