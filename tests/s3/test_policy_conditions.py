# SPDX-License-Identifier: Apache-2.0
"""The conditions of the policy that `pomona s3-policy` prints: MinIO, which evaluates them, hands out a session that may do
what the policy says and no more. The session comes from its STS, as a role's would."""
import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

try:
    import boto3
    from botocore.exceptions import ClientError
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)

source_root, build = pathlib.Path(os.environ["POMONA_SOURCE"]), pathlib.Path(os.environ["POMONA_BUILD"])
minio = shutil.which("minio", path=f"{source_root}/.deps/go/bin:{os.environ['PATH']}")
if minio is None:
    print("skipped: no minio; tools/setup.sh --minio builds it where Go is")
    sys.exit(77)
pomona = build / "apps/pomona/pomona"
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-conditions-"))
clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
clean |= {"AWS_CONFIG_FILE": str(work / "config"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "credentials"),
          "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-central-1", "POMONA_NETWORKS": str(work / "networks")}


def client(service, address, key_id="root-user", secret="root-secret", token=None):
    return boto3.client(service, endpoint_url=address, region_name="eu-central-1", aws_access_key_id=key_id,
                        aws_secret_access_key=secret, aws_session_token=token)


@contextlib.contextmanager
def server():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        ["timeout", "600", minio, "server", "--quiet", "--address", f"127.0.0.1:{port}", "--certs-dir", work, work / "data"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=clean | {"MINIO_ROOT_USER": "root-user", "MINIO_ROOT_PASSWORD": "root-secret", "MINIO_SITE_REGION": "eu-central-1",
                     "MINIO_BROWSER": "off", "MINIO_UPDATE": "off"})
    try:
        for _ in range(200):
            try:
                client("s3", address).list_buckets()
                break
            except Exception:
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait()


def refused(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "403")
    return False


def main():
    (work / "data").mkdir()
    subprocess.run([build / "tools/demo_photos/demo_photos", work / "photos", "--per-kind", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    source, output = "s3://source/photos", "s3://target/out"
    printed = subprocess.run([pomona, "s3-policy", source, output], capture_output=True, text=True, check=True).stdout
    with server() as address:
        root = client("s3", address)
        for bucket in ("source", "target"):
            root.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        for photo in sorted((work / "photos").rglob("*.*")):
            root.upload_file(str(photo), "source", str(photo.relative_to(work)))
        for bucket, key in (("source", "private/a.jpg"), ("source", "photos-of-others/a.jpg"), ("target", "other/x"),
                            ("target", "outside/x")):
            root.put_object(Bucket=bucket, Key=key, Body=b"x")

        def session(policy):
            given = client("sts", address).assume_role(
                RoleArn="arn:aws:iam::123456789012:role/pomona", RoleSessionName="pomona", Policy=policy,
                DurationSeconds=900)["Credentials"]
            return given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"]

        def run(key, *arguments):
            environment = clean | dict(zip(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"), key))
            return subprocess.run([pomona, *arguments], env=environment | {"AWS_ENDPOINT_URL_S3": address},
                                  capture_output=True, text=True, cwd=work)

        # Enough, with a session's token: a run, and going on with it. 1: there are damaged photos among the drawn ones.
        key = session(printed)
        arguments = ("run", source, output, "-k", "3", "--part-rows", "16")
        done = run(key, *arguments)
        assert done.returncode == 1, f"the policy is not enough: {done.stderr}"
        again = run(key, *arguments, "--resume")
        assert again.returncode == 1, f"the policy is not enough to resume: {again.stderr}"

        # And tight: what begins in the same way is another folder.
        session_s3 = client("s3", address, *key)
        for bucket, open_prefixes, closed in (("source", ["photos/", "photos/a"], ["", "p", "photos", "photos-of-others/", "private/"]),
                                              ("target", ["out/"], ["", "o", "out", "outside/", "other/"])):
            for prefix in open_prefixes:
                session_s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
            for prefix in closed:
                assert refused(session_s3.list_objects_v2, Bucket=bucket, Prefix=prefix), (bucket, prefix)
            assert refused(session_s3.list_objects_v2, Bucket=bucket), bucket
        assert refused(session_s3.get_object, Bucket="source", Key="private/a.jpg")
        assert refused(session_s3.get_object, Bucket="target", Key="outside/x")
        assert refused(session_s3.put_object, Bucket="source", Key="photos/new.jpg", Body=b"x")
        assert refused(session_s3.delete_object, Bucket="target", Key="out/run.json")
        for place in ("s3://source", "s3://source/photos-of-others", "s3://source/private"):
            other = run(key, "run", place, "here")
            assert other.returncode == 3 and "s3:ListBucket" in other.stderr, other.stderr

        # Without each condition in turn more is open: the test can tell.
        policy = json.loads(printed)
        for statement in policy["Statement"]:
            if statement.pop("Condition", None) is not None:
                bucket = statement["Resource"][0].rsplit(":", 1)[1]
                wider = client("s3", address, *session(json.dumps(policy)))
                assert not refused(wider.list_objects_v2, Bucket=bucket, Prefix=""), bucket

        # The client's own AssumeRole, against an STS that checks the signature.
        (work / "credentials").write_text("[base]\naws_access_key_id = root-user\naws_secret_access_key = root-secret\n")
        (work / "config").write_text("[profile role]\nrole_arn = arn:aws:iam::123456789012:role/pomona\nsource_profile = base\n")
        role = subprocess.run([pomona, "run", source, "by-role", "--profile", "role"], capture_output=True, text=True, cwd=work,
                              env=clean | {"AWS_ENDPOINT_URL": address})
        assert role.returncode == 1, role.stderr
    print("enough and tight")


try:
    main()
finally:
    shutil.rmtree(work)
