#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a precision costs and gives, by the product itself: precision_table.py POMONA PHOTOS OUT NETWORK...

Each network (a network file without calibration, or `orchard`) is calibrated twice, on the built-in images and on 100 of
the photos; `pomona extract` runs all photos of PHOTOS/fruits-360 and PHOTOS/phone-photos in every precision. Printed
for each, as a row of the table in docs/numbers.md:

cosine      to fp32, both less the mean of fp32 over all photos: mean and least; photos of the calibration left out
1-NN        by cosine, in percent, fruits-360: the turned photos (r_*) asked, the others known; with the standard error of
            the share, and of its difference to fp32 over the same photos
ridge       the same by ridge regression onto the classes, on standardised features, penalty 0.1 a photo
k80 / k95   components that hold so much of the variance of fruits-360
network     seconds in the network: fp32's over this one's, in the same process on one thread, interleaved as far as runs are

Needs numpy and pyarrow. No figure is checked here: tests do that (cnn/quantize); this is for people.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet


def run(pomona, *arguments):
    subprocess.run([pomona, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def extract(pomona, listing, folder, network, precision):
    run(pomona, "extract", f"@{listing}", folder, "--network", network, "--precision", precision, "--threads", 1, "--overwrite", "--quiet")
    rows = {}
    for part in sorted((folder / "features").glob("*.parquet")):
        table = pyarrow.parquet.read_table(part, columns=["path", "features"])
        rows.update(zip(table["path"].to_pylist(), table["features"].to_pylist()))
    manifest = json.loads((folder / "run.json").read_text())
    return rows, manifest["seconds"]["per_stage"]["cnn"]


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def nearest(features, labels, turned):
    similarity = unit(features[turned]) @ unit(features[~turned]).T
    return labels[~turned][similarity.argmax(1)] == labels[turned]


def ridge(features, labels, turned):
    known = features[~turned]
    mean, deviation = known.mean(0), known.std(0)
    scale = np.where(deviation > 0, deviation, 1)
    known, asked = (known - mean) / scale, (features[turned] - mean) / scale
    onehot = np.eye(labels.max() + 1)[labels[~turned]]
    gram = known @ known.T
    weights = np.linalg.solve(gram + 0.1 * len(known) * np.eye(len(known)), onehot - onehot.mean(0))
    return (asked @ known.T @ weights).argmax(1) == labels[turned]


def components(features, share):
    variance = np.linalg.svd(features - features.mean(0), compute_uv=False) ** 2
    return int((np.cumsum(variance) / variance.sum() < share).sum() + 1)


def score(hits, of_fp32):
    p, difference = hits.mean(), hits.astype(float) - of_fp32
    error = 100 * np.sqrt(p * (1 - p) / len(hits))
    if hits is of_fp32:
        return f"{100 * p:.1f} ± {error:.1f}"
    return f"{100 * p:.1f} ± {error:.1f} ({100 * difference.mean():+.2f} ± {100 * difference.std() / np.sqrt(len(hits)):.2f})"


def main():
    pomona, photos, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    paths = sorted(photos.glob("fruits-360/*/*.jpg")) + sorted(photos.glob("phone-photos/*/*.jpg"))
    listing, chosen = out / "photos.txt", out / "calibration.txt"
    listing.write_text("".join(f"{p}\n" for p in paths))
    straight = [p for p in paths if not p.name.startswith("r_")]
    calibration = [straight[i * len(straight) // 100] for i in range(100)]
    chosen.write_text("".join(f"{p}\n" for p in calibration))
    keys = [str(p) for p in paths]
    fruit = np.array(["fruits-360" in k for k in keys])
    names = sorted({p.parent.name for p in paths if "fruits-360" in str(p)})
    labels = np.array([names.index(p.parent.name) for p, f in zip(paths, fruit) if f])
    turned = np.array([p.name.startswith("r_") for p, f in zip(paths, fruit) if f])
    seen = np.isin(keys, [str(p) for p in calibration])

    print("| network | precision | calibrated on | cosine, mean (least) | 1-NN % | ridge % | k80 / k95 | network |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for network in sys.argv[4:]:
        name = Path(network).stem
        built_in, on_photos = out / f"{name}-images.pomona", out / f"{name}-photos.pomona"
        run(pomona, "network", "calibrate", network, "--out", built_in)
        run(pomona, "network", "calibrate", network, f"@{chosen}", "--out", on_photos)
        exact = None
        for precision, file, origin in (("fp32", built_in, "-"), ("int16", built_in, "images"), ("int16", on_photos, "photos"),
                                        ("int8", built_in, "images"), ("int8", on_photos, "photos")):
            rows, seconds = extract(pomona, listing, out / "run", file, precision)
            features = np.array([rows[k] for k in keys], np.float64)
            hits = [nearest(features[fruit], labels, turned), ridge(features[fruit], labels, turned)]
            if exact is None:
                exact, exact_hits, exact_seconds = features, hits, seconds
            mean = exact.mean(0)
            a, b = (exact - mean)[~seen], (features - mean)[~seen]
            cosine = (unit(a) * unit(b)).sum(1)
            print(f"| {name} | {precision} | {origin} | {cosine.mean():.5f} ({cosine.min():.4f}) | {score(hits[0], exact_hits[0])} | "
                  f"{score(hits[1], exact_hits[1])} | {components(features[fruit], .8)} / {components(features[fruit], .95)} | "
                  f"{exact_seconds / seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
