# SPDX-License-Identifier: Apache-2.0
"""Reads a network file (docs/networks.md) into layers that exporters and drivers can walk.

Numbers of every layer are final here: sizes, channels and padding on each side, so that no exporter has a rule of its own.
"""
import json
import math
import struct
from dataclasses import dataclass, field

import numpy as np

# What a photo's byte v in colour c, red first, becomes before the first layer: v * scale[c] + shift[c].
PREPROCESSING = {
    "tf": ([1 / 127.5] * 3, [-1.0] * 3),
    "caffe": ([1.0] * 3, [-123.68, -116.779, -103.939]),
    "torch": ([1 / 255 / s for s in (0.229, 0.224, 0.225)], [-m / s for m, s in zip((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]),
}


@dataclass
class Layer:
    name: str
    op: str  # conv, depthwise, add, max_pool, global_average_pool
    inputs: list  # names of earlier layers, or "image"
    in_px: int
    out_px: int
    in_channels: int
    channels: int
    kernel: int = 1
    stride: int = 1
    before: int = 0  # padding above and to the left
    after: int = 0  # padding below and to the right
    activation: str = "none"
    weight: np.ndarray = None  # [out][kernel][kernel][in]; depthwise [channels][kernel][kernel][1]
    bias: np.ndarray = None


@dataclass
class Network:
    name: str
    preprocessing: str
    input_px: int
    n_features: int
    layers: list = field(default_factory=list)

    def preprocess(self, photos):
        """uint8 [n][height][width][3], RGB -> float32 of the same shape, in the network's order of channels."""
        scale, shift = PREPROCESSING[self.preprocessing]
        values = (photos.astype(np.float64) * scale + shift).astype(np.float32)
        return np.ascontiguousarray(values[..., ::-1] if self.preprocessing == "caffe" else values)

    def n_macs(self):
        return sum(l.out_px**2 * l.weight.size for l in self.layers if l.weight is not None)


def _tensors(data):
    header_bytes = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + header_bytes])
    metadata = header.pop("__metadata__")
    types = {"F32": np.float32, "F16": np.float16, "I8": np.int8}
    arrays = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        raw = np.frombuffer(data[8 + header_bytes + begin:8 + header_bytes + end], types[entry["dtype"]])
        arrays[name] = raw.reshape(entry["shape"])
    return metadata, arrays


def _weight(arrays, name):
    weight = arrays[name + ".weight"].astype(np.float32)
    if name + ".scale" in arrays:
        weight *= arrays[name + ".scale"].reshape(-1, 1, 1, 1)
    return weight


def read(path):
    with open(path, "rb") as file:
        metadata, arrays = _tensors(file.read())
    network = Network(metadata["name"], metadata["preprocessing"], int(metadata["input_px"]), int(metadata["features"]))
    shape = {"image": (network.input_px, 3)}
    for spec in json.loads(metadata["layers"]):
        inputs = spec.get("inputs") or [spec["input"]]
        in_px, in_channels = shape[inputs[0]]
        kernel, stride = spec.get("kernel", 1), spec.get("stride", 1)
        layer = Layer(spec["name"], spec["op"], inputs, in_px, in_px, in_channels, in_channels, kernel, stride,
                      activation=spec.get("activation", "none"))
        if layer.op == "global_average_pool":
            layer.out_px, layer.kernel = 1, in_px
        elif layer.op != "add":
            if metadata["padding"] == "same":
                layer.out_px = math.ceil(in_px / stride)
                total = max((layer.out_px - 1) * stride + kernel - in_px, 0)
                layer.before, layer.after = total // 2, total - total // 2
            else:
                layer.before = layer.after = kernel // 2
                layer.out_px = (in_px + 2 * layer.before - kernel) // stride + 1
        if layer.op in ("conv", "depthwise"):
            layer.weight, layer.bias = _weight(arrays, layer.name), arrays[layer.name + ".bias"].astype(np.float32)
            layer.channels = spec["channels"]
        shape[layer.name] = (layer.out_px, layer.channels)
        network.layers.append(layer)
    return network
