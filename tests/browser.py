"""Pages in headless Chromium, over the DevTools protocol: what they become, log and ask for.

The protocol is spoken over a pipe (--remote-debugging-pipe), so no port and no WebSocket is needed.
"""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
_PATIENCE = 240  # seconds until a silent browser is given up; axe takes a minute on a busy machine


@dataclass
class Page:
    """A page after its load and a script."""

    console: list[str] = field(default_factory=list)  # messages, errors and warnings of the browser
    requests: list[str] = field(default_factory=list)  # every address asked for, the page's own first
    result: Any = None  # of the script


def chromium() -> str:
    """Return the program; skips the test where there is none."""
    program = next((found for name in _NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return program


def print_page(page: Path, pdf: Path) -> None:
    """Print a page as a reader does, on the paper that its style asks for."""
    flags = [flag for flag in _FLAGS if flag != "--remote-debugging-pipe"]
    with tempfile.TemporaryDirectory(prefix="amlsynth-chromium-") as profile:
        command = [chromium(), *flags, f"--user-data-dir={profile}", "--no-pdf-header-footer"]
        done = subprocess.run(
            [*command, f"--print-to-pdf={pdf}", page.resolve().as_uri()], capture_output=True, text=True
        )
    assert pdf.is_file(), done.stderr[-2000:]


class Browser:
    """A headless Chromium; a context manager that ends it.

    The tests are skipped, with the reason, where there is no Chromium.
    """

    def __enter__(self) -> Self:
        program = chromium()
        self._profile = tempfile.mkdtemp(prefix="amlsynth-chromium-")
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        # Chromium reads the protocol from descriptor 3 and writes it to 4.
        script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
        command = ["bash", "-c", script, "browser", program, *_FLAGS, f"--user-data-dir={self._profile}"]
        with open(Path(self._profile) / "log.txt", "wb") as log:  # noqa: PTH123
            self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), stdout=log, stderr=log)
        os.close(to_read)
        os.close(to_write)
        self._number, self._rest = 0, b""
        self._page = Page()
        self._loaded = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._call("Browser.close")
            self._process.wait(10)
        except (OSError, RuntimeError, subprocess.TimeoutExpired):
            self._process.kill()
            self._process.wait()
        os.close(self._read)
        os.close(self._write)
        shutil.rmtree(self._profile, ignore_errors=True)

    def page(
        self,
        url: str | Path,
        *,
        width: int = 1200,
        height: int = 800,
        script: str | None = None,
        dark: bool = False,
        print_media: bool = False,
    ) -> Page:
        """Open a page in a tab of its own, run a script in it, and close it.

        Parameters
        ----------
        url : an address, or the path of a file.
        width, height : of the window, in CSS pixels; under 600 wide counts as a phone.
        script : JavaScript; its value, awaited, is `result`.
        dark : whether the reader prefers dark pages.
        print_media : whether to show the page as it is printed.
        """
        address = url.resolve().as_uri() if isinstance(url, Path) else url
        self._page, self._loaded = Page(), False
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable", session)
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self._call("Emulation.setDeviceMetricsOverride", session, **metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        media = "print" if print_media else "screen"
        self._call("Emulation.setEmulatedMedia", session, media=media, features=[scheme])
        self._page, self._loaded = Page(), False  # forget about:blank
        answer = self._call("Page.navigate", session, url=address)
        if answer.get("errorText"):
            raise AssertionError(f"{address}: {answer['errorText']}")
        self._until(lambda: self._loaded)
        if script is not None:
            self._page.result = self._evaluate(session, script)
        self._call("Target.closeTarget", targetId=target)
        return self._page

    def _evaluate(self, session: str, script: str) -> Any:
        answer = self._call(
            "Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(f"the script failed: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def _call(self, method: str, session: str | None = None, **params: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]
        answer: list[dict[str, Any]] = []
        self._until(lambda: bool(answer), answer)
        if "error" in answer[0]:
            raise RuntimeError(f"{method}: {answer[0]['error']}")
        return answer[0].get("result", {})

    def _until(self, done: Any, answer: list[dict[str, Any]] | None = None) -> None:
        """Take messages until `done`; the one that answers the last call goes to `answer`."""
        end = time.monotonic() + _PATIENCE
        while not done():
            head, separator, rest = self._rest.partition(b"\0")
            if separator:
                self._rest = rest
                message = json.loads(head)
                if answer is not None and message.get("id") == self._number:
                    answer.append(message)
                else:
                    self._note(message)
                continue
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            part = os.read(self._read, 1 << 16) if ready else b""
            if not part:
                log = (Path(self._profile) / "log.txt").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"Chromium does not answer. Its log:\n{log[-2000:]}")
            self._rest += part

    def _note(self, message: dict[str, Any]) -> None:
        kind, params = message.get("method"), message.get("params", {})
        if kind == "Page.loadEventFired":
            self._loaded = True
        elif kind == "Network.requestWillBeSent":
            self._page.requests.append(params["request"]["url"])
        elif kind == "Log.entryAdded":
            self._page.console.append(f"{params['entry']['level']}: {params['entry']['text']}")
        elif kind == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self._page.console.append(
                f"exception: {details.get('exception', {}).get('description', details)}"
            )
        elif kind == "Runtime.consoleAPICalled":
            texts = [str(part.get("value", part.get("description"))) for part in params["args"]]
            self._page.console.append(f"{params['type']}: {' '.join(texts)}")


def page(url: str | Path, **options: Any) -> Page:
    """Open one page in a browser of its own; see `Browser.page`."""
    with Browser() as browser:
        return browser.page(url, **options)
