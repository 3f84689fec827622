"""Pages that the catalogue and the code tell of themselves: parameters, sources, indicators, words, functions."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from costeff.avoided_cost import MODELS
from costeff.indicators.available import declared
from costeff.indicators.completeness import indicator_table
from costeff.params import Catalogue
from costeff.params.show import facts, values
from costeff.report.glossary import in_order

LANGUAGES = {"fi": "Suomi", "sv": "Svenska", "en": "English"}
GROUPS = {
    "unit_costs": "Unit costs", "price_sets": "Price sets", "units": "Bases of counting", "duties": "Duties by law",
    "transitions": "What moves clients", "links": "Later costs", "designs": "What a study design is believed",
    "heterogeneity": "How much effects differ", "evidence_priors": "Published effects as priors",
    "national_volumes": "National volumes", "need_indices": "Need indices", "contracts": "Contracts",
    "budgets": "Budgets", "chains": "Impact chains",
}  # fmt: skip


def pages(root: Path) -> dict[str, str]:
    catalogue = Catalogue.load(root / "params")
    return {
        "reference/parameters.md": _parameters(catalogue),
        "reference/sources.md": _sources(catalogue),
        "reference/indicators.md": _indicators(catalogue),
        "reference/words_of_pages.md": _words(),
        **_functions(root),
    }


def states_of(model: str) -> str:
    """The diagram of an avoided-cost model, drawn by the package itself."""
    return raw(MODELS[model]._repr_html_())


def raw(html: str) -> str:
    fence = "`" * (max((len(run) for run in re.findall(r"`+", html)), default=2) + 1)
    return f'{fence}{{raw}} html\n<div class="output">{html}</div>\n{fence}'


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [[_cell(text) for text in row] for row in rows]
    written = [list(heads), ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in written) if lines else ""


def _cell(text: str) -> str:
    """Text of a cell: nothing in it is read as markup, and an address is a link."""
    shown = re.sub(r"([\\`*_{}\[\]<>|$])", r"\\\1", str(text)).replace("\n", " ")
    return re.sub(r"https?://\S+?(?=[.,;)]*(\s|$))", lambda found: f"<{found[0].replace(chr(92), '')}>", shown)


# --- the catalogue --------------------------------------------------------------------------------


def _parameters(catalogue: Catalogue) -> str:
    parts = [
        "# Parameters",
        "Every number of `params/`, with its uncertainty and the ids of its [sources](sources.md). The same is told by "
        "`costeff params show ID` and, in a notebook, by `catalogue.card(ID)`.",
    ]
    known: dict[str, list[str]] = {group: [] for group in GROUPS}
    for key in catalogue.ids():
        for group, entry in catalogue.card(key).entries:
            if group in known:
                rows = values(entry)
                plain = [(name, text) for name, text in facts(entry) if name != "id"]
                tables = [table(["", ""], plain)] + (
                    [table(list(rows[0]), [row.values() for row in rows])] if rows else []
                )
                known[group].append("\n\n".join([f"### {key}", *filter(None, tables)]))
    return "\n\n".join(
        [*parts, *(f"## {GROUPS[group]}\n\n" + "\n\n".join(each) for group, each in known.items() if each)]
    )


def _sources(catalogue: Catalogue) -> str:
    rows = [
        (key, source.publisher or "", source.title or "", source.published or "", source.url or "", source.note or "")
        for key, source in catalogue.sources.items()
    ]
    return "# Sources\n\nWhere the [parameters](parameters.md) are from.\n\n" + table(
        ["Id", "Publisher", "Title", "Published", "Address", "Note"], rows
    )


def _indicators(catalogue: Catalogue) -> str:
    """The indicators of every service, and whether a register as it is declared can give them."""
    found = indicator_table(catalogue.indicators, declared(), "en")
    heads = [name for name in ("id", "label", "kind", "stage", "status") if name in found]
    intro = (
        "What services are measured by. *Quantity* counts work; *effect* measures change. The status says whether the "
        "declared tables of a register can give the indicator: [Indicators](../methods/indicators.md)."
    )
    parts = ["# Indicators", intro]
    for key, rows in found.groupby("service", sort=False):
        label = catalogue.indicators[str(key)].label.en if str(key) in catalogue.indicators else str(key)
        parts += [f"## {label}", table(heads, rows[heads].astype(str).to_numpy().tolist())]
    return "\n\n".join(parts)


def _words() -> str:
    intro = (
        "The words of reports and sites, as a reader finds them there. Words of the code and of analysts: "
        "[Glossary](glossary.md)."
    )
    parts = ["# Words of the pages", intro]
    for language, name in LANGUAGES.items():
        rows = [(term.term[language], term.meaning[language]) for term in in_order(language)]
        parts += [f"## {name}", table(["", ""], rows)]
    return "\n\n".join(parts)


# --- the code -------------------------------------------------------------------------------------


def _functions(root: Path) -> dict[str, str]:
    """A page for each room that says what it offers, and one for what else notebooks use."""
    rooms = sorted(path.parent.name for path in (root / "costeff").glob("*/__init__.py"))
    open_rooms = [
        room for room in rooms if room != "cli" and hasattr(importlib.import_module(f"costeff.{room}"), "__all__")
    ]
    modules = [name for name in _imported(root) if name.split(".")[1] not in open_rooms or name.count(".") > 1]
    single = [f"costeff.{name}" for name in ("draws", "errors", "spec")]
    made = {f"reference/api/{room}.md": _page(f"costeff.{room}", [f"costeff.{room}"]) for room in open_rooms}
    verbs = [name for name in (*single, *modules) if name not in {f"costeff.{room}" for room in open_rooms}]
    made["reference/api/verbs.md"] = _page("What notebooks use besides", list(dict.fromkeys(verbs)))
    return made


def _imported(root: Path) -> list[str]:
    """Modules of the package that notebooks import."""
    found: set[str] = set()
    for path in (root / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            found |= set(re.findall(r"^from (costeff\.[\w.]+) import", "".join(cell["source"]), re.MULTILINE))
    return sorted(found)


def _page(title: str, modules: Sequence[str]) -> str:
    rest = "\n\n".join(f".. automodule:: {name}\n   :members:" for name in modules)
    heads = f"# {title}\n\n"
    if len(modules) > 1:
        return heads + "\n\n".join(
            f"## {name}\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```" for name in modules
        )
    return f"{heads}```{{eval-rst}}\n{rest}\n```"
