"""A headless Chromium, driven over HTTP by the WebDriver protocol: no packages beyond Python's own."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
DRIVER = shutil.which("chromedriver")
HINT = "needs a browser: apt-get install chromium chromium-driver"
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
KEYS = {"Left": "\ue012", "Up": "\ue013", "Right": "\ue014", "Down": "\ue015", "Enter": "\ue007", "Home": "\ue011",
        "End": "\ue010", "Tab": "\ue004", "Shift": "\ue008", "Escape": "\ue00c"}  # fmt: skip


class Browser:
    """One window of a browser without a network; `close` ends it and its profile."""

    def __init__(self) -> None:
        assert CHROMIUM is not None
        assert DRIVER is not None
        self._profile = tempfile.mkdtemp(prefix="minibert-chromium-")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._driver = subprocess.Popen(
            [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._base = f"http://127.0.0.1:{port}"
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._wait_for_driver()
        options = {"binary": CHROMIUM, "args": [*FLAGS, f"--user-data-dir={self._profile}"]}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._base += f"/session/{session['sessionId']}"
        self.devtools("Network.enable")
        self.devtools(
            "Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0
        )
        self.resize(1400, 900)

    def _wait_for_driver(self) -> None:
        for _ in range(100):
            try:
                self._call("GET", "/status")
                return
            except urllib.error.URLError:
                time.sleep(0.1)
        raise RuntimeError("chromedriver does not answer")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from None

    def devtools(self, command: str, **parameters: Any) -> Any:
        """A command of the browser's developer tools."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def resize(self, width: int, height: int) -> None:
        """The size of the page."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )

    def prefer(self, scheme: str) -> None:
        """What the system wants: "light" or "dark"."""
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, path: Path, fragment: str = "") -> float:
        """Load a page afresh; gives the seconds until it had built itself."""
        self._call("POST", "/url", {"url": "about:blank"})
        begin = time.perf_counter()
        self._call("POST", "/url", {"url": path.as_uri() + fragment})
        self.wait("document.documentElement.dataset.ready === 'yes'")
        return time.perf_counter() - begin

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        return self._call("POST", "/execute/sync", {"script": f"return {script}", "args": []})

    def wait(self, condition: str) -> None:
        """Until an expression is true."""
        for _ in range(200):
            if self.run(condition):
                return
            time.sleep(0.05)
        raise AssertionError(f"never came true: {condition}")

    def texts(self, selector: str) -> list[str]:
        """What all elements that a selector finds say."""
        return self.run(f"[...document.querySelectorAll({json.dumps(selector)})].map((each) => each.innerText)")

    def text(self, selector: str) -> str:
        """What the first of them says."""
        return self.texts(selector)[0]

    def click(self, selector: str) -> None:
        """A real click in the middle of an element."""
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{next(iter(found.values()))}/click", {})

    def point(self, selector: str, x: float, y: float) -> None:
        """Move the mouse to a place in an element, in shares of its width and height."""
        self.run(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        box = self.run(f"document.querySelector({json.dumps(selector)}).getBoundingClientRect().toJSON()")
        place = {"x": round(box["x"] + x * box["width"]), "y": round(box["y"] + y * box["height"])}
        self._perform("pointer", [{"type": "pointerMove", "duration": 0, **place}])

    def press(self, *names: str) -> None:
        """Press keys one after the other; "Shift+Left" holds one meanwhile."""
        steps = []
        for name in names:
            held = [KEYS.get(part, part) for part in name.split("+")]
            steps += [{"type": "keyDown", "value": key} for key in held]
            steps += [{"type": "keyUp", "value": key} for key in reversed(held)]
        self._perform("key", steps)

    def _perform(self, kind: str, steps: list[dict[str, Any]]) -> None:
        self._call("POST", "/actions", {"actions": [{"type": kind, "id": kind, "actions": steps}]})

    def messages(self) -> list[dict[str, Any]]:
        """What the console has said since the last call."""
        return self._call("POST", "/se/log", {"type": "browser"})

    def screenshot(self, path: Path) -> None:
        """What is to be seen, as PNG."""
        path.write_bytes(base64.b64decode(self.devtools("Page.captureScreenshot", format="png")["data"]))

    def close(self) -> None:
        """End the browser and remove its profile."""
        try:
            self._call("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(10)
            shutil.rmtree(self._profile, ignore_errors=True)
