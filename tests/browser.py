"""Chromium without a network, driven over its debugging pipe with the standard library alone.

Source: the Chrome DevTools Protocol, https://chromedevtools.github.io/devtools-protocol/; with
``--remote-debugging-pipe`` messages are JSON, each followed by a NUL, on file descriptors 3 and 4.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

PATIENCE_S = 60.0

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
    # nothing listens there: what is not on this machine cannot be had
    "--proxy-server=127.0.0.1:9",
)


def found() -> str | None:
    """Returns the browser, None where there is none."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Page:
    """A page that a browser has loaded: what its scripts and requests came to, and what it looks like."""

    def __init__(self, browser: Browser, url: str, width: int, height: int) -> None:
        self._browser = browser
        self.complaints: list[str] = []
        """Errors of scripts, what the console was told, and requests that failed."""
        self.requests: list[str] = []
        target = browser.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        browser.pages[self._session] = self
        for domain in ("Runtime", "Log", "Network", "Page"):
            self._ask(f"{domain}.enable")
        self.resize(width, height)
        self.is_loaded = False
        self._ask("Page.navigate", url=url)
        browser.wait(lambda: self.is_loaded)

    def heard(self, method: str, told: dict[str, Any]) -> None:
        """Takes what the browser says of the page."""
        if method == "Page.loadEventFired":
            self.is_loaded = True
        elif method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.complaints.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(f"console: {told['args']}")
        elif method == "Log.entryAdded":
            self.complaints.append(told["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Network.loadingFailed":
            self.complaints.append(f"failed request: {told}")

    def value(self, expression: str) -> Any:
        """Returns the value of a JavaScript expression in the page."""
        told = self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def point(self, selector: str) -> None:
        """Puts the pointer on the middle of the first element of a selector."""
        place = self.value(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); "
            'one.scrollIntoView({ behavior: "instant", block: "center" }); '
            "const { x, y, width, height } = one.getBoundingClientRect(); "
            "return [x + width / 2, y + height / 2] })()"
        )
        self._ask("Input.dispatchMouseEvent", type="mouseMoved", x=place[0], y=place[1])

    def resize(self, width: int, height: int) -> None:
        """Gives the page another size."""
        self._ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def darken(self, is_dark: bool) -> None:
        """Says whether the user likes it dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])

    def picture(self) -> bytes:
        """Returns what it looks like, as PNG."""
        return base64.b64decode(self._ask("Page.captureScreenshot", format="png")["data"])

    def _ask(self, method: str, **arguments: Any) -> dict[str, Any]:
        return self._browser.ask(method, self._session, **arguments)


class Browser:
    """A headless browser; ``close`` it."""

    def __init__(self) -> None:
        self.pages: dict[str, Page] = {}
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        self._answers: dict[int, dict[str, Any]] = {}
        self._n_asked = 0
        self._rest = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (theirs_in, theirs_out)]
        actions = [
            (os.POSIX_SPAWN_DUP2, high[0], 3),
            (os.POSIX_SPAWN_DUP2, high[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, f"{self._profile}/stderr", os.O_WRONLY | os.O_CREAT, 0o600),
        ]
        command = [found() or "chromium", *FLAGS, f"--user-data-dir={self._profile}", "about:blank"]
        environment = {**os.environ, "HOME": self._profile}
        self._pid = os.posix_spawnp(command[0], command, environment, file_actions=actions, setpgroup=0)
        for one in (theirs_in, theirs_out, *high):
            os.close(one)

    def open(self, path: Path, width: int = 1200, height: int = 1600) -> Page:
        """Returns a file as a page."""
        return Page(self, path.absolute().as_uri(), width, height)

    def ask(self, method: str, session: str | None = None, **arguments: Any) -> dict[str, Any]:
        """Asks the browser for something, and returns its answer."""
        self._n_asked += 1
        number = self._n_asked
        message = {"id": number, "method": method, "params": arguments}
        os.write(
            self._out, json.dumps(message | ({"sessionId": session} if session else {})).encode() + b"\0"
        )
        self.wait(lambda: number in self._answers)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer
        result: dict[str, Any] = answer["result"]
        return result

    def wait(self, until: Any) -> None:
        """Hears the browser until something is so."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not until():
            ready, _, _ = select.select([self._in], [], [], max(give_up_at - time.monotonic(), 0))
            chunk = os.read(self._in, 1 << 16) if ready else b""
            log = Path(self._profile, "stderr")
            assert chunk, f"the browser said nothing for {PATIENCE_S} s, or ended: {log.read_text()[-2000:]}"
            *whole, self._rest = (self._rest + chunk).split(b"\0")
            for message in map(json.loads, whole):
                if "id" in message:
                    self._answers[message["id"]] = message
                elif message.get("sessionId") in self.pages:
                    self.pages[message["sessionId"]].heard(message["method"], message["params"])

    def close(self) -> None:
        """Ends the browser with all its processes."""
        os.close(self._out)
        os.close(self._in)
        os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        shutil.rmtree(self._profile, ignore_errors=True)


def n_shades(png: bytes) -> int:
    """Returns how many different bytes the pixels of a PNG are stored as; one that is blank has very few."""
    at, data = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    return len(set(zlib.decompress(data)))
