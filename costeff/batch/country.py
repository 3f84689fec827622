"""What is done once for the whole country: data to cells, cells to fits, fits to appraisals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pandas as pd

from costeff import __version__
from costeff.appraisal import (
    Belief,
    describe,
    evidence_prior,
)
from costeff.appraisal.evidence import MEASURE_OF
from costeff.appraisal.request import REGISTER
from costeff.batch.request import RunRequest
from costeff.chain import CountyProfile, ImpactChain
from costeff.errors import DataError, ParamsError, Problem, UsageError
from costeff.indicators.profiles import profile_covariates
from costeff.outcomes import MODELS, Context, Fit, Sampling, fit
from costeff.outcomes.base import OutcomeModel, content_hash
from costeff.outcomes.cost import model_of_costs
from costeff.params import Catalogue
from costeff.records import (
    Cells,
    Register,
    binary_cells,
    check,
    cost_cells,
    exposure_cells,
    open_register,
    rossi_register,
    time_cells,
    write_register,
)
from costeff.records.cells import BY
from costeff.records.extracts import write_providers
from costeff.records.kept import code_of_records, read_cells, write_cells

SCENARIO = "synthetic_family_work"
NEED = "children_placed"
INTERVALS = 4  # of the follow-up, in which a hazard is taken for constant
COST_PRIORS = "cost_gamma"


def cache_folder(root: Path) -> Path:
    """Where posteriors and the synthetic register are kept, inside the project."""
    return root / ".cache" / "costeff"


# --- data ---------------------------------------------------------------------------------------


def synthetic_places(catalogue: Catalogue) -> pd.DataFrame:
    """Municipalities with population and need index; an index of 0 (a suppressed or empty year) counts as missing."""
    need = catalogue.need[NEED]
    return pd.DataFrame(
        [
            {"code": m.code, "county": m.county, "population": m.population, "need_index": need.get(m.code) or np.nan}
            for m in catalogue.municipalities.values()
        ]
    )


def scenario_of(chain: ImpactChain, catalogue: Catalogue) -> str:
    """The scenario whose register tells the chain's outcome; the usual one where none does: it lacks the outcome."""
    told = (name for name, one in catalogue.scenarios.items() if one.truth.outcome == chain.outcome.outcome)
    return next(told, SCENARIO)


def synthetic_register(
    catalogue: Catalogue, seed: int, cache: Path, clients: int | None = None, scenario: str = SCENARIO
) -> Path:
    """The folder of the synthetic register for this truth, these places and this seed; written when it is not there.

    Parameters
    ----------
    clients
        How many, where it is not as many as the truth says.
    scenario
        Which truth; see `scenario_of`.
    """
    places, truth = synthetic_places(catalogue), catalogue.scenarios[scenario].truth
    truth = truth if clients is None else truth.override(clients=clients)
    content = f"{__version__}\n{seed}\n{truth.model_dump_json()}\n{places.to_csv(index=False)}"
    folder = cache / "synthetic" / sha256(content.encode()).hexdigest()[:16]
    return folder if folder.is_dir() else write_register(folder, places, truth, seed)


def synthetic_providers(catalogue: Catalogue, seed: int, cache: Path, clients: int | None = None) -> list[Path]:
    """The pseudonymised registers of the providers of a synthetic register; written when they are not there."""
    source = synthetic_register(catalogue, seed, cache, clients)
    folder = source.with_name(f"{source.name}-providers")
    if not folder.is_dir():
        return write_providers(source, folder, seed, catalogue.municipalities)
    return sorted(path for path in folder.iterdir() if path.is_dir())


def open_checked(source: Path | str, catalogue: Catalogue, mapping: Path | None = None) -> Register:
    """A register that holds together, from a folder, a file or the URL of a database."""
    register = open_register(source, mapping)
    check(register, set(catalogue.municipalities))
    return register


def _open_made_up(folder: Path, catalogue: Catalogue) -> Register:
    """The synthetic register; one that no longer holds together is not for its reader to mend."""
    try:
        return open_checked(folder, catalogue)
    except DataError as error:
        cure = f"remove the folder {folder}: the same command then draws the register anew"
        problems = [Problem(one.place, one.rule, cure) for one in error.problems]
        raise DataError("The synthetic register was changed after it was drawn", problems) from error


@dataclass(frozen=True)
class Data:
    """The cells of one chain, with `costs` where the register tells them; its outcome regresses on `profiles`."""

    outcome: Cells
    costs: Cells | None
    counties: dict[str, str]
    profiles: Mapping[str, CountyProfile] = field(default_factory=dict)

    @property
    def synthetic(self) -> bool:
        return self.outcome.synthetic or any(one.synthetic for one in self.profiles.values())


@dataclass(frozen=True)
class Fits:
    """What is estimated for one chain: its outcome, and its cost where the register tells it."""

    outcome: Fit
    costs: Fit | None

    @property
    def named(self) -> dict[str, Fit]:
        return {"outcome": self.outcome} | ({"costs": self.costs} if self.costs else {})

    @property
    def failed(self) -> list[str]:
        """Models that did not pass their gate."""
        return [each.model for each in self.named.values() if not each.passed]


def data_for(chain: ImpactChain, catalogue: Catalogue, register: Register | None) -> Data:
    """The chain's register reduced to the cells its outcome model reads."""
    counties = {}
    if chain.outcome.data == "rossi":
        register = rossi_register()
    elif chain.outcome.data == "register" and register is not None:
        counties = {m.code: m.county for m in catalogue.municipalities.values()}
    else:
        raise UsageError(
            "The chain has no data",
            [
                Problem(
                    f"chains {chain.id}.outcome.data",
                    f"{chain.outcome.data} is not data at hand",
                    "use register or rossi",
                )
            ],
        )
    by = BY if counties else ("option", "group")
    costs = cost_cells(register, by) if chain.input.cost == REGISTER else None
    return Data(_outcome_cells(chain, register, by), costs, counties)


def all_data(catalogue: Catalogue, request: RunRequest, cache: Path) -> dict[str, Data]:
    """The cells of every chain asked for."""
    chains = [catalogue.entry("chains", name) for name in request.chains]
    if request.register_path is None:
        found = {chain.id: _made_up(chain, catalogue, request.seed, cache) for chain in chains}
    elif any(chain.outcome.data == "register" for chain in chains):
        with open_checked(request.register_path, catalogue, request.mapping) as register:
            found = {chain.id: data_for(chain, catalogue, register) for chain in chains}
    else:
        return {chain.id: data_for(chain, catalogue, None) for chain in chains}
    told = request.profiles or {}
    return {name: replace(data, profiles=told) if data.counties else data for name, data in found.items()}


def _made_up(chain: ImpactChain, catalogue: Catalogue, seed: int, cache: Path) -> Data:
    """The cells of a chain from data that no client has part in: kept, since neither they nor we change them."""
    folder = cache / "cells"
    places = f"{sorted((m.code, m.county) for m in catalogue.municipalities.values())}"
    asked = [
        chain.outcome.model_dump_json(),
        str(chain.input.cost),
        places,
        code_of_records(),
        Path(__file__).read_text("utf-8"),
    ]
    if chain.outcome.data == "register":
        made_up = synthetic_register(catalogue, seed, cache, scenario=scenario_of(chain, catalogue))
        asked.append(made_up.name)
    name = sha256("\n".join(asked).encode()).hexdigest()[:20]
    kept = {what: read_cells(folder / f"{name}.{what}.parquet") for what in ("outcome", "costs")}
    counties = {m.code: m.county for m in catalogue.municipalities.values()}
    if (outcome := kept["outcome"]) and (kept["costs"] or chain.input.cost != REGISTER):
        return Data(outcome, kept["costs"], counties if chain.outcome.data == "register" else {})
    if chain.outcome.data == "register":
        with _open_made_up(made_up, catalogue) as register:
            made = data_for(chain, catalogue, register)
    else:
        made = data_for(chain, catalogue, None)
    for what, cells in (("costs", made.costs), ("outcome", made.outcome)):
        if cells is not None:
            write_cells(folder / f"{name}.{what}.parquet", cells)
    return made


def all_keys(
    data: Mapping[str, Data], catalogue: Catalogue, request: RunRequest, cache: Path | None = None
) -> dict[str, dict[str, str]]:
    """The hashes of the fits of each chain, known before anything is fitted."""
    seed, evidence = request.seed, request.evidence
    return {
        name: fit_keys(catalogue.chains[name], catalogue, found, seed, evidence, cache) for name, found in data.items()
    }


def _outcome_cells(chain: ImpactChain, register: Register, by: Sequence[str]) -> Cells:
    """What the chain's model reads, as if everybody's follow-up had ended with the chain's."""
    outcome, days = chain.outcome.outcome, chain.outcome.follow_up_days
    match MODELS[chain.outcome.model].statistic:
        case "binary":
            return binary_cells(register, outcome, days, by)
        case "exposure":
            _refuse_unfollowed(chain, time_cells(register, outcome, by))
            return exposure_cells(register, outcome, np.linspace(0, days, INTERVALS + 1).tolist(), by)
        case "time":
            cells = time_cells(register, outcome, by)
            _refuse_unfollowed(chain, cells)
            return _ended(cells, days)
    known = ", ".join(MEASURE_OF)
    problem = Problem(f"chains {chain.id}.outcome.model", "is not a model of a chain's outcome", f"known: {known}")
    raise ParamsError("The chain has no data", [problem])


def _refuse_unfollowed(chain: ImpactChain, cells: Cells) -> None:
    """An effect holds no longer than clients were followed."""
    days, last = chain.outcome.follow_up_days, float(cells.table["time"].max())
    if days > last:
        place = f"chains {chain.id}.outcome.follow_up_days"
        problem = Problem(place, f"is {days:g}, and clients were followed for {last:g} days at most", "shorten it")
        raise ParamsError("The follow-up is longer than the data", [problem])


def _ended(cells: Cells, days: float) -> Cells:
    """Time cells whose clients were followed no longer than so many days."""
    table, keys = cells.table, [*cells.by, "time"]
    late = table["time"] > days
    all_of = table["events"] + table["censored"]
    table = table.assign(
        time=table["time"].clip(upper=days),
        events=table["events"].where(~late, 0),
        censored=table["censored"].where(~late, all_of),
    )
    table = table.groupby(keys, as_index=False)[["events", "censored"]].sum()
    return replace(cells, table=table, follow_up=float(days))


def context_for(
    chain: ImpactChain, catalogue: Catalogue, data: Data, evidence: Belief = "discounted", cache: Path | None = None
) -> Context:
    """What the chain's outcome model is built from: cells, priors and places.

    Parameters
    ----------
    evidence
        How published effects are believed: they are the prior of `effect`, for a chain that has any.
    cache
        Where that prior is kept; None works it out anew.
    """
    priors = catalogue.priors[chain.outcome.model]
    published = evidence_prior(chain, catalogue, evidence, _priors_in(cache))
    covariates = profile_covariates(data.profiles, data.counties.values()) if data.profiles else None
    return Context(data.outcome, {**priors, "effect": published} if published else priors, data.counties, covariates)


def _priors_in(cache: Path | None) -> Path | None:
    return cache / "priors" if cache else None


def fit_keys(
    chain: ImpactChain, catalogue: Catalogue, data: Data, seed: int, evidence: Belief, cache: Path | None = None
) -> dict[str, str]:
    """The hashes by which the chain's fits are cached, known before anything is fitted."""
    settings = Sampling(seed)
    model = MODELS[chain.outcome.model]
    keys = {"outcome": content_hash(model, context_for(chain, catalogue, data, evidence, cache), settings)}
    if (costs := costs_of(chain, catalogue, data)) is not None:
        keys["costs"] = content_hash(*costs, settings)
    return keys


def costs_of(chain: ImpactChain, catalogue: Catalogue, data: Data) -> tuple[OutcomeModel, Context] | None:
    """The model of what the service costs and what it is built from; None for a chain whose cost is a price."""
    if chain.input.cost != REGISTER or data.costs is None:
        return None
    return model_of_costs(data.costs.table), Context(data.costs, catalogue.priors[COST_PRIORS], data.counties)


def fit_chain(
    chain: ImpactChain,
    catalogue: Catalogue,
    data: Data,
    seed: int,
    cache: Path,
    *,
    evidence: Belief = "discounted",
    sampling: Sampling | None = None,
    progress: bool = False,
) -> Fit:
    """The chain's outcome model, fitted to the whole country or read from the cache.

    Parameters
    ----------
    evidence
        As in `context_for`; the effect says in its attributes what its prior was.
    sampling
        Other than the usual number of draws and chains; it has a seed of its own.
    """
    context = context_for(chain, catalogue, data, evidence, cache)
    settings = sampling or Sampling(seed)
    fitted = fit(MODELS[chain.outcome.model], context, settings, cache / "outcomes", progress=progress)
    told = describe(chain, catalogue, evidence, synthetic=data.outcome.synthetic, kept=_priors_in(cache))
    told |= {"covariates": ",".join(context.coords.get("covariate", []))}
    return replace(fitted, effect=fitted.effect.assign_attrs(**told, synthetic=int(data.synthetic)))


def fit_costs(
    chain: ImpactChain,
    catalogue: Catalogue,
    data: Data,
    seed: int,
    cache: Path,
    *,
    sampling: Sampling | None = None,
    progress: bool = False,
) -> Fit | None:
    """What the chain's service costs a client, fitted to the whole country or read from the cache.

    Parameters
    ----------
    sampling
        As in `fit_chain`.

    Returns
    -------
    Fit of the cost model, with the mean cost by option, of each municipality where the data have places;
    None for a chain whose cost is a price.

    Raises
    ------
    ModelError
        Where nobody has a cost, or all have the same: that is a price.
    """
    costs = costs_of(chain, catalogue, data)
    return fit(*costs, sampling or Sampling(seed), cache / "outcomes", progress=progress) if costs else None
