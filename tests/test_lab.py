"""JupyterLab opened on the suite: what is written for it, and what is said when it cannot open."""

import json
import os
import socket
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from costeff.errors import SetupError, UsageError
from costeff.lab import FIRST, Folders, check_port, options, prepare

ROOT = Path(__file__).parents[1]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folders:
    """JupyterLab's folders in an empty place, with the suite's own notebooks."""
    for name in ("DATA", "CONFIG", "RUNTIME"):
        monkeypatch.setenv(f"JUPYTER_{name}_DIR", str(tmp_path / name.lower()))
    return Folders.of_jupyter(ROOT)


def found(folder: Path) -> dict[str, object]:
    return {str(path.relative_to(folder)): json.loads(path.read_text()) for path in folder.rglob("*.json")}


def test_the_kernel_is_found_by_jupyter_and_is_that_of_the_package(folders: Folders) -> None:
    from jupyter_client.kernelspec import KernelSpecManager

    prepare(folders)
    manager = KernelSpecManager(allowed_kernelspecs={"costeff"}, ensure_native_kernel=False)
    assert set(manager.find_kernel_specs()) == {"costeff"}
    kernel = manager.get_kernel_spec("costeff")
    assert kernel.metadata["kernel_provisioner"]["provisioner_name"] == "costeff-forked"
    assert kernel.language == "python", "notebooks of any Python kernel choose it by themselves"


def test_settings_are_those_jupyterlab_knows(folders: Folders) -> None:
    import jupyterlab

    prepare(folders, "fi")
    schemas = Path(jupyterlab.__file__).parent / "schemas"
    overrides = json.loads((folders.settings / "overrides.json").read_text())
    for plugin, values in overrides.items():
        package, _, name = plugin.partition(":")
        schema = json.loads((schemas / package / f"{name}.json").read_text())
        assert set(values) <= set(schema["properties"]), plugin
    assert overrides["@jupyterlab/translation-extension:plugin"] == {"locale": "fi_FI"}
    assert overrides["@jupyterlab/apputils-extension:notification"]["fetchNews"] == "false"


def test_the_words_of_every_language_offered_are_installed() -> None:
    from jupyterlab_server.translation_utils import get_installed_packages_locale, get_language_packs

    packs, problem = get_language_packs()
    assert not problem
    assert "fi_FI" in packs
    assert get_installed_packages_locale("fi_FI") is not None


def test_the_workspace_opens_the_first_notebook_and_is_kept_as_the_analyst_leaves_it(folders: Folders) -> None:
    from jupyterlab_server.workspaces_handler import WorkspacesManager

    prepare(folders)
    manager = WorkspacesManager(str(folders.workspaces))
    kept = manager.load("costeff")
    assert kept["data"][f"notebook:{FIRST}"]["data"]["path"] == FIRST
    assert kept["data"]["layout-restorer:data"]["right"]["current"] == "@jupyterlab/toc:plugin"
    manager.save("costeff", json.dumps({"data": {"moved": True}, "metadata": {"id": "costeff"}}))
    prepare(folders)
    assert manager.load("costeff")["data"] == {"moved": True}


def test_only_notebooks_without_outputs_are_trusted(folders: Folders, tmp_path: Path) -> None:
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    plain = (ROOT / "notebooks" / FIRST).read_text()
    (notebooks / FIRST).write_text(plain)
    theirs = nbformat.reads(plain, as_version=4)
    code = next(cell for cell in theirs.cells if cell.cell_type == "code")
    script = {"text/html": "<script>document.title = 'taken'</script>"}
    code.outputs = [nbformat.v4.new_output("display_data", data=script)]
    nbformat.write(theirs, notebooks / "13_theirs.ipynb")
    prepare(Folders(notebooks, folders.data, folders.config, folders.runtime))
    notary = NotebookNotary()
    assert notary.check_signature(nbformat.reads(plain, as_version=4))
    assert not notary.check_signature(nbformat.read(notebooks / "13_theirs.ipynb", as_version=4))


def test_nothing_is_written_outside_the_folders_of_jupyter(folders: Folders, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (ROOT / "notebooks").iterdir()}
    prepare(folders)
    assert {path: path.stat().st_mtime_ns for path in (ROOT / "notebooks").iterdir()} == before
    assert set(found(tmp_path)) == {"data/kernels/costeff/kernel.json", "config/lab/defaults/overrides.json"}


def test_a_language_without_words_and_a_folder_without_notebooks_are_told(folders: Folders, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="JupyterLab has words in en and fi"):
        prepare(folders, "sv")
    empty = Folders(tmp_path / "nowhere", folders.data, folders.config, folders.runtime)
    with pytest.raises(SetupError, match=r"00_start_here\.ipynb: does not exist"):
        prepare(empty)
    assert not (tmp_path / "data").exists()


def test_a_taken_port_is_told_with_what_to_do(folders: Folders) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(SetupError) as caught:
            check_port(folders, port)
        assert f"port {port}: is taken by another program" in str(caught.value)
        assert f"costeff lab --port {port + 1}" in str(caught.value)
        folders.runtime.mkdir()
        server = {
            "pid": os.getpid(),
            "port": port,
            "root_dir": str(folders.notebooks),
            "url": f"http://localhost:{port}/",
            "token": "abc",
        }
        (folders.runtime / "jpserver-1.json").write_text(json.dumps(server))
        with pytest.raises(SetupError, match=f"use http://localhost:{port}/lab/workspaces/costeff.token=abc"):
            check_port(folders, port)
    check_port(folders, port)


def test_jupyterlab_knows_every_option_it_is_told(folders: Folders) -> None:
    from jupyter_client.kernelspec import KernelSpecManager
    from jupyter_server.serverapp import MappingKernelManager, ServerApp
    from jupyter_server.services.contents.filemanager import FileContentsManager
    from jupyterlab.labapp import LabApp

    classes = {
        kind.__name__: kind
        for kind in (KernelSpecManager, MappingKernelManager, FileContentsManager, ServerApp, LabApp)
    }
    for option in options(folders, 8888, browser=False):
        name = option.removeprefix("--").partition("=")[0]
        kind, _, trait = name.partition(".")
        assert classes[kind].class_traits(config=True).get(trait) is not None, name


def test_a_notebook_saved_there_is_stored_with_the_kernel_of_the_suite_and_its_outputs(
    folders: Folders, tmp_path: Path
) -> None:
    from jupyter_server.services.contents.filemanager import FileContentsManager

    (hook,) = (told for told in options(folders, 8888, browser=False) if "pre_save_hook" in told)
    manager = FileContentsManager(root_dir=str(tmp_path), pre_save_hook=hook.partition("=")[2])
    stored = (ROOT / "notebooks" / FIRST).read_text(encoding="utf-8")
    (tmp_path / FIRST).write_text(stored, encoding="utf-8")
    opened = manager.get(FIRST)
    opened["content"]["metadata"].update(
        kernelspec={"name": "costeff", "display_name": "costeff", "language": "python"},
        language_info={"name": "python", "version": "3.13.5"},
    )
    code = next(cell for cell in opened["content"]["cells"] if cell["cell_type"] == "code")
    code["outputs"] = [nbformat.v4.new_output("stream", text="what it said")]
    manager.save(opened, FIRST)
    saved = nbformat.read(tmp_path / FIRST, as_version=4)
    assert saved.metadata == nbformat.reads(stored, as_version=4).metadata
    assert [cell.outputs[0].text for cell in saved.cells if cell.get("outputs")] == ["what it said"]
    manager.save({"type": "file", "format": "text", "content": "a text"}, "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "a text"
