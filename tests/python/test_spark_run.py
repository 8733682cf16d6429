# SPDX-License-Identifier: Apache-2.0
"""`python -m pomona.spark run` beside `pomona run`: the same files to the byte, with bad photos, resumed, retried, and with an
executor that is killed, speculation on.

    test_spark_run.py local[2] | local-cluster[2,1,2048]

On the 1,600 photos and the MobileNetV2 file of ../shared where they are, else on drawn photos and orchard.
"""

import filecmp
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import package

master = sys.argv[1]
if os.system("java -version 2>/dev/null") != 0:
    print("skipped: no Java for Spark")
    sys.exit(77)
settings = {"spark.ui.enabled": "false", "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g", "spark.speculation": "true", "spark.speculation.interval": "100ms",
            "spark.speculation.multiplier": "1.1", "spark.speculation.quantile": "0.5", "spark.log.level": "ERROR", "spark.ui.showConsoleProgress": "false"}
os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join([f"--master {master}"] + [f"--conf {name}={value}" for name, value in
                                                                     settings.items()] + ["pyspark-shell"])

from pomona.spark.run import main  # noqa: E402

# --- photos: real ones where they are, with 20 bad files among them ---

shared = os.environ.get("POMONA_SHARED", "")
is_cluster = master.startswith("local-cluster")
weights = os.path.join(shared, "models", "mobilenet_v2_1.0_224_no_top.h5")
photos, network = os.path.join(package.folder, "photos"), "orchard"
if os.path.isdir(os.path.join(shared, "data", "fruits-360")) and os.path.exists(weights):
    shutil.copytree(os.path.join(shared, "data", "fruits-360"), photos)
    for index, path in enumerate(sorted(glob.glob(photos + "/*/*.jpg"))):
        if index % 8 and not is_cluster:  # all of them once, on the cluster
            os.remove(path)
    network = os.path.join(package.folder, "mobilenetv2.pomona")
    subprocess.run([package.PROGRAM, "network", "convert", weights, "--out", network, "--quiet"], check=True)
else:
    package.demo_photos(20)
good = sorted(glob.glob(photos + "/**/*.jpg", recursive=True))
os.makedirs(os.path.join(photos, "bad"))
for index in range(20):
    content = open(good[index * len(good) // 20], "rb").read()
    with open(os.path.join(photos, "bad", f"{index:02d}.jpg"), "wb") as file:
        file.write([b"", b"no photo at all", content[: len(content) // 2], content[:100]][index % 4])
n_listed = len(glob.glob(photos + "/**/*.*", recursive=True))
n_failed = 20 + (0 if network != "orchard" else 2)
common = ["--network", network, "-k", "20", "--part-rows", "53" if is_cluster else "17", "--no-report"]


def out(name):
    return os.path.join(package.folder, name)


def program(*arguments):
    result = subprocess.run([package.PROGRAM, *arguments, "--quiet"], stderr=subprocess.PIPE, text=True)
    assert result.returncode in (0, 1), result.stderr


def files(folder):
    """The files that must be equal: all but the manifest and the report, which tell times, and the lock."""
    found = [os.path.relpath(os.path.join(root, name), folder) for root, _, names in os.walk(folder) for name in names]
    return sorted(name for name in found if os.path.basename(name) not in ("run.json", "report.html", "_lock")
                  and not name.startswith("plots" + os.sep))


def check_same(folder, expected):
    assert files(folder) == files(expected), set(files(folder)) ^ set(files(expected))
    _, different, errors = filecmp.cmpfiles(folder, expected, files(expected), shallow=False)
    assert not different and not errors, (different, errors)


def manifest(folder):
    with open(os.path.join(folder, "run.json")) as file:
        return json.load(file)


def rows(folder, table="features"):
    import pyarrow.parquet
    return pyarrow.parquet.read_table(os.path.join(folder, table))


def the_files_are_those_of_the_program():
    more = ["--overwrite", "--format", "csv,json", "--with-scaled"]
    program("run", photos, out("expected"), *common[:-1], *more)
    assert main(["run", photos, out("out"), *common[:-1], *more, "--quiet"]) == 1
    assert os.path.exists(out("out/report.html")) and os.path.exists(out("out/plots")) == os.path.exists(out("expected/plots"))
    check_same(out("out"), out("expected"))
    told, expected = manifest(out("out")), manifest(out("expected"))
    for name in ("settings", "counts", "listing", "run_id", "network", "pca", "later_stages"):
        assert told[name] == expected[name], (name, told[name], expected[name])
    assert told["state"] == "complete" and told["counts"]["listed"] == n_listed and told["counts"]["failed"] == n_failed
    assert told["seconds"]["per_stage"]["cnn"] > 0


def an_executor_that_is_killed_changes_nothing():
    program("run", photos, out("expected"), *common)
    killed = []

    def kill():
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and len(glob.glob(out("killed") + "/features/*.parquet")) < 4:
            time.sleep(0.01)
        for process in executors():
            os.kill(process, signal.SIGKILL)
            killed.append(process)
            return

    killer = threading.Thread(target=kill)
    killer.start()
    assert main(["run", photos, out("killed"), *common, "--quiet"]) == 1
    killer.join()
    assert killed, "no executor was found"
    check_same(out("killed"), out("expected"))
    assert manifest(out("killed"))["counts"] == manifest(out("expected"))["counts"]
    assert manifest(out("killed"))["counts"]["listed"] == n_listed and manifest(out("killed"))["counts"]["failed"] == n_failed


def executors():
    """Executors that descend from this process."""
    parents, names = {}, {}
    for folder in glob.glob("/proc/[0-9]*"):
        try:
            with open(folder + "/stat") as stat, open(folder + "/cmdline") as command:
                process = int(folder[6:])
                parents[process], names[process] = int(stat.read().rsplit(")", 1)[1].split()[1]), command.read()
        except (OSError, ValueError):
            continue
    for process, name in names.items():
        at = process
        while at in parents and at != os.getpid():
            at = parents[at]
        if at == os.getpid() and "CoarseGrainedExecutorBackend" in name and "java" in name.split("\0")[0]:
            yield process


def a_run_is_resumed_whatever_its_part_rows():
    begun = [argument for argument in common if argument not in ("--part-rows", "17")]
    program("run", photos, out("expected"), *common, "--overwrite")
    program("run", photos, out("out"), *common, "--overwrite")
    for part in sorted(glob.glob(out("out") + "/features/*.parquet"))[1:4]:
        os.remove(part)
    assert main(["run", photos, out("out"), *begun, "--resume", "--quiet"]) == 1
    check_same(out("out"), out("expected"))


def failed_photos_are_tried_again():
    shutil.copyfile(good[0], os.path.join(photos, "bad", "00.jpg"))
    shutil.copytree(out("out"), out("again"))
    assert main(["run", photos, out("out"), *common, "--retry-failed", "--quiet"]) == 1
    program("run", photos, out("again"), *common, "--retry-failed")
    check_same(out("out"), out("again"))
    assert manifest(out("out"))["counts"]["failed"] == n_failed - 1


def rows_do_not_depend_on_how_parts_are_cut():
    program("run", photos, out("whole"), "--network", network, "-k", "20", "--no-report")
    assert main(["run", photos, out("cut"), "--network", network, "-k", "20", "--no-report", "--quiet"]) == 1
    assert rows(out("cut")).equals(rows(out("whole"))) and rows(out("cut"), "pca").equals(rows(out("whole"), "pca"))
    assert filecmp.cmp(out("cut/pca.safetensors"), out("whole/pca.safetensors"), shallow=False)
    # Both cores have as many parts of as many photos.
    part_rows = manifest(out("cut"))["settings"]["part_rows"]
    n_parts = -(-n_listed // part_rows)
    assert n_parts == len(glob.glob(out("cut") + "/features/*.parquet")) and n_parts % 2 == 0, n_parts
    assert n_parts * part_rows - n_listed < n_parts, part_rows


@package.with_s3
def runs_go_from_s3_to_s3(server):
    """The network is on S3 too, executors fetch and publish there; parts that are gone are made again."""
    few = sorted(glob.glob(photos + "/**/*.jpg", recursive=True))[::5] + sorted(glob.glob(photos + "/bad/*"))
    for path in few:
        copy = os.path.join(server.bucket, "photos", os.path.relpath(path, photos))
        os.makedirs(os.path.dirname(copy), exist_ok=True)
        shutil.copyfile(path, copy)
    named = network
    if network != "orchard":
        shutil.copyfile(network, os.path.join(server.bucket, "network.pomona"))
        named = "s3://bucket/network.pomona"
    options = ["--network", named, "-k", "5", "--part-rows", "17", "--no-report", "--endpoint-url", server.url, "--region",
               "eu-central-1"]
    program("run", "s3://bucket/photos", "s3://bucket/expected", *options)
    assert main(["run", "s3://bucket/photos", "s3://bucket/out", *options, "--quiet"]) == 1
    mine, theirs = os.path.join(server.bucket, "out"), os.path.join(server.bucket, "expected")
    check_same(mine, theirs)
    assert manifest(mine)["counts"] == manifest(theirs)["counts"] and manifest(mine)["counts"]["failed"] >= 19
    assert not os.path.exists(os.path.join(mine, "_lock")), "the lock stays"
    for part in sorted(glob.glob(mine + "/features/*.parquet"))[:2]:
        os.remove(part)
    assert main(["run", "s3://bucket/photos", "s3://bucket/out", *options, "--resume", "--quiet"]) == 1
    check_same(mine, theirs)
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    os.environ["AWS_SECRET_ACCESS_KEY"] = "wrong"
    try:
        assert main(["run", "s3://bucket/photos", "s3://bucket/denied", *options[2:], "--quiet"]) == 3
    finally:
        os.environ["AWS_SECRET_ACCESS_KEY"] = secret
    assert not os.path.exists(os.path.join(server.bucket, "denied"))


def what_cannot_be_is_said():
    def exit_code(*arguments):
        try:
            return main(["run", *arguments, "--quiet"])
        except SystemExit as stopped:
            return stopped.code

    assert exit_code(photos) == 2 and main([]) == 2 and main(["extract"]) == 2 and main(["--help"]) == 0
    assert exit_code(photos, out("x"), "--thread", "2") == 2 and exit_code(photos, out("x"), "--threads", "2") == 2
    assert exit_code(photos, out("x"), "--components", "0") == 2 and exit_code(photos, out("x"), "--variance", "2") == 2
    assert exit_code(photos, out("out"), *common) == 2  # there already
    assert exit_code(photos + "/nowhere", out("x")) == 2
    assert exit_code(photos, out("limited"), *common, "--max-failures", "3") == 3
    assert manifest(out("limited"))["state"] == "failed"
    assert not os.path.exists(out("x"))


def what_spark_says_is_told_in_a_line():
    """Of a part that fails, and of a Spark that does not start."""
    from pomona.spark.run import _told_by_task
    around = "An error occurred while calling o1.collect.\n: org.apache.spark.SparkException: Job aborted due to stage failure: {}\n\tat org.apache"
    traceback = "org.apache.spark.api.python.PythonException: Traceback (most recent call last):\n  File \"worker.py\", line 1\n{}\n"
    for raised, told in (("pomona._library.Error: the disk is full", "the disk is full"),
                         ("ModuleNotFoundError: No module named 'pomona'", "ModuleNotFoundError: No module named 'pomona'")):
        message = _told_by_task(Exception(around.format(traceback.format(raised)))).message
        assert message == "a part could not be made, after Spark's tries: " + told, message
    assert _told_by_task(Exception(around.format("ExecutorLostFailure"))).message.endswith("stage failure: ExecutorLostFailure")
    assert _told_by_task(Exception()).message.endswith("Exception()")

    bare = {name: value for name, value in os.environ.items() if name != "JAVA_HOME"} | {"PATH": "/nonexistent"}
    done = subprocess.run([sys.executable, "-m", "pomona.spark", "run", photos, out("x")], env=bare, capture_output=True, text=True)
    assert done.returncode == 3 and "pomona: Spark does not start: it needs Java" in done.stderr and not os.path.exists(out("x")), done


def workers_have_the_driver_s_python():
    """Whatever python3 is first in PATH."""
    other = os.path.join(package.folder, "other")
    os.makedirs(other)
    with open(os.path.join(other, "python3"), "w") as file:
        file.write("#!/bin/sh\nexit 1\n")
    os.chmod(os.path.join(other, "python3"), 0o755)
    there = {name: value for name, value in os.environ.items() if name != "PYSPARK_PYTHON"}
    done = subprocess.run([sys.executable, "-m", "pomona.spark", "run", os.path.dirname(good[0]), out("python"), "-k", "1", "--no-report"],
                          env=there | {"PATH": other + os.pathsep + os.environ["PATH"]}, capture_output=True, text=True)
    assert done.returncode == 0 and "Stage 0" not in done.stderr, done


def the_options_are_those_of_the_program():
    from pomona.spark import run_options
    told = subprocess.run([package.PROGRAM, "run", "--help"], capture_output=True, text=True, check=True).stdout
    options = {word for line in told.splitlines() for word in line[:32].split() if word.startswith("--")}
    ours = {name for action in run_options._parser()._actions for name in action.option_strings if name.startswith("--")}
    assert ours == options, ours ^ options


if is_cluster:
    tests = (an_executor_that_is_killed_changes_nothing,)
else:
    tests = (the_options_are_those_of_the_program, the_files_are_those_of_the_program, a_run_is_resumed_whatever_its_part_rows,
             failed_photos_are_tried_again, runs_go_from_s3_to_s3, rows_do_not_depend_on_how_parts_are_cut, what_cannot_be_is_said,
             what_spark_says_is_told_in_a_line, workers_have_the_driver_s_python)
for test in tests:
    began = time.monotonic()
    test()
    print(f"ok: {test.__name__.replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
