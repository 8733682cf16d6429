# SPDX-License-Identifier: Apache-2.0
"""spark-submit takes a file, not a module: this is `python -m pomona.spark`."""

import runpy

runpy.run_module("pomona.spark", run_name="__main__", alter_sys=True)
