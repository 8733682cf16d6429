# SPDX-License-Identifier: Apache-2.0
"""What a run says, as the program says it where stderr is no terminal: lines on stderr, or JSON on stdout."""

import json
import os
import sys

from pomona import _declarations as c

_KINDS = ["stage", "progress", "message", "warning", "done"]
_SECONDS_BETWEEN_LINES = 5.0
_USAGE = {"argument", "not_found", "exists", "mismatch", "unsupported"}


class Terminal:
    def __init__(self, is_json, is_quiet):
        self.is_json, self.is_quiet = is_json, is_quiet
        self._last_line_seconds = 0.0

    def show(self, event):
        if self.is_json:
            self._show_json(event)
        elif not self.is_quiet:
            self._show_line(event)

    def _show_json(self, event):
        record = {"event": _KINDS[event.kind], "stage": event.stage.decode()}
        if event.message is not None:
            record["message"] = os.fsdecode(event.message)
        else:
            record.update(total=event.n_total, done=event.n_done, failed=event.n_failed, seconds=round(event.seconds, 3),
                          photos_per_second=round(event.photos_per_second, 2))
        print(json.dumps(record), flush=True)

    def _show_line(self, event):
        if event.kind == c.POM_EVENT_STAGE:
            self._last_line_seconds = 0.0
        elif event.kind == c.POM_EVENT_PROGRESS:
            is_last = event.n_done >= event.n_total
            if event.n_total == 0 or not (is_last or event.seconds - self._last_line_seconds >= _SECONDS_BETWEEN_LINES):
                return
            self._last_line_seconds = event.seconds
            stage = event.stage.decode()
            line = f"{stage}: {event.n_done} of {event.n_total}"
            if event.photos_per_second > 0:
                line += f", {event.photos_per_second:.1f} {'photos' if stage == 'extract' else 'rows'}/s"
            if event.n_failed > 0:
                line += f", {event.n_failed} failed"
            _say(line)
        elif event.kind in (c.POM_EVENT_MESSAGE, c.POM_EVENT_WARNING):
            _say(("warning: " if event.kind == c.POM_EVENT_WARNING else "") + os.fsdecode(event.message))

    def summarise(self, values, result):
        if self.is_json or self.is_quiet or values.get("dry_run"):
            return
        rate = f", {result.photos_per_second:.1f} photos/s" if result.photos_per_second > 0 else ""
        _say(f"{result.n_listed} photos: {result.n_written} written, {result.n_failed} failed; {result.seconds:.1f} s{rate}")
        if result.n_failed > 0:
            _say(f"why they failed: {values['output']}/failures")
        if not values.get("no_report"):
            _say(f"look at: {values['output']}/report.html")

    def fail(self, error):
        """Prints a pomona.Error and returns the exit code that goes with it."""
        if self.is_json:
            print(json.dumps({"event": "error", "status": error.status, "reason": error.reason, "message": error.message}),
                  flush=True)
        _say(f"pomona: {error.message}")
        return 130 if error.status == "interrupted" else 2 if error.status in _USAGE else 3


def _say(text):
    """Text from file names may hold control characters, which must not reach a terminal."""
    print("".join(f"\\x{ord(letter):02x}" if ord(letter) < 0x20 or ord(letter) == 0x7F else letter for letter in text)
          .encode(errors="backslashreplace").decode(), file=sys.stderr, flush=True)
