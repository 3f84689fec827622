"""A simulation as it is written in one YAML file: places, services, and scenarios of which one is the reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from costeff.appraisal import Belief
from costeff.appraisal.moves import Move, move_prices, set_numbers
from costeff.avoided_cost import Persistence
from costeff.batch.appraising import links_for
from costeff.batch.request import RunRequest, resolve
from costeff.disclosure.outputs import HELD, OWN_FOLDERS
from costeff.errors import CosteffError, Problems, UsageError
from costeff.params import Catalogue
from costeff.spec import CountyCode, Id, Label, Language, MunicipalityCode, Spec, Year, read_spec

TAKEN = (*OWN_FOLDERS, HELD)  # folders of a run: no scenario has its pages there


class Switches(Spec):
    """What may differ between scenarios, as the options of a run have it; what is left out is as a run has it."""

    horizon_years: int | None = None
    clients: int | None = None
    price_set: Id | None = None  # None: the one of each chain
    price_year: Year | None = None
    links: Annotated[tuple[Id, ...], Field(strict=False)] | None = None
    effect: Persistence | None = None
    evidence: Belief | None = None
    claw_back: bool | None = None
    whole_units: bool | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What is said, by name."""
        return {name: value for name in Switches.model_fields if (value := getattr(self, name)) is not None}


class Scenario(Switches):
    """One row of the matrix.

    Attributes
    ----------
    services
        Chain -> how its price or effect is other than estimated.
    numbers
        Name, as `Levers` has it -> the value it is known to have.
    """

    label: Label
    services: dict[Id, Move] = Field(default_factory=dict)
    numbers: dict[str, float] = Field(default_factory=dict)

    @property
    def moved(self) -> bool:
        """Whether it goes beyond what a run can be asked, so that a municipal page could not tell of it."""
        return bool(self.services or self.numbers)


class Simulation(Spec):
    """Scenarios x municipalities x services.

    Attributes
    ----------
    municipalities, counties, all
        Which places; a county has a total where all its municipalities are in.
    chains
        None: all.
    common
        What holds in every scenario that does not say otherwise.
    reference
        The scenario that the others are compared with.
    pages
        Whether each scenario gets its municipal pages too.
    """

    label: Label
    municipalities: Annotated[tuple[MunicipalityCode, ...], Field(strict=False)] = ()
    counties: Annotated[tuple[CountyCode, ...], Field(strict=False)] = ()
    all: bool = False
    chains: Annotated[tuple[Id, ...], Field(strict=False)] = ()
    languages: Annotated[tuple[Language, ...], Field(strict=False, min_length=1)] = ("fi",)
    seed: int | None = None
    draws: int | None = None
    common: Switches = Switches()
    reference: Id
    scenarios: Annotated[dict[Id, Scenario], Field(min_length=1)]
    pages: bool = False

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        named = bool(self.municipalities or self.counties)
        if self.all and named:
            raise ValueError("`all` stands beside municipalities or counties; keep one or the other")
        if not self.all and not named:
            raise ValueError("no place is named; give municipalities, counties or `all: true`")
        if self.reference not in self.scenarios:
            raise ValueError(f"the reference {self.reference} is no scenario; known: {', '.join(self.scenarios)}")
        if taken := [name for name in self.scenarios if name in TAKEN]:
            raise ValueError(f"scenario {taken[0]} has the name of a folder of the run; rename it")
        return self


def read_simulation(path: Path) -> Simulation:
    """The simulation that a YAML file describes.

    Raises
    ------
    UsageError
        With every problem of the file.
    """
    return read_spec(Simulation, path, UsageError, "The simulation cannot be read")


@dataclass(frozen=True)
class Case:
    """A scenario that was checked: what is asked of a run, and the catalogue with its numbers."""

    id: str
    scenario: Scenario
    request: RunRequest
    catalogue: Catalogue

    def price_set(self, chain: str) -> str:
        return self.request.price_sets[0] if self.request.price_sets else self.catalogue.chains[chain].impact.price_set


def cases(simulation: Simulation, catalogue: Catalogue, output: Path, **machine: Any) -> dict[str, Case]:
    """The scenarios by id, the reference first; nothing has been computed.

    Parameters
    ----------
    output
        Folder of the simulation.
    machine
        What does not belong to the simulation: register, mapping, profiles, workers, timeout.

    Raises
    ------
    UsageError
        With all that cannot be had, in any of the scenarios.
    """
    problems, found = Problems(), {}
    told: set[tuple[str, str]] = set()
    ids = [simulation.reference, *(name for name in simulation.scenarios if name != simulation.reference)]
    for name in ids:
        own = Problems()
        case = _case(name, simulation, catalogue, output, machine, own)
        for problem in own:
            if (problem.place, problem.rule) not in told:  # what holds for all scenarios is told once
                told.add((problem.place, problem.rule))
                cure = problem.cure.replace("--price-set ", "price_set: ")
                problems.add(f"scenario {name}, {problem.place}", problem.rule, cure)
        if case:
            found[name] = case
    problems.raise_if_any(UsageError, "This simulation cannot be made")
    return found


def _case(
    name: str,
    simulation: Simulation,
    catalogue: Catalogue,
    output: Path,
    machine: Mapping[str, Any],
    problems: Problems,
) -> Case | None:
    scenario = simulation.scenarios[name]
    said = {**simulation.common.told, **scenario.told}
    price_set, effect = said.pop("price_set", None), said.pop("effect", None)
    try:
        request = resolve(
            catalogue,
            municipalities=simulation.municipalities,
            counties=simulation.counties,
            everyone=simulation.all,
            chains=simulation.chains,
            languages=simulation.languages,
            price_sets=(price_set,) if price_set else (),
            links=said.pop("links", ()),
            persistence=effect,
            seed=simulation.seed,
            draws=simulation.draws,
            output=output / name,
            **said,
            **machine,
        )
    except CosteffError as error:
        problems.found += error.problems
        return None
    case = Case(name, scenario, request, catalogue)
    for service in scenario.services:
        if service not in request.chains:
            known = f"its services are {', '.join(request.chains)}"
            problems.add(f"services.{service}", "is no service of the simulation", known)
    if problems:
        return None
    return _with_numbers(case, problems)


def _with_numbers(case: Case, problems: Problems) -> Case:
    """The case with the prices and numbers of its scenario in the catalogue."""
    request, scenario = case.request, case.scenario
    chains = [case.catalogue.chains[name] for name in request.chains]
    for chain in chains:
        move = scenario.services.get(chain.id)
        if move and (move.price_times or move.price_euros is not None) and chain.input.cost in scenario.numbers:
            place = f"scenario {case.id}.numbers.{chain.input.cost}"
            problems.add(place, f"sets the price of {chain.id}, which its services set too", "keep one of them")
    moved = move_prices(scenario.services, case.catalogue)
    moved = set_numbers(
        scenario.numbers,
        moved,
        request.chains,
        {name: case.price_set(name) for name in request.chains},
        {chain.id: links_for(chain, case.catalogue, request) for chain in chains},
        any((request.persistence or chain.outcome.persistence) == "wanes" for chain in chains),
        problems,
    )
    return Case(case.id, scenario, request, moved)
