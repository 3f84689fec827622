"""What contracts pay, to whom they are worth what, and at which price they turn."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import xarray as xr
from contract_builders import by_outcome, delivery, probabilities, uncertain, written
from hypothesis import given, settings
from hypothesis import strategies as st

from costeff.agreement import Bonus, Contract, OutcomePrice, SavingShare
from costeff.errors import ExitCode, UsageError
from costeff.funding import break_even_price, compare, paid_for_nothing, payment, price_for, risk, scenarios, settle
from costeff.params import Catalogue

AGAINST = ("nothing", "target", "baseline", "comparison")
SCENARIOS = ("estimate", "no_effect", "drift", "drift_no_effect")


@pytest.fixture(scope="module")
def delivered() -> xr.Dataset:
    """Four scenarios of 2 000 draws, 100 clients and as many compared."""
    return scenarios(
        uncertain(2_000),
        drift=0.3,
        clients=100,
        hours_per_client=50.0,
        saving_per_outcome=100_000.0,
        cost_per_hour=60.0,
        comparison_clients=100,
        seed=3,
    )


def total(contract: Contract, of: xr.Dataset) -> xr.DataArray:
    return payment(contract, of).sum("component")


# --- what is paid: against plain Python ---------------------------------------------------------------


def paid_slowly(contract: Contract, seen: dict[str, float]) -> float:
    """One draw, without arrays."""
    paid = 0.0
    for term in contract.terms:
        if term.kind == "hour_price":
            paid += term.price * seen["hours"]
        elif term.kind == "client_price":
            paid += term.price * seen["clients"]
        else:
            anyway = {
                "nothing": 0.0,
                "target": term.target,
                "baseline": seen["baseline"],
                "comparison": seen["comparison_outcomes"] / seen["comparison_clients"],
            }[term.against]
            more = seen["outcomes"] - anyway * seen["clients"]
            if isinstance(term, Bonus):
                reached = [level.amount for level in term.levels if more / seen["clients"] >= level.at - 1e-12]
                paid += reached[-1] if reached else 0.0
                continue
            worth = (
                term.price * more if isinstance(term, OutcomePrice) else term.share * seen["saving_per_outcome"] * more
            )
            paid += worth if term.two_sided or worth > 0 else 0.0
    if contract.cap is not None and paid > contract.cap:
        return contract.cap
    return contract.floor if contract.floor is not None and paid < contract.floor else paid


LEVELS = [{"at": 0.0, "amount": 1_000}, {"at": 0.05, "amount": 20_000}, {"at": 0.8, "amount": 50_000}]
MEASURED: list[dict[str, Any]] = [
    {"kind": "outcome_price", "price": 4_000.0},
    {"kind": "outcome_price", "price": 4_000.0, "two_sided": True},
    {"kind": "saving_share", "share": 0.5},
    {"kind": "saving_share", "share": 0.5, "two_sided": True},
    {"kind": "bonus", "levels": LEVELS},
]


@pytest.mark.parametrize("against", AGAINST)
def test_payments_are_those_of_a_plain_loop(against: str) -> None:
    """Each way of paying, alone and together with the others, with and without cap and floor."""
    target = {"target": 0.82} if against == "target" else {}
    terms = [{**term, **target, "against": against} for term in MEASURED]
    prices = [{"kind": "hour_price", "price": 7.0}, {"kind": "client_price", "price": 100.0}]
    mixed = [prices[0], prices[1], terms[1], terms[2], terms[4]]
    contracts = [written(term) for term in (*prices, *terms)]
    contracts += [written(*mixed), written(*mixed, cap=90_000.0, floor=60_000.0), written(terms[1], floor=-9_000.0)]
    some = delivery(uncertain(12), saving_per_outcome=60_000.0, clients=25, comparison_clients=40)
    draws = some.to_dataframe().to_dict("records")
    for contract in contracts:
        slowly = [paid_slowly(contract, seen) for seen in draws]
        assert total(contract, some).values.tolist() == pytest.approx(slowly), contract.terms


def test_the_components_are_the_terms_and_what_the_limits_take(delivered: xr.Dataset) -> None:
    contract = written(
        {"kind": "client_price", "price": 1_000.0},
        {"kind": "outcome_price", "price": 5_000.0, "against": "comparison"},
        cap=110_000.0,
    )
    parts = payment(contract, delivered)
    assert parts["component"].values.tolist() == ["client_price", "outcome_price against comparison", "limits"]
    assert (parts.sel(component="client_price") == 100_000.0).all()
    assert (parts.sel(component="limits") <= 0).all()
    assert (parts.sel(component="limits") < 0).any()


def test_a_level_is_reached_by_whole_clients_whatever_the_digits() -> None:
    """7 of 100 are 7 per cent, and 0.07 x 100 is a little more than 7 to a computer."""
    for reached in (7, 14, 55):
        assert reached / 100 * 100 > reached
        some = delivery(probabilities(0.1, 1.0)).assign(outcomes=("draw", [float(reached)]))
        bonus = written({"kind": "bonus", "against": "nothing", "levels": [{"at": reached / 100, "amount": 5.0}]})
        assert total(bonus, some).item() == 5.0


DELIVERY = delivery(uncertain(200))
LIMITS = st.tuples(st.floats(-1e5, 1e6), st.floats(0, 1e6)).map(lambda ends: (min(ends), max(*ends, 0.0)))


@given(st.sampled_from(AGAINST), st.booleans(), st.floats(0, 1e5), LIMITS)
@settings(max_examples=15, deadline=None)
def test_limits_hold_sides_sum_to_zero_and_better_outcomes_never_pay_less(
    against: str, two_sided: bool, price: float, limits: tuple[float, float]
) -> None:
    target = {"target": 0.8} if against == "target" else {}
    low, high = limits
    contract = by_outcome(price, against, two_sided=two_sided, floor=low, cap=high, **target)
    some = DELIVERY
    settled = settle(contract, some)
    paid = settled["transfer"].sel(side="provider", drop=True)
    assert (paid >= low - 1e-6).all()
    assert (paid <= high + 1e-6).all()
    assert (settled["transfer"].sum("side") == 0).all()
    np.testing.assert_allclose(settled["net"].sum("side"), some["saving"] - some["cost"], atol=1e-3)
    assert (total(contract, some.assign(outcomes=some["outcomes"] + 1)) >= paid - 1e-6).all()


def test_a_call_and_a_visit_with_the_same_effect_are_equal_by_outcome_and_not_by_the_hour() -> None:
    good = uncertain(500)
    call, visit = (delivery(good, hours_per_client=hours) for hours in (0.25, 1.0))
    outcome, hour = by_outcome(4_000.0, "comparison"), written({"kind": "hour_price", "price": 70.0})
    xr.testing.assert_equal(settle(outcome, call)["transfer"], settle(outcome, visit)["transfer"])
    xr.testing.assert_equal(
        settle(outcome, call)["net"].sel(side="buyer"), settle(outcome, visit)["net"].sel(side="buyer")
    )
    assert (total(hour, visit) == 4 * total(hour, call)).all()


# --- the Finnish cases --------------------------------------------------------------------------------


def test_koto_sib_saves_seven_million_and_pays_half_of_it() -> None:
    """Karinen et al. 2024: taxes 1 330 more and transfers 1 340 less for each of 2 636 persons; half is paid.

    As one outcome a person that is there in the one group and not in the other, at what it saves.
    """
    each = 1_330.0 + 1_340.0
    koto = delivery(probabilities(0.0, 1.0), clients=2_636, comparison_clients=2_636, saving_per_outcome=each)
    assert each == 2_670
    assert koto["saving"].item() == 7_038_120
    half = written({"kind": "saving_share", "share": 0.5, "against": "comparison"})
    settled = settle(half, koto)
    assert settled["transfer"].values.tolist() == [[-3_519_060.0, 3_519_060.0]]
    assert settled["net"].sel(side="buyer").item() == 3_519_060


def test_drift_alone_pays_against_a_frozen_baseline_and_not_against_a_comparison_group() -> None:
    draws, price = 20_000, 1_000.0
    nothing = probabilities(0.75, 0.75, draws)
    late = delivery(nothing, drift=np.log(2))
    frozen, compared = (
        total(by_outcome(price, against, two_sided=True), late) for against in ("baseline", "comparison")
    )
    moved = 100 * (6 / 7 - 0.75)
    assert float(frozen.mean()) == pytest.approx(price * moved, rel=0.01)
    assert abs(float(compared.mean())) < 4 * float(compared.std()) / np.sqrt(draws)
    still = total(by_outcome(price, "baseline", two_sided=True), delivery(nothing))
    assert abs(float(still.mean())) < 4 * float(still.std()) / np.sqrt(draws)


@pytest.mark.parametrize("clients", [100, 400])
def test_chance_alone_pays_a_one_sided_price(clients: int) -> None:
    """Half of the noise of a difference is above 0: its mean is sd / sqrt(2 pi), and grows as the root of clients."""
    draws, price, p = 20_000, 1_000.0, 0.8
    nothing = delivery(probabilities(p, p, draws), clients=clients, comparison_clients=clients)
    one_sided = total(by_outcome(price, "comparison"), nothing)
    sd = np.sqrt(2 * clients * p * (1 - p))
    assert float(one_sided.mean()) == pytest.approx(price * sd / np.sqrt(2 * np.pi), rel=0.03)


def test_chance_alone_reaches_the_levels_of_a_bonus() -> None:
    nothing = delivery(probabilities(0.8, 0.8, 20_000))
    bonus = written({"kind": "bonus", "against": "comparison", "levels": [{"at": 0.05, "amount": 1_000.0}]})
    difference = (nothing["outcomes"] - nothing["comparison_outcomes"]).values
    assert float(total(bonus, nothing).mean()) == pytest.approx(1_000.0 * np.mean(difference >= 5))
    assert float(total(bonus, nothing).mean()) > 150


def test_what_is_paid_for_nothing_is_the_payment_under_no_effect(delivered: xr.Dataset) -> None:
    hour = paid_for_nothing(written({"kind": "hour_price", "price": 70.0}), delivered)
    assert hour.to_series().to_dict() == {"no_effect": 350_000.0, "drift_no_effect": 350_000.0}
    fair = paid_for_nothing(by_outcome(4_000.0, "comparison", two_sided=True), delivered)
    frozen = paid_for_nothing(by_outcome(4_000.0, "baseline", two_sided=True), delivered)
    noise = 4 * 4_000.0 * np.sqrt(200 * 0.16) / np.sqrt(2_000)
    assert (abs(fair) < noise).all()
    assert abs(frozen.sel(scenario="no_effect")) < noise
    assert frozen.sel(scenario="drift_no_effect") > 10_000


# --- risk ---------------------------------------------------------------------------------------------


def test_risk_is_that_of_the_sorted_draws(delivered: xr.Dataset) -> None:
    settled = settle(by_outcome(4_000.0), delivered.sel(scenario="estimate"))
    got = risk(settled, reserve=10_000.0, mass=0.8, tail=0.05)
    for side in ("buyer", "provider"):
        net = sorted(settled["net"].sel(side=side).values.tolist())
        here = got.sel(side=side)
        assert float(here["expected"]) == pytest.approx(sum(net) / 2_000)
        assert float(here["p_loss"]) == sum(value < 0 for value in net) / 2_000
        assert float(here["expected_shortfall"]) == pytest.approx(-sum(net[:100]) / 100)
        assert [float(here["low"]), float(here["high"])] == pytest.approx(np.quantile(net, [0.1, 0.9]).tolist())
    provider = settled["net"].sel(side="provider")
    assert float(got["p_ruin"]) == float((provider < -10_000.0).mean()) > 0


def test_a_small_provider_is_ruined_more_often_than_a_large_one_with_as_much_a_client() -> None:
    good = probabilities(0.8, 0.85, 4_000)
    fair = by_outcome(60 * 50 / 0.85)
    ruin = []
    for clients in (20, 100, 500):
        settled = settle(fair, delivery(good, clients=clients))
        ruin.append(float(risk(settled, reserve=200.0 * clients)["p_ruin"]))
    assert ruin[0] > ruin[1] > ruin[2]


def test_nobody_is_at_risk_of_a_certain_thing() -> None:
    settled = settle(written({"kind": "hour_price", "price": 60.0}), delivery(probabilities(0.2, 1.0, 50)))
    got = risk(settled, reserve=0.0).sel(side="provider")
    assert [float(got[name]) for name in ("expected", "low", "high", "p_loss", "p_ruin")] == [0.0] * 5


@pytest.mark.parametrize(("price", "hours", "clients"), [(70.1, 0.7, 33), (0.1, 3.0, 7), (65.65, 33.3, 13)])
def test_a_rounding_error_ruins_nobody(price: float, hours: float, clients: int) -> None:
    """Paid what it costs, to the last digit but those of the machine."""
    at_cost = delivery(probabilities(0.8, 0.8, 20), clients=clients, hours_per_client=hours, cost_per_hour=price)
    got = risk(settle(written({"kind": "hour_price", "price": price}), at_cost), reserve=0.0)
    assert float(got["p_loss"].sel(side="provider")) == float(got["p_ruin"]) == 0.0
    short = risk(settle(written({"kind": "hour_price", "price": price - 0.01}), at_cost), reserve=0.0)
    assert float(short["p_loss"].sel(side="provider")) == float(short["p_ruin"]) == 1.0


def test_the_worst_of_the_draws_are_as_many_as_asked(delivered: xr.Dataset) -> None:
    settled = settle(by_outcome(4_000.0), delivered.sel(scenario="estimate").isel(draw=slice(100)))
    net = np.sort(settled["net"].sel(side="provider").values)
    got = risk(settled, tail=0.07)["expected_shortfall"].sel(side="provider")
    assert float(got) == pytest.approx(-net[:7].mean())


def test_the_table_of_contracts_is_that_of_each(delivered: xr.Dataset) -> None:
    contracts = [by_outcome(4_000.0), written({"kind": "hour_price", "price": 70.0}, id="hours")]
    table = compare(contracts, delivered, reserve=5_000.0).set_index(["contract", "scenario"])
    assert len(table) == 8
    for contract, scenario in itertools.product(contracts, SCENARIOS):
        row, here = table.loc[(contract.id, scenario)], delivered.sel(scenario=scenario)
        alone = risk(settle(contract, here), reserve=5_000.0)
        assert row["payment"] == float(total(contract, here).mean())
        assert row["buyer_p_loss"] == float(alone["p_loss"].sel(side="buyer"))
        assert row["provider_expected_shortfall"] == float(alone["expected_shortfall"].sel(side="provider"))
        assert row["provider_p_ruin"] == float(alone["p_ruin"])


# --- at which price it turns --------------------------------------------------------------------------

PRICED = [
    by_outcome(1.0),
    by_outcome(1.0, "comparison"),
    by_outcome(1.0, "comparison", two_sided=True),
    by_outcome(1.0, "target", target=0.7, cap=400_000.0, floor=150_000.0),
    written(
        {"kind": "client_price", "price": 1_000.0},
        {"kind": "outcome_price", "price": 1.0, "against": "baseline", "two_sided": True},
        cap=600_000.0,
    ),
]
each_price = pytest.mark.parametrize("contract", PRICED, ids=lambda c: f"{c.terms[-1].name} {c.cap or ''}")


def test_another_price_changes_the_price_and_nothing_else() -> None:
    for contract in PRICED:
        moved = contract.at_price(7.0)
        assert [t.price for t in moved.terms if isinstance(t, OutcomePrice)] == [7.0]
        assert moved.at_price(1.0) == contract


def test_where_the_outcome_is_certain_the_price_is_what_it_saves_and_what_it_costs() -> None:
    """One client: it costs 3 000 and saves 100 000. No price without an effect, or where it harms."""
    sure, none, harm = (
        delivery(probabilities(*p, 20), clients=1, comparison_clients=1) for p in ((0.0, 1.0), (1.0, 1.0), (1.0, 0.0))
    )
    compared = by_outcome(1.0, "comparison")
    assert break_even_price(compared, sure).values.tolist() == [100_000.0, 3_000.0]
    assert price_for(compared, sure).values.tolist() == [100_000.0] * 3
    assert price_for(compared, sure, side="provider").values.tolist() == [3_000.0] * 3
    for nothing in (none, harm):
        assert break_even_price(compared, nothing).isnull().all()
        assert price_for(compared, nothing, side="provider").isnull().all()
    assert price_for(compared, harm).isnull().all()
    assert (price_for(by_outcome(1.0, "comparison", two_sided=True), harm) == np.inf).all()


@each_price
def test_at_the_break_even_price_a_side_expects_nothing(contract: Contract, delivered: xr.Dataset) -> None:
    here = delivered.sel(scenario="estimate")
    found = break_even_price(contract, here)
    for side in ("buyer", "provider"):
        price = float(found.sel(side=side))
        if np.isinf(price):
            worth = here["saving" if side == "buyer" else "cost"].mean()
            tried = [total(contract.at_price(price), here).mean() for price in np.geomspace(1.0, 1e7, 10).tolist()]
            assert max(tried) < worth
        else:
            expected = settle(contract.at_price(price), here)["net"].sel(side=side).mean()
            assert abs(float(expected)) < 0.01


def test_the_break_even_price_is_saving_over_outcomes(delivered: xr.Dataset) -> None:
    here = delivered.sel(scenario="estimate")
    found = break_even_price(by_outcome(1.0), here)
    outcomes = float(here["outcomes"].mean())
    assert float(found.sel(side="buyer")) == pytest.approx(float(here["saving"].mean()) / outcomes)
    assert float(found.sel(side="provider")) == pytest.approx(300_000 / outcomes)


def test_there_is_no_price_for_outcomes_that_are_chance_around_nought(delivered: xr.Dataset) -> None:
    found = break_even_price(by_outcome(1.0, "comparison", two_sided=True), delivered.sel(scenario="no_effect"))
    assert found.isnull().all()


def gains(contract: Contract, price: float, side: str, here: xr.Dataset) -> float:
    paid = total(contract.at_price(price), here)
    return float((paid < here["saving"] if side == "buyer" else paid > here["cost"]).mean())


@each_price
@pytest.mark.parametrize("side", ["buyer", "provider"])
def test_up_to_the_price_found_a_side_gains_as_surely_as_asked(
    contract: Contract, side: Any, delivered: xr.Dataset
) -> None:
    """Against trying prices one by one: on the good side of the limit it holds, on the other nowhere."""
    here = delivered.sel(scenario="estimate").isel(draw=slice(300))
    grid = np.concatenate([[0.0], np.geomspace(100.0, 1e7, 11)])
    tried = {price: gains(contract, price, side, here) for price in grid.tolist()}
    found = price_for(contract, here, [0.1, 0.5, 0.8], side)
    for share, limit in zip([0.1, 0.5, 0.8], found.values.tolist(), strict=True):
        if np.isnan(limit):
            assert all(probability < share for price, probability in tried.items() if price > 0)
            continue
        inside, outside = (1 - 1e-6, 1 + 1e-6) if side == "buyer" else (1 + 1e-6, 1 - 1e-6)
        if np.isinf(limit):
            assert side == "buyer"
            assert tried[1e7] >= share
            continue
        assert gains(contract, limit * inside if limit else 1e-6, side, here) >= share
        beyond = [p for p in tried if (p > limit if side == "buyer" else p < limit)]
        assert all(tried[p] < share for p in beyond)
        if limit:
            assert gains(contract, limit * outside, side, here) < share


def test_limits_decide_where_no_price_does(delivered: xr.Dataset) -> None:
    """The cost is 300 000: below a cap under it a provider never gains, above a floor over it always."""
    here = delivered.sel(scenario="estimate").isel(draw=slice(100))
    assert price_for(by_outcome(1.0, cap=250_000.0), here, side="provider").isnull().all()
    assert (price_for(by_outcome(1.0, floor=310_000.0), here, side="provider") == 0).all()
    assert (price_for(by_outcome(1.0, cap=0.0), here.assign(saving=here["cost"])) == np.inf).all()


def test_to_gain_more_surely_the_buyer_pays_less_and_the_provider_asks_more(delivered: xr.Dataset) -> None:
    here = delivered.sel(scenario="estimate")
    buyer, provider = (price_for(by_outcome(1.0), here, [0.3, 0.5, 0.6], side) for side in ("buyer", "provider"))
    assert (buyer.diff("probability") < 0).all()
    assert (provider.diff("probability") > 0).all()


def test_prices_are_found_in_every_scenario_at_once(delivered: xr.Dataset) -> None:
    contract = by_outcome(1.0)
    found, even = price_for(contract, delivered), break_even_price(contract, delivered)
    assert dict(found.sizes) == {"probability": 3, "scenario": 4}
    for scenario in SCENARIOS:
        here = delivered.sel(scenario=scenario)
        xr.testing.assert_equal(
            found.sel(scenario=scenario, drop=True), price_for(contract, here).drop_vars("scenario")
        )
        xr.testing.assert_equal(
            even.sel(scenario=scenario, drop=True), break_even_price(contract, here).drop_vars("scenario")
        )


# --- what cannot be ---------------------------------------------------------------------------------


def told(call: Any) -> list[tuple[str, str]]:
    with pytest.raises(UsageError) as caught:
        call()
    assert caught.value.code is ExitCode.USAGE
    assert all(problem.cure for problem in caught.value.problems)
    return [(problem.place, problem.rule) for problem in caught.value.problems]


def test_all_that_is_wrong_with_a_contract_is_told_at_once() -> None:
    terms = [
        {"kind": "hour_price", "price": -70.0},
        {"kind": "saving_share", "share": 1.5, "against": "comparison"},
        {"kind": "outcome_price", "price": 1.0, "against": "target"},
    ]
    found = told(lambda: Contract.of(id="trial", terms=terms, cap=1_000.0, floor=2_000.0, price=3.0))
    assert found == [
        ("contract trial terms.0.hour_price.price", "input should be greater than or equal to 0 (it is -70.0)"),
        ("contract trial terms.1.saving_share.share", "input should be less than or equal to 1 (it is 1.5)"),
        (
            "contract trial terms.2.outcome_price",
            "target: a term against a target says which share of clients it is",
        ),
        ("contract trial floor", "the cap 1000 is below the floor 2000 (it is 2000.0)"),
        ("contract trial price", "unknown key"),
    ]


@pytest.mark.parametrize("kind", [*MEASURED[::2]], ids=lambda term: term["kind"])
def test_a_contract_that_pays_by_outcome_names_a_measurable_indicator(kind: dict[str, Any]) -> None:
    (place, rule), *_ = told(lambda: Contract.of(id="trial", terms=[{**kind, "against": "nothing"}]))
    assert place == "contract trial indicator"
    assert "names the measurable indicator" in rule
    assert Contract.of(id="hours", terms=[{"kind": "hour_price", "price": 1.0}]).indicator is None


def test_a_comparison_group_that_is_not_there_is_told_for_each_term() -> None:
    contract = written(
        {"kind": "outcome_price", "price": 1.0, "against": "comparison"},
        {"kind": "saving_share", "share": 0.5, "against": "comparison"},
    )
    alone = delivery(uncertain(5), comparison_clients=None).drop_vars("baseline")
    rule = "pays against a comparison group, and the delivery has none"
    assert told(lambda: payment(contract, alone)) == [
        ("delivery baseline", "is missing"),
        ("contract trial outcome_price against comparison", rule),
        ("contract trial saving_share against comparison", rule),
    ]
    assert told(lambda: price_for(contract, alone))[0][1] == "is missing"


def test_questions_that_have_no_answer_are_told(delivered: xr.Dataset) -> None:
    hours, here = written({"kind": "hour_price", "price": 1.0}), delivered.sel(scenario="estimate")
    two = written(*({"kind": "outcome_price", "price": 1.0, "against": a} for a in ("nothing", "baseline")))
    settled = settle(hours, here)
    assert told(lambda: break_even_price(hours, here)) == [("contract trial", "has no outcome price")]
    assert told(lambda: price_for(two, here)) == [("contract trial", "has several outcome prices")]
    assert [place for place, _ in told(lambda: price_for(two, here, [0.5, 1.0], "state"))] == ["side", "probability"]  # type: ignore[arg-type]
    assert [place for place, _ in told(lambda: risk(settled, reserve=-1.0, mass=1.0, tail=0.0))] == [
        "reserve",
        "mass",
        "tail",
    ]
    assert told(lambda: paid_for_nothing(hours, here)) == [("delivered", "has no dim scenario")]
    some = delivered.sel(scenario=["estimate", "no_effect"])
    assert told(lambda: paid_for_nothing(hours, some)) == [("delivered scenario", "lacks drift_no_effect")]
    assert told(lambda: price_for(by_outcome(1.0), here, "half")) == [("probability", "is not between 0 and 1")]  # type: ignore[arg-type]
    wrong: Any = {"reserve": "much", "mass": "0.9", "tail": float("nan")}
    assert [place for place, _ in told(lambda: risk(settled, **wrong))] == ["reserve", "mass", "tail"]
    assert told(lambda: by_outcome(1.0).override(cap=-1.0))[0][0] == "contract trial cap"
    assert told(lambda: by_outcome(1.0).at_price(-1.0))[0][0] == "contract trial terms.0.outcome_price.price"
    assert told(lambda: hours.at_price(1.0)) == [("contract trial", "has no outcome price")]
    broken = here.assign(saving=here["saving"].where(here["draw"] > 0))
    assert told(lambda: settle(hours, broken)) == [("delivery saving", "has a value that is missing or infinite")]


def test_contracts_that_cannot_be_set_side_by_side_are_told_at_once(delivered: xr.Dataset) -> None:
    alone = delivered.drop_vars(["comparison_clients", "comparison_outcomes"]).sel(scenario="estimate")
    alone = alone.assign(cost=alone["cost"].where(alone["draw"] > 0))
    pair = [by_outcome(1.0, "comparison"), by_outcome(1.0, "comparison", two_sided=True)]
    group = "pays against a comparison group, and the delivery has none"
    assert told(lambda: compare(pair, alone)) == [
        ("delivered", "has no dim scenario"),
        ("contract trial", "stands twice"),
        ("delivery cost", "has a value that is missing or infinite"),
        ("contract trial outcome_price against comparison", group),
        ("contract trial outcome_price against comparison", group),
    ]
    assert told(lambda: compare([], delivered)) == [("contracts", "are none")]


# --- the contracts that ship ---------------------------------------------------------------------------


def test_the_shipped_contracts_show_every_way_of_paying(catalogue: Catalogue, delivered: xr.Dataset) -> None:
    terms = [term for contract in catalogue.contracts.values() for term in contract.terms]
    assert {term.kind for term in terms} == {"hour_price", "client_price", "outcome_price", "saving_share", "bonus"}
    assert {term.against for term in terms if isinstance(term, OutcomePrice | SavingShare | Bonus)} == set(AGAINST)
    assert {c.indicator for c in catalogue.contracts.values()} == {
        None,
        *(f"{key}.outcome" for key in catalogue.chains),
    }
    table = compare(list(catalogue.contracts.values()), delivered.isel(draw=slice(200)))
    assert len(table) == 4 * len(catalogue.contracts)
    assert np.isfinite(table.drop(columns=["contract", "scenario"])).all(axis=None)


def test_of_the_shipped_pair_the_frozen_baseline_pays_for_the_times(
    catalogue: Catalogue, delivered: xr.Dataset
) -> None:
    """Without an effect both pay the price per client, 500 000, and what the floor makes of chance."""
    frozen, compared = (
        paid_for_nothing(catalogue.contracts[f"family_work_{name}"], delivered)
        for name in ("frozen_baseline", "difference_to_comparison")
    )
    late = {"scenario": "drift_no_effect"}
    assert float(frozen.sel(late) - frozen.sel(scenario="no_effect")) > 200_000
    assert abs(float(compared.sel(late) - compared.sel(scenario="no_effect"))) < 60_000


@pytest.mark.parametrize("stage", ["input", "output", "impact", "sauna"])
def test_what_is_no_measured_change_is_not_paid_for_by_outcome(stage: str) -> None:
    term = {"kind": "outcome_price", "price": 1.0, "against": "nothing"}
    rule = f"a.{stage} is no change measured in clients"
    for call in (
        lambda: Contract.of(id="trial", indicator=f"a.{stage}", terms=[term]),
        lambda: by_outcome(1.0).override(indicator=f"a.{stage}"),
    ):
        assert told(call) == [("contract trial indicator", rule)]
    assert Contract.of(id="hours", indicator=f"a.{stage}", terms=[{"kind": "hour_price", "price": 1.0}])


@pytest.mark.parametrize(
    ("run", "place"),
    [
        (lambda: risk(DELIVERY), "settled"),
        (lambda: risk(None), "settled"),  # type: ignore[arg-type]
        (lambda: payment(by_outcome(1.0), DELIVERY.mean("draw")), "delivery"),
        (lambda: payment(by_outcome(1.0), None), "delivery"),  # type: ignore[arg-type]
        (lambda: payment(None, DELIVERY), "contract"),  # type: ignore[arg-type]
        (lambda: price_for(by_outcome(1.0), None), "delivery"),  # type: ignore[arg-type]
        (lambda: compare([by_outcome(1.0)], None), "delivered"),  # type: ignore[arg-type]
        (lambda: paid_for_nothing(by_outcome(1.0), None), "delivered"),  # type: ignore[arg-type]
    ],
)
def test_what_is_of_another_kind_is_a_readable_error(run: Any, place: str) -> None:
    assert place in [where for where, _ in told(run)]


def test_a_service_that_does_nothing_saves_nothing_by_luck() -> None:
    """Paid by the hour, the buyer loses in every draw; paid for the difference both ways, what chance pays back."""
    nothing = delivery(probabilities(0.8, 0.8, 2_000))
    hours, fair = written({"kind": "hour_price", "price": 1.0}), by_outcome(1_000.0, "comparison", two_sided=True)
    assert (settle(hours, nothing)["net"].sel(side="buyer") == -5_000).all()
    settled = settle(fair, nothing)
    assert (settled["net"].sel(side="buyer") == settled["transfer"].sel(side="buyer")).all()
    measured = written({"kind": "saving_share", "share": 0.5, "against": "comparison", "two_sided": True})
    assert float(total(measured, nothing).std()) > 0  # what is measured keeps its luck
