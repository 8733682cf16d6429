#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the starting points of the fuzz targets that read networks: make_network_corpus.py tests/fuzz/corpus

Small files of each layout that readers accept, or accept far enough to reach every function (h5py 3.16, onnx 1.23).
"""
import json
import struct
import sys
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

corpus = Path(sys.argv[1])
rng = np.random.default_rng(1)


def write(target, name, data):
    (corpus / target).mkdir(parents=True, exist_ok=True)
    (corpus / target / name).write_bytes(data)


def safetensors(tensors, metadata=None):
    types = {"float32": "F32", "float16": "F16", "int8": "I8", "int64": "I64"}
    header, data = {"__metadata__": metadata} if metadata else {}, b""
    for name, array in sorted(tensors.items()):
        header[name] = {"dtype": types[array.dtype.name], "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def values(*shape, dtype=np.float32):
    return (rng.standard_normal(shape) * 0.5).astype(dtype)


# Containers and network files.
write("safetensors", "two-tensors", safetensors({"a": values(2, 3), "b": np.arange(4, dtype=np.int64)}, {"k": "v"}))
write("safetensors", "empty", safetensors({}))
LAYERS = [
    {"name": "stem", "op": "conv", "input": "image", "channels": 4, "kernel": 3, "stride": 2, "activation": "relu6"},
    {"name": "dw", "op": "depthwise", "input": "stem", "channels": 4, "kernel": 3, "stride": 1, "activation": "relu"},
    {"name": "point", "op": "conv", "input": "dw", "channels": 4, "kernel": 1, "stride": 1, "activation": "none"},
    {"name": "sum", "op": "add", "inputs": ["stem", "point"], "activation": "none"},
    {"name": "max", "op": "max_pool", "input": "sum", "kernel": 3, "stride": 2},
    {"name": "pool", "op": "global_average_pool", "input": "max"}]
CALIBRATION = {f"{layer['name']}.calibration": np.array([[-1] * 4, [3] * 4, [1] * 4], np.float32) for layer in LAYERS[:-1]}
for name, padding, preprocessing, calibration in (
        ("same", "same", "tf", {}), ("symmetric", "symmetric", "caffe", {}), ("calibrated", "same", "torch", CALIBRATION)):
    write("network_file", name, safetensors(
        {"stem.weight": values(4, 3, 3, 3), "stem.bias": values(4), "dw.weight": values(4, 3, 3, 1, dtype=np.float16),
         "dw.bias": values(4), "point.weight": rng.integers(-127, 127, (4, 1, 1, 4), np.int8), "point.bias": values(4),
         "point.scale": values(4), **calibration},
        {"format": "pomona-network/1", "name": "tiny", "input_px": "16", "preprocessing": preprocessing,
         "padding": padding, "features": "4", "layers": json.dumps(LAYERS), "origin": "made up", "licence": "CC0"}))


# PyTorch names: far enough to read stem and first block.
def normalisation(prefix, channels):
    return {f"{prefix}.weight": values(channels), f"{prefix}.bias": values(channels),
            f"{prefix}.running_mean": values(channels), f"{prefix}.running_var": np.ones(channels, np.float32),
            f"{prefix}.num_batches_tracked": np.zeros(1, np.int64)}


torchvision = {"features.0.0.weight": values(8, 3, 3, 3), **normalisation("features.0.1", 8),
               "features.1.conv.0.0.weight": values(8, 1, 3, 3), **normalisation("features.1.conv.0.1", 8),
               "features.1.conv.1.weight": values(8, 8, 1, 1), **normalisation("features.1.conv.2", 8),
               "features.18.0.weight": values(8, 8, 1, 1), "classifier.1.bias": values(3)}
for block in (2, 4, 7, 11, 14, 17):
    torchvision[f"features.{block}.conv.2.weight"] = values(8, 48, 1, 1, dtype=np.float16)
write("read_safetensors", "torchvision-mobilenetv2", safetensors(torchvision))
timm = {"conv_stem.weight": values(8, 3, 3, 3), **normalisation("bn1", 8), "conv_head.weight": values(8, 8, 1, 1),
        "blocks.0.0.conv_dw.weight": values(8, 1, 3, 3), **normalisation("blocks.0.0.bn1", 8),
        "blocks.0.0.conv_pw.weight": values(8, 8, 1, 1)}
for stage in range(1, 7):
    timm[f"blocks.{stage}.0.conv_pwl.weight"] = values(8, 48, 1, 1, dtype=np.float16)
write("read_safetensors", "timm-mobilenetv2", safetensors(timm))
write("read_safetensors", "resnet50", safetensors({"layer1.0.conv1.weight": values(4, 4, 1, 1)}))


# Keras: three layers in both layouts.
def keras(name, make):
    path = corpus / "keras" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", libver="earliest") as file:
        make(file)


KERAS = [("conv1", [("kernel", values(3, 3, 3, 8)), ("bias", values(8))]),
         ("bn", [(n, np.abs(values(8))) for n in ("gamma", "beta", "moving_mean", "moving_variance")]),
         ("relu", []), ("dw", [("depthwise_kernel", values(3, 3, 8, 1))])]


def legacy(file, suffix=":0", text="S"):
    names = [layer for layer, _ in KERAS]
    file.attrs["layer_names"] = np.array(names, text) if text == "S" else names
    for layer, tensors in KERAS:
        group = file.create_group(layer)
        paths = [f"{layer}/{name}{suffix}" for name, _ in tensors]
        group.attrs["weight_names"] = np.array(paths, text) if text == "S" and paths else paths
        for path, (_, tensor) in zip(paths, tensors):
            group[path] = tensor


def weights(file):
    for layer, tensors in zip(("conv2d", "batch_normalization", "re_lu", "depthwise_conv2d"), KERAS):
        group = file.create_group(f"layers/{layer}/vars")
        group.attrs["name"] = tensors[0]
        for i, (_, tensor) in enumerate(tensors[1]):
            group[str(i)] = tensor


keras("legacy.h5", legacy)
keras("legacy-variable.h5", lambda file: legacy(file, "", "O"))
keras("saved-model.h5", lambda file: legacy(file.create_group("model_weights")))
keras("keras3.weights.h5", weights)
keras("compressed.h5", lambda file: (legacy(file), file.create_dataset("conv1/x", data=values(64), compression="gzip")))


def every_part(file):
    """Links and attributes beyond what a header holds, each way of storing text and numbers."""
    file.attrs["layer_names"] = ["of variable", "length"]
    for i in range(12):
        file.attrs[f"a{i}"] = np.bytes_(f"fixed {i}") if i % 2 else f"variable {i}"
        file[f"{i}"] = values(2, dtype=("<f2", "<f4", "<f8")[i % 3])
    compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    compact.set_layout(h5py.h5d.COMPACT)
    h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((6,)), compact)


def links(file):
    for i in range(100):
        file.create_group(f"{i}")


for versions in ("earliest", "latest"):
    for name, make in (("every-part", every_part), ("links", links)):
        (corpus / "hdf5").mkdir(exist_ok=True)
        with h5py.File(corpus / f"hdf5/{name}-{versions}.h5", "w", libver=versions, track_order=versions == "latest") as file:
            make(file)


# ONNX: every node type that is read, in both styles of attributes.
def constant(name, array):
    return numpy_helper.from_array(np.asarray(array), name)


def model(nodes, initializers, opset, shape=("n", 3, 16, 16), listed=False):
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)]
    if listed:
        inputs += [helper.make_tensor_value_info(i.name, i.data_type, i.dims) for i in initializers]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
                              initializers)
    return helper.make_model(graph, producer_name="corpus", opset_imports=[helper.make_opsetid("", opset)])


bn = [constant(n, np.abs(values(4)) + 0.5) for n in ("gamma", "beta", "mean", "var")]
old = [helper.make_node("Conv", ["image", "w0"], ["c0"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
       helper.make_node("BatchNormalization", ["c0", "gamma", "beta", "mean", "var"], ["b0"], epsilon=1e-5),
       helper.make_node("Clip", ["b0"], ["r0"], min=0.0, max=6.0),
       helper.make_node("Conv", ["r0", "w1"], ["c1"], group=4, kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
       helper.make_node("Relu", ["c1"], ["r1"]),
       helper.make_node("Add", ["r0", "r1"], ["a"]),
       helper.make_node("BatchNormalization", ["a", "gamma", "beta", "mean", "var"], ["b1"]),
       helper.make_node("Relu", ["b1"], ["r2"]),
       helper.make_node("MaxPool", ["r2"], ["m"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]),
       helper.make_node("GlobalAveragePool", ["m"], ["p"]), helper.make_node("Flatten", ["p"], ["out"])]
old_constants = [constant("w0", values(4, 3, 3, 3)), constant("w1", values(4, 1, 3, 3))] + bn
write("read_onnx", "attributes", model(old, old_constants, 7, listed=True).SerializeToString())
new = [helper.make_node("Transpose", ["image"], ["t"], perm=[0, 3, 1, 2]),
       helper.make_node("Pad", ["t", "pads", "zero"], ["padded"]),
       helper.make_node("Conv", ["padded", "w0", "gamma"], ["c0"], strides=[2, 2]),
       helper.make_node("Constant", [], ["six"], value=constant("", np.float32(6))),
       helper.make_node("Clip", ["c0", "zero", "six"], ["r0"]),
       helper.make_node("Dropout", ["r0"], ["d"]), helper.make_node("Identity", ["d"], ["i"]),
       helper.make_node("Conv", ["i", "w2"], ["c1"], auto_pad="SAME_UPPER"),
       helper.make_node("Mul", ["c1", "scale"], ["s"]), helper.make_node("Add", ["s", "shift"], ["a"]),
       helper.make_node("ReduceMean", ["a", "axes"], ["p"], keepdims=0),
       helper.make_node("Gemm", ["p", "w3"], ["out"])]
new_constants = [constant("w0", values(4, 3, 3, 3)), constant("pads", np.array([0, 0, 0, 0, 0, 0, 1, 1])),
                 constant("zero", np.float32(0)), bn[0], constant("w2", values(4, 4, 1, 1, dtype=np.float16)),
                 constant("scale", values(1, 4, 1, 1)), constant("shift", values(4, 1, 1)),
                 constant("axes", np.array([2, 3])), constant("w3", values(4, 2))]
write("read_onnx", "inputs", model(new, new_constants, 18, (1, 16, 16, 3)).SerializeToString())
squeeze = old[:3] + [helper.make_node("AveragePool", ["r0"], ["p"], kernel_shape=[8, 8]),
                     helper.make_node("Mul", ["r0", "p"], ["out"])]
write("read_onnx", "goes-back", model(squeeze, old_constants, 7).SerializeToString())
bn3 = [constant(n, np.abs(values(3)) + 0.5) for n in ("gamma3", "beta3", "mean3", "var3")]
of_image = [helper.make_node("BatchNormalization", ["image", "gamma3", "beta3", "mean3", "var3"], ["b"], epsilon=1e-5),
            helper.make_node("Conv", ["b", "w0"], ["c"], strides=[2, 2], pads=[1, 1, 1, 1]),
            helper.make_node("GlobalAveragePool", ["c"], ["out"])]
write("read_onnx", "normalised-image", model(of_image, [old_constants[0]] + bn3, 13).SerializeToString())
