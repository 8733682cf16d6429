# SPDX-License-Identifier: Apache-2.0
"""
S3 against the local disk, and fetching alone against the AWS CLI and s5cmd (ours is given the keys; theirs list them, and write files), with a delay added to each request.

    python bench/s3.py BUILD VERSITYGW [--objects N] [--delays 0,20,50] [--aws AWS] [--s5cmd S5CMD] [--network NAME]

versitygw serves N small JPEG files (drawn photos, 100 x 100 pixels, repeated) on loopback; a proxy between it and the client holds
back each request by the delay. Everything runs on this machine, server and proxy included, so the ratios are lower bounds.
Programs run in turn, round after round; the median of the rounds is shown.
"""
import argparse
import asyncio
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time


def start_proxy(port, target_port, delay_s):
    """Forwards connections; what a client says after the server has answered is a new request, and waits for delay_s."""

    async def handle(client_reader, client_writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", target_port)
        waits = True

        async def pump_requests():
            nonlocal waits
            while data := await client_reader.read(1 << 16):
                if waits and delay_s > 0:
                    await asyncio.sleep(delay_s)
                waits = False
                server_writer.write(data)
                await server_writer.drain()

        async def pump_answers():
            nonlocal waits
            while data := await server_reader.read(1 << 18):
                waits = True
                client_writer.write(data)
                await client_writer.drain()

        pumps = [asyncio.ensure_future(pump_requests()), asyncio.ensure_future(pump_answers())]
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for pump in pumps:
            pump.cancel()
        server_writer.close()
        client_writer.close()

    async def serve():
        server = await asyncio.start_server(handle, "127.0.0.1", port, backlog=1024)
        async with server:
            await server.serve_forever()

    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    time.sleep(0.3)


def measure(arguments, environment, cwd):
    """Seconds on the clock and peak memory in MB."""
    began = time.monotonic()
    process = subprocess.Popen(arguments, env=environment, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    error = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1):
        raise SystemExit(f"{arguments[:4]}: {error[-500:].decode()}")
    return time.monotonic() - began, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("versitygw")
    parser.add_argument("--objects", type=int, default=23619)
    parser.add_argument("--delays", default="0,20,50")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aws")
    parser.add_argument("--s5cmd")
    parser.add_argument("--network", default="orchard")
    options = parser.parse_args()
    build = options.build.resolve()
    work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-bench-s3-"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))

    subprocess.run([build / "tools/demo_photos/demo_photos", work / "drawn", "--per-kind", "4"], check=True,
                   stdout=subprocess.DEVNULL)
    drawn = [p.read_bytes() for p in sorted((work / "drawn").rglob("*.jpg"))]
    photos = work / "buckets/bucket/photos"
    for i in range(options.objects):
        path = photos / f"kind-{i // 500:03d}" / f"{i:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(drawn[i % len(drawn)])
    keys = sorted(str(p.relative_to(work / "buckets/bucket")) for p in photos.rglob("*.jpg"))

    (work / "iam").mkdir()
    base = 30000 + os.getpid() % 10000
    server = subprocess.Popen([options.versitygw, "--access", "bench", "--secret", "bench-secret", "--region", "eu-central-1",
                               "--port", f"127.0.0.1:{base}", "--keep-alive", "--quiet", "--iam-dir", work / "iam", "posix",
                               work / "buckets"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1)
        common = {**os.environ, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench-secret",
                  "AWS_REGION": "eu-central-1", "AWS_EC2_METADATA_DISABLED": "true"}
        delays = [int(delay) for delay in options.delays.split(",")]
        environments = {}
        for i, delay in enumerate(delays):
            start_proxy(base + 1 + i, base, delay / 1000)
            environments[delay] = {**common, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{base + 1 + i}"}

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
        seconds, memory = {name: [] for name in runs}, {}
        for _ in range(options.rounds):
            for name, (arguments, environment) in runs.items():
                shutil.rmtree(work / "copy", ignore_errors=True)
                took, peak = measure(arguments, environment, work)
                seconds[name].append(took)
                memory[name] = max(memory.get(name, 0), peak)
        disk = statistics.median(seconds["extract", "disk"])
        print(f"{options.objects} objects, network {options.network}, {os.cpu_count()} cores, {options.rounds} rounds")
        for name in runs:
            median = statistics.median(seconds[name])
            own = name[1].rsplit(", ", 1)
            base_line = disk if name[0] == "extract" else statistics.median(seconds["fetch", f"pomona, {own[-1]}"])
            print(f"{name[0]:10} {name[1]:22} {median:8.2f} s {options.objects / median:9.0f} objects/s "
                  f"{median / base_line:6.2f} x {memory[name]:7.0f} MB")
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
