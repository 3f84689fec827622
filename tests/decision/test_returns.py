"""What a euro brings, over which horizon, and an appraisal as a decision: by hand, and held against the net saving."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from appraisal_builders import CODES, run
from decision_builders import PAYERS, YEARS, appraisal, random_appraisal

from costeff import decision
from costeff.decision import Claim, Proxy, SocialReturn
from costeff.errors import ModelError, UsageError
from costeff.params import Catalogue

NOTHING = Claim(share=0.0, reason="none is known of")


def claims(**shares: float) -> SocialReturn:
    names = ("deadweight", "displacement", "attribution", "drop_off")
    parts = {name: Claim(share=shares.get(name, 0.0), reason="for the test") for name in names}
    return SocialReturn(**parts, beyond_comparator=bool(shares.get("deadweight")))


def places(*datasets: xr.Dataset) -> xr.Dataset:
    """Appraisals of several municipalities as one."""
    codes = ["091", "837", "005"][: len(datasets)]
    names = [name for name in datasets[0] if name != "discount"]
    parts = {name: xr.concat([each[name] for each in datasets], "municipality") for name in names}
    return datasets[0].assign(parts).assign_coords(municipality=codes)


# --- a euro back for a euro -----------------------------------------------------------------------


def test_benefit_cost_ratio_by_hand() -> None:
    found = decision.benefit_cost_ratio(appraisal(price=1000, saved=400))
    assert found["benefit"].values.tolist() == [160_000] * 4
    assert found["cost"].values.tolist() == [80_000] * 4
    assert float(found["ratio"]) == 2
    assert float(found["probability"]) == 1
    assert float(decision.benefit_cost_ratio(appraisal(), horizon=1)["ratio"]) == 0.5
    assert float(decision.benefit_cost_ratio(appraisal(), basis="average")["ratio"]) == 4


def test_it_is_a_ratio_of_means() -> None:
    saved = np.array([[0.0], [100.0], [300.0], [400.0]]) * np.ones(4)
    found = decision.benefit_cost_ratio(appraisal(price=1000, saved=saved))
    assert float(found["ratio"]) == pytest.approx(1)
    assert float(found["probability"]) == 0.5
    assert float(found["probability"]) == float(decision.probability_of_saving(appraisal(price=1000, saved=saved)))


def test_a_service_that_costs_nothing_more_has_no_ratio() -> None:
    for price in (200, 100):
        found = decision.benefit_cost_ratio(appraisal(price=price))
        assert np.isnan(found["ratio"])
        assert float(found["probability"]) == 1
    assert np.isnan(decision.benefit_cost_ratio(appraisal(), payer="county")["ratio"])  # it pays nothing for it


def test_the_parts_of_the_ratio_are_the_net_saving() -> None:
    ds = random_appraisal(3)
    for payer in (None, "county", PAYERS):
        found = decision.benefit_cost_ratio(ds, 3, payer)
        np.testing.assert_allclose(found["benefit"] - found["cost"], decision.net_saving(ds, 3, payer), atol=1e-8)


def test_the_public_purse_is_without_clients() -> None:
    ds = random_appraisal(4).assign_coords(payer=["client", "county"])
    public, county = decision.fiscal_return(ds), decision.benefit_cost_ratio(ds, payer="county")
    xr.testing.assert_identical(public, county)
    with pytest.raises(UsageError, match="payer: is none"):
        decision.fiscal_return(ds.assign_coords(payer=["client", "others"]))
    both = decision.fiscal_return(ds, payer=["client", "county"])
    xr.testing.assert_identical(both, decision.benefit_cost_ratio(ds))


# --- social return --------------------------------------------------------------------------------


def test_social_return_by_hand() -> None:
    """160 000 EUR in four years for 80 000; half of it others', and a tenth of what is left lost every year."""
    ds = appraisal(price=1000, saved=400)
    given = claims(deadweight=0.1, displacement=0.2, attribution=0.5, drop_off=0.1)
    found = decision.sroi(ds, given, basis="cashable")
    own = 40_000 * 0.9 * 0.8 * 0.5
    assert found["value"].values == pytest.approx([own * (1 + 0.9 + 0.81 + 0.729)] * 4)
    assert float(found["ratio"]) == pytest.approx(own * 3.439 / 80_000)
    left = found["left"].to_series().to_dict()
    assert list(left) == ["gross", "deadweight", "displacement", "attribution", "drop_off"]
    assert left["gross"] == 160_000
    assert left["attribution"] == pytest.approx(4 * own)
    assert json.loads(found.attrs["given"])["attribution"] == {"share": 0.5, "reason": "for the test", "source": []}


def test_with_nothing_taken_off_it_is_the_benefit_cost_ratio() -> None:
    ds = random_appraisal(6)
    plain, social = decision.benefit_cost_ratio(ds, basis="average"), decision.sroi(ds, claims())
    np.testing.assert_allclose(social["value"], plain["benefit"], rtol=1e-12)
    np.testing.assert_allclose(social["ratio"], plain["ratio"], rtol=1e-12)


def test_an_event_may_be_worth_something_beyond_money() -> None:
    proxy = Proxy(euros=5_000.0, reason="for the test")
    found = decision.sroi(appraisal(rate=0.05), claims().override(value_of_event=proxy))
    without = decision.sroi(appraisal(rate=0.05), claims())
    np.testing.assert_allclose(found["value"] - without["value"], 10 * 5_000)


def test_a_loss_is_not_made_smaller() -> None:
    found = decision.sroi(appraisal(saved=-100.0), claims(attribution=0.5, drop_off=0.5))
    assert found["value"].values.tolist() == [-80_000] * 4  # the average price is twice the cashable one


def test_nothing_is_taken_off_twice() -> None:
    given = claims(deadweight=0.3, drop_off=0.1).override(beyond_comparator=False)
    waning = appraisal().assign_attrs(persistence="wanes")
    with pytest.raises(UsageError) as told:
        decision.sroi(waning, given)
    assert "2 problems" in str(told.value)
    assert "already net of its comparator" in str(told.value)
    assert "the effect wanes in the appraisal" in str(told.value)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"share": 1.2, "reason": "x"}, "Claim share: input should be less than or equal to 1"),
        ({"share": 0.1}, "Claim reason"),
        ({"share": 0.1, "reason": " "}, "Claim reason"),
    ],
)
def test_every_share_has_a_reason(wrong: dict[str, object], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Claim(**wrong)
    with pytest.raises(UsageError, match="Claim"):
        NOTHING.override(**{"reason": None} | wrong)
    with pytest.raises(UsageError, match="SocialReturn drop_off"):
        SocialReturn(deadweight=NOTHING, displacement=NOTHING, attribution=NOTHING)  # all are to be told
    with pytest.raises(UsageError, match="Proxy euros"):
        Proxy(euros=-1.0, reason="x")


def test_a_social_return_is_asked_with_its_claims() -> None:
    with pytest.raises(UsageError, match="given: is no SocialReturn"):
        decision.sroi(appraisal(), {"deadweight": 0.1})


# --- horizons -------------------------------------------------------------------------------------


def test_the_table_of_horizons_is_the_net_saving() -> None:
    ds = random_appraisal(7, draws=30)
    found = decision.horizons(ds, [1, 3, 4], mass=0.9)
    assert found["mean"].dims == ("horizon", "payer")
    assert found["payer"].values.tolist() == [*PAYERS, "all"]
    for horizon in (1, 3, 4):
        for payer in PAYERS:
            here = found.sel(horizon=horizon, payer=payer)
            saved = decision.net_saving(ds, horizon, payer)
            assert float(here["mean"]) == pytest.approx(float(saved.mean()))
            assert float(here["probability"]) == float(decision.probability_of_saving(ds, horizon, payer))
            assert float(here["low"]) == pytest.approx(float(saved.quantile(0.05)))
        whole = found.sel(horizon=horizon, payer="all")
        assert float(whole["mean"]) == pytest.approx(float(found["mean"].sel(horizon=horizon, payer=PAYERS).sum()))
        assert float(whole["probability"]) == float(decision.probability_of_saving(ds, horizon))


def test_horizons_beyond_the_appraisal_are_not_invented() -> None:
    with pytest.raises(UsageError) as told:
        decision.horizons(appraisal(), [1, 5, 10])
    assert "5 is not a number of years from 1 to 4" in str(told.value)
    assert "10 is not a number of years from 1 to 4" in str(told.value)
    assert "mass: None" in str(told.value)
    for years in ([], 3, None, "3"):
        with pytest.raises(UsageError, match=r"no horizon\n.*give a list"):
            decision.horizons(appraisal(), years, mass=0.9)
    with pytest.raises(UsageError, match="one horizon twice"):
        decision.horizons(appraisal(), [1, 1], mass=0.9)
    for mass in (1.5, "90 %"):
        with pytest.raises(UsageError, match=r"mass: .* is not between 0 and 1"):
            decision.horizons(appraisal(), [1], mass=mass)


# --- an appraisal as a decision -------------------------------------------------------------------


def test_cost_and_effect_by_hand() -> None:
    found = decision.cost_and_effect(appraisal(price=1000, saved=400), horizon=2)
    assert found["cost"].isel(draw=0).values.tolist() == [2_020_000, 100_000 + 2 * 960_000]
    assert found["effect"].isel(draw=0).values.tolist() == [70, 80]
    assert found["cost"].dims == found["effect"].dims == ("draw", "option")
    assert found["effect"].attrs["unit"] == "clients without the event"


def test_the_cost_it_saves_is_the_net_saving() -> None:
    ds = random_appraisal(8)
    asked = ((None, None, True, "cashable"), (3, "county", False, "average"), (1, PAYERS, True, "average"))
    for horizon, payer, discounted, basis in asked:
        found = decision.cost_and_effect(ds, horizon, payer, discounted, basis)
        over = decision.incremental(found["cost"], found["effect"], "usual").sel(option="new")
        saved = decision.net_saving(ds, horizon, payer, discounted, basis)
        np.testing.assert_allclose(-over["cost"], saved, atol=1e-6)
        fewer = ds["events"].sel(option="usual") - ds["events"].sel(option="new")
        np.testing.assert_allclose(over["effect"], fewer, atol=1e-9)


def test_an_appraisal_goes_straight_into_a_decision() -> None:
    found = decision.cost_and_effect(appraisal(price=3000, saved=400))
    table = decision.icers(found["cost"], found["effect"])
    assert float(table["icer"].sel(option="new")) == decision.cost_per_outcome(appraisal(price=3000)).ratio == 12_000
    assert decision.ceac(found["cost"], found["effect"], [11_000, 13_000]).sel(option="new").values.tolist() == [0, 1]
    cheap = decision.cost_and_effect(appraisal(price=1000, saved=400))
    saves = decision.icers(cheap["cost"], cheap["effect"])
    assert saves["status"].sel(option="usual").item() == "dominated"


def test_what_follows_has_to_be_there() -> None:
    with pytest.raises(ModelError, match="appraisal average: is missing"):
        decision.cost_and_effect(appraisal().drop_vars("average"), basis="average")
    with pytest.raises(UsageError, match="'full' is unknown"):
        decision.cost_and_effect(appraisal(), basis="full")


# --- many municipalities at once ------------------------------------------------------------------


def test_many_municipalities_are_each_as_if_alone() -> None:
    singles = [random_appraisal(seed) for seed in (1, 2)]
    together = places(*singles)
    calls = (
        decision.net_saving, decision.by_payer, decision.cumulative, decision.payback_year, decision.trough,
        decision.probability_of_saving, decision.cost_and_effect, decision.benefit_cost_ratio,
        decision.break_even_price, lambda ds: decision.horizons(ds, [1, 4], mass=0.8),
        lambda ds: decision.sroi(ds, claims(attribution=0.2)),
    )  # fmt: skip
    for call in calls:
        found = call(together)
        for code, single in zip(together["municipality"].values, singles, strict=True):
            alone = call(single)
            here = found.sel(municipality=code, drop=True)
            xr.testing.assert_allclose(here.transpose(*alone.dims) if isinstance(alone, xr.DataArray) else here, alone)


def test_a_real_appraisal_of_the_country_is_a_decision_in_every_place(catalogue: Catalogue) -> None:
    ds = run(catalogue)
    found = decision.cost_and_effect(ds)
    curves = decision.curves(found["cost"], found["effect"], [0, 10_000, 100_000])
    saved = decision.net_saving(ds)
    assert set(curves["evpi"].dims) == {"threshold", "municipality"}
    best = curves["probability_best"].sel(option="new", threshold=0)
    np.testing.assert_allclose(best, (saved > 0).mean("draw"))  # at a threshold of 0 the best is what saves
    tongues = [catalogue.municipality(code).language[:2] for code in CODES]
    people = [float(catalogue.municipality(code).population) for code in CODES]
    place = {"municipality": CODES}
    language, weight = (xr.DataArray(v, place, "municipality") for v in (tongues, people))
    by_language = decision.by_class(saved / ds.attrs["clients"], language, weight)
    assert by_language["class"].values.tolist() == ["fi", "sv"]
    assert by_language["members"].values.tolist() == [3, 1]
    alone = saved.sel(municipality="478") / ds.attrs["clients"]
    np.testing.assert_allclose(by_language.sel({"class": "sv"}), alone)
    assert 0 <= float(decision.spread(by_language)["probability"]) <= 1
    asked = [h for h in (1, 3, 5) if h <= ds.sizes["year"]]
    table = decision.horizons(ds, asked)
    np.testing.assert_allclose(
        table["mean"].sel(payer="all"), table["mean"].drop_sel(payer="all").sum("payer"), atol=1e-6
    )


def test_a_cost_per_outcome_is_of_one_place() -> None:
    with pytest.raises(UsageError, match="select one"):
        decision.cost_per_outcome(places(appraisal(), appraisal()))


def test_years_are_those_of_the_appraisal() -> None:
    assert decision.flows(places(appraisal(), appraisal()))["year"].values.tolist() == YEARS
