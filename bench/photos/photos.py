# SPDX-License-Identifier: Apache-2.0
"""From JPEG to 224x224 RGB: Pomona beside Pillow and libvips, one thread, interleaved rounds.

Photos: one of 100x100, as in Fruits-360, and one of 12 megapixels, made here from the folder's photos so that it has their
texture. Pomona's bytes are checked against Pillow's; libvips' are another resampling, so only its distance is shown. Both of
libvips' ways are measured: `resize`, which decodes everything as the others do, and `thumbnail`, which lets libjpeg-turbo
decode at a fraction of the size. Bicubic resampling of a photo decoded at 1/8 gives other bytes than of the photo itself,
which is why Pomona does not decode that way.

Usage: photos.py PHOTOS [ROUNDS]
"""
import ctypes
import glob
import io
import os
import statistics
import sys
import tempfile
import time

import numpy as np
from PIL import Image, features

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, f"{ROOT}/bench/engines")
from engine_types import Absent, compile_driver  # noqa: E402

SIDE = 224


class Pomona:
    def __init__(self, work):
        self.library = compile_driver("../photos/driver_photos.c", work, f"{ROOT}/include", f"{ROOT}/build/src", "pomona")
        self.library.driver_open.restype = ctypes.c_void_p
        self.library.driver_photo.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p]
        self.handle, self.pixels = self.library.driver_open(SIDE), np.zeros((SIDE, SIDE, 3), np.uint8)
        self.seconds = (ctypes.c_double * 2)()

    def __call__(self, data):
        assert self.library.driver_photo(self.handle, data, len(data), self.pixels.ctypes.data, self.seconds) == 0
        return self.pixels


def pillow(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB").resize((SIDE, SIDE), Image.BICUBIC))


def vips_resize(data):
    image = pyvips.Image.new_from_buffer(data, "", access="sequential")
    return image.resize(SIDE / image.width, vscale=SIDE / image.height, kernel="cubic").numpy()


def vips_thumbnail(data):
    return pyvips.Image.thumbnail_buffer(data, SIDE, height=SIDE, size="force", no_rotate=True).numpy()


def photo_of_12_megapixels(paths):
    """A mosaic of photos, each enlarged a little less than four times: 4000x3000, quality 92, as phones write it."""
    mosaic = Image.new("RGB", (4000, 3000))
    for i in range(80):
        tile = Image.open(paths[i * 7 % len(paths)]).convert("RGB").resize((400, 375), Image.BICUBIC)
        mosaic.paste(tile, (i % 10 * 400, i // 10 * 375))
    output = io.BytesIO()
    mosaic.save(output, "JPEG", quality=92, subsampling="4:2:0")
    return output.getvalue()


def main():
    paths = sorted(glob.glob(sys.argv[1] + "/**/*.jpg", recursive=True))
    n_rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 15
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as work:
        ours = Pomona(work)
        ways = {"Pomona": ours, f"Pillow {Image.__version__}": pillow}
        if pyvips is None:
            print("libvips: skipped, no package pyvips-binary")
        else:
            version = ".".join(str(pyvips.version(i)) for i in range(3))
            ways |= {f"libvips {version} resize": vips_resize, f"libvips {version} thumbnail": vips_thumbnail}
        print(f"Pillow's libjpeg-turbo {features.version_feature('libjpeg_turbo')}")
        with open(paths[0], "rb") as file:
            small = file.read()
        for name, data, n_times in (("100x100", small, 200), ("12 megapixels", photo_of_12_megapixels(paths), 1)):
            milliseconds = {way: [] for way in ways}
            parts = []
            reference = pillow(data)
            for _ in range(n_rounds):
                for way, function in ways.items():
                    began = time.perf_counter()
                    for _ in range(n_times):
                        function(data)
                    milliseconds[way].append((time.perf_counter() - began) * 1e3 / n_times)
                    if function is ours:
                        parts.append(list(ours.seconds))
            print(f"\n{name}, {len(data)} bytes: milliseconds to {SIDE}x{SIDE}")
            for way, function in ways.items():
                difference = np.abs(function(data).astype(int) - reference)
                ratio = statistics.median(a / b for a, b in zip(milliseconds[way], milliseconds["Pomona"]))
                print(f"  {way:26s} {statistics.median(milliseconds[way]):9.3f}  {ratio:6.2f} times Pomona's  "
                      f"{'the same bytes as Pillow' if not difference.any() else f'differs by {difference.mean():.2f} on average'}")
            print("  Pomona: decode {:.3f} ms, resize {:.3f} ms".format(*(statistics.median(p[i] for p in parts) * 1e3 for i in range(2))))


os.environ["VIPS_CONCURRENCY"] = "1"
try:
    import pyvips
    pyvips.cache_set_max(0)
except ImportError:
    pyvips = None
try:
    main()
except Absent as reason:
    sys.exit(f"photos.py: {reason}")
