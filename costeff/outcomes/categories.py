"""What models of clients by category have in common; each says how probable a category is.

n of each category ~ Multinomial(clients, share),  share = a function of the predictor   (see `predictor`)
"""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import xarray as xr

from costeff.errors import ModelError, Problem
from costeff.outcomes.base import OutcomeModel
from costeff.outcomes.context import Context
from costeff.outcomes.predictor import Part, predict, predict_rows
from costeff.outcomes.standardise import relative_effect, standardised


class Categories(OutcomeModel):
    """Shares of clients by category, a row of counts for each cell.

    Attributes
    ----------
    category
        Column of the cells that names the category, and dim of the shares.
    part
        Its linear predictor.
    """

    quantity = "share"
    unit = "share of clients"
    measure = "odds_ratio"
    columns = ()
    category: ClassVar[str]
    part: ClassVar[Part]

    @abstractmethod
    def share(self, posterior: xr.Dataset, eta: xr.DataArray, category: Any) -> xr.DataArray:
        """Probability of one category, over the dims of `eta` but that of its part."""

    def rows(self, context: Context) -> pd.DataFrame:
        """A row for each cell, with a column of clients for each category."""
        table, by = context.cells.table, list(context.cells.by)
        wide = table.groupby([*by, self.category])["n"].sum().unstack(self.category, fill_value=0)
        return wide.reset_index().rename_axis(columns=None)

    def data(self, context: Context) -> dict[str, np.ndarray]:
        known = context.coords[self.category]
        if len(known) < 2:
            cure = "use an outcome that differs between clients"
            problem = Problem(self.id, f"every client has the same {self.category}", cure)
            raise ModelError("There is nothing to estimate", [problem])
        return {**super().data(context), "n": self.rows(context)[known].to_numpy(float)}

    def effect(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """`share` over the categories too, and the odds ratio."""
        known = context.coords[self.category]

        def of(option: str, category: Any) -> xr.DataArray:
            return self.share(posterior, predict(posterior, option, self.part), category)

        one_by_one = [standardised("share", partial(of, category=category), context) for category in known]
        along = xr.DataArray(known, dims=self.category, name=self.category)
        shares = xr.concat(one_by_one, along)  # one at a time bounds the memory
        shares = shares.transpose("draw", ..., self.category)
        return shares.merge(self.relative(posterior, context), combine_attrs="no_conflicts")

    def relative(self, posterior: xr.Dataset, context: Context) -> xr.Dataset:
        """The odds ratio of the middle client and of each place: see `relative_effect`."""
        return relative_effect(posterior)

    def _shares(self, posterior: xr.Dataset, rows: pd.DataFrame, context: Context) -> np.ndarray:
        """Probability of each category for each row: an array over (draw, row, category)."""
        dim = self.part.dim
        eta = xr.DataArray(
            predict_rows(posterior, rows, context, self.part),
            dims=("draw", dim, "row") if dim else ("draw", "row"),
            coords={dim: posterior[dim]} if dim else {},
        )
        found = [self.share(posterior, eta, category) for category in context.coords[self.category]]
        shares = np.stack([one.transpose("draw", "row").to_numpy() for one in found], axis=-1)
        return np.asarray(shares / shares.sum(axis=-1, keepdims=True))  # to the last digit, as numpy's multinomial asks

    def replicate(self, posterior: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """Shares by option and category, in replicated data."""
        known, found = context.coords[self.category], {}
        for option, rows in self.rows(context).groupby("option"):
            clients = rows[known].sum(axis=1).to_numpy()
            counts = rng.multinomial(clients, self._shares(posterior, rows, context)).sum(axis=1)
            found[option] = pd.DataFrame(counts / clients.sum(), columns=known)
        return pd.concat(found, axis=1, names=["option", self.category])

    def observed(self, context: Context) -> pd.Series:
        counts = self.rows(context).groupby("option")[context.coords[self.category]].sum()
        return counts.div(counts.sum(axis=1), axis=0).stack().rename_axis(index=["option", self.category])

    def simulate(self, values: xr.Dataset, context: Context, rng: np.random.Generator) -> pd.DataFrame:
        """A cell for every category, also those without clients: so the categories stay the same."""
        rows, known = self.rows(context), context.coords[self.category]
        clients = rows[known].sum(axis=1).to_numpy()
        counts = rng.multinomial(clients, self._shares(values.expand_dims("draw"), rows, context)[0])
        wide = rows[list(context.cells.by)].join(pd.DataFrame(counts, columns=known))
        return wide.melt(list(context.cells.by), var_name=self.category, value_name="n")
