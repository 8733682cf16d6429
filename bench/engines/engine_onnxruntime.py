# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime, CPU provider. int8: its static quantisation, QDQ, per channel, u8 activations, s8 weights, calibrated on photos."""
import os

import numpy as np

from engine_types import Absent


class Calibration:
    def __init__(self, values):
        self.rest = iter([{"image": values[i:i + 1]} for i in range(len(values))])

    def get_next(self):
        return next(self.rest, None)


def quantize(context, source, path):
    import logging
    logging.disable(logging.WARNING)
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    prepared = path + ".prepared"
    quant_pre_process(source, prepared, skip_symbolic_shape=True)
    quantize_static(prepared, path, Calibration(np.load(context["calibration_nchw"])), quant_format=QuantFormat.QDQ, per_channel=True,
                    activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax)


class Stream:
    def __init__(self, path, scenario, values, n_features):
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = scenario.threads, 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.values = np.ascontiguousarray(values[:scenario.batch])
        self.features = np.zeros((scenario.batch, n_features), np.float32)
        self.binding = self.session.io_binding()  # both arrays are used where they are
        self.binding.bind_input("image", "cpu", 0, np.float32, self.values.shape, self.values.ctypes.data)
        self.binding.bind_output("features", "cpu", 0, np.float32, self.features.shape, self.features.ctypes.data)

    def run(self):
        self.session.run_with_iobinding(self.binding)

    def close(self):
        pass


class Engine:
    name = "ONNX Runtime"
    precisions = ("fp32", "int8")
    flags = "all graph optimisations; int8: quantize_static, QDQ, per channel, u8 x s8"

    def __init__(self, context):
        self.context = context
        try:
            import onnxruntime
        except ImportError as missing:
            raise Absent(str(missing))
        self._version = onnxruntime.__version__
        self.values = np.load(context["values_nchw"])

    def version(self):
        return self._version

    def open(self, precision, scenario):
        path = self.context["onnx"]
        if precision == "int8":
            path = path.replace(".onnx", ".int8.onnx")
            if not os.path.exists(path):
                quantize(self.context, self.context["onnx"], path)
        return [Stream(path, scenario, self.values, self.context["n_features"]) for _ in range(scenario.streams)]
