# SPDX-License-Identifier: Apache-2.0
"""Every source of credentials, with its protocol spoken on loopback: test_credentials.py S3_TOOL

Each case prepares variables and files, makes one request to the fault server, and looks at the key id and the token
that signed it, or at the message. Secrets must never show.
"""
import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from fault_server import Server

SECRET = "verysecretsecret"
TOKEN = "averylongsessiontoken"


def keys(key_id, seconds=None, token=TOKEN, **more):
    answer = {"AccessKeyId": key_id, "SecretAccessKey": SECRET, "Token": token, "SessionToken": token, **more}
    if seconds is not None:
        answer["Expiration"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))
    return answer


class Sources(http.server.BaseHTTPRequestHandler):
    """IMDSv2, a container's endpoint and STS in one."""

    seen = []
    n_container = 0
    container_seconds = 3600  # how long the container's credentials live; each is another

    def log_message(self, *_):
        pass

    def reply(self, text, status=200):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):
        if self.path == "/latest/api/token" and self.headers.get("X-aws-ec2-metadata-token-ttl-seconds"):
            return self.reply("imds-token")
        self.reply("", 404)

    def do_GET(self):
        Sources.seen.append(self.path)
        if self.path.startswith("/latest/meta-data/iam/security-credentials/"):
            if self.headers.get("X-aws-ec2-metadata-token") != "imds-token":
                return self.reply("", 401)
            if self.path.endswith("/"):
                return self.reply("my-role")
            return self.reply(json.dumps(keys("AKIDINSTANCE", 3600, Code="Success")))
        if self.path == "/container":
            if self.headers.get("Authorization") != "container-authorization":
                return self.reply("", 403)
            Sources.n_container += 1
            return self.reply(json.dumps(keys(f"AKIDCONTAINER{Sources.n_container}", Sources.container_seconds,
                                              f"{TOKEN}{Sources.n_container}")))
        self.reply("", 404)

    def do_POST(self):
        body = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        Sources.seen.append(body["Action"][0])
        action = body["Action"][0]
        if body["RoleArn"][0].endswith("forbidden"):
            return self.reply("<ErrorResponse><Error><Code>AccessDenied</Code><Message>not you</Message></Error>"
                              "<RequestId>STS1</RequestId></ErrorResponse>", 403)
        signed_by = self.headers.get("Authorization", "none")
        if action == "AssumeRoleWithWebIdentity":
            who = "AKIDWEB" if body["WebIdentityToken"] == ["web-identity"] and signed_by == "none" else "AKIDWRONG"
        else:
            source = signed_by.split("Credential=")[-1].split("/")[0]
            assert "/sts/aws4_request" in signed_by, signed_by
            who = f"AKIDROLE-{source}-{body.get('ExternalId', [''])[0]}"
        expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
        self.reply(f"<{action}Response><{action}Result><Credentials><AccessKeyId>{who}</AccessKeyId>"
                   f"<SecretAccessKey>{SECRET}</SecretAccessKey><SessionToken>{TOKEN}</SessionToken>"
                   f"<Expiration>{expiry}</Expiration></Credentials></{action}Result></{action}Response>")


def main():
    tool = sys.argv[1]
    sources = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sources)
    threading.Thread(target=sources.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{sources.server_port}"
    failed = []
    n_cases = 0

    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work)
        (folder / "web").write_text("web-identity\n")
        (folder / "authorization").write_text("container-authorization\n")
        program = folder / "program.sh"
        program.write_text(f"#!/bin/sh\n[ \"$1\" = 'two words' ] || exit 3\necho '{json.dumps(keys('AKIDPROCESS'))}'\n")
        program.chmod(0o755)
        (folder / "config").write_text(f"""
[default]
region = eu-west-1
[profile process]
credential_process = {program} "two words"
[profile failing]
credential_process = {program} one
[profile static]
aws_access_key_id = AKIDCONFIG
aws_secret_access_key = {SECRET}
[profile role]
role_arn = arn:aws:iam::1:role/x
source_profile = base
external_id = outside
[profile chain]
role_arn = arn:aws:iam::1:role/y
source_profile = role
[profile circle]
role_arn = arn:aws:iam::1:role/y
source_profile = circle2
[profile circle2]
role_arn = arn:aws:iam::1:role/y
source_profile = circle
[profile environment]
role_arn = arn:aws:iam::1:role/z
credential_source = Environment
[profile forbidden]
role_arn = arn:aws:iam::1:role/forbidden
source_profile = base
[profile web]
role_arn = arn:aws:iam::1:role/w
web_identity_token_file = {folder}/web
[profile sso]
sso_start_url = https://example.org
[profile mfa]
role_arn = arn:aws:iam::1:role/x
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
""")
        (folder / "credentials").write_text(f"""
[default]
aws_access_key_id = AKIDFILE
aws_secret_access_key = {SECRET}
aws_session_token = {TOKEN}
[base]
aws_access_key_id = AKIDBASE
aws_secret_access_key = {SECRET}
""")

        def check(name, expected, options=(), files=True, rules=None, call=("get", "bucket", "photo"), **variables):
            nonlocal n_cases
            n_cases += 1
            server = Server([], rules or {})
            environment = {n: v for n, v in os.environ.items()
                           if not n.startswith("AWS_") and not n.lower().endswith("_proxy")}
            environment.update(AWS_ENDPOINT_URL_S3=f"http://127.0.0.1:{server.port}", AWS_ENDPOINT_URL_STS=base,
                               AWS_EC2_METADATA_SERVICE_ENDPOINT=base, HOME=work)
            if "AWS_EC2_METADATA_DISABLED" not in variables:
                environment["AWS_EC2_METADATA_DISABLED"] = "true"
            for kind, variable in (("config", "AWS_CONFIG_FILE"), ("credentials", "AWS_SHARED_CREDENTIALS_FILE")):
                environment[variable] = str(folder / kind) if files else "/nowhere"
            environment.update(variables)
            done = subprocess.run([tool, *options, *call], env=environment, capture_output=True, text=True, timeout=60)
            server.stop()
            signed = [headers.get("authorization", "none").split("Credential=")[-1].split("/")[0]
                      for headers in server.headers]
            ok = expected in done.stderr if " " in expected or not expected else bool(signed) and signed[-1] == expected
            if SECRET in done.stdout + done.stderr or TOKEN in done.stdout + done.stderr:
                ok = False
            if not ok:
                failed.append(name)
                print(f"{name}: expected {expected}; signed by {signed}\n{done.stdout}{done.stderr}")
            return server, signed

        environment_keys = {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": SECRET}
        container = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{base}/container",
                     "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": str(folder / "authorization")}
        check("variables first", "AKIDENV", **environment_keys)
        check("a given profile before variables", "AKIDCONFIG", ["profile=static"], **environment_keys)
        check("AWS_PROFILE after variables", "AKIDENV", AWS_PROFILE="static", **environment_keys)
        check("half of them", "there is a key id, but no secret key", AWS_ACCESS_KEY_ID="AKIDENV")
        server, _ = check("the credentials file", "AKIDFILE")
        if server.headers[0].get("x-amz-security-token") != TOKEN or "/eu-west-1/" not in server.headers[0]["authorization"]:
            failed.append("token and region of the default profile")
        check("the config file", "AKIDCONFIG", AWS_PROFILE="static")
        check("no such profile", 'there is no profile "absent"', ["profile=absent"])
        check("a program", "AKIDPROCESS", AWS_PROFILE="process")
        check("a program that fails", "ended with exit code 3", AWS_PROFILE="failing")
        check("a role", "AKIDROLE-AKIDBASE-outside", AWS_PROFILE="role")
        check("a role by a role", "AKIDROLE-AKIDROLE-AKIDBASE-outside-", AWS_PROFILE="chain")
        check("roles in a circle", "go round in a circle", AWS_PROFILE="circle")
        check("a role by variables", "AKIDROLE-AKIDENV-", ["profile=environment"], **environment_keys)
        check("a forbidden role", "not you (HTTP 403, AccessDenied; request STS1)", AWS_PROFILE="forbidden")
        check("web identity by profile", "AKIDWEB", AWS_PROFILE="web")
        check("web identity by variables", "AKIDWEB", AWS_ROLE_ARN="arn:aws:iam::1:role/w",
              AWS_WEB_IDENTITY_TOKEN_FILE=str(folder / "web"))
        check("single sign-on", "aws configure export-credentials", AWS_PROFILE="sso")
        check("a second factor", "asks for an MFA code", AWS_PROFILE="mfa")
        check("a container", "AKIDCONTAINER1", files=False, **container)
        check("a container without its token", "endpoint answered HTTP 403", files=False,
              AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{base}/container")
        check("a container's endpoint elsewhere", "has to be https, or http to this machine", files=False,
              AWS_CONTAINER_CREDENTIALS_FULL_URI="http://example.org/container")
        check("an instance", "AKIDINSTANCE", files=False, AWS_EC2_METADATA_DISABLED="false")
        check("nobody", "no AWS credentials found", files=False)
        check("anonymous", "none", ["no_sign_request=1"], files=False)

        # Where the credentials live for two seconds, a run that takes longer gets others ahead of that.
        Sources.container_seconds = 2
        _, signed = check("refreshed ahead", "", ["repeat=2", "pause_ms=1600"], files=False, **container)
        if len(signed) != 2 or signed[0] == signed[1] or not signed[1].startswith("AKIDCONTAINER"):
            failed.append("refreshed ahead")
        Sources.container_seconds = 3600
        # The service refuses a token before its time: a newer one is asked for, and the run goes on.
        expired = f"{TOKEN}{Sources.n_container + 1}"
        check("refused in mid-run", f"AKIDCONTAINER{Sources.n_container + 2}", files=False,
              rules={"expired-token": expired}, **container)
    sources.shutdown()
    print(f"{n_cases} cases, {len(failed)} failed {failed or ''}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
