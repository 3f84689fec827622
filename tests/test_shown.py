"""How objects show themselves: readable without seeing, in any theme, and nothing in a text can break out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from appraisal_builders import DRAWS, cost_fit, family_fit

from costeff.agreement import Contract
from costeff.appraisal import Request, appraise, one, summary
from costeff.avoided_cost import MODELS as AVOIDED
from costeff.batch.country import open_checked, synthetic_register
from costeff.chain import CountyProfile
from costeff.draws import OPTIONS, rng
from costeff.errors import UsageError
from costeff.outcomes import MODELS, Check, Context, Fit, graph
from costeff.outcomes.shown import effect_rows, show_fit
from costeff.records import (
    binary_cells,
    competing_cells,
    cost_cells,
    count_cells,
    end_cells,
    exposure_cells,
    level_cells,
    meter_cells,
    time_cells,
)
from costeff.records.cells import BY
from costeff.report.notebook import show, tell
from costeff.report.words import Words
from costeff.shown import framed, lines, table, tabular, tex, titled
from costeff.spec import Label

HOSTILE = '<script>alert("1")</script> & \\input{x} $\\write18$ %_#~^{}'


class Strict(HTMLParser):
    """Tags that open are closed, in order; what was met is remembered."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.met: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.append((tag, dict(attrs)))
        if tag not in ("img", "path", "rect", "circle", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.met.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attrs for tag, attrs in self.met if tag == name]


def fit(passed: bool = True) -> Fit:
    draws = rng(1, "shown").normal([0.2, 0.15], 0.01, (200, 2))
    effect = xr.Dataset(
        {"risk": (("draw", "option"), draws), "ratio": ("draw", np.full(200, 0.7))},
        coords={"option": list(OPTIONS)},
        attrs={"quantity": "risk", "unit": "probability", "measure": "odds_ratio", "data": HOSTILE},
    )
    return Fit("binary", effect, xr.Dataset(), (Check("rhat", "effect", 1.2, 1.01, passed),), "0", False)


PROFILE = CountyProfile.model_validate(
    {"county": "02", "synthetic": True, "staff": {"nurse": 59.3}, "cooperation": {"police": 5}}
)


def things(catalogue) -> dict[str, Any]:
    return {
        "chain": catalogue.chains["intensive_family_work"],
        "card": catalogue.card("prisoner_year"),
        "card of a link": catalogue.card("placement_to_prison"),
        "entry": catalogue.unit_costs["prisoner_year"],
        "catalogue": catalogue,
        "avoided-cost model": AVOIDED["prison"],
        "outcome model": MODELS["cost_gamma"],
        "graph": graph(MODELS["binary"], catalogue.priors["binary"], covariates=["staff"]),
        "fit": fit(),
        "failed fit": fit(passed=False),
        "contract": catalogue.contracts["family_work_bonus"],
        "budget": catalogue.entry("budgets", "example_county"),
        "indicators": catalogue.indicators["child_welfare"],
        "profile": PROFILE,
        "result": tell(HOSTILE, pd.DataFrame({HOSTILE: [1.0, 2.0]}, index=[HOSTILE, "b"])),
    }


NAMES = ("chain", "card", "card of a link", "entry", "catalogue", "avoided-cost model", "outcome model", "graph", "fit",
         "failed fit", "contract", "budget", "indicators", "profile", "result")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_an_object_shows_itself_as_html_and_as_text(catalogue, name):
    bundle = things(catalogue)[name]._repr_mimebundle_()
    page = Strict(bundle["text/html"])
    assert page.tags("table")
    named = len(page.tags("caption")) + len(page.tags("figcaption"))
    assert named == len(page.tags("table")), "a table says what it is of"
    assert all(attrs.get("scope") in ("col", "row") for attrs in page.tags("th"))
    assert not page.tags("script")
    plain = bundle["text/plain"]
    assert len(plain) > 20
    assert "object at 0x" not in plain
    assert "<table" not in plain


@pytest.mark.parametrize("name", NAMES)
def test_a_drawing_takes_its_colours_from_what_is_around_it(catalogue, name):
    html = things(catalogue)[name]._repr_mimebundle_()["text/html"]
    for svg in re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL):
        root = ElementTree.fromstring(svg)
        assert root.get("role") == "img"
        assert root.get("aria-label") == root.findtext("title")
        colours = {element.get(kind) for element in root.iter() for kind in ("fill", "stroke")} - {None}
        assert colours <= {"none", "currentColor", "var(--jp-layout-color0, Canvas)"}
        assert "url(" not in svg
        assert "http" not in svg


def test_a_hostile_text_stays_a_text():
    rows = [{HOSTILE: HOSTILE, "b": 1}]
    for html in (titled(HOSTILE, table(rows, HOSTILE)), framed(pd.DataFrame(rows).to_html(), HOSTILE)):
        page = Strict(html)
        assert {tag for tag, _ in page.met} <= {"h4", "table", "caption", "thead", "tbody", "tr", "th", "td"}
        assert "&lt;script&gt;" in html
    shown = show_fit(fit())["text/html"]
    assert "<script" not in shown


def test_words_stand_left_and_numbers_right_with_their_headings():
    frame = pd.DataFrame({"n": [1, 2], "what": ["one word", "two"], "euros": [1.5, 2.5]}, index=["a", "b"])
    for index in (True, False):
        page = Strict(framed(frame.to_html(border=0, index=index), "A caption"))
        assert [attrs.get("style") for attrs in page.tags("td")] == [None, "text-align:left", None] * 2
        heads = [attrs.get("style") for attrs in page.tags("th") if attrs["scope"] == "col"]
        assert heads[-3:] == [None, "text-align:left", None]


def test_columns_of_figures_stand_right_in_a_table_of_our_own_and_in_latex():
    rows = [{"what": "a day", "mean": "4,840", "year": ""}, {"what": "a year", "mean": 31.5, "year": "2017"}]
    assert r"\begin{tabular}{lrr}" in tabular(rows)
    sides = re.findall(r"<(t[hd])[^>]*text-align:(\w+)", table(rows))
    assert sides == [("th", "left"), ("th", "right"), ("th", "right")] + 2 * [
        ("th", "left"), ("td", "right"), ("td", "right")
    ]  # fmt: skip


def test_latex_cannot_be_broken_out_of():
    written = tabular([{"a": HOSTILE, "b": "$\\sim \\mathrm{Normal}(0, 1)$"}], HOSTILE)
    assert r"\input" not in written
    assert r"\textbackslash{}input\{x\}" in written
    assert "$\\sim \\mathrm{Normal}(0, 1)$" in written, "mathematics of ours stays"
    assert tex("5 % & a_b") == r"5 \% \& a\_b"


def test_text_that_only_looks_like_mathematics_is_no_command():
    assert tex("$\\input{x}$ and $y$") == r"\$\textbackslash{}input\{x\}\$ and \$y\$"


def test_columns_of_plain_text_stand_under_each_other():
    text = lines([{"name": "a", "value": "1"}, {"name": "longer", "value": "22"}], "title").splitlines()
    assert text[0] == "title"
    assert len({line.index(word) for line, word in zip(text[1:], ("value", "1", "22"), strict=True)}) == 1
    assert lines([], "nothing") == "nothing"
    assert table([]) == tabular([]) == ""


# --- agreements and indicators --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["contract", "budget", "indicators", "profile"])
def test_what_is_declared_has_its_latex(catalogue, name):
    written = things(catalogue)[name]._repr_mimebundle_()["text/latex"]
    body = written.split(r"\begin{tabular}")[1]
    rows = [row for row in body.split("\n") if row.endswith(r"\\")]
    assert len(rows) > 1
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1, "as many cells in every row"
    assert not re.search(r"(?<!\\)[%#_]", body), "signs of LaTeX are escaped"


def test_a_contract_tells_every_term_and_its_limits():
    terms = [
        {"kind": "hour_price", "price": 50.0},
        {"kind": "outcome_price", "against": "target", "target": 0.82, "price": 32000.0, "two_sided": True},
        {"kind": "saving_share", "against": "comparison", "share": 0.5},
    ]
    contract = Contract.of(id="of_mine", terms=terms, indicator="mine.outcome", cap=8e5, floor=-1000.0)
    for text in contract._repr_mimebundle_().values():
        assert "50 EUR an hour worked" in text
        assert re.search(r"32,000 EUR a good outcome above the target of 82\\?% of clients; fewer are paid back", text)
        assert re.search(r"50\\?% of what each good outcome more .* at the same time saves", text)
    assert "at most    800,000 EUR" in contract._plain()
    assert "at least   -1,000 EUR" in contract._plain()
    assert "at most" not in Contract.of(id="of_mine", terms=terms[:1])._plain()


def test_a_hostile_declaration_stays_a_text(catalogue):
    label = {"fi": HOSTILE, "sv": HOSTILE, "en": HOSTILE}
    budget = catalogue.entry("budgets", "example_county").override(label=Label(**label), note=HOSTILE)
    contract = catalogue.contracts["family_work_bonus"].override(label=Label(**label), reason=HOSTILE)
    for declared in (budget, contract):
        assert "<script" not in declared._html()
        assert r"\input" not in declared._latex()


def test_a_profile_says_that_it_is_synthetic_and_what_was_not_told():
    rows = {row["asked"]: row["told"] for row in PROFILE.table()}
    assert rows["nurses, for 10 000 inhabitants"] == "59.3"
    assert rows["psychiatrists, for 10 000 inhabitants"] == "not told", "which is not zero"
    assert rows["targets are set"] == "not told"
    assert PROFILE.override(targets={"set": False}).table()[-1]["told"] == "no"
    for text in PROFILE._repr_mimebundle_().values():
        assert "Synthetic data" in text


# --- fits and appraisals --------------------------------------------------------------------------


def test_a_fit_says_its_effect_with_the_interval_of_its_draws():
    found = fit()
    rows = {row[""]: row for row in effect_rows(found.effect)}
    draws = found.effect["risk"]
    difference = (draws.sel(option="new") - draws.sel(option="usual")).to_numpy()
    assert float(rows["difference"]["mean"]) == pytest.approx(difference.mean(), rel=0.01)
    low, high = map(float, rows["difference"]["90% interval"].split(" to "))
    assert (low, high) == pytest.approx(tuple(np.quantile(difference, [0.05, 0.95])), rel=0.02)
    assert rows["odds ratio"]["mean"] == "0.7"


def test_a_fit_that_failed_its_gate_tells_no_effect():
    told = show_fit(fit(passed=False))
    assert "did not pass its gate (rhat)" in told["text/plain"]
    for text in told.values():
        assert "0.15" not in text
        assert "interval" not in text


def test_an_effect_of_places_is_weighted_by_their_clients():
    risk = np.array([[[0.1, 0.5], [0.1, 0.5]]])
    effect = xr.Dataset(
        {"risk": (("draw", "option", "municipality"), risk), "clients": ("municipality", [30.0, 10.0])},
        coords={"option": list(OPTIONS)},
        attrs={"quantity": "risk"},
    )
    assert effect_rows(effect)[0]["mean"] == "0.2"


def test_an_effect_on_several_ends_has_rows_for_each():
    share = np.zeros((10, 2, 2)) + 0.5
    effect = xr.Dataset(
        {"share": (("draw", "option", "end"), share)},
        coords={"option": list(OPTIONS), "end": ["home", "moved"]},
        attrs={"quantity": "share"},
    )
    assert [row[""] for row in effect_rows(effect)][:2] == ["share of home, usual", "share of home, new"]


@pytest.fixture(scope="module")
def appraised(catalogue):
    request = Request.of(catalogue, draws=DRAWS)
    chain = catalogue.chains["intensive_family_work"]
    return appraise(chain, catalogue, family_fit(), ["837", "091"], request, cost_fit())


def test_an_appraisal_of_one_place_is_a_sentence_with_its_payers(catalogue, appraised):
    told = show(one(appraised, "837", catalogue))
    assert "Tampere" in told.sentence
    assert "90% interval" in told.sentence
    assert told.table is not None
    rows = summary(one(appraised, "837", catalogue)).set_index("payer")
    assert list(told.table.index) == list(rows.index)
    assert told.table.loc["all", "net saving"] == Words("en").money(rows.loc["all", "net saving"], 1000)
    assert told.table.loc["all", "net saving"] in told.sentence
    assert told._repr_mimebundle_()["text/latex"].count(r"\\") == len(told.table) + 1


def test_an_appraisal_of_several_places_has_a_row_for_each(appraised):
    told = show(appraised)
    assert told.table is not None
    assert list(told.table.index) == ["837", "091"]


def test_a_dataset_that_is_no_appraisal_is_refused_and_shown_as_always(appraised, monkeypatch):
    from costeff.report import notebook

    with pytest.raises(UsageError, match="is no appraisal"):
        show(xr.Dataset({"a": 1}))
    kept: dict[str, Any] = {}
    formatters = {
        kind: SimpleNamespace(for_type=lambda _, function, kind=kind: kept.update({kind: function}))
        for kind in ("text/html", "text/plain")
    }
    shell = SimpleNamespace(display_formatter=SimpleNamespace(formatters=formatters))
    monkeypatch.setitem(notebook.sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    notebook._show_datasets()
    plain = xr.Dataset({"a": ("x", [1, 2])})
    assert "xr-section" in kept["text/html"](plain)
    assert "net saving" in kept["text/html"](appraised)
    printed: list[str] = []
    kept["text/plain"](appraised, SimpleNamespace(text=printed.append), False)
    assert "net saving" in printed[0]


# --- the graph against the model that is sampled --------------------------------------------------

STANDS_FOR = {"county_effect": "county", "place": "municipality", "municipality_effect_new": "effect"}


def drawn(built: Any) -> set[str]:
    """What the model draws, by the names of the graph."""
    names = {re.sub("_raw$", "", variable.name) for variable in built.free_RVs}
    return {name.replace("level", "municipality") for name in names}


def of_graph(found: Any) -> set[str]:
    names = set()
    for node in found.nodes:
        if node.kind == "prior":
            names.add(node.name)
        elif node.kind == "drawn":
            prefix, name = next((node.name.removesuffix(key), key) for key in STANDS_FOR if node.name.endswith(key))
            names.add(prefix + STANDS_FOR[name])
    return names


@pytest.fixture(scope="module")
def register(catalogue, fits_cache):
    with open_checked(synthetic_register(catalogue, 1, fits_cache, clients=400), catalogue) as opened:
        yield opened


def cells_of(register: Any, statistic: str) -> Any:
    return {
        "binary": lambda: binary_cells(register, "placement", 365, by=BY),
        "exposure": lambda: exposure_cells(register, "placement", [0.0, 100.0, 365.0], by=BY),
        "time": lambda: time_cells(register, "placement", by=BY),
        "competing": lambda: competing_cells(register, ["placement", "moved_away"], [0.0, 100.0, 365.0], by=BY),
        "count": lambda: count_cells(register, "days_in_care", by=BY),
        "cost": lambda: cost_cells(register, by=BY),
        "meter": lambda: meter_cells(register, "functioning", by=BY),
        "level": lambda: level_cells(register, "was_heard", by=BY),
        "end": lambda: end_cells(register, by=BY),
    }[statistic]()


@pytest.mark.parametrize("name", MODELS)
def test_the_graph_names_what_the_model_draws_and_nothing_else(catalogue, register, name):
    """The model that PyMC builds is the oracle: every random variable is a node, with the prior that params/ gives."""
    model = MODELS[name]
    counties = {m.code: m.county for m in catalogue.municipalities.values()}
    context = Context(cells_of(register, model.statistic), catalogue.priors[name], counties)
    assert drawn(model.build(context)) == of_graph(graph(model, context.priors)) - {""}


@pytest.mark.parametrize("name", MODELS)
def test_every_prior_of_params_stands_in_the_graph(catalogue, name):
    priors = catalogue.priors[name]
    told = {row["parameter"].split("[")[0]: row for row in graph(MODELS[name], priors, covariates=["x"]).priors}
    for key, prior in priors.items():
        found = told[{"group": "group_effect", "effect_group": "group_effect_new"}.get(key, key)]
        assert f"{prior.sd:g})" in found["prior"]
        assert found["reason"] == prior.reason


def test_a_prior_of_published_evidence_is_told_with_both_its_parts(catalogue):
    mixed = SimpleNamespace(weight=0.5, mean=-0.163, sd=0.12, weak_mean=0.0, weak_sd=0.5)
    found = graph(MODELS["binary"], {**catalogue.priors["binary"], "effect": mixed})
    (row,) = (row for row in found.priors if row["parameter"] == "effect")
    assert row["prior"] == "~ 0.5 Normal(-0.163, 0.12) + 0.5 Normal(0, 0.5)"
    assert "evidence" in row["reason"]
    assert "0.5 Normal(-0.163, 0.12)" in found._repr_mimebundle_()["text/latex"]


def test_a_graph_without_places_or_priors_is_a_graph_still():
    found = graph(MODELS["binary"], places=False)
    assert "place" not in {node.name for node in found.nodes}
    assert "~ Normal" in found._repr_mimebundle_()["text/plain"]


@pytest.mark.parametrize("name", MODELS)
def test_no_box_of_a_graph_lies_on_another(catalogue, name):
    root = ElementTree.fromstring(graph(MODELS[name], catalogue.priors[name]).svg())
    boxes = [tuple(float(rect.get(key, "")) for key in ("x", "y", "width", "height")) for rect in root.iter("rect")]
    for number, (x, y, width, height) in enumerate(boxes):
        for a, b, wide, high in boxes[:number]:
            assert x >= a + wide or a >= x + width or y >= b + high or b >= y + height


def test_a_table_whose_columns_and_levels_share_a_name_has_its_latex() -> None:
    index = pd.MultiIndex.from_tuples([("p", "q")], names=["a", None])
    written = tell("x", pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "a", ""], index=index))._latex()
    assert "a &  & a & a &  \\\\" in written
    assert "p & q & 1.000 & 2.000 & 3.000 \\\\" in written
