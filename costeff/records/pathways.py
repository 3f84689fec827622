"""Pathways of one provider and of many, told apart before the outcome is counted.

A client can only meet many providers by staying long enough without the event. Had the
pathway been told from the whole follow-up, that time would have been counted as a merit
of many providers: immortal-time bias (https://doi.org/10.1093/aje/kwm324). So the
pathway is told from the first days, up to a landmark; those whose event or end of
follow-up came by then are left out; and time is counted from the landmark.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from costeff.draws import NEW, OPTIONS, USUAL
from costeff.errors import Problem, UsageError
from costeff.records.cells import HEADLINE, require
from costeff.records.coordination import provided_episodes
from costeff.records.declare import Column, one_of
from costeff.records.sources import Register
from costeff.records.typed import Stored
from costeff.spec import Label

if TYPE_CHECKING:
    import ibis.expr.types as ir

ONE, MANY = "one_provider", "many_providers"
PATHWAY = Column(
    name="pathway",
    type="text",
    label=Label(
        fi="Yksi vai useampi palveluntuottaja ensimmäisinä päivinä",
        sv="En eller flera tjänsteproducenter under de första dagarna",
        en="One provider or many in the first days",
    ),
    constraints=(one_of((ONE, MANY)),),
)

OPTION_HAD = Column(
    name="option_had",
    type="text",
    label=Label(
        fi="Palvelu, jota asiakas sai: tavanomainen vai uusi",
        sv="Den tjänst klienten fick: den vanliga eller den nya",
        en="The service the client had: the usual or the new one",
    ),
    constraints=(one_of(OPTIONS),),
)


def at_landmark(register: Register, outcome: str, days: int, as_option: bool = False) -> Register:
    """The clients still without the event at a landmark, with their pathway up to it.

    Parameters
    ----------
    outcome
        Id of the outcome to be studied; only its rows remain.
    days
        From the first day of the client's first episode to the landmark.
    as_option
        Whether the pathway takes the place of the option: one provider as `usual`, many as
        `new`. What compares options then compares pathways, and the option is the covariate `option_had`.

    Returns
    -------
    Register
        Its covariate `pathway` is `one_provider` or `many_providers`, by the episodes that began
        before the landmark; its `outcomes.time` runs from the landmark. Clients with an
        episode whose provider was not collected are left out. It lives as long as `register`.

    Raises
    ------
    DataError
        When the register breaks its declaration.
    UsageError
        For days that are not above 0, a register without providers, or an unknown outcome.
    """
    if isinstance(days, bool) or not isinstance(days, int) or days < 1:
        raise UsageError(HEADLINE, [Problem("days", "is not a number of whole days above 0", "give days such as 90")])
    require(register, "outcomes")
    pathways = _pathways(provided_episodes(register), days)
    outcomes = register.rows("outcomes")
    there = outcomes.filter((outcomes.outcome == outcome) & (outcomes.time > days)).semi_join(pathways, "client")
    if not int(register.run(there.aggregate(n=there.count()))["n"][0]):
        cure = "check the id of the outcome, or take an earlier landmark"
        rule = f"no client was followed beyond {days} days without the outcome {outcome!r}"
        raise UsageError(HEADLINE, [Problem("outcome", rule, cure)])
    made: dict[str, Any] = {name: register.rows(name).semi_join(there, "client") for name in register.stored}
    made["outcomes"] = there.mutate(time=there.time - days)
    made["clients"] = made["clients"].join(pathways, "client")
    if as_option:
        had = made["episodes"].group_by("client").aggregate(option_had=made["episodes"].option.min())
        made["clients"] = made["clients"].join(had, "client")
        made["episodes"] = _as_option(made["episodes"], pathways)
    landmarked = copy(register)
    landmarked.stored = {name: Stored(rows, {}, register.stored[name].hashed) for name, rows in made.items()}
    clients = register.tables["clients"].adding(PATHWAY)
    landmarked.tables = register.tables | {"clients": clients.adding(OPTION_HAD) if as_option else clients}
    return landmarked


def _pathways(episodes: ir.Table, days: int) -> ir.Table:
    """Client and pathway: by the providers of the episodes that began before the landmark."""
    import ibis

    first = episodes.group_by("client").aggregate(first=episodes.start.min())
    rows = episodes.select("client", "provider", "start").join(first, "client")
    early = rows.filter(rows.start.delta(rows["first"], unit="day") < days)
    counted = early.group_by("client").aggregate(providers=early.provider.nunique())
    return counted.select("client", pathway=ibis.ifelse(counted.providers > 1, MANY, ONE))


def _as_option(episodes: ir.Table, pathways: ir.Table) -> ir.Table:
    import ibis

    rows = episodes.drop("option").join(pathways, "client")
    return rows.mutate(option=ibis.ifelse(rows.pathway == MANY, NEW, USUAL)).drop("pathway")
