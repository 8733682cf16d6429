# SPDX-License-Identifier: Apache-2.0
"""A type checker, at its strictest, finds what a user's program asks the package for, and a program that is wrong is refused."""

import os
import subprocess
import sys
import tempfile

SOURCE = os.environ["POMONA_SOURCE"]


def check(program):
    """-> what mypy prints about the program; nothing when it is right"""
    environment = {**os.environ, "MYPYPATH": os.path.join(SOURCE, "bindings", "python")}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(program)
        done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", "--no-error-summary",
                               "--cache-dir", os.path.join(folder, "cache"), path],
                              env=environment, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


with open(os.path.join(SOURCE, "tests", "python", "typed_program.py"), encoding="utf-8") as file:
    right = file.read()
complaints = check(right)
assert not complaints, complaints
complaints = check(right.replace("setK(40)", 'setK("forty")').replace("PCAModel,", "PCAMode,"))
assert "arg-type" in complaints and "PCAMode" in complaints, complaints
