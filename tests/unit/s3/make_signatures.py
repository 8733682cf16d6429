# SPDX-License-Identifier: Apache-2.0
"""Requests and their signatures by botocore: make_signatures.py [N SEED] > signatures.txt

Without arguments, the cases that S3's rules make special, as the file in tree has them (botocore 1.35.99). With N and a
seed, N random requests. A case is lines of a letter and a text, %XX for every byte that is not plain:

    m GET       method            p /bucket/a%2520b   path as it is sent (encoded once more for this file)
    q name=value                  h name=value        query and headers, any number, plain
    b HASH      payload hash      r region            t token      d date
    c HASH      SHA-256 of the canonical request      s SIGNATURE
"""
import hashlib
import random
import sys
import urllib.parse

import botocore.auth
import botocore.awsrequest
import botocore.credentials

KEY_ID, SECRET = "AKIDEXAMPLE7", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
DATE = "20130524T000000Z"
EMPTY = hashlib.sha256(b"").hexdigest()


def quote(text):
    return urllib.parse.quote(text, safe="")


class Signer(botocore.auth.S3SigV4Auth):
    """S3SigV4Auth at a fixed time; and it shows the canonical request."""

    def add_auth(self, request):
        self._modify_request_before_signing(request)
        request.headers["X-Amz-Date"] = DATE
        request.context["timestamp"] = DATE
        self.canonical = self.canonical_request(request)
        self.signature_text = self.signature(self.string_to_sign(request, self.canonical), request)

    def _modify_request_before_signing(self, request):
        pass


def case(method, key, query, headers, body=None, region="us-east-1", token=None):
    path = "/bucket/" + urllib.parse.quote(key, safe="/-._~")
    # Query strings arrive at botocore's S3 client encoded; its canonical form sorts them.
    url = "https://s3.amazonaws.com" + path
    if query:
        url += "?" + "&".join(f"{quote_query(n)}={quote_query(v)}" for n, v in query)
    payload = body if body == "UNSIGNED-PAYLOAD" else hashlib.sha256((body or "").encode()).hexdigest()
    request = botocore.awsrequest.AWSRequest(method=method, url=url, headers=dict(headers))
    request.headers["X-Amz-Content-SHA256"] = payload
    if token:
        request.headers["X-Amz-Security-Token"] = token
    request.context["payload_signing_enabled"] = True
    signer = Signer(botocore.credentials.Credentials(KEY_ID, SECRET, token), "s3", region)
    signer.add_auth(request)
    lines = [f"m {method}", f"p {quote(path)}"]
    lines += [f"q {quote(n)}={quote(v)}" for n, v in query]
    lines += [f"h {quote(n.lower())}={quote(v)}" for n, v in headers]
    lines += [f"b {payload}", f"r {region}", f"d {DATE}"]
    if token:
        lines.append(f"t {quote(token)}")
    lines.append(f"c {hashlib.sha256(signer.canonical.encode()).hexdigest()}")
    lines.append(f"s {signer.signature_text}")
    return "\n".join(lines)


def quote_query(text):
    return urllib.parse.quote(text, safe="-_.~")


LIST = [("list-type", "2"), ("prefix", ""), ("encoding-type", "url")]
CASES = [
    ("GET", "test.txt", [], [("Range", "bytes=0-9")]),
    ("GET", "a b/c+d/e%20f", [], []),
    ("GET", "obst/äpfel/リンゴ.jpg", [], []),
    ("GET", "//a//b/./../c/", [], []),
    ("GET", "~-._*'()!@$&=;:,#?[]\\^`{|}<>\"", [], []),
    ("HEAD", "", [], []),
    ("GET", "", LIST, []),
    ("GET", "", [("prefix", "photos/a b+c%/é"), ("list-type", "2"), ("delimiter", "/")], []),
    ("GET", "", [("uploads", ""), ("prefix", "out/"), ("max-uploads", "10")], []),
    ("GET", "", [("a", "2"), ("a", "1"), ("A", "3"), ("a-", "0"), ("a1", ""), ("a%", "~")], []),
    ("GET", "", [("continuation-token", "1/ab+c==")], [], None, "eu-central-1"),
    ("PUT", "out/part-00000", [("partNumber", "1"), ("uploadId", "a.b_c~d/e=")], [("content-type", "x/y")], "body"),
    ("PUT", "out/_SUCCESS", [], [("if-none-match", "*"), ("x-amz-meta-empty", "")], ""),
    ("PUT", "spaces", [], [("x-amz-meta-words", "  a   b  c "), ("content-type", "text/plain; charset=utf-8")], "x"),
    ("PUT", "unsigned", [], [("x-amz-checksum-sha256", "abc=")], "UNSIGNED-PAYLOAD"),
    ("GET", "token", [], [], None, "us-gov-west-1", "FwoGZXIvYXdzE+/=="),
    ("DELETE", "out/.tmp", [("uploadId", "x")], [("x-amz-request-payer", "requester")]),
]


def text_of(generator, longest):
    letters = "abcXYZ0189-_.~ /+%&=?#!*'():;@$,[]{}|\\^`<>\"äéß日本🍎\t"
    return "".join(generator.choice(letters) for _ in range(generator.randrange(longest)))


def random_case(generator):
    query = [(text_of(generator, 8) or "q", text_of(generator, 20)) for _ in range(generator.randrange(6))]
    headers = [(f"x-amz-meta-{name}", text_of(generator, 20).encode("ascii", "ignore").decode().replace("\t", " "))
               for name in generator.sample("abcdefgh", generator.randrange(4))]
    token = generator.choice([None, "T" * generator.randrange(1, 900)])
    return case(generator.choice(["GET", "PUT", "HEAD", "DELETE", "POST"]), text_of(generator, 60), query, headers,
                generator.choice([None, "body", "UNSIGNED-PAYLOAD"]), generator.choice(["us-east-1", "eu-south-2"]),
                token)


def main():
    if len(sys.argv) == 3:
        generator = random.Random(int(sys.argv[2]))
        print("\n\n".join(random_case(generator) for _ in range(int(sys.argv[1]))))
    else:
        print("\n\n".join(case(*arguments) for arguments in CASES))


main()
