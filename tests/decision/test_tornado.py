"""A tornado from draws: against closed forms of what each parameter explains, and what cannot be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from costeff import decision
from costeff.draws import as_draws, rng
from costeff.errors import UsageError

DRAWS = 20_000
HIGH = 1.6448536  # the 95th percentile of a standard normal


def given() -> tuple[xr.DataArray, xr.DataArray, xr.Dataset]:
    """A saving that rises with `strong`, falls with `weak`, bends with `bent`; `twin` goes with `strong`."""
    random = rng(8, "tornado")
    strong, weak, bent, noise = random.normal(size=(4, DRAWS))
    twin = 0.8 * strong + 0.6 * random.normal(size=DRAWS)
    switch = random.random(DRAWS) < 0.5
    gain = 100 + 300 * strong - 50 * weak + 20 * bent**2 + 400 * switch + 10 * noise
    cost = xr.DataArray(np.stack([np.zeros(DRAWS), -gain], axis=1), dims=("draw", "option"))
    cost = cost.assign_coords(draw=np.arange(DRAWS), option=["usual", "new"]).assign_attrs(unit="EUR")
    parameters = {"strong": strong, "weak": weak, "bent": bent, "twin": twin, "switch": switch * 1.0, "none": noise * 0}
    return cost, xr.zeros_like(cost), xr.Dataset({name: as_draws(values) for name, values in parameters.items()})


def test_the_ends_are_the_conditional_expectations() -> None:
    cost, effect, parameters = given()
    found = decision.tornado(cost, effect, parameters, 0.0)
    mean = 100 + 20 + 200
    assert float(found["base"]) == pytest.approx(mean, abs=5)
    ends = found["result"].sel(end="high") - found["result"].sel(end="low")
    assert float(ends.sel(parameter="strong")) == pytest.approx(2 * HIGH * 300, rel=0.03)
    assert float(ends.sel(parameter="weak")) == pytest.approx(-2 * HIGH * 50, rel=0.2)
    assert float(ends.sel(parameter="twin")) == pytest.approx(2 * HIGH * 0.8 * 300, rel=0.04)
    assert float(ends.sel(parameter="switch")) == pytest.approx(400, rel=0.04)
    np.testing.assert_allclose(found["result"].sel(parameter="bent"), mean - 20 + 20 * HIGH**2, rtol=0.08)
    assert float(found["width"].sel(parameter="none")) == pytest.approx(0, abs=1e-6)
    assert found["parameter"].values.tolist()[:3] == ["strong", "twin", "switch"]
    assert found["parameter"].values.tolist()[-1] == "none"
    assert float(found["value"].sel(parameter="strong", end="high")) == pytest.approx(HIGH, abs=0.03)


def test_its_standard_error_covers_the_truth() -> None:
    """The ends of a straight line lie within two standard errors about 19 times in 20, in 400 sets of 200 draws."""
    random = rng(4, "error")
    x = random.normal(size=200)
    gain = 3 * x[:, None] + random.normal(size=(200, 400))
    cost = xr.DataArray(np.stack([0 * gain, -gain], axis=1), {"option": ["usual", "new"]}, ("draw", "option", "set"))
    found = decision.tornado(cost, cost * 0, xr.Dataset({"x": ("draw", x)}), 0.0).isel(parameter=0)
    inside = abs(found["result"] - 3 * found["value"]) <= 2 * found["standard_error"]
    assert found["width"].dims == ("set",)
    np.testing.assert_allclose(inside.mean("set"), 0.95, atol=0.035)


def test_it_has_the_form_of_a_one_way_analysis() -> None:
    cost, effect, parameters = given()
    drawn = decision.tornado(cost, effect, parameters, 0.0)
    run = decision.one_way(lambda v: xr.DataArray(v["x"]), {"x": 1.0}, {"x": (0.0, 2.0)})
    for name, values in run.items():
        assert drawn[name].dims == values.dims
    assert set(drawn) - set(run) == {"standard_error"}


def test_payers_stack_and_the_threshold_counts() -> None:
    cost, _, parameters = given()
    effect = (cost * 0 + xr.DataArray([0.0, 1.0], dims="option", coords={"option": ["usual", "new"]})).drop_attrs()
    split = cost.expand_dims(payer=["county", "kela"]) * xr.DataArray([0.25, 0.75], dims="payer")
    money = parameters[["strong", "weak"]]
    by_payer, whole = (decision.tornado(each, effect, money, 0.0) for each in (split, cost))
    xr.testing.assert_allclose(by_payer["result"].sum("payer"), whole["result"])
    xr.testing.assert_allclose(by_payer["width"], whole["width"])
    raised = decision.tornado(cost, effect, money, 1000.0)
    xr.testing.assert_allclose(raised["result"], whole["result"] + 1000)
    with pytest.raises(UsageError, match="counted once for each"):
        decision.tornado(split, effect, money, 1000.0)
    parts = effect.expand_dims(payer=["county", "kela"])
    for threshold in (0.0, 1000.0):  # the cost would be counted once for each payer, whatever an effect is worth
        with pytest.raises(UsageError, match="effect: is over payer and the cost is not"):
            decision.tornado(cost, parts, money, threshold)
    both = decision.tornado(split, parts / 2, money, 1000.0)
    xr.testing.assert_allclose(both["width"], raised["width"])


def test_several_options_are_each_set_against_the_comparator() -> None:
    cost, effect, parameters = given()
    third = (cost.sel(option="new") * 2).assign_coords(option="twice")
    three = xr.concat([cost, third], "option")
    found = decision.tornado(three, effect.reindex(option=["usual", "new", "twice"], fill_value=0), parameters, 0.0)
    two = decision.tornado(cost, effect, parameters, 0.0)
    xr.testing.assert_allclose(found["result"].sel(option="new", drop=True), two["result"].drop_vars("option"))
    xr.testing.assert_allclose(found["result"].sel(option="twice", drop=True), two["result"].drop_vars("option") * 2)


def test_draws_are_lined_up_by_their_labels() -> None:
    cost, effect, parameters = given()
    turned = parameters.isel(draw=slice(None, None, -1))
    xr.testing.assert_allclose(
        decision.tornado(cost, effect, turned, 0.0), decision.tornado(cost, effect, parameters, 0.0)
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c, e, p: (c, e, p.isel(draw=slice(9)), 0.0), "parameters draw: has 9 where outcome has 20000"),
        (lambda c, e, p: (c, e, p.where(p["draw"] > 0), 0.0), "parameters strong: has a value that is missing"),
        (lambda c, e, p: (c, e, p[[]], 0.0), "parameters: hold none"),
        (lambda c, e, p: (c, e, p, -1.0), "thresholds: -1 is below 0"),
        (lambda c, e, p: (c, e, p, [1.0, 2.0]), "threshold: is more than one"),
        (lambda c, e, p: (c, e, p, 0.0, "old"), "'old' is not among the options"),
        (lambda c, e, p: (c, e, p, 0.0, "usual", 1.0), "mass: 1.0 is not between 0 and 1"),
        (lambda c, e, p: (c, e, p, 0.0, "usual", "90 %"), "mass: 90 % is not between 0 and 1"),
        (lambda c, e, p: (c, e, p["weak"], 0.0), "parameters: are no Dataset"),
        (lambda c, e, p: (c.expand_dims(parameter=[1]), e, p, 0.0), "cost: has a dim named parameter"),
    ],
)
def test_what_cannot_be_drawn_is_refused(change: object, told: str) -> None:
    with pytest.raises(UsageError, match=told.replace("(", r"\(")):
        decision.tornado(*change(*given()))
