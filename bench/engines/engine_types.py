# SPDX-License-Identifier: Apache-2.0
"""What every engine is to the benchmark, and the scenarios in which it is measured.

An engine is a class with `name`, `precisions`, `version()`, `flags` (one line: how it was set up) and `open(precision,
scenario)`, which returns one Stream per stream of the scenario. A stream belongs to one thread; its run() takes one batch
of photos, ready for the engine, through the network. Its `features` are those of the last run.
"""
import ctypes
import os
import subprocess
from dataclasses import dataclass


class Absent(Exception):
    """The engine, or this precision of it, is not to be had here; the text says why."""


@dataclass(frozen=True)
class Scenario:
    name: str
    threads: int  # that one batch may use
    streams: int  # batches in flight, each with threads of its own
    batch: int

    @property
    def cores(self):
        return self.threads * self.streams


SCENARIOS = [
    Scenario("1 thread, batch 1", 1, 1, 1),
    Scenario("1 thread, batch 16", 1, 1, 16),
    Scenario("2 threads, one photo each", 1, 2, 1),
    Scenario("2 threads, batch 16", 2, 1, 16),
    Scenario("2 threads on one photo", 2, 1, 1),
]


def compile_driver(source, work, include, library_folder, library, *flags):
    """A driver of ours, compiled against an installed library."""
    folder = os.path.dirname(os.path.abspath(__file__))
    output = os.path.join(work, os.path.basename(source).replace(".c", ".so"))
    command = [os.environ.get("CC", "cc"), "-O2", "-shared", "-fPIC", f"-I{include}", os.path.join(folder, source), "-o", output,
               f"-L{library_folder}", f"-Wl,-rpath,{library_folder}", f"-l{library}", *flags]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        raise Absent(f"its driver does not compile: {made.stderr.strip().splitlines()[0]}")
    return ctypes.CDLL(output)
