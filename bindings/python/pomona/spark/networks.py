# SPDX-License-Identifier: Apache-2.0
"""A network's way to the executors: read on the driver, broadcast once, opened once in each worker process."""

import gc
import sys
import zipimport

import pomona
from pomona import source

# Of this worker process: networks by what made them, so that each is opened once and not once a task.
_networks = {}


class SharedNetwork:
    """What a task needs to open the driver's network; goes to the executors by pickling."""

    def __init__(self, spark, name, *, precision="fp32", s3=None):
        file = pomona.network_file(name)
        data = source.read(file, s3=s3) if file is not None and file.startswith("s3://") else None
        network = pomona.Network(name, precision=precision) if data is None else pomona.Network(data=data, precision=precision)
        if file is not None and data is None:
            data = source.read(file)
        self.identity, self.precision = network.identity, precision
        self._data = None if data is None else spark.sparkContext.broadcast(data)

    def open(self):
        """The pomona.Network, in a task."""
        key = self.identity, self.precision
        if key not in _networks:
            given = {"name_or_path": "orchard"} if self._data is None else {"data": self._data.value}
            network = pomona.Network(**given, precision=self.precision)
            if network.identity != self.identity:
                raise RuntimeError(f"this worker's pomona brings network {network.identity}, the driver's {self.identity}: "
                                   "install the same version on both")
            _networks[key] = network
            gc.freeze()
        _forget_archives()
        return _networks[key]


def _forget_archives():
    """Spark has Python forget what it knows of sys.path before each task, and collect its garbage after each. An archive, as
    pyspark.zip is, would have its directory read anew, and all modules be gone through: 0.14 s, in which a core does 30 photos.
    """
    for path, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimport.zipimporter):
            del sys.path_importer_cache[path]  # made again, from a directory that is kept, for the next import
