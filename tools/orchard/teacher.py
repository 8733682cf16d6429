# SPDX-License-Identifier: Apache-2.0
"""The teacher: the ImageNet MobileNetV2, run by torch for the table and by Pomona's own library for the pool.

The library is what the project is about: on one core it answers several times as often as torch, so the
pool's pictures can be shown to the teacher at its full 224 px.
"""

import ctypes

import numpy as np

from data import TEACHER_KERAS, TEACHER_SLIM
from model import from_folded, mobilenetv2


def load_teacher():
    """The network in torch, from the folded arrays of TensorFlow Slim, in network order."""
    layers, arrays, folded = mobilenetv2(1.0), np.load(TEACHER_SLIM), {}
    names = [
        key[: -len("/w_ohwi")] for key in arrays if key.endswith("/w_ohwi") and not key.startswith("Logits")
    ]
    convolutions = [layer for layer in layers if layer["op"] in ("conv", "depthwise")]
    if len(names) != len(convolutions):
        raise ValueError(f"{TEACHER_SLIM}: {len(names)} convolutions, expected {len(convolutions)}")
    for name, layer in zip(names, convolutions):
        weight = arrays[name + "/w_ohwi"]
        if layer["op"] == "depthwise":  # [1, 3, 3, channels] in that file
            weight = weight.transpose(3, 1, 2, 0)
        folded[layer["name"]] = (weight, arrays[name + "/b"])
    return from_folded(layers, folded)


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("reason", ctypes.c_char * 32), ("message", ctypes.c_char * 988)]


class Picture(ctypes.Structure):
    _fields_ = [
        ("pixels", ctypes.POINTER(ctypes.c_uint8)),
        ("width_px", ctypes.c_int),
        ("height_px", ctypes.c_int),
        ("capacity_bytes", ctypes.c_size_t),
    ]


class LibraryTeacher:
    """Features by libpomona (include/pomona/features.h), one thread."""

    N_FEATURES = 1280

    def __init__(self, library, network_file):
        self.library, self.error = ctypes.CDLL(str(library)), Error()
        if not network_file.exists():
            self.call("pom_network_convert", str(TEACHER_KERAS).encode(), str(network_file).encode(), None)
        network, self.extractor = ctypes.c_void_p(), ctypes.c_void_p()
        self.call("pom_network_open", ctypes.byref(network), str(network_file).encode())
        self.call("pom_extractor_new", ctypes.byref(self.extractor), network, None)

    def call(self, function, *arguments):
        if getattr(self.library, function)(*arguments, ctypes.byref(self.error)):
            raise RuntimeError(self.error.message.decode())

    def __call__(self, pixels):
        """float32 [n, 1280] of uint8 pixels [n, h, w, 3], which the library resizes to 224 px."""
        features = np.empty((len(pixels), self.N_FEATURES), np.float32)
        for picture, row in zip(np.ascontiguousarray(pixels), features):
            address = picture.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8))
            image = Picture(address, picture.shape[1], picture.shape[0], picture.nbytes)
            self.call(
                "pom_extract_image",
                self.extractor,
                ctypes.byref(image),
                row.ctypes.data_as(ctypes.POINTER(ctypes.c_float)),
            )
        return features
