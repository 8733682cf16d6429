# SPDX-License-Identifier: Apache-2.0
"""
S3 against the local disk, and fetching alone against the AWS CLI, s5cmd and Spark's s3a, with a delay added to each request.

    python bench/s3.py BUILD [--objects N] [--delays 0,20,50] [--rounds N] [--network NAME]
                             [--aws AWS] [--s5cmd S5CMD] [--spark PYTHON]

N small JPEG files (drawn photos, 100 x 100 pixels, repeated) on the disk, and the same from bench/s3_server.c on loopback,
which answers each request after the delay. Both ends share this machine's cores, so the clock charges the client with the
server's work; that server does next to none, and beside the clock stands the processor time of our process alone. Fetching:
ours is given the keys; the others list them, and the command lines write files. --spark is a Python with pyspark, such as
.deps/python/bin/python3, beside the jars that tools/setup.sh --tests fetches; its time includes starting Spark.
Programs run in turn, round after round; the median of the rounds is shown.
"""
import argparse
import os
import pathlib
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time


def measure(arguments, environment, cwd):
    """Seconds on the clock, seconds of processor time, and peak memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(arguments, env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{arguments[:4]}: {error[-500:].decode()}")
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--objects", type=int, default=23619)
    parser.add_argument("--delays", default="0,20,50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aws")
    parser.add_argument("--s5cmd")
    parser.add_argument("--spark")
    parser.add_argument("--network", default="orchard")
    options = parser.parse_args()
    build = options.build.resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-bench-s3-"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    subprocess.run([build / "tools/demo_photos/demo_photos", work / "drawn", "--per-kind", "4"], check=True,
                   stdout=subprocess.DEVNULL)
    drawn = [p.read_bytes() for p in sorted((work / "drawn").rglob("*.jpg"))]
    photos = work / "photos"
    for i in range(options.objects):
        path = photos / f"kind-{i // 500:03d}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn[i % len(drawn)])
    keys = sorted(str(p.relative_to(work)) for p in photos.rglob("*.jpg"))
    delays = [int(delay) for delay in options.delays.split(",")]
    subprocess.run(["cc", "-O2", "-o", work / "s3_server", pathlib.Path(__file__).with_name("s3_server.c")], check=True)
    common = {**os.environ, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret", "AWS_REGION": "eu-central-1",
              "AWS_EC2_METADATA_DISABLED": "true"}
    servers, environments = [], {}
    try:
        for delay in delays:
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            servers.append(subprocess.Popen([work / "s3_server", str(port), str(delay), str(options.objects),
                                             *sorted((work / "drawn").rglob("*.jpg"))]))
            environments[delay] = {**common, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}"}
        time.sleep(0.5)

        extract = [build / "apps/pomona/pomona", "extract"]
        tail = ["out", "--overwrite", "--quiet", "--network", options.network]
        runs = {("extract", "disk"): (extract + [photos, *tail], common)}
        for delay in delays:
            here = environments[delay]
            runs["extract", f"s3 + {delay} ms"] = (extract + ["s3://bucket/photos", *tail], here)
            runs["fetch", f"pomona, {delay} ms"] = ([build / "tests/s3/s3_tool", "fetch", "bucket", "2", *keys], here)
            endpoint = here["AWS_ENDPOINT_URL_S3"]
            if options.aws:
                runs["fetch", f"aws s3 cp, {delay} ms"] = (
                    [options.aws, "s3", "cp", "--recursive", "--quiet", "s3://bucket/photos", work / "copy"], here)
            if options.s5cmd:
                runs["fetch", f"s5cmd, {delay} ms"] = (
                    [options.s5cmd, "--endpoint-url", endpoint, "cp", "s3://bucket/photos/*", f"{work}/copy/"], here)
            if options.spark:
                here_folder = pathlib.Path(__file__).resolve().parent
                runs["fetch", f"Spark s3a, {delay} ms"] = (
                    [pathlib.Path(options.spark).absolute(), here_folder / "s3a_read.py", endpoint, "s3a://bucket/photos",
                     here_folder.parent / ".deps/s3a"], here)
        seconds, processor, memory = {name: [] for name in runs}, {name: [] for name in runs}, {}
        for _ in range(options.rounds):
            for name, (arguments, environment) in runs.items():
                shutil.rmtree(work / "copy", ignore_errors=True)
                took, worked, peak = measure(arguments, environment, work)
                seconds[name].append(took)
                processor[name].append(worked)
                memory[name] = max(memory.get(name, 0), peak)
        disk = statistics.median(seconds["extract", "disk"])
        print(f"{options.objects} objects, network {options.network}, {os.cpu_count()} cores, {options.rounds} rounds")
        for name in runs:
            median = statistics.median(seconds[name])
            own = name[1].rsplit(", ", 1)
            base_line = disk if name[0] == "extract" else statistics.median(seconds["fetch", f"pomona, {own[-1]}"])
            print(f"{name[0]:10} {name[1]:22} {median:8.2f} s {options.objects / median:9.0f} objects/s "
                  f"{median / base_line:6.2f} x {statistics.median(processor[name]):8.2f} s of processor {memory[name]:7.0f} MB",
                  flush=True)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
