"""What a run is asked for, checked before anything starts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import Field

from costeff.appraisal import BELIEFS, Belief, active_links, check_price_year, price_sets_for
from costeff.avoided_cost import PERSISTENCES, Persistence
from costeff.batch.cluster import read_cluster
from costeff.chain import CountyProfile
from costeff.errors import CosteffError, Problem, Problems, UsageError
from costeff.indicators.profile_files import read_profiles
from costeff.indicators.profiles import profile_covariates
from costeff.outcomes import Sampling
from costeff.params import Catalogue
from costeff.report.contact import Contact, read_contact
from costeff.spec import LANGUAGES, CountyCode, Id, Language, MunicipalityCode, Spec, read_yaml

EVERY = "all"
SCHEDULER = re.compile(r"(?:tcp|tls|ucx|wss?)://\S+:\d{1,5}")
MOST_SEED = 2**32 - 1
LEAST = {"draws": 100, "clients": 1, "workers": 1, "timeout": 1, "horizon_years": 1, "seed": 0, "price_year": 1900}
POSTERIOR_DRAWS = Sampling(seed=0).draws * Sampling(seed=0).chains  # an appraisal cannot have more
MOST = {
    "clients": 10_000_000,
    "draws": POSTERIOR_DRAWS, "horizon_years": 60, "price_year": 2200, "seed": MOST_SEED, "workers": 256,
    "timeout": 86_400,
}  # fmt: skip
RESERVED = ("municipality", "county", "language", "appraisal")  # what the batch itself gives to each notebook


class RunRequest(Spec):
    """One batch: which municipalities, chains and languages, from what data, to where."""

    municipalities: tuple[MunicipalityCode, ...]
    county_reports: tuple[CountyCode, ...] = ()  # counties that get a page of their own
    chains: tuple[Id, ...]
    languages: tuple[Language, ...]
    output: Path
    register_path: Path | str | None = None  # or the URL of a database; None: the synthetic register
    mapping: Path | None = None  # of its own names
    profiles: dict[CountyCode, CountyProfile] | None = None  # of counties, covariates of the outcome models
    seed: int
    draws: int
    clients: int
    horizon_years: int | None = None
    price_year: int | None = None
    price_sets: tuple[Id, ...] | None = None  # None: every set that can price a chain
    persistence: Persistence | None = None
    evidence: Belief = "discounted"
    links: tuple[Id, ...] | None = None
    claw_back: bool = False
    whole_units: bool = False
    workers: int = 2
    timeout: int = 300  # seconds a cell may take
    scheduler: str | None = None  # address of a Dask scheduler
    cluster: Path | None = None  # description of a Dask cluster to start
    contact: Contact | None = None  # of whoever publishes the pages
    parameters: dict[str, Any] = Field(default_factory=dict)

    @property
    def places(self) -> tuple[str, ...]:
        """Codes of all that get a page: municipalities, then counties."""
        return *self.municipalities, *self.county_reports

    @property
    def elsewhere(self) -> bool:
        """Whether a cluster makes the pages."""
        return bool(self.scheduler or self.cluster)


def resolve(
    catalogue: Catalogue,
    *,
    municipalities: Sequence[str] = (),
    counties: Sequence[str] = (),
    county_reports: Sequence[str] = (),
    everyone: bool = False,
    chains: Sequence[str] = (),
    languages: Sequence[str] = (),
    links: Sequence[str] = (),
    price_sets: Sequence[str] = (),
    profiles: Path | None = None,
    contact: Path | None = None,
    **settings: Any,
) -> RunRequest:
    """Names and codes as a user gives them, checked and made into a request; all problems at once.

    Parameters
    ----------
    counties, county_reports
        Counties whose municipalities get a page each, and those that get one of their own; `all` is every one.
    profiles
        Folder of profiles of counties; the request holds what they say.
    contact
        File of the publisher and of where feedback goes; the request holds what it says.

    Raises
    ------
    UsageError
        For an unknown municipality, county, chain or language, or none at all.
    """
    problems = Problems()
    codes: dict[str, None] = {}
    for code in municipalities:
        if _known(lambda code=code: catalogue.municipality(code), problems):
            codes[code] = None
    for county in counties:
        for code in _known(lambda county=county: catalogue.members(county), problems) or ():
            codes[code] = None
    if everyone and (municipalities or counties):
        problems.add("--all", "stands beside --municipality or --county", "give one or the other")
    if everyone:
        codes.update(dict.fromkeys(catalogue.municipalities))
    if EVERY in county_reports and set(county_reports) != {EVERY}:
        problems.add(f"--county-report {EVERY}", "stands beside a county", "give one or the other")
    own_pages = tuple(catalogue.counties) if EVERY in county_reports else tuple(dict.fromkeys(county_reports))
    for county in own_pages:
        _known(lambda county=county: catalogue.county(county), problems)
    for chain in chains:
        _known(lambda chain=chain: catalogue.entry("chains", chain), problems)
    for language in languages:
        if language not in LANGUAGES:
            problems.add(f"language {language}", "is not a language of the reports", f"use {', '.join(LANGUAGES)}")
    _check_switches(catalogue, tuple(chains) or tuple(catalogue.chains), links, settings.get("persistence"), problems)
    if settings.get("evidence", "discounted") not in (*BELIEFS, None):
        problems.add(f"evidence {settings['evidence']}", "is unknown", f"use {', '.join(BELIEFS)}")
    _check_prices(
        catalogue, tuple(chains) or tuple(catalogue.chains), links, price_sets, settings.get("price_year"), problems
    )
    told = _profiles(catalogue, profiles, problems) if profiles else None
    publisher = _known(lambda: read_contact(contact), problems) if contact else None
    _check_machine(settings, problems)
    if not codes and not own_pages and not problems:
        cure = "give --municipality 165, --county 07, --county-report 07 or --all"
        problems.add("municipalities", "none was asked for", cure)
    defaults = catalogue.conventions
    chosen = {"seed": defaults.seed, "draws": defaults.draws, "clients": defaults.clients}
    given = {**chosen, **{name: value for name, value in settings.items() if value is not None}}
    for name, least in LEAST.items():
        value = given.get(name)
        if value is not None and value < least:
            problems.add(f"{name} {value}", f"is below {least}", f"give {least} or more")
    for name, most in MOST.items():
        value = given.get(name)
        if value is not None and value > most:
            problems.add(f"{name} {value}", f"is over {most}", f"give {most} or less")
    problems.raise_if_any(UsageError, "This run cannot be made")
    return RunRequest(
        municipalities=tuple(codes),
        county_reports=own_pages,
        chains=tuple(chains) or tuple(catalogue.chains),
        languages=tuple(dict.fromkeys(languages)) or ("fi",),  # type: ignore[arg-type]
        links=tuple(dict.fromkeys(links)) or None,
        price_sets=tuple(dict.fromkeys(price_sets)) or None,
        profiles=told,
        contact=publisher,
        **given,
    )


def _check_machine(settings: Mapping[str, Any], problems: Problems) -> None:
    """Where the data are and who makes the pages: what can be known of it before anything starts."""
    scheduler, cluster = settings.get("scheduler"), settings.get("cluster")
    if settings.get("mapping") and settings.get("register_path") is None:
        problems.add("--mapping", "stands without --register", "name the register whose names and codes it explains")
    if scheduler is not None and not SCHEDULER.fullmatch(scheduler):
        problems.add(f"--scheduler {scheduler!r}", "is not the address of a scheduler", "write tcp://host:8786")
    if cluster:
        _known(lambda: read_cluster(cluster), problems)
    if scheduler and cluster:
        problems.add("--scheduler", "stands beside --cluster", "give one or the other")
    elif settings.get("workers") and (scheduler or cluster):
        cure = "leave it out: the cluster has workers of its own"
        problems.add("--workers", "stands beside --scheduler or --cluster", cure)


def _check_switches(
    catalogue: Catalogue, chains: Sequence[str], links: Sequence[str], persistence: str | None, problems: Problems
) -> None:
    """Links that exist, start in a chain asked for and do not count a cost twice; a known course of the effect."""
    if persistence is not None and persistence not in PERSISTENCES:
        problems.add(f"effect {persistence}", "is unknown", f"use {', '.join(PERSISTENCES)}")
    models = {catalogue.chains[chain].impact.model for chain in chains if chain in catalogue.chains}
    started = {name: catalogue.links[name].origin.model for name in links if name in catalogue.links}
    for name in links:
        if name not in catalogue.links:
            problems.add(f"link {name}", "is not a link", f"known: {', '.join(catalogue.links) or 'none'}")
        elif started[name] not in models:
            rule = f"starts in {started[name]}, which no chain of the run uses"
            problems.add(f"link {name}", rule, "add a chain that does, or leave the link out")
    for model in models:
        asked = tuple(name for name, origin in started.items() if origin == model)
        if asked:
            _known(lambda model=model, asked=asked: active_links(model, catalogue, asked), problems)


def _check_prices(
    catalogue: Catalogue,
    chains: Sequence[str],
    links: Sequence[str],
    price_sets: Sequence[str],
    year: int | None,
    problems: Problems,
) -> None:
    """Price sets that exist, at least one of which can price each chain and what its links lead to, in that year."""
    for name in price_sets:
        _known(lambda name=name: catalogue.entry("price_sets", name), problems)
    known = [name for name in price_sets if name in catalogue.price_sets] or list(catalogue.price_sets)
    for chain in (catalogue.chains[name] for name in chains if name in catalogue.chains):
        own = [n for n in links if n in catalogue.links and catalogue.links[n].origin.model == chain.impact.model]
        able = price_sets_for(chain, catalogue, own)
        if not set(able) & set(known):
            what = f"it and {', '.join(own)}" if own else "it"
            rule = f"{' or '.join(known)} cannot price {what}"
            cure = f"add --price-set {' or '.join(able)}" if able else "choose fewer links"
            problems.add(f"chain {chain.id}", rule, f"{cure}, or leave the chain out")
        if year is not None and LEAST["price_year"] <= year <= MOST["price_year"]:
            on = own if links else [link.id for link in active_links(chain.impact.model, catalogue, None)]
            check_price_year(problems, chain, catalogue, [name for name in able if name in known], on, year)


def _profiles(catalogue: Catalogue, folder: Path, problems: Problems) -> dict[str, CountyProfile] | None:
    """The profiles of a folder, which differ in something that a model can regress on."""
    found: dict[str, CountyProfile] | None = _known(lambda: read_profiles(folder, catalogue.counties), problems)
    if found is not None and profile_covariates(found, catalogue.counties).columns.empty:
        rule = "tell nothing of at least three counties that differs between them"
        problems.add(f"--profiles {folder}", rule, "fill in more of them, or leave the option out")
    return found


def _known(look_up: Any, problems: Problems) -> Any:
    try:
        return look_up()
    except CosteffError as error:
        problems.found += error.problems
        return None


def check_parameters(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters for the template, of the types its parameters cell declares.

    Parameters
    ----------
    declared
        What `papermill.inspect_notebook` says of the template.
    given
        Name and value of each parameter: a text is read as the type declared, as from the command line; a value of
        a YAML file has to be of that type.

    Raises
    ------
    UsageError
        For an unknown, reserved or mistyped parameter; papermill itself would only warn.
    """
    problems, converted = Problems(), {}
    free = [name for name in declared if name not in RESERVED]
    for name, value in given.items():
        if name in RESERVED:
            problems.add(f"parameter {name}", "is given by the run itself", "use the run's own option")
        elif name not in declared:
            close = get_close_matches(name, free, n=1)
            cure = (
                f"did you mean {close[0]}?" if close else f"the template has {', '.join(free) or 'no other parameters'}"
            )
            problems.add(f"parameter {name}", "is not a parameter of the template", cure)
        else:
            kind = str(declared[name]["inferred_type_name"])
            try:
                converted[name] = _convert(value, kind)
            except ValueError:
                cure = 'write it in quotes, for example "091"' if kind == "str" else "correct the value"
                problems.add(f"parameter {name}", f"is {value!r}, and must be {_KINDS.get(kind, kind)}", cure)
    problems.raise_if_any(UsageError, "The template cannot take these parameters")
    return converted


_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "str": "a text"}
_TYPES: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "bool": (bool,), "str": (str,)}


def _convert(value: Any, kind: str) -> Any:
    """A value as the template has it; ValueError where it is of another kind."""
    if isinstance(value, str):
        return _read(value, kind)
    if isinstance(value, bool) != (kind == "bool") or not isinstance(value, _TYPES.get(kind, (object,))):
        raise ValueError(kind)
    return value


def _read(text: str, kind: str) -> Any:
    if kind == "int":
        return int(text)
    if kind == "float":
        return float(text)
    if kind == "bool":
        if text.lower() not in ("true", "false"):
            raise ValueError(text)
        return text.lower() == "true"
    return text


def parameters_of(options: Sequence[str], file: Path | None) -> dict[str, Any]:
    """Parameters for the template by name; an option stands before the same name in the file.

    Parameters
    ----------
    options
        Each `name=value`.
    file
        A YAML file, `name: value` on each line. A code keeps its zeros.

    Raises
    ------
    UsageError
        With everything in them that cannot be read.
    """
    problems, found = Problems(), {}
    document = read_yaml(file, problems) if file else None
    if document is not None and not isinstance(document.data, dict):
        problems.add(document.place(), "is empty or not a mapping", "write `name: value` lines")
    elif document is not None:
        for name, value in document.data.items():
            if isinstance(value, str | int | float):
                found[str(name)] = value
            else:
                document.tell(problems, (name,), "is not one value", "write a text, a number, true or false")
    given: set[str] = set()
    for text in options:
        name, value = split_parameter(text)
        if name in given:
            problems.add(f"parameter {name}", "is given twice", "keep one of them")
        given.add(name)
        found[name] = value
    problems.raise_if_any(UsageError, "The parameters cannot be read")
    return found


def split_parameter(text: str) -> tuple[str, str]:
    """`name=value` as a pair."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(
            "A parameter cannot be read",
            [Problem(text, "is not name=value", "write name=value")],
        )
    return name, value
