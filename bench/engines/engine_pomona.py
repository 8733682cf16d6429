# SPDX-License-Identifier: Apache-2.0
"""Pomona, in process, through its public C API: bytes of the photo at the network's size to features."""
import ctypes
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from engine_types import Absent, compile_driver


class Stream:
    def __init__(self, engine, precision, scenario, photos):
        self.engine, self.photos = engine, photos[:scenario.batch]
        self.features = np.zeros((scenario.batch, engine.n_features), np.float32)
        inside = scenario.threads if scenario.batch == 1 else 1
        n_drivers = 1 if scenario.batch == 1 else scenario.threads
        self.shares = np.array_split(np.arange(scenario.batch), n_drivers)
        self.drivers = [engine.new_driver(precision, inside) for _ in range(n_drivers)]
        self.pool = ThreadPoolExecutor(n_drivers) if n_drivers > 1 else None

    def _run(self, index):
        share = self.shares[index]
        failed = self.engine.library.driver_run(
            self.drivers[index], self.photos[share[0]:].ctypes.data_as(ctypes.c_void_p), len(share),
            self.features[share[0]:].ctypes.data_as(ctypes.c_void_p))
        assert not failed

    def run(self):
        if self.pool is None:
            self._run(0)
        else:
            list(self.pool.map(self._run, range(len(self.drivers))))

    def close(self):
        for driver in self.drivers:
            self.engine.library.driver_close(driver)


class Engine:
    name = "Pomona"
    precisions = ("fp32", "int16", "int8")

    def __init__(self, context):
        self.context = context
        source = context["source"]
        self.library = compile_driver("driver_pomona.c", context["work"], f"{source}/include", context["pomona_library"], "pomona")
        self.library.driver_open.restype = ctypes.c_void_p
        self.library.driver_open.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p,
                                             ctypes.c_size_t]
        self.library.driver_run.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p]
        self.library.driver_close.argtypes = [ctypes.c_void_p]
        self.library.driver_limit.restype = ctypes.c_double
        self.library.driver_limit.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_double]
        self.library.driver_cpu.restype = self.library.driver_version.restype = ctypes.c_char_p
        self.library.driver_cpu.argtypes = [ctypes.c_char_p]
        self.cpu = os.environ.get("POMONA_CPU", "").encode() or None
        self.photos = np.load(context["photos"])
        self.n_features = context["n_features"]
        self.flags = f"kernel set {self.library.driver_cpu(self.cpu).decode()}"

    def version(self):
        return self.library.driver_version().decode()

    def new_driver(self, precision, n_threads):
        message = ctypes.create_string_buffer(1000)
        driver = self.library.driver_open(self.context["network"].encode(), self.cpu, precision.encode(), n_threads, message, 1000)
        if not driver:
            raise Absent(message.value.decode())
        return driver

    def open(self, precision, scenario):
        return [Stream(self, precision, scenario, self.photos) for _ in range(scenario.streams)]

    def limit(self, n_threads, seconds):
        return self.library.driver_limit(self.cpu, n_threads, seconds)
