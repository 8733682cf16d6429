# SPDX-License-Identifier: Apache-2.0
"""Runs the client against each failure in a folder: run_faults.py S3_TOOL FOLDER [NAME]...

A failure is a text file:

    call get bucket photo      what s3_tool is told, "FILE" being a local file of 300,000 bytes
    option max_attempts=2      options that differ from the tiny budgets below
    variable NAME=VALUE        of the environment
    rule region eu-west-1 307  how the server is (fault_server.py)
    answer 503 SlowDown        how it answers the next request; after the last, well
    expect io throttled        status and reason at the end
    says for fewer requests    words in the message
    prints photo 100000        words on standard output
    requests 3                 how many reached the server; "asks", words in one of them
    open 0                     multipart uploads left on the server
"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys
import tempfile

from fault_server import Server

BUDGETS = ["max_attempts=4", "backoff_ms=1", "backoff_max_ms=5", "stall_timeout_ms=300", "connect_timeout_ms=2000",
           "request_timeout_ms=4000"]
SECRETS = ["AKIDTESTTESTTEST", "secretsecretsecret", "tokentokentoken"]
LONGEST_S = 60


def read(path):
    script = {"call": [], "option": [], "variable": [], "rule": [], "answer": [], "expect": [], "says": [],
              "prints": [], "requests": [], "asks": [], "open": []}
    for line in path.read_text().splitlines():
        word, _, rest = line.partition(" ")
        if word and not word.startswith("#"):
            script[word].append(rest)
    return script


def run(tool, path, folder):
    script = read(path)
    server = Server([line.split() for line in script["answer"]],
                    dict(line.split(" ", 1) for line in script["rule"]))
    file = pathlib.Path(folder) / "file"
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith("AWS_") and not name.lower().endswith("_proxy")}
    environment.update(AWS_ACCESS_KEY_ID=SECRETS[0], AWS_SECRET_ACCESS_KEY=SECRETS[1], AWS_SESSION_TOKEN=SECRETS[2],
                       AWS_CONFIG_FILE="/nowhere", AWS_SHARED_CREDENTIALS_FILE="/nowhere",
                       AWS_EC2_METADATA_DISABLED="true", AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.port}")
    environment.update(line.split("=", 1) for line in script["variable"])
    words = [str(file) if word == "FILE" else word for line in script["call"] for word in line.split()]
    words = [os.path.join(folder, word[4:]) if word.startswith("NEW:") else word for word in words]
    try:
        done = subprocess.run([tool, *BUDGETS, *script["option"], *words], env=environment, capture_output=True,
                              text=True, timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        return ["it hangs"]
    finally:
        server.stop()
    wrong = []
    for expected in script["expect"]:
        if expected not in done.stdout.splitlines():
            wrong.append(f"expected {expected}")
    wrong += [f"does not say: {words}" for words in script["says"] if words not in done.stderr]
    wrong += [f"does not print: {words}" for words in script["prints"] if words not in done.stdout]
    wrong += [f"{len(server.requests)} requests, not {n}" for n in script["requests"] if int(n) != len(server.requests)]
    wrong += [f"never asks: {words}" for words in script["asks"]
              if not any(words in asked or words in f"{headers}" for asked, headers in
                         zip(server.requests, server.headers))]
    wrong += [f"{len(server.uploads)} uploads are open" for n in script["open"] if int(n) != len(server.uploads)]
    wrong += ["a secret is shown" for secret in SECRETS if secret in done.stdout + done.stderr]
    if wrong:
        wrong += [done.stdout, done.stderr, f"exit code {done.returncode}", *server.requests[:20]]
    return wrong


def main():
    tool, folder, *names = sys.argv[1:]
    failed = 0
    paths = sorted(path for path in pathlib.Path(folder).glob("*.txt") if not names or path.stem in names)
    with tempfile.TemporaryDirectory() as work:
        (pathlib.Path(work) / "file").write_bytes(bytes(range(250)) * 1200)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:  # most of the time is waiting
            results = list(pool.map(lambda path: run(tool, path, work), paths))
        for path, wrong in zip(paths, results):
            failed += bool(wrong)
            if wrong:
                print(f"{path.stem}:\n  " + "\n  ".join(wrong))
    print(f"{len(paths)} failures, {failed} of them not as expected")
    return 1 if failed or not paths else 0


if __name__ == "__main__":
    sys.exit(main())
