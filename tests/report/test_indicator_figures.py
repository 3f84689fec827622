"""Figures of indicators: told apart without colour, nothing to run, the same bytes, faults refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from costeff.report.figures import AxisTexts
from costeff.report.indicator_figures import kinds_figure, share_intervals_figure
from costeff.report.outcome_figures import KeyedTexts

KEYED = KeyedTexts("Indicators", "By service", "An alt text.", "{:.0f}".format, keys=("a", "b", "c", "d"))
TEXTS = AxisTexts("Share of counties", "", "An alt text.", "{:.0%}".format)
HOSTILE = "<script>alert(1)</script> & $x$"


def kinds(name="Child welfare"):
    rows = [(name, kind, made, 3) for kind in ("quantity", "effect") for made in (True, False)]
    return pd.DataFrame(rows, columns=["service", "kind", "made", "indicators"])


def shares(share=0.4, low=0.2, high=0.6, name="Integrated"):
    return pd.DataFrame({"row": [name], "share": [share], "low": [low], "high": [high]})


@pytest.mark.parametrize(
    "make", [lambda: kinds_figure(kinds(), KEYED), lambda: share_intervals_figure(shares(), TEXTS)]
)
def test_a_figure_is_the_same_every_time_and_holds_its_alt_text(make):
    one, other = make(), make()
    assert one.svg == other.svg
    assert one.alt == "An alt text."


def test_what_cannot_be_computed_is_hatched():
    assert "<pattern" in kinds_figure(kinds(), KEYED).svg


@pytest.mark.parametrize(
    "make", [lambda: kinds_figure(kinds(HOSTILE), KEYED), lambda: share_intervals_figure(shares(name=HOSTILE), TEXTS)]
)
def test_nothing_in_a_name_runs(make):
    assert "<script" not in make().svg


@pytest.mark.parametrize(
    "make",
    [
        lambda: kinds_figure(kinds().assign(kind="sum"), KEYED),
        lambda: kinds_figure(kinds().assign(indicators=-1), KEYED),
        lambda: share_intervals_figure(shares(low=0.5), TEXTS),
        lambda: share_intervals_figure(shares(share=np.nan), TEXTS),
    ],
)
def test_faults_are_refused(make):
    with pytest.raises(ValueError, match=r"indicators|interval|no share"):
        make()


def test_a_question_that_nobody_answered_stays_in_the_table_and_out_of_the_drawing():
    both = pd.concat([shares(), shares(share=np.nan, low=np.nan, high=np.nan, name="Unanswered")])
    figure = share_intervals_figure(both, TEXTS)
    assert len(figure.table) == 2
    assert figure.height == share_intervals_figure(shares(), TEXTS).height
