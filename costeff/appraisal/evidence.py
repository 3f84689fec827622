"""Published effects as the prior of a chain's outcome model, and what they say beside the data."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import cache, lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr

from costeff import draws, evidence
from costeff.chain import ImpactChain
from costeff.cohort import apply_hazard_ratio, apply_odds_ratio, bare
from costeff.draws import as_draws, rng, thin
from costeff.errors import CosteffError, ParamsError, Problem, Problems
from costeff.evidence import (
    MEASURES,
    Discount,
    Discounts,
    HeterogeneityPrior,
    RobustPrior,
    Studies,
    Study,
    bayesian_pool,
    convert,
    discount,
    error_from_interval,
    taken_apart,
)
from costeff.files import write_text
from costeff.outcomes import Fit
from costeff.params import Catalogue
from costeff.params.entries import Published
from costeff.params.published import EvidencePrior, Heterogeneity

Belief = Literal["discounted", "published", "none"]
BELIEFS: dict[Belief, str] = {
    "discounted": "the prior, weak designs believed less",
    "published": "the prior as published",
    "none": "no prior from evidence: the data alone",
}
# The models a chain may name, of one event and one effect, and what exp of that effect is.
MEASURE_OF = {"binary": "odds ratio", "time_to_event": "hazard ratio", "weibull": "hazard ratio"}
DRAWS, SEED = 40_000, 1  # of the predictive distribution: not of a run, so that every run has the same prior
DIGITS = 2  # of the prior: no more is known
LEAST_DRAWS = 400  # effective draws below which the data alone are not told
PRIOR = "evidence_prior"  # the attribute of an effect that says under which prior it was estimated


def pooled_studies(chain: ImpactChain, catalogue: Catalogue, belief: Belief = "discounted") -> Studies:
    """The studies behind the prior of a chain, on the scale of its model, as they are believed.

    Raises
    ------
    ParamsError
        For a chain without evidence, or rows that cannot be turned into the measure of its model.
    """
    entry, measure = _entry(chain, catalogue), MEASURE_OF[chain.outcome.model]
    rows = [row for row in catalogue.evidence[entry.evidence] if row.outcome == entry.outcome]
    table = Discounts(
        tuple(Discount(name, d.multiplier, d.inflation, ", ".join(d.source)) for name, d in catalogue.designs.items())
    )
    try:
        told = Studies(measure, tuple(_study(row, measure, entry.baseline) for row in rows))
    except CosteffError as error:
        found = [Problem(f"evidence.yaml priors.{chain.id} {p.place}", p.rule, p.cure) for p in error.problems]
        raise ParamsError(f"The evidence of {chain.id} cannot be pooled", found) from error
    believed = discount(told, table, apply=belief == "discounted")
    (first, *others), (row, *_) = believed.rows, rows
    if others or (row.studies or 1) == 1:
        return believed
    apart = taken_apart(measure, first, row.studies or 1)
    return Studies(measure, apart.rows, (*believed.notes, *apart.notes))


def _entry(chain: ImpactChain, catalogue: Catalogue) -> EvidencePrior:
    problems = Problems()
    if chain.id not in catalogue.evidence_priors:
        known = ", ".join(catalogue.evidence_priors) or "none"
        problems.add(f"evidence.yaml priors.{chain.id}", "does not exist", f"add it, or choose of {known}")
    elif chain.outcome.model not in MEASURE_OF:
        rule = f"{chain.outcome.model} takes no prior from published effects"
        problems.add(f"evidence.yaml priors.{chain.id}", rule, f"the models that do are {', '.join(MEASURE_OF)}")
    problems.raise_if_any(ParamsError, "A chain has no evidence")
    return catalogue.evidence_priors[chain.id]


def _study(row: Published, measure: str, baseline: float | None) -> Study:
    """A row on the scale of a model."""
    if row.error is not None and row.measure in MEASURES:
        estimate, error = float(MEASURES[row.measure].to_scale(row.value)), row.error
    else:
        low, high = (np.nan if end is None else end for end in (row.low95, row.high95))
        estimate, error = error_from_interval(row.value, low, high, row.measure)
    found = convert(estimate, error, row.measure, measure, baseline)
    return Study(row.source, float(found["estimate"]), float(found["error"]), row.source, row.design)


def heterogeneity_prior(row: Heterogeneity) -> HeterogeneityPrior:
    """A row of the catalogue as the prior of tau."""
    reason = f"{row.reason} ({', '.join(row.source)})"
    if row.family == "log_normal":
        assert row.log_variance_mean is not None  # the row's own check
        assert row.log_variance_sd is not None
        return HeterogeneityPrior.of_log_variance(row.log_variance_mean, row.log_variance_sd, reason)
    return HeterogeneityPrior(row.family, row.scale or 0.0, reason)


def predictive(chain: ImpactChain, catalogue: Catalogue, belief: Belief = "discounted") -> xr.Dataset:
    """Draws of what a place that none of the studies saw can expect, and of what it is made from.

    Returns
    -------
    Dataset as `bayesian_pool` gives, on the scale of the chain's model
    """
    entry = _entry(chain, catalogue)
    tau_prior = heterogeneity_prior(catalogue.heterogeneity[entry.heterogeneity])
    return _pooled(pooled_studies(chain, catalogue, belief), tau_prior)


@lru_cache(maxsize=4)  # asked for by the fit, by what is said of it, and by the check of the catalogue
def _pooled(studies: Studies, tau_prior: HeterogeneityPrior) -> xr.Dataset:
    return bayesian_pool(studies, tau_prior, DRAWS, SEED)


def evidence_prior(
    chain: ImpactChain, catalogue: Catalogue, belief: Belief = "discounted", kept: Path | None = None
) -> RobustPrior | None:
    """The prior of the chain's `effect`, a robust mixture; None where there is no evidence, or none is to be used.

    The informative component is the predictive distribution for a new place, the weak one the effect's prior in
    priors.yaml.

    Parameters
    ----------
    kept
        Folder of priors that were worked out before, each by the hash of what it was made from; None keeps none.

    Raises
    ------
    ParamsError
        For evidence that cannot be pooled, or that says less than the weak component.
    """
    if belief == "none" or chain.id not in catalogue.evidence_priors:
        return None
    path = kept / f"{_made_from(chain, catalogue, belief)}.json" if kept else None
    if path and (known := _read_prior(path)):
        return known
    found = _worked_out(chain, catalogue, belief)
    if path:
        write_text(path, json.dumps(asdict(found)) + "\n")
    return found


def _made_from(chain: ImpactChain, catalogue: Catalogue, belief: Belief) -> str:
    """Hash of all that a prior is made from: rows, designs, heterogeneity, the model's own prior, and the code."""
    entry = _entry(chain, catalogue)
    rows = [row for row in catalogue.evidence[entry.evidence] if row.outcome == entry.outcome]
    weak = catalogue.priors[chain.outcome.model]["effect"]
    specs = [*rows, entry, catalogue.heterogeneity[entry.heterogeneity], weak]
    texts = [spec.model_dump_json() for spec in specs]
    texts += [f"{name} {one.model_dump_json()}" for name, one in sorted(catalogue.designs.items())]
    texts += [belief, chain.outcome.model, _code(), *(f"{name} {version(name)}" for name in ("numpy", "scipy"))]
    return sha256("\n".join(texts).encode()).hexdigest()[:20]


@cache
def _code() -> str:
    files = [Path(__file__), Path(draws.__file__), *sorted(Path(str(evidence.__file__)).parent.glob("*.py"))]
    return sha256(b"\n".join(path.read_bytes() for path in files)).hexdigest()


def _read_prior(path: Path) -> RobustPrior | None:
    """A prior as it was kept; one that cannot be read is as good as none."""
    try:
        return RobustPrior(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, CosteffError):
        return None


def _worked_out(chain: ImpactChain, catalogue: Catalogue, belief: Belief) -> RobustPrior:
    weak, weight = catalogue.priors[chain.outcome.model]["effect"], catalogue.evidence_priors[chain.id].weight
    new_place = predictive(chain, catalogue, belief)["effect_new"]
    found = RobustPrior.from_draws(new_place, weight, weak.mean, np.finfo(float).max)
    if found.sd > weak.sd:
        rule = f"says less (sd {found.sd:.2f}) than the model's own prior of the effect (sd {weak.sd:g})"
        problem = Problem(f"evidence.yaml priors.{chain.id}", rule, "leave it out, or widen the effect in priors.yaml")
        raise ParamsError(f"The evidence of {chain.id} makes no prior", [problem])
    return RobustPrior(round(found.mean, DIGITS), round(found.sd, DIGITS), weight, weak.mean, weak.sd)


def check_evidence(problems: Problems, chain: ImpactChain, catalogue: Catalogue) -> None:
    """Whether the evidence of a chain makes a prior of its model, discounted or not."""
    entry = catalogue.evidence_priors.get(chain.id)
    if entry is None:
        return
    measure, told = MEASURE_OF.get(chain.outcome.model), catalogue.heterogeneity[entry.heterogeneity].measure
    if measure and told != measure:
        rule = f"{entry.heterogeneity} is of the {told}, the model's effect is of the {measure}"
        place = f"evidence.yaml priors.{chain.id}.heterogeneity"
        problems.add(place, rule, "choose one of the same measure")
    for belief in ("discounted", "published"):
        try:
            evidence_prior(chain, catalogue, belief)
        except CosteffError as error:
            problems.found += error.problems
            return


# --- what the fit says of it ----------------------------------------------------------------------------


def describe(
    chain: ImpactChain, catalogue: Catalogue, belief: Belief, *, synthetic: bool, kept: Path | None = None
) -> dict[str, str]:
    """The attribute an effect carries: its prior, whence it is, how it was believed; none for a chain without evidence.

    `made_so` says that the truth of the synthetic register was set from the same source: there the prior is right by
    construction.
    """
    if chain.id not in catalogue.evidence_priors:
        return {}
    entry, prior = catalogue.evidence_priors[chain.id], evidence_prior(chain, catalogue, belief, kept)
    rows = [row for row in catalogue.evidence[entry.evidence] if row.outcome == entry.outcome]
    sources = [row.source for row in rows]
    truths = {source for scenario in catalogue.scenarios.values() for source in scenario.source}
    used = [s for row in rows for s in catalogue.designs[row.design].source] if belief == "discounted" else []
    told: dict[str, Any] = {"belief": belief, "sources": sources, "made_so": synthetic and bool(truths & set(sources))}
    told["behind"] = list(dict.fromkeys([*used, *catalogue.heterogeneity[entry.heterogeneity].source, *entry.source]))
    return {PRIOR: json.dumps(told | {"prior": asdict(prior) if prior else None})}


def rests_on(chain: ImpactChain, catalogue: Catalogue, belief: Belief) -> None:
    """Read what `describe` reads of a watched catalogue: it went into the fit, and a result made of it tells it."""
    if chain.id in catalogue.evidence_priors:
        _made_from(chain, catalogue, belief)
        list(catalogue.scenarios)


def told_of(fit: Fit) -> dict[str, Any]:
    """What `describe` put into a fit's effect; empty where it has no evidence."""
    text = fit.effect.attrs.get(PRIOR, "")
    found: dict[str, Any] = json.loads(text) if text else {}
    return found


def prior_of(fit: Fit) -> RobustPrior | None:
    """The robust prior a fit was made under."""
    numbers = told_of(fit).get("prior")
    return RobustPrior(**numbers) if numbers else None


def beside(fit: Fit, usual: xr.DataArray, draws: int, seed: int) -> tuple[xr.Dataset, dict[str, Any]]:
    """Evidence alone and the data alone, beside a fit that used both.

    Parameters
    ----------
    usual
        Risk of the usual service over (draw[, municipality]), of the appraisal's draws.

    Returns
    -------
    Dataset with `ratio` and `ratio_prior` (draw); `weight_alone` (draw), importance weights that leave the evidence
    out, missing where too few draws speak for the data; `risk_prior` (draw[, municipality]), risk of the new service
    by the evidence alone. And what is said of them: `believed_after`, `effective_draws`. Both empty without evidence.
    """
    prior = prior_of(fit)
    if prior is None:
        return xr.Dataset(), {}
    both = bare(fit.effect["ratio"])
    effect = both.copy(data=np.log(both.to_numpy()))
    weights = prior.weights_without_evidence(effect)
    enough = weights.attrs["effective_draws"] >= LEAST_DRAWS
    ratio = as_draws(np.exp(_spread(prior, draws, seed)))
    applied = apply_odds_ratio if fit.effect.attrs["measure"] == "odds_ratio" else apply_hazard_ratio
    alone = thin(bare(weights), draws) if enough else as_draws(np.full(draws, np.nan))
    data = {"ratio": thin(both, draws), "ratio_prior": ratio, "weight_alone": alone}
    told = {"believed_after": prior.believed_after(effect), "effective_draws": weights.attrs["effective_draws"]}
    return bare(xr.Dataset({**data, "risk_prior": applied(usual, ratio)})), told


def _spread(prior: RobustPrior, draws: int, seed: int) -> np.ndarray:
    """Draws of a prior in random order, evenly spread over its probability: a page tells no luck of few draws."""
    shares = (rng(seed, "evidence", "alone").permutation(draws) + 0.5) / draws
    ends = (prior.quantile(0.25 / draws), prior.quantile(1 - 0.25 / draws))
    grid = np.linspace(*ends, 10 * draws)
    return np.interp(shares, prior.cdf(grid), grid)
