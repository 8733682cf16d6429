#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Do all routes lead to the same network? compare_routes.py CONVERT_PEER SHARED_FOLDER

The ImageNet MobileNetV2 of ../shared as Keras' legacy .h5 and .weights.h5, and the same weights written here under
torchvision's and timm's names and as ONNX in the layouts of the model zoo, must get one identity. Where a file cannot
say how TensorFlow pads and preprocesses, it is told; where it says otherwise, it is another network.
And a ResNet50 with random weights under Keras' names of today, under those of before 2019, and without any, in Keras'
order (that of its model.summary()), must get one identity too: its branches are where layers could be mixed up.
"""
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

peer, shared = sys.argv[1], Path(sys.argv[2])
source = shared / "models/mobilenet_v2_1.0_224_slim_folded.npz"
if not source.exists():
    print(f"skipped: no {source}")
    sys.exit(77)
arrays = np.load(source)
STAGES = [(1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)]  # blocks, stride of the first


def layers():
    """(slim's name, stage, block within it, block, part, stride) of every convolution in order."""
    yield "Conv", None, None, None, "stem", 2
    block = 0
    for stage, (n_blocks, stride) in enumerate(STAGES):
        for i in range(n_blocks):
            name = "expanded_conv" + (f"_{block}" if block else "")
            for part in ("expand", "depthwise", "project")[block == 0:]:
                yield f"{name}/{part}", stage, i, block, part, stride if part == "depthwise" and i == 0 else 1
            block += 1
    yield "Conv_1", None, None, None, "head", 1


def kernel(name, part):
    """[out][in][height][width], as PyTorch and ONNX have it."""
    array = arrays[name + "/w_ohwi"]
    return np.ascontiguousarray(array.transpose(3, 0, 1, 2) if part == "depthwise" else array.transpose(0, 3, 1, 2))


# ---- safetensors ----

def torchvision(stage, i, block, part):
    if block is None:
        return ("features.0.0", "features.0.1") if part == "stem" else ("features.18.0", "features.18.1")
    at = ["depthwise", "project"] if block == 0 else ["expand", "depthwise", "project"]
    n = at.index(part)
    prefix = f"features.{block + 1}.conv."
    return (prefix + f"{n}", prefix + f"{n + 1}") if part == "project" else (prefix + f"{n}.0", prefix + f"{n}.1")


def timm(stage, i, block, part):
    if block is None:
        return ("conv_stem", "bn1") if part == "stem" else ("conv_head", "bn2")
    at = {"depthwise": ("conv_dw", "bn1"), "project": ("conv_pw", "bn2")} if block == 0 else \
        {"expand": ("conv_pw", "bn1"), "depthwise": ("conv_dw", "bn2"), "project": ("conv_pwl", "bn3")}
    return tuple(f"blocks.{stage}.{i}.{name}" for name in at[part])


def safetensors(naming):
    header, data = {}, []
    for name, stage, i, block, part, _ in layers():
        convolution, normalisation = naming(stage, i, block, part)
        bias = arrays[name + "/b"]
        one, zero = np.ones_like(bias), np.zeros_like(bias)
        for key, array in ((convolution + ".weight", kernel(name, part)), (normalisation + ".weight", one),
                           (normalisation + ".bias", bias), (normalisation + ".running_mean", zero),
                           (normalisation + ".running_var", one - np.float32(1e-5)),
                           (normalisation + ".num_batches_tracked", np.zeros((), np.int64))):
            begin = sum(len(d) for d in data)
            data.append(array.tobytes())
            header[key] = {"dtype": "I64" if array.dtype == np.int64 else "F32", "shape": list(array.shape),
                           "data_offsets": [begin, begin + array.nbytes]}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"".join(data)


# ---- ONNX, a protobuf writer of ten lines ----

def varint(n):
    out = bytearray()
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    return bytes(out + bytes([n]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    if isinstance(value, float):
        return field(5, field(1, name) + field(2, value) + field(20, 1))
    if isinstance(value, int):
        return field(5, field(1, name) + field(3, value) + field(20, 2))
    return field(5, field(1, name) + b"".join(field(8, v) for v in value) + field(20, 7))


def node(op, inputs, output, **attributes):
    return field(1, b"".join(field(1, i) for i in inputs) + field(2, output) + field(3, "node_" + output) + field(4, op) +
                 b"".join(attribute(*pair) for pair in attributes.items()))


def tensor(name, array):
    return field(5, b"".join(field(1, d) for d in array.shape) + field(2, 1) + field(8, name) +
                 field(9, array.astype("<f4").tobytes()))


def image(shape):
    dims = b"".join(field(1, field(1, d)) for d in shape)
    return field(11, field(1, "image") + field(2, field(1, field(1, 1) + field(2, dims))))


def onnx(with_normalisation, same_padding):
    """The layout of mobilenetv2-7 (normalisations, Clip with attributes) or of mobilenetv2-12 (folded, Clip with inputs)."""
    body, constants, last, size, skip = b"", b"", "image", 224, "image"
    for name, stage, i, block, part, stride in layers():
        array, bias, key = kernel(name, part), arrays[name + "/b"], name.replace("/", "_")
        pads = [array.shape[2] // 2] * 4
        if same_padding and stride == 2:
            pads = [0, 0, 1, 1]
        size = -(-size // stride)
        group = array.shape[0] if part == "depthwise" else 1
        constants += tensor(key + "_w", array)
        inputs = [last, key + "_w"] if with_normalisation else [last, key + "_w", key + "_b"]
        body += node("Conv", inputs, key, kernel_shape=list(array.shape[2:]), strides=[stride] * 2, pads=pads,
                     group=group, dilations=[1, 1])
        last = key
        if with_normalisation:
            one = np.ones_like(bias)
            for suffix, value in (("_g", one), ("_b", bias), ("_m", one * 0), ("_v", one - np.float32(1e-5))):
                constants += tensor(key + suffix, value)
            body += node("BatchNormalization", [last] + [key + s for s in ("_g", "_b", "_m", "_v")], key + "_n", epsilon=1e-5)
            last = key + "_n"
        else:
            constants += tensor(key + "_b", bias)
        if part != "project":
            body += node("Clip", [last], key + "_r", min=0.0, max=6.0) if with_normalisation else \
                node("Clip", [last, "zero", "six"], key + "_r")
            last = key + "_r"
        elif i > 0:
            body += node("Add", [skip, last], key + "_a")
            last = key + "_a"
        if part == "project" or part == "stem":
            skip = last
    if not with_normalisation:
        constants += tensor("zero", np.zeros(())) + tensor("six", np.full((), 6.0))
    body += node("GlobalAveragePool", [last], "pooled") + node("Flatten", ["pooled"], "flat", axis=1)
    return field(1, 7) + field(2, "a test") + field(7, body + constants + image([1, 3, 224, 224])) + field(8, field(2, 12))


# ---- ResNet50 in Keras' files ----

def resnet50_convolutions():
    """(stage, block, part, kernel, channels in, channels out) in Keras' order; part 0 is the shortcut."""
    yield 1, 0, 0, 7, 3, 64
    n_in = 64
    for stage, (width, n_blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], start=2):
        for block in range(n_blocks):
            yield stage, block, 1, 1, n_in, width
            yield stage, block, 2, 3, width, width
            if block == 0:
                yield stage, block, 0, 1, n_in, 4 * width
            yield stage, block, 3, 1, width, 4 * width
            n_in = 4 * width


def resnet50_layers():
    """((stage, block, part, is_normalisation), tensors) in Keras' order: normalisations of a depth follow its convolutions."""
    rng = np.random.default_rng(50)
    waiting = []
    for stage, block, part, size, n_in, n_out in resnet50_convolutions():
        tensors = [("kernel", rng.standard_normal((size, size, n_in, n_out), np.float32) * np.float32((size * size * n_in) ** -.5)),
                   ("bias", rng.standard_normal(n_out, np.float32))]
        normalisation = [(name, rng.random(n_out, np.float32) + np.float32(0.5))
                         for name in ("gamma", "beta", "moving_mean", "moving_variance")]
        yield (stage, block, part, False), tensors
        waiting.append(((stage, block, part, True), normalisation))
        if part == 0 and stage > 1:
            continue  # 0_conv, 3_conv, 0_bn, 3_bn
        yield from waiting
        waiting = []


def name_of_today(stage, block, part, is_normalisation):
    kind = "bn" if is_normalisation else "conv"
    return f"conv1_{kind}" if stage == 1 else f"conv{stage}_block{block + 1}_{part}_{kind}"


def name_of_old(stage, block, part, is_normalisation):
    if stage == 1:
        return "bn_conv1" if is_normalisation else "conv1"
    return ("bn" if is_normalisation else "res") + f"{stage}{'abcdef'[block]}_branch{('1', '2a', '2b', '2c')[part]}"


def write_legacy(path, name_of, shuffled):
    layers = [(name_of(*place), tensors) for place, tensors in resnet50_layers()]
    with h5py.File(path, "w") as file:
        names = [name for name, _ in layers]
        file.attrs["layer_names"] = [name.encode() for name in (sorted(names) if shuffled else names)]
        for name, tensors in layers:
            group = file.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{tensor}:0".encode() for tensor, _ in tensors]
            for tensor, array in tensors:
                group[f"{name}/{tensor}:0"] = array
    return path


def write_nameless(path):
    counts = {}
    with h5py.File(path, "w") as file:
        for (*_, is_normalisation), tensors in resnet50_layers():
            kind = "batch_normalization" if is_normalisation else "conv2d"
            number = counts.get(kind, 0)
            counts[kind] = number + 1
            for i, (_, array) in enumerate(tensors):
                file[f"layers/{kind}{f'_{number}' if number else ''}/vars/{i}"] = array
    return path


# ---- the comparison ----

def convert(path, *told):
    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([peer, path, f"{folder}/network.pomona", *told], capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{path}: {result.stderr}")
    return result.stdout.split()


expected = None
failures = 0
with tempfile.TemporaryDirectory() as folder:
    def written(name, data):
        path = Path(folder) / name
        path.write_bytes(data)
        return path

    routes = [
        ("Keras .h5", shared / "models/mobilenet_v2_1.0_224_no_top.h5", ()),
        ("Keras 3 .weights.h5", shared / "models/mobilenet_v2_1.0_224_no_top.weights.h5", ()),
        ("safetensors, torchvision's names", written("torchvision.safetensors", safetensors(torchvision)), ("same", "tf")),
        ("safetensors, timm's names", written("timm.safetensors", safetensors(timm)), ("same", "tf")),
        ("ONNX with normalisations", written("7.onnx", onnx(True, True)), ()),
        ("ONNX, folded", written("12.onnx", onnx(False, True)), ()),
    ]
    for route, path, told in routes:
        identity, name, *rest = convert(path, *told)
        expected = expected or identity
        good = identity == expected and [name, *rest] == ["mobilenetv2", "tf", "same", "verified"]
        failures += not good
        print("same     " if good else "DIFFERENT", identity, route, f"(told: {', '.join(told)})" if told else "")
    # The same weights under PyTorch's padding and preprocessing are another network, and said to be.
    for route, path in (("safetensors, told nothing", Path(folder) / "torchvision.safetensors"),
                        ("ONNX, symmetric padding", written("symmetric.onnx", onnx(True, False)))):
        identity, name, *rest = convert(path)
        good = identity != expected and [name, *rest] == ["custom-mobilenetv2", "torch", "symmetric", "unknown_network"]
        failures += not good
        print("other    " if good else "WRONG    ", identity, route)
with tempfile.TemporaryDirectory() as folder:
    expected = None
    for route, write in (("ResNet50, names of today, any order", lambda p: write_legacy(p, name_of_today, True)),
                         ("ResNet50, names of before 2019, any order", lambda p: write_legacy(p, name_of_old, True)),
                         ("ResNet50, no known names, Keras' order",
                          lambda p: write_legacy(p, lambda *place: "my_" + name_of_today(*place), False)),
                         ("ResNet50, .weights.h5 without names", write_nameless)):
        path = write(Path(folder) / "weights.h5")
        identity, name, *rest = convert(path)
        path.unlink()
        expected = expected or identity
        good = identity == expected and [name, *rest] == ["custom-resnet50", "caffe", "symmetric", "unknown_network"]
        failures += not good
        print("same     " if good else "DIFFERENT", identity, route)
sys.exit(failures > 0)
