"""Asks THL's Sotkanet for indicators, politely: named, at a pace, once; what it answers is read strictly."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from costeff import __version__
from costeff.errors import ParamsError, Problem, Problems, SetupError, UsageError
from costeff.files import written_aside

if TYPE_CHECKING:
    from requests import Response, Session

ATTEMPTS = 4  # of a request that is told to wait, or finds the service out of order
LONGEST_WAIT = 120  # seconds that a service may ask to wait
SOME = 5  # problems of one kind that are told one by one
THL, THL_NAME, THL_LICENCE = 2, "Terveyden ja hyvinvoinnin laitos", "CC BY 4.0"
REFRESH = "try again with --refresh; if it stays so, the service has changed"


# --- what the interface answers -------------------------------------------------------------------


class _Answer(BaseModel):
    """A part of an answer: what is read of it is read strictly, what else it holds is passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)


class Region(_Answer):
    """A region: its internal id, and its code within its category."""

    id: int
    code: str
    category: str


class Row(_Answer):
    """One value of an indicator; a value that is null or not there is missing."""

    indicator: int
    region: int
    year: int
    gender: str
    value: float | None = None
    absolute: float | None = Field(default=None, alias="absValue")


class Organization(_Answer):
    """Who provides an indicator."""

    id: int
    title: dict[str, str | None]


class ValueType(_Answer):
    """The kind of an indicator's values, such as PROS (per cent)."""

    code: str


class Range(_Answer):
    """The years for which an indicator has values."""

    start: int
    end: int


class Metadata(_Answer):
    """What Sotkanet says of an indicator."""

    id: int
    title: dict[str, str | None]
    organization: Organization
    data_updated: str | None = Field(default=None, alias="data-updated")
    value_type: ValueType | None = Field(default=None, alias="primaryValueType")
    range: Range | None = None

    @property
    def licence(self) -> str | None:
        """THL's own indicators are CC BY 4.0; of others the interface says nothing."""
        own = self.organization.id == THL and THL_NAME in (self.organization.title.get("fi") or "")
        return THL_LICENCE if own else None


REGIONS, ROWS, METADATA = TypeAdapter(list[Region]), TypeAdapter(list[Row]), TypeAdapter(Metadata)


# --- the client -----------------------------------------------------------------------------------


@dataclass
class Client:
    """Asks one address, one request at a time.

    Parameters
    ----------
    base_url
        Address of the interface, up to its version.
    cache
        Folder of the answers kept, by the content of the request.
    contact
        Whom the service may write to; told in the User-Agent.
    interval
        Least seconds from the end of a request to the start of the next.
    timeout
        Seconds without a sign of life after which a request is given up.
    patience
        Seconds that one answer may take as a whole.
    largest
        Bytes of the largest answer taken, unpacked.
    refresh
        Ask again for what is kept.
    """

    base_url: str
    cache: Path
    contact: str = ""
    interval: float = 1.0
    timeout: float = 30.0
    patience: float = 300.0
    largest: int = 20_000_000
    refresh: bool = False
    asked: int = field(default=0, init=False)
    _ended: float = field(default=float("-inf"), init=False, repr=False)
    _answers: dict[str, tuple[Any, date]] = field(default_factory=dict, init=False, repr=False)
    _open: Session | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        problems = Problems()
        try:
            parts = urlsplit(self.base_url)
            plain = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        except ValueError:
            plain = False
        if not plain or parts.username or parts.query or parts.fragment or re.search(r"\s", self.base_url):
            problems.add("--base-url", "is not a plain web address", "write it as https://sotkanet.fi/rest/1.1")
        if not re.fullmatch(r"[A-Za-z0-9@._+:/ -]{0,100}", self.contact):
            cure = "write an e-mail address or the address of a page, in plain letters"
            problems.add("--contact", "cannot stand in a request", cure)
        problems.raise_if_any(UsageError, "Sotkanet cannot be asked like this")
        self.base_url = self.base_url.rstrip("/")

    @property
    def name(self) -> str:
        """How the client names itself; without a name the service refuses."""
        return f"costeff/{__version__}" + (f" ({self.contact})" if self.contact else "")

    def regions(self) -> tuple[list[Region], date]:
        """All regions, and the day on which they were asked for."""
        return self._ask(self.url("regions"), REGIONS)

    def metadata(self, indicator: str) -> tuple[Metadata, date]:
        """What is known of an indicator."""
        return self._ask(self.url(f"indicators/{indicator}"), METADATA)

    def rows(self, indicator: str, years: Iterable[int], genders: Iterable[str]) -> tuple[list[Row], date]:
        """The values of an indicator for all regions; the interface has no filter of regions that works."""
        return self._ask(self.data_url(indicator, years, genders), ROWS)

    def data_url(self, indicator: str, years: Iterable[int], genders: Iterable[str]) -> str:
        """Address of an indicator's values: years and genders are repeated, for a list with commas is refused."""
        query = [("indicator", indicator), *(("years", year) for year in years), *(("genders", g) for g in genders)]
        return self.url("json", query)

    def url(self, path: str, query: Sequence[tuple[str, object]] = ()) -> str:
        """The address of a question."""
        return f"{self.base_url}/{path}" + (f"?{urlencode(query)}" if query else "")

    def kept_since(self, url: str) -> date | None:
        """The day of the answer that is kept and would be used."""
        kept = None if self.refresh else self._kept(url)
        return kept[1] if kept else None

    # --- one question ---------------------------------------------------------------------------

    def _ask[T](self, url: str, kind: TypeAdapter[T]) -> tuple[T, date]:
        if url not in self._answers:
            kept = None if self.refresh else self._kept(url)
            body, on = kept or (self._get(url), datetime.now(UTC).date())
            self._answers[url] = _read(body, kind, url), on
            if kept is None:
                self._keep(url, body, on)  # only what could be read
        return self._answers[url]

    def _path(self, url: str) -> Path:
        return self.cache / f"{sha256(url.encode()).hexdigest()}.json"

    def _kept(self, url: str) -> tuple[bytes, date] | None:
        try:
            kept = json.loads(self._path(url).read_text(encoding="utf-8"))
            return (kept["body"].encode(), date.fromisoformat(kept["fetched"])) if kept["url"] == url else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None  # not there, or not whole: it is asked again

    def _keep(self, url: str, body: bytes, on: date) -> None:
        with written_aside(self._path(url)) as aside:
            aside.write_text(json.dumps({"url": url, "fetched": str(on), "body": body.decode()}), encoding="utf-8")

    def _get(self, url: str) -> bytes:
        from requests import RequestException

        time.sleep(max(0.0, self._ended + self.interval - time.monotonic()))
        self.asked += 1
        try:
            with self._session().get(url, timeout=self.timeout, allow_redirects=False, stream=True) as answer:
                _check(answer, url)
                return self._whole(answer, url)
        except RequestException as error:
            raise SetupError("Sotkanet could not be asked", [_unreached(error, url)]) from error
        finally:
            self._ended = time.monotonic()

    def _whole(self, answer: Response, url: str) -> bytes:
        """The body, unpacked, as far as it stays within bounds."""
        body, latest = bytearray(), time.monotonic() + self.patience
        for piece in answer.iter_content(65_536):
            body += piece
            if len(body) > self.largest:
                rule = f"answers with more than {self.largest / 1e6:,.3g} MB"
                raise SetupError("The answer was not taken", [Problem(url, rule, "ask for fewer years")])
            if time.monotonic() > latest:
                rule = f"has not finished its answer within {self.patience:g} s"
                raise SetupError("The answer was not taken", [Problem(url, rule, "try again later")])
        return bytes(body)

    def _session(self) -> Session:
        if self._open is None:
            import requests
            from requests.adapters import HTTPAdapter

            self._open = requests.Session()
            self._open.headers.update({"User-Agent": self.name, "Accept": "application/json"})
            self._open.auth = lambda request: request  # no name or password of the user's own files goes out
            adapter = HTTPAdapter(max_retries=_retry(self.interval))
            for scheme in ("http://", "https://"):
                self._open.mount(scheme, adapter)
        return self._open


def _retry(interval: float) -> Any:
    """Ask again after a while, longer each time, and never sooner than the service says."""
    from urllib3.util import Retry

    class Patient(Retry):
        """The standard policy asks the second time at once; this one waits first."""

        def get_backoff_time(self) -> float:
            return float(min(self.backoff_max, self.backoff_factor * 2 ** max(0, len(self.history) - 1)))

    return Patient(
        total=ATTEMPTS - 1,
        connect=1,
        status_forcelist={429, 500, 502, 503, 504},
        allowed_methods={"GET"},
        backoff_factor=interval,
        backoff_max=LONGEST_WAIT,
        retry_after_max=LONGEST_WAIT,
        raise_on_status=False,
    )


def _check(answer: Response, url: str) -> None:
    """An answer that is none is told with its cure."""
    status = answer.status_code
    if status == 404 and "/indicators/" in url:
        cure = "look the number up on Sotkanet's own pages"
        raise UsageError("Unknown indicator", [Problem(url, "is not there (404)", cure)])
    if 300 <= status < 400:
        there = urlsplit(answer.headers.get("Location", "")).hostname or "another page"
        rule = f"sends on to {there} ({status}), which is not followed"
        cure = "if you trust that address, give it with --base-url"
        raise SetupError("Sotkanet was not where it is said to be", [Problem(url, rule, cure)])
    told = {
        400: ("does not understand the request", REFRESH),
        403: ("refuses the request", "name whom the service may write to with --contact"),
        429: ("asks to wait longer", "try again later, with a longer --interval"),
    }
    if status != 200:
        rule, cure = told.get(status, ("is out of order" if status >= 500 else "does not answer", "try again later"))
        raise SetupError("Sotkanet gave no answer", [Problem(url, f"{rule} ({status})", cure)])


_WHY = (
    ("ReadTimeout", "gave no answer in time", "try again later"),
    ("timed out", "gave no answer in time", "try again later"),
    ("ConnectTimeout", "could not be reached in time", "check the network, or a proxy in HTTPS_PROXY"),
    ("NameResolution", "has a name that is not found", "check the network and the address"),
    ("SSL", "has no certificate that can be trusted", "set REQUESTS_CA_BUNDLE to the certificates of your network"),
    ("NewConnection", "could not be reached", "check the network, or a proxy in HTTPS_PROXY"),
    ("Incomplete", "broke off in the middle of its answer", "try again later"),
    ("Decode", "packed its answer in a way that cannot be unpacked", "try again later"),
)


def _unreached(error: Exception, url: str) -> Problem:
    """Why a request came to nothing; the library tells it in names inside of names."""
    inner = f"{type(error).__name__} {error!r}"
    for word, rule, cure in _WHY:
        if word in inner:
            return Problem(url, rule, cure)
    return Problem(url, f"could not be read ({type(error).__name__})", "try again later")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _read[T](body: bytes, kind: TypeAdapter[T], url: str) -> T:
    """The answer as it was declared."""
    title = "Sotkanet answered with something else than it should"
    try:
        return kind.validate_python(json.loads(body.decode("utf-8"), parse_constant=_no_constant))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        places = (".".join(map(str, fault["loc"])) or "the whole" for fault in faults)
        told = [Problem(f"{url} {p}", f["msg"].lower(), REFRESH) for p, f in zip(places, faults, strict=True)]
        more = [Problem(url, f"{len(told) - SOME} more of this kind", REFRESH)] if len(told) > SOME else []
        raise ParamsError(title, [*told[:SOME], *more]) from error
    except (ValueError, RecursionError) as error:
        start = body[:200].lstrip().lower()
        rule = "is a page and not data" if start.startswith(b"<") else "is not whole JSON"
        raise ParamsError(title, [Problem(url, rule, REFRESH)]) from error
