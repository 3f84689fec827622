"""Published research on the page: what it says, what the data say, what both say, and how far it holds here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from report_fakes import appraisal, catalogue, executed, with_research, write_tree
from test_page import told

from costeff.report import estimates
from costeff.report.appraisals import Variant
from costeff.report.estimates import Estimate
from costeff.report.evidence_figures import forest_figure
from costeff.report.figures import AxisTexts
from costeff.report.page import Page, open_page

NAMES = {
    "fi": ("julkaistu tutkimus yksin", "aineisto yksin", "molemmat yhdessä"),
    "sv": ("enbart publicerad forskning", "enbart uppgifterna", "båda tillsammans"),
    "en": ("published research alone", "the data alone", "both together"),
}
TEXTS = AxisTexts("Fewer events", "", "An alternative text that is long enough.", lambda value: f"{value:g}")


def page(tmp_path: Path, language: str = "en", *, alone: bool = True, **changes: object) -> Page:
    data = with_research(appraisal(), alone=alone, **changes)
    return open_page(write_tree(tmp_path / "999.nc", {"family_work": data}), "999", language, catalogue())


# --- numbers ----------------------------------------------------------------------------------------


def test_a_weighted_estimate_is_that_of_draws_repeated_as_often() -> None:
    import xarray as xr

    values = np.random.default_rng(1).normal(size=300)
    weights = np.random.default_rng(2).integers(1, 5, size=300)
    weighted = Estimate.of_weighted(xr.DataArray(values), 0.9, xr.DataArray(weights.astype(float)))
    repeated = Estimate.of(np.repeat(values, weights), 0.9)
    assert weighted.mean == pytest.approx(repeated.mean)
    assert [weighted.low, weighted.high] == pytest.approx([repeated.low, repeated.high], abs=0.05)
    assert weighted.error > repeated.error, "a draw that counts twice is still one draw"
    plain = Estimate.of_weighted(xr.DataArray(values), 0.9, xr.ones_like(xr.DataArray(values)))
    assert plain.error == pytest.approx(Estimate.of(values, 0.9).error, rel=0.01)


def test_both_together_is_what_the_rest_of_the_page_tells() -> None:
    variant = Variant("c", with_research(appraisal()))
    rows = estimates.by_evidence(variant)
    assert list(rows) == ["prior", "alone", "both"]
    assert rows["both"][0] == estimates.events(variant)[2]
    assert rows["both"][1].mean == pytest.approx(float(np.exp(np.log(variant.data["ratio"]).mean())))
    avoided = variant.data["events"].sel(option="usual") - variant.data["events"].sel(option="new")
    assert rows["alone"][0].mean == pytest.approx(float(avoided.weighted(variant.data["weight_alone"]).mean()))
    assert rows["prior"][1].mean == pytest.approx(np.exp(-0.6), abs=0.05)


def test_without_research_there_is_nothing_to_tell() -> None:
    assert estimates.by_evidence(Variant("c", appraisal())) == {}


# --- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_research_data_and_both_stand_beside_each_other(tmp_path: Path, language: str) -> None:
    made = page(tmp_path, language)
    text = told(made, "how_sure").lower()
    for name in NAMES[language]:
        assert text.count(name) >= 2, "in the sentence and in the table"
    html = made.how_sure()._repr_html_()
    assert html.count("<img") == 2
    assert html.count('alt="') == 2
    assert "27" in told(made, "answer")


def test_the_data_alone_are_left_out_where_they_cannot_be_told(tmp_path: Path) -> None:
    for language, words in (("fi", "liian harva"), ("sv", "för få"), ("en", "too few draws")):
        text = told(page(tmp_path, language, alone=False), "how_sure")
        assert words in text
        assert NAMES[language][1] not in text
        assert NAMES[language][2] in text


def test_how_far_research_holds_here_is_told_before_and_after(tmp_path: Path) -> None:
    text = told(page(tmp_path), "answer")
    assert "it holds here with a probability of 27%; before them the probability was 50%" in text
    sure = told(page(tmp_path, believed_after=0.9996), "answer")
    assert "more than 99%" in sure
    assert "100%" not in sure


@pytest.mark.parametrize(
    ("belief", "words"), [("discounted", "believed less"), ("published", "as it was published"), ("none", "left out")]
)
def test_the_switch_is_told_among_what_is_counted(tmp_path: Path, belief: str, words: str) -> None:
    assert words in told(page(tmp_path, belief=belief), "sources")


def test_research_that_was_left_out_is_told_and_not_drawn(tmp_path: Path) -> None:
    data = appraisal(evidence_prior='{"belief": "none", "prior": null, "made_so": true, "sources": ["thl"]}')
    path = write_tree(tmp_path / "999.nc", {"family_work": data})
    made = open_page(path, "999", "en", catalogue())
    assert "Published research is left out of the estimate." in told(made, "answer")
    assert "Do research and the data agree?" not in told(made, "how_sure")


def test_a_truth_set_from_the_research_is_told(tmp_path: Path) -> None:
    for language, words in (("fi", "saman tutkimuksen pohjalta"), ("sv", "samma forskning"), ("en", "by construction")):
        assert words in told(page(tmp_path, language, made_so=True), "how_sure")
        assert words not in told(page(tmp_path, language), "how_sure")


def test_a_municipality_without_clients_says_whence_its_numbers_are(tmp_path: Path) -> None:
    """No clients: its effect is that of others and of research, its baseline that of its county."""
    words = {
        "fi": ("muiden kuntien tiedoista", "alle 10 asiakasta", "alueen ja koko maan asiakkaiden perusteella", "27 %"),
        "sv": ("andra kommuners uppgifter", "färre än 10", "området och klienterna i hela landet", "27 %"),
        "en": ("the data of other municipalities", "fewer than 10", "what its county and the clients", "27%"),
    }
    data = with_research(appraisal(evidence="elsewhere", n_clients_protected=-1, pooling=0.9996))
    path = write_tree(tmp_path / "999.nc", {"family_work": data})
    for language, parts in words.items():
        text = told(open_page(path, "999", language, catalogue()), "answer")
        assert all(part in text for part in parts)


def test_the_page_with_research_is_rendered(tmp_path: Path) -> None:
    from costeff.report.render import ReportExporter

    html = ReportExporter().from_notebook_node(executed(page(tmp_path)))[0]
    assert "Do research and the data agree?" in html


# --- the figure -------------------------------------------------------------------------------------


def rows(*numbers: tuple[float, float, float]) -> pd.DataFrame:
    kinds = ["one", "new", "all"]
    return pd.DataFrame([(f"row {i}", *n, kinds[i % 3]) for i, n in enumerate(numbers)],
                        columns=["row", "mean", "low", "high", "kind"])  # fmt: skip


def test_a_forest_has_a_marker_and_a_line_for_each_row() -> None:
    table = rows((1.0, -1.0, 3.0), (0.5, 0.2, 0.8), (2.0, 1.0, 3.0))
    drawn = forest_figure(table, TEXTS)
    assert drawn.table is table
    assert drawn.alt == TEXTS.alt
    assert forest_figure(rows((1.0, 0.5, 2.0)), TEXTS, ratio=True).height < drawn.height
    assert drawn.svg == forest_figure(table, TEXTS).svg, "the same bytes every time"


def test_the_line_of_no_effect_of_a_ratio_is_at_one() -> None:
    """All ratios below one: the axis still reaches the line of no effect."""
    far = forest_figure(rows((0.3, 0.2, 0.4)), TEXTS, ratio=True)
    assert far.svg != forest_figure(rows((0.3, 0.2, 0.4)), TEXTS).svg
    with pytest.raises(ValueError, match="above 0"):
        forest_figure(rows((0.3, -0.2, 0.4)), TEXTS, ratio=True)


def test_an_interval_that_does_not_hold_its_mean_is_refused() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        forest_figure(rows((5.0, -1.0, 3.0)), TEXTS)
