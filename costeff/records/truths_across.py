"""Truths of what crosses providers and places in a synthetic register: episodes, referrals, costs, residence.

`episodes` are rows in the order of clients and time, `clients` has group, option and place as positions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field, model_validator

from costeff.draws import OPTIONS, rng
from costeff.records.truth_values import (
    DAY,
    Option,
    Positive,
    ShareByOption,
    Some,
    SpreadByGroup,
    SpreadByOption,
    always,
    another,
    by_group,
    by_option,
    divided,
    named,
    starts,
    within,
)
from costeff.spec import Id, Payer, Share, Spec


def _sum_to_one(values: dict[Id, float]) -> dict[Id, float]:
    if abs(sum(values.values()) - 1) > 1e-9:
        raise ValueError("the shares must sum to 1")
    return values


Shares = Annotated[dict[Id, Some], AfterValidator(_sum_to_one)]
AtLeastADay = Annotated[float, Field(ge=1)]


class ProviderTruth(Spec):
    """Who gives the episodes, and how a client goes on to further ones.

    A client has one or two episodes, the second with the chance `second_episode_share`
    of the register, and a Poisson number of further ones with mean `further_episodes`
    of the group. The first is at a provider drawn by `shares`. Each later one stays
    with the first provider with the chance `stays` of the option, and is otherwise at a
    provider drawn by `shares` anew. From the end of one to the start of a further one
    are `gap_days`, and it lasts `episode_days`: geometric, from one day, with these
    means. What a client costs is divided among the episodes, not added to.

    `provider` is recorded in all episodes of a client or in none, `service` episode by
    episode; neither depends on anything.
    """

    shares: Annotated[Shares, Field(min_length=2)]
    services: Annotated[Shares, Field(min_length=1)]
    further_episodes: SpreadByGroup
    stays: ShareByOption
    gap_days: AtLeastADay
    episode_days: AtLeastADay
    provider_recorded: Some = 1.0
    service_recorded: Some = 1.0

    def draw(self, episodes: pd.DataFrame, clients: pd.DataFrame, seed: int) -> pd.DataFrame:
        """The episodes with the further ones among them, and `at`, the provider as a position.

        What was recorded of it is in provider and service, which may be empty.
        """
        generator = rng(seed, "synthetic", "providers")
        episodes = self._with_further(episodes, clients, generator)
        client, size = episodes["client"].to_numpy(), len(episodes)
        first = self.drawn("shares", len(clients), generator)[client]
        leaves = generator.random(size) >= by_option(self.stays)[clients["option"].to_numpy()[client]]
        leaves[starts(client)] = False
        at = np.where(leaves, self.drawn("shares", size, generator), first)
        service = self.drawn("services", size, generator)
        recorded = generator.random(len(clients)) < self.provider_recorded
        noted = generator.random(size) < self.service_recorded
        return episodes.assign(
            at=at.astype("int16"),
            provider=named(at, list(self.shares), recorded[client]),
            service=named(service, list(self.services), noted),
        )

    def drawn(self, what: Literal["shares", "services"], size: int, generator: np.random.Generator) -> np.ndarray:
        """Positions of providers or services, by their shares."""
        share = list((self.shares if what == "shares" else self.services).values())
        return generator.choice(len(share), size=size, p=share)

    def _with_further(
        self, episodes: pd.DataFrame, clients: pd.DataFrame, generator: np.random.Generator
    ) -> pd.DataFrame:
        many = generator.poisson(by_group(self.further_episodes)[clients["group"]])
        whose = np.repeat(np.arange(many.size), many)
        days = generator.geometric(1 / self.episode_days, whose.size)
        gap = generator.geometric(1 / self.gap_days, whose.size)
        last = np.append(starts(episodes["client"].to_numpy())[1:], len(episodes)) - 1  # of each client
        end = episodes["end"].to_numpy()[last[whose]] + within(gap + days, whose).astype(DAY)
        further = pd.DataFrame({"client": whose, "start": end - days.astype(DAY), "end": end, "cost": 0.0})
        shared = np.zeros(len(episodes), bool)
        shared[last[many > 0]] = True
        both = pd.concat([episodes.assign(shared=shared), further.assign(shared=True)]).astype({"client": "int32"})
        both = both.sort_values("client", kind="stable", ignore_index=True)
        shared, cost = both.pop("shared").to_numpy(), both.pop("cost").to_numpy().copy()
        cost[shared] = divided(cost[shared], both["client"].to_numpy()[shared], generator)
        return both.assign(cost=cost)

    def expected(self, share: np.ndarray, second: float) -> dict[str, Any]:
        """Means of a client under both options, standardised to shares of the risk groups.

        `second` is the chance of a second episode.
        """
        further = by_group(self.further_episodes)
        return {
            option: {
                name: float(share @ [self._of_client(mean, stays, second)[name] for mean in further])
                for name in ("episodes", "providers", "many_providers", "hand_offs")
            }
            for option, stays in zip(OPTIONS, by_option(self.stays), strict=True)
        }

    def _of_client(self, further: float, stays: float, second: float) -> dict[str, float]:
        p = np.array(list(self.shares.values()))
        anew = (1 - stays) * p

        def power(z: np.ndarray) -> np.ndarray:
            """The mean of z to the power of the number of later episodes."""
            mean: np.ndarray = (1 - second + second * z) * np.exp(-further * (1 - z))
            return mean

        later, any_later = second + further, 1 - float(power(np.zeros(())))
        after_first = (1 - stays) * (1 - p @ p)
        # Of two later episodes of one who began at f, each is at f with the chance stays + anew[f], at k with anew[k].
        same = stays**2 + 2 * stays * anew + anew @ anew
        return {
            "episodes": 1 + later,
            "providers": float(1 + (1 - p) @ (1 - power(1 - anew))),
            "many_providers": float(1 - p @ power(stays + anew)),
            "hand_offs": float(any_later * after_first + (later - any_later) * (1 - p @ same)),
        }


class ReferralTruth(Spec):
    """Referrals between providers.

    A share `referred` of the hand-offs, an episode at one provider followed by one at another,
    comes from an accepted referral, made on the day the first of the two ended. Besides,
    a client has a Poisson number, with mean `refused`, of referrals that were not accepted:
    from the first provider to another drawn by `providers`, during the first episode.
    """

    referred: Some
    refused: SpreadByOption

    def draw(self, episodes: pd.DataFrame, clients: pd.DataFrame, truth: ProviderTruth, seed: int) -> pd.DataFrame:
        generator = rng(seed, "synthetic", "referrals")
        client, at = episodes["client"].to_numpy(), episodes["at"].to_numpy()
        hand_off = np.flatnonzero((client[1:] == client[:-1]) & (at[1:] != at[:-1]))
        before = hand_off[generator.random(hand_off.size) < self.referred]
        refused = np.repeat(starts(client), generator.poisson(by_option(self.refused)[clients["option"]]))
        start, end = (episodes[name].to_numpy()[refused] for name in ("start", "end"))
        part = np.floor((end - start).astype(DAY).astype(float) * generator.random(refused.size)).astype(int)
        weights = np.array(list(truth.shares.values()))
        to = np.append(at[before + 1], another(weights, at[refused], generator))
        asked = np.append(
            episodes["service"].cat.codes.to_numpy()[before + 1], truth.drawn("services", refused.size, generator)
        )
        rows = np.append(before, refused)
        referrals = pd.DataFrame(
            {
                "client": client[rows],
                "date": np.append(episodes["end"].to_numpy()[before], start + part.astype(DAY)),
                "from_provider": named(at[rows], list(truth.shares)),
                "to_provider": named(to, list(truth.shares)),
                "service": named(asked, list(truth.services)),
                "accepted": np.arange(rows.size) < before.size,
            }
        )
        return referrals.sort_values(["client", "date"], kind="stable", ignore_index=True)

    def expected(self, of_clients: dict[str, dict[str, float]]) -> dict[str, Any]:
        """Referrals per client under both options, out of what `ProviderTruth.expected` says of clients."""
        refused = zip(OPTIONS, by_option(self.refused), strict=True)
        return {
            option: {"accepted": self.referred * of_clients[option]["hand_offs"], "refused": float(mean)}
            for option, mean in refused
        }


class CostKind(Spec):
    """A Poisson number of costs of one kind within the follow-up, each gamma distributed and told in whole cents."""

    payer: Payer
    provider: Id | None = None
    number: SpreadByOption
    mean: Positive
    cv: Positive


class CostsTruth(Spec):
    """All costs of a client: those of the episodes as `episode_kind` at `episode_payer`, and others by kind."""

    episode_kind: Id
    episode_payer: Payer
    others: dict[Id, CostKind] = Field(default={})

    @model_validator(mode="after")
    def _kinds_differ(self) -> Self:
        if self.episode_kind in self.others:
            raise ValueError("others must name other kinds than episode_kind")
        return self

    def draw(
        self, episodes: pd.DataFrame, clients: pd.DataFrame, follow_up_days: int, seed: int
    ) -> Iterator[pd.DataFrame]:
        """Kind by kind: those of the episodes first, on the day they began."""
        own = episodes.rename(columns={"start": "date"})
        yield self._rows(own, self.episode_kind, self.episode_payer, own.get("provider"))
        first = episodes["start"].to_numpy()[starts(episodes["client"].to_numpy())]
        for name, kind in sorted(self.others.items()):
            generator = rng(seed, "synthetic", "costs", name)
            many = generator.poisson(by_option(kind.number)[clients["option"]])
            whose, shape = np.repeat(np.arange(many.size, dtype="int32"), many), kind.cv**-2
            days = generator.integers(0, follow_up_days, whose.size).astype(DAY)
            euros = np.round(generator.gamma(shape, kind.mean / shape, whose.size), 2)
            rows = pd.DataFrame({"client": whose, "date": first[whose] + days, "cost": euros})
            provider = always(kind.provider, whose.size) if kind.provider else None
            yield self._rows(rows, name, kind.payer, provider)

    @staticmethod
    def _rows(rows: pd.DataFrame, kind: str, payer: str, provider: pd.Categorical | pd.Series | None) -> pd.DataFrame:
        size = len(rows)
        if provider is None:
            provider = named(np.full(size, -1), [])
        same = {"kind": always(kind, size), "payer": always(payer, size), "provider": provider}
        return rows[["client", "date", "cost"]].assign(**same)

    def expected(self, episodes: dict[Option, float]) -> dict[str, Any]:
        """Euros per client by payer, and each payer's share, under both options; the episodes' mean cost is given."""
        told: dict[str, Any] = {}
        for i, option in enumerate(OPTIONS):
            by_payer = {self.episode_payer: float(by_option(episodes)[i])}
            for kind in self.others.values():
                by_payer.setdefault(kind.payer, 0.0)
                by_payer[kind.payer] += float(by_option(kind.number)[i]) * kind.mean
            whole = sum(by_payer.values())
            shares = {payer: euros / whole for payer, euros in by_payer.items()}
            told[option] = {"mean_by_payer": by_payer, "share_by_payer": shares}
        return told


class ResidenceTruth(Spec):
    """Where clients live: since up to `days_before` before their first episode, and a share moves in the follow-up.

    The move is to another municipality, drawn by population, on any day of the
    follow-up alike. `recorded` of the clients have their residence in the register.
    Neither depends on anything.
    """

    share_moved: Share
    days_before: Annotated[int, Field(ge=1)] = 3650
    recorded: Some = 1.0

    def draw(
        self, episodes: pd.DataFrame, clients: pd.DataFrame, population: np.ndarray, follow_up_days: int, seed: int
    ) -> pd.DataFrame:
        """Periods with their place; the last one has no end."""
        generator, size = rng(seed, "synthetic", "residence"), len(clients)
        service = episodes["start"].to_numpy()[starts(episodes["client"].to_numpy())]
        since = service - generator.integers(0, self.days_before + 1, size).astype(DAY)
        moves = generator.random(size) < self.share_moved
        moved = service + generator.integers(1, follow_up_days + 1, size).astype(DAY)
        recorded = generator.random(size) < self.recorded
        place, never = clients["place"].to_numpy(), np.datetime64("NaT", "s")
        first = pd.DataFrame({"client": np.arange(size, dtype="int32"), "place": place, "start": since})
        first["end"] = np.where(moves, moved - np.timedelta64(1, "D"), never)
        to = another(population, place[moves], generator)
        then = first[moves].assign(place=to, start=moved[moves], end=never)
        periods = pd.concat([first, then])
        return periods[recorded[periods["client"]]].sort_values("client", kind="stable", ignore_index=True)

    def expected(self) -> dict[str, Any]:
        return {"share_moved": self.share_moved, "recorded": self.recorded}
