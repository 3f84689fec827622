"""What studies would report, what that is worth, and whether a study pays: exact oracles, designs, arithmetic."""

import numpy as np
import pytest
import xarray as xr
from scipy.stats import betabinom, norm

from costeff.decision.information import evppi, evsi
from costeff.decision.studies import BinaryStudy, CostStudy, JointStudy, NormalStudy, enbs
from costeff.errors import UsageError

DRAWS = 4000
OPTIONS = ["usual", "new"]


def by_option(*columns: np.ndarray) -> xr.DataArray:
    values = np.column_stack(columns)
    return xr.DataArray(values, dims=("draw", "option"), coords={"draw": np.arange(len(values)), "option": OPTIONS})


def loss(mean: float, sd: float) -> float:
    z = abs(mean) / sd
    return float(sd * (norm.pdf(z) - z * norm.sf(z)))


@pytest.fixture(scope="module")
def risks():
    """An event of 10 000 EUR; the usual risk is known well, that of the new service hardly."""
    r = np.random.default_rng(1)
    risk = by_option(r.beta(300, 700, DRAWS), r.beta(6, 18, DRAWS))
    return risk, 10_000 * risk + xr.DataArray([0.0, 500.0], dims="option", coords={"option": OPTIONS}), 0 * risk


# --- worth ----------------------------------------------------------------------------------------


def test_normal_mean_is_worth_the_unit_normal_loss_of_what_the_study_moves():
    """Prior N(100, 300), a client's sd 2 000, half of the clients in each option, the usual mean known."""
    r = np.random.default_rng(2)
    mean = by_option(np.zeros(DRAWS), r.normal(100, 300, DRAWS))
    sizes = [20, 100, 400, 100_000]
    found = evsi(-mean, 0 * mean, NormalStudy(mean, 2000.0), 0.0, sizes).isel(threshold=0)
    for size in sizes:
        moved = 300**2 / np.sqrt(300**2 + 2000**2 / (size / 2))  # sd of the posterior mean
        one = found.sel(size=size)
        assert float(one["evsi"]) == pytest.approx(loss(100, moved), abs=max(3.5 * float(one["error"]), 2.0))
    assert (found["evsi"].diff("size") > 0).all()
    informed = evppi(-mean, 0 * mean, mean.sel(option="new", drop=True).to_dataset(name="new"), 0.0)
    assert float(found["evsi"].sel(size=100_000)) == pytest.approx(informed["evppi"].item(), rel=0.02)


def test_counts_are_worth_what_summing_over_all_counts_gives(risks):
    """Beta-binomial: the posterior mean after each count is known, and how probable the count is."""
    risk, cost, effect = risks
    new_only = xr.DataArray([0.0, 1.0], dims="option", coords={"option": OPTIONS})
    found = evsi(cost, effect, BinaryStudy(risk, split=new_only), 0.0, [8, 40, 200]).isel(threshold=0)
    today = float(cost.mean("draw").min())
    for size in (8, 40, 200):
        counts = np.arange(size + 1)
        posterior = 10_000 * (6 + counts) / (24 + size) + 500
        decided = np.minimum(posterior, 3000.0) @ betabinom.pmf(counts, size, 6, 18)
        one = found.sel(size=size)
        assert float(one["evsi"]) == pytest.approx(3000 - decided - (3000 - today), abs=4 * float(one["error"])), size
    assert bool(found["trusted"].all())


def test_a_study_is_worth_no_more_than_knowing_what_it_informs(risks):
    risk, cost, effect = risks
    sizes = [30, 300, 3000, 100_000]
    found = evsi(cost, effect, BinaryStudy(risk), 0.0, sizes).isel(threshold=0)
    known = xr.Dataset({o: risk.sel(option=o, drop=True) for o in OPTIONS})
    limit = evppi(cost, effect, known, 0.0, of={"both": OPTIONS}).squeeze()
    assert (found["fitted"] <= float(limit["evppi"]) + 3 * float(limit["error"])).all()
    assert (found["fitted"] <= found["evpi"]).all()
    assert (found["fitted"].diff("size") > 0).all()
    assert float(found["evsi"].sel(size=100_000)) == pytest.approx(float(limit["evppi"]), rel=0.03)


def test_a_study_of_what_does_not_matter_is_worth_nothing(risks):
    _, cost, effect = risks
    other = by_option(*np.random.default_rng(3).normal(0, 1, (2, DRAWS)))
    found = evsi(cost, effect, NormalStudy(other, 1.0), 0.0, [500]).squeeze()
    assert float(found["fitted"]) < 0.05 * float(found["evpi"])


def test_reports_made_elsewhere_are_valued_as_a_design_is(risks):
    risk, cost, effect = risks
    study = BinaryStudy(risk)
    design = evsi(cost, effect, study, [0.0], [100], seed=4)
    ready = evsi(cost, effect, study(100, 4), [0.0], seed=4)
    assert "size" not in ready.dims
    assert ready["evsi"].item() == design["evsi"].item()
    with pytest.raises(UsageError, match="leave them out"):
        evsi(cost, effect, study(100, 4), [0.0], [100])
    for nothing in (None, 3.0):
        with pytest.raises(UsageError, match="study: is no study"):
            evsi(cost, effect, nothing, [0.0], [100])
    for sizes in (None, [], [0], [50, 50], 100, [np.nan], ["a"], [1.5], "50"):
        with pytest.raises(UsageError, match="numbers of clients"):
            evsi(cost, effect, study, [0.0], sizes)


# --- designs --------------------------------------------------------------------------------------


def constant(usual: float, new: float) -> xr.DataArray:
    return by_option(np.full(20_000, usual), np.full(20_000, new))


def test_counts_have_the_spread_of_the_clients_who_stay():
    reports = BinaryStudy(constant(0.1, 0.3), follow_up=2.0, drop_out=0.2)(500, 1)
    assert list(reports) == ["events usual", "events new"]
    for name, risk in (("events usual", 1 - 0.9**2), ("events new", 1 - 0.7**2)):
        values = reports[name].values
        assert values.mean() == pytest.approx(risk, abs=4 * np.sqrt(risk * (1 - risk) / 200 / 20_000))
        assert values.std() == pytest.approx(np.sqrt(risk * (1 - risk) / 200), rel=0.03)
    assert abs(np.corrcoef(reports["events usual"], reports["events new"])[0, 1]) < 0.03


def test_means_have_the_spread_of_their_option():
    sd = xr.DataArray([100.0, 400.0], dims="option", coords={"option": OPTIONS})
    split = xr.DataArray([0.75, 0.25], dims="option", coords={"option": OPTIONS})
    normal = NormalStudy(constant(-50.0, 20.0), sd, split=split)(400, 1)
    gamma = CostStudy(constant(500.0, 900.0), sd, split=split)(400, 1)
    for reports, kind, means in ((normal, "mean", (-50.0, 20.0)), (gamma, "cost", (500.0, 900.0))):
        for option, mean, spread in zip(OPTIONS, means, (100 / np.sqrt(300), 400 / np.sqrt(100)), strict=True):
            values = reports[f"{kind} {option}"].values
            assert values.mean() == pytest.approx(mean, abs=4 * spread / np.sqrt(20_000))
            assert values.std() == pytest.approx(spread, rel=0.03)


def test_a_mean_of_gamma_costs_is_as_if_each_client_were_drawn():
    r = np.random.default_rng(5)
    ready = CostStudy(constant(1000.0, 1000.0), 2000.0)(10, 1)["cost new"].values
    drawn = r.gamma(0.25, 4000.0, (20_000, 5)).mean(axis=1)  # mean 1 000, sd 2 000, five clients
    for q in (0.05, 0.5, 0.95, 0.99):
        assert np.quantile(ready, q) == pytest.approx(np.quantile(drawn, q), rel=0.1, abs=5)


def test_parts_of_a_joint_study_are_told_apart():
    part = NormalStudy(constant(0.0, 1.0), 5.0)
    reports = JointStudy([BinaryStudy(constant(0.1, 0.3)), part, part])(100, 1)
    assert len(reports.data_vars) == 6
    assert abs(np.corrcoef(reports["1 mean new"], reports["2 mean new"])[0, 1]) < 0.03


def test_what_is_known_of_two_things_is_worth_more_than_of_one(risks):
    risk, cost, effect = risks
    more = by_option(np.zeros(DRAWS), np.random.default_rng(6).normal(0, 800, DRAWS))
    one = NormalStudy(more, 3000.0)
    both = JointStudy([BinaryStudy(risk), one])
    values = [evsi(cost + more, effect, study, 0.0, [200])["evsi"].item() for study in (one, both)]
    assert values[1] > 1.3 * values[0]


def test_studies_of_all_sizes_take_the_same_chances():
    """A few clients more hardly change what a study reports in a draw: nearly all of its luck is shared."""
    sizes = (400, 404)
    for study in (BinaryStudy(constant(0.1, 0.3)), NormalStudy(constant(-50.0, 20.0), 90.0),
                  CostStudy(constant(500.0, 900.0), 900.0)):  # fmt: skip
        few, more = (study(size, 1) for size in sizes)
        for name in few:
            assert np.corrcoef(few[name], more[name])[0, 1] > 0.99, name


def test_a_higher_risk_never_counts_fewer():
    few, many = (BinaryStudy(constant(0.1, risk))(1000, 1)["events new"] for risk in (0.3, 0.31))
    assert (many >= few).all()
    certain = BinaryStudy(constant(0.0, 1.0))(100, 1)
    assert (certain["events usual"] == 0).all()
    assert (certain["events new"] == 1).all()


def test_options_and_spreads_are_found_by_their_labels():
    sd = by_option(np.full(20_000, 1.0), np.full(20_000, 50.0))
    mean = constant(0.0, 0.0)
    turned = sd.isel(draw=slice(None, None, -1), option=[1, 0])
    xr.testing.assert_identical(NormalStudy(mean, turned)(50, 1), NormalStudy(mean, sd)(50, 1))
    numbered = BinaryStudy(constant(0.1, 0.3).assign_coords(option=[1, 2]))(100, 1)
    assert list(numbered) == ["events 1", "events 2"]


def test_the_same_seed_gives_the_same_study(risks):
    study = BinaryStudy(risks[0])
    xr.testing.assert_identical(study(50, 3), study(50, 3))
    assert not study(50, 3).equals(study(50, 4))


def test_designs_that_cannot_be_are_told():
    risk = constant(0.1, 0.3)
    uneven = xr.DataArray([0.9, 0.3], dims="option", coords={"option": OPTIONS})
    with pytest.raises(UsageError, match="study cannot be valued") as told:
        BinaryStudy(risk + 0.8, follow_up=0.0, drop_out=1.0, split=uneven)
    assert [problem.place for problem in told.value.problems] == ["split", "drop_out", "risk", "follow_up"]
    with pytest.raises(UsageError, match="NormalStudy"):
        CostStudy(constant(100.0, -5.0), 10.0)
    with pytest.raises(UsageError, match="standard deviation"):
        NormalStudy(risk, 0.0)
    with pytest.raises(UsageError, match="draw and option"):
        NormalStudy(risk.isel(option=0), 1.0)
    with pytest.raises(UsageError, match="none is left"):
        BinaryStudy(risk, drop_out=0.9)(2, 1)
    for clients in (0, -5, 2.5, "many"):
        with pytest.raises(UsageError, match="is no whole number from 1"):
            BinaryStudy(risk)(clients, 1)
    for parts in ([], None, BinaryStudy(risk)):
        with pytest.raises(UsageError, match="holds none"):
            JointStudy(parts)
    with pytest.raises(UsageError, match="part 1: is no design"):
        JointStudy([BinaryStudy(risk), 3])
    with pytest.raises(UsageError, match="part 1 draw: has 50 where part 0 has 20000"):
        JointStudy([BinaryStudy(risk), NormalStudy(risk.isel(draw=slice(50)), 1.0)])


@pytest.mark.parametrize("risk", [0.3, "0.3", None, [0.1, 0.3]])
def test_a_design_is_of_labelled_draws(risk):
    with pytest.raises(UsageError, match="risk: is not a labelled array") as told:
        BinaryStudy(risk)
    assert len(told.value.problems) == 1
    for design in (NormalStudy, CostStudy):
        with pytest.raises(UsageError, match="mean: is not a labelled array"):
            design(risk, 1.0)


def test_terms_of_a_design_are_numbers():
    risk = constant(0.1, 0.3)
    with pytest.raises(UsageError, match="not numbers"):
        BinaryStudy(risk.astype(str))
    with pytest.raises(UsageError) as told:
        BinaryStudy(risk, follow_up="2", drop_out="a fifth", split=[0.5, 0.5])
    assert [problem.place for problem in told.value.problems] == ["split", "drop_out", "follow_up"]
    by_options = xr.DataArray([1.0, 2.0], dims="option", coords={"option": ["usual", "other"]})
    for sd, words in (("1", "not above 0"), ([1.0, 2.0], "not labelled"), (by_options, "labels that mean does not"),
                      (risk.isel(draw=slice(9)), "has 9 where mean has 20000"),
                      (risk.expand_dims(payer=["kela"]), "over other dims")):  # fmt: skip
        for design in (NormalStudy, CostStudy):
            with pytest.raises(UsageError, match=f"sd.*{words}"):
                design(risk, sd)


# --- would it pay ---------------------------------------------------------------------------------


def worth(*values: float) -> xr.DataArray:
    sizes = [100 * (n + 1) for n in range(len(values))]
    return xr.DataArray(list(values), dims="size", coords={"size": sizes}, attrs={"unit": "EUR"})


TERMS = {"population": 500, "horizon": 5, "discount_rate": 0.03, "fixed_cost": 20_000, "cost_per_client": 150,
         "result_after": 1.5}  # fmt: skip


def test_net_benefit_of_a_study_by_hand():
    """Half of the second year, then years 3 to 5, each weighed by its own factor."""
    ds = enbs(worth(30.0, 45.0, 47.0), **TERMS, share=0.8)
    factor = 0.5 / 1.03 + 1 / 1.03**2 + 1 / 1.03**3 + 1 / 1.03**4
    expected = np.array([30.0, 45.0, 47.0]) * 500 * 0.8 * factor - (20_000 + 150 * np.array([100, 200, 300]))
    np.testing.assert_allclose(ds["enbs"], expected)
    assert ds["best_size"] == 200
    assert float(ds["best_enbs"]) == pytest.approx(expected[1])
    assert ds.attrs["clients_after"] == pytest.approx(500 * 0.8 * 3.5)
    assert ds.attrs["effective_population"] == pytest.approx(500 * 0.8 * factor)
    assert ds["enbs"].attrs["unit"] == "EUR"


def test_a_study_that_is_not_worth_its_cost_is_not_made():
    ds = enbs(worth(1.0, 2.0), **TERMS)
    assert (ds["enbs"] < 0).all()
    assert not ds["pays"].any()
    assert ds["best_size"] == 0
    assert ds["best_enbs"] == 0


def test_a_result_after_the_horizon_is_worth_nothing():
    ds = enbs(worth(1e6), **TERMS | {"result_after": 6})
    assert ds["value"].item() == 0
    assert ds["enbs"].item() == -(20_000 + 150 * 100)
    assert ds.attrs["clients_after"] == 0


def test_a_value_that_was_refused_stays_missing():
    ds = enbs(worth(np.nan, 40.0), **TERMS)
    assert np.isnan(ds["enbs"][0])
    assert ds["refused"].values.tolist() == [True, False]
    np.testing.assert_array_equal(ds["pays"], [np.nan, 1.0])
    assert ds["best_size"] == 200
    assert np.isnan(enbs(worth(np.nan), **TERMS)["best_size"])


def test_no_study_is_best_only_where_every_size_has_a_value():
    ds = enbs(worth(np.nan, 2.0), **TERMS)  # the one known does not pay; the other might
    np.testing.assert_array_equal(ds["pays"], [np.nan, 0.0])
    assert np.isnan(ds["best_size"])
    assert np.isnan(ds["best_enbs"])
    assert enbs(worth(1.0, 2.0), **TERMS)["best_size"] == 0


def test_each_threshold_has_its_own_best_size():
    values = xr.concat([worth(10.0, 11.0), worth(100.0, 190.0), worth(0.0, 0.0)], dim="threshold")
    ds = enbs(values.assign_coords(threshold=[1.0, 2.0, 3.0]), **TERMS | {"fixed_cost": 0, "cost_per_client": 50})
    assert ds["best_size"].values.tolist() == [100, 200, 0]


def test_without_discounting_years_are_counted_and_continuous_is_the_integral():
    plain = enbs(worth(1.0), **TERMS | {"discount_rate": 0.0})
    assert plain.attrs["effective_population"] == pytest.approx(500 * 3.5)
    t = np.linspace(1.5, 5, 200_001)
    smooth = enbs(worth(1.0), **TERMS, compounding="continuous")
    assert smooth.attrs["effective_population"] == pytest.approx(500 * np.trapezoid(np.exp(-0.03 * t), t))


def test_terms_that_cannot_be_are_told_at_once():
    with pytest.raises(UsageError) as told:
        enbs(worth(1.0), **TERMS | {"population": -1, "horizon": 0, "discount_rate": 3.0}, share=1.2)
    assert [problem.place for problem in told.value.problems] == ["population", "horizon", "share", "discount_rate"]
    with pytest.raises(UsageError, match="no dim size"):
        enbs(xr.DataArray(3.0), **TERMS)
    for value in (worth(1.0).to_dataset(name="evsi"), 3.0, None):
        with pytest.raises(UsageError, match="value: is not a labelled array"):
            enbs(value, **TERMS)
    for sizes in ([100, 100], [0, 100], ["a", "b"]):
        with pytest.raises(UsageError, match="value size"):
            enbs(worth(1.0, 2.0).assign_coords(size=sizes), **TERMS)
    for value in (worth(np.inf), worth(1.0).astype(complex)):
        with pytest.raises(UsageError, match="value: holds what is no number, or infinite"):
            enbs(value, **TERMS)
    with pytest.raises(UsageError, match="yearly or continuous"):
        enbs(worth(1.0), **TERMS, compounding="monthly")
