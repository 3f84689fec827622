"""What `params check` says of priors and of chains whose data, model and transfer do not go together."""

from dataclasses import replace

import pytest

from costeff.appraisal import check_chains


def told(catalogue):
    return [f"{problem.place}: {problem.rule}" for problem in check_chains(catalogue)]


def with_priors(catalogue, model, change):
    found = dict(catalogue.priors[model])
    change(found)
    return replace(catalogue, priors={**catalogue.priors, model: found})


def renamed(old, new):
    return lambda priors: priors.update({new: priors.pop(old)})


def altered(name, **changes):
    return lambda priors: priors.update({name: priors[name].override(**changes)})


PRIORS = {
    "missing": (lambda priors: priors.pop("effect_group"), "priors.yaml binary: has no effect_group"),
    "misspelt": (renamed("intercept", "intercpt"), "binary.intercpt: is not a parameter of the model"),
    "half-normal for normal": (altered("effect", family="half_normal"), "binary.effect: is half_normal"),
    "normal for half-normal": (altered("effect_sd", family="normal"), "binary.effect_sd: is normal"),
    "a spread away from zero": (altered("effect_sd", mean=0.3), "binary.effect_sd: has mean 0.3"),
    "groups away from zero": (altered("group", mean=1.0), "binary.group: has mean 1"),
}


@pytest.mark.parametrize(("change", "rule"), PRIORS.values(), ids=PRIORS)
def test_priors_a_model_would_not_heed_are_told(catalogue, change, rule):
    assert any(rule in problem for problem in told(with_priors(catalogue, "binary", change)))


def test_priors_of_no_model_are_told(catalogue):
    found = {**catalogue.priors, "cost_gama": catalogue.priors["cost_gamma"]}
    del found["cost_gamma"]
    problems = told(replace(catalogue, priors=found))
    assert "priors.yaml cost_gama: is not an outcome model" in problems
    assert "priors.yaml cost_gamma: has no effect" in problems


def test_a_part_of_a_model_may_have_priors_of_its_own(catalogue):
    def own(priors):
        priors["positive_county_sd"] = priors["county_sd"]

    assert not told(with_priors(catalogue, "cost_gamma", own))
    assert told(with_priors(catalogue, "binary", own))


CHAINS = {
    "risk without places": ("post_release_support", {"transfer": "risk"}, "rossi has none"),
    "an odds ratio as a hazard ratio": ("post_release_support", {"model": "binary"}, "cannot carry the odds ratio"),
    "unknown data": ("intensive_family_work", {"data": "regsiter"}, "regsiter is not data at hand"),
}


@pytest.mark.parametrize(("chain", "changes", "rule"), CHAINS.values(), ids=CHAINS)
def test_data_model_and_transfer_have_to_go_together(catalogue, chain, changes, rule):
    found = catalogue.chains[chain]
    changed = found.override(outcome=found.outcome.override(**changes))
    assert any(rule in problem for problem in told(replace(catalogue, chains={**catalogue.chains, chain: changed})))


@pytest.mark.parametrize("model", ["time_to_event", "weibull"])
def test_a_register_may_be_read_by_any_model_of_an_event(catalogue, model):
    found = catalogue.chains["intensive_family_work"]
    changed = found.override(outcome=found.outcome.override(model=model))
    problems = told(replace(catalogue, chains={**catalogue.chains, found.id: changed}))
    assert not [problem for problem in problems if problem.startswith("chains")]
