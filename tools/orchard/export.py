# SPDX-License-Identifier: Apache-2.0
"""Writes the embedded network and its golden vectors from a training checkpoint.

    export.py --out DIR --name NAME --network FILE.safetensors [--golden FILE.safetensors]
              [--float FILE.safetensors]
              [--checkpoint FILE.safetensors]

The averaged weights are folded in float64 and rounded once: to int8 with a float32 scale per output
channel, except the first layer, which stays float32. The golden vectors are computed in float64 from the
file just written, read back. The same checkpoint gives the same bytes.
"""

import argparse
import json
import platform
from pathlib import Path

import numpy as np
import PIL
import torch
from PIL import Image

from evaluate import COLUMNS, benchmark_images, quality
from generate import DrawnFruit, place, random_colour
from model import (
    Network,
    embedded_tensors,
    fold,
    from_folded,
    mobilenetv2,
    multiply_adds,
    read_network,
    run,
    write_safetensors,
)
from train import write_small_checkpoint

ORIGIN = (
    "Trained by this project from random weights. The targets were the feature vectors of the ImageNet "
    "MobileNetV2 1.0/224 of TensorFlow Slim; none of its weights is carried over. Good for photos of fruit, for "
    "trying Pomona out and for phones. mobilenetv2 knows more kinds of photos; anything "
    "that is not fruit was never trained: use mobilenetv2 there."
)


def training_record(saved):
    state = saved["state"]
    return {
        "data": [
            {"name": "Fruits-360 (Mihai Oltean), 30 classes of 40 photos", "licence": "MIT"},
            {"name": "GroceryStoreDataset (Marcus Klasson), 14 classes of 4 photos", "licence": "MIT"},
            {"name": "drawn fruit and backgrounds from random numbers", "licence": "Apache-2.0"},
        ],
        "teacher": {
            "name": "MobileNetV2 1.0/224, TensorFlow Slim, ImageNet",
            "licence": "Apache-2.0",
            "use": "feature vectors as targets, seen at 224 px",
        },
        "pictures_seen": state["seen"],
        "core_hours": round(state["core_seconds"] / 3600, 2),
        "settings": state["history"],
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "pillow": PIL.__version__,
        },
        "unseen": "fruits-360: every 4th class, phone photos: every 2nd class, in the order of their names",
    }


def limits(row):
    """The quality table in words that `pomona network info` can print."""
    return {column: [row[column], row[column + " error"]] for column in COLUMNS} | {
        "k80": row["k80"],
        "k95": row["k95"],
        "meaning": "1-NN accuracy by cosine, its standard error; k80, k95: components for 80, 95 % of variance",
    }


def golden_pictures(px):
    """Two drawn fruits on coloured grounds, made of random numbers alone."""
    pictures = []
    for seed in (1, 6):
        rng = np.random.default_rng([360, seed])
        canvas = Image.new("RGB", (160, 160), tuple(int(v) for v in random_colour(rng)))
        canvas = place(rng, canvas, DrawnFruit(rng).sprite(rng), 0.9, 0.05)
        pictures.append(np.asarray(canvas.resize((px, px), Image.BILINEAR)))
    return np.stack(pictures)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="orchard")
    parser.add_argument("--network", type=Path, required=True, help="the embedded file to write")
    parser.add_argument("--golden", type=Path, help="golden vectors to write")
    parser.add_argument("--float", type=Path, help="the same network with float32 weights, to compare with")
    parser.add_argument(
        "--checkpoint", type=Path, help="a small checkpoint to write, for train.py --start-from"
    )
    options = parser.parse_args()

    saved = torch.load(options.out / options.name / "checkpoint.pt", weights_only=False)
    layers, px = mobilenetv2(saved["options"]["width"]), saved["options"]["px"]
    trained = Network(layers, batch_norm=True)
    trained.load_state_dict(saved["average"])
    folded = fold(trained)

    def evaluate(network):
        return quality(*(run(network, pixels) for pixels in benchmark_images(options.out, px)))

    def write(path, tensors, quality_record):
        write_safetensors(
            path,
            tensors,
            {
                "format": "pomona-network/1",
                "name": "orchard",
                "input_px": str(px),
                "preprocessing": "tf",
                "padding": "same",
                "features": str(layers[-2]["channels"]),
                "licence": "Apache-2.0",
                "origin": ORIGIN,
                "layers": json.dumps(layers, sort_keys=True, separators=(",", ":")),
                "training": json.dumps(
                    training_record(saved) | {"quality": quality_record},
                    sort_keys=True,
                    separators=(",", ":"),
                ),
            },
        )

    as_float = evaluate(from_folded(layers, folded))
    write(options.network, embedded_tensors(folded), {})
    embedded = evaluate(read_network(options.network)[0])
    write(
        options.network,
        embedded_tensors(folded),
        {"as trained": limits(as_float), "embedded": limits(embedded)},
    )
    if options.float:
        tensors = {
            name + suffix: array
            for name, pair in folded.items()
            for suffix, array in zip((".weight", ".bias"), pair)
        }
        write(options.float, tensors, {"as trained": limits(as_float)})
    if options.checkpoint:
        write_small_checkpoint(options.checkpoint, saved)
    if options.golden:
        pictures, network = golden_pictures(px), read_network(options.network)[0].double()
        write_safetensors(
            options.golden,
            {"pixels": pictures, "features": run(network, pictures).astype(np.float32)},
            {
                "made_by": "tools/orchard/export.py",
                "of": options.network.name,
                "versions": f"torch {torch.__version__}, numpy {np.__version__}, computed in float64",
            },
        )
    print(
        f"{options.network}: {options.network.stat().st_size} bytes, "
        f"{multiply_adds(layers, px) / 1e6:.1f} million multiply-adds per photo, "
        f"{saved['state']['seen']} pictures in {saved['state']['core_seconds'] / 3600:.2f} core-hours"
    )
    for name, row in (("as trained", as_float), ("embedded", embedded)):
        print(
            f"{name}: "
            + ", ".join(f"{c} {row[c]:.3f}" for c in COLUMNS)
            + f", k80 {row['k80']}, k95 {row['k95']}"
        )


if __name__ == "__main__":
    main()
