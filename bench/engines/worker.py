# SPDX-License-Identifier: Apache-2.0
"""One engine in a process of its own: no library meets another one's threads. Obeys lines of JSON on stdin.

Usage: worker.py ENGINE CONTEXT.json SCENARIO
"""
import importlib
import json
import os
import sys
import threading
import time

import numpy as np

from engine_types import SCENARIOS, Absent


class Worker:
    def __init__(self, name, context, scenario):
        # Before any library looks: one thread stays on one core, the same for every engine.
        if scenario.cores == 1:
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        self.scenario = scenario
        self.engine = importlib.import_module("engine_" + name).Engine(context)
        self.work, self.streams = context["work"], []

    def open(self, precision):
        """Opens, runs once, and leaves the features of the first stream in a file."""
        for stream in self.streams:
            stream.close()
        self.streams = []
        if precision not in self.engine.precisions:
            raise Absent(f"no {precision}")
        self.streams = self.engine.open(precision, self.scenario)
        for _ in range(3):
            self.streams[0].run()
        path = f"{self.work}/{self.engine.name}.npy"
        np.save(path, np.array(self.streams[0].features))
        return {"features": path, "name": self.engine.name, "version": self.engine.version(), "flags": self.engine.flags}

    def measure(self, seconds):
        """Photos per second, all streams together."""
        rates, gate = [0.0] * len(self.streams), threading.Barrier(len(self.streams))

        def loop(index):
            stream, n_photos = self.streams[index], 0
            stream.run()
            gate.wait()
            began = time.perf_counter()
            while (elapsed := time.perf_counter() - began) < seconds:
                stream.run()
                n_photos += self.scenario.batch
            rates[index] = n_photos / elapsed

        threads = [threading.Thread(target=loop, args=(i,)) for i in range(1, len(self.streams))]
        for thread in threads:
            thread.start()
        loop(0)
        for thread in threads:
            thread.join()
        return {"photos_per_second": sum(rates)}

    def limit(self, seconds):
        return {"macs_per_second": self.engine.limit(self.scenario.cores, seconds)}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    name, context, scenario = sys.argv[1:4]
    try:
        with open(context) as file:
            worker = Worker(name, json.load(file), SCENARIOS[int(scenario)])
        answer = {}
    except Absent as reason:
        worker, answer = None, {"absent": str(reason)}
    while True:
        print(json.dumps(answer), file=answers, flush=True)
        line = sys.stdin.readline()
        if not line or worker is None:
            break
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request) or {}
        except Absent as reason:
            answer = {"absent": str(reason)}


main()
