#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes what a known network makes of the built-in test image, in float64 numpy:

    verify_features.py MOBILENETV2_NO_TOP.h5       > src/networks/verify_mobilenetv2.h
    verify_features.py src/networks/orchard.safetensors > src/networks/verify_orchard.h    (whenever orchard changes)

It shares nothing with the product: it reads Keras' published file itself and computes the network as the paper and
Keras' code describe it, batch normalisation unfolded; and it reads the embedded network's file and computes its layers
one by one. The versions that made a committed file are in its first lines.
"""
import json
import struct
import sys

import numpy as np

DISCS = [(20, 22, 15, (210, 40, 35)), (44, 18, 11, (240, 190, 40)), (42, 43, 17, (70, 150, 45)),
         (15, 48, 9, (110, 50, 130)), (31, 33, 6, (235, 120, 30))]  # x, y, radius in 1/64 of the side, colour


def picture(n):
    """The test image [n][n][3] in integers: gradients, stripes, shaded discs."""
    y, x = np.mgrid[0:n, 0:n].astype(np.int64)
    stripe = np.where((x + 2 * y) * 32 // n % 4 == 0, 24, 0)
    image = np.stack([60 + 160 * x // n - stripe, 220 - 150 * y // n - stripe, 80 + 45 * (x + y) // n - stripe], -1)
    for disc_x, disc_y, radius, colour in DISCS:
        distance2 = (64 * x - disc_x * n) ** 2 + (64 * y - disc_y * n) ** 2
        inside = distance2 < (radius * n) ** 2
        light = 255 - 160 * distance2 // (radius * n) ** 2
        image = np.where(inside[..., None], np.array(colour) * light[..., None] // 255, image)
    return image.astype(np.uint8)


def windows(x, kernel, stride):
    """[height][width][kernel][kernel][channels] of x [h][w][c] under TensorFlow's SAME padding."""
    out = -(-x.shape[0] // stride)
    total = max((out - 1) * stride + kernel - x.shape[0], 0)
    x = np.pad(x, [(total // 2, total - total // 2)] * 2 + [(0, 0)])
    views = np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), (0, 1))[::stride, ::stride][:out, :out]
    return views.transpose(0, 1, 3, 4, 2)


def mobilenetv2(path, image):
    """Features by Keras' MobileNetV2; stage table of the paper: expansion, channels, blocks, stride."""
    import h5py
    with h5py.File(path) as file:
        layers = [file[name] for name in file.attrs["layer_names"]]
        tensors = iter([[np.asarray(layer[name], np.float64) for name in layer.attrs["weight_names"]]
                        for layer in layers if len(layer.attrs["weight_names"])])

        def conv(x, stride=1, depthwise=False):
            kernel, = next(tensors)
            view = windows(x, kernel.shape[0], stride)
            x = np.einsum("hwijc,ijc->hwc", view, kernel[..., 0]) if depthwise else \
                np.tensordot(view, kernel, ([2, 3, 4], [0, 1, 2]))
            gamma, beta, mean, variance = next(tensors)
            return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

        def relu6(x):
            return np.clip(x, 0, 6)

        x = relu6(conv(image.astype(np.float64) / 127.5 - 1, 2))
        for expansion, _, blocks, first_stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2),
                                                   (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]:
            for i in range(blocks):
                before = x
                if expansion > 1:
                    x = relu6(conv(x))
                x = conv(relu6(conv(x, first_stride if i == 0 else 1, depthwise=True)))
                if i > 0:
                    x = x + before
        return relu6(conv(x)).mean((0, 1))


def read_safetensors(path):
    data = open(path, "rb").read()
    length, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + length])
    metadata, types = header.pop("__metadata__"), {"F32": np.float32, "F16": np.float16, "I8": np.int8}
    return metadata, {name: np.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], types[entry["dtype"]])
                      .reshape(entry["shape"]) for name, entry in header.items()}


def network_file(path):
    """Features of the test image by a network file with TensorFlow's padding and preprocessing, like `orchard`."""
    metadata, tensors = read_safetensors(path)
    assert (metadata["padding"], metadata["preprocessing"]) == ("same", "tf")
    clips = {"none": lambda x: x, "relu": lambda x: np.maximum(x, 0), "relu6": lambda x: np.clip(x, 0, 6)}
    maps = {"image": picture(int(metadata["input_px"])).astype(np.float64) / 127.5 - 1}
    for layer in json.loads(metadata["layers"]):
        name, op = layer["name"], layer["op"]
        if op in ("conv", "depthwise"):
            weight = tensors[name + ".weight"].astype(np.float64)  # [out][kernel][kernel][in]
            if name + ".scale" in tensors:
                weight = weight * tensors[name + ".scale"].astype(np.float64).reshape(-1, 1, 1, 1)
            view = windows(maps[layer["input"]], layer["kernel"], layer["stride"])
            x = np.einsum("hwijc,cij->hwc", view, weight[..., 0]) if op == "depthwise" else \
                np.tensordot(view, weight, ([2, 3, 4], [1, 2, 3]))
            maps[name] = clips[layer["activation"]](x + tensors[name + ".bias"])
        elif op == "add":
            maps[name] = clips[layer["activation"]](sum(maps[source] for source in layer["inputs"]))
        else:
            assert op == "global_average_pool"
            return maps[layer["input"]].mean((0, 1))


def table(name, features, stride):
    values = [f"{value:.9g}" for value in features[::stride].astype(np.float32)]
    values = [v + "F" if "." in v or "e" in v else v + ".0F" for v in values]
    rows = "\n".join("    " + ", ".join(values[i:i + 8]) + "," for i in range(0, len(values), 8))
    return f"""
static const float {name}_values[] = {{
{rows}
}};

static const struct pomi_expected_features {name}_features = {{
    .n_features = {len(features)},
    .stride = {stride},
    .n_values = sizeof {name}_values / sizeof {name}_values[0],
    .norm = {np.linalg.norm(features):.12g},
    .values = {name}_values,
}};"""


if __name__ == "__main__":
    path = sys.argv[1]
    if path.endswith(".h5"):
        name, features = "mobilenetv2", mobilenetv2(path, picture(224))
    else:
        name, features = read_safetensors(path)[0]["name"], network_file(path)
    print(f"""// SPDX-License-Identifier: Apache-2.0
/*
 * What {name} makes of the built-in test image. Made by tests/golden/verify_features.py in float64
 * (numpy {np.__version__}, Python {sys.version.split()[0]}).
 */
#ifndef POMONA_NETWORKS_VERIFY_{name.upper()}_H
#define POMONA_NETWORKS_VERIFY_{name.upper()}_H

#include "networks/catalogue.h"
{table(name, features, 20)}

#endif""")
