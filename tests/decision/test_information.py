"""Value of partial information: closed forms, nested simulation, properties, and fits that have to be refused."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from costeff.decision import regression
from costeff.decision.benefit import evpi
from costeff.decision.information import evppi
from costeff.errors import UsageError

DRAWS = 10_000


def by_option(values: np.ndarray) -> xr.DataArray:
    names = [f"option {n}" for n in range(values.shape[1])]
    return xr.DataArray(values, dims=("draw", "option"), coords={"draw": np.arange(len(values)), "option": names})


def by_draw(**columns: np.ndarray) -> xr.Dataset:
    draws = len(next(iter(columns.values())))
    return xr.Dataset({n: ("draw", c) for n, c in columns.items()}, coords={"draw": np.arange(draws)})


def valued(net_benefit: np.ndarray, parameters: xr.Dataset, **options: object) -> xr.Dataset:
    """EVPPI where the net benefit is given: no effect, and a cost that is its negative."""
    ds = evppi(by_option(-net_benefit), by_option(0 * net_benefit), parameters, 0.0, **options)
    return ds.isel(threshold=0)


def loss(mean: float, sd: float) -> float:
    """EVPI of a normal net benefit against nothing: sd times the unit normal loss integral."""
    z = abs(mean) / sd
    return float(sd * (norm.pdf(z) - z * norm.sf(z)))


@pytest.fixture(scope="module")
def linear():
    """Effect and cost of the new option normal and linear in three parameters; closed forms for all."""
    r = np.random.default_rng(1)
    gain, extra, other = r.normal(0.1, 0.2, DRAWS), r.normal(1500, 700, DRAWS), r.normal(0, 400, DRAWS)
    cost, effect = by_option(np.c_[0 * extra, extra + other]), by_option(np.c_[0 * gain, gain])
    return cost, effect, by_draw(gain=gain, extra=extra, other=other)


# --- oracles --------------------------------------------------------------------------------------


def test_normal_and_linear_is_the_unit_normal_loss(linear):
    thresholds = [5_000.0, 15_000.0, 40_000.0]
    found = evppi(*linear, thresholds, of={"gain": ["gain"], "extra": ["extra"], "costs": ["extra", "other"]})
    for k in thresholds:
        mean, at = 0.1 * k - 1500, found.sel(threshold=k)
        sds = {"gain": 0.2 * k, "extra": 700.0, "costs": np.hypot(700, 400)}
        for name, sd in sds.items():
            one = at.sel(parameter=name)
            assert float(one["evppi"]) == pytest.approx(loss(mean, sd), abs=max(3.5 * float(one["error"]), 4.0)), name
        assert float(at["evpi"]) == pytest.approx(loss(mean, np.hypot(np.hypot(0.2 * k, 700), 400)), rel=0.06)
    assert bool(found["trusted"].all())


def test_nested_simulation_of_a_model_that_is_not_linear():
    """Three options; the oracle draws the other parameters anew for each value of those of interest."""
    r = np.random.default_rng(2)

    def net(a, b, c):
        return np.stack([0 * (a + b + c), 3000 * a * b - 800 * c, 4000 * np.sqrt(a) * (b - 0.2) - 300 - 400 * c**2], -1)

    def drawn(*shape):
        return r.beta(2, 3, shape), r.lognormal(0, 0.5, shape), r.normal(1, 0.4, shape)

    a, b, c = drawn(DRAWS)
    found = valued(net(a, b, c), by_draw(a=a, b=b, c=c), of={"a": ["a"], "ab": ["a", "b"], "abc": ["a", "b", "c"]})

    def nested(known):
        outer, inner = drawn(3000, 1), drawn(3000, 200)
        means = net(*(outer[n] if n in known else inner[n] for n in range(3))).mean(axis=1)
        return means.max(axis=1).mean() - means.mean(axis=0).max()

    for name, known in {"a": {0}, "ab": {0, 1}}.items():
        one = found.sel(parameter=name)
        assert float(one["evppi"]) == pytest.approx(nested(known), abs=4 * float(one["error"])), name
    assert float(found["evppi"].sel(parameter="abc")) == pytest.approx(float(found["evpi"]), rel=0.03)


def test_many_parameters_that_work_together():
    """A product of three among six: nothing of it is seen in one parameter alone."""
    r = np.random.default_rng(3)
    x = r.normal(size=(5000, 6))
    product = x[:, 0] * x[:, 1] * x[:, 2]
    net = np.c_[np.zeros(5000), product + r.normal(size=5000)]
    parameters = by_draw(**{f"x{n}": x[:, n] for n in range(6)})
    found = valued(net, parameters, of={"alone": ["x0"], "all": list(parameters)})
    truth = np.maximum(product, 0).mean() - max(product.mean(), 0)
    assert float(found["evppi"].sel(parameter="all")) == pytest.approx(truth, rel=0.1)
    assert float(found["evppi"].sel(parameter="alone")) < 0.02


def test_few_different_values_are_classes_with_means():
    r = np.random.default_rng(4)
    group = r.integers(0, 4, DRAWS)
    net = np.c_[np.zeros(DRAWS), np.array([-1.0, 2.0, -0.5, 0.1])[group] + r.normal(size=DRAWS)]
    found = valued(net, by_draw(group=group)).isel(parameter=0)
    best = sum(max(0.0, net[group == g, 1].mean()) * (group == g).mean() for g in range(4))
    assert float(found["evppi"]) == pytest.approx(best - max(net[:, 1].mean(), 0.0), rel=1e-9)
    assert str(found["method"].values) == "group means"


@pytest.mark.slow
def test_the_standard_error_is_the_spread_over_repeated_draws():
    found = []
    for seed in range(80):
        r = np.random.default_rng(seed)
        a, b = r.normal(0.3, 1, 3000), r.normal(0, 1.5, 3000)
        found.append(valued(np.c_[0 * a, a + 0.4 * a**2 * b + b], by_draw(a=a)).isel(parameter=0))
    estimates = np.array([float(one["evppi"]) for one in found])
    errors = np.array([float(one["error"]) for one in found])
    assert 0.75 < estimates.std() / errors.mean() < 1.33


# --- properties -----------------------------------------------------------------------------------


def model(seed: int, options: int = 3, draws: int = 600):
    r = np.random.default_rng(seed)
    x = r.normal(size=(draws, 3))
    cost = by_option(1000 * (r.normal(size=options) + x @ r.normal(size=(3, options))))
    effect = by_option(r.normal(size=options) / 5 + np.sin(x @ r.normal(size=(3, options))) / 5)
    return cost, effect, by_draw(a=x[:, 0], b=x[:, 1], c=x[:, 2])


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10_000))
def test_between_nothing_and_knowing_everything(seed):
    found = evppi(*model(seed), [0.0, 5_000.0, 30_000.0])
    assert (found["fitted"] >= 0).all()
    assert (found["fitted"] <= found["evpi"] + 1e-9).all()
    assert (found["error"] >= 0).all()
    assert ((found["explained"] >= 0) & (found["explained"] <= 1)).all()


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(4)))
def test_the_order_of_options_does_not_matter(seed, order):
    cost, effect, parameters = model(seed, options=4)
    one = evppi(cost, effect, parameters, 8_000.0)
    other = evppi(cost.isel(option=list(order)), effect, parameters, 8_000.0)
    np.testing.assert_allclose(one["fitted"], other["fitted"], rtol=1e-6, atol=1e-6)


def test_the_value_of_everything_is_that_of_the_curves():
    cost, effect, parameters = model(4, options=4)
    found = evppi(cost, effect, parameters, [0.0, 5_000.0, 30_000.0], of=["a"])
    np.testing.assert_allclose(found["evpi"], evpi(cost, effect, [0.0, 5_000.0, 30_000.0]), atol=1e-9)


def test_rows_are_aligned_by_their_draw():
    cost, effect, parameters = model(5)
    mixed = parameters.isel(draw=np.random.default_rng(0).permutation(parameters.sizes["draw"]))
    xr.testing.assert_equal(evppi(cost, effect, parameters, 8_000.0), evppi(cost, effect, mixed, 8_000.0))


def test_noise_that_all_options_share_tells_nothing():
    cost, effect, parameters = model(6)
    shared = xr.DataArray(1e4 * np.random.default_rng(1).normal(size=600), dims="draw", coords={"draw": cost["draw"]})
    one, other = evppi(cost, effect, parameters, 8_000.0), evppi(cost + shared, effect, parameters, 8_000.0)
    np.testing.assert_allclose(one["fitted"], other["fitted"], rtol=1e-6, atol=1e-6)


def test_identical_options_are_worth_exactly_nothing():
    cost, effect, parameters = model(7, options=1)
    twice = [xr.concat([v, v.assign_coords(option=["again"])], dim="option") for v in (cost, effect)]
    found = evppi(*twice, parameters, [0.0, 8_000.0])
    assert (found["evppi"] == 0).all()
    assert (found["evpi"] == 0).all()


def test_a_constant_is_worth_exactly_nothing():
    cost, effect, parameters = model(8)
    fixed = evppi(cost, effect, parameters.assign(fixed=("draw", np.full(600, 3.0))), 8_000.0, of=["fixed"])
    assert fixed["evppi"].item() == fixed["null"].item() == fixed["error"].item() == 0
    assert fixed["method"].item() == "constant"


def test_a_parameter_that_decides_everything_is_worth_everything():
    r = np.random.default_rng(9)
    x = r.gamma(2, 1, DRAWS)
    found = valued(np.c_[np.zeros(DRAWS), 100 * (np.log(x) - 0.3)], by_draw(x=x)).isel(parameter=0)
    assert float(found["evppi"]) == pytest.approx(float(found["evpi"]), rel=0.01)


def test_many_thresholds_are_as_each_alone():
    cost, effect, parameters = model(10)
    together = evppi(cost, effect, parameters, [0.0, 3_000.0, 20_000.0])
    for k in (0.0, 3_000.0, 20_000.0):
        alone = evppi(cost, effect, parameters, k)
        np.testing.assert_allclose(together["fitted"].sel(threshold=k), alone["fitted"].sel(threshold=k), rtol=1e-9)


def test_money_in_cents_is_worth_a_hundred_times_as_much():
    cost, effect, parameters = model(11)
    one, other = evppi(cost, effect, parameters, 5_000.0), evppi(100 * cost, effect, parameters, 500_000.0)
    np.testing.assert_allclose(100 * one["fitted"].values, other["fitted"].values, rtol=1e-6, atol=1e-4)


def test_what_does_not_matter_shows_in_the_permutations():
    """A toss-up, where noise costs most: the value found for a bystander is that of the permuted parameter."""
    r = np.random.default_rng(12)
    net = np.c_[np.zeros(1000), r.normal(0, 1000, 1000)]
    found = valued(net, by_draw(**{f"b{n}": r.normal(size=1000) for n in range(20)}))
    assert (found["fitted"] < 0.15 * found["evpi"]).all()
    assert float(found["fitted"].mean()) == pytest.approx(float(found["null"].mean()), rel=0.6)
    assert float(found["null"].mean()) > 0


def test_a_group_is_worth_at_least_its_parts(linear):
    found = evppi(*linear, 15_000.0, of={"gain": ["gain"], "both": ["gain", "extra"]}).isel(threshold=0)
    part, both = (found.sel(parameter=name) for name in ("gain", "both"))
    assert float(both["evppi"]) > float(part["evppi"])


# --- refusal --------------------------------------------------------------------------------------


@pytest.mark.parametrize("waves", [40, 300])
def test_waves_too_fast_for_the_fit_are_refused(waves):
    r = np.random.default_rng(13)
    x = r.uniform(size=DRAWS)
    wave = np.sin(2 * np.pi * waves * x)
    found = valued(np.c_[0 * x, wave + 0.5 * r.normal(size=DRAWS)], by_draw(x=x)).isel(parameter=0)
    assert float(found["fitted"]) < 0.1 < np.maximum(wave, 0).mean()  # the fit says next to nothing
    assert not found["trusted"]
    assert np.isnan(found["evppi"])
    assert "explain more" in str(found["reason"].values)


def test_more_parameters_together_than_the_fit_has_products_of_are_refused():
    r = np.random.default_rng(14)
    x = r.normal(size=(3000, 5))
    sign = np.sign(x[:, :4].prod(axis=1))
    parameters = by_draw(**{f"x{n}": x[:, n] for n in range(5)})
    found = valued(np.c_[0 * sign, sign + r.normal(size=3000)], parameters, of={"all": list(parameters)})
    assert not found["trusted"].item()
    assert np.isnan(found["evppi"].item())


def test_scales_that_are_wrong_are_refused(monkeypatch):
    """Only weights that flatten every bend: the fit sees a straight line where there is a bowl."""
    r = np.random.default_rng(15)
    x, y = r.normal(size=DRAWS), r.normal(size=DRAWS)
    net = np.c_[np.zeros(DRAWS), x**2 - 1 + 0.5 * y]
    assert valued(net, by_draw(x=x))["trusted"].item()
    monkeypatch.setattr(regression, "WEIGHTS", np.array([1e12]))
    refused = valued(net, by_draw(x=x))
    assert not refused["trusted"].item()
    assert np.isnan(refused["evppi"].item())


def test_honest_fits_are_hardly_ever_refused():
    refused = 0
    for seed in range(8):
        r = np.random.default_rng(seed)
        x = r.normal(size=(1500, 3))
        heavy = r.standard_t(4, 1500) * (1 + np.abs(x[:, 0]))  # spread that depends on the parameter, long tails
        net = np.c_[np.zeros(1500), np.exp(x[:, 0] / 2) - 1 + x[:, 1] * x[:, 2] + heavy]
        found = valued(net, by_draw(a=x[:, 0], b=x[:, 1], c=x[:, 2]), of={"a": ["a"], "bc": ["b", "c"]})
        refused += int((~found["trusted"]).sum())
    assert refused == 0


# --- broken input ---------------------------------------------------------------------------------


def test_what_cannot_be_valued_is_told_at_once():
    cost, effect, parameters = model(16)
    with pytest.raises(UsageError, match="price") as told:
        evppi(cost, effect, parameters, 5_000.0, of={"one": ["price", "a"], "two": [], "three": ["wage"]})
    assert len(told.value.problems) == 3
    with pytest.raises(UsageError, match="draw"):
        evppi(cost, effect, parameters.isel(draw=slice(500)), 5_000.0)
    with pytest.raises(UsageError, match="municipality"):
        evppi(cost.expand_dims(municipality=["a", "b"]), effect, parameters, 5_000.0)
    with pytest.raises(UsageError, match="100 at least"):
        evppi(*(v.isel(draw=slice(50)) for v in (cost, effect, parameters)), 5_000.0)
    with pytest.raises(UsageError, match="missing"):
        evppi(cost, effect, parameters.assign(a=parameters["a"].where(parameters["draw"] != 3)), 5_000.0)
    with pytest.raises(UsageError, match="below 0"):
        evppi(cost, effect, parameters, -1.0)
    for of in ({"g": ["a", "a"]}, ["a", "a"]):
        with pytest.raises(UsageError, match="names a parameter twice"):
            evppi(cost, effect, parameters, 5_000.0, of=of)
    with pytest.raises(UsageError, match="parameters: are no Dataset"):
        evppi(cost, effect, parameters["a"], 5_000.0)
    with pytest.raises(UsageError, match="a label stands twice"):
        evppi(cost, effect, parameters.isel(draw=[0, *range(599)]), 5_000.0)
    for thresholds in ("a", [1, "x"], None, 1j, [[1], [1, 2]], np.timedelta64(1, "D")):
        with pytest.raises(UsageError, match="thresholds: hold what is not a number"):
            evppi(cost, effect, parameters, thresholds)
