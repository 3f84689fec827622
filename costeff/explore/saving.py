"""A what-if written down as a scenario: a file that `costeff simulate` runs as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from costeff.appraisal import active_links
from costeff.appraisal.asked import Asked, Bench
from costeff.appraisal.evidence import told_of
from costeff.batch.simulation import Simulation, cases
from costeff.errors import Problems, UsageError
from costeff.files import write_text
from costeff.spec import LANGUAGES, Id, Label, is_county, project_root, validation_problems

REFERENCE = "start"
STARTING = Label(fi="Lähtötilanne", sv="Utgångsläge", en="As it is")
LONGEST = 60  # letters of an id
FOLDER = Path("runs") / "what_if"  # inside the project
SHARED = ("clients", "horizon_years", "price_set", "price_year", "claw_back", "whole_units")  # alike in a file


def scenario_id(name: str) -> str:
    """A name as an id: small letters, digits and underscores; empty where it has neither letter nor digit."""
    plain = name.casefold().translate(str.maketrans("åäöéü", "aaoeu"))
    found = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")
    return (f"scenario_{found}" if found[:1].isdigit() else found)[:LONGEST]


def simulation_of(bench: Bench, place: str, asked: Asked, name: str) -> dict[str, Any]:
    """The what-if as the content of a simulation's file: the start is the reference.

    The number of clients holds in both scenarios, since money of other numbers of clients is not compared.

    Raises
    ------
    UsageError
        For what a file cannot say.
    """
    _check(bench, name)
    request, chain, own = bench.requested(asked), bench.chain.id, scenario_id(name)
    common = {key: value for key in SHARED if (value := getattr(bench.request, key)) not in (None, False)}
    common["clients"] = request.clients
    if bench.request.persistence:
        common["effect"] = bench.request.persistence
    if bench.request.links:
        common["links"] = list(bench.request.links)
    if belief := told_of(bench.fit).get("belief"):
        common["evidence"] = belief
    scenario: dict[str, Any] = {"label": dict.fromkeys(LANGUAGES, name)}
    scenario |= {key: value for key in ("horizon_years", "price_set") if (value := getattr(asked, key)) is not None}
    if move := asked.move:
        scenario["services"] = {chain: move.told}
    if numbers := bench.numbers(asked):
        scenario["numbers"] = numbers
    where = {"counties": [place]} if is_county(place) else {"municipalities": [place]}
    return {
        "label": {key: f"{bench.chain.label[key]}: {name}" for key in LANGUAGES},
        **where,
        "chains": [chain],
        "languages": list(LANGUAGES),
        "seed": request.seed,
        "draws": request.draws,
        "common": common,
        "reference": REFERENCE,
        "scenarios": {REFERENCE: {"label": dict(STARTING)}, own: scenario},
    }


def _check(bench: Bench, name: str) -> None:
    problems = Problems()
    found = scenario_id(name)
    try:
        TypeAdapter(Id).validate_python(found)
    except ValidationError:
        problems.add("name", "has no letter or digit", "give the scenario a name, such as Half of the effect")
    if found == REFERENCE:
        problems.add("name", f"{REFERENCE} is that of the reference", "give another name")
    if bench.catalogue.changes:
        rule = "was changed in this notebook, and the command reads params/"
        problems.add("catalogue", rule, "change the files of params/, or start from the catalogue as it is")
    if bench.request.links == () and active_links(bench.chain.impact.model, bench.catalogue, None):
        problems.add(
            "links", "are off that are on unless said, which a file cannot say", "leave links out of the request"
        )
    problems.raise_if_any(UsageError, "The scenario cannot be saved")


def save_scenario(bench: Bench, place: str, asked: Asked, name: str, folder: Path | None = None) -> Path:
    """Write a what-if as a file, once `costeff simulate` would take it.

    Parameters
    ----------
    name
        Of the scenario, as it is read; the file has it in small letters.
    folder
        Where; `runs/what_if` of the project unless said.

    Raises
    ------
    UsageError
        For a what-if that is the start, a name that is taken or has no letter, and what a file cannot say.
    SetupError
        When the folder cannot be written.
    """
    content = simulation_of(bench, place, asked, name)
    problems, root = Problems(), project_root()
    path = (folder or root / FOLDER) / f"{scenario_id(name)}.yaml"
    if asked.override(clients=None) == Asked():
        problems.add("scenario", "differs from the start in nothing but clients", "move something else too")
    if path.exists():
        problems.add(f"name {path.stem}", "is taken by another file", "give another name: nothing is written over")
    problems.raise_if_any(UsageError, "The scenario cannot be saved")
    try:
        simulation = Simulation.model_validate(content)
    except ValidationError as error:
        raise UsageError("The scenario cannot be saved", validation_problems(error, "scenario")) from error
    cases(simulation, bench.catalogue, path.with_suffix(""))
    service = bench.chain.label.en
    head = f"# Saved from a what-if on {service}. Run it: costeff simulate {shown(path)}\n"
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120)
    write_text(path, head + text)
    return path


def shown(path: Path) -> str:
    """A file as a command would have it in the project's folder."""
    root = project_root().resolve()
    full = path.resolve()
    return str(full.relative_to(root) if full.is_relative_to(root) else full)
