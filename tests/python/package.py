# SPDX-License-Identifier: Apache-2.0
"""The Python package as the wheel holds it, put together around the library of this build.

Import this first: it makes the folder, writes the declarations from the headers, and sets sys.path and PYTHONPATH, so that
Spark's workers find the package too.
"""

import atexit
import functools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

SOURCE, BUILD = os.environ["POMONA_SOURCE"], os.environ["POMONA_BUILD"]
PROGRAM = os.path.join(BUILD, "apps", "pomona", "pomona")
folder = tempfile.mkdtemp(prefix="pomona-python-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)

_bindings = os.path.join(SOURCE, "bindings", "python")
shutil.copytree(os.path.join(_bindings, "pomona"), os.path.join(folder, "pomona"))
os.environ["POMONA_LIBRARY"] = os.path.join(BUILD, "src", "libpomona.so")
subprocess.run([sys.executable, os.path.join(_bindings, "build", "declarations.py"), os.path.join(SOURCE, "include"),
                os.path.join(folder, "pomona", "_declarations.py")], check=True)
sys.path.insert(0, folder)
os.environ["PYSPARK_PYTHON"] = sys.executable
os.environ.update(AWS_ACCESS_KEY_ID="pomona-test", AWS_SECRET_ACCESS_KEY="pomona-test-secret", AWS_CONFIG_FILE="/nonexistent",
                  AWS_SHARED_CREDENTIALS_FILE="/nonexistent", AWS_EC2_METADATA_DISABLED="true")
os.environ["PYTHONPATH"] = folder + os.pathsep + os.environ.get("PYTHONPATH", "")


def demo_photos(per_kind):
    """A folder of drawn photos, two of them broken, and the sorted paths in it."""
    photos = os.path.join(folder, "photos")
    subprocess.run([os.path.join(BUILD, "tools", "demo_photos", "demo_photos"), photos, "--per-kind", str(per_kind)],
                   check=True, stdout=subprocess.DEVNULL)
    paths = [os.path.join(root, name) for root, _, names in os.walk(photos) for name in names]
    return photos, sorted(paths, key=os.fsencode)


def extracted(photos, output, *arguments):
    """What `pomona extract` makes of a folder: the tables features and failures."""
    import pyarrow.parquet

    result = subprocess.run([PROGRAM, "extract", photos, output, "--quiet", *arguments], stderr=subprocess.PIPE, text=True)
    assert result.returncode in (0, 1), result.stderr
    return [pyarrow.parquet.read_table(os.path.join(output, table)) for table in ("features", "failures")]


class S3Server:
    """versitygw on a free port over the folder `bucket`; `program` is None where there is none. Credentials go into the
    environment, so start it before Spark's workers are."""

    def __init__(self):
        self.program = shutil.which("versitygw", path=os.path.join(SOURCE, ".deps/go/bin") + os.pathsep + os.environ["PATH"])
        if self.program is None:
            return
        self.bucket = os.path.join(folder, "buckets", "bucket")
        os.makedirs(self.bucket, exist_ok=True)
        os.makedirs(os.path.join(folder, "iam"), exist_ok=True)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._process = subprocess.Popen(
            ["timeout", "600", self.program, "--access", os.environ["AWS_ACCESS_KEY_ID"], "--secret",
             os.environ["AWS_SECRET_ACCESS_KEY"], "--region", "eu-central-1", "--port", f"127.0.0.1:{port}", "--keep-alive",
             "--quiet", "--iam-dir", os.path.join(folder, "iam"), "posix", os.path.join(folder, "buckets")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise SystemExit("versitygw does not start")

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


def with_s3(test):
    """Gives the test an S3Server; where there is none, the test says so instead."""
    @functools.wraps(test)
    def run():
        server = S3Server()
        if server.program is None:
            print("  (not tried: no versitygw; tools/setup.sh --tests builds it where Go is)")
            return
        try:
            test(server)
        finally:
            server.stop()
    return run
