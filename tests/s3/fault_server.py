# SPDX-License-Identifier: Apache-2.0
"""An S3 server on loopback that fails as it is told; run_faults.py gives it its script.

It speaks as much of the protocol as the client uses (objects in memory, pages of names, multipart uploads) and takes
one answer of the script for each request; when the script is over, it behaves. It checks no signatures: versitygw does.
"""
import base64
import email.utils
import hashlib
import socket
import struct
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

PAGE = 1000


def content_of(key, size=100000):
    """What is in an object that nobody wrote."""
    block = hashlib.sha256(key.encode()).digest()
    return (block * (size // len(block) + 1))[:size]


class Server:
    def __init__(self, answers, rules):
        self.answers = list(answers)  # lists of words, one for each request
        self.rules = rules            # name -> value, for all requests
        self.objects = {}
        self.of_parts = {}  # key -> number of parts, as in the ETag
        self.uploads = {}
        self.requests = []            # "GET /bucket/key?query"
        self.headers = []
        self.lock = threading.Lock()
        self.is_over = threading.Event()
        self.skew = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def stop(self):
        self.is_over.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        self.thread.join(5)

    def accept(self):
        while not self.is_over.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(10)
        try:
            stream = connection.makefile("rb")
            while not self.is_over.is_set() and self.serve_one(connection, stream):
                pass
        except OSError:
            pass
        finally:
            connection.close()

    # ---- one request ----

    def serve_one(self, connection, stream):
        line = stream.readline().decode("latin-1").split()
        if len(line) != 3:
            return False
        headers = {}
        while True:
            text = stream.readline().decode("latin-1").strip()
            if not text:
                break
            name, value = text.split(":", 1)
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
        with self.lock:
            self.requests.append(f"{line[0]} {line[1]}")
            self.headers.append(headers)
            rule = self.broken_rule(headers)
            answer = rule or (self.answers.pop(0) if self.answers else ["ok"])
        time.sleep(float(self.rules.get("delay", 0)))
        return self.answer(connection, line[0], line[1], headers, body, answer)

    def broken_rule(self, headers):
        region = self.rules.get("region")
        if region and f"/{region.split()[0]}/s3/" not in headers.get("authorization", ""):
            how = region.split()[1]
            return [how, {"301": "PermanentRedirect", "307": "TemporaryRedirect",
                          "400": "AuthorizationHeaderMalformed"}[how], f"x-amz-bucket-region:{region.split()[0]}"]
        token = self.rules.get("expired-token")
        if token and headers.get("x-amz-security-token") == token:
            return ["400", "ExpiredToken"]
        if "skew" in self.rules:
            self.skew = int(self.rules["skew"])
            date = headers.get("x-amz-date", "")
            then = time.mktime(time.strptime(date + "UTC", "%Y%m%dT%H%M%SZ%Z")) - time.timezone if date else 0
            if abs(then - time.time() - self.skew) > 300:
                return [self.rules.get("skew-status", "403"), "RequestTimeTooSkewed"]
        return None

    def send(self, connection, status, headers, body, method, sent=None, length=None):
        text = f"HTTP/1.1 {status} X\r\nDate: {email.utils.formatdate(time.time() + self.skew, usegmt=True)}\r\n"
        text += "x-amz-request-id: REQUEST7\r\n"
        if status != 204:
            text += f"Content-Length: {len(body) if length is None else length}\r\n"
        text += "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        if method == "HEAD":
            body = b""
        connection.sendall(text.encode("latin-1") + body[:sent])

    def answer(self, connection, method, target, headers, body, words):
        kind = words[0]
        if kind.isdigit():
            extra = dict(word.split(":", 1) for word in words[2:] if ":" in word)
            code = words[1] if len(words) > 1 else ""
            message = next((word.removeprefix("message=") for word in words if word.startswith("message=")), "told to")
            document = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
            self.send(connection, int(kind), extra, b"" if code == "-" else document, method)
            return "close" not in words
        if kind == "close":
            return False
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "garbage":
            connection.sendall(b"220 mail.example.org ESMTP\r\n")
            return False
        if kind == "xml":
            self.send(connection, 200, {}, CANNED[words[1]], method)
            return True
        if kind == "late":  # 200, then the error
            self.send(connection, 200, {}, b"<Error><Code>%s</Code></Error>" % words[1].encode(), method)
            return True
        status, extra, content = self.behave(method, target, headers, body)
        if kind == "cut":
            self.send(connection, status, extra, content, method, sent=int(words[1]))
            return False
        if kind == "stall":
            self.send(connection, status, extra, content, method, sent=int(words[1]))
            self.is_over.wait(10)
            return False
        if kind == "silence":
            self.is_over.wait(10)
            return False
        if kind == "lost":  # it was done, but nobody hears of it
            return False
        if kind == "length":
            self.send(connection, status, extra, content, method, length=len(content) + int(words[1]))
            return False
        if kind == "with":  # headers of one's own
            for word in words[1:]:
                name, value = word.split(":", 1)
                extra[name] = value
            self.send(connection, status, extra, content, method)
            return True
        if kind == "flipped":
            changed = bytearray(content)
            changed[len(changed) // 2] ^= 1
            self.send(connection, status, extra, bytes(changed), method)
            return True
        assert kind == "ok", words
        self.send(connection, status, extra, content, method)
        return True

    # ---- good behaviour ----

    def behave(self, method, target, headers, body):
        path, _, query = target.partition("?")
        query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        path = urllib.parse.unquote(path)
        bucket, _, key = path.lstrip("/").partition("/")
        with self.lock:
            if "list-type" in query:
                return 200, {}, self.page_of_tree(query) if "tree" in self.rules else self.page(query)
            if "uploads" in query and method == "POST":
                self.uploads[str(len(self.uploads) + 1)] = {}
                return 200, {}, (f"<InitiateMultipartUploadResult><UploadId>{len(self.uploads)}</UploadId>"
                                 "</InitiateMultipartUploadResult>").encode()
            if "uploadId" in query:
                return self.part(method, key, query, body)
            if method == "PUT" and "x-amz-copy-source" in headers:
                self.objects[key] = content_of(key)
                return 200, {}, b"<CopyObjectResult><ETag>x</ETag></CopyObjectResult>"
            if method == "PUT":
                if "if-none-match" in headers and key in self.objects:
                    return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
                self.objects[key] = body
                return 200, {"ETag": self.etag(body)}, b""
            if method == "DELETE":
                self.objects.pop(key, None)
                return 204, {}, b""
        return self.get(key, headers)

    @staticmethod
    def etag(content):
        return f'"{hashlib.md5(content).hexdigest()}"'

    def get(self, key, headers):
        content = self.objects.get(key)
        if content is None:
            content = content_of(key)
        etag = self.etag(content)
        if key in self.of_parts:
            etag = f'{etag[:-1]}-{self.of_parts[key]}"'
        if headers.get("if-match", etag) != etag:
            return 412, {}, b"<Error><Code>PreconditionFailed</Code></Error>"
        extra = {"ETag": etag, "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
        if "range" in headers:
            first, last = headers["range"].removeprefix("bytes=").split("-")
            first, last = int(first), min(int(last or len(content) - 1), len(content) - 1)
            extra["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return 206, extra, content[first:last + 1]
        if headers.get("x-amz-checksum-mode") == "ENABLED":
            extra["x-amz-checksum-sha256"] = base64.b64encode(hashlib.sha256(content).digest()).decode()
        return 200, extra, content

    def part(self, method, key, query, body):
        upload = self.uploads.get(query["uploadId"])
        if upload is None:
            return 404, {}, b"<Error><Code>NoSuchUpload</Code></Error>"
        if method == "PUT":
            upload[int(query["partNumber"])] = body
            return 200, {"ETag": self.etag(body)}, b""
        if method == "POST":
            self.objects[key] = b"".join(upload[number] for number in sorted(upload))
            self.of_parts[key] = len(upload)
            answer = f"<CompleteMultipartUploadResult><Key>{escape(key)}</Key></CompleteMultipartUploadResult>"
            del self.uploads[query["uploadId"]]
            return 200, {}, answer.encode()
        del self.uploads[query["uploadId"]]
        return 204, {}, b""

    def page(self, query):
        n_pages = int(self.rules.get("pages", 1))
        n_names = int(self.rules.get("names", PAGE))
        page = int(query.get("continuation-token", "0"))
        following = page if self.rules.get("token") == "repeats" and page > 0 else page + 1
        if self.rules.get("token") == "circles" and page == n_pages - 1:
            following = 0
        names = "".join(f"<Contents><Key>photos%2F{page:05}-{i:04}.jpg</Key><Size>{i}</Size></Contents>"
                        for i in range(n_names))
        is_last = page == n_pages - 1 and "token" not in self.rules
        token = "" if is_last or self.rules.get("token") == "none" else \
            f"<NextContinuationToken>{following}</NextContinuationToken>"
        return ("<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
                f"<EncodingType>url</EncodingType><IsTruncated>{str(not is_last).lower()}</IsTruncated>"
                f"{token}{names}</ListBucketResult>").encode()

    def page_of_tree(self, query):
        """Names as from a real bucket, of the rule "tree FOLDERS OBJECTS [FOLDERS_ABOVE]"."""
        n_folders, n_objects, *above = map(int, self.rules["tree"].split())
        tops = [f"photos/{a:02}/" for a in range(above[0])] if above else ["photos/"]
        keys = [f"{top}{f:03}/{i:04}.jpg" if n_folders else f"{top}{i:04}.jpg"
                for top in tops for f in range(n_folders or 1) for i in range(n_objects)]
        prefix, delimiter = query["prefix"], query.get("delimiter")
        after = "" if self.rules.get("start-after") == "ignored" else query.get("start-after", "")
        after = query.get("continuation-token", after)
        rolled = {key[:key.find(delimiter, len(prefix)) + 1] if delimiter and delimiter in key[len(prefix):] else key
                  for key in keys if key.startswith(prefix)}
        names = sorted(name for name in rolled if name > after)
        page = names[:min(PAGE, int(query.get("max-keys", PAGE)))]
        is_last = len(page) == len(names)
        quote = urllib.parse.quote
        return ("<?xml version='1.0'?><ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'>"
                f"<EncodingType>url</EncodingType><IsTruncated>{str(not is_last).lower()}</IsTruncated>"
                + ("" if is_last else f"<NextContinuationToken>{page[-1]}</NextContinuationToken>")
                + "".join(f"<CommonPrefixes><Prefix>{quote(name, safe='')}</Prefix></CommonPrefixes>" if name.endswith("/") else
                          f"<Contents><Key>{quote(name, safe='')}</Key><Size>1</Size></Contents>" for name in page)
                + "</ListBucketResult>").encode()


CANNED = {
    "truncated": b"<?xml version='1.0'?><ListBucketResult><Contents><Key>photos/a.jpg</Key><Si",
    "empty": b"",
    "html": b"<!DOCTYPE html><html><body>Log in to the hotel's network</body></html>",
    "entities": b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;']><ListBucketResult>&b;</ListBucketResult>",
    "deep": b"<a>" * 100000,
    "huge": b"<ListBucketResult>" + b"<Contents><Key>photos/a.jpg</Key><Size>1</Size></Contents>" * 400000
            + b"</ListBucketResult>",
    "many": b"<ListBucketResult>" + b"<Contents><Key>photos/a.jpg</Key><Size>1</Size></Contents>" * 20000
            + b"</ListBucketResult>",
    "nameless": b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
    "size": b"<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
    "other": b"<ListAllMyBucketsResult/>",
}
