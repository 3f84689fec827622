"""Whether params/ declares the priors that the outcome models draw from, and as they draw."""

from __future__ import annotations

from collections.abc import Mapping

from costeff.errors import Problems
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Prior

SPREADS = ("county_sd", "municipality_sd", "effect_sd")
FREE = ("county_slope",)  # of covariates of counties, which a fit may do without
SHARED = ("effect", "group", "effect_group", *SPREADS)  # of the predictor


def check_priors(
    problems: Problems, priors: Mapping[str, Mapping[str, Prior]], models: Mapping[str, OutcomeModel]
) -> None:
    """Missing and unknown priors, and those of a family or mean that the model would not heed."""
    for name in sorted(set(priors) - set(models)):
        problems.add(f"priors.yaml {name}", "is not an outcome model", f"known: {', '.join(models)}")
    for model in models.values():
        declared, needed = priors.get(model.id, {}), (*SHARED, *model.priors)
        for name in needed:
            if name not in declared:
                problems.add(f"priors.yaml {model.id}", f"has no {name}", "add it, with its reason")
        known = {*needed, *FREE, *(f"{part}_{name}" for part in model.parts for name in needed)}
        for name, prior in declared.items():
            _check(problems, f"priors.yaml {model.id}.{name}", name, prior, known)


def _check(problems: Problems, place: str, name: str, prior: Prior, known: set[str]) -> None:
    family = "half_normal" if name.endswith(SPREADS) else "normal"
    if name not in known:
        problems.add(place, "is not a parameter of the model", f"known: {', '.join(sorted(known))}")
    elif prior.family != family:
        problems.add(place, f"is {prior.family}, and the model draws it from {family}", f"write family: {family}")
    elif prior.mean and (family == "half_normal" or name.endswith("group")):
        problems.add(place, f"has mean {prior.mean:g}, and the model draws it around 0", "leave the mean out")
