"""What contracts would pay for nothing: against the contract room, and in words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from report_fakes import DRAWS, appraisal, catalogue, write_tree
from test_page import told

from costeff.agreement import Contract, OutcomePrice
from costeff.funding import deliver, payment, without_effect
from costeff.report import margins
from costeff.report.appraisals import Variant
from costeff.report.drawing import AxisTexts
from costeff.report.margins import AVOIDED, BOTH_WAYS, DOING, Payment
from costeff.report.page import Page, open_page
from costeff.report.page_figures import bars_figure


def paid(data: xr.Dataset) -> dict[str, Payment]:
    return margins.contract_payments(Variant("family_work", data))


def page(tmp_path: Path, data: xr.Dataset, language: str = "en") -> Page:
    path = write_tree(tmp_path / "999.nc", {"family_work": data})
    return open_page(path, "999", language, catalogue())


def settled(data: xr.Dataset, price: float, *, works: bool, two_sided: bool) -> xr.DataArray:
    """The same contract in the contract room, by its own chance, several courses a draw."""
    good = 1 - data["events"] / data.attrs["clients"]
    good = xr.concat([good] * 5, "draw").assign_coords(draw=np.arange(5 * DRAWS))
    term = OutcomePrice(against="comparison", price=price, two_sided=two_sided)
    contract = Contract.of(id="page", terms=[term], indicator="family_work.outcome")
    delivery = deliver(
        good if works else without_effect(good), clients=data.attrs["clients"], hours_per_client=0.0,
        saving_per_outcome=0.0, comparison_clients=data.attrs["clients"], seed=7,
    )  # fmt: skip
    return payment(contract, delivery).sum("component")


@pytest.mark.parametrize("two_sided", [False, True])
def test_payments_are_those_of_the_contract_room(two_sided: bool) -> None:
    data = appraisal()
    found = paid(data)[BOTH_WAYS if two_sided else AVOIDED]
    for told_of, works in ((found.works, True), (found.nothing, False)):
        theirs = settled(data, found.price, works=works, two_sided=two_sided)
        error = float(theirs.std()) / theirs.size**0.5
        assert told_of.mean == pytest.approx(float(theirs.mean()), abs=5 * error)
        for end, share in ((told_of.low, 0.05), (told_of.high, 0.95)):
            assert abs(float((theirs < end).mean()) - share) < 0.05 + float((theirs == end).mean())
    nothing = settled(data, found.price, works=False, two_sided=two_sided)
    assert found.chance == pytest.approx(float((nothing > 0).mean()), abs=0.05)


def test_all_contracts_cost_alike_when_the_service_works() -> None:
    data = appraisal()
    found = paid(data)
    extra = float((data["cost"].sel(option="new") - data["cost"].sel(option="usual")).sum(("payer", "year")).mean())
    for each in found.values():
        assert each.works.mean == pytest.approx(extra)
    assert found[DOING].nothing == found[DOING].works
    assert found[DOING].price == pytest.approx(extra / 100)
    assert 0 < found[AVOIDED].nothing.mean < extra
    assert found[BOTH_WAYS].nothing.mean == 0
    assert found[BOTH_WAYS].nothing.low < 0 < found[BOTH_WAYS].nothing.high
    assert paid(appraisal())[AVOIDED] == found[AVOIDED]  # the same seed is the same luck


def test_more_clients_leave_less_to_chance() -> None:
    few, many = appraisal(clients=100), appraisal(clients=10_000)
    many = many.assign(events=many["events"] * 100, cost=many["cost"] * 100)
    shares = [found[AVOIDED].nothing.mean / found[AVOIDED].works.mean for found in (paid(few), paid(many))]
    assert shares[1] < shares[0] / 2


@pytest.mark.parametrize("data", [appraisal(effect=-0.05), appraisal(price=2_000)], ids=["harms", "costs less"])
def test_where_there_is_nothing_to_pay_for_no_contract_is_told(tmp_path: Path, data: xr.Dataset) -> None:
    assert paid(data) == {}
    assert "What would a contract pay" not in told(page(tmp_path, data), "steering")


def test_an_effect_that_is_not_told_from_none_has_no_price_both_ways(tmp_path: Path) -> None:
    data = appraisal(effect=0.0)
    usual, new = (data["events"].sel(option=option) for option in ("usual", "new"))
    data["events"].loc[{"option": "new"}] = new + (usual - new).mean() - 0.01  # a hundredth of an event fewer
    assert list(paid(data)) == [DOING, AVOIDED]
    assert "chance evens out" not in told(page(tmp_path, data), "steering")


def test_the_page_tells_what_is_paid_for_nothing(tmp_path: Path) -> None:
    words = {"fi": ("jos palvelusta ei olisi apua", "aina"), "sv": ("inte hade någon effekt", "alltid")}
    for language, expected in words.items():
        text = told(page(tmp_path, appraisal(), language), "steering")
        for word in expected:
            assert word in text
    text = told(page(tmp_path, appraisal()), "steering")
    assert "chance alone brings €" in text
    assert "Here change is measured by: share placed within a year and years in care and their cost." in text


def test_bars_start_at_zero_and_are_named() -> None:
    table = pd.DataFrame(
        {"row": ["a", "a", "b"], "bar": ["x", "y", "x"], "value": [200.0, 100.0, 0.0], "kind": ["gain", "loss", "gain"]}
    )
    svg = bars_figure(table, AxisTexts("euros", "", "alt", lambda value: f"{value:.0f}")).svg
    widths = [float(part.split('width="')[1].split('"')[0]) for part in svg.split("<rect")[2:]]
    assert widths[0] == pytest.approx(2 * widths[1], rel=0.01)
    assert widths[2] <= 1
    for label in ("x: 200", "y: 100", "x: 0"):
        assert label in svg
