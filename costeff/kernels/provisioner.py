"""A kernel provisioner whose kernels are forked: papermill, nbclient, nbconvert and JupyterLab use it by kernel name.

Where a process cannot be forked safely, an ordinary kernel is started instead, and the log says so.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from costeff.kernels.server import FORKS, PRELOAD, CannotForkError, Forked, server_for, without_display

LOG = logging.getLogger("costeff.kernels")
LIBRARIES = ("numpy", "pandas", "xarray", "netCDF4", "matplotlib.figure", "seaborn")


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

    async def kill(self, restart: bool = False) -> None:
        """Kill the kernel, and see it end: who asks whether it lives would ask again after a tenth of a second."""
        await super().kill(restart)
        if isinstance(self.process, Forked):
            with suppress(subprocess.TimeoutExpired):
                await asyncio.to_thread(self.process.wait, 1.0)

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
        return server.fork(argv, without_display(env), str(kwargs.get("cwd") or Path.cwd()), quiet=quiet)
