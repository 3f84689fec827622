"""Published cohort models redone on the kernel, with the figures they print."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from costeff import cohort

# Deaths per person-year of the healthy in the two Sick-Sicker models at ages 25 to 100: the same at every age;
# and the United States in 2015, both sexes (Human Mortality Database, www.mortality.org).
HEALTHY = np.full(76, 0.002)
USA_2015 = np.array(
    """
    .001014 .000999 .00107 .001087 .001162 .001167 .001213 .001289 .001331 .001375 .00142 .00149 .00155 .001616
    .001657 .001747 .001902 .002052 .002173 .002395 .002559 .002807 .003023 .003349 .003712 .004085 .00449
    .004905 .005364 .005806 .006253 .006775 .007395 .007895 .008418 .008974 .009666 .010456 .011384 .011838
    .012667 .013593 .0147 .015732 .01734 .018758 .020967 .022917 .024913 .026767 .029707 .032412 .035982 .039238
    .043595 .048727 .053735 .059911 .066618 .074051 .08219 .090754 .103968 .115093 .124341 .137872 .154177
    .172393 .1941 .212654 .243752 .259087 .287781 .316429 .339149 .367247
    """.split(),
    dtype=float,
)


def start_in(first: str, states: list[str], persons: float = 1.0) -> xr.DataArray:
    return xr.DataArray([persons * (state == first) for state in states], dims="state", coords={"state": states})


def labelled(dim: str, labels: list[str], values: list[float]) -> xr.DataArray:
    return xr.DataArray(values, dims=dim, coords={dim: labels})


def from_the_first_year(years: int, rate: float) -> xr.DataArray:
    """Factors of years 1, 2, ... for models that count a cycle at its end and discount the first one, too."""
    return cohort.discount_factors(np.arange(years + 1), rate).isel(year=slice(1, None))


def test_sonnenberg_and_beck_1993_figure_3() -> None:
    """Sonnenberg & Beck, Markov models in medical decision making, Med Decis Making 1993;13:322-338,
    doi:10.1177/0272989X9301300409, figure 3.

    10 000 patients after two cycles: 3600 well, 2400 disabled, 4000 dead. Exact to rounding.
    """
    states = ["well", "ill", "dead"]
    moves = {("well", "ill"): 0.2, ("well", "dead"): 0.2, ("ill", "dead"): 0.4}
    occupancy = cohort.trace(start_in("well", states, 10_000), cohort.transition_matrix(states, moves), 2)
    np.testing.assert_allclose(occupancy.isel(cycle=2), [3600, 2400, 4000])


def test_hiv_model_of_briggs_claxton_and_sculpher() -> None:
    """A homogeneous cohort in two phases: Chancellor et al., Modelling the cost effectiveness of
    lamivudine/zidovudine combination therapy in HIV infection, Pharmacoeconomics 1997;12:54-66,
    doi:10.2165/00019053-199712010-00006, which prints 6276 GBP per life year; as example 2.5 of Briggs, Claxton
    & Sculpher, Decision Modelling for Health Economic Evaluation, Oxford 2006, ISBN 9780198526629.

    The book's spreadsheet without rounding, as the tests of heemod quote it: costs 44 663.4535637 and
    50 601.6513312 GBP, life years 7.9912066 and 8.9373889, 6275.95560 GBP per life year. Each to half a unit of
    its last decimal. 20 yearly cycles counted at their end, costs discounted by 6 % from the first year on, life
    years not; the second drug, and its relative risk 0.509 on each probability, for two years.
    """
    states, options = ["A", "B", "C", "dead"], ["mono", "combination"]
    yearly = {
        ("A", "B"): 350 / 1734,
        ("A", "C"): 116 / 1734,
        ("A", "dead"): 17 / 1734,
        ("B", "C"): 512 / 1258,
        ("B", "dead"): 15 / 1258,
        ("C", "dead"): 437 / 1749,
    }
    risk = labelled("option", options, [1, 0.509])
    treated = cohort.transition_matrix(states, {move: p * risk for move, p in yearly.items()})
    phases = [(treated, 2), (cohort.transition_matrix(states, yearly), 18)]
    occupancy = cohort.trace_phases(start_in("A", states), phases)
    years = xr.DataArray(np.arange(1, 21), dims="year", coords={"year": np.arange(1, 21)})
    alive = labelled("state", states, [1, 1, 1, 0])
    second_drug = labelled("option", options, [0, 2086.5]) * (years <= 2)
    price = labelled("state", states, [2756, 3052, 9007, 0]) + alive * (2278 + second_drug)
    discount = from_the_first_year(20, 0.06)
    cost = cohort.accrue(occupancy, price, 1, method="end", discount=discount, first_year=1).sum("year")
    life_years = cohort.accrue(occupancy, alive, 1, method="end", first_year=1).sum("year")
    np.testing.assert_allclose(cost, [44_663.4535637, 50_601.6513312], rtol=0, atol=5e-8)
    np.testing.assert_allclose(life_years, [7.9912066, 8.9373889], rtol=0, atol=5e-8)
    ratio = cost.diff("option").item() / life_years.diff("option").item()
    assert ratio == pytest.approx(6275.95560, abs=5e-6)


@pytest.mark.parametrize("clock", ["cycle", "residence"])
def test_total_hip_replacement_of_briggs_claxton_and_sculpher(clock: str) -> None:
    """A time-dependent cohort with a life table, for two prostheses: Briggs et al., The use of probabilistic
    decision models in technology assessment: the case of total hip replacement, Appl Health Econ Health Policy
    2004;3:79-89, doi:10.2165/00148365-200403020-00004; as example 3.5 of Briggs, Claxton & Sculpher, Decision
    Modelling for Health Economic Evaluation, Oxford 2006, ISBN 9780198526629: a woman aged 60, for 60 years.

    The book's spreadsheet without rounding, as the tests of heemod quote it: costs 512.434658 and 610.311818
    GBP, QALYs 14.6531896 and 14.69770986, 2198.486665 GBP per QALY, and the cohort after 8 years. Each to half a
    unit of its last decimal. Yearly cycles counted at their end, costs discounted by 6 % and QALYs by 1.5 % from
    the first year on, the prosthesis paid at once. In year t she is 60 + t. Deaths of the life table come beside
    revisions and on top of deaths in an operation, not before them, and there are none in the first year.

    Revisions follow a Weibull hazard of time since the operation, which here is model time as well: once by
    cycle, as in the book, and once by tunnels.
    """
    states = ["primary", "success", "revision", "revised", "dead"]
    options, sexes = ["standard", "NP1"], ["man", "woman"]
    tunnels = {"success": 60} if clock == "residence" else {}
    men, women = [0.00151, 0.00393, 0.0109, 0.0316, 0.0801, 0.1879], [0.00099, 0.0026, 0.0067, 0.0193, 0.0535, 0.1548]
    table = xr.DataArray(
        np.repeat([men, women], [10, 10, 10, 10, 10, 36], axis=1),
        dims=["sex", "age"],
        coords={"sex": sexes, "age": np.arange(35, 121)},
    )
    other = cohort.death_probabilities(cohort.rate_from_probability(table, 1), 61, 60, 1)
    # Success is reached after the first year: in its first tunnel the year ahead is the second.
    year = xr.DataArray(np.arange(60) + (1 if clock == "cycle" else 2), dims=clock, coords={clock: np.arange(60)})
    scale = np.exp(-5.490935 - 0.0367022 * 60 + 0.768536 * labelled("sex", sexes, [1, 0]))
    shape = np.exp(0.3740968)
    revision = cohort.apply_hazard_ratio(
        cohort.probability_from_rate(scale * (year**shape - (year - 1) ** shape), 1),
        labelled("option", options, [1, np.exp(-1.344474)]),
    )
    # add_death applies moves to those who survive the life table; the book's shares are of all. So divide.
    moves: dict[tuple[str, str], cohort.Value] = {
        ("primary", "success"): 0.98,
        ("primary", "dead"): 0.02,
        ("success", "revision"): revision / (1 - other),
        ("revision", "revised"): 1 - 0.02 / (1 - other),
        ("revision", "dead"): 0.02 / (1 - other),
        ("revised", "revision"): 0.04 / (1 - other),
    }
    death = cohort.unfold(other * labelled("state", states, [0, 1, 1, 1, 0]), tunnels)
    matrix = cohort.add_death(cohort.residence_matrix(states, moves, tunnels), death)
    occupancy = cohort.trace(cohort.enter(start_in("primary", states), tunnels), matrix)
    quality = cohort.unfold(labelled("state", states, [0, 0.85, 0.3, 0.75, 0]), tunnels)
    surgery = cohort.unfold(labelled("state", states, [0, 0, 5294, 0, 0]), tunnels)
    d_qalys, d_cost = from_the_first_year(60, 0.015), from_the_first_year(60, 0.06)
    lived = cohort.accrue(occupancy, quality, 1, method="end", discount=d_qalys, first_year=1)
    operated = cohort.accrue(occupancy, surgery, 1, by="entry", transitions=matrix, discount=d_cost, first_year=1)
    qalys = lived.sum("year").sel(sex="woman")
    cost = labelled("option", options, [394, 579]) + operated.sum("year").sel(sex="woman")
    after = cohort.fold(occupancy, tunnels).sel(sex="woman", cycle=8, state=states[1:])
    printed = [[0.88040225, 0.00168398, 0.00618146, 0.11173231], [0.88631355, 0.00044144, 0.00161577, 0.11162924]]
    np.testing.assert_allclose(after.transpose("option", "state"), printed, rtol=0, atol=5e-9)
    np.testing.assert_allclose(cost, [512.434658, 610.311818], rtol=0, atol=5e-7)
    assert qalys.sel(option="standard").item() == pytest.approx(14.6531896, abs=5e-8)
    assert qalys.sel(option="NP1").item() == pytest.approx(14.69770986, abs=5e-9)
    assert (cost.diff("option") / qalys.diff("option")).item() == pytest.approx(2198.486665, abs=5e-7)


def sick_sicker(rates: np.ndarray) -> tuple[xr.DataArray, xr.DataArray]:
    """Occupancy and transitions of four arms from age 25: treatment B slows the way from sick to sicker.

    One cycle more than the authors run, so that counting at the start of cycles takes in the end of their last.
    """
    states = ["H", "S1", "S2", "dead"]
    life_table = xr.DataArray(rates, dims="age", coords={"age": np.arange(25, 101)})
    healthy = cohort.death_probabilities(life_table, 25, 76, 1)
    death = cohort.apply_hazard_ratio(healthy, labelled("state", states[:3], [1, 3, 10]))
    slower = labelled("option", ["usual", "A", "B", "AB"], [1, 1, 0.6, 0.6])
    moves: dict[tuple[str, str], cohort.Value] = {
        ("H", "S1"): cohort.probability_from_rate(0.15, 1),
        ("S1", "H"): cohort.probability_from_rate(0.5, 1),
        ("S1", "S2"): cohort.apply_hazard_ratio(cohort.probability_from_rate(0.105, 1), slower),
    }
    matrix = cohort.add_death(cohort.transition_matrix(states[:3], moves), death)
    return cohort.trace(start_in("H", states), matrix), matrix


@pytest.mark.parametrize(
    ("rates", "events", "costs", "qalys", "ratios"),
    [
        pytest.param(
            HEALTHY,
            0,
            [151_580, 284_805, 259_100, 378_875],
            [20.711, 21.499, 22.184, 23.137],
            [72_988, 125_764],
            id="time-independent",
        ),
        pytest.param(
            USA_2015,
            1,
            [116_374, 218_789, 202_536, 296_300],
            [18.879, 19.636, 20.199, 21.097],
            [65_288, 104_461],
            id="life table and events",
        ),
    ],
)
def test_sick_sicker_model_of_alarid_escudero(
    rates: np.ndarray, events: int, costs: list[float], qalys: list[float], ratios: list[float]
) -> None:
    """Four treatment arms with hazard ratios: Alarid-Escudero et al., An introductory tutorial on cohort
    state-transition models in R, Med Decis Making 2023;43:3-20, doi:10.1177/0272989X221103163 (0.002 deaths a
    year of the healthy); and A tutorial on time-dependent cohort state-transition models in R, Med Decis Making
    2023;43:21-41, doi:10.1177/0272989X221121747 (a life table; falling ill costs 1000 USD and 0.01 QALY once,
    dying 2000 USD).

    The tables of costs, QALYs and ratios (B against usual care, AB against B; B dominates A), each figure to
    half a unit of its last decimal.

    Yearly cycles; both discount by 3 % from the first cycle end after the start, and weight the cycle ends
    0, 1, 2, ..., 74, 75 by 1/3, 2/3, 4/3, ..., 4/3, 1/3. Simpson's rule has 4/3 and 2/3 the other way round and
    needs an even number of cycles: the weights are theirs, as factors of each year. Moves count at their end.
    """
    occupancy, matrix = sick_sicker(rates)
    states, options = ["H", "S1", "S2", "dead"], ["usual", "A", "B", "AB"]
    factors = cohort.discount_factors(np.arange(77), 0.03)
    factors *= [1 / 3, *[2 / 3, 4 / 3] * 37, 1 / 3, 0]

    def total(stay: xr.DataArray, move: xr.DataArray) -> xr.DataArray:
        at_start, at_end = factors.isel(year=slice(0, 76)), factors.isel(year=slice(1, 77))
        stays = cohort.accrue(occupancy, stay, 1, method="start", discount=at_start)
        moves = cohort.accrue(occupancy, move, 1, by="transition", transitions=matrix, discount=at_end, first_year=1)
        return stays.sum("year") + moves.sum("year")

    drugs = labelled("option", options, [0, 12_000, 13_000, 25_000]) * labelled("state", states, [0, 1, 1, 0])
    better = labelled("option", options, [0, 0.2, 0, 0.2]) * labelled("state", states, [0, 1, 0, 0])
    onset = labelled("state", states, [1, 0, 0, 0]) * labelled("to_state", states, [0, 1, 0, 0])
    dying = labelled("state", states, [1, 1, 1, 0]) * labelled("to_state", states, [0, 0, 0, 1])
    cost = total(labelled("state", states, [2000, 4000, 15_000, 0]) + drugs, events * (1000 * onset + 2000 * dying))
    effect = total(labelled("state", states, [1, 0.75, 0.5, 0]) + better, events * -0.01 * onset)
    np.testing.assert_allclose(cost, costs, rtol=0, atol=0.5)
    np.testing.assert_allclose(effect, qalys, rtol=0, atol=5e-4)
    frontier = {"option": ["usual", "B", "AB"]}
    found = cost.sel(frontier).diff("option") / effect.sel(frontier).diff("option")
    np.testing.assert_allclose(found, ratios, rtol=0, atol=0.5)


def test_sick_sicker_cohort_and_transitions() -> None:
    """The same two papers: the cohort under usual care at the ends of cycles 0 to 5, to 3 decimals, of the
    first; the transitions of age 25 of the second, to 7 decimals. Half a unit of the last.
    """
    occupancy, _ = sick_sicker(HEALTHY)
    printed = [
        [1.000, 0.000, 0.000, 0.000],
        [0.859, 0.139, 0.000, 0.002],
        [0.792, 0.189, 0.014, 0.005],
        [0.755, 0.206, 0.032, 0.008],
        [0.729, 0.208, 0.052, 0.011],
        [0.707, 0.206, 0.072, 0.015],
    ]
    np.testing.assert_allclose(occupancy.sel(option="usual", cycle=slice(0, 5)), printed, rtol=0, atol=5e-4)
    _, matrix = sick_sicker(USA_2015)
    rows = [
        [0.8598357, 0.1391509, 0.0, 0.0010135],
        [0.3922742, 0.5053157, 0.0993727, 0.0030374],
        [0.0, 0.0, 0.9899112, 0.0100888],
        [0.0, 0.0, 0.0, 1.0],
    ]
    np.testing.assert_allclose(matrix.sel(option="usual", cycle=0), rows, rtol=0, atol=5e-8)
