# SPDX-License-Identifier: Apache-2.0
"""A network as a TFLite model: float32, NHWC, batch 1 until it is resized; signature image -> features.

TFLite knows two paddings: TensorFlow's SAME, and none. Where a layer's is another, the map is padded by a layer of its own,
as converters do.
"""
import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as tfl

_ACTIVATION = {"none": tfl.ActivationFunctionType.NONE, "relu": tfl.ActivationFunctionType.RELU,
               "relu6": tfl.ActivationFunctionType.RELU6}
_Op, _Options = tfl.BuiltinOperator, tfl.BuiltinOptions


class _Model:
    def __init__(self):
        self.buffers, self.tensors, self.operators, self.codes, self.index = [tfl.BufferT()], [], [], [], {}

    def tensor(self, name, shape, data=None):
        tensor = tfl.TensorT()
        tensor.name, tensor.shape, tensor.type = name.encode(), list(shape), tfl.TensorType.FLOAT32
        if data is not None:
            buffer = tfl.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            tensor.type = tfl.TensorType.INT32 if data.dtype == np.int32 else tfl.TensorType.FLOAT32
            self.buffers.append(buffer)
        self.index[name] = len(self.tensors)
        self.tensors.append(tensor)
        return self.index[name]

    def operator(self, code, inputs, output, options_type=_Options.NONE, options=None):
        if code not in self.codes:
            self.codes.append(code)
        operator = tfl.OperatorT()
        operator.opcodeIndex, operator.inputs, operator.outputs = self.codes.index(code), inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.operators.append(operator)


def _window(options, layer, padding):
    options.padding, options.strideW, options.strideH = padding, layer.stride, layer.stride
    options.fusedActivationFunction = _ACTIVATION[layer.activation]
    return options


def _is_same(layer):
    total = max((-(-layer.in_px // layer.stride) - 1) * layer.stride + layer.kernel - layer.in_px, 0)
    return (layer.before, layer.after) == (total // 2, total - total // 2)


def _padding(model, layer, source):
    """The padding kind, and the tensor to read: padded by an operator where TFLite has no such padding."""
    if layer.op not in ("conv", "depthwise", "max_pool") or _is_same(layer):
        return tfl.Padding.SAME, source
    if layer.op == "max_pool":  # of values that a ReLU made: padding with 0 is padding with nothing
        assert layer.before + layer.after > 0
    side = layer.in_px + layer.before + layer.after
    pads = np.array([[0, 0], [layer.before, layer.after], [layer.before, layer.after], [0, 0]], np.int32)
    padded = model.tensor(layer.name + "/padded", [1, side, side, layer.in_channels])
    model.operator(_Op.PAD, [source, model.tensor(layer.name + "/pads", [4, 2], pads)], padded, _Options.PadOptions,
                   tfl.PadOptionsT())
    return tfl.Padding.VALID, padded


def _signature(n_input, n_output):
    signature = tfl.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    maps = []
    for name, index in ((b"image", n_input), (b"features", n_output)):
        tensor_map = tfl.TensorMapT()
        tensor_map.name, tensor_map.tensorIndex = name, index
        maps.append([tensor_map])
    signature.inputs, signature.outputs = maps
    return signature


def write(network, path):
    model = _Model()
    model.tensor("image", [1, network.input_px, network.input_px, 3])
    for layer in network.layers:
        padding, source = _padding(model, layer, model.index[layer.inputs[0]])
        is_last = layer.op == "global_average_pool"
        output = model.tensor(layer.name, [1, layer.channels] if is_last else [1, layer.out_px, layer.out_px, layer.channels])
        if layer.op == "conv":
            weight = model.tensor(layer.name + "/w", layer.weight.shape, layer.weight)
            bias = model.tensor(layer.name + "/b", layer.bias.shape, layer.bias)
            model.operator(_Op.CONV_2D, [source, weight, bias], output, _Options.Conv2DOptions,
                           _window(tfl.Conv2DOptionsT(), layer, padding))
        elif layer.op == "depthwise":
            values = layer.weight.transpose(3, 1, 2, 0)
            weight = model.tensor(layer.name + "/w", values.shape, values)
            bias = model.tensor(layer.name + "/b", layer.bias.shape, layer.bias)
            options = _window(tfl.DepthwiseConv2DOptionsT(), layer, padding)
            options.depthMultiplier = 1
            model.operator(_Op.DEPTHWISE_CONV_2D, [source, weight, bias], output, _Options.DepthwiseConv2DOptions, options)
        elif layer.op == "add":
            options = tfl.AddOptionsT()
            options.fusedActivationFunction = _ACTIVATION[layer.activation]
            model.operator(_Op.ADD, [model.index[name] for name in layer.inputs], output, _Options.AddOptions, options)
        elif layer.op == "max_pool":
            options = _window(tfl.Pool2DOptionsT(), layer, padding)
            options.filterWidth = options.filterHeight = layer.kernel
            model.operator(_Op.MAX_POOL_2D, [source], output, _Options.Pool2DOptions, options)
        else:
            axes = model.tensor(layer.name + "/axes", [2], np.array([1, 2], np.int32))
            model.operator(_Op.MEAN, [source, axes], output, _Options.ReducerOptions, tfl.ReducerOptionsT())

    graph = tfl.SubGraphT()
    graph.tensors, graph.operators, graph.name = model.tensors, model.operators, b"main"
    graph.inputs, graph.outputs = [0], [model.index[network.layers[-1].name]]
    whole = tfl.ModelT()
    whole.version, whole.subgraphs, whole.buffers, whole.description = 3, [graph], model.buffers, network.name.encode()
    whole.operatorCodes = []
    for code in model.codes:
        operator_code = tfl.OperatorCodeT()
        operator_code.builtinCode = operator_code.deprecatedBuiltinCode = code
        operator_code.version = 1
        whole.operatorCodes.append(operator_code)
    whole.signatureDefs = [_signature(graph.inputs[0], graph.outputs[0])]
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), b"TFL3")
    with open(path, "wb") as file:
        file.write(builder.Output())
