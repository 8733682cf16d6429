# SPDX-License-Identifier: Apache-2.0
"""Pomona's engine beside ONNX Runtime, OpenVINO, oneDNN and XNNPACK: the same weights, the same preprocessed photos.

Every engine lives in a process of its own, a fresh one for each scenario: there all of them are opened, their features are compared with
Pomona's in fp32, and then rounds alternate: each round measures the machine's multiply-add limit and every engine once. What
the table shows are medians over the rounds; a ratio is the median of the rounds' ratios. See bench/README.md.

Usage: engines.py --network NAME|FILE --photos FOLDER [--precision fp32|int8] [--rounds N] [--seconds S] [--json FILE]
"""
import argparse
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

import export_onnx
import network_file
from engine_types import SCENARIOS

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
N_PHOTOS, N_CALIBRATION = 16, 64
ENGINES = ["pomona", "onnxruntime", "openvino", "onednn", "xnnpack"]
OURS = {"fp32": ["fp32"], "int8": ["int8", "int16"]}  # what Pomona shows beside the others' precision


class Engine:
    def __init__(self, module, context, scenario):
        folder = os.path.dirname(os.path.abspath(__file__))
        self.log = f"{os.path.dirname(context)}/{module}.log"
        with open(self.log, "w") as log:
            self.process = subprocess.Popen([sys.executable, f"{folder}/worker.py", module, context, str(scenario)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=log, text=True)
        self.module, self.absent, self.is_ready = module, None, False

    def _answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        with open(self.log, errors="replace") as log:
            last = (log.read().strip().splitlines() or [""])[-1]
        self.absent = f"it ended with status {self.process.wait()}: {last}"
        return {"absent": self.absent}

    def ask(self, what, **arguments):
        if not self.is_ready:  # its first answer says whether the engine is there; all of them start at the same time
            self.is_ready, self.absent = True, self._answer().get("absent")
        if self.absent:
            return {"absent": self.absent}
        print(json.dumps({"do": what, **arguments}), file=self.process.stdin, flush=True)
        return self._answer()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def read_photos(folder, n_photos, side_px, offset):
    """n photos spread over the folder, as Pomona and Keras resize them: bytes of Pillow's bicubic."""
    paths = sorted(path for path in glob.glob(folder + "/**/*", recursive=True) if path.lower().endswith((".jpg", ".jpeg", ".png")))
    assert len(paths) >= n_photos + 1, f"{folder}: {len(paths)} photos, {n_photos + 1} are needed"
    chosen = [paths[(offset + i * len(paths)) // n_photos % len(paths)] for i in range(n_photos)]
    return np.stack([np.asarray(Image.open(path).convert("RGB").resize((side_px, side_px), Image.BICUBIC)) for path in chosen])


def network_path(pomona, wanted, work):
    """A network file as it is; a name from the networks folder; other weights converted."""
    if wanted.endswith(".pomona"):
        return wanted
    if "/" not in wanted and "." not in wanted:
        listed = subprocess.run([pomona, "network", "list", "--json"], check=True, capture_output=True, text=True).stdout
        for entry in map(json.loads, listed.splitlines()):
            if entry["name"] == wanted and entry["path"]:
                return entry["path"]
        sys.exit(f"engines: {wanted} is not installed: pomona network pull {wanted}")
    subprocess.run([pomona, "network", "convert", wanted, "--out", f"{work}/converted.pomona"], check=True, stdout=subprocess.DEVNULL)
    return f"{work}/converted.pomona"


def prepare(arguments, work):
    """Writes what the engines read; returns the path of the list of it."""
    path = network_path(f"{ROOT}/build/apps/pomona/pomona", arguments.network, work)
    network = network_file.read(path)
    photos = read_photos(arguments.photos, N_PHOTOS, network.input_px, 0)
    calibration = network.preprocess(read_photos(arguments.photos, N_CALIBRATION, network.input_px, N_CALIBRATION // 2))
    values = network.preprocess(photos)
    arrays = {"photos": photos, "values_nhwc": values, "values_nchw": values.transpose(0, 3, 1, 2), "calibration_nhwc": calibration,
              "calibration_nchw": calibration.transpose(0, 3, 1, 2)}
    context = {"network": path, "work": work, "source": ROOT, "pomona_library": f"{ROOT}/build/src", "input_px": network.input_px,
               "n_features": network.n_features}
    for name, array in arrays.items():
        context[name] = f"{work}/{name}.npy"
        np.save(context[name], np.ascontiguousarray(array))
    context["onnx"] = f"{work}/network.onnx"
    export_onnx.write(network, context["onnx"])
    try:
        import export_tflite
        context["tflite"] = f"{work}/network.tflite"
        export_tflite.write(network, context["tflite"])
    except ImportError:
        context.pop("tflite", None)  # the worker says that XNNPACK is absent
    with open(f"{work}/context.json", "w") as file:
        json.dump(context, file)
    return network, f"{work}/context.json"


def cosines(features, reference):
    """Smallest and mean cosine over the photos, both centred on the reference's mean photo where there are several."""
    mean = reference.mean(axis=0) if len(reference) > 1 else 0
    a, b = features - mean, reference - mean
    each = (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    return float(each.min()), float(each.mean())


class Contestant:
    """An engine in one precision, in one scenario."""

    def __init__(self, engine, label, precision, opened):
        self.engine, self.label, self.precision, self.rates = engine, label, precision, []
        self.version, self.flags = opened["version"], opened["flags"]
        self.features = np.load(opened["features"]).astype(np.float64)


def measure(context, precision, number, arguments, network, reference):
    scenario = SCENARIOS[number]
    engines = [Engine(module, context, number) for module in ENGINES]
    result = {"network": network.name, "precision": precision, "scenario": scenario.name, "engines": [], "absent": {}}
    pomona = engines[0]
    limits, contestants = [], []
    for engine in engines:
        for own in OURS[precision] if engine is pomona else [precision]:
            opened = engine.ask("open", precision=own)
            if opened.get("absent"):
                result["absent"][f"{engine.module} {own}"] = opened["absent"]
            else:
                contestants.append(Contestant(engine, opened["name"] + f" {own}" * (engine is pomona), own, opened))
    for _ in range(arguments.rounds):
        limits.append(pomona.ask("limit", seconds=arguments.seconds)["macs_per_second"])
        for contestant in contestants:
            if contestant.engine is pomona and len(OURS[precision]) > 1:
                pomona.ask("open", precision=contestant.precision)
            answer = contestant.engine.ask("measure", seconds=arguments.seconds)
            contestant.rates.append(answer["photos_per_second"])
    for engine in engines:
        engine.end()
    best = max((c for c in contestants if c.engine is not pomona), key=lambda c: statistics.median(c.rates), default=None)
    result["limit_gmacs"] = statistics.median(limits) * 1e-9
    for c in contestants:
        smallest, mean = cosines(c.features, reference[:len(c.features)])
        result["engines"].append({
            "name": c.label, "version": c.version, "flags": c.flags, "photos_per_second": statistics.median(c.rates),
            "lowest": min(c.rates), "highest": max(c.rates),
            "share_of_fp32_limit": statistics.median(r * network.n_macs() / l for r, l in zip(c.rates, limits)),
            "ratio_to_best_library": statistics.median(r / b for r, b in zip(c.rates, best.rates)) if best else None,
            "largest_difference": float(np.abs(c.features - reference[:len(c.features)]).max()),
            "cosine_min": smallest, "cosine_mean": mean})
    return result


def print_result(result):
    print(f"\n{result['network']}, {result['precision']}, {result['scenario']}: fp32 limit {result['limit_gmacs']:.1f} G multiply-adds/s")
    print(f"  {'':18s} {'photos/s':>9s} {'(low':>8s}{'high)':>9s} {'of limit':>9s} {'to best':>8s} {'max diff':>9s} {'cosine':>9s}")
    for e in sorted(result["engines"], key=lambda e: -e["photos_per_second"]):
        ratio = f"{e['ratio_to_best_library']:8.2f}" if e["ratio_to_best_library"] else " " * 8
        print(f"  {e['name']:18s} {e['photos_per_second']:9.1f} {e['lowest']:8.1f} {e['highest']:8.1f} {e['share_of_fp32_limit']:8.1%}  "
              f"{ratio} {e['largest_difference']:9.1e} {e['cosine_min']:9.6f}")
    for name, reason in result["absent"].items():
        print(f"  {name}: skipped, {reason}")
    sys.stdout.flush()


def machine():
    model = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "-C", ROOT, "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "system": platform.platform(), "pomona": commit,
            "python": platform.python_version()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--network", default="mobilenetv2", help="a name, a network file, or weights that `network convert` reads")
    parser.add_argument("--photos", required=True, help="folder with at least 65 photos")
    parser.add_argument("--precision", choices=list(OURS), default="fp32")
    parser.add_argument("--scenario", type=int, action="append", choices=range(len(SCENARIOS)),
                        help=", ".join(f"{i}: {s.name}" for i, s in enumerate(SCENARIOS)) + "; all when absent")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.4, help="of each measurement")
    parser.add_argument("--json", help="write all figures to this file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        network, context = prepare(arguments, work)
        about = {"machine": machine(), "network": network.name, "n_macs": network.n_macs(), "rounds": arguments.rounds,
                 "seconds": arguments.seconds, "results": []}
        print(", ".join(f"{name} {value}" for name, value in about["machine"].items()))
        print(f"{network.name}: {network.n_macs() * 1e-9:.4f} G multiply-adds a photo, {N_PHOTOS} photos")
        sixteen = next(i for i, s in enumerate(SCENARIOS) if s.batch == N_PHOTOS)
        pomona = Engine("pomona", context, sixteen)
        opened = pomona.ask("open", precision="fp32")
        if opened.get("absent"):
            sys.exit(f"engines: Pomona: {opened['absent']}")
        reference = np.load(opened["features"]).astype(np.float64)
        pomona.end()
        for number in arguments.scenario or range(len(SCENARIOS)):
            if max(SCENARIOS[number].cores, 1) > about["machine"]["cores"]:
                continue
            result = measure(context, arguments.precision, number, arguments, network, reference)
            about["results"].append(result)
            print_result(result)
        used = {e["name"]: f"{e['version']}: {e['flags']}" for result in about["results"] for e in result["engines"]}
        print("\n" + "\n".join(f"  {name} {text}" for name, text in used.items()))
    if arguments.json:
        with open(arguments.json, "w") as file:
            json.dump(about, file, indent=1)


if __name__ == "__main__":
    main()
