# SPDX-License-Identifier: Apache-2.0
"""The client against versitygw, which verifies signatures, hashes of bodies and clocks: test_versitygw.py S3_TOOL"""
import hashlib
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

KEY_ID, SECRET, REGION = "pomona-test-key", "pomona-test-secret", "eu-central-1"
NAMES = ["a.jpg", "a b/c+d/100%/x.jpg", "obst/äpfel/リンゴ 🍎.jpg", "~-._!'()*$&=;:,@", "quotes\"<>&[]{}|^`#?.jpg"]


def find():
    inside = pathlib.Path(os.environ["POMONA_SOURCE"], ".deps/go/bin/versitygw")
    return str(inside) if inside.exists() else shutil.which("versitygw")


class Gateway:
    def __init__(self, program, folder, *options):
        self.folder = pathlib.Path(folder)
        (self.folder / "buckets/bucket").mkdir(parents=True, exist_ok=True)
        (self.folder / "iam").mkdir(exist_ok=True)
        for _ in range(5):  # somebody may take the port in between
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self.port = probe.getsockname()[1]
            self.process = subprocess.Popen(
                ["timeout", "300", program, "--access", KEY_ID, "--secret", SECRET, "--region", REGION, "--port",
                 f"127.0.0.1:{self.port}", "--keep-alive", "--quiet", "--iam-dir", str(self.folder / "iam"), *options,
                 "posix", str(self.folder / "buckets")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                        return
                if self.process.poll() is not None:
                    break
                time.sleep(0.05)
            self.stop()
        raise SystemExit("versitygw does not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def make_ca(folder):
    """A CA of our own and a certificate for localhost and the bucket's host."""
    run = lambda *words: subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
        "/CN=test CA")
    run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/CN=localhost")
    pathlib.Path(folder, "names").write_text("subjectAltName=DNS:localhost,DNS:bucket.localhost,IP:127.0.0.1\n")
    run("x509", "-req", "-in", "request.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
        "-extfile", "names", "-out", "cert.pem")


def main():
    tool, program = sys.argv[1], find()
    if program is None:
        print("skipped: no versitygw; tools/setup.sh --tests builds it where Go is")
        return 77
    failed = []
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        small, large = folder / "small", folder / "large"
        small.write_bytes(os.urandom(70000))
        large.write_bytes(os.urandom(17 << 20))

        def call(url, *words, secret=SECRET, expect="ok -", says="", prints=""):
            environment = {n: v for n, v in os.environ.items()
                           if not n.startswith("AWS_") and not n.lower().endswith("_proxy")}
            environment.update(AWS_ACCESS_KEY_ID=KEY_ID, AWS_SECRET_ACCESS_KEY=secret, AWS_CONFIG_FILE="/nowhere",
                               AWS_SHARED_CREDENTIALS_FILE="/nowhere", AWS_EC2_METADATA_DISABLED="true",
                               AWS_ENDPOINT_URL_S3=url)
            done = subprocess.run([tool, "max_attempts=3", *map(str, words)], env=environment, capture_output=True,
                                  text=True, timeout=60)
            good = expect in done.stdout.splitlines() and says in done.stderr and prints in done.stdout
            if not good or secret in done.stdout + done.stderr:
                failed.append(" ".join(map(str, words)))
                print(f"{failed[-1]}: expected {expect} {says} {prints}\n{done.stdout}{done.stderr}")
            return done.stdout

        gateway = Gateway(program, work)
        try:
            url = f"http://127.0.0.1:{gateway.port}"
            digest = hashlib.sha256(small.read_bytes()).hexdigest()
            for name in NAMES:
                call(url, "put", "bucket", name, small)
                call(url, "get", "bucket", name, prints=f"{name} 70000 bytes {digest}")
                call(url, "head", "bucket", name, prints="size 70000")
                call(url, "list", "bucket", name, prints=f"key {name} 70000\n1 entries")
            call(url, "list", "bucket", "", "/", prints="prefix obst/")
            call(url, "list", "bucket", "", "", "2", prints="\n2 entries")
            call(url, "get", "bucket", NAMES[1], 100, 50, prints=f"{NAMES[1]} 50 bytes "
                 + hashlib.sha256(small.read_bytes()[100:150]).hexdigest())
            # The region is another than we think: the server says so, or does not care; either way it works.
            call(url, "region", "bucket", prints=f"region {REGION}")
            call(url, "put", "bucket", "lock", small, "none-match")
            call(url, "put", "bucket", "lock", small, "none-match", expect="exists exists")
            call(url, "put", "bucket", "lock", small, '"0123"', expect="mismatch changed")
            call(url, "upload", "bucket", "large", large, prints="upload=")
            call(url, "upload", "bucket", "large", large, "none-match", expect="exists exists")
            call(url, "download", "bucket", "large", folder / "back")
            if (folder / "back").read_bytes() != large.read_bytes():
                failed.append("the large object came back changed")
            call(url, "upload-abort", "bucket", "given-up", large)
            call(url, "abort", "bucket", "", prints="0 aborted")
            subprocess.run([tool, "abandon", "bucket", "left/open", large], env={
                "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_ENDPOINT_URL_S3": url,
                "AWS_EC2_METADATA_DISABLED": "true"}, timeout=60, check=False)
            call(url, "abort", "bucket", "elsewhere/", prints="0 aborted")
            call(url, "abort", "bucket", "left/", prints="1 aborted")
            call(url, "copy", "bucket", NAMES[2], "copy of it.jpg")
            call(url, "get", "bucket", "copy of it.jpg", prints=digest)
            call(url, "delete", "bucket", "copy of it.jpg")
            call(url, "delete", "bucket", "copy of it.jpg")
            call(url, "get", "bucket", "copy of it.jpg", expect="not_found not_found", says="NoSuchKey")
            call(url, "list", "nobody", "", expect="not_found bucket_not_found")
            call(url, "get", "bucket", "a.jpg", secret="another-secret", expect="io wrong_secret",
                 says="does not belong to the key id")
            many = [f"many/{i:03}" for i in range(60)]
            for name in many:
                pathlib.Path(gateway.folder, "buckets/bucket", name).parent.mkdir(exist_ok=True)
                pathlib.Path(gateway.folder, "buckets/bucket", name).write_bytes(name.encode() * 1000)
            got = call(url, "fetch", "bucket", 5, *many, prints="0 failed")
            for name in many:
                if f"{name} 8000 bytes {hashlib.sha256(name.encode() * 1000).hexdigest()}" not in got:
                    failed.append(f"fetch {name}")
            # Names that sort otherwise with and without the slash behind them; in stretches, of which none may miss or repeat one.
            kinds = ["a", "a b", "a-b", "a.b", "ab", "Ä", "桃", *(f"kind{i:02}" for i in range(33))]
            for kind in kinds:
                folder_of_kind = pathlib.Path(gateway.folder, "buckets/bucket/photos", kind)
                folder_of_kind.mkdir(parents=True)
                for i in range(100):
                    (folder_of_kind / f"{i}.jpg").touch()
            call(url, "tree", "bucket", "photos", prints="4000 entries, 4000 rising")
        finally:
            gateway.stop()

        make_ca(work)
        gateway = Gateway(program, work, "--cert", str(folder / "cert.pem"), "--key", str(folder / "key.pem"),
                          "--virtual-domain", "localhost")
        try:
            url = f"https://localhost:{gateway.port}"
            ca = f"ca_bundle={folder}/ca.pem"
            call(url, "get", "bucket", "a.jpg", expect="io tls", says="AWS_CA_BUNDLE")
            call(url, ca, "addressing=virtual", "get", "bucket", NAMES[2], prints=digest)
            call(url, ca, "addressing=virtual", "list", "bucket", "obst/", prints=f"key {NAMES[2]} 70000")
            call(url, ca, "addressing=virtual", "unsigned_payload=1", "put", "bucket", "tls", small)
            call(url, ca, "addressing=virtual", "upload", "bucket", "tls large", large)
        finally:
            gateway.stop()
    print(f"{len(failed)} failed {failed or ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
