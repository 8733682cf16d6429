#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Decoding and resizing against Pillow itself, byte by byte, through image_peer.

    python compare_with_pillow.py IMAGE_PEER SHARED [VARIANTS [SEED]]

Three parts: the stored bytes of golden/pillow_bicubic_224.npz; every real photo with every kind of fit and random filters,
sizes and kernel sets; and VARIANTS made photos of all formats, half of them damaged, where also what is refused must be
the same. One difference is known and allowed: of a damaged PNG we may refuse what Pillow reads (libpng wants every chunk
it begins to be there).

Exits with 77 where Pillow is absent or another one: bytes are compared with one version, the one in requirements.txt.
"""
import collections
import glob
import io
import random
import struct
import subprocess
import sys
import warnings
import zlib

PILLOW = "13.0.0"
try:
    import numpy as np
    import PIL
    from PIL import Image, ImageOps
except ImportError as absent:
    print(f"skipped: {absent}: tools/setup.sh --tests installs it (Pillow {PILLOW} needs Python 3.11)")
    sys.exit(77)
if PIL.__version__ != PILLOW:
    print(f"skipped: Pillow {PIL.__version__} is here, but bytes are promised to equal those of {PILLOW}")
    sys.exit(77)

warnings.simplefilter("ignore")
FILTERS = [Image.NEAREST, Image.BOX, Image.BILINEAR, Image.HAMMING, Image.BICUBIC, Image.LANCZOS]
FORMATS = ["JPEG", "PNG", "WEBP", "MPO"]


class Peer:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        self.process.stdin.write(request)
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode("utf-8", "replace").split()
        if answer[0] == "fail":
            return " ".join(answer)
        width, height = int(answer[1]), int(answer[2])
        return (width, height), self.process.stdout.read(width * height * 3)

    def decode(self, data, ignore_rotation=0):
        return self.ask(b"decode %d %d\n" % (ignore_rotation, len(data)) + data)

    def resize(self, method, fit, size, kernels="auto"):
        return self.ask(b"resize %s %d %d %d %d\n" % (kernels.encode(), method, fit, *size))


def pillow_decode(data, ignore_rotation):
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    return (image if ignore_rotation else ImageOps.exif_transpose(image)).convert("RGB")


def pillow_resize(image, method, fit, size):
    if fit == 0:
        return image.resize(size, FILTERS[method])
    if fit == 1:
        return ImageOps.fit(image, size, FILTERS[method])
    return ImageOps.pad(image, size, FILTERS[method], color="black")


def stored_bytes(peer, shared):
    golden = np.load(f"{shared}/golden/pillow_bicubic_224.npz")
    wrong = 0
    for path, pixels in zip(golden["paths"], golden["pixels"]):
        peer.decode(open(f"{shared}/data/{path}", "rb").read(), 1)
        wrong += peer.resize(4, 0, (224, 224)) != ((224, 224), pixels.tobytes())
    print(len(golden["paths"]), "stored results,", wrong, "differ")
    return wrong


def real_photos(peer, shared, chance):
    files = sorted(glob.glob(f"{shared}/data/*/*/*.jpg"))
    n_compared = wrong = 0
    for file in files:
        data = open(file, "rb").read()
        image = pillow_decode(data, 0)
        if peer.decode(data) != (image.size, image.tobytes()):
            wrong += 1
            print("decoded differently:", file)
            continue
        any_size = (chance.randint(1, 500), chance.randint(1, 500))
        one_side = (image.width, chance.randint(1, 300)) if chance.random() < 0.5 else (chance.randint(1, 300), image.height)
        size = chance.choice([(224, 224), (96, 96), any_size, any_size, one_side])
        method, kernels = chance.randrange(6), chance.choice(["scalar", "auto"])
        for fit in range(3):
            expected = pillow_resize(image, method, fit, size)
            n_compared += 1
            if peer.resize(method, fit, size, kernels) != (size, expected.tobytes()):
                wrong += 1
                print("resized differently:", file, "to", size, "filter", method, "fit", fit, kernels)
    print(len(files), "real photos decoded,", n_compared, "resized,", wrong, "differ")
    return wrong


class Maker:
    """Photos of every kind, from a seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def pixels(self, width, height, channels):
        coarse = self.numbers.integers(0, 256, (height // 8 + 2, width // 8 + 2, channels), dtype=np.uint8)
        planes = [Image.fromarray(coarse[:, :, c]).resize((width, height), Image.BICUBIC) for c in range(channels)]
        result = np.stack([np.array(plane) for plane in planes], -1)
        if self.chance.random() < 0.3:
            result ^= self.numbers.integers(0, 32, result.shape, dtype=np.uint8)
        return result

    def orientation(self):
        return self.chance.randint(0, 9)

    def exif(self):
        tags = Image.Exif()
        tags[0x0112] = self.orientation()
        tags[0x010E] = "x" * self.chance.randint(0, 20)
        return tags.tobytes()

    def metadata(self):
        options = {}
        if self.chance.random() < 0.4:
            options["exif"] = self.exif()
        if self.chance.random() < 0.2:
            options["xmp"] = b'<d tiff:Orientation="%d"/>' % self.orientation()
        return options

    def save(self, size, mode, format, **options):
        pixels = self.pixels(*size, len(mode))
        image = Image.fromarray(pixels[:, :, 0] if len(mode) == 1 else pixels, mode)
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    def jpeg(self, size):
        mode = self.chance.choice(["L", "RGB", "RGB", "CMYK"])
        options = self.metadata()
        if mode == "RGB" and self.chance.random() < 0.2:
            options["keep_rgb"] = True
        elif mode == "RGB":
            options["subsampling"] = self.chance.choice([0, 1, 2])
        return self.save(
            size,
            mode,
            "JPEG",
            quality=self.chance.randint(1, 100),
            progressive=self.chance.random() < 0.4,
            optimize=self.chance.random() < 0.3,
            restart_marker_blocks=self.chance.choice([0, 0, 1, 3]),
            **options,
        )

    def webp(self, size):
        mode = self.chance.choice(["RGB", "RGBA"])
        options = self.metadata()
        if self.chance.random() < 0.2:
            frames = range(self.chance.randint(1, 3))
            more = [Image.fromarray(self.pixels(*size, len(mode)), mode) for _ in frames]
            options.update(save_all=True, append_images=more)
        return self.save(
            size,
            mode,
            "WEBP",
            lossless=self.chance.random() < 0.5,
            quality=self.chance.randint(0, 100),
            method=self.chance.randint(0, 4),
            exact=self.chance.random() < 0.3,
            alpha_quality=self.chance.choice([0, 50, 100]),
            **options,
        )

    def chunk(self, kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(self, size):
        """Random samples of every kind under every filter type, which Pillow itself does not write."""
        width, height = size
        kinds = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
        color_type, depth = self.chance.choice(kinds + [(4, 8), (4, 16), (6, 8), (6, 16)])
        interlaced = self.chance.randint(0, 1)
        bits = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type] * depth
        adam7 = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]
        rows = b""
        for x0, dx, y0, dy in adam7 if interlaced else [(0, 1, 0, 1)]:
            columns, n_rows = -(-(width - x0) // dx), -(-(height - y0) // dy)
            for _ in range(n_rows if columns > 0 else 0):
                n_bytes = (columns * bits + 7) // 8
                telling = bytes(self.chance.choices([0, 0, 1, 128, 255], k=n_bytes))
                samples = telling if self.chance.random() < 0.5 else self.chance.randbytes(n_bytes)
                rows += bytes([self.chance.randint(0, 4)]) + samples
        header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced)
        data = b"\x89PNG\r\n\x1a\n" + self.chunk(b"IHDR", header)
        if self.chance.random() < 0.3:
            data += self.chunk(b"gAMA", struct.pack(">I", 45455))
        if self.chance.random() < 0.2:
            data += self.chunk(b"eXIf", self.exif()[6:])
        if color_type == 3:
            n_colors = self.chance.choice([1 << depth, self.chance.randint(1, 1 << depth)])
            data += self.chunk(b"PLTE", self.chance.randbytes(3 * n_colors))
            if self.chance.random() < 0.5:
                data += self.chunk(b"tRNS", self.chance.randbytes(self.chance.randint(1, n_colors)))
        if color_type in (0, 2) and self.chance.random() < 0.3:
            data += self.chunk(b"tRNS", self.chance.randbytes(2 if color_type == 0 else 6))
        packed = zlib.compress(rows, self.chance.randint(0, 9))
        cut = self.chance.randint(1, len(packed))
        data += self.chunk(b"IDAT", packed[:cut]) + self.chunk(b"IDAT", packed[cut:])
        if self.chance.random() < 0.2:
            data += self.chunk(b"eXIf", self.exif()[6:])
        return data + self.chunk(b"IEND", b"")

    def damaged(self, data):
        kind = self.chance.random()
        if kind < 0.4:
            return data[: self.chance.randint(0, len(data))]
        if kind < 0.5:
            return data[: -self.chance.randint(1, min(20, len(data)))]
        place = self.chance.randrange(len(data))
        if kind < 0.6:
            return data[:place] + data[place + self.chance.randint(1, 30) :]
        if kind < 0.7:
            return data[:place] + self.chance.randbytes(self.chance.randint(1, 30)) + data[place:]
        changed = bytearray(data)
        for _ in range(self.chance.choice([1, 1, 2, 5])):
            changed[self.chance.randrange(len(data))] = self.chance.choice([0, 255, self.chance.randint(0, 255)])
        return bytes(changed)

    def make(self):
        sizes = [(20, 20), (120, 120), (40, 300), (300, 40)]
        width, height = self.chance.choice(sizes)
        size = (self.chance.randint(1, width), self.chance.randint(1, height))
        return self.chance.choice([self.jpeg, self.jpeg, self.png, self.webp])(size)


def is_progressive(data):
    return data.startswith(b"\xff\xd8") and (b"\xff\xc2" in data or b"\xff\xca" in data)


def decode_alike(peer, data, ignore_rotation):
    """What both say about a photo: an image, or why not."""
    try:
        image = pillow_decode(data, ignore_rotation)
        expected = (image.size, image.tobytes())
    except Exception as refused:
        expected = repr(refused)
    return expected, peer.decode(data, ignore_rotation)


def made_photos(peer, n_variants, seed):
    maker = Maker(seed)
    counts = collections.Counter()
    wrong = 0
    for number in range(n_variants):
        data = maker.make()
        is_damaged = number % 2 == 1
        if is_damaged:
            data = maker.damaged(data)
        ignore_rotation = maker.chance.randint(0, 1)
        expected, got = decode_alike(peer, data, ignore_rotation)
        if isinstance(expected, str) and isinstance(got, str):
            counts["refused by both"] += 1
        elif got == expected:
            counts["equal"] += 1
        elif isinstance(got, str) and is_damaged and data.startswith(b"\x89PNG"):
            counts["damaged PNGs refused by us alone"] += 1
        elif is_damaged and is_progressive(data) and not isinstance(got, str) and got[0] == expected[0]:
            counts["damaged progressive JPEGs smoothed differently"] += 1
        elif is_damaged and not ignore_rotation and len(set(decode_alike(peer, data, 1))) == 1:
            counts["damaged EXIF understood differently"] += 1
        else:
            wrong += 1
            print(f"variant {number} of seed {seed}: Pillow", expected if isinstance(expected, str) else "reads it", end="; ")
            print("we:", got if isinstance(got, str) else "read it")
    print(n_variants, "made photos:", ", ".join(f"{n} {what}" for what, n in sorted(counts.items())), ",", wrong, "wrong")
    return wrong


def main():
    Image.init()
    peer, shared = Peer(sys.argv[1]), sys.argv[2]
    n_variants = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    wrong = made_photos(peer, n_variants, seed)
    if glob.glob(f"{shared}/data"):
        wrong += stored_bytes(peer, shared)
        wrong += real_photos(peer, shared, random.Random(seed))
    else:
        print("no real photos: that part is left out")
    sys.exit(1 if wrong else 0)


main()
