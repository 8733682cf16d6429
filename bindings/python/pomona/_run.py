# SPDX-License-Identifier: Apache-2.0
"""pomona/pipeline.h for Python: a whole run, and the making of its parts in other processes."""

import ctypes
import weakref

from pomona import _declarations as c
from pomona import _library as library
from pomona.pca import solver

_FIELDS = dict(c.pom_run_options._fields_)


def run_options(values):
    """struct pom_run_options from its fields by name ("network", "resize.filter", "s3.region"); those that are None are left."""
    options = c.pom_run_options()
    library.pom_run_options_init(ctypes.byref(options))
    for name, value in values.items():
        if value is None:
            continue
        *path, field = name.split(".")
        place = options
        for step in path:
            place = getattr(place, step)
        if field not in dict(type(place)._fields_):
            raise TypeError(f"pom_run_options has no {name}")
        setattr(place, field, library.text(value) if isinstance(value, str) else value)
    return options


def run(values, *, on_event, should_stop, make_parts):
    """pom_run. on_event(event), should_stop() -> bool, make_parts(Parts) are called on this thread; what they raise ends the run."""
    options = run_options(values)
    raised = []

    def guarded(function, failed):
        def call(*arguments):
            try:
                return function(*arguments)
            except BaseException as error:  # C in between: it must not be lost
                raised.append(error)
                return failed

        return call

    def made(_user, parts, err):
        status = guarded(lambda: make_parts(Parts(parts)) or 0, None)()
        if status is None:
            failure = raised[-1] if isinstance(raised[-1], library.Error) else None
            err.contents.status = getattr(c, "POM_ERROR_" + failure.status.upper()) if failure else c.POM_ERROR_IO
            err.contents.reason = (failure.reason if failure else "make_parts").encode()[:31]
            err.contents.message = str(raised[-1]).encode(errors="backslashreplace")[:987]
            return err.contents.status
        return 0

    callbacks = {
        "on_event": guarded(lambda _user, event: on_event(event.contents), None),
        "should_stop": guarded(lambda _user: int(bool(raised) or should_stop()), 1),
        "make_parts": made,
    }
    kept = {name: _FIELDS[name](function) for name, function in callbacks.items()}
    for name, function in kept.items():
        setattr(options, name, function)
    if solver() is not None:
        options.pca.solve_symmetric = solver()
    result = c.pom_run_result()
    try:
        library.call(library.pom_run, ctypes.byref(options), ctypes.byref(result))
    except library.Error:
        others = [error for error in raised if not isinstance(error, library.Error)]
        if others:
            raise others[0]
        raise
    return result


class Parts:
    """What a run wants made; lives as long as the call of make_parts."""

    def __init__(self, handle):
        self._handle = handle

    def tasks(self):
        """One bytes object a part, for PartMaker.make."""
        return [self._task(index) for index in range(library.pom_parts_count(self._handle))]

    def _task(self, index):
        data, size_bytes = ctypes.c_void_p(), ctypes.c_size_t()
        library.call(library.pom_parts_task, self._handle, index, ctypes.byref(data), ctypes.byref(size_bytes))
        try:
            return ctypes.string_at(data, size_bytes.value)
        finally:
            library.free(data)

    def made(self, report=None):
        """Tells the run what a part maker reported, or nothing new. Raises Error when the run is to stop."""
        library.call(library.pom_parts_made, self._handle, None if report is None else report.encode())


class PartMaker:
    """Makes parts of the run with these options, with the network that it has open."""

    def __init__(self, values, network):
        self._kept = run_options(values), network
        self._handle = ctypes.c_void_p()
        library.call(library.pom_part_maker_new, ctypes.byref(self._handle), ctypes.byref(self._kept[0]), network._handle)
        weakref.finalize(self, _release, self._handle, self._kept)

    def make(self, task):
        report = ctypes.c_char_p()
        library.call(library.pom_part_maker_make, self._handle, task, len(task), ctypes.byref(report))
        try:
            return report.value.decode()
        finally:
            library.free(ctypes.cast(report, ctypes.c_void_p))


def _release(handle, _kept):
    library.pom_part_maker_free(handle)
