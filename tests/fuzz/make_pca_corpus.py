#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes corpus/pca_file and corpus/moments, with the standard library alone: a second implementation of both formats.

    python3 tests/fuzz/make_pca_corpus.py
"""
import json
import pathlib
import struct

CORPUS = pathlib.Path(__file__).parent / "corpus"
CODES = {"F64": "d", "F32": "f", "I64": "q"}


def safetensors(metadata, tensors):
    """tensors: name -> (dtype, shape, numbers)"""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        dtype, shape, numbers = tensors[name]
        packed = struct.pack(f"<{len(numbers)}{CODES[dtype]}", *numbers)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def pca(mode="mean-std", version="1", **changes):
    std = [3, 2, 0]
    tensors = {
        "n_rows": ("I64", [1], [10]),
        "mean": ("F64", [3], [1, 2, 3]),
        "sample_std": ("F64", [3], std),
        "scale": ("F64", [3], [1, 1, 1] if mode == "none" else [3, 2, 1]),
        "components": ("F64", [2, 3], [0.6, 0.8, 0, 0.8, -0.6, 0]),
        "explained_variance": ("F64", [2], [1.5, 0.5]),
        "ratios": ("F64", [2], [0.75, 0.25]),
        "all_ratios": ("F64", [3], [0.75, 0.25, 0]),
    }
    tensors.update(changes)
    metadata = {"format": "pomona-pca/" + version, "scale": mode, "network_name": "orchard", "network_identity": "ab12"}
    return safetensors(metadata, {name: value for name, value in tensors.items() if value is not None})


def moments(pending=((5, 6),), **changes):
    tensors = {
        "n_rows": ("I64", [1], [256]),
        "mean": ("F64", [2], [1, 2]),
        "cross_products": ("F64", [3], [40, 30, 40]),
        "pending": ("F32", [len(pending), 2], [number for row in pending for number in row]),
    }
    tensors.update(changes)
    return safetensors({"format": "pomona-moments/1"}, tensors)


FILES = {
    "pca_file/mean_std": pca(),
    "pca_file/std": pca("std"),
    "pca_file/none": pca("none"),
    "pca_file/later_version": pca(version="2"),
    "pca_file/unknown_scale": pca("robust"),
    "pca_file/missing_mean": pca(mean=None),
    "pca_file/one_too_many": pca(extra=("F64", [1], [0])),
    "pca_file/nan": pca(mean=("F64", [3], [1, float("nan"), 3])),
    "pca_file/huge_scale": pca(sample_std=("F64", [3], [1e-308, 1e308, 0]), scale=("F64", [3], [1e-308, 1e308, 1])),
    "pca_file/components_turned": pca(components=("F64", [3, 2], [0.6, 0.8, 0, 0.8, -0.6, 0])),
    "pca_file/wide_without_data": pca(components=("F64", [2, 0], [])),
    "moments/pending": moments(),
    "moments/whole_blocks": moments(pending=()),
    "moments/only_pending": moments(n_rows=("I64", [1], [0]), mean=("F64", [2], [0, 0]),
                                    cross_products=("F64", [3], [0, 0, 0]), pending=((1, 2), (4, 3))),
    "moments/not_possible": moments(cross_products=("F64", [3], [40, 41, 40])),
    "moments/negative_rows": moments(n_rows=("I64", [1], [-5])),
    "moments/largest": moments(mean=("F64", [2], [3.4e38, -3.4e38]), cross_products=("F64", [3], [1e78, -1e78, 1e78])),
    "moments/infinite_row": moments(pending=((1, float("inf")),)),
}

for name, content in FILES.items():
    path = CORPUS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
print(f"{len(FILES)} files")
