"""What would turn the answer, what knowledge is worth, and what of a saving stays: against plain arithmetic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from report_fakes import CLAW_BACK, DRAWS, YEARS, appraisal, catalogue, write_tree
from test_page import told

from costeff import decision
from costeff.appraisal.money import Money
from costeff.report import estimates, margins
from costeff.report.appraisals import Variant
from costeff.report.page import Page, open_page
from costeff.report.words import Words


def variant(data: xr.Dataset) -> Variant:
    return Variant("family_work", data)


def page(tmp_path: Path, data: xr.Dataset, language: str = "en", names: Any = None) -> Page:
    path = write_tree(tmp_path / "999.nc", {"family_work": data})
    return open_page(path, "999", language, names or catalogue())


def by_hand(data: xr.Dataset) -> list[tuple[float, float, float, float]]:
    """Events avoided, extra cost, avoided cost that stops and at average price, of each draw, in loops."""
    factors = data["discount"].values.tolist()
    values = {name: data[name].transpose("draw", "option", ...).values.tolist() for name in ("events", "cost")}
    values |= {
        name: data[name].sel(option="new").transpose("draw", "payer", "year").values.tolist()
        for name in ("avoided", "avoided_average")
    }

    def present(euros: list[list[float]]) -> float:
        return sum(euro * factor for row in euros for euro, factor in zip(row, factors, strict=True))

    found = []
    for events, cost, stopped, average in zip(*values.values(), strict=True):
        extra = present(cost[1]) - present(cost[0])
        found.append((events[0] - events[1], extra, present(stopped), present(average)))
    return found


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def nothing_avoided(data: xr.Dataset) -> xr.Dataset:
    """The new service is the usual one at another price: no event, no cost and no time is avoided in any draw."""
    events = data["events"].copy()
    events.loc[{"option": "new"}] = events.sel(option="usual")
    silent = {name: data[name] * 0 for name in ("avoided", "avoided_average", "avoided_linked", "time_avoided")}
    return data.assign(events=events, effect=1 - events / 100, **silent)


def saves_nothing(data: xr.Dataset) -> xr.Dataset:
    return data.assign({name: data[name] * 0 for name in ("avoided", "avoided_average", "avoided_linked")})


# --- the effect -----------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", [0.045, 0.0, -0.05])
def test_the_turning_effect_is_the_one_at_which_the_money_comes_back(effect: float) -> None:
    rows = by_hand(appraisal(effect=effect))
    each = sum(events * stopped for events, _, stopped, _ in rows) / sum(events**2 for events, *_ in rows)
    net = mean([stopped - extra for _, extra, stopped, _ in rows])
    found = margins.turning_effect(variant(appraisal(effect=effect)))
    assert found.needed == pytest.approx(mean([events for events, *_ in rows]) - net / each)
    assert found.likely == pytest.approx(mean([float(events >= found.needed) for events, *_ in rows]))
    # With an effect of that size, the appraisal itself saves as much as it costs.
    there = appraisal(effect=effect + (found.needed - found.now.mean) / 100)
    extra = mean([row[1] for row in rows])
    assert abs(estimates.net_saving(variant(there)).mean) < 0.04 * extra


def test_a_saving_service_needs_less_than_it_does_and_a_costly_one_more() -> None:
    saving, costly = (margins.turning_effect(variant(appraisal(price=price))) for price in (5_000, 12_000))
    assert saving.needed < saving.now.mean
    assert costly.needed > costly.now.mean
    assert saving.likely > costly.likely


@pytest.mark.parametrize(
    ("data", "needed", "text"),
    [
        (lambda: appraisal(price=2_000), 0.0, "even if no event is avoided"),
        (lambda: nothing_avoided(appraisal()), math.nan, "cannot be told"),
        (lambda: saves_nothing(appraisal()), math.nan, "cannot be told"),
    ],
)
def test_an_effect_that_is_not_needed_or_tells_nothing_is_said_so(
    tmp_path: Path, data: Callable[[], xr.Dataset], needed: float, text: str
) -> None:
    assert margins.turning_effect(variant(data())).needed == pytest.approx(needed, nan_ok=True)
    assert text in told(page(tmp_path, data()), "how_sure")


def test_more_events_than_there_are_cannot_be_avoided(tmp_path: Path) -> None:
    data = appraisal(price=90_000)
    found = margins.turning_effect(variant(data))
    assert found.needed > found.usual
    text = told(page(tmp_path, data), "how_sure")
    assert f"Even avoiding all the {found.usual:.1f} events" in text
    assert "no value is enough" in text


# --- price and share ------------------------------------------------------------------------------


def test_at_the_turning_price_and_share_nothing_is_left() -> None:
    data = appraisal()
    for found, moved in (
        (estimates.prices(variant(data)).on_average, "price"),
        (margins.turning_share(variant(data)).needed, "share"),
    ):
        if moved == "price":
            now = estimates.prices(variant(data)).now.mean
            cost = data["cost"].copy()
            cost.loc[{"option": "new"}] = cost.sel(option="new") * (found / now)
            there = data.assign(cost=cost)
        else:
            share = margins.turning_share(variant(data)).now.mean
            there = data.assign(avoided=data["avoided"] * (found / share))
        assert estimates.net_saving(variant(there)).mean == pytest.approx(0, abs=1e-6)


def test_the_share_that_stops_is_a_ratio_of_means_by_horizon() -> None:
    data = appraisal()
    rows = by_hand(data)
    whole = margins.turning_share(variant(data)).now
    assert whole.mean == pytest.approx(mean([row[2] for row in rows]) / mean([row[3] for row in rows]))
    assert 0 <= whole.low <= whole.mean <= whole.high <= 1
    for horizon in (1, 3, YEARS):
        found = margins.stopped_share(variant(data), horizon)
        short = by_hand(data.isel(year=slice(horizon)))
        assert found is not None
        assert found.mean == pytest.approx(mean([row[2] for row in short]) / mean([row[3] for row in short]))


def test_of_cost_that_grows_no_share_stops(tmp_path: Path) -> None:
    harm = appraisal(effect=-0.08)
    assert margins.stopped_share(variant(harm), YEARS) is None
    assert math.isnan(margins.turning_share(variant(harm)).needed)
    text = told(page(tmp_path, harm), "who_pays", "how_sure")
    assert "How much of it stops" not in text
    assert "Share of the avoided cost that can be stopped" not in text


# --- knowledge ------------------------------------------------------------------------------------


@pytest.mark.parametrize("price", [9_000, 10_500, 14_000])
def test_knowledge_is_worth_what_the_wrong_choice_loses(price: float) -> None:
    data = appraisal(price=price)
    nets = [stopped - extra for _, extra, stopped, _ in by_hand(data)]
    best = mean([max(net, 0.0) for net in nets])
    found = margins.knowledge(variant(data))
    assert found.everything.mean == pytest.approx(best - max(mean(nets), 0.0))
    assert found.effect is not None
    assert 0 <= found.effect.mean <= found.everything.mean + 1e-6
    net = xr.DataArray(nets, dims="draw", coords={"draw": np.arange(DRAWS)})
    cost = xr.concat([net * 0, -net], xr.Variable("option", ["usual", "new"])).transpose("draw", "option")
    assert found.everything.mean == pytest.approx(float(decision.evpi(cost, cost * 0, 0.0).item()))


def test_where_the_choice_is_clear_knowledge_is_not_bought(tmp_path: Path) -> None:
    for price in (500, 90_000):
        data = appraisal(price=price)
        found = margins.knowledge(variant(data))
        assert found.everything.even
        assert found.effect is None
        assert "would hardly change the choice" in told(page(tmp_path, data), "how_sure")


def test_too_few_draws_for_a_regression_tell_the_whole_only() -> None:
    found = margins.knowledge(variant(appraisal().isel(draw=slice(60))))
    assert found.everything.mean > 0
    assert found.effect is None


# --- whole units ----------------------------------------------------------------------------------


def with_units(*places: float | None) -> SimpleNamespace:
    """The catalogue in which the states of the main price set close by units of these places."""
    names = catalogue()
    state = names.price_sets["quoted"].prices["taking_into_care"]["institution"]
    costs = [f"cost_{number}" for number in range(len(places))]
    parts = tuple(state.components[0].override(cost=cost) for cost in costs)
    prices = {"taking_into_care": {"institution": state.override(components=parts)}}
    names.price_sets["quoted"] = names.price_sets["quoted"].override(prices=prices)
    for cost, size in zip(costs, places, strict=True):
        closes = SimpleNamespace(places=SimpleNamespace(mean=size)) if size else None
        names.unit_costs[cost] = SimpleNamespace(values=[SimpleNamespace(quality="stated")], closes_by=closes)
    return names


def test_clients_a_year_that_close_a_unit(tmp_path: Path) -> None:
    data = appraisal()
    freed = mean([sum(row) for row in data["time_avoided"].values.tolist()])
    found = margins.places_freed(variant(data))
    assert found is not None
    assert found.mean == pytest.approx(freed)
    text = told(page(tmp_path, data, names=with_units(7, 7)), "how_sure")
    needed = 100 * 7 / freed
    assert "here one of 7 places" in text
    clients = int(text.split("For one unit to close, at least ")[1].split(" ")[0])
    assert needed <= clients <= needed * 1.1


@pytest.mark.parametrize("sizes", [(None,), (7, None), (7, 12)])
def test_no_unit_is_told_where_its_size_is_not_known_for_all(tmp_path: Path, sizes: tuple[float | None, ...]) -> None:
    assert "whole unit closes" not in told(page(tmp_path, appraisal(), names=with_units(*sizes)), "how_sure")


def test_no_unit_closes_where_no_time_is_avoided(tmp_path: Path) -> None:
    assert margins.places_freed(variant(appraisal(effect=-0.05))) is None
    assert "whole unit" not in told(page(tmp_path, appraisal(effect=-0.05), names=with_units(7)), "how_sure")


# --- the correction of funding --------------------------------------------------------------------


def test_the_correction_is_that_of_the_appraisal() -> None:
    data = appraisal()
    cohorts: Any = SimpleNamespace(
        catalogue=SimpleNamespace(claw_back=CLAW_BACK),
        request=SimpleNamespace(claw_back=True),
        calendar=data["year"].values,
    )
    moved = {name: Money(cohorts, "quoted").corrected(data[name]) for name in ("cost", "avoided")}
    counted = data.drop_vars(["cost", "avoided"]).reindex(payer=moved["cost"]["payer"], fill_value=0.0).assign(moved)
    before, after = margins.corrected(variant(data), CLAW_BACK) or (None, None)
    assert before is not None
    assert after is not None
    assert before.mean == pytest.approx(float(decision.net_saving(data, payer="county").mean()))
    kept = decision.net_saving(counted.assign_attrs(data.attrs), payer="county")
    assert after.mean == pytest.approx(float(kept.mean()))
    assert after.low == pytest.approx(float(kept.quantile(0.05)))
    assert CLAW_BACK.share(date(2027, 6, 1)) > 0  # so that something moved


def test_the_correction_is_told_only_where_it_is_not_counted_and_can_be(tmp_path: Path) -> None:
    for data in (appraisal(claw_back=1), appraisal().sel(payer=["kela"]), appraisal(years=2)):
        assert margins.corrected(variant(data), CLAW_BACK) is None
        assert "funding of one payer is corrected" not in told(page(tmp_path, data), "who_pays")
    assert "funding of one payer is corrected 2 years afterwards" in told(page(tmp_path, appraisal()), "who_pays")


# --- the page -------------------------------------------------------------------------------------


def test_several_payers_are_drawn_and_one_is_not(tmp_path: Path) -> None:
    several, single = (page(tmp_path, appraisal(), "fi"), page(tmp_path, appraisal().sel(payer=["county"]), "fi"))
    caption = "Nettosäästö maksajittain, 10 vuotta."
    assert caption in str(several.who_pays()._repr_html_())
    assert caption not in str(single.who_pays()._repr_html_())


def test_every_case_can_be_told(tmp_path: Path) -> None:
    cases = (
        appraisal(price=500), appraisal(price=90_000), appraisal(effect=-0.08), appraisal(effect=0.0),
        appraisal(years=1), nothing_avoided(appraisal()), saves_nothing(appraisal()), appraisal().isel(draw=slice(60)),
        appraisal().isel(draw=[0, 1]), appraisal(clients=1),
    )  # fmt: skip
    for data in cases:
        text = told(page(tmp_path, data, "fi", with_units(7)), "who_pays", "how_sure", "steering")
        assert Words("fi").say("What would turn the answer?") in text
        assert Words("fi").say("Would it pay to find out more?") in text
        assert not re.search(r"\b(nan|inf)\b", text)


@pytest.mark.parametrize(
    ("language", "one", "wrong"),
    [
        ("fi", "1 asiakas, 1 vuosi", r"\b1 (vuotta|uutta)"),
        ("sv", "1 klient, 1 år", r"\b1 (klienter|nya)"),
        ("en", "1 client, 1 year", r"\b1 (new )?(clients|years)\b"),
    ],
)
def test_one_client_and_one_year_are_told_as_one(tmp_path: Path, language: str, one: str, wrong: str) -> None:
    """And events among so few clients have decimals, since tenths would all be 0."""
    data = appraisal(clients=1, years=1)
    shown = page(tmp_path, data, language, with_units(7))
    text = told(shown, "answer", "who_pays", "how_sure", "in_comparison", "steering", "sources")
    assert one in text
    assert not re.search(wrong, text)
    assert Words(language).number(estimates.events(variant(data))[2].mean, 3) in text


@pytest.mark.parametrize("course", ["stops", "wanes"])
def test_the_turning_effect_is_that_of_the_whole_model(request: pytest.FixtureRequest, course: str) -> None:
    """With that effect put into the cohort, the appraisal saves about what it costs: within a twentieth of the cost."""
    from appraisal_builders import DRAWS as FEW
    from appraisal_builders import FAMILY, cost_fit, family_fit

    from costeff.appraisal import Request
    from costeff.appraisal.levers import RATIO, Levers

    known = request.getfixturevalue("catalogue")
    asked = Request.of(known, draws=FEW, clients=100, horizon_years=10, price_set="national", persistence=course)
    of = Levers(known.chains[FAMILY], known, family_fit(), "837", asked, cost_fit(spread=200.0)).holding(RATIO)
    now = variant(of.appraisal({}))
    found = margins.turning_effect(now)
    extra = sum(row.service.mean for row in estimates.by_payer(now)[0])
    assert abs(float(of({RATIO: 1 - found.needed / found.usual}).sum())) < 0.05 * extra
