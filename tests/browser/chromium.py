"""Chromium over a pipe: the DevTools protocol as a page checker needs it, without a port and without a driver.

Messages are JSON ended by a null byte, written to the browser's file 3 and read from its file 4
(`--remote-debugging-pipe`). Protocol: https://chromedevtools.github.io/devtools-protocol/
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --no-first-run --no-default-browser-check --hide-scrollbars --mute-audio "
    "--disable-dev-shm-usage --disable-background-networking --disable-component-update --disable-sync --disable-quic "
    "--disable-default-apps --disable-extensions --password-store=basic --force-color-profile=srgb "
    "--remote-debugging-pipe"
).split()
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"  # what a page asks for is seen, and never sent
PATIENCE = 60.0  # seconds for one answer, on a busy machine


class BrowserError(RuntimeError):
    """Chromium refused a command, or did not answer in time."""


class Browser:
    """One Chromium process; closing the pipe ends it. A `local` one reaches servers of this machine too."""

    def __init__(self, folder: Path, *, local: bool = False) -> None:
        reach = f"{OFFLINE}, EXCLUDE 127.0.0.1" if local else OFFLINE
        ours_in, self._out = os.pipe()
        self._in, ours_out = os.pipe()
        command = [str(CHROMIUM), *FLAGS, reach, f"--user-data-dir={folder / 'profile'}", "about:blank"]
        home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
        quiet = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        pipes = [(os.POSIX_SPAWN_DUP2, ours_in, 3), (os.POSIX_SPAWN_DUP2, ours_out, 4), quiet]
        self.pid = os.posix_spawn(str(CHROMIUM), command, {**os.environ, **home}, file_actions=pipes, setpgroup=0)
        os.close(ours_in)
        os.close(ours_out)
        self._buffer, self._number = b"", 0
        self._events: dict[str, list[tuple[str, dict[str, Any]]]] = {}

    def call(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """The answer to a command; events that come before it are kept for their tabs."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        unsent = json.dumps(message).encode() + b"\0"
        while unsent:
            unsent = unsent[os.write(self._out, unsent) :]
        until = time.monotonic() + PATIENCE
        while (answer := self._read(until)).get("id") != self._number:
            pass
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def events(self, session: str) -> list[tuple[str, dict[str, Any]]]:
        return self._events.setdefault(session, [])

    def wait(self, session: str, method: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """The first event of this name that has not been cleared; waits for it."""
        until = time.monotonic() + seconds
        while True:
            for name, params in self.events(session):
                if name == method:
                    return params
            self._read(until)

    def _read(self, until: float) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], max(0.0, until - time.monotonic()))[0]:
                raise BrowserError("Chromium did not answer in time")
            if not (chunk := os.read(self._in, 1 << 20)):
                raise BrowserError("Chromium ended")
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events(message.get("sessionId", "")).append((message["method"], message["params"]))
        return message

    @contextlib.contextmanager
    def tab(self) -> Iterator[Tab]:
        """A tab that shares nothing with others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab = Tab(self, session)
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "CSS", "Accessibility"):
            tab.call(f"{domain}.enable")
        try:
            yield tab
        finally:
            self.call("Target.disposeBrowserContext", browserContextId=context)
            self._events.pop(session, None)

    def close(self) -> None:
        """End the browser and all its processes, politely at first."""
        with contextlib.suppress(BrowserError, OSError):
            self.call("Browser.close")
        os.close(self._out)
        os.close(self._in)
        for _ in range(100):
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                return
            time.sleep(0.05)
        os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@dataclass(frozen=True)
class View:
    """How a page is looked at: width and height in CSS pixels, colours, medium."""

    name: str
    width: int
    height: int
    scheme: str = "light"
    medium: str = "screen"


@dataclass
class Tab:
    """One page at a time, with what it said and asked for since it was opened."""

    browser: Browser
    session: str
    address: str = field(default="", init=False)
    view: View = field(default=View("desktop", 1280, 800), init=False)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def look(self, view: View) -> None:
        """Take another view of the page that is open."""
        self.view = view
        size = {"width": view.width, "height": view.height}
        self.call("Emulation.setDeviceMetricsOverride", **size, deviceScaleFactor=1, mobile=False)
        self.call(
            "Emulation.setEmulatedMedia",
            media=view.medium,
            features=[{"name": "prefers-color-scheme", "value": view.scheme}],
        )

    def open(self, page: Path | str) -> None:
        """Open a file or an address and wait until it has loaded; what was heard before is forgotten."""
        self.browser.events(self.session).clear()
        self.address = page.resolve().as_uri() if isinstance(page, Path) else page
        answer = self.call("Page.navigate", url=self.address)
        if answer.get("errorText"):
            raise BrowserError(f"{self.address}: {answer['errorText']}")
        self.browser.wait(self.session, "Page.loadEventFired")

    def until(self, expression: str, seconds: float = PATIENCE) -> Any:
        """The value of an expression as soon as it holds."""
        end = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            if time.monotonic() > end:
                raise BrowserError(f"it never came to hold: {expression}")
            time.sleep(0.25)
        return value

    def evaluate(self, expression: str, *arguments: Any) -> Any:
        """The value of an expression, or of a function called with the arguments; promises are waited for."""
        if arguments:
            expression = f"({expression})(...{json.dumps(arguments)})"
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            told = answer["exceptionDetails"]
            raise BrowserError(told.get("exception", {}).get("description", told["text"]))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """One key down and up: Tab, Enter, Escape, a space, an arrow."""
        codes: Mapping[str, tuple[int, str, str]] = {
            "Tab": (9, "Tab", ""), "Enter": (13, "Enter", "\r"), "Escape": (27, "Escape", ""), " ": (32, "Space", " "),
            "ArrowRight": (39, "ArrowRight", ""), "ArrowLeft": (37, "ArrowLeft", ""),
        }  # fmt: skip
        number, code, text = codes[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "nativeVirtualKeyCode": number}
        kind = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.call("Input.dispatchKeyEvent", **common, **kind)
        self.call("Input.dispatchKeyEvent", **common, type="keyUp")

    def screenshot(self) -> bytes:
        """The screen as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def fonts(self) -> list[str]:
        """The fonts in which the page's text is really drawn."""
        root = self.call("DOM.getDocument", depth=1)["root"]["nodeId"]
        names: set[str] = set()
        for selector in ("h1", "main p", "td"):
            node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
            if node:
                told = self.call("CSS.getPlatformFontsForNode", nodeId=node)["fonts"]
                names |= {font["postScriptName"] or font["familyName"] for font in told}
        return sorted(names)

    def heard(self, *methods: str) -> list[dict[str, Any]]:
        """Events of these names since the page was opened, in order."""
        return [params for name, params in self.browser.events(self.session) if name in methods]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, of scripts and of the browser itself."""
        told = [
            f"console {e['type']}: {' '.join(str(a.get('value', a.get('description', ''))) for a in e['args'])}"
            for e in self.heard("Runtime.consoleAPICalled")
            if e["type"] in ("error", "warning", "assert")
        ]
        thrown = (e["exceptionDetails"] for e in self.heard("Runtime.exceptionThrown"))
        told += [f"exception: {e.get('exception', {}).get('description', e['text'])}" for e in thrown]
        entries = (e["entry"] for e in self.heard("Log.entryAdded"))
        return told + [f"{e['source']}: {e['text']}" for e in entries if e["level"] in ("error", "warning")]

    def requests(self) -> list[str]:
        """Addresses that the page asked for, other than itself and what it carries."""
        asked = [e["request"]["url"] for e in self.heard("Network.requestWillBeSent")]
        asked += [e["url"] for e in self.heard("Network.webSocketCreated", "Network.webTransportCreated")]
        return [url for url in asked if url.split("#")[0] != self.address and not url.startswith(("data:", "about:"))]
