"""Bids ranked three ways: the ranks, ties, what is told where they disagree, and bids that cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contract_builders import by_outcome, delivery, probabilities, uncertain, written

from costeff.agreement import Contract
from costeff.errors import UsageError
from costeff.funding import Bid, settle, tender

GOOD = uncertain(1_500)
TERMS = {"clients": 100, "saving_per_outcome": 100_000.0, "seed": 3}


def hours(price: float, **more: float) -> Contract:
    return written({"kind": "hour_price", "price": price}, **more)


CHEAP = Bid("cheap hours", hours(40.0), 100, 60.0)
SHORT = Bid("short calls", hours(90.0), 100, 5.0)


def test_an_hour_bought_cheaply_is_not_a_change_bought_cheaply() -> None:
    """The same effect: five hours at 90 euros are far better than sixty at 40, and lose by price per hour."""
    table = tender([CHEAP, SHORT], GOOD, **TERMS)
    assert table["rank_net_benefit"].to_dict() == {"short calls": 1, "cheap hours": 2}
    assert table["rank_p_net_saving"].to_dict() == {"short calls": 1, "cheap hours": 2}
    assert table["rank_price_per_hour"].to_dict() == {"short calls": 2, "cheap hours": 1}
    assert table["ranks_differ"].all()
    assert table.attrs["told"] == (
        "The rankings disagree. First by expected net benefit: short calls; by probability of a net saving: "
        "short calls; by price per hour: cheap hours."
    )


def test_figures_are_those_of_the_contract_settled_alone() -> None:
    bid = Bid("small", by_outcome(3_000.0, "comparison"), 70, 12.0)
    row = tender(
        [bid], GOOD, comparison_clients=90, usual_cost_per_client=800.0, worth_per_outcome=5_000.0, **TERMS
    ).loc["small"]
    alone = delivery(GOOD, clients=70, hours_per_client=12.0, comparison_clients=90, usual_cost_per_client=800.0)
    buyer = settle(bid.contract, alone).sel(side="buyer")
    extra = float((alone["with_service"] - alone["without_service"]).mean())
    assert row["clients"] == 70
    assert row["payment"] == pytest.approx(-float(buyer["transfer"].mean()))
    assert row["extra_outcomes"] == pytest.approx(extra)
    assert row["net_benefit"] == pytest.approx(float(buyer["net"].mean()) + 5_000.0 * extra)
    assert row["p_net_saving"] == float((buyer["net"] > 0).mean())
    assert row["price_per_hour"] == pytest.approx(row["payment"] / (70 * 12.0))


def test_equal_bids_share_a_rank_and_the_next_is_the_third() -> None:
    twin, dear = replace(SHORT, name="twin"), replace(SHORT, name="dear", contract=hours(900.0))
    table = tender([dear, SHORT, twin], GOOD, **TERMS)
    for name in ("net_benefit", "p_net_saving", "price_per_hour"):
        assert table[f"rank_{name}"].to_dict() == {"short calls": 1, "twin": 1, "dear": 3}
    assert not table["ranks_differ"].any()
    assert table.attrs["told"].startswith("All three rankings agree. First by expected net benefit: short calls, twin;")


def test_the_order_of_bids_does_not_matter() -> None:
    bids = [CHEAP, SHORT, Bid("half", hours(50.0), 50, 30.0)]
    one, other = (tender(order, GOOD, **TERMS) for order in (bids, bids[::-1]))
    assert one.equals(other.loc[one.index])


def test_a_provider_with_evidence_of_its_own_is_ranked_by_it() -> None:
    better = replace(CHEAP, name="better", good=uncertain(1_500, effect=0.12))
    table = tender([CHEAP, better], GOOD, **TERMS)
    assert table.index[0] == "better"
    assert table.loc["better", "extra_outcomes"] > table.loc["cheap hours", "extra_outcomes"] + 4
    assert table["rank_price_per_hour"].tolist() == [1, 1]


def test_a_capacity_beyond_the_need_is_not_bought() -> None:
    assert tender([replace(SHORT, capacity=10_000)], GOOD, **TERMS)["clients"].tolist() == [100]


def test_rankings_may_agree_on_the_first_only() -> None:
    """Third by what it changes, second by the hour."""
    bids = [SHORT, Bid("second", hours(300.0), 100, 3.0), Bid("third", hours(200.0), 100, 10.0)]
    table = tender(bids, GOOD, **TERMS)
    assert table.attrs["told"].startswith("The rankings disagree, though not on the first.")
    assert table["ranks_differ"].tolist() == [False, True, True]


# --- what cannot be ---------------------------------------------------------------------------------


def test_bids_that_cannot_be_compared_are_told_at_once() -> None:
    bids = [CHEAP, replace(CHEAP, capacity=0), replace(SHORT, hours_per_client=0.0)]
    with pytest.raises(UsageError) as caught:
        tender(bids, GOOD, clients=0, saving_per_outcome=1.0, worth_per_outcome=np.inf, seed=1)
    assert [problem.place for problem in caught.value.problems] == [
        "bid cheap hours",
        "bid cheap hours",
        "bid short calls",
        "clients",
        "worth_per_outcome",
    ]
    with pytest.raises(UsageError, match="bids: are none"):
        tender([], GOOD, **TERMS)


def test_each_bid_that_cannot_be_settled_is_named() -> None:
    compared = replace(SHORT, name="compared", contract=by_outcome(1.0, "comparison"))
    with pytest.raises(UsageError) as caught:
        tender([CHEAP, compared, replace(CHEAP, name="other", good=GOOD * 3)], GOOD, **TERMS)
    assert [(p.place, p.rule) for p in caught.value.problems] == [
        (
            "bid compared: contract trial outcome_price against comparison",
            "pays against a comparison group, and the delivery has none",
        ),
        ("bid other: good", "holds a value that is no probability"),
    ]


@pytest.mark.parametrize(
    ("bid", "terms", "place"),
    [
        ({"capacity": float("nan")}, {}, "bid cheap hours"),
        ({"capacity": None}, {}, "bid cheap hours"),
        ({"capacity": 50.5}, {}, "bid cheap hours"),
        ({"hours_per_client": None}, {}, "bid cheap hours"),
        ({"hours_per_client": np.array([1.0, 2.0])}, {}, "bid cheap hours"),
        ({"good": GOOD.values}, {}, "bid cheap hours: good"),
        ({}, {"clients": "100"}, "clients"),
        ({}, {"clients": None}, "clients"),
        ({}, {"worth_per_outcome": None}, "worth_per_outcome"),
    ],
)
def test_a_bid_that_is_no_number_is_told_and_not_guessed(
    bid: dict[str, Any], terms: dict[str, Any], place: str
) -> None:
    with pytest.raises(UsageError) as caught:
        tender([replace(CHEAP, **bid)], GOOD, **{**TERMS, **terms})
    assert [problem.place for problem in caught.value.problems] == [place]


def test_what_is_paid_for_exactly_what_it_saves_is_no_net_saving() -> None:
    """The saving is handed over whole; what the machine's last digit makes of it is not a saving."""
    whole = written({"kind": "saving_share", "share": 1.0, "against": "comparison", "two_sided": True})
    certain = probabilities(0.0, 1.0, 50)
    ranked = tender([replace(CHEAP, contract=whole, capacity=33)], certain, **{**TERMS, "comparison_clients": 7})
    assert ranked["p_net_saving"].tolist() == [0.0]
    assert ranked["net_benefit"].tolist() == pytest.approx([0.0], abs=1e-6)


def test_who_does_nothing_for_money_is_no_net_saving_in_any_draw() -> None:
    nothing = probabilities(0.8, 0.8, 500)
    row = tender([CHEAP], nothing, worth_per_outcome=1e6, **TERMS).loc["cheap hours"]
    assert row["p_net_saving"] == 0
    assert row["extra_outcomes"] == 0
    assert row["net_benefit"] == -40 * 60 * 100


def test_bids_that_are_no_bids_are_told() -> None:
    with pytest.raises(UsageError) as caught:
        tender([{"name": "a"}, CHEAP, None], GOOD, **TERMS)  # type: ignore[list-item]
    assert [problem.place for problem in caught.value.problems] == ["bids.0", "bids.2"]
