# SPDX-License-Identifier: Apache-2.0
"""OpenVINO's CPU plugin (oneDNN inside). int8: NNCF's post-training quantisation, calibrated on photos."""
import os

import numpy as np

from engine_types import Absent


def quantize(context, model):
    import logging
    logging.disable(logging.WARNING)
    try:
        import nncf
    except ImportError as missing:
        raise Absent(f"int8 needs NNCF: {missing}")
    values = np.load(context["calibration_nchw"])
    data = nncf.Dataset([values[i:i + 1] for i in range(len(values))])
    return nncf.quantize(model, data, subset_size=len(values), preset=nncf.QuantizationPreset.MIXED)


class Stream:
    def __init__(self, compiled, values, scenario):
        import openvino
        self.request = compiled.create_infer_request()
        self.values = np.ascontiguousarray(values[:scenario.batch])
        self.request.set_input_tensor(openvino.Tensor(self.values, shared_memory=True))

    def run(self):
        self.request.infer()

    @property
    def features(self):
        return self.request.get_output_tensor().data

    def close(self):
        pass


class Engine:
    name = "OpenVINO"
    precisions = ("fp32", "int8")
    flags = "INFERENCE_PRECISION_HINT f32, shapes fixed, no CPU pinning; int8: NNCF quantize, preset MIXED"

    def __init__(self, context):
        self.context = context
        try:
            import openvino
        except ImportError as missing:
            raise Absent(str(missing))
        self._version = openvino.__version__.split("-")[0]
        self.values = np.load(context["values_nchw"])
        self.core = openvino.Core()

    def version(self):
        return self._version

    def open(self, precision, scenario):
        import openvino
        path = self.context["onnx"]
        quantized = path.replace(".onnx", ".nncf.xml")
        if precision == "int8":
            if not os.path.exists(quantized):
                openvino.save_model(quantize(self.context, self.core.read_model(path)), quantized, compress_to_fp16=False)
            path = quantized
        model = self.core.read_model(path)
        side = self.context["input_px"]
        model.reshape([scenario.batch, 3, side, side])
        compiled = self.core.compile_model(model, "CPU", {
            "INFERENCE_NUM_THREADS": scenario.cores, "NUM_STREAMS": scenario.streams, "INFERENCE_PRECISION_HINT": "f32",
            "ENABLE_CPU_PINNING": False})
        return [Stream(compiled, self.values, scenario) for _ in range(scenario.streams)]
