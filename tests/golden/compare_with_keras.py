# SPDX-License-Identifier: Apache-2.0
"""The real networks against Keras' own features, photo by photo, through the program as a user runs it.

MobileNetV2: the published weights, 176 photos, largest difference at most 1e-4.
ResNet50: weights that are a hash of their names (its script writes the same bits that Keras used), 4 photos, largest
difference at most 1e-4 of the largest feature. Converted from a .h5 file in the layout Keras downloads.

Usage: compare_with_keras.py POMONA
"""
import importlib.util
import os
import subprocess
import sys
import tempfile

import numpy as np

try:
    import h5py
except ImportError:
    print("skipped: no h5py in .deps/python")
    sys.exit(77)
import pyarrow.parquet as parquet

shared = os.environ["POMONA_SHARED"]
pomona = sys.argv[1]
if not os.path.exists(f"{shared}/golden/keras_mobilenetv2.npz"):
    print("skipped: no real photos and weights beside the repository")
    sys.exit(77)


def features(work, network, paths):
    """Features of the photos in the order of `paths`, opened as Keras' loader does: without EXIF rotation."""
    with open(f"{work}/list.txt", "w") as file:
        file.write("\n".join(paths) + "\n")
    subprocess.run([pomona, "extract", f"@{work}/list.txt", f"{work}/out", "--overwrite", "--quiet", "--network", network,
                    "--no-exif-rotate"], check=True)
    table = parquet.read_table(f"{work}/out/features")
    by_path = dict(zip(table["path"].to_pylist(), table["features"].to_pylist()))
    return np.array([by_path[path] for path in paths], np.float64)


def convert(work, source, name):
    subprocess.run([pomona, "network", "convert", source, "--out", f"{work}/{name}.pomona"], check=True)
    return f"{work}/{name}.pomona"


def check_mobilenetv2(work):
    golden = np.load(f"{shared}/golden/keras_mobilenetv2.npz")
    network = convert(work, f"{shared}/models/mobilenet_v2_1.0_224_no_top.h5", "mobilenetv2")
    ours = features(work, network, [f"{shared}/data/{path}" for path in golden["paths"]])
    difference = np.abs(ours - golden["features"]).max()
    exact = np.abs(ours - golden["features_f64"]).max()
    print(f"mobilenetv2: {len(ours)} photos, largest difference to Keras {difference:.2e}, to the same in float64 {exact:.2e}")
    assert len(ours) == 176 and difference <= 1e-4 and exact <= 1e-4


def resnet50_layers():
    """(name, {tensor: shape}) in the order of Keras' layer_names; weightless layers are left out."""
    def convolution(name, kernel, n_in, n_out):
        yield name + "_conv", {"kernel": (kernel, kernel, n_in, n_out), "bias": (n_out,)}
        yield name + "_bn", {t: (n_out,) for t in ("gamma", "beta", "moving_mean", "moving_variance")}

    yield from convolution("conv1", 7, 3, 64)
    n_in = 64
    for stage, (width, n_blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=2):
        for block in range(1, n_blocks + 1):
            name = f"conv{stage}_block{block}"
            if block == 1:
                yield from convolution(name + "_0", 1, n_in, 4 * width)
            yield from convolution(name + "_1", 1, n_in, width)
            yield from convolution(name + "_2", 3, width, width)
            yield from convolution(name + "_3", 1, width, 4 * width)
            n_in = 4 * width


def write_resnet50(path, weights):
    with h5py.File(path, "w") as file:
        names = []
        for layer, shapes in resnet50_layers():
            names.append(layer)
            group = file.create_group(layer)
            group.attrs["weight_names"] = [f"{layer}/{tensor}:0".encode() for tensor in shapes]
            for tensor, shape in shapes.items():
                group[f"{layer}/{tensor}:0"] = weights.tensor(layer, tensor, shape)
        file.attrs["layer_names"] = [name.encode() for name in names]


def check_resnet50(work):
    golden = np.load(f"{shared}/golden/keras_resnet50_hash.npz")
    spec = importlib.util.spec_from_file_location("weights", f"{shared}/golden/resnet50_hash_weights.py")
    weights = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(weights)
    write_resnet50(f"{work}/resnet50.h5", weights)
    network = convert(work, f"{work}/resnet50.h5", "resnet50")
    ours = features(work, network, [f"{shared}/data/{path}" for path in golden["paths"]])
    keras = golden["features"].astype(np.float64)
    relative = np.abs(ours - keras).max() / np.abs(keras).max()
    print(f"resnet50: {len(ours)} photos, largest difference to Keras {relative:.2e} of the largest feature")
    assert len(ours) == 4 and relative <= 1e-4


with tempfile.TemporaryDirectory() as work:
    check_mobilenetv2(work)
    check_resnet50(work)
