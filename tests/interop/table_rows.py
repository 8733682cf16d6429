# SPDX-License-Identifier: Apache-2.0
"""Rows for the table tests, and the sink as a program."""
import json
import subprocess

import numpy as np

HOSTILE = [
    "plain.jpg", "with space.jpg", "it's.jpg", '"quoted".jpg', "comma,semicolon;.jpg", "two\nlines", "cr\rhere",
    "tab\there", "back\\slash", "🍎 apple.jpg", "ünïcödé", "<script>&amp;", '{"path":1}', "NULL", "#comment",
    "  spaces  ", '"', "\\", "\U0010ffff", "https://x/?y=", "%41%00", "=1+1", "\x01\x1f\x7f",
]


def make_rows(n_rows, width):
    """[(path, label, float32[width])]: hostile names first, every bit of the numbers in use."""
    random = np.random.default_rng(20240607)
    rows = []
    for row in range(n_rows):
        bits = random.integers(0, 2**32, width, dtype=np.uint32) & np.uint32(0xBFFFFFFF)  # finite
        features = np.where(random.random(width) < 0.25, np.float32(0), bits.view(np.float32))
        path = HOSTILE[row] if row < len(HOSTILE) else f"photos/apple/{row:05}.jpg"
        rows.append((path, HOSTILE[-1 - row % len(HOSTILE)], features.astype(np.float32)))
    return rows


def to_lines(rows):
    return "".join(
        json.dumps({"path": path, "label": label, "features": [float(x) for x in features]}) + "\n"
        for path, label, features in rows
    )


def write_table(tool, folder, rows, part_rows):
    subprocess.run([tool, "write", folder, str(part_rows)], input=to_lines(rows), text=True, check=True)


def read_table(tool, path):
    """The rows, or the message of the error."""
    done = subprocess.run([tool, "read", path], capture_output=True, encoding="utf-8")
    if done.returncode != 0:
        return done.stderr.strip()
    rows = [json.loads(line) for line in done.stdout.split("\n") if line]
    return [(row["path"], row["label"], np.array(row["features"], np.float32)) for row in rows]


def assert_same(got, expected):
    assert isinstance(got, list), got
    assert len(got) == len(expected), f"{len(got)} rows of {len(expected)}"
    for row, ((path, label, features), wanted) in enumerate(zip(got, expected)):
        assert path == wanted[0], f"row {row}: path {path!r}, expected {wanted[0]!r}"
        assert label == wanted[1], f"row {row}: label {label!r}, expected {wanted[1]!r}"
        features = np.asarray(features)
        assert features.dtype == np.float32, features.dtype
        assert features.tobytes() == wanted[2].tobytes(), f"row {row}: other numbers"


def run_tests(tests):
    for test in tests:
        test()
        print("ok", test.__name__.replace("_", " "))
