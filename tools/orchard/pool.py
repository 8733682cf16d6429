# SPDX-License-Identifier: Apache-2.0
"""The training pool: shards of generated pictures at the student's size, with the teacher's features of each.

    pool.py --out DIR [--shards N] [--first I] [--step S] [--images N]

Writes DIR/pool/NNNN.npy (pixels, mapped by the training) and NNNN.npz (labels, features) one shard after
the other and skips those that are there, so that it can be stopped at any time and that several processes
can share the work (--first 0 --step 2 beside --first 1 --step 2). Training starts as soon as the first
shard exists and takes up new ones as they appear.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from data import TEACHER_WEIGHTS
from generate import Generator, generate
from model import from_folded, mobilenetv2, run

STUDENT_PX = 128


def load_teacher():
    """The ImageNet MobileNetV2 from the folded arrays of TensorFlow Slim, in network order."""
    layers, arrays, folded = mobilenetv2(1.0), np.load(TEACHER_WEIGHTS), {}
    names = [
        key[: -len("/w_ohwi")] for key in arrays if key.endswith("/w_ohwi") and not key.startswith("Logits")
    ]
    convolutions = [layer for layer in layers if layer["op"] in ("conv", "depthwise")]
    if len(names) != len(convolutions):
        raise ValueError(f"{TEACHER_WEIGHTS}: {len(names)} convolutions, expected {len(convolutions)}")
    for name, layer in zip(names, convolutions):
        weight = arrays[name + "/w_ohwi"]
        if layer["op"] == "depthwise":  # [1, 3, 3, channels] in that file
            weight = weight.transpose(3, 1, 2, 0)
        folded[layer["name"]] = (weight, arrays[name + "/b"])
    return from_folded(layers, folded)


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
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder = options.out / "pool"
    folder.mkdir(parents=True, exist_ok=True)
    generator, teacher = Generator(), load_teacher()
    for shard in range(options.first, options.shards, options.step):
        path = folder / f"{shard:04d}.npz"
        if path.exists():
            continue
        start = time.time()
        pixels, labels = generate(generator, shard, options.images)
        drawn = time.time()
        features = run(teacher, pixels, batch=8).astype(np.float16)
        np.save(folder / f"{shard:04d}.npy", reduce(pixels, STUDENT_PX))
        partial = folder / f".{shard:04d}.{os.getpid()}.npz"
        np.savez(partial, labels=labels, features=features)
        partial.rename(path)  # its presence says that the shard is complete
        print(
            f"shard {shard}: drawn in {drawn - start:.0f} s, teacher {time.time() - drawn:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
