"""PDFs of the pages of a run that passed release: what is due is made, released as the pages were, and noted."""

from __future__ import annotations

import re
import shutil
import time
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from costeff import __version__
from costeff.batch.folders import ASIDE
from costeff.batch.log import Step, Told, silent
from costeff.batch.manifest import Made, Manifest
from costeff.batch.plan import HASH, PACKAGE, hash_of
from costeff.disclosure.outputs import BrokenRecordError, Record, read_record
from costeff.disclosure.publication import Publication
from costeff.disclosure.record import Release
from costeff.errors import CosteffError, DataError, Problem, Problems, SetupError, UsageError
from costeff.files import SHOWN, alone_in, make_folder, write_bytes

CODE = ("looks.py", "printed.py", "pdf.py", "template/page.typ")  # of the room `report`: what lays a page out
LIBRARIES = ("typst", "pikepdf", "matplotlib")  # the last for its letters
AGAIN = "run costeff run again, then this"
_PAGE = re.compile(r"(?P<code>[^./]+)\.(?P<language>[a-z]{2})\.html")


@dataclass(frozen=True)
class Pdf:
    """The PDF of one page, or why there is none."""

    page: str
    content: bytes = b""
    error: str = ""
    seconds: float = 0.0

    @property
    def name(self) -> str:
        return pdf_of(self.page)


@dataclass
class PdfOutcome:
    """What was made, what stood already, and what failed; `size` is in bytes."""

    made: int = 0
    standing: int = 0
    size: int = 0
    seconds: float = 0.0
    failed: list[Problem] = field(default_factory=list)


def pdf_of(page: str) -> str:
    """The name of a page's PDF, beside it."""
    return page.removesuffix(".html") + ".pdf"


def make_pdfs(
    folder: Path,
    municipalities: Sequence[str] = (),
    languages: Sequence[str] = (),
    workers: int = 2,
    tell: Told = silent,
) -> PdfOutcome:
    """Make the PDFs of released pages that are missing, or older than their page.

    A PDF stands when its page, the code and the libraries are as they were, and its file is as it was released.

    Parameters
    ----------
    folder
        Of a run.
    municipalities, languages
        Only these; all of the run when empty.
    workers
        How many pages are laid out side by side.

    Raises
    ------
    UsageError
        When the folder holds no released page, or lacks one that was asked for.
    DataError
        When the record of the release cannot be read.
    SetupError
        When a library is missing, or the folder cannot be written or is in use.
    """
    from costeff.report.pdf import check_libraries

    if workers < 1:
        raise UsageError("No PDF can be made so", [Problem("workers", "must be 1 or more", "leave --workers out")])
    record = _record(folder)
    pages = _asked(record, municipalities, languages)
    check_libraries()
    with alone_in(folder):
        return _Pdfs(folder).make(pages, workers, tell)


def _record(folder: Path) -> Record:
    try:
        record = read_record(folder) if folder.is_dir() else None
    except BrokenRecordError as error:
        raise DataError("What was released is not known", [error.problem]) from error
    if record is None:
        rule = "holds no released pages" if folder.is_dir() else "is not a folder"
        problem = Problem(str(folder), rule, "give the folder of a run, as --output had it")
        raise UsageError("There is nothing to make PDFs of", [problem])
    return record


def _asked(record: Record, municipalities: Sequence[str], languages: Sequence[str]) -> list[str]:
    """The released pages that are asked for; the lists of pages are for screens."""
    matches = [_PAGE.fullmatch(name) for name, one in record.outputs.items() if one.passed and one.label == "public"]
    found = [match for match in matches if match and match["code"] != "index"]
    problems = Problems()
    for what, key, asked in (("municipality", "code", municipalities), ("language", "language", languages)):
        there = {match[key] for match in found}
        for one in dict.fromkeys(asked):
            if one not in there:
                shown = one if one.isascii() and one.isalnum() and len(one) <= 10 else "given"
                problems.add(f"{what} {shown}", "has no released page in this run", "make it with costeff run")
    if not found:
        problems.add("the run", "has no released page", "make some with costeff run")
    problems.raise_if_any(UsageError, "There is nothing to make PDFs of")
    chosen = [one for one in found if not municipalities or one["code"] in municipalities]
    return sorted(one[0] for one in chosen if not languages or one["language"] in languages)


class _Pdfs:
    """The PDFs of a run; nobody else writes in its folder."""

    def __init__(self, folder: Path) -> None:
        record = _record(folder)
        self.folder, self.aside, self.manifest = folder, folder / ASIDE, Manifest(folder)
        self.release = Release(folder, Publication(record.rule, earlier=record.counts), outputs=dict(record.outputs))
        self.outcome, self.made_by = PdfOutcome(), made_by()

    def make(self, pages: Sequence[str], workers: int, tell: Told) -> PdfOutcome:
        started = time.perf_counter()
        shutil.rmtree(self.aside, ignore_errors=True)  # of a run that was killed
        due = [page for page in pages if not self._stands(page)]
        self.outcome.standing = len(pages) - len(due)
        if due:
            make_folder(self.aside)
            try:
                with closing(self._laid_out(due, workers)) as made:
                    for number, pdf in enumerate(made, start=1):
                        self._keep(pdf)
                        tell(Step("PDFs", number, len(due), now=(pdf.page,)))
                self.release.close()
            finally:
                shutil.rmtree(self.aside, ignore_errors=True)
        self.outcome.seconds = time.perf_counter() - started
        return self.outcome

    def _parts(self, page: str) -> dict[str, str]:
        output = self.release.outputs.get(page)
        return {"page": output.sha256[:HASH] if output else "", **self.made_by}

    def _stands(self, page: str) -> bool:
        made, output = self.manifest.made.get(f"pdf {page}"), self.release.outputs.get(pdf_of(page))
        if not made or made.error or made.parts != self._parts(page) or not output or not output.passed:
            return False
        files = {self.folder / page: self._parts(page)["page"], self.folder / output.file: output.sha256[:HASH]}
        if made.files.get(output.file) != output.sha256[:HASH]:
            return False
        return all(path.is_file() and hash_of(path.read_bytes()) == told for path, told in files.items())

    def _laid_out(self, due: Sequence[str], workers: int) -> Generator[Pdf]:
        """Threads are enough: Typst, which does most of the work, lets the others run meanwhile."""
        with ThreadPoolExecutor(workers, thread_name_prefix="pdf") as pool:
            waiting = deque(pool.submit(self._one, page) for page in due)
            try:
                while waiting:
                    yield waiting.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _one(self, page: str) -> Pdf:
        from costeff.report.pdf import as_pdf

        started = time.perf_counter()
        try:
            html = (self.folder / page).read_bytes()
            if sha256(html).hexdigest() != self.release.outputs[page].sha256:
                return Pdf(page, error="its page was changed after its release")
            content = as_pdf(html.decode())
        except CosteffError as error:
            return Pdf(page, error="; ".join(f"{one.place} {one.rule}" for one in error.problems))
        except (OSError, UnicodeDecodeError) as error:
            return Pdf(page, error=f"its page cannot be read ({type(error).__name__})")
        return Pdf(page, content, seconds=time.perf_counter() - started)

    def _keep(self, pdf: Pdf) -> None:
        """Scan, record, place and note a PDF, or tell why there is none."""
        error = pdf.error or self._released(pdf)
        files = {pdf.name: hash_of(pdf.content)}
        if error:
            (self.folder / pdf.name).unlink(missing_ok=True)  # an older one would pass for the PDF of this page
            self.outcome.failed.append(Problem(pdf.page, error, AGAIN))
            files = {}
        else:
            self.outcome.made, self.outcome.size = self.outcome.made + 1, self.outcome.size + len(pdf.content)
        made = Made(f"pdf {pdf.page}", self._parts(pdf.page), {}, files, error, pdf.seconds, version=__version__)
        try:
            self.manifest.add(made)
        except OSError as problem:
            raise _no_more(self.folder, problem) from problem

    def _released(self, pdf: Pdf) -> str:
        made = self.aside / pdf.name
        try:
            write_bytes(made, pdf.content, SHOWN)
            output = self.release.offer(made, pdf.name, "public")
        except OSError as problem:
            raise _no_more(self.folder, problem) from problem
        kinds = ", ".join(output.found)
        if output.status == "review":
            return f"held for review, because it holds an artificial identity code ({kinds}): see costeff release"
        return "" if output.passed else f"held back: it holds an identity code ({kinds})"


def made_by() -> dict[str, str]:
    """Hashes of the code and the libraries that lay a page out."""
    code = b"\n".join((PACKAGE / "report" / name).read_bytes() for name in CODE)
    libraries = " ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return {"code": hash_of(code), "packages": hash_of(libraries.encode())}


def _no_more(folder: Path, error: OSError) -> SetupError:
    cure = "free space or make the folder writable; then run the same command again, and what is whole stays"
    rule = error.strerror or "cannot be written"
    return SetupError("No more PDFs could be written", [Problem(str(folder), rule, cure)])
