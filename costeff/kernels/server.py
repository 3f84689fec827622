"""The owner's side of the process that kernels are forked from.

It needs nothing but the standard library, so that the process can load its libraries while its owner loads its own.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

FORKS = sys.platform == "linux"  # with these libraries loaded a fork is unsafe on macOS, and unknown on Windows
PRELOAD = "COSTEFF_KERNEL_PRELOAD"  # what else to import, separated by spaces; `module:function` is called too
# Read when a library is imported, which is before the fork: kernels that differ in these need another server.
EARLY = ("PYTHON", "MPL", "OMP_", "OPENBLAS_", "MKL_", "NUMBA_", "PYTENSOR_", "LD_", "PATH", "VIRTUAL_ENV", PRELOAD)
# More threads than one make a fork unsafe; and the debugger's advice is not for whoever runs a batch.
OF_SERVER = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}


class CannotForkError(Exception):
    """Why kernels have to be started the ordinary way."""


class ClosedError(Exception):
    """The server was closed by its owner, who wants no kernel any more."""


class Forked:
    """A forked kernel, as much of `subprocess.Popen` as a provisioner needs."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._over = threading.Event()

    def end(self, code: int) -> None:
        self.returncode = code
        self._over.set()

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int | None:
        if not self._over.wait(timeout):
            raise subprocess.TimeoutExpired("kernel", timeout or 0)
        return self.returncode

    def send_signal(self, signum: int) -> None:
        if self.returncode is None:
            os.kill(self.pid, signum)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class ForkServer:
    """The owner's side of a fork server; it ends with this process, and the kernels with it.

    It loads its libraries while its owner goes on; who wants a kernel of it waits until it is ready.
    """

    def __init__(self, python: str, preload: Sequence[str], env: Mapping[str, str]) -> None:
        self._channel, theirs = socket.socketpair()
        code = "from costeff.kernels.forkserver import main; main()"
        command = [python, "-c", code, str(theirs.fileno()), str(os.getpid()), *preload]
        with theirs:
            self._process = subprocess.Popen(
                command,
                env={**without_display(env), **{name: env.get(name, value) for name, value in OF_SERVER.items()}},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the owner
            )
        self._lines = self._channel.makefile("rb")
        self._ready, self._refused, self._closed = threading.Event(), "", False
        self._lock = threading.Lock()
        self._asked: deque[tuple[threading.Event, list[Forked]]] = deque()
        self._kernels: dict[int, Forked] = {}
        threading.Thread(target=self._listen, daemon=True, name="kernels").start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def wait(self) -> None:
        """Until it is ready.

        Raises
        ------
        CannotForkError
            When it does not start, or has more than one thread.
        ClosedError
            When it was closed meanwhile.
        """
        self._ready.wait()
        if self._refused:
            raise self._unable(self._refused)

    def _unable(self, why: str) -> CannotForkError | ClosedError:
        if self._closed:
            return ClosedError()
        self._end()
        return CannotForkError(why)

    def fork(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *, quiet: bool) -> Forked:
        """A fresh kernel.

        Raises
        ------
        CannotForkError
            When the server has ended, or cannot fork.
        ClosedError
            When it was closed meanwhile.
        """
        self.wait()
        request = {"argv": list(argv), "env": dict(env), "cwd": cwd, "quiet": quiet}
        answered, answer = threading.Event(), list[Forked]()
        with self._lock:  # answers come in the order of the questions
            self._asked.append((answered, answer))
            try:
                self._channel.sendall(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise self._unable("the server has ended") from error
        answered.wait()
        if not answer:
            raise self._unable("the server has ended")
        return answer[0]

    def close(self) -> None:
        """End the server and every kernel it forked; who waits for one gets none."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()
        self._process.kill()  # its kernels go with it; Python would take its time to leave
        self._process.wait()

    def _listen(self) -> None:
        told = json.loads(self._next() or b'{"refused": "it ended before it was ready"}')
        self._refused = told.get("refused", "")
        self._ready.set()
        while line := self._next():
            told = json.loads(line)
            if "forked" in told:
                kernel = self._kernels[told["forked"]] = Forked(told["forked"])
                answered, answer = self._asked.popleft()
                answer.append(kernel)
                answered.set()
            else:
                self._kernels.pop(told["ended"]).end(told["code"])
        for kernel in self._kernels.values():
            kernel.end(-signal.SIGKILL)
        while self._asked:
            self._asked.popleft()[0].set()

    def _next(self) -> bytes:
        try:
            return self._lines.readline()
        except (OSError, ValueError):  # closed by us
            return b""


def without_display(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel, with the backend every kernel has: matplotlib reads it when it is imported."""
    return {"MPLBACKEND": "module://matplotlib_inline.backend_inline", **env}


# --- one server for all kernels that may share it -----------------------------------------------

_servers: dict[tuple[Any, ...], ForkServer] = {}
_starting = threading.Lock()


def server_for(python: str, preload: Sequence[str], env: Mapping[str, str]) -> ForkServer:
    """The server of this process for such kernels, started when there is none; it may not be ready yet."""
    early = tuple(sorted((name, value) for name, value in env.items() if name.startswith(EARLY)))
    key = (os.getpid(), python, tuple(preload), early)
    with _starting:
        server = _servers.get(key)
        if server is None or not server.alive:
            server = _servers[key] = ForkServer(python, preload, env)
        return server


def close_servers() -> None:
    """End the fork servers of this process, and their kernels."""
    with _starting:
        for key in [key for key in _servers if key[0] == os.getpid()]:
            _servers.pop(key).close()


atexit.register(close_servers)
