"""The notebooks as pages: prose, code and, where they were run, what they say."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from told import raw

from costeff.files import write_text
from costeff.imports import skip_slow_grammar
from costeff.kernels import KERNEL

skip_slow_grammar()
import nbformat  # noqa: E402

OF_THE_BATCH = "9"  # such a notebook reads the appraisal of a run: the batch runs it
IMAGES = ("image/svg+xml", "image/png")


def pages(root: Path, *, run: bool) -> dict[str, str]:
    """Each notebook as Markdown.

    Parameters
    ----------
    run
        Execute those that need no run of the batch; what they said is kept by the content of all they depend on.
    """
    made = {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        executed = run and not path.name.startswith(OF_THE_BATCH)
        notebook = _executed(root, path) if executed else nbformat.read(path, as_version=4)
        made[f"notebooks/{path.stem}.md"] = "\n\n".join(_cells(notebook, path.name, executed=executed))
    return made


def _cells(notebook: Any, name: str, *, executed: bool) -> Iterator[str]:
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield _prose(cell.source)
        elif cell.source.strip():
            yield f"```python\n{cell.source}\n```"
            yield from filter(None, map(_output, cell.get("outputs", [])))
        if number == 0:
            how = "shown with what it said when this site was built" if executed else "shown as it is stored, not run"
            yield f"*`notebooks/{name}`, {how}. Open it with `make lab`.*"


def _prose(text: str) -> str:
    """Markdown as Jupyter reads it, for MyST: a formula in a line of its own stands between blank lines."""
    return re.sub(r"[ \n]*\$\$(.+?)\$\$([.,:;]?)[ \n]*", r"\n\n$$\n\1\2\n$$\n\n", text, flags=re.DOTALL)


def _output(output: Any) -> str:
    if output.output_type == "stream":
        return f"```text\n{output.text.rstrip()}\n```"
    data = output.get("data", {})
    if "text/html" in data:
        return raw(data["text/html"])
    if "image/png" in data:
        address = f"data:image/png;base64,{data['image/png'].strip()}"
        return raw(f'<img src="{address}" alt="{_alt(data)}">')
    if "image/svg+xml" in data:
        address = base64.b64encode(data["image/svg+xml"].encode()).decode()
        return raw(f'<img src="data:image/svg+xml;base64,{address}" alt="{_alt(data)}">')
    return f"```text\n{data['text/plain'].rstrip()}\n```" if "text/plain" in data else ""


def _alt(data: Any) -> str:
    return re.sub(r"[<>&\"]", "", data.get("text/plain", ""))


# --- running ----------------------------------------------------------------------------------------


def _executed(root: Path, path: Path) -> Any:
    """The notebook as it was run on this code, these parameters and this text; run now when it was not."""
    kept = root / ".cache" / "costeff" / "docs" / f"{path.stem}-{_content(root, path)}.ipynb"
    if not kept.exists():
        import papermill

        print(f"running {path.name}", file=sys.stderr)
        os.environ["COSTEFF_HOME"] = str(root)
        done = papermill.execute_notebook(path, None, kernel_name=KERNEL, cwd=path.parent, progress_bar=False)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_text(kept, nbformat.writes(done))
    return nbformat.read(kept, as_version=4)


def _content(root: Path, path: Path) -> str:
    depends = [path, root / "requirements.lock", *sorted((root / "costeff").rglob("*.py"))]
    depends += sorted(found for found in (root / "params").rglob("*") if found.is_file())
    digest = hashlib.sha256()
    for found in depends:
        digest.update(hashlib.sha256(found.read_bytes()).digest())
    return digest.hexdigest()[:16]
