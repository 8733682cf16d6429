# SPDX-License-Identifier: Apache-2.0
"""Networks as lists of layers: build, run, fold batch normalisation, round to int8, read and write files.

A network is a list of dictionaries, the very list that a network file carries in its metadata under
"layers": {"name", "op", "input" or "inputs", ...} in execution order. `Network` runs such a list in torch,
so the teacher, the student in training and the exported file are all executed by the same forty lines.
"""

import json
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from normalise import NormaliseAndClip


def round_channels(channels, divisor=8):
    """MobileNet's rule: the nearest multiple of 8, never more than 10 % below the wanted number."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def mobilenetv2(width, features=1280):
    """Layers of MobileNetV2 (Sandler et al. 2018) with every channel count times `width`."""
    stages = [  # expansion, channels, blocks, stride of the first block
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    layers = []

    def conv(name, op, source, channels, kernel, stride, activation):
        layers.append(
            dict(
                name=name,
                op=op,
                input=source,
                channels=channels,
                kernel=kernel,
                stride=stride,
                activation=activation,
            )
        )
        return name

    channels = round_channels(32 * width)
    previous = conv("stem", "conv", "image", channels, 3, 2, "relu6")
    block = 0
    for expansion, stage_channels, n_blocks, first_stride in stages:
        for i in range(n_blocks):
            source, stride, out = (
                previous,
                first_stride if i == 0 else 1,
                round_channels(stage_channels * width),
            )
            expanded = channels * expansion
            if expansion != 1:
                previous = conv(f"block_{block}.expand", "conv", previous, expanded, 1, 1, "relu6")
            previous = conv(f"block_{block}.depthwise", "depthwise", previous, expanded, 3, stride, "relu6")
            previous = conv(f"block_{block}.project", "conv", previous, out, 1, 1, "none")
            if stride == 1 and channels == out:
                layers.append(
                    dict(name=f"block_{block}.add", op="add", inputs=[source, previous], activation="none")
                )
                previous = f"block_{block}.add"
            channels, block = out, block + 1
    previous = conv("head", "conv", previous, features, 1, 1, "relu6")
    layers.append(dict(name="pool", op="global_average_pool", input=previous))
    return layers


def multiply_adds(layers, px):
    """Multiply-adds of one photo of px x px."""
    size, channels, total = {"image": px}, {"image": 3}, 0
    for layer in layers:
        source = layer.get("input") or layer["inputs"][0]
        size[layer["name"]], channels[layer["name"]] = size[source], channels[source]
        if layer["op"] in ("conv", "depthwise"):
            side = -(-size[source] // layer["stride"])
            per_output = layer["kernel"] ** 2 * (channels[source] if layer["op"] == "conv" else 1)
            total += side * side * layer["channels"] * per_output
            size[layer["name"]], channels[layer["name"]] = side, layer["channels"]
    return total


def pad_same(x, kernel, stride):
    """TensorFlow's SAME padding: just enough for ceil(size / stride) outputs, the smaller half in front."""

    def amounts(size):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        return total // 2, total - total // 2

    (top, bottom), (left, right) = amounts(x.shape[2]), amounts(x.shape[3])
    return Frame.apply(x, top, bottom, left, right)


class Frame(torch.autograd.Function):
    """x in a frame of zeros. torch's own pad clears what it then writes over, a tenth of the training's time."""

    @staticmethod
    def forward(context, x, top, bottom, left, right):
        n, channels, height, width = x.shape
        size = n, channels, top + height + bottom, left + width + right
        padded = torch.empty(size, dtype=x.dtype, memory_format=torch.channels_last)
        rows, columns = slice(top, top + height), slice(left, left + width)
        context.inner = (slice(None), slice(None), rows, columns)
        padded[context.inner] = x
        padded[:, :, :top] = padded[:, :, rows.stop :] = 0
        padded[:, :, rows, :left] = padded[:, :, rows, columns.stop :] = 0
        return padded

    @staticmethod
    def backward(context, gradient):
        return gradient[context.inner], None, None, None, None


class Convolution(nn.Module):
    """Convolution with SAME padding, batch normalisation while training, and its activation."""

    def __init__(self, layer, in_channels, batch_norm):
        super().__init__()
        self.kernel, self.stride, self.activation = layer["kernel"], layer["stride"], layer["activation"]
        out, depthwise = layer["channels"], layer["op"] == "depthwise"
        self.explicit_pad = self.stride > 1 and self.kernel > 1
        self.conv = nn.Conv2d(
            in_channels,
            out,
            self.kernel,
            self.stride,
            0 if self.explicit_pad else self.kernel // 2,
            groups=in_channels if depthwise else 1,
            bias=not batch_norm,
        )
        clip = self.activation == "relu6"
        self.norm = NormaliseAndClip(out, clip, eps=1e-3, momentum=0.02) if batch_norm else None

    def forward(self, x):
        x = self.conv(pad_same(x, self.kernel, self.stride) if self.explicit_pad else x)
        return activate(x, self.activation) if self.norm is None else self.norm(x)


def activate(x, activation):
    return {"none": lambda v: v, "relu": F.relu, "relu6": F.relu6}[activation](x)


class Network(nn.Module):
    """Runs a list of layers on pixels already brought to x / 127.5 - 1, channels first."""

    def __init__(self, layers, batch_norm=False):
        super().__init__()
        self.layers, channels, modules = layers, {"image": 3}, {}
        for layer in layers:
            name = layer["name"]
            channels[name] = layer.get("channels") or channels[layer.get("input") or layer["inputs"][0]]
            if layer["op"] in ("conv", "depthwise"):
                modules[name.replace(".", "-")] = Convolution(layer, channels[layer["input"]], batch_norm)
        self.convolutions = nn.ModuleDict(modules)

    def convolution(self, name):
        return self.convolutions[name.replace(".", "-")]

    def forward(self, image):
        value = {"image": image}
        for layer in self.layers:
            name, op = layer["name"], layer["op"]
            if op in ("conv", "depthwise"):
                value[name] = self.convolution(name)(value[layer["input"]])
            elif op == "add":
                first, second = (value[source] for source in layer["inputs"])
                value[name] = activate(first + second, layer["activation"])
            elif op == "global_average_pool":
                value[name] = value[layer["input"]].mean((2, 3))
            else:
                raise ValueError(f"layer {name}: unknown op {op}")
        return value[self.layers[-1]["name"]]


def to_input(pixels):
    """uint8 [n, h, w, 3] -> float tensor x / 127.5 - 1, channels last in memory."""
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2)
    return x.float().div_(127.5).sub_(1)


@torch.inference_mode()
def run(network, pixels, batch=32):
    """Features [n, f] of uint8 pixels [n, h, w, 3]."""
    network.eval()
    dtype = next(network.parameters()).dtype
    return np.concatenate(
        [network(to_input(pixels[i : i + batch]).to(dtype)).numpy() for i in range(0, len(pixels), batch)]
    )


def fold(network):
    """Batch normalisation folded in float64: {layer name: (weight OHWI, bias)}, rounded to float32 once."""
    folded = {}
    for layer in network.layers:
        if layer["op"] not in ("conv", "depthwise"):
            continue
        module = network.convolution(layer["name"])
        weight = module.conv.weight.detach().double()
        if module.norm is None:
            bias = module.conv.bias.detach().double()
        else:
            norm = module.norm
            gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = weight * gain[:, None, None, None]
            bias = norm.bias.detach().double() - norm.running_mean.double() * gain
        folded[layer["name"]] = (
            np.ascontiguousarray(weight.permute(0, 2, 3, 1).numpy().astype(np.float32)),
            bias.numpy().astype(np.float32),
        )
    return folded


def from_folded(layers, folded):
    """The network that computes with folded weights {layer name: (weight OHWI, bias)}."""
    network = Network(layers)
    for name, (weight, bias) in folded.items():
        conv = network.convolution(name).conv
        tensor = torch.from_numpy(np.ascontiguousarray(weight.transpose(0, 3, 1, 2)))
        if tensor.shape != conv.weight.shape or len(bias) != len(conv.bias):
            raise ValueError(
                f"layer {name}: weight {tuple(tensor.shape)}, expected {tuple(conv.weight.shape)}"
            )
        conv.weight.data, conv.bias.data = tensor, torch.from_numpy(np.array(bias))
    return network.eval().to(memory_format=torch.channels_last)


def quantise(weight):
    """float32 [out, ...] -> int8 weight and float32 scale [out]; each output's largest magnitude at 127."""
    flat = np.abs(weight.reshape(len(weight), -1)).max(1)
    scale = (np.where(flat > 0, flat, 1) / 127).astype(np.float32)
    return (
        np.clip(np.rint(weight / scale.reshape(-1, *[1] * (weight.ndim - 1))), -127, 127).astype(np.int8),
        scale,
    )


def embedded_tensors(folded, full_precision=("stem",)):
    """Tensors of the embedded file: int8 weights with a scale per output channel, except the named layers."""
    tensors = {}
    for name, (weight, bias) in folded.items():
        tensors[name + ".bias"] = bias
        if name in full_precision:
            tensors[name + ".weight"] = weight
        else:
            tensors[name + ".weight"], tensors[name + ".scale"] = quantise(weight)
    return tensors


SAFETENSORS_TYPES = {"float32": "F32", "float16": "F16", "int8": "I8", "uint8": "U8", "int64": "I64"}


def write_safetensors(path, tensors, metadata):
    """Deterministic safetensors: sorted keys, no spaces, header padded to 8 bytes, wide types first."""
    header, offset, order = {"__metadata__": metadata}, 0, []
    for name in sorted(
        tensors, key=lambda n: (-tensors[n].dtype.itemsize, n)
    ):  # widest first keeps all aligned
        array = np.asarray(tensors[name], order="C")
        header[name] = {
            "dtype": SAFETENSORS_TYPES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
        order.append(array)
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in order:
            file.write(array.tobytes())


def read_network(path):
    """Network file -> (network with dequantised weights, metadata)."""
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    layers, folded = json.loads(metadata["layers"]), {}
    for layer in layers:
        name = layer["name"]
        if layer["op"] in ("conv", "depthwise"):
            weight = tensors[name + ".weight"].astype(np.float32)
            if name + ".scale" in tensors:
                weight = weight * tensors[name + ".scale"].reshape(-1, *[1] * (weight.ndim - 1))
            folded[name] = (weight, tensors[name + ".bias"])
    return from_folded(layers, folded), metadata
