# SPDX-License-Identifier: Apache-2.0
"""oneDNN by itself, with GNU OpenMP: one primitive per convolution, addition and activation fused, layouts of its choice.

fp32 only: how to quantise is left to oneDNN's callers; its int8 kernels are measured inside OpenVINO.
"""
import ctypes
import os
import sys

import numpy as np

import network_file
from engine_types import Absent, compile_driver

_KINDS = {"conv": 0, "depthwise": 1, "max_pool": 2, "global_average_pool": 3}
_ACTIVATIONS = {"none": 0, "relu": 1, "relu6": 2}
_INTEGERS = ("kind", "input", "residual", "last_use", "kernel", "stride", "before", "after", "in_px", "out_px", "in_channels", "channels",
             "activation")


class Operation(ctypes.Structure):
    """driver_onednn.c has the same."""
    _fields_ = [(name, ctypes.c_int) for name in _INTEGERS] + [("weight", ctypes.c_void_p), ("bias", ctypes.c_void_p)]


def operations_of(network, kept):
    """Convolutions with the addition that follows them fused; arrays that must live on go into `kept`."""
    layers = {layer.name: layer for layer in network.layers}
    position = {"image": -1, **{layer.name: i for i, layer in enumerate(network.layers)}}
    added_by = {}  # the convolution that an addition is fused onto: its operand that is computed last
    for layer in network.layers:
        if layer.op == "add":
            added_by[max(layer.inputs, key=position.get)] = layer
    index, operations = {"image": -1}, []
    for layer in network.layers:
        if layer.op == "add":
            continue
        o, sum_layer = Operation(), added_by.get(layer.name)
        o.kind, o.input, o.residual, o.last_use = _KINDS[layer.op], index[layer.inputs[0]], -1, -1
        for name in ("kernel", "stride", "before", "after", "in_px", "out_px", "in_channels", "channels"):
            setattr(o, name, getattr(layer, name))
        o.activation = _ACTIVATIONS[(sum_layer or layer).activation]
        if layer.weight is not None:
            kept.append(np.ascontiguousarray(layer.weight.transpose(0, 3, 1, 2)))
            o.weight, o.bias = kept[-1].ctypes.data, layer.bias.ctypes.data
        if sum_layer is not None:
            assert layer.activation == "none" and layers[layer.name].op == "conv"
            o.residual = index[min(sum_layer.inputs, key=position.get)]
        for read in (o.input, o.residual):
            if read >= 0:
                operations[read].last_use = len(operations)
        index[layer.name] = len(operations)
        if sum_layer is not None:
            index[sum_layer.name] = len(operations)
        operations.append(o)
    return (Operation * len(operations))(*operations)


class Stream:
    def __init__(self, engine, scenario):
        self.engine = engine
        self.values = np.ascontiguousarray(engine.values[:scenario.batch])
        self.features = np.zeros((scenario.batch, engine.context["n_features"]), np.float32)
        self.driver = engine.library.driver_open(engine.operations, len(engine.operations), engine.context["input_px"], scenario.batch,
                                                 scenario.threads)

    def run(self):
        self.engine.library.driver_run(self.driver, self.values.ctypes.data, self.features.ctypes.data)

    def close(self):
        pass


class Engine:
    name = "oneDNN"
    precisions = ("fp32",)
    flags = "C API, GNU OpenMP, convolution_auto, any layout, sum and activation fused"

    def __init__(self, context):
        if not os.path.exists(sys.prefix + "/include/oneapi/dnnl/dnnl.h"):
            raise Absent("no package onednn-devel-cpu-gomp")
        self.context = context
        self.library = compile_driver("driver_onednn.c", context["work"], sys.prefix + "/include", sys.prefix + "/lib", "dnnl", "-fopenmp")
        self.library.driver_open.restype = ctypes.c_void_p
        self.library.driver_run.argtypes = [ctypes.c_void_p] * 3
        self.library.driver_version.restype = ctypes.c_char_p
        self.kept = [network_file.read(context["network"])]
        self.operations = operations_of(self.kept[0], self.kept)
        self.values = np.load(context["values_nhwc"])

    def version(self):
        return self.library.driver_version().decode()

    def open(self, precision, scenario):
        return [Stream(self, scenario) for _ in range(scenario.streams)]
