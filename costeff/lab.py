"""JupyterLab opened on the suite: its kernel, settings, workspace and trust, all in the project's own folders.

Nothing here is compiled and nothing is asked of the network: settings are JupyterLab's own, given as defaults,
and whatever an analyst changes stays changed.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from costeff import kernels
from costeff.errors import Problem, SetupError, UsageError
from costeff.files import make_folder, write_text
from costeff.imports import skip_slow_grammar
from costeff.kernels import KERNEL
from costeff.kernels.server import PRELOAD

WORKSPACE = "costeff"
FIRST = "00_start_here.ipynb"
CONTENTS = "@jupyterlab/toc:plugin"  # the table of contents, as a workspace names it
PORT = 8888
LOCALES = {"en": "default", "fi": "fi_FI"}  # JupyterLab has no Swedish words
PYTHON = {"display_name": "Python 3", "language": "python", "name": "python3"}  # as the notebooks are stored
# What a kernel has imported before it is forked: a notebook starts at once, also after a restart.
LIBRARIES = "pymc arviz nutpie statsmodels.api ibis duckdb"


@dataclass(frozen=True)
class Folders:
    """Where JupyterLab keeps things; `of_jupyter` follows the JUPYTER_ variables, which point into the project."""

    notebooks: Path
    data: Path
    config: Path
    runtime: Path

    @classmethod
    def of_jupyter(cls, root: Path) -> Folders:
        from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

        found = (jupyter_data_dir(), jupyter_config_dir(), jupyter_runtime_dir())
        return cls(root / "notebooks", *map(Path, found))

    @property
    def settings(self) -> Path:
        return self.config / "lab" / "defaults"

    @property
    def workspaces(self) -> Path:
        return self.config / "lab" / "workspaces"


def open_lab(root: Path, port: int = PORT, language: str = "en", *, browser: bool = True) -> None:
    """Start JupyterLab in the place of this process, on the suite in reading order.

    Raises
    ------
    UsageError
        For a language that JupyterLab has no words for.
    SetupError
        When the notebooks are missing, or the port is taken.
    """
    folders = Folders.of_jupyter(root)
    prepare(folders, language)
    check_port(folders, port)
    os.environ.setdefault(PRELOAD, LIBRARIES)
    os.environ["COSTEFF_HOME"] = str(root)
    os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", *options(folders, port, browser=browser)])


def prepare(folders: Folders, language: str = "en") -> None:
    """Write what JupyterLab reads: the kernel, default settings, the workspace; and trust the suite as it is stored.

    The workspace is written once: how the analyst arranges it later is kept.
    """
    if language not in LOCALES:
        words = f"JupyterLab has words in {' and '.join(sorted(LOCALES))}"
        raise UsageError("JupyterLab was not opened", [Problem(f"language {language}", "is not to be had", words)])
    if not (folders.notebooks / FIRST).is_file():
        cure = "run inside the project, or set COSTEFF_HOME to its folder"
        raise SetupError("JupyterLab was not opened", [Problem(f"notebooks/{FIRST}", "does not exist", cure)])
    specification = Path(kernels.__file__).parent / "spec" / "kernel.json"
    _write(folders.data / "kernels" / KERNEL / "kernel.json", json.loads(specification.read_text(encoding="utf-8")))
    _write(folders.settings / "overrides.json", _settings(language))
    workspace = folders.workspaces / f"{_slug(WORKSPACE)}.jupyterlab-workspace"
    if not workspace.exists():
        _write(workspace, _workspace())
    _trust(folders)


def check_port(folders: Folders, port: int) -> None:
    """Whether JupyterLab can listen there; a server that goes to another port by itself is not found again.

    Raises
    ------
    SetupError
        When the port is taken: by this project's JupyterLab, whose address is told, or by another program.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError as error:
            raise SetupError("JupyterLab was not opened", [_taken(folders, port)]) from error


def options(folders: Folders, port: int, *, browser: bool) -> list[str]:
    """What JupyterLab is told when it starts."""
    told: dict[str, object] = {
        "ServerApp.root_dir": folders.notebooks,
        "ServerApp.port": port,
        "ServerApp.port_retries": 0,
        "ServerApp.open_browser": browser,
        "ServerApp.allow_root": True,  # as in a container; it listens to this machine alone, and asks for a token
        "FileContentsManager.pre_save_hook": f"{as_stored.__module__}.{as_stored.__name__}",
        "LabApp.default_url": f"/lab/workspaces/{WORKSPACE}",
        "LabApp.app_settings_dir": folders.settings,
        "LabApp.workspaces_dir": folders.workspaces,
        "LabApp.news_url": None,
        "LabApp.check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        "LabApp.extension_manager": "readonly",
        "KernelSpecManager.ensure_native_kernel": False,
        "KernelSpecManager.allowed_kernelspecs": KERNEL,  # one Python kernel: notebooks choose it by themselves
        "MappingKernelManager.default_kernel_name": KERNEL,
    }
    return [f"--{name}={value}" for name, value in told.items()]


def as_stored(model: dict[str, Any], **_: object) -> None:
    """Let a notebook that is saved name no kernel but Python's own, as the suite is stored; outputs are kept.

    `costeff` is the kernel of this JupyterLab, and any other opens the file too.
    """
    metadata = model["content"]["metadata"] if model.get("type") == "notebook" else {}
    if metadata.get("kernelspec", {}).get("name") == KERNEL:
        metadata.update(kernelspec=dict(PYTHON), language_info={"name": "python"})


def _settings(language: str) -> dict[str, Any]:
    """Defaults that an analyst can change: the language, contents at the right, and nothing from the network."""
    return {
        "@jupyterlab/translation-extension:plugin": {"locale": LOCALES[language]},
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/filebrowser-extension:browser": {"showLastModifiedColumn": False},  # names are long
        "@jupyterlab/application-extension:shell": {
            "layout": {"single": {}, "multiple": {"Table of Contents": {"area": "right"}}}
        },
    }


def _workspace() -> dict[str, Any]:
    """The first notebook open, the suite by number at its left, its contents at its right."""
    first = f"notebook:{FIRST}"
    area = {"type": "tab-area", "currentIndex": 0, "widgets": [first]}
    return {
        "data": {
            "layout-restorer:data": {
                "main": {"dock": area, "current": first},
                "left": _panel("filebrowser"),
                "right": _panel(CONTENTS),
                "relativeSizes": [0.18, 0.62, 0.2],
            },
            first: {"data": {"path": FIRST, "factory": "Notebook"}},
            "file-browser-filebrowser:cwd": {"path": ""},
        },
        "metadata": {"id": WORKSPACE},
    }


def _panel(name: str) -> dict[str, Any]:
    return {"collapsed": False, "visible": True, "current": name, "widgets": [name]}


def _slug(name: str) -> str:
    from jupyterlab_server.workspaces_handler import slugify

    return str(slugify(name))


def _trust(folders: Folders) -> None:
    """Sign the notebooks that hold no outputs, so that nothing of somebody else's comes to be trusted."""
    skip_slow_grammar()
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()  # type: ignore[no-untyped-call]
    for path in sorted(folders.notebooks.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
        if not any(cell.get("outputs") for cell in notebook.cells):
            notary.sign(notebook)  # type: ignore[no-untyped-call]


def _taken(folders: Folders, port: int) -> Problem:
    other = f"choose another: costeff lab --port {port + 1}, or make lab ARGS='--port {port + 1}'"
    for server in _servers(folders.runtime):
        if server.get("port") == port and Path(server.get("root_dir", "")) == folders.notebooks:
            address = f"{server['url']}lab/workspaces/{WORKSPACE}?token={server.get('token', '')}"
            return Problem(
                f"port {port}", "is taken by the JupyterLab of this project, which is open", f"use {address}"
            )
    return Problem(f"port {port}", "is taken by another program", f"close that, or {other}")


def _servers(runtime: Path) -> list[Mapping[str, Any]]:
    from jupyter_server.serverapp import list_running_servers

    return list(list_running_servers(str(runtime)))


def _write(path: Path, document: Mapping[str, Any]) -> None:
    make_folder(path.parent)
    write_text(path, json.dumps(document, indent=1) + "\n")
