# SPDX-License-Identifier: Apache-2.0
"""An independent client writes what pomona reads and reads what pomona wrote, through versitygw."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

try:
    import boto3
except ImportError as missing:
    print(f"skipped: no {missing.name}; tools/setup.sh --tests installs it")
    sys.exit(77)

source_root, build = pathlib.Path(os.environ["POMONA_SOURCE"]), pathlib.Path(os.environ["POMONA_BUILD"])
versitygw = shutil.which("versitygw", path=f"{source_root}/.deps/go/bin:{os.environ['PATH']}")
if versitygw is None:
    print("skipped: no versitygw; tools/setup.sh --tests builds it where Go is")
    sys.exit(77)
work = pathlib.Path(tempfile.mkdtemp(prefix="pomona-boto3-"))
port = 20000 + os.getpid() % 20000
address = f"http://127.0.0.1:{port}"
environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
environment |= {"AWS_CONFIG_FILE": str(work / "none"), "AWS_SHARED_CREDENTIALS_FILE": str(work / "none"),
                "AWS_EC2_METADATA_DISABLED": "true", "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL_S3": address,
                "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test-secret",
                "POMONA_NETWORKS": str(work / "networks")}
names = ["plain.jpg", "with space.jpg", "a+b=c.jpg", "100%25.jpg", "Äpfel/grün 桃.jpg", "q?x&y#z.jpg", "~tilde'(1)*.jpg",
         "deep/er/still/x;y,z.jpg", "üñï/%2F+%20.jpg", "🍎.jpg"]


def run(code, *arguments):
    done = subprocess.run([build / "apps/pomona/pomona", *arguments], env=environment, capture_output=True, text=True, cwd=work)
    assert done.returncode == code, f"{arguments}: {done.returncode} instead of {code}\n{done.stderr}"


def main():
    subprocess.run([build / "tools/demo_photos/demo_photos", work / "drawn", "--per-kind", "1"], check=True,
                   stdout=subprocess.DEVNULL)
    drawn = sorted((work / "drawn").rglob("*.jpg"))
    run(1, "extract", "drawn", "sound", "--format", "csv")  # two of the drawn photos are damaged
    sound = "".join(p.read_text() for p in (work / "sound/features_csv").glob("part-*"))
    drawn = [p for p in drawn if str(p.relative_to(work)) in sound]
    s3 = boto3.client("s3", endpoint_url=address, region_name="eu-central-1", aws_access_key_id="test",
                      aws_secret_access_key="test-secret")
    for _ in range(100):
        try:
            s3.create_bucket(Bucket="bucket")
            break
        except Exception:
            time.sleep(0.1)
    for i, name in enumerate(names):
        local = work / "photos" / name
        local.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(drawn[i % len(drawn)], local)
        s3.upload_file(str(local), "bucket", f"photos/{name}")

    run(0, "run", "photos", "disk", "--format", "csv", "-k", "3")
    run(0, "run", "photos", "s3://bucket/out", "--format", "csv", "-k", "3")
    wrote = {entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket", Prefix="out/")["Contents"]}
    expected = {"out/" + str(p.relative_to(work / "disk")) for p in (work / "disk").rglob("*") if p.is_file()}
    assert wrote == expected, wrote ^ expected
    for key in sorted(wrote):
        if key.endswith(("run.json", "report.html")):
            continue  # they have times in them
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == (work / key.replace("out/", "disk/", 1)).read_bytes(), key

    run(0, "extract", "s3://bucket/photos", "from-s3", "--format", "csv")
    text = "".join(p.read_text() for p in (work / "from-s3/features_csv").glob("part-*"))
    assert text.replace("s3://bucket/photos/", "photos/") == \
        "".join(p.read_text() for p in (work / "disk/features_csv").glob("part-*"))

    # What a killed run would have left open is aborted by the next one, and what is somebody else's is not.
    s3.create_multipart_upload(Bucket="bucket", Key="out/features/part-00000-x.parquet")
    s3.create_multipart_upload(Bucket="bucket", Key="outside")
    run(0, "run", "photos", "s3://bucket/out", "--format", "csv", "-k", "3", "--resume")
    uploads = [upload["Key"] for upload in s3.list_multipart_uploads(Bucket="bucket").get("Uploads", [])]
    assert uploads == ["outside"], uploads
    print(f"{len(wrote)} objects read, {len(names)} written")


for folder in ("root", "iam"):
    (work / folder).mkdir()
server = subprocess.Popen(["timeout", "600", versitygw, "--access", "test", "--secret", "test-secret", "--region", "eu-central-1",
                           "--port", f"127.0.0.1:{port}", "--keep-alive", "--quiet", "--iam-dir", str(work / "iam"), "posix",
                           str(work / "root")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    main()
finally:
    server.terminate()
    server.wait()
    shutil.rmtree(work)
