"""A figure traced: its parts add up, its leaves make it again, and nothing small is told."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from appraisal_builders import CLIENTS, CODES, DRAWS, FAMILY, FITS, SUPPORT, cost_fit, run

from costeff import decision
from costeff.appraisal import Request
from costeff.appraisal.levers import DISCOUNT, with_number
from costeff.appraisal.trace import trace
from costeff.appraisal.tree import Fact, Traced, product, total
from costeff.avoided_cost import MODELS
from costeff.cohort import discount_factors, probability_from_rate, rate_from_probability
from costeff.errors import UsageError
from costeff.params import Catalogue
from costeff.records import Cells

HELSINKI, ALAJARVI = CODES[0], CODES[3]
COSTS = cost_fit(spread=200.0)
CASES = [
    (FAMILY, HELSINKI, {"price_set": "quoted"}),
    (FAMILY, ALAJARVI, {"price_set": "national", "claw_back": True, "whole_units": True, "price_year": 2024}),
    (FAMILY, "837", {"price_set": "national", "persistence": "wanes", "links": ("placement_to_prison",)}),
    (SUPPORT, HELSINKI, {"price_set": "national", "horizon_years": 3}),
]
cases = pytest.mark.parametrize(("chain", "place", "asked"), CASES, ids=lambda value: str(value)[:30])


TREES: dict[str, Traced] = {}


def traced(catalogue: Catalogue, chain: str, place: str, asked: dict, variable: str = "net_saving", **which) -> Traced:
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS, **{"horizon_years": 6, **asked})
    key = f"{chain} {place} {catalogue.hash} {request} {variable} {which}"
    if key not in TREES:
        TREES[key] = trace(catalogue.chains[chain], catalogue, FITS[chain], place, request, COSTS, variable, **which)
    return TREES[key]


def appraised(catalogue: Catalogue, chain: str, place: str, asked: dict) -> xr.Dataset:
    return run(catalogue, chain, codes=[place], costs=COSTS, **{"horizon_years": 6, **asked}).isel(municipality=0)


def nodes(tree: Traced) -> list[Traced]:
    return [tree, *(node for part in tree.parts for node in nodes(part))]


def close(a: xr.DataArray, b: xr.DataArray) -> None:
    np.testing.assert_allclose(*(x.values for x in xr.broadcast(a, b)), rtol=1e-9, atol=1e-6)


# --- it adds up -------------------------------------------------------------------------------------


@cases
def test_net_saving_is_that_of_the_appraisal_and_the_sum_of_its_payers(catalogue, chain, place, asked):
    tree, ds = traced(catalogue, chain, place, asked), appraised(catalogue, chain, place, asked)
    close(tree.values, decision.net_saving(ds))
    close(tree.recomputed(), tree.values)
    by_payer = decision.by_payer(ds)
    paid = [str(name) for name in ds["payer"].values if np.any(by_payer.sel(payer=name).values)]
    assert len(tree.parts) == len(paid)
    for part, payer in zip(tree.parts, paid, strict=True):
        close(part.values, by_payer.sel(payer=payer))


@cases
def test_every_node_is_what_its_parts_make(catalogue, chain, place, asked):
    for node in nodes(traced(catalogue, chain, place, asked)):
        if node.rule is not None:
            close(node.rule(*(part.values for part in node.parts)), node.values)


VARIABLES = [(0, "cost", "usual"), (1, "cost", "new"), (1, "cashable", "usual"), (2, "cashable", "new")]
VARIABLES += [(0, "events", "usual"), (3, "events", "new"), (3, "effect", "new"), (0, "avoided_average", "new")]
VARIABLES += [(2, "avoided_linked", "new"), (2, "time_avoided", "new")]


@pytest.mark.parametrize(("case", "variable", "option"), VARIABLES)
def test_each_variable_is_made_again_from_its_leaves(catalogue, case, variable, option):
    ds = appraised(catalogue, *CASES[case])
    found = ds[variable].sel(option=option) if "option" in ds[variable].dims else ds[variable]
    found = found.sum("payer") if "payer" in found.dims else found
    close(traced(catalogue, *CASES[case], variable, option=option).recomputed(), found)


@pytest.mark.parametrize(("case", "year"), [(1, 2028), (3, 2027)])
def test_a_payer_and_a_year_are_those_of_the_appraisal(catalogue, case, year):
    ds = appraised(catalogue, *CASES[case])
    for payer in map(str, ds["payer"].values):
        tree = traced(catalogue, *CASES[case], payer=payer, year=year)
        close(tree.recomputed(), decision.flows(ds).sel(payer=payer, year=year))
        assert not any("year" in node.values.dims for node in nodes(tree) if node.values is not None)
    one = traced(catalogue, *CASES[case], "avoided", payer="state", year=year)
    close(one.recomputed(), ds["avoided"].sel(option="new", payer="state", year=year))


@cases
def test_parts_are_by_state_and_price(catalogue, chain, place, asked):
    model = catalogue.chains[chain].impact.model
    priced = catalogue.price_sets[asked["price_set"]].of(model)
    expected = {f"{state} at {part.cost}" for state, price in priced.items() for part in price.components}
    tree = traced(catalogue, chain, place, asked)
    by_payer = [payer["flow by year"].parts[0] for payer in tree.parts]
    found = {part.name for avoided in by_payer for part in avoided.parts if ":" not in part.name}
    assert found - {"correction of funding"} == expected


# --- leaves -----------------------------------------------------------------------------------------


def test_the_time_in_states_is_the_cohort_of_the_leaves(catalogue):
    """Run by hand from the numbers that the tree shows."""
    asked = {"price_set": "quoted", "persistence": "wanes"}
    tree = traced(catalogue, FAMILY, HELSINKI, asked, "time_avoided")
    model = MODELS["taking_into_care"]
    for state in ("foster_family", "institution", "emergency"):
        node = tree["of one client"][state]["person-years of a client in " + state + ", new"]
        leaf = {part.name.removeprefix("taking_into_care."): part.values for part in node.parts}
        risk = xr.concat([leaf["risk, usual"], leaf["risk, new"]], "option").assign_coords(option=["usual", "new"])
        yearly = probability_from_rate(rate_from_probability(leaf["risk, usual"], 1), 1) * leaf["later_risk_ratio"]
        inputs = xr.Dataset({name: leaf[name] for name in model.parameters})
        again = model.run(risk, yearly, inputs, 6, 1, persistence="wanes", half_life_years=leaf["half-life"])
        np.testing.assert_allclose(again["state_time"].sel(option="new", state=state), node.values, rtol=1e-12)


def test_a_euro_is_reckoned_by_hand_from_its_factors(catalogue):
    asked = {"price_set": "national", "horizon_years": 4}
    tree = traced(catalogue, FAMILY, "837", asked, "avoided", payer="county")
    part = tree["institution at child_welfare_institution_day"]
    clients, years, price, share, stops = (node.values for node in part.parts)
    cost = catalogue.unit_costs["child_welfare_institution_day"]
    assert float(clients) == CLIENTS
    assert float(price.mean()) == pytest.approx(365 * cost.latest.mean, rel=0.1)
    assert share.values.tolist() == [1.0] * 4, "the county pays by law"
    by_hand = [
        sum(float(years[d, y]) * float(price[d]) * float(stops[d, y]) for y in range(4)) * CLIENTS for d in range(DRAWS)
    ]
    np.testing.assert_allclose(part.values.sum("year"), by_hand, rtol=1e-9)


def test_leaves_tell_source_price_year_index_seed_and_posterior(catalogue):
    tree = traced(catalogue, FAMILY, "837", {"price_set": "national", "price_year": 2024})
    facts = {(node.name, fact.name): fact for node in nodes(tree) for fact in node.facts}
    cost = catalogue.unit_costs["child_welfare_institution_day"]
    price = f"price: {cost.label.en}"
    assert f"{cost.latest.mean:g}" in facts[price, "as read"].text
    assert str(cost.latest.price_year) in facts[price, "price year"].text
    assert facts[price, "source"].url == catalogue.sources[cost.latest.source[-1]].url
    assert f"{DRAWS}, seed {catalogue.conventions.seed}" in facts[price, "draws"].text
    assert facts["fit of the outcome", "posterior"].text == "made-by-hand"
    assert "passed" in facts["fit of the outcome", "gate"].text
    assert "act" in facts["share that the county pays", "source"].text.lower()
    assert facts["weight of the year", "rate"].text == "0.03 a year"


def test_a_price_in_another_year_tells_its_index(catalogue):
    """The observation is moved by the index of its unit cost, and the tree says by how much."""
    for cost in catalogue.unit_costs.values():
        levels = catalogue.indices[cost.index].years()
        own = cost.latest.price_year
        later = [year for year in levels if year != own and own in levels]
        if cost.id == "child_welfare_institution_day" and later:
            year = later[-1]
            tree = traced(catalogue, FAMILY, "837", {"price_set": "national", "price_year": year}, payer="county")
            (price,) = {id(n): n for n in nodes(tree) if n.name == f"price: {cost.label.en}"}.values()
            told = next(fact.text for fact in price.facts if fact.name == "price year")
            factor = catalogue.indices[cost.index].factor(own, year)
            assert f"index {cost.index}, x {factor:.6g}" in told
            return
    pytest.skip("no index reaches another year")


def test_a_failed_gate_is_told(catalogue):
    fit = FITS[FAMILY]
    failed = replace(fit, checks=tuple(replace(check, passed=False) for check in fit.checks))
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS)
    tree = trace(catalogue.chains[FAMILY], catalogue, failed, HELSINKI, request, COSTS, "events")
    assert "failed: rhat effect" in tree.text()


# --- nothing small ----------------------------------------------------------------------------------


def cells(rows: int, each: int) -> Cells:
    table = pd.DataFrame(
        {"municipality": ["478"] * rows, "option": "new", "group": range(rows), "n": each, "events": 1}
    )
    return Cells("binary", ("municipality", "option", "group"), table, "placement", 365.0, True, "made by hand")


@pytest.mark.parametrize(("place", "clients"), list(zip(CODES, [4000, 57, 9, 0], strict=True)))
def test_few_clients_and_none_are_told_alike(catalogue, place, clients):
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS)
    some = {"outcome": cells(3, 2)}
    tree = trace(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], place, request, COSTS, "events", cells=some)
    told = next(fact.text for fact in tree["risk, new"].facts if fact.name == "place")
    if clients < 10:
        assert "fewer than 10 clients, or none: not shown" in told
    else:
        assert f"about {5 * round(clients / 5):,} clients" in told
    facts = {fact.name: fact.text for fact in tree["risk, new"]["fit of the outcome"]["cells"].facts}
    assert facts["rows"] == "3"
    assert facts["clients"] == "not told"
    assert "synthetic" in facts["register"]


def test_many_clients_in_all_are_rounded(catalogue):
    request = Request.of(catalogue, draws=DRAWS, clients=CLIENTS)
    some = {"outcome": cells(7, 13)}
    tree = trace(catalogue.chains[FAMILY], catalogue, FITS[FAMILY], "837", request, COSTS, "events", cells=some)
    facts = {fact.name: fact.text for fact in tree["risk, new"]["fit of the outcome"]["cells"].facts}
    assert facts["clients"] == "about 90"


# --- how it shows itself ----------------------------------------------------------------------------


class Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_text_and_html_tell_each_node_once_in_full(catalogue):
    tree = traced(catalogue, FAMILY, "837", {"price_set": "national"})
    text, page = repr(tree), tree._repr_html_()
    source = "Ministry of Finance"
    assert text.startswith(f"{tree.name}: ")
    assert text.count("stream unit_costs.child_welfare_institution_day;") == 1, "told once, then told above"
    assert "(told above)" in text
    assert len(tree.text(depth=1).splitlines()) < 12 < len(text.splitlines())
    parser = Balanced()
    parser.feed(page)
    assert not parser.open
    assert source in page
    assert re.search(r'<a href="https://[^"]+">', page)


def test_texts_from_outside_are_escaped():
    leaf = Traced("<b>x</b>", xr.DataArray(1.0), "EUR", facts=(Fact("n", "<script>", "javascript:alert(1)"),))
    page = Traced("sum", xr.DataArray(1.0), "EUR", "a & b", total, (leaf,))._repr_html_()
    assert "<script>" not in page
    assert "javascript:" not in page
    assert "&lt;b&gt;x" in page


def test_a_part_that_is_not_there_names_those_that_are():
    leaf = Traced("clients", xr.DataArray(2.0), "clients")
    node = Traced("twice", xr.DataArray(4.0), "clients", "", product, (leaf, leaf))
    with pytest.raises(UsageError, match="its parts: clients"):
        node["people"]


@pytest.mark.parametrize(
    ("which", "told"),
    [
        ({"variable": "net"}, "cannot be traced"),
        ({"payer": "kela"}, "has no money"),
        ({"year": 1999}, "is not in the horizon"),
        ({"option": "third"}, "use usual or new"),
        ({"variable": "events", "payer": "county"}, "has no payers"),
        ({"variable": "events", "year": 2026}, "not of a year"),
    ],
)
def test_what_the_appraisal_does_not_have_is_refused(catalogue, which, told):
    with pytest.raises(UsageError, match=told):
        traced(catalogue, FAMILY, HELSINKI, {}, **which)


def test_the_weights_of_years_follow_the_rate(catalogue):
    other = with_number(catalogue, DISCOUNT, 0.1)
    tree = traced(other, FAMILY, HELSINKI, {"price_set": "quoted"})
    weights = tree.parts[0]["weight of the year"].values
    np.testing.assert_allclose(weights, discount_factors(np.arange(6), 0.1))
