# SPDX-License-Identifier: Apache-2.0
"""The C library beside this file, loaded once, with its functions typed from its own headers.

ctypes lets go of the interpreter's lock while a function of the library runs, so threads work side by side.
"""

import ctypes
import importlib.util
import os
import re

from pomona import _declarations as c

# Tables are DuckDB's work, which the C library opens when it comes to them: PyPI's duckdb carries all of it in this module.
_duckdb = importlib.util.find_spec("_duckdb")
if _duckdb is not None and _duckdb.origin:
    os.environ.setdefault("POMONA_DUCKDB", _duckdb.origin)

_library = ctypes.CDLL(os.environ.get("POMONA_LIBRARY") or os.path.join(os.path.dirname(__file__), "libpomona.so"))
for _name, (_result, *_parameters) in c.FUNCTIONS.items():
    _function = getattr(_library, _name)
    _function.restype, _function.argtypes = _result, _parameters
    globals()[_name] = _function

free = ctypes.CDLL(None).free
free.argtypes = [ctypes.c_void_p]
_STATUS_NAMES = {value: name for name, value in vars(c).items() if name.startswith("POM_ERROR_")}


class Error(Exception):
    """What the library refuses: `status` as in pomona/status.h, `reason` one word to group by, and a sentence."""

    is_general = False  # of a file that cannot be read: others would fail for the same reason

    def __init__(self, status, reason, message):
        super().__init__(message)
        self.status, self.reason, self.message = status, reason, message

    def __reduce__(self):
        return Error, (self.status, self.reason, self.message)


def call(function, *arguments):
    """function(*arguments, &err); raises Error unless it succeeds."""
    err = c.pom_error()
    if function(*arguments, ctypes.byref(err)) != 0:
        raise error_of(err)


def error_of(err):
    """The Error that a struct pom_error tells of. The library's sentences name commands, which a wheel comes without."""
    status = _STATUS_NAMES.get(err.status, "POM_ERROR").removeprefix("POM_ERROR_").lower()
    reason, message = err.reason.decode(), err.message.decode(errors="backslashreplace")
    message = re.sub("`pomona network (pull|convert)[^`]*`", lambda found: f"{found[0]} (here pomona.{found[1]}_network)", message)
    return Error(status, reason, message)


def options(structure, **values):
    """A structure of options with its defaults, and with those of `values` that are not None."""
    filled = structure()
    getattr(_library, structure.__name__ + "_init")(ctypes.byref(filled))
    for name, value in values.items():
        if value is not None:
            if name not in dict(structure._fields_):
                raise TypeError(f"{structure.__name__} has no {name}")
            setattr(filled, name, value)
    return filled


def saved(function, handle):
    """The bytes that a pom_..._save_memory function gives."""
    data, size_bytes = ctypes.c_void_p(), ctypes.c_size_t()
    call(function, handle, ctypes.byref(data), ctypes.byref(size_bytes))
    try:
        return ctypes.string_at(data, size_bytes.value)
    finally:
        free(data)


def text(value):
    return os.fsencode(value)
