"""What a run would make, and why: each thing against what the manifest says it was made from."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from platform import python_version
from typing import Any

import costeff
from costeff.batch.folders import RECORD
from costeff.batch.manifest import Made, Manifest
from costeff.batch.notebooks import Job, file_of, template_of
from costeff.batch.request import RunRequest
from costeff.disclosure.record import recorded
from costeff.params import Catalogue
from costeff.params.watched import changed

PACKAGE = Path(costeff.__file__).parent
TELLING = ("report", "kernels")  # rooms that make the page, and nothing of the appraisal
DRIVING = ("batch", "cli")  # rooms that change neither
SITE = "site"  # folders of the report of which no page is made, only lists of pages
HASH = 32  # hexadecimal digits
LONGEST_FOLDER = 60  # characters: the path of a socket in it has about 35 more, and 100 are allowed
DRIVING_FIELDS = {"output", "workers", "timeout", "scheduler", "cluster"}  # of a request, that change no page
TELLING_FIELDS = {"languages", "parameters", "contact"}
PLACES = ("municipalities", "county_reports")
UNMOVED = {*DRIVING_FIELDS, *TELLING_FIELDS, *PLACES, "register_path", "mapping"}  # nor an appraisal
WHY = {
    "fits": "another fit",
    "request": "asked for otherwise",
    "code": "the code changed",
    "packages": "a library changed",
    "template": "the template changed",
    "appraisal": "its appraisal changed",
    "results": "its figures changed",
    "texts": "its texts changed",
}


@dataclass(frozen=True)
class Due:
    """A thing that has to be made, and why."""

    name: str
    why: str


@dataclass(frozen=True)
class Planned:
    """What is due before anything is made, appraisals and pages; and how many pages stand."""

    appraisals: tuple[Due, ...]
    pages: tuple[Due, ...]
    standing: int
    indexes: bool  # whether the lists of pages have to be written anew

    @property
    def anything(self) -> bool:
        return bool(self.appraisals or self.pages or self.indexes)


class Planner:
    """The pages of a request, and what each is made from."""

    def __init__(
        self, catalogue: Catalogue, request: RunRequest, templates: Path, parameters: Mapping[str, Any]
    ) -> None:
        self.catalogue, self.request, self.templates, self.parameters = catalogue, request, templates, parameters
        self.folder, self.manifest = request.output, Manifest(request.output)
        self.released = recorded(self.folder)

    def plan(self, keys: Mapping[str, Mapping[str, str]]) -> Planned:
        """Everything that is due; a page whose appraisal is due, for the same reason."""
        appraisals = tuple(self.appraisals_due(keys))
        self.released = recorded(self.folder)
        anew = {one.name: one.why for one in appraisals}
        found = []
        for job in self.jobs():
            why = anew.get(f"appraisal {job.municipality}")
            found.append(Due(job.name, why) if why else self.page_due(job))
        pages = tuple(one for one in found if one)
        indexes = any(self._due(f"index {name}", self.index_parts(keys), [name, RECORD]) for name in self.indexes)
        return Planned(appraisals, pages, len(found) - len(pages), indexes)

    @property
    def indexes(self) -> list[str]:
        """Names of the lists of pages, the first language's under the plain name too."""
        return ["index.html", *(f"index.{language}.html" for language in self.request.languages)]

    def index_parts(self, keys: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """What the lists of pages and the run's record are made from."""
        made = [self.manifest.made.get(job.name) for job in self.jobs()]
        told = [[job.name, one and [one.error, one.entry]] for job, one in zip(self.jobs(), made, strict=True)]
        return {
            "pages": hash_of(json.dumps([told, self.appraisal_parts(keys)], default=dict, sort_keys=True).encode()),
            "code": code_of_lists(),
            "packages": packages(),
        }

    def jobs(self) -> list[Job]:
        return [
            Job(
                municipality=code,
                language=language,
                languages=self.request.languages,
                template=template_of(self.templates, code),
                appraisal=self.folder / appraisal_file(code),
                parameters=self.parameters,
                timeout=self.request.timeout,
                sockets=str(self.sockets),
                contact=self.request.contact,
            )
            for code in self.request.places
            for language in self.request.languages
        ]

    @property
    def sockets(self) -> Path:
        """Where kernels of the run have their sockets: known beforehand, so that the next run can clear it."""
        folder = self.folder.resolve() / ".kernels"
        if len(str(folder)) <= LONGEST_FOLDER:
            return folder
        return Path(tempfile.gettempdir()) / f"costeff-{hash_of(str(folder).encode())[:12]}"

    def appraisals_due(self, keys: Mapping[str, Mapping[str, str]]) -> list[Due]:
        parts = self.appraisal_parts(keys)
        found = (self._due(f"appraisal {code}", parts, [appraisal_file(code)]) for code in self.request.places)
        return [one for one in found if one]

    def appraisal_parts(self, keys: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """What every appraisal of the request is made from, beside the catalogue; `keys` are the fits' hashes."""
        return {
            "fits": hash_of(json.dumps(keys, sort_keys=True).encode()),
            "request": hash_of(self.request.model_dump_json(exclude=UNMOVED).encode()),
            "code": code_of_appraisals(),
            "packages": packages(),
        }

    def page_due(self, job: Job) -> Due | None:
        due = self._due(job.name, self.page_parts(job), [job.page, job.notebook])
        if due:
            return due
        for name in (job.page, job.notebook):
            output = self.released.get(name)
            if not output or not output.passed or output.sha256[:HASH] != self.manifest.made[job.name].files[name]:
                return Due(job.name, "its release is not recorded")
        return None

    def page_parts(self, job: Job) -> dict[str, str]:
        """What a page is made from, beside the catalogue."""
        appraisal = self.manifest.made.get(f"appraisal {job.municipality}")
        contact = job.contact and job.contact.model_dump(mode="json")
        asked = json.dumps([job.language, job.languages, self.parameters, contact], sort_keys=True)
        return {
            "appraisal": appraisal.files.get(appraisal_file(job.municipality), "") if appraisal else "",
            "request": hash_of(asked.encode()),
            "template": hash_of(template_of(self.templates, job.municipality).read_bytes()),
            "code": code_of_pages(),
            "packages": packages(),
        }

    def _due(self, name: str, parts: Mapping[str, str], files: Sequence[str]) -> Due | None:
        """The thing with its reason, or None when it stands as it would be made again."""
        why = why_due(self.manifest.made.get(name), parts, self.catalogue, self.folder, files)
        return Due(name, why) if why else None


def appraisal_file(code: str) -> str:
    """Name of a place's appraisal within the run."""
    return f"appraisals/{file_of(code)}.nc"


def why_due(
    made: Made | None, parts: Mapping[str, str], catalogue: Catalogue, folder: Path, files: Iterable[str]
) -> str:
    """Why a thing has to be made; empty when it stands as it would be made again."""
    if made is None:
        return "new"
    if made.error:
        return "failed last time"
    other = [WHY.get(part, part) for part in parts if made.parts.get(part) != parts[part]]
    if read := changed(made.reads, catalogue):
        more = f" and {len(read) - 3} more" if len(read) > 3 else ""
        other.append(f"changed in params/: {', '.join(place.rstrip() for place in read[:3])}{more}")
    if other:
        return "; ".join(other)
    for file in files:
        path = folder / file
        if not path.is_file():
            return "its file is gone"
        if hash_of(path.read_bytes()) != made.files.get(file):
            return "its file was changed by others"
    return ""


def hash_of(data: bytes) -> str:
    """SHA-256, as much of it as tells things apart."""
    return hashlib.sha256(data).hexdigest()[:HASH]


@cache
def code_of_appraisals() -> str:
    """Hash of the code an appraisal comes from."""
    files = [path for path in PACKAGE.rglob("*.py") if _room(path) not in (*TELLING, *DRIVING)]
    own = ("country.py", "appraising.py", "release.py", "request.py")
    return _code([*files, *(PACKAGE / "batch" / name for name in own)])


@cache
def code_of_pages() -> str:
    """Hash of the code, texts and templates a page comes from, below its appraisal."""
    files = [path for path in _below_driving() if SITE not in path.relative_to(PACKAGE).parts]
    return _code([*files, *_making_pages()])


@cache
def code_of_lists() -> str:
    """Hash of the code, texts and templates the lists of pages come from."""
    return _code([*_below_driving(), *_making_pages()])


def _below_driving() -> list[Path]:
    kinds = (".py", ".po", ".mo", ".css", ".js", ".j2", ".json", ".yaml")
    return [path for path in PACKAGE.rglob("*") if path.suffix in kinds and _room(path) not in DRIVING]


def _making_pages() -> list[Path]:
    return [PACKAGE / "batch" / name for name in ("notebooks.py", "engine.py")]


def _room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def _code(files: list[Path]) -> str:
    texts = [f"{path.relative_to(PACKAGE).as_posix()}\n".encode() + path.read_bytes() for path in sorted(files)]
    return hash_of(b"\n".join(texts))


@cache
def packages() -> str:
    """Hash of the versions of Python and of what the project stands on."""
    names = sorted({_bare(row) for row in requires("costeff") or () if "extra ==" not in row})
    return hash_of("\n".join([python_version(), *(f"{name} {_version(name)}" for name in names)]).encode())


def _bare(requirement: str) -> str:
    end = next((i for i, sign in enumerate(requirement) if sign in "<>=!~;[ ("), len(requirement))
    return requirement[:end]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
