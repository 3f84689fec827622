"""Published effects in params/: rows that can be believed, and what may not be pooled."""

from __future__ import annotations

from pathlib import Path

import pytest
from params_builders import change, copy_of_params

from costeff.appraisal import check_chains
from costeff.errors import ParamsError
from costeff.params import Catalogue

ROW = "out-of-home placement,standardised effect size,-0.090,,,0.045,5,99344,review,,wsipp_181,"


def told(folder: Path) -> list[str]:
    with pytest.raises(ParamsError) as caught:
        Catalogue.load(folder)
    return [problem.rule for problem in caught.value.problems]


def test_every_published_effect_has_a_design_and_its_size(catalogue: Catalogue) -> None:
    """A share of people or a cost is no effect, and has none."""
    rows = [row for rows in catalogue.evidence.values() for row in rows]
    effects = [row for row in rows if row.measure not in ("proportion", "cost")]
    assert {row.design for row in effects} <= set(catalogue.designs)
    assert all(not row.design for row in rows if row not in effects)
    assert len(effects) >= 10


def test_weaker_designs_are_believed_less(catalogue: Catalogue) -> None:
    designs = catalogue.designs
    order = [designs[name] for name in ("randomised", "matched", "adjusted")]
    assert [d.multiplier for d in order] == sorted((d.multiplier for d in order), reverse=True)
    assert [d.inflation for d in order] == sorted(d.inflation for d in order)
    assert (designs["randomised"].multiplier, designs["randomised"].inflation) == (1, 1)
    assert all(d.reason and set(d.source) <= set(catalogue.sources) for d in designs.values())


@pytest.mark.parametrize(
    ("source", "studies"), [("birth_cohort_1987", 1), ("wsipp_181", 1)], ids=["beside its review", "twice"]
)
def test_a_study_counts_once(tmp_path: Path, source: str, studies: int) -> None:
    folder = copy_of_params(tmp_path)
    if source == "wsipp_181":
        change(folder, "evidence/intensive_family_work.csv", ",5,99344,review,", ",1,99344,review,")
    path = folder / "evidence" / "intensive_family_work.csv"
    second = ROW.replace(",5,99344,", f",{studies},,").replace("wsipp_181", source)
    path.write_text(path.read_text(encoding="utf-8") + second + "\n", encoding="utf-8")
    assert told(folder) == ["out-of-home placement has a row beside another that holds the same study"]


def test_a_model_without_a_weak_effect_takes_no_prior(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, "priors.yaml", "binary:\n", "binary_as_it_was:\n")
    assert any("has no effect in priors.yaml" in rule for rule in told(folder))


def test_a_file_without_the_later_columns_is_read(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    text = "outcome,measure,value,low95,high95,source,note\ntrial,odds ratio,0.5,0.3,0.8,hilli_2017,\n"
    (folder / "evidence" / "older.csv").write_text(text, encoding="utf-8")
    (row,) = Catalogue.load(folder).evidence["older"]
    assert (row.error, row.studies, row.design, row.country) == (None, None, "", "")


@pytest.mark.parametrize(
    ("file", "old", "new", "rule"),
    [
        ("evidence/intensive_family_work.csv", "standardised effect size,-0.090", "mean difference,-0.090",
         "has no way from mean difference to odds ratio"),
        ("evidence/intensive_family_work.csv", "standardised effect size,-0.090", "hazard ratio,0.90",
         "is needed from hazard ratio to odds ratio"),
        ("evidence.yaml", "measure: odds ratio", "measure: hazard ratio",
         "use_of_services is of the hazard ratio, the model's effect is of the odds ratio"),
        ("priors.yaml", "effect: {family: normal, mean: 0.0, sd: 0.5,", "effect: {family: normal, mean: 0.0, sd: 0.2,",
         "than the model's own prior of the effect (sd 0.2)"),
    ],
    ids=["no way", "no baseline", "another tau", "weak is not weak"],
)  # fmt: skip
def test_evidence_that_makes_no_prior_is_told_by_the_check(
    tmp_path: Path, file: str, old: str, new: str, rule: str
) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, file, old, new)
    found = list(check_chains(Catalogue.load(folder)))
    assert any(rule in problem.rule for problem in found)
    assert all(problem.place.startswith("evidence.yaml priors.intensive_family_work") for problem in found)
    assert all(problem.cure for problem in found)


def test_a_baseline_opens_the_way_between_measures(tmp_path: Path) -> None:
    folder = copy_of_params(tmp_path)
    change(folder, "evidence/intensive_family_work.csv", "standardised effect size,-0.090", "hazard ratio,0.90")
    change(folder, "evidence.yaml", "    weight: 0.5", "    baseline: 0.19\n    weight: 0.5")
    assert not list(check_chains(Catalogue.load(folder)))
