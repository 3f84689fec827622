"""A kernel provisioner whose kernels are forked: papermill, nbclient, nbconvert and JupyterLab use it by kernel name.

Where a process cannot be forked safely, an ordinary kernel is started instead, and the log says so.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

LOG = logging.getLogger("costeff.kernels")
FORKS = sys.platform == "linux"  # with these libraries loaded a fork is unsafe on macOS, and unknown on Windows
PRELOAD = "COSTEFF_KERNEL_PRELOAD"  # what else to import, separated by spaces; `module:function` is called too
LIBRARIES = ("numpy", "pandas", "xarray", "netCDF4", "matplotlib.figure", "seaborn")
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

    Raises
    ------
    CannotForkError
        When the server does not start, or has more than one thread.
    """

    def __init__(self, python: str, preload: Sequence[str], env: Mapping[str, str]) -> None:
        self._channel, theirs = socket.socketpair()
        code = "from costeff.kernels.forkserver import main; main()"
        command = [python, "-c", code, str(theirs.fileno()), *preload]
        with theirs:
            self._process = subprocess.Popen(
                command,
                env={**_without_display(env), **{name: env.get(name, value) for name, value in OF_SERVER.items()}},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C in a terminal is for the owner
            )
        self._lines = self._channel.makefile("rb")
        told = json.loads(self._lines.readline() or b'{"refused": "it ended before it was ready"}')
        if "refused" in told:
            self.close()
            raise CannotForkError(told["refused"])
        self._lock = threading.Lock()
        self._asked: deque[tuple[threading.Event, list[Forked]]] = deque()
        self._kernels: dict[int, Forked] = {}
        threading.Thread(target=self._listen, daemon=True, name="kernels").start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, argv: Sequence[str], env: Mapping[str, str], cwd: str, *, quiet: bool) -> Forked:
        """A fresh kernel.

        Raises
        ------
        CannotForkError
            When the server has ended.
        """
        request = {"argv": list(argv), "env": dict(env), "cwd": cwd, "quiet": quiet}
        answered, answer = threading.Event(), list[Forked]()
        with self._lock:  # answers come in the order of the questions
            self._asked.append((answered, answer))
            try:
                self._channel.sendall(json.dumps(request).encode() + b"\n")
            except OSError as error:
                raise CannotForkError("the server has ended") from error
        answered.wait()
        if not answer:
            raise CannotForkError("the server has ended")
        return answer[0]

    def close(self) -> None:
        """End the server and every kernel it forked."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._channel.close()
        self._process.kill()  # its kernels go with it; Python would take its time to leave
        self._process.wait()

    def _listen(self) -> None:
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


def _without_display(env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a kernel, with the backend every kernel has: matplotlib reads it when it is imported."""
    return {"MPLBACKEND": "module://matplotlib_inline.backend_inline", **env}


# --- one server for all kernels that may share it -----------------------------------------------

_servers: dict[tuple[Any, ...], ForkServer] = {}
_starting = threading.Lock()


def server_for(python: str, preload: Sequence[str], env: Mapping[str, str]) -> ForkServer:
    """The server of this process for such kernels, started when there is none."""
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


class ForkedProvisioner(LocalProvisioner):
    """Starts a kernel by forking a process that has the imports done."""

    preload = List(Unicode(), list(LIBRARIES), help="modules imported before the fork").tag(config=True)

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel; start an ordinary one where that cannot be done."""
        try:
            forked = await asyncio.to_thread(self._fork, cmd, kwargs)
        except CannotForkError as reason:
            LOG.warning("An ordinary kernel is started, because none can be forked: %s.", reason)
            return await super().launch_kernel(cmd, **kwargs)
        self.process = forked  # type: ignore[assignment]  # all that is asked of a process it has
        self.pid = self.pgid = forked.pid  # the kernel leads a group of its own
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    def _fork(self, cmd: list[str], kwargs: Mapping[str, Any]) -> Forked:
        if not FORKS:
            raise CannotForkError("only Linux forks a process with these libraries safely")
        if "ipykernel_launcher" not in cmd:
            raise CannotForkError("the kernel is not ipykernel")
        env = dict(kwargs.get("env") or os.environ)
        preload = [*self.preload, *env.get(PRELOAD, "").split()]
        quiet = kwargs.get("stderr") == subprocess.DEVNULL
        server = server_for(cmd[0], preload, env)
        argv = cmd[cmd.index("ipykernel_launcher") + 1 :]
        return server.fork(argv, _without_display(env), str(kwargs.get("cwd") or Path.cwd()), quiet=quiet)
