"""Sampling an outcome model, its diagnostics gate, and the cache of posteriors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import rng
from costeff.errors import ModelError, Problem
from costeff.files import write_bytes
from costeff.outcomes.base import Context, OutcomeModel, Sampling, content_hash

# Vehtari et al. 2021, doi:10.1214/20-BA1221 (R-hat, ESS); Betancourt 2016, arXiv:1604.00695 (E-BFMI)
RHAT_LIMIT = 1.01
ESS_PER_CHAIN = 100
BFMI_LIMIT = 0.3
PREDICTIVE_TAIL = 0.005


@dataclass(frozen=True)
class Check:
    """One diagnostic: what was measured, where, and the limit."""

    check: str  # rhat, ess, divergences, bfmi, predictive
    where: str
    value: float
    limit: float
    passed: bool


@dataclass(frozen=True)
class Fit:
    """A fitted outcome model: its effect, and whether it may be believed.

    Attributes
    ----------
    effect
        Dataset over `draw` (and `option`, `municipality`): `risk` within the follow-up and `ratio`.
    posterior
        The posterior the effect was made from, dims `draw` and the model's own; no observed data.
    checks
        The diagnostics gate. A fit with a failed check gives no headline figure.
    """

    model: str
    effect: xr.Dataset
    posterior: xr.Dataset
    checks: tuple[Check, ...]
    hash: str
    cached: bool

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    @property
    def failed_checks(self) -> list[dict[str, Any]]:
        return [asdict(check) for check in self.checks if not check.passed]

    def believed(self) -> Fit:
        """This fit, if it passed its gate.

        Raises
        ------
        ModelError
            With every failed check: no headline figure may be made from the fit.
        """
        failed = [
            Problem(
                f"{self.model} {c.check} {c.where}",
                f"is {c.value:.3g}, the limit is {c.limit:g}",
                "see the model's notes",
            )
            for c in self.checks
            if not c.passed
        ]
        if failed:
            raise ModelError("The fit did not pass its diagnostics, so it gives no figures", failed)
        return self

    def diagnostics(self) -> pd.DataFrame:
        """The gate as a table."""
        return pd.DataFrame([asdict(check) for check in self.checks])

    def _repr_html_(self) -> str:
        verdict = "passed" if self.passed else "FAILED: no headline figure may be made from this fit"
        table: str = self.diagnostics().to_html(index=False, float_format="%.3f")
        return f"<h4>{self.model}: diagnostics {verdict}</h4>{table}"


def fit(
    model: OutcomeModel,
    context: Context,
    sampling: Sampling,
    cache: Path | None = None,
    *,
    progress: bool = False,
) -> Fit:
    """Sample a model with nutpie, or read the posterior that these very inputs gave before.

    Parameters
    ----------
    cache
        Folder of cached posteriors, one NetCDF a content hash; None does not cache.

    Raises
    ------
    ModelError
        When the cells cannot support the model, or sampling failed.
    """
    _refuse_unusable(model, context)
    key = content_hash(model, context, sampling)
    path = cache / f"{model.id}-{key}.nc" if cache else None
    if path and path.is_file() and (found := _load(path, key, model.id)):
        return _with_clients(found, context)
    posterior, stats = _sample(model, context, sampling, progress)
    flat = _flatten(posterior)
    checks = (*_sampler_checks(model, posterior, stats, sampling), *_predictive_checks(model, flat, context, sampling))
    effect = model.effect(flat, context).assign_attrs(
        model=model.id,
        measure=model.measure,
        hash=key,
        seed=sampling.seed,
        synthetic=int(context.cells.synthetic),
        data=context.cells.source,
        follow_up_days=context.cells.follow_up,
    )
    result = Fit(model.id, effect, flat, checks, key, cached=False)
    if path:
        _save(result, path)
    return _with_clients(result, context)


def _with_clients(found: Fit, context: Context) -> Fit:
    """The effect with the clients behind it, which come from the cells at hand and are never stored."""
    if not context.counties:
        return found
    return replace(found, effect=found.effect.assign(clients=context.clients()))


def _refuse_unusable(model: OutcomeModel, context: Context) -> None:
    cells = context.cells
    if cells.statistic != model.statistic:
        rule = f"needs {model.statistic} cells, these are {cells.statistic} cells"
        raise ModelError(
            "The model cannot read these cells", [Problem(model.id, rule, "reduce the register for this model")]
        )
    missing = {"usual", "new"} - set(cells.table["option"])
    if missing:
        raise ModelError(
            "There is no comparison",
            [
                Problem(
                    model.id,
                    f"no client has the option {', '.join(sorted(missing))}",
                    "a comparison arm is always needed",
                )
            ],
        )


def _sample(model: OutcomeModel, context: Context, sampling: Sampling, progress: bool) -> tuple[xr.Dataset, xr.Dataset]:
    import nutpie

    try:
        compiled = nutpie.compile_pymc_model(model.build(context))
        tree = nutpie.sample(
            compiled,
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            seed=sampling.seed,
            target_accept=sampling.target_accept,
            save_warmup=False,
            progress_bar=progress,
        )
    except (RuntimeError, ValueError, FloatingPointError) as error:
        rule = f"sampling failed ({type(error).__name__})"
        raise ModelError(
            "The model could not be fitted", [Problem(model.id, rule, "look for empty or extreme cells")]
        ) from error
    return tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()


def _flatten(posterior: xr.Dataset) -> xr.Dataset:
    """One `draw` index over all chains; raw (non-centred) variables are left behind."""
    kept = posterior.drop_vars(
        [name for name in posterior.data_vars if "_raw" in str(name) or "zerosum__" in str(name)]
    )
    flat = kept.stack(sample=("chain", "draw")).reset_index("sample", drop=True).rename(sample="draw")
    flat = flat.transpose("draw", ...).assign_coords(draw=np.arange(flat.sizes["draw"]))
    return flat.drop_attrs()


def _sampler_checks(model: OutcomeModel, posterior: xr.Dataset, stats: xr.Dataset, sampling: Sampling) -> list[Check]:
    import arviz as az

    watched = posterior[list(model.gated)]
    rhat = az.rhat(watched)
    ess = {kind: az.ess(watched, method=kind) for kind in ("bulk", "tail")}
    limit = ESS_PER_CHAIN * sampling.chains
    checks = []
    for name in model.gated:
        worst = float(rhat[name].max())
        checks.append(Check("rhat", name, worst, RHAT_LIMIT, bool(worst < RHAT_LIMIT)))
        least = min(float(values[name].min()) for values in ess.values())
        checks.append(Check("ess", name, least, limit, bool(least >= limit)))
    divergent = int(stats["diverging"].sum())
    checks.append(Check("divergences", "all", divergent, 0, divergent == 0))
    if "energy" in stats:
        bfmi = float(np.min(az.bfmi(stats["energy"]) if not isinstance(stats, xr.DataTree) else np.inf))
        checks.append(Check("bfmi", "all", bfmi, BFMI_LIMIT, bool(bfmi >= BFMI_LIMIT)))
    return checks


def _predictive_checks(model: OutcomeModel, flat: xr.Dataset, context: Context, sampling: Sampling) -> list[Check]:
    """Total events by option, the statistic the report uses, against their replications."""
    replicated = model.replicate(flat, context, rng(sampling.seed, "posterior predictive"))
    observed = context.cells.table.groupby("option")["events"].sum()
    checks = []
    for option in replicated.columns:
        below = (replicated[option] < observed[option]).mean() + 0.5 * (replicated[option] == observed[option]).mean()
        tail = float(min(below, 1 - below))
        checks.append(Check("predictive", f"events {option}", tail, PREDICTIVE_TAIL, tail >= PREDICTIVE_TAIL))
    return checks


# --- cache ------------------------------------------------------------------------------------


def _save(result: Fit, path: Path) -> None:
    notes = {"hash": result.hash, "checks": json.dumps([asdict(check) for check in result.checks])}
    tree = xr.DataTree.from_dict({"/effect": result.effect, "/posterior": result.posterior})
    tree.attrs.update(notes)
    write_bytes(path, tree.to_netcdf(None, engine="netcdf4"))  # a full disk then is an OSError, not HDF5's


def _load(path: Path, key: str, model: str) -> Fit | None:
    """A cached fit; a file that is broken or not the one asked for is as good as none."""
    try:
        with xr.open_datatree(path, engine="netcdf4") as tree:
            if tree.attrs.get("hash") != key:
                return None
            checks = tuple(Check(**check) for check in json.loads(tree.attrs["checks"]))
            effect, posterior = tree["effect"].to_dataset().load(), tree["posterior"].to_dataset().load()
    except (OSError, KeyError, ValueError, TypeError):
        return None
    return Fit(model, effect, posterior, checks, key, cached=True)
