"""A result in a notebook: the sentence first, then its table, then its figure, whose alt text is the sentence."""

from __future__ import annotations

import base64
import io
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd
import xarray as xr

from costeff import decision
from costeff.appraisal import summary
from costeff.draws import summarise
from costeff.errors import Problem, UsageError
from costeff.report.evidence_figures import forest_figure
from costeff.report.figures import LIGHT, AxisTexts, Figure
from costeff.report.words import Words, counted, money_step
from costeff.shown import Shows, framed, tabular, told

COLOURS = [LIGHT["quiet"], LIGHT["gain"], LIGHT["loss"]]  # the usual service first


@dataclass(frozen=True, repr=False)
class Result(Shows):
    """A sentence with its table, of which it is the caption, and its figure; shows itself in a notebook."""

    sentence: str
    table: pd.DataFrame | None = None
    image: str = ""  # the address of a drawing, which holds all of it

    def __repr__(self) -> str:
        return self._plain()

    def _plain(self) -> str:
        return self.sentence if self.table is None else f"{self.sentence}\n{self.table.to_string()}"

    def _latex(self) -> str:
        if self.table is None:
            return ""
        index = self.table.index
        columns = [index.get_level_values(level).to_series() for level in range(index.nlevels)]
        columns += [self.table.iloc[:, at] for at in range(self.table.shape[1])]  # by place: names may stand twice
        written = [one.map(_format(one) or str, na_action="ignore").fillna("").astype(str) for one in columns]
        rows = [dict(enumerate(cells)) for cells in zip(*written, strict=True)]
        names = [*("" if name is None else name for name in index.names), *self.table.columns]
        return tabular(rows, self.sentence, names)

    def _html(self) -> str:
        parts = []
        if self.table is None:
            parts.append(f"<p>{escape(self.sentence)}</p>")
        else:
            gaps = dict.fromkeys(self.table.select_dtypes("Int64"), object)  # pandas writes <NA> into these
            shown = self.table.astype(gaps).fillna(dict.fromkeys(gaps, "")) if gaps else self.table
            written = shown.to_html(formatters=_formats(self.table), na_rep="", border=0)
            parts.append(told(self.sentence, framed(written)))
        if self.image:
            alt = escape(self.sentence)
            parts.append(f'<p><img src="{self.image}" alt="{alt}" style="max-width:100%"></p>')
        return "".join(parts)


def tell(sentence: str, table: pd.DataFrame | pd.Series | None = None, figure: Any = None) -> Result:
    """A result, told as sentence, table and figure.

    Parameters
    ----------
    sentence
        What the result says, with its interval. It is the alt text of the figure too.
    table
        Numbers, each column with decimals that fit its size; a missing value is an empty cell.
    figure
        A figure of the reports; or one of matplotlib, or what has one: axes, a seaborn grid, an ArviZ plot
        collection. It is closed.
    """
    import matplotlib.pyplot as plt

    frame = table.to_frame() if isinstance(table, pd.Series) else table
    drawn = ""
    if isinstance(figure, Figure):
        drawn = figure.data_uri
    elif figure is not None:
        canvas = figure.viz["figure"].item() if hasattr(figure, "viz") else getattr(figure, "figure", figure)
        buffer = io.BytesIO()
        canvas.savefig(buffer, format="png", dpi=100, bbox_inches="tight", metadata={"Software": None})
        drawn = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    plt.close("all")  # or the notebook would show the figure once more at the end of the cell
    return Result(sentence, frame, drawn)


def show(appraised: xr.Dataset, language: str = "en") -> Result:
    """An appraisal as a sentence and a table: net saving by payer, or by place where it holds several.

    Parameters
    ----------
    appraised
        As `appraise` gives it, or `one` of its municipalities.

    Raises
    ------
    UsageError
        For a Dataset that is no appraisal.
    """
    if not _is_appraisal(appraised):
        problem = Problem("the Dataset", "is no appraisal", "give what `appraise` or `one` returned")
        raise UsageError("This cannot be shown", [problem])
    words, attrs, mass = Words(language), appraised.attrs, float(appraised.attrs["mass"])
    saved = decision.net_saving(appraised)
    step = min(1000.0, money_step([float(abs(saved).max())]))
    clients = counted(words.number(attrs["clients"]), "client", "clients")
    years = counted(str(appraised.sizes["year"]), "year", "years")
    synthetic = "Synthetic data. " if attrs["synthetic"] else ""
    whole = f"{clients} over {years} at the {attrs['price_set']} prices"
    if "municipality" in saved.dims:
        found = summarise(saved, mass)[["mean", "low", "high"]].to_dataframe()[["mean", "low", "high"]]
        found["probability"] = (saved > 0).mean("draw").to_series()
        sentence = f"{synthetic}{attrs['chain']}: net saving of {whole}, {len(found)} places."
        return Result(sentence, _in_words(found.rename_axis("place"), words, step))
    table = summary(appraised).set_index("payer").set_axis(["mean", "low", "high", "probability"], axis=1)
    row = table.loc["all"]
    place = str(attrs.get(f"municipality_{language}", ""))
    interval = words.between(words.money(row["low"], step), words.money(row["high"], step))
    sentence = (
        f"{synthetic}{attrs['chain']}{f' in {place}' if place else ''}: the net saving of {whole} is on average "
        f"{words.money(row['mean'], step)} ({mass:.0%} interval {interval}); it saves "
        f"{words.chance(float(row['probability']))}."
    )
    gate = "" if int(attrs["gate_passed"]) else " A fit did not pass its gate: no figure here may be believed."
    return Result(sentence + gate, _in_words(table, words, step))


def _in_words(table: pd.DataFrame, words: Words, step: float) -> pd.DataFrame:
    """Means, ends and probabilities of saving as the sentence tells them."""
    money = {name: [words.money(euros, step) for euros in table[name]] for name in ("mean", "low", "high")}
    columns = {"net saving": money.pop("mean"), **money, "it saves": [words.chance(p) for p in table["probability"]]}
    return pd.DataFrame(columns, index=table.index)


def _is_appraisal(found: xr.Dataset) -> bool:
    return {"chain", "price_set", "clients", "mass", "synthetic", "gate_passed"} <= found.attrs.keys()


def _show_datasets() -> None:
    """In a living notebook an appraisal shows itself as `show` tells it; other Datasets as they always do."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if shell is None:
        return
    formatters = shell.display_formatter.formatters

    def html(found: xr.Dataset) -> str:
        return show(found)._html() if _is_appraisal(found) else found._repr_html_()

    def plain(found: xr.Dataset, printer: Any, cycle: bool) -> None:
        printer.text(show(found)._plain() if _is_appraisal(found) else repr(found))

    formatters["text/html"].for_type(xr.Dataset, html)
    formatters["text/plain"].for_type(xr.Dataset, plain)


def _formats(table: pd.DataFrame) -> list[Callable[[Any], str] | None]:
    """How each column is written: as many decimals as tell its numbers apart."""
    return [_format(table.iloc[:, number]) for number in range(table.shape[1])]


def _format(column: pd.Series) -> Callable[[Any], str] | None:
    if not pd.api.types.is_float_dtype(column):
        return None
    largest = float(column.abs().max())
    decimals = next((d for limit, d in ((1000, 0), (10, 1)) if largest >= limit), 3)
    return f"{{:,.{decimals}f}}".format


def intervals(draws: pd.DataFrame, value: str, by: str, mass: float, label: str, hue: str | None = None) -> Any:
    """Means as dots and central intervals as lines, a row for each name, on a common axis.

    Parameters
    ----------
    draws
        Tidy: a row a draw; columns `value`, `by` (names of the rows) and `hue` (what is compared in each row).
    mass
        Probability that a line holds.
    label
        What the axis measures, with its unit.

    Returns
    -------
    seaborn FacetGrid
    """
    import seaborn as sns

    height = 1.2 + 0.55 * draws[by].nunique()
    look = {"dodge": 0.3, "hue": hue} if hue else {"dodge": False, "color": COLOURS[1]}
    band = ("pi", 100 * mass)
    grid = sns.catplot(
        draws, x=value, y=by, kind="point", errorbar=band, linestyle="none", height=height, aspect=7.5 / height, **look
    )
    grid.set(xlabel=label, ylabel="")
    money = draws[value].abs().max() >= 1000
    if draws[value].min() < 0:
        grid.ax.axvline(0, color=LIGHT["ink"], linewidth=1, zorder=1.5)
    grid.ax.locator_params(axis="x", nbins=7)
    if money:
        grid.ax.xaxis.set_major_formatter("{x:,.0f}")
    if grid.legend is not None:
        grid.legend.set_title("")
    return grid


def forest(table: pd.DataFrame, label: str, *, ratio: bool = True) -> Figure:
    """Effects beside each other, a row each, as `forest_figure` draws them.

    Parameters
    ----------
    table
        Named by its index; columns `mean`, `low`, `high` and `kind` (`one`, `all` or `new`).
    label
        What the axis measures.
    """
    texts = AxisTexts(label, "", label, "{:g}".format)
    return forest_figure(table.rename_axis("row").reset_index(), texts, ratio=ratio)


def drawing_style() -> None:
    """The look of figures in notebooks, the report's colours on seaborn's grid; and of appraisals: see `show`."""
    import seaborn as sns

    _show_datasets()

    settings = {"axes.edgecolor": LIGHT["quiet"], "grid.color": LIGHT["grid"], "figure.figsize": (7.5, 4.2)}
    # ArviZ joins prior and posterior in a way that xarray will change; it is theirs to mend.
    warnings.filterwarnings("ignore", category=FutureWarning, module="arviz_plots")
    sns.set_theme(context="notebook", font_scale=0.9, style="whitegrid", palette=COLOURS, rc=settings)
