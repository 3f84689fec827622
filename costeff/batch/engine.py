"""A papermill engine whose kernels talk over local sockets.

Kernels started side by side over TCP now and then take each other's port; over ipc they cannot.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from jupyter_client.manager import AsyncKernelManager
from jupyter_core.paths import jupyter_runtime_dir
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.utils import merge_kwargs, remove_args
from traitlets.config import Config

from costeff.batch.local import PRELOADED

ENGINE = "costeff"
LONGEST_SOCKET = 95


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
            remove_args(["timeout", "startup_timeout"], **kwargs),
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            kernel_name=kernel_name,
            kernel_manager_class=AsyncKernelManager,
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
