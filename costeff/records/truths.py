"""Truths of the optional tables of a synthetic register: what is drawn from each, and what it makes true."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from costeff.draws import OPTIONS, rng
from costeff.records.tables import TABLES
from costeff.records.truth_values import (
    NO_DIFFERENCE,
    ByGroup,
    Option,
    Positive,
    PositiveByGroup,
    RiskByOption,
    Some,
    always,
    by_group,
    by_option,
    named,
)
from costeff.records.truths_across import CostsTruth, ProviderTruth, ReferralTruth, ResidenceTruth
from costeff.spec import Id, Spec


class _Truth(Spec):
    """One optional table, or the part of it that has one id. Groups and options are positions: 1 is the new option."""

    @abstractmethod
    def draw(self, group: np.ndarray, new: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        """A row for each client who has one; the index says who."""

    @abstractmethod
    def expected(self, share: np.ndarray) -> dict[str, Any]:
        """Standardised to shares of the risk groups, under both options."""


class CountTruth(_Truth):
    """A negative binomial count; its variance is mean + dispersion * mean squared.

    The mean is `mean_usual` of the group under the usual option, times exp(log_rate_ratio) under the new one.
    """

    mean_usual: PositiveByGroup
    log_rate_ratio: float
    dispersion: Positive

    def _mean(self, group: np.ndarray, new: np.ndarray | float) -> np.ndarray:
        mean: np.ndarray = by_group(self.mean_usual)[group] * np.exp(self.log_rate_ratio * new)
        return mean

    def draw(self, group: np.ndarray, new: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        chance = 1 / (1 + self.dispersion * self._mean(group, new))
        return pd.DataFrame({"count": generator.negative_binomial(1 / self.dispersion, chance)})

    def expected(self, share: np.ndarray) -> dict[str, Any]:
        usual, new = (float(share @ self._mean(np.arange(share.size), option)) for option in (0, 1))
        return {"mean_usual": usual, "mean_new": new, "rate_ratio": new / usual}


class MeterTruth(_Truth):
    """A measure before and after, linear and normal, told to two decimals.

    With `mean` the mean before of the client's group:

        after = mean + slope * (before - mean) + change_usual + effect of the new option + residual

    Who is measured (`share_measured`) depends on nothing.
    """

    before_mean: ByGroup
    before_sd: Positive
    slope: float
    change_usual: float = 0.0
    effect: float
    residual_sd: Positive
    share_measured: Some = 1.0

    def draw(self, group: np.ndarray, new: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        measured = generator.random(group.size) < self.share_measured
        mean = by_group(self.before_mean)[group]
        apart = self.before_sd * generator.standard_normal(group.size)
        residual = self.residual_sd * generator.standard_normal(group.size)
        after = mean + self.slope * apart + self.change_usual + self.effect * new + residual
        return pd.DataFrame({"before": (mean + apart).round(2), "after": after.round(2)})[measured]

    def expected(self, share: np.ndarray) -> dict[str, Any]:
        usual = float(share @ by_group(self.before_mean)) + self.change_usual
        return {"mean_usual": usual, "mean_new": usual + self.effect, "difference": self.effect}


class ExperienceTruth(_Truth):
    """An answer on an ordered scale, by proportional odds: one level more than there are cutpoints.

        log odds of an answer above level k = group_log_odds + log_odds_effect of the new option - cutpoint k

    Who answers (`share_answered`) depends on nothing.
    """

    cutpoints: Annotated[tuple[float, ...], Field(strict=False, min_length=1, max_length=9)]
    log_odds_effect: float
    group_log_odds: ByGroup = NO_DIFFERENCE
    share_answered: Some = 1.0

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(later <= earlier for earlier, later in zip(self.cutpoints, self.cutpoints[1:], strict=False)):
            raise ValueError("the cutpoints must ascend")
        return self

    def _log_odds(self, group: np.ndarray, new: np.ndarray | float) -> np.ndarray:
        log_odds: np.ndarray = by_group(self.group_log_odds)[group] + self.log_odds_effect * new
        return log_odds

    def draw(self, group: np.ndarray, new: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        answered = generator.random(group.size) < self.share_answered
        latent = self._log_odds(group, new) + generator.logistic(size=group.size)
        return pd.DataFrame({"level": 1 + np.searchsorted(self.cutpoints, latent)})[answered]

    def expected(self, share: np.ndarray) -> dict[str, Any]:
        from scipy.special import expit

        def shares(option: int) -> dict[str, float]:
            log_odds = self._log_odds(np.arange(share.size), option)
            below = share @ expit(np.array(self.cutpoints) - log_odds[:, None])
            at = np.diff(np.concatenate([[0.0], below, [1.0]]))
            return {str(level): float(value) for level, value in enumerate(at, 1)}

        return {f"share_{name}": shares(option) for option, name in enumerate(OPTIONS)}


class EndTruth(_Truth):
    """How a service ended, by a multinomial logit against a reference.

        log odds of an end against the reference = log_odds + effect of the new option + group_log_odds

    The first two differ by end, the last by risk group.
    """

    reference: Id
    log_odds: Annotated[dict[Id, float], Field(min_length=1)]
    effect: dict[Id, float]
    group_log_odds: ByGroup = NO_DIFFERENCE

    @model_validator(mode="after")
    def _same_ends(self) -> Self:
        if set(self.effect) != set(self.log_odds) or self.reference in self.log_odds:
            raise ValueError("log_odds and effect must name the same ends, without the reference")
        return self

    @property
    def ends(self) -> list[str]:
        return [self.reference, *sorted(self.log_odds)]

    def _chances(self, group: np.ndarray, new: np.ndarray) -> np.ndarray:
        against, effect = (np.array([values[end] for end in self.ends[1:]]) for values in (self.log_odds, self.effect))
        odds = np.exp(against + effect * new[:, None] + by_group(self.group_log_odds)[group][:, None])
        whole = np.column_stack([np.ones(group.size), odds])
        chances: np.ndarray = whole / whole.sum(axis=1, keepdims=True)
        return chances

    def draw(self, group: np.ndarray, new: np.ndarray, generator: np.random.Generator) -> pd.DataFrame:
        below = self._chances(group, new).cumsum(axis=1)[:, :-1]
        picked = (generator.random(group.size)[:, None] >= below).sum(axis=1)
        return pd.DataFrame({"end": named(picked, self.ends)})

    def expected(self, share: np.ndarray) -> dict[str, Any]:
        groups = np.arange(share.size)
        by_option = [share @ self._chances(groups, np.full(share.size, option)) for option in range(len(OPTIONS))]
        return {
            f"share_{name}": dict(zip(self.ends, map(float, values), strict=True))
            for name, values in zip(OPTIONS, by_option, strict=True)
        }


class OptionalTruth(Spec):
    """What a synthetic register holds besides the three tables, by id; nothing unless it is declared.

    None of it depends on the municipality or on the client's outcome, beyond what risk group and option bring.
    `competing` are outcomes with a constant hazard of their own, given as risks within the follow-up.
    """

    competing: dict[Id, RiskByOption] = Field(default={})
    counts: dict[Id, CountTruth] = Field(default={})
    meters: dict[Id, MeterTruth] = Field(default={})
    experience: dict[Id, ExperienceTruth] = Field(default={})
    ends: EndTruth | None = None
    providers: ProviderTruth | None = None
    referrals: ReferralTruth | None = None
    costs: CostsTruth | None = None
    residence: ResidenceTruth | None = None

    @model_validator(mode="after")
    def _providers_refer(self) -> Self:
        if self.referrals and not self.providers:
            raise ValueError("referrals need providers")
        return self

    def _parts(self) -> Iterator[tuple[str, str, _Truth]]:
        """Table, id (empty where a table has none) and truth."""
        for table in ("counts", "meters", "experience"):
            for name, truth in sorted(getattr(self, table).items()):
                yield table, name, truth
        if self.ends:
            yield "ends", "", self.ends

    def draw_measured(self, clients: pd.DataFrame, seed: int) -> Iterator[tuple[str, pd.DataFrame]]:
        """What was measured of each client, part by part; each has random numbers of its own.

        Parameters
        ----------
        clients
            Columns group and option (positions).

        Yields
        ------
        tuple of str and DataFrame
            The table's name and rows of it, by positions of clients.
        """
        group, new = clients["group"].to_numpy(), clients["option"].to_numpy()
        for table, name, truth in self._parts():
            drawn = truth.draw(group, new, rng(seed, "synthetic", table, name))
            key = {TABLES[table].key[-1]: always(name, len(drawn))} if name else {}
            yield table, drawn.assign(client=drawn.index.to_numpy("int32"), **key)

    def draw_across(
        self, clients: pd.DataFrame, episodes: pd.DataFrame, population: np.ndarray, follow_up_days: int, seed: int
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """What crosses providers and places, part by part; the episodes know their providers already."""
        if self.referrals and self.providers:
            yield "referrals", self.referrals.draw(episodes, clients, self.providers, seed)
        if self.costs:
            for rows in self.costs.draw(episodes, clients, follow_up_days, seed):
                yield "costs", rows
        if self.residence:
            yield "residence", self.residence.draw(episodes, clients, population, follow_up_days, seed)

    def expected_optional(
        self, shares: dict[str, np.ndarray], second: float, cost_mean: dict[Option, float]
    ) -> dict[str, Any]:
        """What is true of each part, by table and id, standardised to each of several shares of the risk groups.

        `second` is the chance of a second episode, `cost_mean` what the episodes cost a client in all.
        """
        told: dict[str, Any] = {}
        for table, name, truth in self._parts():
            expected = {of: truth.expected(share) for of, share in shares.items()}
            if name:
                told.setdefault(table, {})[name] = expected
            else:
                told[table] = expected
        if self.providers:
            told["providers"] = {of: self.providers.expected(share, second) for of, share in shares.items()}
        if self.referrals:
            told["referrals"] = {of: self.referrals.expected(each) for of, each in told["providers"].items()}
        if self.costs:
            told["costs"] = self.costs.expected(cost_mean)
        if self.residence:
            told["residence"] = self.residence.expected()
        return told

    def competing_risk(self, cause: str) -> np.ndarray:
        """Risk of a competing outcome within the follow-up, by option."""
        return by_option(self.competing[cause])
