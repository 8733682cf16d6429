# SPDX-License-Identifier: Apache-2.0
"""Pomona on Spark beside what it replaces, side by side on this machine: both take turns, and medians are compared.

    spark.py run BUILD PHOTOS WEIGHTS.h5      python -m pomona.spark run, and the reference job: Keras in a pandas UDF, pyspark.ml
    spark.py program BUILD PHOTOS WEIGHTS.h5  pomona run, without Spark, and the same reference job
    spark.py read BUILD PHOTOS                read_photos and Spark's binaryFile, under Featurizer
    spark.py pca BUILD                        pomona.spark.PCA and pyspark.ml's StandardScaler + PCA, 30,000 x 1280, k = 100

Seconds are from starting spark-submit, or the program, to the last _SUCCESS. Memory is the peak of the proportional set sizes of
all processes together. Photos per second are net of start: from the first parts or batches of the workers to the last one.
"""
import argparse
import glob
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import threading
import time

N_COMPONENTS = 50
SETTINGS = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1", "spark.log.level": "ERROR"}


class Memory:
    """Peak of the proportional set sizes of a process and its descendants."""

    def __init__(self, process):
        self.peak_bytes, self._process, self._is_over = 0, process, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self):
        self._is_over.set()
        self._thread.join()
        return self.peak_bytes

    def _watch(self):
        while not self._is_over.wait(0.2):
            self.peak_bytes = max(self.peak_bytes, sum(map(self._set_bytes, self._family())))

    def _family(self):
        children = {}
        for stat in glob.glob("/proc/[0-9]*/stat"):
            try:
                parent = pathlib.Path(stat).read_text().rsplit(")", 1)[1].split()[1]
            except OSError:
                continue
            children.setdefault(int(parent), []).append(int(stat.split("/")[2]))
        family, waiting = [], [self._process]
        while waiting:
            family.append(waiting.pop())
            waiting += children.get(family[-1], [])
        return family

    @staticmethod
    def _set_bytes(process):
        try:
            with open(f"/proc/{process}/smaps_rollup") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            return 0


class Measured:
    """What a command took."""

    def __init__(self, command, last_file=None, exit_codes=(0,)):
        began, clock = time.monotonic(), time.time()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        memory = Memory(process.pid)
        self.output = process.communicate()[0]
        self.peak_bytes = memory.stop()
        if process.returncode not in exit_codes:
            raise SystemExit(f"{command} ended with {process.returncode}")
        self.seconds = time.monotonic() - began if last_file is None else os.path.getmtime(last_file) - clock
        self.photos_per_second = None


def spark_submit(script, *arguments, **options):
    bin_folder = pathlib.Path(sys.executable).parent
    settings = [word for name, value in SETTINGS.items() for word in ("--conf", f"{name}={value}")]
    return Measured([bin_folder / "spark-submit", "--master", "local[*]", "--driver-memory", "4g", *settings, script, *arguments],
                    **options)


def net_rate(events, n_workers):
    """Photos per second between the moment when each worker had made its first and the end; events are (time, photos)."""
    events = sorted(events)
    rest = events[n_workers:]
    return sum(n_photos for _, n_photos in rest) / (events[-1][0] - events[n_workers - 1][0]) if rest else None


def parts_of(folder):
    from pyarrow.parquet import ParquetFile
    return [(os.path.getmtime(path), ParquetFile(path).metadata.num_rows) for path in glob.glob(folder + "/features/*.parquet")]


def largest_difference(ours, theirs):
    import numpy as np
    import pyarrow.parquet as parquet
    tables = [parquet.read_table(folder + "/features") for folder in (ours, theirs)]
    rows = [{path.removeprefix("file:"): values for path, values in zip(t["path"].to_pylist(), t["features"].to_pylist())}
            for t in tables]
    assert rows[0].keys() == rows[1].keys(), "the two sides do not have the same photos"
    return max(float(np.abs(np.subtract(rows[0][path], rows[1][path])).max()) for path in rows[0])


def take_turns(sides, n_rounds):
    """sides: functions by name. What each gave, in rounds in which every side runs once."""
    measured = {name: [] for name in sides}
    for number in range(n_rounds):
        for name, function in sides.items():
            measured[name].append(function())
            print(f"round {number + 1}: {name}: {measured[name][-1].seconds:.1f} s", file=sys.stderr, flush=True)
    return measured


def show(measured):
    print("| | seconds | photos per second | peak memory, MB | rounds, seconds |\n| --- | --- | --- | --- | --- |")
    medians = []
    for name, results in measured.items():
        rates = [result.photos_per_second for result in results]
        seconds = [result.seconds for result in results]
        medians.append((statistics.median(seconds), None if None in rates else statistics.median(rates),
                        statistics.median(result.peak_bytes for result in results) / 1e6))
        rate = "" if medians[-1][1] is None else f"{medians[-1][1]:.0f}"
        print(f"| {name} | {medians[-1][0]:.1f} | {rate} | {medians[-1][2]:.0f} | {', '.join(f'{s:.1f}' for s in seconds)} |")
    (s0, r0, m0), (s1, r1, m1) = medians
    rate = "" if None in (r0, r1) else f"{r0 / r1:.1f}"
    print(f"| ratio | {s1 / s0:.1f} | {rate} | {m1 / m0:.1f} | |")


def run(arguments, package, work):
    photos, weights, network = os.path.abspath(arguments.photos), os.path.abspath(arguments.weights), work + "/mobilenetv2.pomona"
    subprocess.run([package.PROGRAM, "network", "convert", weights, "--out", network, "--quiet"], check=True)
    if arguments.precision != "fp32":
        subprocess.run([package.PROGRAM, "network", "calibrate", network, "--out", network, "--quiet"], check=True)
    options = ["--network", network, "--precision", arguments.precision, "-k", str(N_COMPONENTS), "--overwrite", "--quiet",
               "--no-exif-rotate"]
    n_workers = len(os.sched_getaffinity(0))
    ours, theirs = work + "/ours", work + "/theirs"

    def pomona_spark():
        job = spark_submit(package.folder + "/pomona/spark/__main__.py", "run", photos, ours, *options, last_file=ours + "/pca/_SUCCESS")
        job.photos_per_second = net_rate(parts_of(ours), n_workers)
        return job

    def pomona():
        return Measured([package.PROGRAM, "run", photos, ours, *options], last_file=ours + "/pca/_SUCCESS")

    def keras_in_spark():
        job = spark_submit(JOBS, "reference", photos, weights, theirs, str(N_COMPONENTS), last_file=theirs + "/pca/_SUCCESS")
        with open(theirs + "/batches.txt") as file:
            job.photos_per_second = net_rate([(float(at), int(n)) for at, n in map(str.split, file)], n_workers)
        return job

    first = {"pomona run": pomona} if arguments.command == "program" else {"pomona.spark run": pomona_spark}
    show(take_turns({**first, "Keras in Spark": keras_in_spark}, arguments.rounds))
    print(f"largest difference of a feature: {largest_difference(ours, theirs):.1e}")


def show_in_session(measured):
    """Of jobs that run three times in one session and print their seconds."""
    print("| | first, seconds | later, seconds | peak memory, MB | all, seconds |\n| --- | --- | --- | --- | --- |")
    medians = []
    for name, results in measured.items():
        seconds = [[float(line.split()[1]) for line in result.output.splitlines() if line.startswith("seconds ")] for result in results]
        first = statistics.median(values[0] for values in seconds)
        later = statistics.median(value for values in seconds for value in values[1:])
        medians.append((first, later, statistics.median(result.peak_bytes for result in results) / 1e6))
        rounds = "; ".join(", ".join(f"{value:.1f}" for value in values) for values in seconds)
        print(f"| {name} | {first:.2f} | {later:.2f} | {medians[-1][2]:.0f} | {rounds} |")
    print("| ratio | " + " | ".join(f"{theirs / ours:.1f}" for ours, theirs in zip(*medians)) + " | |")


def read(arguments, _package, work):
    photos = os.path.abspath(arguments.photos)
    show_in_session(take_turns({side: lambda side=side: spark_submit(JOBS, "read", side, photos, f"{work}/{side}")
                                for side in ("read_photos", "binaryFile")}, arguments.rounds))


def pca(arguments, _package, work):
    make_table(work + "/table", arguments.rows)
    show_in_session(take_turns({side: lambda side=side: spark_submit(JOBS, "pca", side, work + "/table", f"{work}/{side}")
                                for side in ("pomona", "pyspark.ml")}, arguments.rounds))
    print(f"largest difference of a projected value, its sign aside: {largest_projected_difference(work):.1e}")


def make_table(folder, n_rows, width=1280):
    """Rows as a network's: not negative, correlated, of falling variance; in 8 files of Parquet."""
    import numpy as np
    import pyarrow
    import pyarrow.parquet as parquet
    random = np.random.default_rng(1)
    mixing = random.standard_normal((200, width), dtype=np.float32) * (0.97 ** np.arange(200, dtype=np.float32))[:, None]
    os.mkdir(folder)
    for number, indices in enumerate(np.array_split(np.arange(n_rows), 8)):
        shape = len(indices)
        rows = np.maximum(random.standard_normal((shape, 200), dtype=np.float32) @ mixing
                          + 0.1 * random.standard_normal((shape, width), dtype=np.float32), 0)
        offsets = np.arange(shape + 1, dtype=np.int32) * width
        parquet.write_table(pyarrow.table({"path": [f"photo-{index}" for index in indices], "label": ["photo"] * shape,
                                           "features": pyarrow.ListArray.from_arrays(offsets, rows.reshape(-1))}),
                            f"{folder}/{number}.parquet")


def largest_projected_difference(work):
    import numpy as np
    import pyarrow.parquet as parquet
    sides = []
    for side in ("pomona", "pyspark.ml"):
        table = parquet.read_table(f"{work}/{side}").sort_by("path")
        sides.append(np.abs(np.array(table["features_pca"].to_pylist())))
    return float(np.abs(sides[0] - sides[1]).max())


HERE = os.path.dirname(os.path.abspath(__file__))
JOBS = os.path.join(HERE, "spark_jobs.py")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("run", "program", "read", "pca"):
        one = commands.add_parser(command)
        one.add_argument("build", help="the build folder")
        if command != "pca":
            one.add_argument("photos")
        if command in ("run", "program"):
            one.add_argument("weights", help="Keras' MobileNetV2 weights, .h5, without top")
            one.add_argument("--precision", choices=("fp32", "int16", "int8"), default="fp32", help="how Pomona computes")
        if command == "pca":
            one.add_argument("--rows", type=int, default=30000)
        one.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    os.environ["POMONA_SOURCE"], os.environ["POMONA_BUILD"] = os.path.dirname(HERE), os.path.abspath(arguments.build)
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), "tests", "python"))
    import package  # puts the package together around the library of the build
    with tempfile.TemporaryDirectory() as work:
        {"run": run, "program": run, "read": read, "pca": pca}[arguments.command](arguments, package, work)


if __name__ == "__main__":
    main()
