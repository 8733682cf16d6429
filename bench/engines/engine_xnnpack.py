# SPDX-License-Identifier: Apache-2.0
"""XNNPACK, as LiteRT (TensorFlow Lite) carries it. int8: LiteRT's static quantisation, s8 x s8 per channel, calibrated on photos."""
import os

import numpy as np

from engine_types import Absent


def quantize(context, source, path):
    try:
        from litert_quantizer import Quantizer, recipe
    except ImportError as missing:
        raise Absent(f"int8 needs litert-quantizer: {missing}")
    values = np.load(context["calibration_nhwc"])
    quantizer = Quantizer(source, recipe.static_wi8_ai8())
    calibrated = quantizer.calibrate({"serving_default": [{"image": values[i:i + 1]} for i in range(len(values))]})
    quantizer.quantize(calibrated).export_model(path)


class Stream:
    def __init__(self, path, scenario, values):
        from ai_edge_litert.interpreter import Interpreter
        self.interpreter = Interpreter(path, num_threads=scenario.threads)
        self.interpreter.resize_tensor_input(0, [scenario.batch, *values.shape[1:]])
        self.interpreter.allocate_tensors()
        self.input, self.output = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        if self.input["dtype"] != np.float32:  # the photo is given in the input's own integers
            scale, zero = self.input["quantization"]
            limits = np.iinfo(self.input["dtype"])
            values = np.clip(np.rint(values / scale) + zero, limits.min, limits.max).astype(self.input["dtype"])
        self.interpreter.set_tensor(self.input["index"], values[:scenario.batch])

    def run(self):
        self.interpreter.invoke()

    @property
    def features(self):
        features = self.interpreter.get_tensor(self.output["index"])
        if features.dtype != np.float32:
            scale, zero = self.output["quantization"]
            features = (features.astype(np.float32) - zero) * scale
        return features

    def close(self):
        pass


class Engine:
    name = "XNNPACK"
    precisions = ("fp32", "int8")
    flags = "LiteRT's default delegate; int8: litert-quantizer static_wi8_ai8"

    def __init__(self, context):
        self.context = context
        try:
            import ai_edge_litert
        except ImportError as missing:
            raise Absent(str(missing))
        if "tflite" not in context:
            raise Absent("no TFLite model was written")
        from importlib.metadata import version
        self._version = "LiteRT " + version("ai-edge-litert")
        self.values = np.load(context["values_nhwc"])

    def version(self):
        return self._version

    def open(self, precision, scenario):
        path = self.context["tflite"]
        if precision == "int8":
            path = path.replace(".tflite", ".int8.tflite")
            if not os.path.exists(path):
                quantize(self.context, self.context["tflite"], path)
        return [Stream(path, scenario, self.values) for _ in range(scenario.streams)]
