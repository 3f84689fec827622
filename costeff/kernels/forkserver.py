"""The process that imports the heavy libraries once and then forks a kernel for each notebook.

It is started with one socket, on which its owner writes a line of JSON for each kernel it wants:

    {"argv": [...], "env": {...}, "cwd": "...", "quiet": true}

and reads `{"ready": true}` once, `{"forked": pid}` for each of them in order, and `{"ended": pid, "code": n}`
when one has ended. When the owner goes, however it goes, the socket closes: the kernels end, and the server.

A fork is safe from one thread only, so a server with more than one says so and is not used.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# What every kernel imports before its first cell.
KERNEL_MODULES = (
    "zmq",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "ipykernel.zmqshell",
    "ipykernel.debugger",
    "IPython.core.pylabtools",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "faulthandler",
    "pdb",
    "sqlite3",
    "tornado.platform.asyncio",
)
SET_PDEATHSIG = 1  # of prctl(2)
LOOK = 0.2  # seconds between two looks for the owner, until the socket is listened to


def main() -> None:
    """Serve the socket whose number is the first argument, for the process of the second; the others are imported."""
    if sys.path and sys.path[0] == "":
        del sys.path[0]  # a kernel puts it back; here it would let the folder at hand hide a library
    channel, given = socket.socket(fileno=int(sys.argv[1])), dict(os.environ)
    with _no_longer_than(int(sys.argv[2])):
        for name in (*KERNEL_MODULES, *sys.argv[3:]):
            _load(name)
    gc.collect()
    gc.freeze()  # what is here stays shared memory in the kernels
    if (threads := len(list(Path("/proc/self/task").iterdir()))) > 1:
        _tell(channel, refused=f"{threads} threads run after the imports, and a fork is safe from one only")
        return
    _tell(channel, ready=True)
    by_imports = {name: value for name, value in os.environ.items() if given.get(name) != value}
    _Server(channel, by_imports).serve()


@contextmanager
def _no_longer_than(owner: int) -> Iterator[None]:
    """End with the owner also before the socket tells of it; a thread that watched would make forks unsafe."""

    def look(*_: object) -> None:
        if os.getppid() != owner:
            os._exit(1)

    look()  # it may have gone before there was anybody to look
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK, LOOK)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _load(name: str) -> None:
    """Import `module`, and call `module:function`, which pays what the first use of a library costs."""
    module, _, function = name.partition(":")
    with suppress(ImportError):  # the notebook that needs it says so better
        loaded = importlib.import_module(module)
        if function:
            getattr(loaded, function)()


def _tell(channel: socket.socket, **what: Any) -> None:
    with suppress(OSError):  # the owner has gone
        channel.sendall(json.dumps(what).encode() + b"\n")


class _Server:
    """Requests come in, children end: one loop for both."""

    def __init__(self, channel: socket.socket, by_imports: dict[str, str]) -> None:
        self.channel, self.children, self.unread = channel, set[int](), b""
        self.by_imports = by_imports  # what libraries have put into the environment
        self.ended, self.wake = os.pipe()
        for end in (self.ended, self.wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the owner, who decides
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)

    def serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.channel, selectors.EVENT_READ)
            selector.register(self.ended, selectors.EVENT_READ)
            try:
                while True:
                    ready = {key.fd for key, _ in selector.select()}
                    if self.ended in ready:
                        self._reap()
                    if self.channel.fileno() in ready and not self._answer(selector):
                        return
            finally:
                for pid in self.children:
                    with suppress(OSError):
                        os.killpg(pid, signal.SIGKILL)

    def _answer(self, selector: selectors.BaseSelector) -> bool:
        """Fork for each whole line; False when the owner has gone."""
        try:
            arrived = self.channel.recv(1 << 16)
        except OSError:
            arrived = b""
        *lines, self.unread = (self.unread + arrived).split(b"\n")
        for line in lines:
            request = json.loads(line)
            pid = os.fork()
            if pid == 0:
                selector.close()
                self._become(request)
            self.children.add(pid)
            _tell(self.channel, forked=pid)
        return bool(arrived)

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self.ended, 1 << 12)
        for pid in list(self.children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.children.discard(pid)
                _tell(self.channel, ended=pid, code=os.waitstatus_to_exitcode(status))

    def _become(self, request: dict[str, Any]) -> None:
        """The child: let go of all that is the server's, be a kernel, and never return."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            self.channel.close()
            os.close(self.ended)
            os.close(self.wake)
            _die_with_parent()
            os.setsid()
            _own_streams(quiet=request["quiet"])
            os.environ.clear()
            os.environ.update({**self.by_imports, **request["env"]})
            os.environ["JPY_PARENT_PID"] = str(os.getppid())
            os.chdir(request["cwd"])
            _own_randomness()
            gc.enable()
            _run_kernel(request["argv"])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException as error:
            with suppress(BaseException):
                print(f"a forked kernel could not start: {type(error).__name__}", file=sys.stderr)
        finally:
            _leave(code)


def _die_with_parent() -> None:
    """The kernel ends when the server is killed, which could not tell it."""
    ctypes.CDLL(None).prctl(SET_PDEATHSIG, signal.SIGKILL)


def _own_streams(*, quiet: bool) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2) if quiet else (0,):
        os.dup2(null, stream)
    if null > 2:
        os.close(null)


def _own_randomness() -> None:
    """A fork copies the states of generators: two notebooks would draw the same numbers."""
    import random

    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()


def _run_kernel(argv: Sequence[str]) -> None:
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = ["ipykernel_launcher.py", *argv]
    app = IPKernelApp.instance()
    app.parent_handle = os.getppid()  # read from the environment when ipykernel was imported, in the server
    app.initialize(list(argv))  # type: ignore[no-untyped-call]
    app.start()  # type: ignore[no-untyped-call]


def _leave(code: int) -> None:
    """As Python leaves, but never back into the server's loop."""
    import atexit
    import threading

    with suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(BaseException):
            stream.flush()
    os._exit(code)
