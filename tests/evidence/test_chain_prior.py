"""Published effects become the prior of a chain: scale and sign, discounts, what a fit and an appraisal say of it."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from appraisal_builders import family_fit, run

from costeff.appraisal import BELIEFS, describe, evidence_prior, one, pooled_studies, predictive
from costeff.appraisal.evidence import LEAST_DRAWS, PRIOR, beside, prior_of
from costeff.batch.country import context_for, data_for
from costeff.chain import ImpactChain
from costeff.cohort import apply_odds_ratio
from costeff.draws import NEW, OPTIONS, USUAL, as_draws
from costeff.errors import ParamsError
from costeff.evidence import RobustPrior, pool
from costeff.outcomes import MODELS, Sampling, fit
from costeff.outcomes.base import content_hash
from costeff.params import Catalogue
from costeff.params.entries import Published
from costeff.records import Cells


@pytest.fixture(scope="module")
def chain(catalogue: Catalogue) -> ImpactChain:
    return catalogue.chains["intensive_family_work"]


def with_row(catalogue: Catalogue, **changes: object) -> Catalogue:
    """The catalogue with another row of evidence in the place of the published one."""
    first, *others = catalogue.evidence["intensive_family_work"]
    rows = (first.override(**changes), *others)
    return dataclasses.replace(catalogue, evidence={**catalogue.evidence, "intensive_family_work": rows})


# --- scale and sign ---------------------------------------------------------------------------------


def test_the_review_stands_on_the_log_odds_scale_with_its_sign(catalogue: Catalogue, chain: ImpactChain) -> None:
    """-0.090 (0.045) times pi / sqrt(3): fewer placements, an odds ratio of 0.85."""
    found = pool(pooled_studies(chain, catalogue, "published"), "dl")
    factor = math.pi / math.sqrt(3)
    assert [float(found[n]) for n in ("mean", "error")] == pytest.approx([-0.090 * factor, 0.045 * factor])
    assert math.exp(float(found["mean"])) == pytest.approx(0.849, abs=0.001)
    assert found.attrs["measure"] == "odds ratio"
    assert found.attrs["sources"] == ["wsipp_181"]


def test_a_ratio_with_its_interval_comes_to_the_same_scale(catalogue: Catalogue, chain: ImpactChain) -> None:
    row = {"measure": "odds ratio", "value": 0.85, "low95": 0.72, "high95": 1.0, "error": None, "studies": 1}
    (study,) = pooled_studies(chain, with_row(catalogue, **row), "published").rows
    assert study.estimate == pytest.approx(math.log(0.85))
    assert study.error == pytest.approx(math.log(1.0 / 0.72) / (2 * 1.96), rel=1e-3)


def test_several_studies_are_pooled_as_they_are(catalogue: Catalogue, chain: ImpactChain) -> None:
    rows = tuple(
        Published(outcome="out-of-home placement", measure="odds ratio", value=value, low95=None, high95=None,
                  error=0.1, design="randomised", source=source, note="made up")
        for value, source in ((0.7, "rossi_1980"), (0.8, "job_corps"), (0.9, "umaru_hosmer_lemeshow"))
    )  # fmt: skip
    other = dataclasses.replace(catalogue, evidence={**catalogue.evidence, "intensive_family_work": rows})
    studies = pooled_studies(chain, other)
    assert [study.id for study in studies.rows] == ["rossi_1980", "job_corps", "umaru_hosmer_lemeshow"]
    prior = evidence_prior(chain, other)
    assert prior is not None
    assert prior.mean == pytest.approx(float(predictive(chain, other)["effect_new"].median()), abs=0.005)


# --- the prior --------------------------------------------------------------------------------------


def test_the_prior_is_the_new_place_and_the_weak_prior_of_the_model(catalogue: Catalogue, chain: ImpactChain) -> None:
    prior, weak = evidence_prior(chain, catalogue, "published"), catalogue.priors["binary"]["effect"]
    assert prior is not None
    low, high = predictive(chain, catalogue, "published")["effect_new"].quantile([0.025, 0.975]).to_numpy()
    assert 2 * 1.96 * prior.sd == pytest.approx(high - low, abs=0.03)
    assert (prior.weak_mean, prior.weak_sd) == (weak.mean, weak.sd)
    assert prior.weight == catalogue.evidence_priors[chain.id].weight
    assert prior.sd > 3 * 0.045 * math.pi / math.sqrt(3), "a new place is far less sure than the mean of places"


def test_discounts_bring_the_effect_towards_none_and_widen_it(catalogue: Catalogue, chain: ImpactChain) -> None:
    discounted, published = (evidence_prior(chain, catalogue, belief) for belief in ("discounted", "published"))
    assert discounted is not None
    assert published is not None
    assert published.mean < discounted.mean < 0
    assert discounted.sd > published.sd
    assert "effect x 0.75" in " ".join(pooled_studies(chain, catalogue).notes)
    assert "not applied" in " ".join(pooled_studies(chain, catalogue, "published").notes)


def test_a_chain_without_evidence_keeps_its_weak_prior(catalogue: Catalogue, chain: ImpactChain) -> None:
    """The trial is not the prior of the fit to its own data, nor another service that of money on release."""
    aid = catalogue.chains["post_release_support"]
    assert evidence_prior(aid, catalogue) is None
    assert evidence_prior(chain, catalogue, "none") is None
    assert context_for(aid, catalogue, data_for(aid, catalogue, None)).priors == catalogue.priors["time_to_event"]
    assert describe(aid, catalogue, "discounted", synthetic=False) == {}
    with pytest.raises(ParamsError, match=r"priors\.post_release_support: does not exist"):
        pooled_studies(aid, catalogue)


def test_every_way_of_believing_is_another_fit(catalogue: Catalogue, chain: ImpactChain) -> None:
    table = pd.DataFrame({"municipality": "165", "option": list(OPTIONS), "group": "low", "n": 20, "events": [4, 3]})
    cells = Cells("binary", ("municipality", "option", "group"), table, "placement", 365, True, "made up")
    data = SimpleNamespace(outcome=cells, profiles=None, counties={"165": "05"})
    keys = {
        content_hash(MODELS["binary"], context_for(chain, catalogue, data, belief), Sampling(1)) for belief in BELIEFS
    }
    assert len(keys) == len(BELIEFS)


def test_a_fit_says_what_its_prior_was(catalogue: Catalogue, chain: ImpactChain) -> None:
    told = describe(chain, catalogue, "discounted", synthetic=True)
    fitted = SimpleNamespace(effect=xr.Dataset(attrs=told))
    assert prior_of(fitted) == evidence_prior(chain, catalogue)
    assert '"made_so": true' in told[PRIOR], "the truth of the synthetic register was set from this very source"
    assert '"made_so": false' in describe(chain, catalogue, "discounted", synthetic=False)[PRIOR]
    assert "turner_bias_2009" in told[PRIOR]
    assert "turner_bias_2009" not in describe(chain, catalogue, "published", synthetic=True)[PRIOR]


# --- beside the data ----------------------------------------------------------------------------------


def made_fit(prior: RobustPrior, estimate: float, error: float, draws: int = 4000) -> SimpleNamespace:
    """A fit whose likelihood is normal, so that its posterior is known."""
    effect = prior.update(estimate, error).sample(draws, seed=2).to_numpy()
    numbers = str(dataclasses.asdict(prior)).replace("'", '"')
    attrs = {PRIOR: f'{{"prior": {numbers}}}', "measure": "odds_ratio"}
    return SimpleNamespace(effect=xr.Dataset({"ratio": as_draws(np.exp(effect))}, attrs=attrs))


def test_evidence_and_data_stand_beside_both() -> None:
    prior = RobustPrior(-0.2, 0.3, 0.5, 0.0, 0.5)
    usual = as_draws(np.full(1000, 0.2))
    found, told = beside(made_fit(prior, 0.3, 0.15), usual, 1000, seed=7)
    assert set(found) == {"ratio", "ratio_prior", "weight_alone", "risk_prior"}
    assert all(values.dims == ("draw",) for values in found.values())
    alone = np.log(found["ratio"]).weighted(found["weight_alone"]).mean()
    weak = 0.3 / 0.15**2 / (1 / 0.15**2 + 1 / 0.5**2)
    assert float(alone) == pytest.approx(weak, abs=0.02)
    assert float(np.log(found["ratio"]).mean()) < float(alone), "the evidence draws towards fewer events"
    ends = [0.05, 0.5, 0.95]
    exact = [prior.quantile(end) for end in ends]
    np.testing.assert_allclose(np.log(found["ratio_prior"]).quantile(ends), exact, atol=0.003)
    assert abs(float(xr.corr(found["ratio"], found["ratio_prior"]))) < 0.1, "in random order"
    xr.testing.assert_allclose(found["risk_prior"], apply_odds_ratio(usual, found["ratio_prior"]))
    assert told["believed_after"] == pytest.approx(prior.update(0.3, 0.15).weight, abs=0.02)


def test_data_that_few_draws_speak_for_are_not_told() -> None:
    prior = RobustPrior(-0.2, 0.02, 0.99, 0.0, 5.0)
    found, told = beside(made_fit(prior, -0.2, 2.0), as_draws(np.full(500, 0.2)), 500, seed=7)
    assert told["effective_draws"] < LEAST_DRAWS
    assert found["weight_alone"].isnull().all()  # noqa: PD003  (xarray has no isna)


def test_without_evidence_there_is_nothing_beside() -> None:
    found, told = beside(SimpleNamespace(effect=xr.Dataset()), as_draws(np.full(5, 0.2)), 5, seed=7)
    assert not found.data_vars
    assert told == {}


def test_an_appraisal_carries_what_research_and_the_data_say(catalogue: Catalogue, chain: ImpactChain) -> None:
    """No clients in 005: research alone is told at the risk that its county and the country lead one to expect."""
    fitted = family_fit(600)
    told = describe(chain, catalogue, "discounted", synthetic=True)
    fitted = dataclasses.replace(fitted, effect=fitted.effect.assign_attrs(told))
    found = run(catalogue, chain, fitted, codes=["091", "005"], draws=600)
    here = one(found, "005", catalogue)
    assert {"ratio", "ratio_prior", "events_prior", "weight_alone"} <= set(here)
    assert here.attrs["evidence"] == "elsewhere"
    usual = here["events"].sel(option=USUAL, drop=True) / here.attrs["clients"]
    expected = here.attrs["clients"] * apply_odds_ratio(usual, here["ratio_prior"])
    np.testing.assert_allclose(here["events_prior"], expected)
    said = json.loads(here.attrs[PRIOR])
    assert 0 < said["believed_after"] < 1
    assert {"wsipp_181", "turner_heterogeneity_2015"} <= set(json.loads(here.attrs["sources"]))
    plain = run(catalogue, chain, family_fit(600), codes=["005"], draws=600)
    assert PRIOR not in plain.attrs
    assert "ratio_prior" not in plain
    xr.testing.assert_identical(found["events"].sel(municipality=["005"]), plain["events"])


@pytest.mark.slow
def test_weighting_gives_what_a_second_fit_gives(catalogue: Catalogue) -> None:
    """The trial's data under evidence that contradicts them, and under the weak component alone."""
    aid = catalogue.chains["post_release_support"]
    context = context_for(aid, catalogue, data_for(aid, catalogue, None))
    weak = context.priors["effect"]
    prior = RobustPrior(0.2, 0.15, 0.6, weak.mean, weak.sd)
    both = fit(
        MODELS[aid.outcome.model], dataclasses.replace(context, priors={**context.priors, "effect": prior}), Sampling(4)
    )
    alone = fit(MODELS[aid.outcome.model], context, Sampling(5))
    effect = np.log(both.effect["ratio"])
    weights = prior.weights_without_evidence(effect)
    ends = [0.05, 0.5, 0.95]
    weighted = np.quantile(effect, ends, weights=weights.to_numpy(), method="inverted_cdf")
    expected = np.log(alone.effect["ratio"]).quantile(ends).to_numpy()
    moved = expected[1] - float(effect.median())
    assert moved < -0.05, "the evidence moved the estimate, or the test shows nothing"
    assert weights.attrs["effective_draws"] >= LEAST_DRAWS
    np.testing.assert_allclose(weighted, expected, atol=0.02)
    risk = both.effect["risk"].sel(option=NEW) - both.effect["risk"].sel(option=USUAL)
    second = alone.effect["risk"].sel(option=NEW) - alone.effect["risk"].sel(option=USUAL)
    assert float(risk.weighted(weights).mean()) == pytest.approx(float(second.mean()), abs=0.005)


# --- the page of the method ---------------------------------------------------------------------------


def test_the_tables_of_the_method_are_those_of_the_catalogue(catalogue: Catalogue, chain: ImpactChain) -> None:
    text = (catalogue.folder.parent / "docs" / "methods" / "evidence.md").read_text(encoding="utf-8")
    for name, design in catalogue.designs.items():
        named = ", ".join(f"`{source}`" for source in design.source)
        assert f"| `{name}` | {design.multiplier:g} | {design.inflation:g} | {named} |" in text
    for name, row in catalogue.heterogeneity.items():
        median = math.exp((row.log_variance_mean or 0) / 2)
        assert f"| `{name}` | {row.log_variance_mean:g} | {row.log_variance_sd:g} | {median:.2f} |" in text
    for belief, words in (("discounted", "discounted"), ("published", "as published")):
        prior = evidence_prior(chain, catalogue, belief)
        assert prior is not None
        low, high = (math.exp(prior.mean + side * 1.96 * prior.sd) for side in (-1, 1))
        told = f"| informative component, {words} | {prior.mean:g} | {prior.sd:g} | {low:.2f} to {high:.2f} |"
        assert told in text
        clients = prior.effective_sample_size(2 / math.sqrt(0.192 * 0.808))
        assert belief == "published" or f"worth about {clients:.0f} clients" in text


def test_a_prior_is_kept_by_what_it_is_made_from(catalogue: Catalogue, chain: ImpactChain, tmp_path: Path) -> None:
    fresh = evidence_prior(chain, catalogue)
    assert evidence_prior(chain, catalogue, kept=tmp_path) == fresh
    (file,) = tmp_path.iterdir()
    other = file.read_text(encoding="utf-8").replace('"weight"', '"weight" ')
    file.write_text(other, encoding="utf-8")
    assert evidence_prior(chain, catalogue, kept=tmp_path) == fresh
    assert file.read_text(encoding="utf-8") == other, "it was read, and not worked out anew"
    evidence_prior(chain, catalogue, "published", tmp_path)
    entry = catalogue.evidence_priors[chain.id]
    halved = entry.override(weight=entry.weight / 2)
    moved = dataclasses.replace(catalogue, evidence_priors={**catalogue.evidence_priors, chain.id: halved})
    found = evidence_prior(chain, moved, kept=tmp_path)
    assert found is not None
    assert found.weight == halved.weight
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"mean": "a"}', '{"mean": 0, "sd": -1, "weight": 2}'])
def test_a_kept_prior_that_is_broken_is_as_good_as_none(
    catalogue: Catalogue, chain: ImpactChain, tmp_path: Path, text: str
) -> None:
    fresh = evidence_prior(chain, catalogue, kept=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_text(text, encoding="utf-8")
    assert evidence_prior(chain, catalogue, kept=tmp_path) == fresh
