"""A site from a finished run: what its release record lets out, and pages over all of it; replaced as a whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from costeff import __version__
from costeff.batch.folders import RECORD
from costeff.batch.manifest import Manifest
from costeff.batch.notebooks import file_of
from costeff.batch.plan import hash_of
from costeff.disclosure.outputs import BrokenRecordError, Output, Record, read_record
from costeff.disclosure.scan import scan_file
from costeff.errors import CosteffError, DataError, Problem, Problems, SetupError, UsageError
from costeff.files import SHOWN, alone_in, make_folder, within, write_text
from costeff.params import Catalogue
from costeff.report.listing import Entry
from costeff.spec import LANGUAGES, Label

if TYPE_CHECKING:
    from costeff.report.contact import Contact
    from costeff.report.site import Site
    from costeff.report.site.model import Answer, Place, Service

MARK = "costeff-site.json"  # what is replaced has this file, and no file that it does not name
ASIDE = re.compile(r"[0-9a-f]{8}")
AGAIN = "run the reports again"
ASKED = ("municipalities", "county_reports", "languages", "chains")  # of a run


@dataclass(frozen=True)
class Published:
    """What was published, and what was not: `165 sv` for a page that was not released."""

    folder: Path
    municipalities: int
    pages: int
    pdfs: int
    missing: tuple[str, ...]


@dataclass(frozen=True)
class _Page:
    """A page that may go out: its content as it was recorded, and what it tells of itself."""

    file: str
    content: bytes
    entry: Entry


def publish(run: Path, folder: Path, catalogue: Catalogue, contact: Contact | None = None) -> Published:
    """Make the site of a run, in the place of an earlier one.

    Parameters
    ----------
    run
        Folder of a finished run.
    folder
        Where the site goes: new, empty, or a site that this function made.
    contact
        Who publishes it; None leaves on the pages what the publisher must add.

    Raises
    ------
    UsageError
        When there is no finished run, or the folder holds anything else than a site.
    DataError
        When the run does not agree with its record, or nothing of it was released.
    SetupError
        When a run writes in its folder now, or the site cannot be written.
    """
    asked, record = _finished(run)
    _fit(run, folder)
    with alone_in(run):
        pages = _released(run, record, asked)
        pdfs = _pdfs(run, record, pages)
        site = _site(asked, pages, pdfs, catalogue, contact)
        _made_aside(folder, site, [*pages.values()], pdfs)
    missing = tuple(
        f"{file_of(place.code)} {language}" for place in (*site.places, *site.counties) for language in place.missing
    )
    return Published(folder, len(site.places), len(pages), len(pdfs), missing)


# --- what the run lets out --------------------------------------------------------------------------


def _finished(run: Path) -> tuple[dict[str, list[str]], Record]:
    """What a finished run was asked for, and its record."""
    problems, asked, record = Problems(), {}, None
    kind: type[CosteffError] = UsageError
    if not run.is_dir():
        problems.add(str(run), "is not a folder", "give the folder of a run, as --output had it")
        problems.raise_if_any(UsageError, "There is no run to publish")
    try:
        request = json.loads((run / RECORD).read_text(encoding="utf-8"))["request"]
        asked = {name: [str(one) for one in request.get(name, ())] for name in ASKED}
        if not set(asked["languages"]) <= set(LANGUAGES) or not (asked["languages"] and asked["chains"]):
            raise ValueError
        if not asked["municipalities"]:
            cure = "run with municipalities too, such as --county 07 --county-report 07"
            problems.add(RECORD, "has no municipality, and a site is made of them", cure)
    except (OSError, ValueError, KeyError, TypeError):
        problems.add(RECORD, "is not there or cannot be read: the run has not come to its end", AGAIN)
    try:
        record = read_record(run)
    except BrokenRecordError as error:
        problems.found.append(error.problem)
        kind = DataError
    if record is None and not problems:
        problems.add("release.json", "is not there, so nothing may go out", AGAIN)
    problems.raise_if_any(kind, "There is no finished run to publish")
    assert record is not None
    return asked, record


def _released(run: Path, record: Record, asked: Mapping[str, list[str]]) -> dict[tuple[str, str], _Page]:
    """The pages that passed, by code and language; each is the very one that was recorded."""
    problems, found, manifest = Problems(), {}, Manifest(run)
    for code in (*asked["municipalities"], *asked["county_reports"]):
        for language in asked["languages"]:
            made, file = manifest.made.get(f"page {code} {language}"), f"{file_of(code)}.{language}.html"
            if not made or made.error or not _public(record, file):
                continue
            content = _recorded(run, record.outputs[file], problems)
            try:
                entry = Entry.read(made.entry)
            except ValidationError:
                entry = None
            if content is not None and made.files.get(file) != hash_of(content):
                problems.add(file, "is not the page that its figures were told of", "run the same command again")
            if entry is None or entry.code != code or not all(result.id for result in entry.results):
                problems.add(file, "tells its figures in the way of another version", "run the same command again")
            elif content is not None:
                found[code, language] = _Page(file, content, entry)
    problems.raise_if_any(DataError, "The run does not agree with its record, so nothing is published")
    if not found:
        rule = "no page of it passed"
        raise DataError(
            "There is nothing to publish", [Problem(str(run), rule, "see costeff status and costeff release")]
        )
    return found


def _public(record: Record, file: str) -> bool:
    output = record.outputs.get(file)
    return bool(output and output.passed and output.label == "public" and output.rule == record.rule.version)


def _recorded(run: Path, output: Output, problems: Problems) -> bytes | None:
    """The content of a released file, if it is what was recorded."""
    path = run / output.file
    try:
        content = None if path.is_symlink() else path.read_bytes()
    except OSError:
        content = None
    if content is None:
        problems.add(output.file, "is not there, though it was released", AGAIN)
    elif sha256(content).hexdigest() != output.sha256:
        problems.add(output.file, "was changed after its release", AGAIN)
        content = None
    return content


def _pdfs(run: Path, record: Record, pages: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, bytes]]:
    """The PDF of each page that goes out, where the run has one: name and content."""
    problems, names = Problems(), {f"{file_of(code)}.{language}.pdf": (code, language) for code, language in pages}
    found = {}
    for file, output in record.outputs.items():
        key = names.get(PurePosixPath(file).name)
        if key and _public(record, file) and (content := _recorded(run, output, problems)) is not None:
            found[key] = (file, content)
    problems.raise_if_any(DataError, "The run does not agree with its record, so nothing is published")
    return found


# --- what the site tells ------------------------------------------------------------------------------


def _site(
    asked: Mapping[str, list[str]], pages: Mapping[tuple[str, str], _Page],
    pdfs: Mapping[tuple[str, str], tuple[str, bytes]], catalogue: Catalogue, contact: Contact | None,
) -> Site:  # fmt: skip
    from costeff.report.site import Site
    from costeff.report.site.model import County

    languages = tuple(asked["languages"])

    def shown(code: str, names: Mapping[str, str]) -> dict[str, Any]:
        return {
            "code": code,
            "names": names,
            "pages": {language: pages[code, language].file for language in languages if (code, language) in pages},
            "pdfs": {language: pdfs[code, language][0] for language in languages if (code, language) in pdfs},
            "claimed": languages if code in asked["municipalities"] or code in asked["county_reports"] else (),
        }

    places = []
    for code in asked["municipalities"]:
        names: dict[str, str] = {language: catalogue.municipality(code).name(language) for language in LANGUAGES}
        places.append(_place(shown(code, names), pages, catalogue))
    counties = [
        County(
            **shown(one.code, _texts(one.name)),
            answers=_answers(one.code, pages),
            municipalities=tuple(sorted(x.code for x in catalogue.municipalities.values() if x.county == one.code)),
        )
        for one in catalogue.counties.values()
    ]
    told = {service for one in (*places, *counties) for service in one.answers}
    return Site(
        languages,
        tuple(places),
        tuple(counties),
        tuple(_service(name, pages, catalogue) for name in asked["chains"] if name in told),
        contact,
        __version__,
    )


def _place(shown: dict[str, Any], pages: Mapping[tuple[str, str], _Page], catalogue: Catalogue) -> Place:
    from costeff.report.site.model import Place

    here = catalogue.municipality(shown["code"])
    return Place(
        **shown,
        county=here.county,
        population=here.population,
        population_year=here.population_year,
        answers=_answers(here.code, pages),
    )


def _answers(code: str, pages: Mapping[tuple[str, str], _Page]) -> dict[str, Answer]:
    from costeff.report.site.model import Answer

    own = [page for (of, _), page in pages.items() if of == code]
    results = own[0].entry.results if own else ()  # the same in each language
    return {one.id: Answer(one.id, one.synthetic, one.figures) for one in results}


def _service(name: str, pages: Mapping[tuple[str, str], _Page], catalogue: Catalogue) -> Service:
    """A service as its pages name it; what more is known of it, the catalogue tells."""
    from costeff.report.site.model import Service

    chain = catalogue.chains.get(name)
    label = _texts(chain.label) if chain else dict.fromkeys(map(str, LANGUAGES), name.replace("_", " ").capitalize())
    for (_, language), page in pages.items():
        label[language] = next((one.chain for one in page.entry.results if one.id == name), label[language])
    if chain is None:
        return Service(name, label)
    return Service(
        name,
        label,
        option=_texts(chain.option),
        comparator=_texts(chain.comparator),
        event=_texts(chain.outcome.event),
        evidence=_texts(chain.evidence),
        limits=tuple(map(_texts, chain.does_not_show)),
    )


def _texts(label: Label) -> dict[str, str]:
    return {language: label[language] for language in LANGUAGES}


# --- the folder ---------------------------------------------------------------------------------------


def _fit(run: Path, folder: Path) -> None:
    """Refuse a folder in which anything but a site of ours would be lost."""
    problems, place = Problems(), str(folder)
    cure = "choose another folder with --output"
    ours, theirs = folder.resolve(), run.resolve()
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        problems.add(place, "is the folder of the run, or one of them holds the other", cure)
    elif folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        problems.add(place, "is a link, or no folder", cure)
    elif folder.is_dir() and any(folder.iterdir()):
        named = _named(folder)
        if named is None:
            problems.add(place, "holds something that is no site of costeff", cure)
        else:
            there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
            strangers = sorted(there - named - {MARK})
            shown = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} more" if len(strangers) > 5 else "")
            if strangers:
                problems.add(place, f"holds files that are not of the site: {shown}", f"move them away, or {cure}")
    problems.raise_if_any(UsageError, "The site cannot be put there")


def _named(folder: Path) -> set[str] | None:
    """The files that a site of ours says it has; None where there is no such site."""
    mark = folder / MARK
    try:
        told: Any = None if mark.is_symlink() else json.loads(mark.read_text(encoding="utf-8"))
        return {str(name) for name in told["files"]} if told["program"] == "costeff" else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _made_aside(
    folder: Path, site: Site, pages: Iterable[_Page], pdfs: Mapping[tuple[str, str], tuple[str, bytes]]
) -> None:
    """Write the site beside its place, look through it, and put it there."""
    from costeff.report.site import write_site

    folder = folder.absolute()
    aside = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    try:
        make_folder(folder.parent)
        make_folder(aside)
        _mark(aside, {})
        copied = {page.file: page.content for page in pages} | dict(pdfs.values())
        for name, content in copied.items():
            _copy(aside, name, content)
        written = write_site(aside, site)
        _look_through(aside, written)
        _mark(aside, {name: sha256((aside / name).read_bytes()).hexdigest() for name in (*copied, *written)})
        _put(aside, folder)
        _clear(folder)  # only now: what was left beside may have been the last whole site
    except OSError as error:
        reason = error.strerror or type(error).__name__
        cure = "free space or choose another folder with --output; an earlier site is as it was"
        raise SetupError("The site could not be written", [Problem(str(folder), reason, cure)]) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _copy(folder: Path, name: str, content: bytes) -> None:
    *parents, last = name.split("/")
    for parent in parents:
        folder = within(folder, parent)
    make_folder(folder)
    with os.fdopen(os.open(within(folder, last), os.O_WRONLY | os.O_CREAT | os.O_EXCL, SHOWN), "wb") as file:
        file.write(content)


def _look_through(folder: Path, names: Iterable[str]) -> None:
    """Refuse a site in which an identity code stands; its municipal pages were looked through at their release."""
    problems = Problems()
    for name in names:
        kinds = ", ".join(sorted({hit.kind for hit in scan_file(folder / name, name)}))
        if kinds:
            problems.add(name, f"holds an identity code ({kinds})", "look in the contact and in params/")
    problems.raise_if_any(DataError, "The site must not go out")


def _mark(folder: Path, files: Mapping[str, str]) -> None:
    told = {"program": "costeff", "format": 1, "version": __version__, "files": dict(sorted(files.items()))}
    write_text(folder / MARK, json.dumps(told, indent=1, ensure_ascii=False) + "\n")


def _put(aside: Path, folder: Path) -> None:
    """Rename; what stood there goes when the new one is in its place, and comes back if it cannot be."""
    before = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        os.rename(folder, before)
    try:
        os.rename(aside, folder)
    except OSError:
        if before.exists():
            os.rename(before, folder)
        raise
    shutil.rmtree(before, ignore_errors=True)


def _clear(folder: Path) -> None:
    """Remove what an earlier call left beside the folder when it was stopped."""
    start = f".{folder.name}."
    for left in folder.parent.iterdir():
        if left.name.startswith(start) and ASIDE.fullmatch(left.name.removeprefix(start)) and _named(left) is not None:
            shutil.rmtree(left, ignore_errors=True)
