"""One page: the template executed by papermill in a fresh kernel, and rendered. The caller writes what it gives."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costeff.errors import CosteffError
from costeff.spec import is_county

if TYPE_CHECKING:
    from costeff.report.contact import Contact

TEMPLATES = ("90_municipal_report.ipynb", "91_county_report.ipynb")
KERNEL_DIED = "its kernel died: out of memory, or killed from outside"


def file_of(code: str) -> str:
    """How the files of a place are named: `165`, or `county-05`."""
    return f"county-{code}" if is_county(code) else code


def template_of(folder: Path, code: str) -> Path:
    """The notebook that is executed for a municipality, or for a county."""
    return folder / TEMPLATES[is_county(code)]


@dataclass(frozen=True)
class Job:
    """One page: a municipality, or a county, in one language.

    Attributes
    ----------
    municipality
        Its code of three digits; two of a county.
    languages
        In which this page is made.
    template, appraisal
        Paths; or the content, where the worker does not share the disk.
    timeout
        Seconds a cell may take.
    sockets
        Folder of the sockets of kernels; empty: Jupyter's own.
    """

    municipality: str
    language: str
    languages: tuple[str, ...]
    template: Path | bytes
    appraisal: Path | bytes
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout: int = 300
    sockets: str = ""
    contact: Contact | None = None  # of whoever publishes the page

    @property
    def name(self) -> str:
        return f"page {self.short}"

    @property
    def short(self) -> str:
        """As people are told of it."""
        return f"{self.municipality} {self.language}"

    @property
    def page(self) -> str:
        """Name of the page within the run."""
        return f"{file_of(self.municipality)}.{self.language}.html"

    @property
    def notebook(self) -> str:
        """Name of the executed notebook within the run."""
        return f"notebooks/{file_of(self.municipality)}.{self.language}.ipynb"


@dataclass(frozen=True)
class Done:
    """How one page ended; `error` is empty when it is complete.

    Attributes
    ----------
    page, notebook
        The page and the executed notebook, as they are to be written.
    entry, reads
        What the page told of itself: how it is listed, and what of the catalogue it read.
    """

    job: Job
    seconds: float
    error: str = ""
    page: str = ""
    notebook: str = ""
    entry: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, str] = field(default_factory=dict)


def run_job(job: Job) -> Done:
    """Execute the template for one page and render it; whatever befalls it is told and not raised."""
    started = time.perf_counter()
    try:
        with _at_hand(job) as (template, appraisal):
            made = _execute(job, template, appraisal)
    except OSError as error:  # its own text would carry a path of this machine into the record
        made = f"a file could not be written or read ({error.strerror or type(error).__name__})"
    except Exception as error:  # whatever befell this page, the others are made
        made = f"{type(error).__name__}: {_reason(type(error).__name__, str(error))}"
    seconds = time.perf_counter() - started
    return Done(job, seconds, error=made) if isinstance(made, str) else Done(job, seconds, **made)


@contextmanager
def _at_hand(job: Job) -> Iterator[tuple[Path, Path]]:
    """Template and appraisal as files."""
    if isinstance(job.template, Path) and isinstance(job.appraisal, Path):
        yield job.template, job.appraisal
        return
    with tempfile.TemporaryDirectory(prefix="costeff-") as folder:
        paths = Path(folder) / "template.ipynb", Path(folder) / f"{job.municipality}.nc"
        for path, content in zip(paths, (job.template, job.appraisal), strict=True):
            path.write_bytes(content.read_bytes() if isinstance(content, Path) else content)
        yield paths


def _execute(job: Job, template: Path, appraisal: Path) -> dict[str, Any] | str:
    """What the notebook gave, or why it did not run to its end. A failed notebook is not kept: it holds values."""
    from costeff.imports import skip_slow_grammar

    skip_slow_grammar()
    import nbformat
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    from costeff.batch.engine import ENGINE, register_engine
    from costeff.kernels import KERNEL

    register_engine()
    given = {
        **job.parameters,
        "county" if is_county(job.municipality) else "municipality": job.municipality,
        "language": job.language,
        "appraisal": str(appraisal.resolve()),
    }
    try:
        notebook = papermill.execute_notebook(
            template,
            None,
            given,
            engine_name=ENGINE,
            kernel_name=KERNEL,
            progress_bar=False,
            log_output=False,
            execution_timeout=job.timeout,
            sockets=job.sockets,
        )
    except PapermillExecutionError as error:
        return f"cell {error.exec_count}: {error.ename}: {_reason(error.ename, str(error.evalue or ''))}"
    except CellTimeoutError:
        return f"a cell took longer than {job.timeout} s; give more with --timeout, if it was not hanging"
    except DeadKernelError:
        return KERNEL_DIED
    told = notebook.metadata.get("papermill", {})
    if told.get("exception") or not told.get("end_time"):
        return "the notebook did not run to its end"
    text = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    return {"page": _page(job, notebook), "notebook": f"{text}\n", **_told(notebook)}


def _reason(name: str, text: str) -> str:
    """The first line of an error of ours; those of others tell the value they choked on."""
    ours = {kind.__name__ for kind in CosteffError.__subclasses__()}
    return (text.splitlines() or [""])[0] if name in ours else "its text is not kept: it may hold a value"


def _page(job: Job, notebook: Any) -> str:
    from costeff.report.composed import as_page

    alternates = {language: f"{file_of(job.municipality)}.{language}.html" for language in job.languages}
    index = f"index.{job.language}.html"
    return as_page(notebook, job.language, alternates=alternates, index=index, contact=job.contact)


def _told(notebook: Any) -> dict[str, Any]:
    """What the page tells its maker beside its parts."""
    from costeff.report.markup import METADATA

    found: dict[str, Any] = {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            told = output.get("metadata", {}).get("text/html", {}).get(METADATA, {})
            found |= {name: told[name] for name in ("entry", "reads") if name in told}
    return found
