# SPDX-License-Identifier: Apache-2.0
"""The policy that `pomona s3-policy` prints is enough for a run, and no action in it is superfluous: moto's server checks it."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

try:
    import boto3
    import moto  # noqa: F401
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)

build = pathlib.Path(os.environ["POMONA_BUILD"])
pomona = build / "apps/pomona/pomona"
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-policy-"))
port = 20000 + os.getpid() % 20000
address = f"http://127.0.0.1:{port}"
clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
clean |= {"AWS_CONFIG_FILE": str(work / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "none"),
          "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "us-east-1", "POMONA_NETWORKS": str(work / "networks")}


class Server:
    """moto, which lets everything through until told to check."""

    def __enter__(self):
        self.process = subprocess.Popen(
            ["timeout", "600", sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean | {"INITIAL_NO_AUTH_ACTION_COUNT": "1000000"})
        for _ in range(200):
            try:
                self.client("s3").list_buckets()
                return self
            except Exception:
                time.sleep(0.1)
        raise SystemExit("moto's server does not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def client(self, service):
        return boto3.client(service, endpoint_url=address, region_name="us-east-1", aws_access_key_id="root",
                            aws_secret_access_key="root")

    def check_permissions(self, is_checking):
        count = b"0" if is_checking else b"1000000"
        urllib.request.urlopen(urllib.request.Request(f"{address}/moto-api/reset-auth", data=count, method="POST",
                                                      headers={"Content-Type": "text/plain"})).read()


def run(key, *arguments):
    environment = clean | {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
                           "AWS_ENDPOINT_URL_S3": address}
    return subprocess.run([pomona, *arguments], env=environment, capture_output=True, text=True, cwd=work)


def main():
    subprocess.run([build / "tools/demo_photos/demo_photos", work / "photos", "--per-kind", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    with Server() as server:
        s3, iam = server.client("s3"), server.client("iam")
        for bucket in ("source", "target"):
            s3.create_bucket(Bucket=bucket)
        for photo in sorted((work / "photos").rglob("*.*")):
            s3.upload_file(str(photo), "source", str(photo.relative_to(work)))
        s3.put_object(Bucket="source", Key="private/secret.jpg", Body=b"x")
        iam.create_user(UserName="runner")
        key = iam.create_access_key(UserName="runner")["AccessKey"]
        source, output = "s3://source/photos", "s3://target/out"
        printed = subprocess.run([pomona, "s3-policy", source, output], capture_output=True, text=True, check=True).stdout
        policy = json.loads(printed)

        def with_policy(document, *arguments):
            """One run with that policy; the output is empty before."""
            server.check_permissions(False)
            for entry in s3.list_objects_v2(Bucket="target").get("Contents", []):
                s3.delete_object(Bucket="target", Key=entry["Key"])
            iam.put_user_policy(UserName="runner", PolicyName="run", PolicyDocument=json.dumps(document))
            server.check_permissions(True)
            return run(key, *arguments)

        done = with_policy(policy, "run", source, output, "-k", "3", "--part-rows", "16", "--no-report")
        assert done.returncode == 1, f"the printed policy is not enough: {done.stderr}"  # 1: drawn damaged photos
        again = run(key, "run", source, output, "-k", "3", "--part-rows", "16", "--no-report", "--resume")
        assert again.returncode == 1, f"the printed policy is not enough to resume: {again.stderr}"
        server.check_permissions(False)
        keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="target")["Contents"]]
        assert "out/_lock" not in keys and "out/pca/_SUCCESS" in keys, keys

        # What the run never does is refused. moto knows no condition on prefixes, so listing is not tried.
        server.check_permissions(True)
        runner = boto3.client("s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id=key["AccessKeyId"],
                              aws_secret_access_key=key["SecretAccessKey"])
        part = next(k for k in keys if k.startswith("out/features/part-"))
        for refused in (lambda: runner.get_object(Bucket="source", Key="private/secret.jpg"),
                        lambda: runner.put_object(Bucket="source", Key="photos/new.jpg", Body=b"x"),
                        lambda: runner.put_object(Bucket="target", Key="elsewhere/x", Body=b"x"),
                        lambda: runner.delete_object(Bucket="target", Key=part),
                        lambda: runner.delete_object(Bucket="source", Key="private/secret.jpg"),
                        lambda: runner.list_buckets()):
            try:
                refused()
            except runner.exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDenied", error
            else:
                raise AssertionError("the policy opens more than the run needs")

        n_removed = 0
        for s, statement in enumerate(policy["Statement"]):
            for action in statement["Action"]:
                if action == "s3:AbortMultipartUpload":
                    continue  # needed only where an upload was left open
                less = json.loads(printed)
                less["Statement"][s]["Action"].remove(action)
                if not less["Statement"][s]["Action"]:
                    del less["Statement"][s]
                arguments = ["run", source, output, "-k", "3", "--no-report"]
                result = with_policy(less, *arguments)
                if action == "s3:DeleteObject":  # the run itself gets through, and its lock stays
                    server.check_permissions(False)
                    left = [entry["Key"] for entry in s3.list_objects_v2(Bucket="target").get("Contents", [])]
                    assert "out/_lock" in left, "s3:DeleteObject is superfluous"
                    assert "the lock stays" in result.stderr and "s3:DeleteObject" in result.stderr, result.stderr
                else:
                    assert result.returncode == 3 or "access_denied" in result.stderr or "no_rows" in result.stderr or \
                        "could be read" in result.stderr, f"{action} of {statement['Sid']} is superfluous: {result.returncode} {result.stderr}"
                    assert action.split(":")[1] in result.stderr or result.returncode == 3, f"the message does not name {action}: {result.stderr}"
                n_removed += 1
        print(f"enough, and each of {n_removed} actions is needed")


try:
    main()
finally:
    shutil.rmtree(work)
