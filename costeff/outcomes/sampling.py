"""Sampling with nutpie; a model that differs in its rows alone is compiled once a process."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from typing import Any

import numpy as np
import xarray as xr

from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel, Sampling, code_hash
from costeff.outcomes.context import Context

KEPT = 8  # compiled models a process keeps
_compiled: OrderedDict[str, Any] = OrderedDict()


def compiled(model: OutcomeModel, context: Context) -> Any:
    """The model compiled for these rows.

    Compiling takes longer than sampling a small model. What is compiled depends on the priors, the places
    and the dims, and not on the rows, which are data of the graph.
    """
    import nutpie

    data = model.data(context)
    key = _shape(model, context)
    if key in _compiled:
        _compiled.move_to_end(key)
        return _compiled[key].with_data(**data)
    made = nutpie.compile_pymc_model(model.build(context))
    _compiled[key] = made
    while len(_compiled) > KEPT:
        _compiled.popitem(last=False)
    return made


def _shape(model: OutcomeModel, context: Context) -> str:
    """Everything the compiled code depends on."""
    parts = {
        "code": code_hash(type(model)),
        "model": model.id,
        "coords": context.coords,
        "counties": dict(sorted(context.counties.items())),
        "centred": context.centred,
        "covariates": context.covariate_of_county.tolist() if context.regressed else None,
        "priors": {name: str(prior) for name, prior in sorted(context.priors.items())},
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()


def sample(
    model: OutcomeModel, context: Context, sampling: Sampling, *, progress: bool = False
) -> tuple[xr.Dataset, xr.Dataset]:
    """Posterior and sampler statistics, dims chain and draw.

    Raises
    ------
    ModelError
        When sampling failed.
    """
    import nutpie

    try:
        sampler = nutpie.sample(
            compiled(model, context),
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            seed=sampling.seed,
            target_accept=sampling.target_accept,
            save_warmup=False,
            progress_bar=progress,
            blocking=False,
        )
        tree = _whole(sampler)
    except (RuntimeError, ValueError, FloatingPointError) as error:
        rule = f"sampling failed ({type(error).__name__})"
        raise ModelError(
            "The model could not be fitted", [Problem(model.id, rule, "look for empty or extreme cells")]
        ) from error
    return tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()


def _whole(sampler: Any) -> Any:
    """All the draws that were asked for; nutpie's own waiting gives those it has when it is interrupted."""
    try:
        return sampler.wait()
    except BaseException:
        sampler.cancel()
        raise


def flatten(posterior: xr.Dataset) -> xr.Dataset:
    """One `draw` index over all chains; raw (non-centred) variables are left behind."""
    left = [name for name in posterior.data_vars if "_raw" in str(name) or "zerosum__" in str(name)]
    flat = posterior.drop_vars(left).stack(sample=("chain", "draw")).reset_index("sample", drop=True)
    flat = flat.rename(sample="draw").transpose("draw", ...)
    return flat.assign_coords(draw=np.arange(flat.sizes["draw"])).drop_attrs()
