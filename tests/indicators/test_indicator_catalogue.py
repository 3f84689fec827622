"""The catalogue of indicators: what it says can be computed is what the cells of a register can be made of."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from costeff import records
from costeff.chain import READS
from costeff.errors import CosteffError
from costeff.indicators.available import available, computable, declared
from costeff.indicators.completeness import completeness, indicator_table
from costeff.records import TABLES, check, register_from_frames
from costeff.spec import LANGUAGES

SERVICES = ("child_welfare", "substance_use", "prison_aftercare", "employment", "youth_psychiatry", "elderly_care")
OPTION = {"usual": 12, "new": 12}


def frames(sizes=None, time=365.0, outcome="placement"):
    """A register in the fewest tables: clients of both options, an outcome, no costs."""
    sizes = OPTION if sizes is None else sizes
    option = [name for name, size in sizes.items() for _ in range(size)]
    clients = [f"c{number}" for number in range(len(option))]
    return {
        "clients": pd.DataFrame({"client": clients, "municipality": "091", "risk_group": "low"}),
        "episodes": pd.DataFrame(
            {
                "client": clients, "option": option, "start": date(2023, 1, 2), "end": date(2023, 5, 2),
                "cost": 100.0,
            }
        ),
        "outcomes": pd.DataFrame({"client": clients, "outcome": outcome, "time": time, "event": False}),
    }  # fmt: skip


def fuller():
    """The same with meters, ends and experience."""
    base = frames()
    clients = base["clients"]["client"]
    return base | {
        "meters": pd.DataFrame({"client": clients, "meter": "functioning", "before": 4.0, "after": 5.0}),
        "ends": pd.DataFrame({"client": clients, "end": "goals_met"}),
        "experience": pd.DataFrame({"client": clients, "question": "was_heard", "level": 4}),
    }


def opened(tables):
    return register_from_frames(tables, synthetic=True, label="made up")


def found(tables, **asked):
    register = opened(tables)
    check(register)
    return available(register, **asked)


def missing(tables, catalogue, chain="intensive_family_work"):
    one = catalogue.chains[chain]
    there = found(tables, outcome=one.outcome.outcome, days=one.outcome.follow_up_days)
    return {gap.need.id for gap in completeness(there, catalogue.indicators, one).missing}


@pytest.mark.parametrize("service", [*SERVICES, "common"])
def test_a_service_has_quantities_and_effects_at_every_stage(catalogue, service):
    indicators = catalogue.indicators[service].indicators
    assert len(indicators) >= 8
    assert {one.kind for one in indicators.values()} == {"quantity", "effect"}
    assert {"output", "outcome", "impact"} <= {one.stage for one in indicators.values()}
    assert {"transition", "end_reason"} & {one.aspect for one in indicators.values()}


def test_a_text_in_one_language_is_not_that_of_another(catalogue):
    for service in catalogue.indicators.values():
        for key, one in service.indicators.items():
            for text in (one.label, one.definition):
                assert len({text[language] for language in LANGUAGES}) == 3, f"{service.id}.{key}"


def test_every_builder_exists_and_reads_the_table_it_is_said_to_read():
    made = {"clients": records.reduce_clients_count, "cost": records.cost_cells, "end": records.end_cells}
    named = {"meter": (records.meter_cells, "functioning"), "level": (records.level_cells, "was_heard")}
    for builder in READS:
        assert builder in made or hasattr(records, f"{builder}_cells")
    for builder, make in made.items():
        register = opened(fuller())
        assert make(register) is not None
        if builder != "clients":
            assert READS[builder] in register.stored
    for builder, (make, name) in named.items():
        with pytest.raises(CosteffError):
            make(opened({k: v for k, v in fuller().items() if k != READS[builder]}), name)


def test_what_can_be_computed_follows_from_the_tables_and_not_from_the_list(catalogue):
    cost = catalogue.indicators["common"].indicators["cost_per_client"]
    assert computable(cost, declared())
    without = {name: table.without("cost") if name == "episodes" else table for name, table in TABLES.items()}
    assert not computable(cost, declared(without))
    assert declared(without).lacks(cost) == ("episodes.cost",)
    table = indicator_table(catalogue.indicators, declared()).set_index(["service", "id"])
    assert table.loc[("child_welfare", "care_orders"), "status"] == "not in any declared table"
    assert table.loc[("common", "cost_per_client"), "status"] == "can be computed"
    assert table.loc[("common", "episode_length"), "status"] == "held, not reduced to cells"


def test_an_indicator_needs_rows_of_its_own_and_not_only_the_table(catalogue):
    there = found(fuller())
    common = catalogue.indicators["common"].indicators
    assert computable(common["functioning"], there)
    assert there.lacks(common["quality_of_life"]) == ("meters.meter = quality_of_life",)


def test_a_complete_register_lacks_only_what_it_lacks(catalogue):
    assert missing(fuller(), catalogue) == {"all_payers", "providers"}
    assert missing(frames(), catalogue) == {"all_payers", "end_reasons", "meters", "experience", "providers"}


@pytest.mark.parametrize(
    ("change", "gap"),
    [
        ({"sizes": {"new": 24}}, "comparison"),
        ({"sizes": {"usual": 9, "new": 20}}, "comparison"),
        ({"time": 200.0}, "follow_up"),
        ({"outcome": "relapse"}, "outcome"),
    ],
)
def test_each_gap_is_told(catalogue, change, gap):
    assert gap in missing(frames(**change), catalogue)


def test_an_event_ends_the_follow_up(catalogue):
    early = frames(time=200.0)
    early["outcomes"]["event"] = True
    assert "follow_up" not in missing(early, catalogue)


def test_without_costs_the_true_cost_is_told_first_with_its_datum(catalogue):
    tables = {name: table.without("cost") if name == "episodes" else table for name, table in TABLES.items()}
    told = completeness(declared(tables), {}, None)
    assert told.missing[0].need.id == "true_cost"
    for language in LANGUAGES:
        assert "episodes.cost" in told.sentences(language)[0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_have_no_gaps_and_no_counts_of_clients(catalogue, language):
    chain = catalogue.chains["intensive_family_work"]
    few = frames({"usual": 7, "new": 23}, time=123.0)
    there = found(few, outcome="placement", days=365)
    text = " ".join(completeness(there, {"common": catalogue.indicators["common"]}, chain).sentences(language))
    assert "{" not in text
    assert not any(word in text.replace(".", " ").split() for word in ("7", "23", "30", "123"))
