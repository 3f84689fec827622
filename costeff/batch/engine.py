"""A papermill engine whose kernels talk over local sockets.

Kernels started side by side over TCP now and then take each other's port; over ipc they cannot.
"""

from __future__ import annotations

import asyncio
import math
import subprocess
import sys
import time
import uuid
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.utils import merge_kwargs, remove_args
from traitlets import default
from traitlets.config import Config

from costeff.report.warm import PRELOADED

ENGINE = "costeff"
LONGEST_SOCKET = 95
LOOK = 0.005  # seconds between two looks for a kernel's sockets
PATIENCE = 0.2  # seconds in which what was published arrives, if it was heard at all


class PromptClient(AsyncKernelClient):
    """A client that waits for a kernel no longer than it takes.

    jupyter_client listens on for a fifth of a second after a kernel has answered, to be sure that it has heard all
    of its greeting; here the greeting is over with the message that says so. And zmq tries only each tenth of a
    second whether a socket is there.
    """

    async def start_channels(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]
        """Connect once the kernel has its sockets, where one can see them."""
        last = Path(f"{self.ip}-{self.iopub_port}")
        while self.transport == "ipc" and not last.exists() and await self._alive():
            await asyncio.sleep(LOOK)
        super().start_channels(*args, **kwargs)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Until the kernel has answered and has said that it is idle.

        Raises
        ------
        RuntimeError
            When it died, or did not answer in time.
        """
        over = time.monotonic() + (math.inf if timeout is None else timeout)
        while not await self._greeted(self.kernel_info()):
            if not await self._alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if time.monotonic() > over:
                raise RuntimeError(f"Kernel didn't respond in {timeout:g} seconds")

    async def _greeted(self, asked: str) -> bool:
        """Whether the answer came, and after it all that was published."""
        try:
            reply = await self.get_shell_msg(timeout=1)
            while reply["parent_header"].get("msg_id") != asked:
                reply = await self.get_shell_msg(timeout=1)
            told = await self.get_iopub_msg(timeout=PATIENCE)
            while told["parent_header"].get("msg_id") != asked or told["content"].get("execution_state") != "idle":
                told = await self.get_iopub_msg(timeout=PATIENCE)
        except Empty:
            return False
        self._handle_kernel_info_reply(reply)
        return True

    async def _alive(self) -> bool:
        return self.parent is not None and bool(await self.parent.is_alive())


class Manager(AsyncKernelManager):
    """A kernel manager with such clients."""

    @default("client_factory")
    def _client_factory_default(self) -> type[PromptClient]:
        return PromptClient


class LocalEngine(NBClientEngine):  # type: ignore[misc]
    """papermill's own engine over ipc where there is such a thing."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: Any,
        kernel_name: str,
        log_output: bool = False,
        stdout_file: Any = None,
        stderr_file: Any = None,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        sockets: str = "",
        **kwargs: Any,
    ) -> Any:
        config = Config()
        config.ForkedProvisioner.preload = list(PRELOADED)
        if connection := _connection_file(Path(sockets or jupyter_runtime_dir())):
            config.KernelManager.transport = "ipc"
            config.KernelManager.connection_file = connection  # named here: its default is one name for all kernels
        given = merge_kwargs(
            remove_args(["input_path", "timeout", "startup_timeout"], **kwargs),
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            kernel_manager_class=Manager,
            shutdown_kernel="immediate",  # it has nothing to put away: its sockets and files are ours
            config=config,
            log_output=log_output,
        )
        # What a kernel itself prints is not for the terminal; errors of cells come back as messages.
        return PapermillNotebookClient(nb_man, **given).execute(stderr=subprocess.DEVNULL)


def _connection_file(folder: Path) -> str:
    """A connection file of this kernel's own, its sockets beside it; empty where ipc cannot be had.

    Windows has no ipc, and the path of a socket is at most about 100 characters long.
    """
    path = folder / f"kernel-{uuid.uuid4().hex[:12]}.json"
    if sys.platform == "win32" or len(str(path)) > LONGEST_SOCKET:
        return ""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return str(path)


def register_engine() -> None:
    """Make the engine known to papermill by its name."""
    papermill_engines.register(ENGINE, LocalEngine)
