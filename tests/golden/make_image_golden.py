#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/golden/image/: small photos of every kind, and what Pillow makes of them.

    python tests/golden/make_image_golden.py        (Pillow 13.0.0, numpy 2.4.6, cjpeg of libjpeg-turbo 2.1.5)

expected.txt holds, one per line:
    decode FILE IGNORE_ROTATION WIDTH HEIGHT SHA256     of the RGB bytes of Image.open(FILE).convert("RGB"),
                                                        after ImageOps.exif_transpose unless IGNORE_ROTATION
    resize FILE FILTER FIT WIDTH HEIGHT SHA256          of resize, ImageOps.fit or ImageOps.pad on that (unrotated)
    fail FILE REASON                                    Pillow refuses it too; the reason is ours
The photos are deterministic; the encoders' versions are not pinned, so a new run may write other, equally good files.
"""
import hashlib
import io
import pathlib
import struct
import subprocess
import zlib

import numpy as np
from PIL import Image, ImageOps

FOLDER = pathlib.Path(__file__).parent / "image"
RESAMPLING = ["NEAREST", "BOX", "BILINEAR", "HAMMING", "BICUBIC", "LANCZOS"]
random = np.random.default_rng(1)
lines = []


def photo(width, height, channels):
    """Smooth shades with some noise: what decoders meet."""
    coarse = random.integers(0, 256, (height // 6 + 2, width // 6 + 2, channels), dtype=np.uint8)
    planes = [Image.fromarray(coarse[:, :, c]).resize((width, height), Image.BICUBIC) for c in range(channels)]
    shades = np.stack([np.array(plane) for plane in planes], -1).astype(int)
    noisy = shades + random.integers(-9, 10, shades.shape)
    return noisy.clip(0, 255).astype(np.uint8)


def rgb(data, ignore_rotation):
    image = Image.open(io.BytesIO(data))
    return (image if ignore_rotation else ImageOps.exif_transpose(image)).convert("RGB")


def sha256(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


def write(name, data):
    (FOLDER / name).write_bytes(data)
    return data


def accepted(name, data):
    write(name, data)
    for ignore_rotation in (0, 1):
        image = rgb(data, ignore_rotation)
        lines.append(f"decode {name} {ignore_rotation} {image.width} {image.height} {sha256(image)}")


def refused(name, data, reason, pillow_refuses=True):
    write(name, data)
    try:
        rgb(data, 1)
    except Exception:
        pass
    else:
        assert not pillow_refuses, name
    lines.append(f"fail {name} {reason}")


def saved(pixels, mode, format, **options):
    buffer = io.BytesIO()
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels, mode)
    image.save(buffer, format, **options)
    return buffer.getvalue()


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags.tobytes()


def xmp(orientation):
    return b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><d tiff:Orientation="%d"/></x:xmpmeta>' % orientation


def cjpeg(*options):
    pixels = photo(33, 26, 3)
    pnm = b"P6 %d %d 255\n" % (pixels.shape[1], pixels.shape[0]) + pixels.tobytes()
    return subprocess.run(["cjpeg", *options], input=pnm, check=True, capture_output=True).stdout


def jpegs():
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        accepted(f"jpeg-{name}.jpg", saved(photo(37, 29, 3), "RGB", "JPEG", subsampling=subsampling))
        accepted(
            f"jpeg-{name}-progressive.jpg",
            saved(photo(37, 29, 3), "RGB", "JPEG", subsampling=subsampling, progressive=True),
        )
    accepted("jpeg-440.jpg", cjpeg("-sample", "1x2"))
    accepted("jpeg-411.jpg", cjpeg("-sample", "4x1"))
    accepted("jpeg-odd-sampling.jpg", cjpeg("-sample", "2x2,1x2,2x1"))
    accepted("jpeg-arithmetic.jpg", cjpeg("-arithmetic"))
    accepted("jpeg-restarts.jpg", cjpeg("-restart", "2B"))
    accepted("jpeg-16-bit-quantisation.jpg", cjpeg("-quality", "1"))
    accepted("jpeg-grey.jpg", saved(photo(21, 17, 1), "L", "JPEG"))
    accepted("jpeg-grey-progressive.jpg", saved(photo(21, 17, 1), "L", "JPEG", progressive=True))
    accepted("jpeg-rgb.jpg", saved(photo(21, 17, 3), "RGB", "JPEG", keep_rgb=True))
    accepted("jpeg-1x1.jpg", saved(photo(1, 1, 3), "RGB", "JPEG"))
    cmyk = saved(photo(21, 17, 4), "CMYK", "JPEG")
    accepted("jpeg-cmyk.jpg", cmyk)
    transform = cmyk.index(b"Adobe") + 11
    accepted("jpeg-ycck.jpg", cmyk[:transform] + b"\2" + cmyk[transform + 1 :])
    for orientation in range(1, 9):
        accepted(
            f"jpeg-exif-{orientation}.jpg", saved(photo(13, 9, 3), "RGB", "JPEG", exif=exif(orientation), quality=60)
        )
    accepted("jpeg-cmyk-exif-6.jpg", saved(photo(13, 9, 4), "CMYK", "JPEG", exif=exif(6)))
    accepted("jpeg-xmp-8.jpg", saved(photo(13, 9, 3), "RGB", "JPEG", xmp=xmp(8)))
    accepted("jpeg-exif-0-xmp-8.jpg", saved(photo(13, 9, 3), "RGB", "JPEG", exif=exif(0), xmp=xmp(8)))

    plain = saved(photo(40, 30, 3), "RGB", "JPEG")
    accepted("jpeg-trailing-bytes.jpg", plain + b"\0 and more after the end")
    accepted("jpeg-wrong-extension.png", plain)
    refused("jpeg-truncated.jpg", plain[: len(plain) * 2 // 3], "truncated")
    refused("jpeg-only-header.jpg", plain[: plain.index(b"\xff\xda")], "truncated")
    damaged = bytearray(plain)
    damaged[-60:-40] = bytes(20)
    accepted("jpeg-damaged-but-readable.jpg", bytes(damaged))
    refused("jpeg-bad-quantisation.jpg", plain.replace(b"\xff\xdb\0\x43\0", b"\xff\xdb\0\x43\7"), "corrupt")
    progressive = saved(photo(40, 30, 3), "RGB", "JPEG", progressive=True)
    refused("jpeg-progressive-truncated.jpg", progressive[: len(progressive) * 2 // 3], "truncated")
    refused("jpeg-progressive-without-end.jpg", progressive[:-2], "truncated")
    huge = bytearray(progressive)
    frame = huge.index(b"\xff\xc2") + 5
    huge[frame : frame + 4] = struct.pack(">HH", 10000, 10000)
    refused("jpeg-100-megapixel-claim.jpg", bytes(huge), "too_many_pixels", pillow_refuses=False)
    scan = saved(photo(8, 8, 1), "L", "JPEG", progressive=True, quality=1)
    last = scan.rindex(b"\xff\xda")
    refused(
        "jpeg-progressive-bomb.jpg", scan[:last] + scan[last:-2] * 501 + scan[-2:], "too_many_scans", pillow_refuses=False
    )


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


ADAM7 = [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)]


def png(width, height, color_type, depth, interlaced, extra=b"", late=b""):
    """Random samples under every filter type: written by hand, since Pillow does not write all kinds."""
    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color_type]
    rows = b""
    for x0, dx, y0, dy in ADAM7 if interlaced else [(0, 1, 0, 1)]:
        columns, n_rows = -(-(width - x0) // dx), -(-(height - y0) // dy)
        if columns > 0:
            for row in range(max(n_rows, 0)):
                rows += bytes([row % 5]) + random.bytes((columns * samples * depth + 7) // 8)
    if color_type == 0 and depth == 16:  # values on both sides of the 255 at which they are clipped
        rows = bytes(byte if i % 3 else 0 for i, byte in enumerate(rows)) if not interlaced else rows
    packed = zlib.compress(rows)
    half = len(packed) // 2
    data = b"\x89PNG\r\n\x1a\n"
    data += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, interlaced))
    data += extra
    data += chunk(b"IDAT", packed[:half]) + chunk(b"IDAT", packed[half:])
    return data + late + chunk(b"IEND", b"")


def pngs():
    kinds = [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16), (3, 1), (3, 2), (3, 4), (3, 8)]
    kinds += [(4, 8), (4, 16), (6, 8), (6, 16)]
    names = {0: "grey", 2: "rgb", 3: "palette", 4: "grey-alpha", 6: "rgba"}
    for color_type, depth in kinds:
        palette = chunk(b"PLTE", random.bytes(3 << depth)) if color_type == 3 else b""
        for interlaced in (0, 1):
            suffix = "-interlaced" if interlaced else ""
            accepted(f"png-{names[color_type]}-{depth}{suffix}.png", png(11, 9, color_type, depth, interlaced, palette))
    accepted("png-1x1-interlaced.png", png(1, 1, 2, 8, 1))
    accepted("png-palette-short.png", png(11, 9, 3, 8, 0, chunk(b"PLTE", random.bytes(30))))
    transparent = chunk(b"PLTE", random.bytes(48)) + chunk(b"tRNS", random.bytes(9))
    accepted("png-palette-transparent.png", png(11, 9, 3, 4, 0, transparent))
    accepted("png-grey-transparent.png", png(11, 9, 0, 8, 0, chunk(b"tRNS", b"\0\7")))
    accepted("png-rgb-transparent.png", png(11, 9, 2, 8, 0, chunk(b"tRNS", random.bytes(6))))
    accepted("png-gamma.png", png(11, 9, 2, 8, 0, chunk(b"gAMA", struct.pack(">I", 22222))))
    for orientation in (2, 5, 6, 7):
        tags = chunk(b"eXIf", exif(orientation)[6:])
        accepted(f"png-exif-{orientation}.png", png(11, 9, 2, 8, 0, tags))
        accepted(f"png-exif-{orientation}-interlaced.png", png(11, 9, 6, 16, 1, tags))
    accepted("png-exif-8-after-pixels.png", png(11, 9, 2, 8, 0, late=chunk(b"eXIf", exif(8)[6:])))
    packet = chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(3))
    accepted("png-xmp-3.png", png(11, 9, 2, 8, 0, packet))

    plain = png(11, 9, 2, 8, 0)
    accepted("png-without-end.png", plain[:-12])
    bad_crc = bytearray(plain)
    bad_crc[-14] ^= 1
    accepted("png-wrong-crc-of-pixels.png", bytes(bad_crc))
    bad_crc = bytearray(plain)
    bad_crc[30] ^= 1
    refused("png-wrong-crc-of-header.png", bytes(bad_crc), "corrupt")
    refused("png-truncated.png", plain[: len(plain) * 2 // 3], "truncated")
    refused("png-only-signature.png", plain[:8], "truncated")
    refused("png-bad-filter.png", png_of_rows(b"\7" + bytes(9)), "corrupt")
    refused("png-bad-deflate.png", plain.replace(b"IDAT\x78", b"IDAT\x00"), "corrupt")
    claim = chunk(b"IHDR", struct.pack(">IIBBBBB", 10000, 10000, 8, 2, 0, 0, 0))
    refused("png-100-megapixel-claim.png", plain[:8] + claim + plain[33:], "too_many_pixels", pillow_refuses=False)
    claim = chunk(b"IHDR", struct.pack(">IIBBBBB", 0x7FFFFFFF, 0x7FFFFFFF, 16, 6, 0, 0, 0))
    refused("png-largest-claim.png", plain[:8] + claim + plain[33:], "too_many_pixels")


def png_of_rows(rows):
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 1, 8, 2, 0, 0, 0))
    return data + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def webps():
    accepted("webp-lossy.webp", saved(photo(37, 29, 3), "RGB", "WEBP", quality=60))
    accepted("webp-lossless.webp", saved(photo(17, 13, 3), "RGB", "WEBP", lossless=True))
    accepted("webp-lossy-alpha.webp", saved(photo(37, 29, 4), "RGBA", "WEBP", quality=60))
    accepted("webp-lossless-alpha.webp", saved(photo(17, 13, 4), "RGBA", "WEBP", lossless=True))
    accepted("webp-lossless-alpha-exact.webp", saved(photo(17, 13, 4), "RGBA", "WEBP", lossless=True, exact=True))
    accepted("webp-1x1.webp", saved(photo(1, 1, 3), "RGB", "WEBP"))
    frames = [Image.fromarray(photo(24, 18, 4), "RGBA") for _ in range(2)]
    options = {"save_all": True, "append_images": frames[1:], "quality": 50}
    accepted("webp-animated.webp", saved(np.array(frames[0]), "RGBA", "WEBP", **options))
    small = np.zeros((18, 24, 4), np.uint8)
    small[4:11, 6:20] = photo(14, 7, 4)
    accepted("webp-animated-offset.webp", saved(small, "RGBA", "WEBP", **options))
    accepted("webp-exif-5.webp", saved(photo(13, 9, 3), "RGB", "WEBP", exif=exif(5), quality=60))
    accepted("webp-exif-8-lossless.webp", saved(photo(13, 9, 3), "RGB", "WEBP", exif=exif(8), lossless=True))
    accepted("webp-xmp-6.webp", saved(photo(13, 9, 3), "RGB", "WEBP", xmp=xmp(6)))

    plain = saved(photo(37, 29, 3), "RGB", "WEBP", quality=60)
    refused("webp-truncated.webp", plain[: len(plain) * 2 // 3], "truncated")
    damaged = bytearray(plain)
    damaged[23] ^= 0xFF  # the start code of the frame
    refused("webp-bad-start-code.webp", bytes(damaged), "corrupt")
    canvas = struct.pack("<I", 9999)[:3] * 2
    claim = b"VP8X" + struct.pack("<I", 10) + bytes(4) + canvas + plain[12:]
    claim = b"RIFF" + struct.pack("<I", len(claim) + 4) + b"WEBP" + claim
    refused("webp-100-megapixel-claim.webp", claim, "corrupt")


def others():
    refused("empty.jpg", b"", "empty")
    refused("text.jpg", b"This is not a photo.\n", "not_an_image")
    buffer = io.BytesIO()
    Image.fromarray(photo(4, 4, 3)).save(buffer, "GIF")
    refused("gif.gif", buffer.getvalue(), "unsupported", pillow_refuses=False)


def resizes():
    sizes = {
        "jpeg-420.jpg": [(224, 8), (16, 16), (37, 12), (9, 29), (37, 29), (1, 1), (50, 41), (8, 25), (60, 3), (211, 173),
                         (33, 19), (33, 21)],  # about the height losing twice what the width does
        "png-rgb-8.png": [(5, 50), (11, 10), (33, 7), (22, 18)],
        "jpeg-1x1.jpg": [(1, 1), (7, 3)],
    }
    for name, all_sizes in sizes.items():
        source = rgb((FOLDER / name).read_bytes(), 1)
        for number, resampling in enumerate(RESAMPLING):
            method = Image.Resampling[resampling]
            for size in all_sizes:
                stretched = source.resize(size, method)
                cropped = ImageOps.fit(source, size, method)
                padded = ImageOps.pad(source, size, method, color="black")
                for fit, result in enumerate((stretched, cropped, padded)):
                    lines.append(f"resize {name} {number} {fit} {size[0]} {size[1]} {sha256(result)}")


FOLDER.mkdir(exist_ok=True)
for old in FOLDER.iterdir():
    old.unlink()
jpegs()
pngs()
webps()
others()
resizes()
(FOLDER / "expected.txt").write_text("\n".join(lines) + "\n")
print(len(lines), "lines,", sum(file.stat().st_size for file in FOLDER.iterdir()), "bytes")
