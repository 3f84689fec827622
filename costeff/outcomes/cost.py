"""Cost per client, which some clients have none of: a hurdle on cells.

    positive ~ Binomial(n, p),              logit p = eta of the part `positive`   (see `predictor`)
    cost of one who has any ~ Gamma(shape, mean m),     log m = eta
                         or ~ Lognormal(mu, sd),           mu = eta,  m = exp(mu + sd^2 / 2)
    mean = p m

Two parts: Duan et al. 1983, doi:10.1080/07350015.1983.10509330. Gamma with a log link, or logarithms: Manning &
Mullahy 2001, doi:10.1016/S0167-6296(01)00086-8. Clients, clients with a cost, and the sums of cost, of its logarithm
and of that squared are sufficient for both.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from costeff.disclosure import THRESHOLD
from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.binary import expit
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, linear_predictor, normal, predict, predict_rows, softplus
from costeff.outcomes.standardise import over_groups, relative_effect, standardised

POSITIVE = Part("positive")
LEAST_SPREAD = 1e-3  # sd of log cost within cells; below it, the cost is a price and has no distribution


class Cost(OutcomeModel):
    """Share of clients with any cost, times the mean of such a cost; its spread is common to all."""

    statistic = "cost"
    quantity = "mean"
    unit = "EUR"
    measure = "cost_ratio"
    parts = ("positive",)
    spread: ClassVar[str]  # parameter of the spread of a positive cost

    @abstractmethod
    def size_likelihood(self, data: dict[str, Any], eta: Any, spread: Any) -> Any:
        """Log density of the positive costs of each row."""

    @abstractmethod
    def size_mean(self, eta: Any, spread: Any) -> Any:
        """Mean of a positive cost."""

    @abstractmethod
    def size_cv(self, spread: Any) -> Any:
        """Standard deviation of a positive cost, of its mean."""

    @abstractmethod
    def size_draw(self, eta: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
        """A positive cost for each client."""

    def data(self, context: Context) -> dict[str, np.ndarray]:
        _refuse_prices(context.cells.table)
        return super().data(context)

    def log_likelihood(self, context: Context, data: dict[str, Any]) -> Any:
        logit, eta = linear_predictor(context, data, POSITIVE), linear_predictor(context, data)
        spread = normal(self.spread, context.priors[self.spread], ())
        hurdle = data["positive"] * logit - data["n"] * softplus(logit)
        return (hurdle + self.size_likelihood(data, eta, spread)).sum()

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """Mean cost, and `positive` (draw, option[, municipality]): the share of clients with any.

        `ratio` and `ratio_local` are those of the mean cost of the country's and of the municipality's clients.
        They come from two parts: `ratio_positive`, the odds ratio of any cost, and `ratio_size`, the ratio of such a
        cost, both of the middle client. `pooling` is that of the part that leans on the others more.
        `spread_ratio` (draw) is the observed standard deviation of positive costs around their means, of the
        model's: where it is above 1 costs have a longer tail. `widening` is how far the model answers for that.
        """
        _refuse_nothing(context.cells.table)
        spread_ratio = self._spread_ratio(posterior, context)
        times = self.widening(spread_ratio)

        def share(option: str) -> Any:
            return expit(predict(posterior, option, POSITIVE))

        def mean(option: str) -> Any:
            return share(option) * _widened(self.size_mean(predict(posterior, option), posterior[self.spread]), times)

        out = standardised("mean", mean, context).merge(standardised("positive", share, context))
        size, positive = relative_effect(posterior), relative_effect(posterior, "positive_effect")
        out = out.assign(
            ratio=_ratio(over_groups(out["mean_by_group"], context)),
            ratio_positive=positive["ratio"],
            ratio_size=_widened(size["ratio"], times),
            spread_ratio=("draw", spread_ratio),
        )
        if context.counties:
            pooling = np.maximum(size["pooling"], positive["pooling"])
            out = out.assign(ratio_local=_ratio(out["mean"]), pooling=pooling)
        return out.assign_attrs(widening=times)

    def widening(self, spread_ratio: np.ndarray) -> float:
        """How many times as wide as its own the model's interval of the mean of positive costs is told, 1 or more."""
        return 1.0

    def _spread_ratio(self, posterior: xr.Dataset, context: Context) -> np.ndarray:
        rows, spread = self.rows(context), posterior[self.spread].to_numpy()
        if context.counties:  # a place with few clients has no estimate of its own to be spread around
            enough = rows.groupby("municipality")["n"].transform("sum") >= THRESHOLD
            rows = rows[enough] if enough.any() else rows
        mean = self.size_mean(predict_rows(posterior, rows, context), spread[:, None])
        positive, total, squares = (rows[name].to_numpy(float) for name in ("positive", "sum", "sum_squares"))
        around = (squares / mean**2 - 2 * total / mean + positive).sum(axis=1) / positive.sum()
        return np.asarray(np.sqrt(around) / self.size_cv(spread))

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        rows = self.rows(context)
        drawn = self._costs(posterior, rows, context, rng)
        totals = [np.bincount(at, cost, minlength=len(rows)) for at, cost in drawn]
        return pd.DataFrame(np.transpose(totals), index=rows["option"]).groupby(level=0).sum().T

    def observed(self, context: Context) -> pd.Series:
        """Total cost by option, EUR."""
        return self.rows(context).groupby("option")["sum"].sum()

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        table = context.cells.table
        at, cost = next(self._costs(values.expand_dims("draw"), table, context, rng))
        log = np.log(cost)
        each = {"sum": cost, "sum_squares": cost**2, "sum_logs": log, "sum_log_squares": log**2}
        sums = {name: np.bincount(at, values, minlength=len(table)) for name, values in each.items()}
        return table.assign(positive=np.bincount(at, minlength=len(table)), **sums)

    def _costs(
        self, posterior: xr.Dataset, rows: pd.DataFrame, context: Context, rng: np.random.Generator
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Row and cost of each client who has any, one draw at a time: sums of lognormal costs have no closed form."""
        positive = rng.binomial(rows["n"].to_numpy(), expit(predict_rows(posterior, rows, context, POSITIVE)))
        eta, spread = predict_rows(posterior, rows, context), posterior[self.spread].to_numpy()
        for draw in range(spread.size):
            at = np.repeat(np.arange(len(rows)), positive[draw])
            yield at, self.size_draw(eta[draw, at], spread[draw], rng)


class CostGamma(Cost):
    """Positive costs are gamma: the estimated mean is the observed one, however the costs are spread."""

    id = "cost_gamma"
    columns = ("n", "positive", "sum", "sum_logs")
    priors = ("intercept", "log_shape")
    spread = "log_shape"  # shape = 1 / squared coefficient of variation

    def widening(self, spread_ratio: np.ndarray) -> float:
        """Quasi-likelihood: the mean holds whatever the spread is, and its error is as large as the spread observed.

        One factor for all draws, the square root of the dispersion (Wedderburn 1974, doi:10.1093/biomet/61.3.439).
        """
        return max(1.0, float(np.median(spread_ratio)))

    def size_likelihood(self, data: dict[str, Any], eta: Any, spread: Any) -> Any:
        import pytensor.tensor as pt

        shape = pt.exp(spread)
        constant = data["positive"] * (shape * (spread - eta) - pt.gammaln(shape))
        return constant + (shape - 1) * data["sum_logs"] - shape * data["sum"] * pt.exp(-eta)

    def size_mean(self, eta: Any, spread: Any) -> Any:
        return np.exp(eta)

    def size_cv(self, spread: Any) -> Any:
        return np.exp(-spread / 2)

    def size_draw(self, eta: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
        shape = np.exp(spread)
        cost = rng.gamma(shape, np.exp(eta) / shape)
        return np.asarray(np.maximum(cost, np.finfo(float).tiny))  # a small shape may give 0, which has no log


class CostLognormal(Cost):
    """Positive costs are lognormal: a longer tail, and a mean that leans on it being one.

    Its interval is its own: the spread it is made of is that of the logarithms it reads, and where those are not
    normal the mean itself is wrong, which no wider interval mends.
    """

    id = "cost_lognormal"
    columns = ("n", "positive", "sum_logs", "mean_log", "within")
    priors = ("intercept", "log_sd")
    spread = "log_sd"  # of log cost

    def rows(self, context: Context) -> pd.DataFrame:
        """With log costs told as their mean and the squares around it, which keep their digits where sums do not."""
        table = context.cells.table
        mean = table["sum_logs"] / table["positive"].clip(lower=1)
        return table.assign(mean_log=mean, within=_within(table))

    def size_likelihood(self, data: dict[str, Any], eta: Any, spread: Any) -> Any:
        import pytensor.tensor as pt

        squares = data["within"] + data["positive"] * (data["mean_log"] - eta) ** 2
        constant = data["positive"] * (spread + 0.5 * np.log(2 * np.pi)) + data["sum_logs"]
        return -constant - 0.5 * squares * pt.exp(-2 * spread)

    def size_mean(self, eta: Any, spread: Any) -> Any:
        return np.exp(eta + np.exp(2 * spread) / 2)

    def size_cv(self, spread: Any) -> Any:
        return np.sqrt(np.expm1(np.exp(2 * spread)))

    def size_draw(self, eta: np.ndarray, spread: float, rng: np.random.Generator) -> np.ndarray:
        return np.asarray(np.exp(eta + np.exp(spread) * rng.standard_normal(eta.size)))


class CostOfOneOption(CostGamma):
    """As `cost_gamma`, where nobody has a cost under one option: that costs nothing, and no ratio is estimated.

    Nothing is then known of the size of its costs, and its share of clients with any is at the edge, where the priors
    of a share and its effect contradict hundreds of clients. The one option that costs is the baseline.
    """

    id = "cost_of_one_option"

    def rows(self, context: Context) -> pd.DataFrame:
        """The cells of the option that costs, as if it were the usual one."""
        table = context.cells.table
        return table[table["option"] == _paying(table)[0]].assign(option=USUAL)

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """`mean` and `positive` as of `cost_gamma`, 0 under the option without costs; `spread_ratio`."""
        found = super().effect(posterior, context)
        one = found[["mean", "mean_by_group", "positive", "positive_by_group"]].sel(option=USUAL, drop=True)
        paying = _paying(context.cells.table)
        along = xr.DataArray(list(OPTIONS), dims="option", name="option")
        both = xr.concat([one if option in paying else xr.zeros_like(one) for option in OPTIONS], along)
        out = both.transpose("draw", "option", ...).assign(spread_ratio=found["spread_ratio"])
        return out.assign_attrs(found.attrs)

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        found = super().replicate(posterior, context, rng)
        return found.rename(columns={USUAL: _paying(context.cells.table)[0]})

    def observed(self, context: Context) -> pd.Series:
        return super().observed(context).rename({USUAL: _paying(context.cells.table)[0]})


def model_of_costs(table: pd.DataFrame) -> Cost:
    """The cost model for these cells: its mean is that of the data, however the costs are spread.

    Raises
    ------
    ModelError
        Where nobody has a cost.
    """
    _refuse_nothing(table)
    return CostGamma() if len(_paying(table)) > 1 else CostOfOneOption()


def _paying(table: pd.DataFrame) -> list[str]:
    """Options under which any client has a cost."""
    positive = table.groupby("option")["positive"].sum()
    return [option for option in OPTIONS if positive.get(option, 0)]


def _ratio(mean: xr.DataArray) -> xr.DataArray:
    return mean.sel(option=NEW, drop=True) / mean.sel(option=USUAL, drop=True)


def _widened(values: xr.DataArray, times: float) -> xr.DataArray:
    """Draws moved away from their median on the log scale; their mean stays."""
    if times == 1:
        return values
    wide = (values / values.median("draw")) ** times
    return wide * (values.mean("draw") / wide.mean("draw"))


def _within(table: pd.DataFrame) -> pd.Series:
    """Squares of log cost around its mean in each cell."""
    around = table["sum_log_squares"] - table["sum_logs"] ** 2 / table["positive"].clip(lower=1)
    return around.clip(lower=0.0)


def _refuse_prices(table: pd.DataFrame) -> None:
    """A cost that all clients of a cell have alike has no distribution to estimate."""
    sums = ["positive", "sum_logs", "sum_log_squares"]
    for cells in (table, table.groupby(["option", "group"])[sums].sum()):  # also where each place has one client
        free = int((cells["positive"] - 1).clip(lower=0).sum())
        if free and _within(cells).sum() < free * LEAST_SPREAD**2:
            rule = "the cost does not differ between clients of the same cell: it is a price"
            raise _cannot(rule, "give it as the service's price")


def _refuse_nothing(table: pd.DataFrame) -> None:
    """Where nobody has a cost, its size would be that of the prior."""
    if not table["positive"].sum():
        cure = "name a unit cost in the chain's input.cost, or check the register"
        raise _cannot("no client has a cost above 0", cure)


def _cannot(rule: str, cure: str) -> ModelError:
    return ModelError("The cost cannot be estimated", [Problem("cost cells", rule, cure)])
