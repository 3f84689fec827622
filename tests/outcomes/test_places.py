"""Places beside each other: ranks and parts of a spread against plain loops, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from costeff.errors import UsageError
from costeff.outcomes import Context, Fit, for_same_clients, parts_of_spread, reliability, standing
from costeff.outcomes.binary import expit
from costeff.records import Cells

CODES = [f"{n:03d}" for n in range(1, 31)]
GROUPS = ["high", "low"]
COUNTIES = {code: f"0{1 + n % 3}" for n, code in enumerate(CODES)}


def drawn(means: np.ndarray, noise: float, draws: int = 400, seed: int = 1) -> xr.DataArray:
    values = means + noise * np.random.default_rng(seed).standard_normal((draws, means.size))
    codes = [f"{n:03d}" for n in range(means.size)]
    return xr.DataArray(values, {"draw": np.arange(draws), "municipality": codes}, ("draw", "municipality"))


def made(spread: float, seed: int = 3, draws: int = 200, clients: int = 40) -> tuple[Fit, Context]:
    """A posterior that holds the truth with little noise, and cells drawn from it; no sampler."""
    generator = np.random.default_rng(seed)
    place = spread * generator.standard_normal(len(CODES))
    rows = []
    for n, code in enumerate(CODES):
        for option in ("usual", "new"):
            for group, share in zip(GROUPS, (0.3, 0.7), strict=True):
                many = int(generator.poisson(clients * share * (2 if n % 5 == 0 else 1))) + 1
                risk = expit(-1.4 + place[n] + (0.5 if group == "high" else -0.5))
                rows.append((code, option, group, many, int(generator.binomial(many, risk))))
    table = pd.DataFrame(rows, columns=["municipality", "option", "group", "n", "events"])
    cells = Cells("binary", ("municipality", "option", "group"), table, "placement", 365.0, True, "test")
    over = {"draw": np.arange(draws), "municipality": CODES, "group": GROUPS}
    jitter = 0.01 * generator.standard_normal((draws, len(CODES)))
    posterior = xr.Dataset(
        {
            "intercept": ("draw", np.full(draws, -1.4)),
            "place": (("draw", "municipality"), place + jitter),
            "group_effect": (("draw", "group"), np.tile([0.5, -0.5], (draws, 1))),
            "effect": ("draw", np.zeros(draws)),
        },
        over,
    )
    return Fit("binary", xr.Dataset(), posterior, (), "", False), Context(cells, {}, COUNTIES)


def test_a_rank_is_that_of_a_plain_sort_in_each_draw() -> None:
    values = drawn(np.linspace(0, 1, 12), 0.3)
    found = standing(values, 0.8, end=0.25)
    ranks = np.array([[1 + sum(other < value for other in row) for value in row] for row in values.to_numpy()])
    np.testing.assert_allclose(found["rank"], ranks.mean(axis=0))
    np.testing.assert_allclose(found["lowest"], (ranks <= 3).mean(axis=0))
    np.testing.assert_allclose(found["highest"], (ranks > 9).mean(axis=0))
    inside = (ranks >= found["rank_low"].to_numpy()) & (ranks <= found["rank_high"].to_numpy())
    assert (inside.mean(axis=0) >= 0.8).all()
    assert found["rank"].sum() == pytest.approx(sum(range(1, 13)))


def test_above_is_of_the_mean_that_was_asked_for() -> None:
    values = drawn(np.array([0.0, 1.0, 2.0]), 0.001)
    weights = xr.DataArray([100.0, 1.0, 1.0], {"municipality": values["municipality"]}, ("municipality",))
    assert standing(values)["above"].tolist() == pytest.approx([0, standing(values)["above"][1], 1])
    assert standing(values, weights=weights)["above"].tolist() == [0, 1, 1]
    turned = weights.isel(municipality=[2, 1, 0])
    assert standing(values, weights=turned)["above"].tolist() == [0, 1, 1], "weights are matched by their code"


def test_places_that_are_alike_are_not_told_apart_and_their_order_is_not_known() -> None:
    found = standing(drawn(np.zeros(50), 1.0, draws=2000))
    assert found["above"].between(0.4, 0.6).all()
    assert (found["rank_high"] - found["rank_low"]).min() > 40
    assert reliability(drawn(np.zeros(50), 1.0, draws=2000)) < 0.01


def test_places_that_are_known_are_in_their_order() -> None:
    values = drawn(np.arange(20.0), 1e-6)
    found = standing(values)
    assert found["rank"].tolist() == list(range(1, 21))
    assert (found["rank_low"] == found["rank_high"]).all()
    assert reliability(values) == pytest.approx(1)


def test_reliability_is_the_squared_correlation_to_be_expected() -> None:
    """Normal places and normal noise: the posterior is known, and so is how well its means go with the truth."""
    generator, size = np.random.default_rng(5), 20_000
    truth = generator.standard_normal(size)
    seen = truth + 1.5 * generator.standard_normal(size)
    told = 1 / (1 + 1.5**2)
    values = drawn(told * seen, np.sqrt(1 - told), draws=50)
    assert reliability(values) == pytest.approx(np.corrcoef(told * seen, truth)[0, 1] ** 2, abs=0.03)


@pytest.mark.parametrize("spread", [0.0, 0.6])
def test_the_parts_of_a_spread_are_those_of_plain_loops_and_foresee_what_is_seen(spread: float) -> None:
    fit, context = made(spread, draws=3)
    found = parts_of_spread(fit, context)
    table = context.cells.table.set_index(["option", "municipality", "group"])
    for option in ("usual", "new"):
        n, events = (table[name].xs(option, level="option").unstack()[GROUPS] for name in ("n", "events"))
        for draw in range(3):
            risk = expit(-1.4 + fit.posterior["place"].to_numpy()[draw][:, None] + np.array([0.5, -0.5]))
            country = [np.average(risk[:, g], weights=n.iloc[:, g]) for g in range(2)]
            share, typical, chance = [], [], []
            for place in range(len(CODES)):
                mix = n.iloc[place].to_numpy() / n.iloc[place].sum()
                share.append(mix @ risk[place])
                typical.append(mix @ country)
                chance.append(sum(mix * risk[place] * (1 - risk[place])) / n.iloc[place].sum())
            share, typical = np.array(share), np.array(typical)
            expected = [
                np.mean(chance),
                np.cov(typical, share, ddof=0)[0, 1],
                np.cov(share - typical, share, ddof=0)[0, 1],
            ]
            got = found["variance"].sel(what=option).isel(draw=draw).to_numpy()
            np.testing.assert_allclose(got, expected)
        observed = float(found["observed"].sel(what=option))
        assert observed == pytest.approx((events.sum(axis=1) / n.sum(axis=1)).var(ddof=0))
        assert 0.4 < observed / float(found["variance"].sel(what=option).sum("part").mean()) < 2.2
    share = (found["variance"] / found["variance"].sum("part")).mean("draw").sel(part="chance")
    assert (share > 0.9).all() if not spread else float(share.sel(what="usual")) < 0.5
    assert float(share.sel(what="difference")) > 0.9, "the option changes nothing, wherever"


def test_the_same_clients_leave_only_the_places() -> None:
    fit, context = made(0.0)
    risk = for_same_clients(fit, context).mean("draw")
    assert risk.dims == ("option", "municipality")
    assert float(risk.std("municipality").max()) < 0.002, "municipalities with other clients are alike here"
    share = context.size.groupby("group").sum() / context.size.sum()
    assert float(risk.mean()) == pytest.approx(share["high"] * expit(-0.9) + share["low"] * expit(-1.9), abs=0.002)


def test_what_cannot_be_compared_is_told() -> None:
    values = drawn(np.arange(3.0), 1.0)
    with pytest.raises(UsageError, match="not over draw and municipality"):
        standing(values.expand_dims(option=["usual", "new"]))
    with pytest.raises(UsageError, match="fewer than two municipalities"):
        reliability(values.isel(municipality=[0]))
    with pytest.raises(UsageError, match="missing somewhere"):
        standing(values.where(values > 0))
    with pytest.raises(UsageError, match="the same in all"):
        reliability(xr.zeros_like(values))
    fit, context = made(0.1, draws=2)
    with pytest.raises(UsageError, match="10000 clients"):
        parts_of_spread(fit, context, 10_000)
    other = Fit("count", fit.effect, fit.posterior, (), "", False)
    for verb in (parts_of_spread, for_same_clients):
        with pytest.raises(UsageError, match="count"):
            verb(other, context)
        with pytest.raises(UsageError, match="with counties"):
            verb(fit, Context(context.cells, {}))
