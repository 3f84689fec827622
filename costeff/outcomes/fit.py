"""Fitting an outcome model: its posterior, its effect, its gate, and the cache of posteriors."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import xarray as xr

from costeff.draws import rng, thin
from costeff.errors import ModelError, Problem
from costeff.files import write_bytes
from costeff.outcomes.base import OutcomeModel, Sampling, content_hash
from costeff.outcomes.context import Context
from costeff.outcomes.gate import Check, gate
from costeff.outcomes.predictor import as_new_places
from costeff.outcomes.sampling import flatten, sample


@dataclass(frozen=True)
class Fit:
    """A fitted outcome model: its effect, and whether it may be believed.

    Attributes
    ----------
    effect
        Dataset over `draw` (and `option`, `municipality`): `risk` within the follow-up and `ratio`.
    posterior
        The posterior the effect was made from, dims `draw` and the model's own; no observed data, and no estimate
        of its own for a place with few clients: see `as_new_places`.
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
                f"is {c.value:.4g}, the limit is {c.limit:g}",
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

    Where the draws do not pass the gate, the model is sampled once more: see `Sampling.again`. A failed
    predictive check does not lie in the sampling, and is not tried again.

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
    effect, flat, checks = _attempt(model, context, sampling, progress)
    failed = {check.check for check in checks if not check.passed} - {"predictive"}
    if failed:
        effect, flat, checks = _attempt(model, context, sampling.again("divergences" in failed), progress)
        size = sampling.draws * sampling.chains  # as many are kept as of any fit
        effect, flat = (cast(xr.Dataset, thin(found, size)) for found in (effect, flat))
    effect = effect.assign_attrs(
        model=model.id,
        quantity=model.quantity,
        unit=model.unit,
        measure=model.measure,
        method="posterior",
        hash=key,
        seed=sampling.seed,
        synthetic=int(context.cells.synthetic),
        data=context.cells.source,
        follow_up_days=np.nan if context.cells.follow_up is None else context.cells.follow_up,
    )
    result = Fit(model.id, effect, flat, checks, key, cached=False)
    if path:
        _save(result, path)
    return _with_clients(result, context)


def _attempt(
    model: OutcomeModel, context: Context, sampling: Sampling, progress: bool
) -> tuple[xr.Dataset, xr.Dataset, tuple[Check, ...]]:
    """Effect, posterior and checks of one sampling."""
    posterior, stats = sample(model, context, sampling, progress=progress)
    flat = flatten(posterior)
    told = as_new_places(flat, context, rng(sampling.seed, "places with few clients"))
    effect = model.effect(told, context)
    checks = gate(model, posterior, stats, flat, effect, context, sampling)
    return effect.assign_attrs(draws=sampling.draws, target_accept=sampling.target_accept), told, checks


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
