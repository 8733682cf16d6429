# SPDX-License-Identifier: Apache-2.0
"""Draws what engines.py wrote with --json: one group of bars per scenario, the machine's fp32 limit as a line.

Usage: plot.py OUT.svg FILE.json...
"""
import json
import sys

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as pyplot

COLOURS = {"Pomona fp32": "#c8102e", "Pomona int16": "#e4572e", "Pomona int8": "#8f0d21", "OpenVINO": "#6c757d", "ONNX Runtime": "#9aa3ab",
           "oneDNN": "#495057", "XNNPACK": "#c3c9ce"}


def draw(axes, title, results):
    names = [n for n in COLOURS if any(e["name"] == n for r in results for e in r["engines"])]
    width = 0.84 / len(names)
    for i, result in enumerate(results):
        speeds = {e["name"]: e for e in result["engines"]}
        for j, name in enumerate(names):
            if name not in speeds:
                continue
            entry, x = speeds[name], i + (j - (len(names) - 1) / 2) * width
            axes.bar(x, entry["photos_per_second"], width * 0.92, color=COLOURS[name], label=name if i == 0 else None)
            axes.text(x, entry["photos_per_second"], f"{entry['photos_per_second']:.0f}", ha="center", va="bottom", fontsize=7.5,
                      color="#222", fontweight="bold" if name.startswith("Pomona") else "normal",
                      bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8})
        if result["precision"] == "fp32":
            limit = result["limit_gmacs"] * 1e9 / result["n_macs"]
            axes.plot([i - 0.45, i + 0.45], [limit] * 2, color="#222", linewidth=1, linestyle=(0, (4, 3)),
                      label="limit of the multiply-add units" if i == 0 else None)
    axes.set_xticks(range(len(results)), [r["scenario"].replace(", ", "\n", 1) for r in results], fontsize=8.5)
    axes.set_title(title, fontsize=10.5, loc="left", fontweight="bold")
    axes.set_ylabel("photos per second", fontsize=9)
    axes.tick_params(axis="y", labelsize=8, length=0)
    axes.tick_params(axis="x", length=0)
    axes.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.margins(y=0.12)
    axes.legend(fontsize=8, frameon=False, ncols=len(names) + 1, loc="lower center", bbox_to_anchor=(0.5, -0.34), columnspacing=1.2,
                handlelength=1.2)


def main():
    output, panels = sys.argv[1], []
    for path in sys.argv[2:]:
        with open(path) as file:
            about = json.load(file)
        for result in about["results"]:
            result["n_macs"] = about["n_macs"]
        names = {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50", "custom-resnet50": "ResNet50"}
        panels.append((f"{names.get(about['network'], about['network'])}, {about['results'][0]['precision']}", about["results"]))
    pyplot.rcParams.update({"font.family": "DejaVu Sans", "svg.fonttype": "path", "svg.hashsalt": "pomona"})
    figure, all_axes = pyplot.subplots(len(panels), 1, figsize=(8.6, 3.4 * len(panels)), squeeze=False)
    for axes, (title, results) in zip(all_axes[:, 0], panels):
        draw(axes, title, results)
    figure.tight_layout(h_pad=1.5)
    figure.savefig(output, metadata={"Date": None} if output.endswith(".svg") else None, dpi=150)


main()
