# SPDX-License-Identifier: Apache-2.0
"""The training pool: shards of generated pictures at the student's size, with the teacher's features of each.

    pool.py --out DIR [--shards N] [--first I] [--step S] [--images N]

Writes DIR/pool/NNNN.npy (pixels, mapped by the training) and NNNN.npz (labels, scenes, features) one shard after
the other and skips those that are there, so that it can be stopped at any time and that several processes
can share the work (--first 0 --step 2 beside --first 1 --step 2). Training starts as soon as the first
shard exists and takes up new ones as they appear.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from PIL import Image

from data import ROOT
from generate import Generator, generate
from teacher import LibraryTeacher

STUDENT_PX = 144


def reduce(pixels, px):
    """uint8 [n, h, w, 3] -> [n, px, px, 3]"""
    if pixels.shape[1] == px:
        return pixels
    return np.stack([np.asarray(Image.fromarray(image).resize((px, px), Image.BILINEAR)) for image in pixels])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--step", type=int, default=1)
    parser.add_argument("--images", type=int, default=2048, help="pictures per shard")
    parser.add_argument(
        "--library",
        type=Path,
        default=ROOT / "build" / "src" / "libpomona.so",
        help="Pomona's library, which runs the teacher",
    )
    options = parser.parse_args()
    folder = options.out / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    generator = Generator()
    teacher = LibraryTeacher(options.library, options.out / "teacher.pomona")
    for shard in range(options.first, options.shards, options.step):
        path = folder / f"{shard:04d}.npz"
        if path.exists():
            continue
        start = time.time()
        pixels, labels, scenes = generate(generator, shard, options.images)
        drawn = time.time()
        features = teacher(pixels).astype(np.float16)
        np.save(folder / f"{shard:04d}.npy", reduce(pixels, STUDENT_PX))
        partial = folder / f".{shard:04d}.{os.getpid()}.npz"
        np.savez(partial, labels=labels, scenes=scenes, features=features)
        partial.rename(path)  # its presence says that the shard is complete
        print(
            f"shard {shard}: drawn in {drawn - start:.0f} s, teacher {time.time() - drawn:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
