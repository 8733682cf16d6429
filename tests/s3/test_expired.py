# SPDX-License-Identifier: Apache-2.0
"""A session token that expires in the middle of a run: with a source that has a newer one the run goes on, and with
static credentials it ends, says so, and can be resumed. moto serves, since versitygw takes no session tokens at all; a proxy
before it refuses the first token after a while."""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

try:
    import boto3
    import moto  # noqa: F401
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)

build = pathlib.Path(os.environ["POMONA_BUILD"])
pomona = build / "apps/pomona/pomona"
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-expired-"))
SECRET = "verysecretsecret"
OLD, NEW = "first-token-of-the-session", "second-token-of-the-session"
GOOD_FOR = 30  # requests that the first token is good for, of about 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy(http.server.BaseHTTPRequestHandler):
    """Passes requests on as they are, so that their signatures stay good."""

    protocol_version = "HTTP/1.1"
    target = 0
    n_old = n_refused = n_new = 0
    lock = threading.Lock()

    def log_message(self, *_):
        pass

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with Proxy.lock:
            is_old = self.headers.get("x-amz-security-token") == OLD
            Proxy.n_old += is_old
            Proxy.n_new += self.headers.get("x-amz-security-token") == NEW
            is_refused = is_old and Proxy.n_old > GOOD_FOR
            Proxy.n_refused += is_refused
        if is_refused:
            answer = f"<Error><Code>ExpiredToken</Code><Message>The token {OLD} has expired.</Message></Error>".encode()
            self.send_response(400)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)
            return
        server = http.client.HTTPConnection("127.0.0.1", Proxy.target)
        server.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            server.putheader(name, value)
        server.endheaders(body)
        answer = server.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "content-length", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", answer.getheader("Content-Length", "0") if self.command == "HEAD" else str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        server.close()

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = serve


class Container(http.server.BaseHTTPRequestHandler):
    n_asked = 0

    def log_message(self, *_):
        pass

    def do_GET(self):
        Container.n_asked += 1
        body = json.dumps(keys(OLD if Container.n_asked == 1 else NEW, "Token")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def keys(token, name):
    expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    return {"Version": 1, "AccessKeyId": "AKIDEXPIRES", "SecretAccessKey": SECRET, name: token, "Expiration": expires}


def serve(handler):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_port


def main():
    subprocess.run([build / "tools/demo_photos/demo_photos", work / "photos", "--per-kind", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    s3 = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{Proxy.target}", region_name="us-east-1",
                      aws_access_key_id="root", aws_secret_access_key="root")
    for _ in range(200):
        try:
            s3.create_bucket(Bucket="bucket")
            break
        except Exception:
            time.sleep(0.1)
    for photo in sorted((work / "photos").rglob("*.*")):
        s3.upload_file(str(photo), "bucket", str(photo.relative_to(work)))
    program = work / "credentials.sh"
    program.write_text(f"#!/bin/sh\nif [ -e {work}/asked ]; then cat {work}/new; else : >{work}/asked; cat {work}/old; fi\n")
    program.chmod(0o755)
    (work / "old").write_text(json.dumps(keys(OLD, "SessionToken")))
    (work / "new").write_text(json.dumps(keys(NEW, "SessionToken")))
    (work / "config").write_text(f"[profile program]\ncredential_process = {program}\n")
    address, container = f"http://127.0.0.1:{serve(Proxy)}", f"http://127.0.0.1:{serve(Container)}/"
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
    clean |= {"AWS_CONFIG_FILE": str(work / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "none"),
              "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": address,
              "POMONA_NETWORKS": str(work / "networks")}
    static = {"AWS_ACCESS_KEY_ID": "AKIDEXPIRES", "AWS_SECRET_ACCESS_KEY": SECRET}
    words = ["--part-rows", "16", "--format", "csv", "--threads", "2"]

    def run(code, output, *more, **variables):
        Proxy.n_old = Proxy.n_refused = Proxy.n_new = 0
        done = subprocess.run([pomona, "extract", "s3://bucket/photos", output, *words, *more], env=clean | variables,
                              capture_output=True, text=True, cwd=work, timeout=120)
        assert done.returncode == code, f"{output}: {done.returncode} instead of {code}\n{done.stderr}"
        for word in (OLD, NEW, SECRET):
            assert word not in done.stdout + done.stderr, "a secret is shown"
        return done.stderr

    def names(folder):
        return {entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket", Prefix=folder + "/").get("Contents", [])}

    def same(folder):
        for table in ("features", "failures", "features_csv", "failures_csv"):
            wanted = {p.name: p.read_bytes() for p in (work / "whole" / table).iterdir()}
            got = {key.rsplit("/", 1)[1]: s3.get_object(Bucket="bucket", Key=key)["Body"].read()
                   for key in names(f"{folder}/{table}")}
            assert wanted == got, f"{folder}/{table}: {sorted(wanted)} {sorted(got)}"

    run(1, "whole", AWS_SESSION_TOKEN=NEW, **static)  # 1: there are damaged photos among the drawn ones
    for name, variables in (("program", {"AWS_PROFILE": "program"}),
                            ("container", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": container})):
        run(1, f"s3://bucket/{name}", **variables)
        assert Proxy.n_refused > 0 and Proxy.n_new > 0, name
        print(f"{name}: {Proxy.n_refused} requests refused, {Proxy.n_new} with the next token")
        same(name)

    said = run(3, "s3://bucket/static", AWS_SESSION_TOKEN=OLD, **static)
    assert "session token has expired" in said and "sign in again" in said and "--resume" in said, said
    assert "static/features/_SUCCESS" not in names("static")
    run(1, "s3://bucket/static", "--resume", AWS_SESSION_TOKEN=NEW, **static)
    same("static")
    assert "static/_lock" not in names("static")


Proxy.target = free_port()
server = None
try:
    server = subprocess.Popen(["timeout", "600", sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(Proxy.target)],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    main()
finally:
    if server is not None:
        server.terminate()
        server.wait()
    shutil.rmtree(work)
