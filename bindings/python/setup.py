# SPDX-License-Identifier: Apache-2.0
"""The package holds a library for one processor, but no extension module: one wheel serves every Python 3."""

import os

from setuptools import Distribution, setup


class WithLibrary(Distribution):
    def has_ext_modules(self):
        return True


setup(distclass=WithLibrary, version=os.environ["POMONA_VERSION"])
