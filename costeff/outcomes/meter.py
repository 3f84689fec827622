"""A client's change on a meter, adjusted for where the client was before: analysis of covariance on sums.

    after ~ Normal(eta + slope (before - mean before), sd)   (see `predictor`)

Adjusting for the measurement before is more precise than comparing changes, and not biased by chance imbalance
(Vickers & Altman 2001, doi:10.1136/bmj.323.7321.1123). Clients, sums, squares and products of a cell are
sufficient. Meters differ in unit, so everything is estimated in standard deviations of `after`, from its mean,
and given back in the unit of the meter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import linear_predictor, normal, predict, predict_rows
from costeff.outcomes.standardise import common_effect, standardised

ALIKE = 1e-9  # relative spread below which numbers are the same but for rounding


@dataclass(frozen=True)
class Scale:
    """Where a meter's own scale has its zero and unit for the model: mean and standard deviation over all clients."""

    after: float
    before: float
    sd: float


class Meter(OutcomeModel):
    """Mean of the meter after the service, for clients who start where the municipality's clients start."""

    id = "meter"
    statistic = "meter"
    quantity = "mean"
    unit = "points of the meter"
    measure = "mean_difference"
    columns = ("n", "y", "x", "yy", "xx", "xy")
    priors = ("intercept", "slope", "log_sd")

    def rows(self, context: Context) -> pd.DataFrame:
        """With sums, squares and products of after (y) and before (x), standardised."""
        table, scale = context.cells.table, _scale(context)
        n, a, b, sd = table["n"], scale.after, scale.before, scale.sd
        return table.assign(
            y=(table["sum"] - n * a) / sd,
            x=(table["sum_before"] - n * b) / sd,
            yy=(table["sum_squares"] - 2 * a * table["sum"] + n * a**2) / sd**2,
            xx=(table["sum_before_squares"] - 2 * b * table["sum_before"] + n * b**2) / sd**2,
            xy=(table["sum_products"] - a * table["sum_before"] - b * table["sum"] + n * a * b) / sd**2,
        )

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        import pytensor.tensor as pt

        eta = linear_predictor(context, data)
        slope = normal("slope", context.priors["slope"], ())
        log_sd = normal("log_sd", context.priors["log_sd"], ())
        around = data["yy"] - 2 * eta * data["y"] + data["n"] * eta**2  # squares of after around eta
        squares = around - 2 * slope * (data["xy"] - eta * data["x"]) + slope**2 * data["xx"]
        return -(data["n"] * log_sd + 0.5 * squares * pt.exp(-2 * log_sd)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Mean after, and `change` (draw, option[, municipality]) from before; `difference` of the options."""
        scale, before = _scale(context), _before(context)

        def mean(option: str) -> xr.DataArray:
            adjusted = posterior["slope"] * (before - scale.before)
            return scale.after + scale.sd * predict(posterior, option) + adjusted

        out = standardised("mean", mean, context)
        out = out.merge(standardised("change", lambda option: mean(option) - before, context))
        found = common_effect(posterior)
        own = {name: name.replace("effect", "difference") for name in ("effect", "effect_local") if name in found}
        return out.merge(found.drop_vars(list(own))).assign({new: scale.sd * found[old] for old, new in own.items()})

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows, scale = self.rows(context), _scale(context)
        n, slope = rows["n"].to_numpy(float), posterior["slope"].to_numpy()[:, None]
        spread = np.exp(posterior["log_sd"].to_numpy())[:, None] * np.sqrt(n)
        sums = rng.normal(n * predict_rows(posterior, rows, context) + slope * rows["x"].to_numpy(), spread)
        by_option = pd.DataFrame(sums.T, index=rows["option"]).groupby(level=0).sum().T
        return scale.after + scale.sd * by_option / rows.groupby("option")["n"].sum()

    def observed(self, context: Context) -> pd.Series:
        """Mean after by option."""
        sums = context.cells.table.groupby("option")[["sum", "n"]].sum()
        return sums["sum"] / sums["n"]

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """The same clients before, and new ones after. Simulated cells keep the scale of those they stand for:
        their priors are told in it, and a scale of their own would be another prior."""
        rows, scale = self.rows(context), _scale(context)
        eta, slope = predict_rows(values.expand_dims("draw"), rows, context)[0], float(values["slope"])
        n, x, xx = (rows[name].to_numpy(float) for name in ("n", "x", "xx"))
        e, ex, ee = _errors(n, x, xx, float(np.exp(values["log_sd"])), rng)
        y, xy = n * eta + slope * x + e, eta * x + slope * xx + ex
        yy = eta * (n * eta + 2 * slope * x) + slope**2 * xx + 2 * (eta * e + slope * ex) + ee
        a, b, sd = scale.after, scale.before, scale.sd
        return context.cells.table.assign(
            sum=n * a + sd * y,
            sum_squares=n * a**2 + 2 * a * sd * y + sd**2 * yy,
            sum_products=n * a * b + sd * (b * y + a * x) + sd**2 * xy,
            scale_after=a,
            scale_sd=sd,
        )


def _errors(
    n: np.ndarray, x: np.ndarray, xx: np.ndarray, sd: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum of normal errors, of their products with x and of their squares, without drawing each client's.

    Along the mean, along x around its mean, and along all other directions errors are independent.
    """
    around = xx - x**2 / n
    varies = (n > 1) & (around > ALIKE * xx)
    along_mean, along_x = rng.standard_normal(n.size), np.where(varies, rng.standard_normal(n.size), 0.0)
    rest = 2 * rng.standard_gamma((n - 1 - varies) / 2)  # chi-square, of no directions too
    e = sd * np.sqrt(n) * along_mean
    ex = sd * np.sqrt(np.where(varies, around, 0.0)) * along_x + x / n * e
    return e, ex, sd**2 * (along_mean**2 + along_x**2 + rest)


def _scale(context: Context) -> Scale:
    table = context.cells.table
    n = table["n"].sum()
    after, before = float(table["sum"].sum() / n), float(table["sum_before"].sum() / n)
    if "scale_sd" in table:  # simulated
        return Scale(float(table["scale_after"].iloc[0]), before, float(table["scale_sd"].iloc[0]))
    sd = float(np.sqrt(max(table["sum_squares"].sum() / n - after**2, 0.0)))
    if sd <= ALIKE * max(1.0, abs(after)):
        cure = "use a meter that differs between clients"
        raise ModelError("There is nothing to estimate", [Problem("meter", "all clients have the same after", cure)])
    return Scale(after, before, sd)


def _before(context: Context) -> xr.DataArray:
    """Mean before by risk group: of the country, or of each municipality, drawn towards the country's.

    By as many clients as the threshold of disclosure, and as if a municipality with fewer had none: see
    `share_of_groups`.
    """
    table = context.cells.table
    country = table.groupby("group")[["n", "sum_before"]].sum().to_xarray()
    middle: xr.DataArray = country["sum_before"] / country["n"]
    if not context.counties:
        return middle
    own = table.groupby(["municipality", "group"])[["n", "sum_before"]].sum().to_xarray()
    own = own.reindex(municipality=context.coords["municipality"]).fillna(0.0)
    own = own.where(own["n"].sum("group") >= THRESHOLD, 0.0)
    drawn: xr.DataArray = (own["sum_before"] + THRESHOLD * middle) / (own["n"] + THRESHOLD)
    return drawn
