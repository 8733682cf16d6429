# SPDX-License-Identifier: Apache-2.0
"""A network as ONNX: float32, NCHW, batch of any size; input `image` (preprocessed), output `features`."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(network, path):
    nodes = []
    constants = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("zero", 0), ("six", 6))]
    for layer in network.layers:
        pads = [layer.before, layer.before, layer.after, layer.after]
        window = {"kernel_shape": [layer.kernel] * 2, "strides": [layer.stride] * 2, "pads": pads}
        last = layer.name if layer.activation == "none" else layer.name + "/sum"
        if layer.op in ("conv", "depthwise"):
            # [out][y][x][in] -> [out][in][y][x], which a depthwise weight [channels][y][x][1] is as well
            constants.append(numpy_helper.from_array(np.ascontiguousarray(layer.weight.transpose(0, 3, 1, 2)), layer.name + "/w"))
            constants.append(numpy_helper.from_array(layer.bias, layer.name + "/b"))
            nodes.append(helper.make_node("Conv", [layer.inputs[0], layer.name + "/w", layer.name + "/b"], [last],
                                          group=layer.channels if layer.op == "depthwise" else 1, **window))
        elif layer.op == "add":
            nodes.append(helper.make_node("Add", layer.inputs, [last]))
        elif layer.op == "max_pool":
            nodes.append(helper.make_node("MaxPool", layer.inputs, [last], **window))
        else:
            nodes.append(helper.make_node("GlobalAveragePool", layer.inputs, [layer.name + "/map"]))
            nodes.append(helper.make_node("Flatten", [layer.name + "/map"], ["features"], axis=1))
        if layer.activation == "relu":
            nodes.append(helper.make_node("Relu", [last], [layer.name]))
        elif layer.activation == "relu6":
            nodes.append(helper.make_node("Clip", [last, "zero", "six"], [layer.name]))
    side = network.input_px
    graph = helper.make_graph(nodes, network.name,
                              [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, side, side])],
                              [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", network.n_features])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
