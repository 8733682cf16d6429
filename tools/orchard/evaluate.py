# SPDX-License-Identifier: Apache-2.0
"""Quality of features on photos of classes the network never saw.

    evaluate.py --out DIR table [FILE.safetensors ...]
        teacher, colour histogram, histogram + HOG, random weights, and each network file, computed with torch;
        of files with the same name, which are seeds of one recipe, also the mean and the deviation between them
    evaluate.py --out DIR product POMONA --network NAME|FILE [--precision P]
        what users get: `pomona extract` on the same photos, read back from its Parquet files

Three sets: fruits-360 (1600 photos on white; half of them turned round a second axis), phone (112 photos
from shops) and hard (the turned photos on other backgrounds and in other lights). 1-NN by cosine; turned:
between the two halves, both ways; hard: against the clean photos; phone: leaving one out. "unseen": queries
of classes that were never trained on, against all classes.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys

from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage

from data import SHARED, fruits_360, phone_photos


def hard_photos(out):
    """The published set's own script draws it, so that our numbers stand beside the published ones."""
    folder = out / "benchmark"
    if not (folder / "hard_y.npy").exists():
        folder.mkdir(parents=True, exist_ok=True)
        script = SHARED / "prototype" / "network" / "gen.py"
        subprocess.run(
            [sys.executable, script, "hard"], check=True, env={**os.environ, "NETWORK_OUT": str(folder)}
        )
    return np.load(folder / "hard224.npy"), np.load(folder / "hard_y.npy")


def benchmark_images(out, px):
    """uint8 [n, px, px, 3] of fruits-360, phone and hard; kept in DIR/benchmark."""
    from pool import reduce

    path = out / "benchmark" / f"images{px}.npz"
    if not path.exists():
        hard, _ = hard_photos(out)
        sets = [np.stack(fruits_360().images(px)), np.stack(phone_photos().images(px)), reduce(hard, px)]
        np.savez(path, *sets)
    arrays = np.load(path)
    return [arrays[f"arr_{i}"] for i in range(3)]


def unit(features):
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def nearest(gallery, gallery_labels, queries, query_labels):
    """1-NN by cosine: which queries find their class."""
    return gallery_labels[(unit(queries) @ unit(gallery).T).argmax(1)] == query_labels


def quality(fruit_features, phone_features, hard_features):
    """One table row: accuracies of 1-NN by cosine, their standard errors, and the features' rank."""
    fruits, phones = fruits_360(), phone_photos()
    label, turned, unseen = fruits.labels, fruits.turned, fruits.unseen
    hard_labels = label[turned]
    both_ways = np.concatenate(
        [
            nearest(fruit_features[~turned], label[~turned], fruit_features[turned], label[turned]),
            nearest(fruit_features[turned], label[turned], fruit_features[~turned], label[~turned]),
        ]
    )
    unseen_both = np.concatenate([unseen[turned], unseen[~turned]])
    hard = nearest(fruit_features[~turned], label[~turned], hard_features, hard_labels)
    similarity = unit(phone_features) @ unit(phone_features).T
    np.fill_diagonal(similarity, -2)
    phone = phones.labels[similarity.argmax(1)] == phones.labels
    row = {}
    for name, hits in (
        ("turned", both_ways),
        ("turned unseen", both_ways[unseen_both]),
        ("hard", hard),
        ("hard unseen", hard[unseen[turned]]),
        ("phone", phone),
        ("phone unseen", phone[phones.unseen]),
    ):
        p = hits.mean()
        row[name] = round(float(p), 4)
        row[name + " error"] = round(float(np.sqrt(p * (1 - p) / len(hits))), 4)
    centred = fruit_features.astype(np.float64) - fruit_features.mean(0)
    variance = np.cumsum(np.linalg.svd(centred, compute_uv=False) ** 2)
    variance /= variance[-1]
    row["k80"], row["k95"] = (int((variance < share).sum() + 1) for share in (0.80, 0.95))
    return row


def between(rows):
    """A row of means of rows; in the place of the errors, the standard deviation between the rows."""
    mean = {key: float(np.mean([row[key] for row in rows])) for key in rows[0] if key != "name"}
    mean |= {name + " error": float(np.std([row[name] for row in rows], ddof=1)) for name in COLUMNS}
    return mean | {key: round(mean[key], 1) for key in ("k80", "k95")}


COLUMNS = ["turned", "turned unseen", "hard", "hard unseen", "phone", "phone unseen"]


def print_row(name, row):
    cells = [f"{row[c]:.3f} ± {row[c + ' error']:.3f}" for c in COLUMNS]
    print(f"| {name} | " + " | ".join(cells) + f" | {row['k80']} / {row['k95']} |", flush=True)


def print_head():
    print("| 1-NN accuracy | " + " | ".join(COLUMNS) + " | k80 / k95 |\n|---|" + "---|" * (len(COLUMNS) + 1))


# ------------------------------------------------------------------------------ without a network


def colour_histograms(pixels):
    """Square roots of hue x saturation x value histograms of the picture and of three parts of it."""
    rgb = pixels.astype(np.float32) / 255
    largest = rgb.max(2)
    range_ = largest - rgb.min(2) + 1e-6
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    hue = (
        np.where(
            largest == r,
            ((g - b) / range_) % 6,
            np.where(largest == g, (b - r) / range_ + 2, (r - g) / range_ + 4),
        )
        / 6
    )
    bins = [
        np.minimum(value * n, n - 1).astype(int)
        for value, n in ((hue, 8), (range_ / (largest + 1e-6), 4), (largest, 4))
    ]
    cell = (bins[0] * 4 + bins[1]) * 4 + bins[2]
    n = len(pixels)
    q = n // 4
    parts = [cell, cell[q : 3 * q, q : 3 * q], cell[: n // 2, : n // 2], cell[n // 2 :, n // 2 :]]
    return np.concatenate([np.sqrt(np.bincount(part.ravel(), minlength=128) / part.size) for part in parts])


def oriented_gradients(pixels):
    """Square roots of 9 orientations of the brightness gradient on an 8 x 8 grid."""
    brightness = pixels.max(2).astype(np.float32) / 255
    gx, gy = ndimage.sobel(brightness, 1), ndimage.sobel(brightness, 0)
    bins = np.minimum((np.arctan2(gy, gx) % np.pi) / np.pi * 9, 8).astype(int)
    at = np.minimum(np.arange(len(pixels)) * 8 // len(pixels), 7)
    cell = (at[:, None] * 8 + at[None]) * 9 + bins
    sums = np.bincount(cell.ravel(), np.hypot(gx, gy).ravel(), 576)
    return np.sqrt(sums / (sums.sum() + 1e-6))


# ------------------------------------------------------------------------------ the two commands


def table(options):
    import torch
    from model import Network, mobilenetv2, read_network, run
    from teacher import load_teacher

    print_head()

    def row(name, compute, px):
        result = quality(*(compute(pixels) for pixels in benchmark_images(options.out, px)))
        print_row(name, result)
        return dict(name=name, **result)

    rows = []
    if not options.networks_only:
        teacher = load_teacher()
        rows.append(row("mobilenetv2, 224 px", lambda x: run(teacher, x, 8), 224))
        rows.append(row("mobilenetv2, 128 px", lambda x: run(teacher, x, 8), 128))
        histogram = {}

        def colours(x):
            histogram[len(x)] = np.stack([colour_histograms(image) for image in x]).astype(np.float32)
            return histogram[len(x)]

        rows.append(row("colour histogram", colours, 128))
        rows.append(
            row(
                "colour histogram + HOG",
                lambda x: np.concatenate(
                    [histogram[len(x)], np.stack([oriented_gradients(image) for image in x])], 1
                ).astype(np.float32),
                128,
            )
        )
        torch.manual_seed(0)
        untrained = Network(mobilenetv2(0.35), batch_norm=True)
        rows.append(row("random weights, width 0.35, 128 px", lambda x: run(untrained, x), 128))
    seeds = {}
    for path in options.files:
        network, metadata = read_network(path)
        px = int(metadata["input_px"])
        rows.append(row(f"{path.parent.name}/{path.stem}, {px} px", lambda x: run(network, x), px))
        seeds.setdefault(f"{path.stem}, {px} px", []).append(rows[-1])
    for name, of_seeds in seeds.items():
        if len(of_seeds) > 1:
            print_row(f"{name}: mean of {len(of_seeds)} ± deviation between them", between(of_seeds))
    return rows


def write_photos(out):
    """The three sets as folders of photos, SET/CLASS/FILE, for the product to read."""
    folder = out / "benchmark" / "photos"
    if not (folder / "complete").exists():
        fruits, phones = fruits_360(), phone_photos()
        hard, _ = hard_photos(out)
        for name, photos in (("fruits-360", fruits), ("phone", phones)):
            for path, label in zip(photos.paths, photos.labels):
                target = folder / name / photos.names[label] / path.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)
        for pixels, index in zip(hard, np.flatnonzero(fruits.turned)):
            target = (
                folder / "hard" / fruits.names[fruits.labels[index]] / (fruits.paths[index].stem + ".png")
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(target)
        (folder / "complete").touch()
    return folder


def read_features(parquet_folder):
    """Features of the three sets in the order of the photo lists, from the columns path and features."""
    import pyarrow.parquet

    found = {}
    for part in sorted(Path(parquet_folder).glob("*.parquet")):
        columns = pyarrow.parquet.read_table(part, columns=["path", "features"])
        for path, features in zip(columns["path"].to_pylist(), columns["features"].to_pylist()):
            found["/".join(Path(path).parts[-3:])] = features
    fruits, phones = fruits_360(), phone_photos()
    keys = [
        [f"fruits-360/{p.parent.name}/{p.name}" for p in fruits.paths],
        [f"phone/{p.parent.name}/{p.name}" for p in phones.paths],
        [f"hard/{p.parent.name}/{p.stem}.png" for p, turned in zip(fruits.paths, fruits.turned) if turned],
    ]
    missing = [key for group in keys for key in group if key not in found]
    if missing:
        raise SystemExit(f"{parquet_folder}: no features of {len(missing)} photos, the first is {missing[0]}")
    return [np.array([found[key] for key in group], np.float32) for group in keys]


def product(options):
    photos = write_photos(options.out)
    name = f"{Path(options.network).stem}-{options.precision}"
    target = options.out / "product" / name
    precision = [] if options.precision == "fp32" else ["--precision", options.precision]
    subprocess.run(
        [
            options.pomona,
            "extract",
            photos,
            target,
            "--network",
            options.network,
            *precision,
            "--overwrite",
            "--quiet",
        ],
        check=True,
    )
    print_head()
    row = quality(*read_features(target / "features"))
    print_row(f"{Path(options.network).stem}, {options.precision}, pomona extract", row)
    return [dict(name=name, **row)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the training's folder; keeps the benchmark's pictures"
    )
    verbs = parser.add_subparsers(required=True)
    verb = verbs.add_parser("table")
    verb.add_argument("files", type=Path, nargs="*")
    verb.add_argument("--networks-only", action="store_true", help="only the files, no baselines")
    verb.set_defaults(call=table)
    verb = verbs.add_parser("product")
    verb.add_argument("pomona")
    verb.add_argument("--network", default="orchard")
    verb.add_argument(
        "--precision",
        default="fp32",
        choices=["fp32", "int16", "int8"],
        help="the other two need a pomona that has them",
    )
    verb.set_defaults(call=product)
    options = parser.parse_args()
    rows = options.call(options)
    with open(options.out / "tables.jsonl", "a") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


if __name__ == "__main__":
    main()
