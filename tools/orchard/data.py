# SPDX-License-Identifier: Apache-2.0
"""The photos, their split into seen and unseen classes, and the cut-out fruits.

The split is a rule, not a choice: sorted by name, every 4th class of fruits-360 (3, 7, ..., 39) and every
2nd class of phone-photos (1, 3, ...) is unseen. No photo of an unseen class is ever trained on, not even as
a background.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("POMONA_SHARED", ROOT.parent / "shared"))
TEACHER_SLIM = SHARED / "models" / "mobilenet_v2_1.0_224_slim_folded.npz"
TEACHER_KERAS = SHARED / "models" / "mobilenet_v2_1.0_224_no_top.h5"  # the same numbers


@dataclass
class Photos:
    """One data set: path and class number of each photo, class names, what is held out."""

    paths: list
    labels: np.ndarray
    names: list
    unseen: np.ndarray  # per photo: its class is never trained on
    turned: np.ndarray  # per photo: the fruit is turned round its second axis (fruits-360's r_ files)

    def images(self, size=None):
        """uint8 arrays; all of one shape when a size in pixels is given."""
        opened = (Image.open(path).convert("RGB") for path in self.paths)
        return [
            np.asarray(image if size is None else image.resize((size, size), Image.BILINEAR))
            for image in opened
        ]


def load_photos(folder, unseen_every):
    names = sorted(path.name for path in (SHARED / "data" / folder).iterdir() if path.is_dir())
    paths, labels = [], []
    for number, name in enumerate(names):
        found = sorted((SHARED / "data" / folder / name).glob("*.jpg"))
        paths += found
        labels += [number] * len(found)
    labels = np.array(labels)
    return Photos(
        paths,
        labels,
        names,
        labels % unseen_every == unseen_every - 1,
        np.array([path.name.startswith("r") for path in paths]),
    )


def fruits_360():
    return load_photos("fruits-360", 4)


def phone_photos():
    return load_photos("phone-photos", 2)


def cut_out(pixels):
    """fruits-360 photo -> RGBA: near-white pixels joined to the border become transparent."""
    regions, _ = ndimage.label(pixels.min(2) > 225)
    border = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    fruit = ndimage.binary_opening(~np.isin(regions, border[border > 0]))
    alpha = ndimage.gaussian_filter(fruit.astype(np.float32), 0.7) * 255
    return Image.fromarray(np.dstack([pixels, alpha.astype(np.uint8)]), "RGBA")
