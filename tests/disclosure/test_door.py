"""An unprotected number has no way to a page: no table, dataset, figure, alt text or output of a notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from costeff.appraisal.files import pack
from costeff.disclosure.tables import Count, Key, protect
from costeff.errors import ModelError
from costeff.identity import artificial
from costeff.report.appraisals import read_appraisals
from costeff.report.door import let_through
from costeff.report.figures import AxisTexts
from costeff.report.protected import client_figure, client_table
from costeff.report.render import ReportExporter
from costeff.report.words import Words

CODE = artificial(1, np.random.default_rng(5))[0]
DIMS = ("draw", "option", "payer", "year")
CLIENTS = pd.DataFrame({"group": ["a", "b", "c"], "n": [4, 57, 203]})
MADE = protect(CLIENTS, {"group": Key(), "n": Count()}, "clients")
TEXTS = AxisTexts("Asiakkaita", "", "Asiakkaat ryhmittäin.", "{:g}".format)


def appraisal(**attrs: Any) -> xr.Dataset:
    rng = np.random.default_rng(1)
    data = {
        name: (DIMS, rng.normal(size=(5, 2, 1, 3))) for name in ("cost", "avoided", "avoided_average", "avoided_linked")
    }
    data |= {"events": (DIMS[:2], rng.normal(size=(5, 2))), "discount": ("year", [1.0, 0.97, 0.94])}
    coords = {"draw": range(5), "option": ["usual", "new"], "payer": ["county"], "year": [2026, 2027, 2028]}
    return xr.Dataset(data, coords, {"municipality": "165", "clients": 100, "n_clients_protected": 35, **attrs})


def beside(dim: str, codes: list[str], name: str = "avoided") -> xr.Dataset:
    values = np.random.default_rng(2).normal(size=(5, len(codes)))
    return appraisal().assign({f"{dim}_{name}": (("draw", dim), values)}).assign_coords({dim: codes})


def test_what_is_on_the_list_passes() -> None:
    let_through(beside("area", ["county", "similar", "country"]), "165")
    let_through(beside("area", ["similar", "country"]), "091")
    let_through(beside("member", ["061", "165"], "net_saving"), "07")
    for shown in (-1, 10, 35, np.int64(1200)):
        let_through(appraisal(n_clients_protected=shown, n_clients_all=-1), "165")


@pytest.mark.parametrize(
    "smuggled",
    [
        appraisal(n_clients_protected=37),
        appraisal(n_clients_protected=5),
        appraisal(n_clients_protected=0),
        appraisal(n_clients_protected=35.0),
        appraisal(n_clients_protected="37"),
        appraisal(n_clients_all=12_003),
        appraisal(n_clients_usual=35),
        appraisal(municipality_fi=f"Mallila {CODE}"),
        appraisal(sources="K" + "0123456789ABCDEF" * 2),
        appraisal(gate_passed=37),
        appraisal(sources=np.array([37, 52])),
        appraisal().assign(clients_by_group=("group", [4, 57])),
        appraisal().assign(events=("group", [4.0, 57.0])),
        appraisal().assign(events=("option", [4.0, 57.0])),
        appraisal().assign(events=(DIMS[:2], np.full((5, 2), 37))),
        appraisal().assign_coords(payer=[CODE]),
        appraisal().assign_coords(client=("draw", range(5))),
        appraisal().assign(events=appraisal()["events"].assign_attrs(n=37)),
        beside("area", ["county", "village"]),
        beside("area", ["country", "county"]),
        beside("area", ["county", "county"]),
        beside("area", ["county", "country"], "clients"),
        beside("member", ["165", CODE]),
        beside("member", ["165", "<b>"]),
        beside("member", ["165", "16\u0665"]),
        beside("area", ["country"]).assign(area_avoided=("area", [37.0])),
        beside("area", ["country"]).assign(area_avoided=(("draw", "area"), np.full((5, 1), 37))),
        beside("area", ["country"]).assign(events=(("draw", "area"), np.full((5, 1), 37.0))),
        appraisal(similar_fi=f"Kunnat {CODE}"),
        appraisal(members=f'{{"165": "{CODE}"}}'),
    ],
)
def test_what_is_not_is_refused_and_its_value_not_told(smuggled: xr.Dataset) -> None:
    with pytest.raises(ModelError, match="may not reach a page") as caught:
        let_through(smuggled, "165")
    assert "37" not in str(caught.value)
    assert CODE not in str(caught.value)


def test_a_file_that_was_made_elsewhere_is_checked_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "165.nc"
    path.write_bytes(pack({("chain", "national"): appraisal(n_clients_protected=37)}))
    with pytest.raises(ModelError, match="n_clients_protected: is not a protected count"):
        read_appraisals(path, "165")


@pytest.mark.parametrize(
    "unprotected", [CLIENTS, MADE.table, CLIENTS.to_dict(), None], ids=["exact", "shown", "dict", "none"]
)
def test_a_table_that_is_not_protected_is_no_table_of_a_page(unprotected: Any) -> None:
    columns = {"group": "Ryhmä", "n": "Asiakkaita"}
    with pytest.raises(ModelError, match="not protected"):
        client_table(unprotected, Words("fi"), "Asiakkaat", columns, "ei näytetä")
    with pytest.raises(ModelError, match="not protected"):
        client_figure(unprotected, Words("fi"), "group", "n", TEXTS, "ei näytetä")


def test_table_figure_ticks_and_alt_text_tell_the_shown_numbers_only() -> None:
    drawn = client_figure(MADE, Words("fi"), "group", "n", TEXTS, "ei näytetä")
    html = client_table(MADE, Words("fi"), "Asiakkaat", {"group": "Ryhmä", "n": "Asiakkaita"}, "ei näytetä")
    assert drawn.alt == "Asiakkaat ryhmittäin. a: ei näytetä; b: 55; c: 205."
    assert drawn.table.equals(MADE.table)
    for exact in ("57", "203"):
        assert exact not in html
        assert exact not in drawn.alt
    assert "ei näytetä" in html


@pytest.mark.parametrize(
    "data",
    [
        {"text/html": CLIENTS.to_html()},
        {"text/html": '<img src="data:image/png;base64,AAAA" alt="4 clients in group a">'},
        {"image/png": "AAAA", "text/plain": "<Figure>"},
        {"text/markdown": "4 clients"},
    ],
    ids=["table", "alt text", "figure", "markdown"],
)
def test_an_output_that_is_no_section_makes_no_page(data: dict[str, str]) -> None:
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("display_data", data)])
    book = nbformat.v4.new_notebook(cells=[cell])
    with pytest.raises(ModelError, match="no disclosure control") as caught:
        ReportExporter(language="fi").from_notebook_node(book)
    assert "4 clients" not in str(caught.value)
