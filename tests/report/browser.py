# SPDX-License-Identifier: Apache-2.0
"""Drives a headless Chromium over its debugging pipe (DevTools protocol): no package is needed, no port is opened.

    with Browser(width_px=1400, height_px=900) as page:
        page.open("report.html")
        page.evaluate("document.title")
"""
import base64
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

CANDIDATES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser():
    """The browser's path, or None."""
    return next(filter(None, map(shutil.which, CANDIDATES)), None)


class Browser:
    def __init__(self, width_px=1400, height_px=900, dark=False, phone=False):
        self.width_px, self.height_px, self.dark, self.phone = width_px, height_px, dark, phone

    def __enter__(self):
        self.profile = tempfile.mkdtemp(prefix="pomona-browser-")
        to_browser_out, self.to_browser = os.pipe()
        self.from_browser, from_browser_in = os.pipe()
        arguments = [find_browser(), "--headless=new", "--no-sandbox", "--remote-debugging-pipe", "--hide-scrollbars",
                     "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage",
                     "--disable-background-networking", "--no-first-run", f"--user-data-dir={self.profile}", "about:blank"]
        # The browser reads commands from descriptor 3 and writes answers to descriptor 4.
        shell = f'exec "$@" 3<&{to_browser_out} 4>&{from_browser_in}'
        self.process = subprocess.Popen(["sh", "-c", shell, "sh", *arguments], pass_fds=(to_browser_out, from_browser_in),
                                        stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        os.close(to_browser_out)
        os.close(from_browser_in)
        self.buffer, self.events, self.last_id, self.session = b"", [], 0, None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=self.width_px, height=self.height_px,
                  deviceScaleFactor=2 if self.phone else 1, mobile=self.phone)
        if self.phone:
            self.call("Emulation.setTouchEmulationEnabled", enabled=True)
        scheme = "dark" if self.dark else "light"
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        shutil.rmtree(self.profile, ignore_errors=True)

    def _receive(self):
        while b"\0" not in self.buffer:
            received = os.read(self.from_browser, 1 << 20)
            if not received:
                raise RuntimeError("the browser ended")
            self.buffer += received
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **parameters):
        """One command of the protocol; its result. Events that arrive meanwhile are kept in self.events."""
        self.last_id += 1
        command = {"id": self.last_id, "method": method, "params": parameters}
        if self.session:
            command["sessionId"] = self.session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self.to_browser, data):]
        while True:
            message = self._receive()
            if message.get("id") == self.last_id:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def evaluate(self, expression):
        """The value of a JavaScript expression; promises are awaited."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression, limit_s=120):
        """Waits until the expression is true."""
        end = time.monotonic() + limit_s
        while not self.evaluate(expression):
            if time.monotonic() > end:
                raise RuntimeError(f"waited {limit_s} s in vain for: {expression}")
            time.sleep(0.05)

    def settle(self):
        """Waits until what was asked for is painted."""
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def open(self, path):
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        self.wait_for("document.readyState === 'complete' && document.documentElement.dataset.ready === 'yes'")
        self.settle()

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y, modifiers=0):
        self.mouse("mouseMoved", x, y)
        self.mouse("mousePressed", x, y, button="left", clickCount=1, modifiers=modifiers)
        self.mouse("mouseReleased", x, y, button="left", clickCount=1, modifiers=modifiers)
        self.settle()

    def key(self, key):
        text = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)
        self.settle()

    def screenshot(self, path, whole_page=False):
        options = {"captureBeyondViewport": whole_page}
        if whole_page:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            options["clip"] = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        image = self.call("Page.captureScreenshot", format="png", **options)["data"]
        pathlib.Path(path).write_bytes(base64.b64decode(image))

    def complaints(self):
        """What the page logged: errors, warnings, exceptions, violations of its policy."""
        self.evaluate("0")
        found = []
        for event in self.events:
            details = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(json.dumps(details["exceptionDetails"])[:600])
            elif event.get("method") == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
                found.append(json.dumps(details["args"])[:300])
            elif event.get("method") == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
                found.append(details["entry"]["text"])
        return found

    def requests(self):
        """The addresses of all requests the page made."""
        return [event["params"]["request"]["url"] for event in self.events
                if event.get("method") == "Network.requestWillBeSent"]
