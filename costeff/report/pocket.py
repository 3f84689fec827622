"""Of whose money a county's page tells: its own, the state's and others'."""

from __future__ import annotations

from markupsafe import Markup

from costeff.report import estimates
from costeff.report.chapter import Chapter
from costeff.report.estimates import Estimate
from costeff.report.markup import bullets, join, paragraph
from costeff.report.words import inline

OWN, STATE = "county", "state"


def own_pocket(chapter: Chapter) -> Markup:
    """The county's own net saving, then that of the state and of all others."""
    words = chapter.words
    payers = [str(payer) for payer in chapter.main.data["payer"].values]
    others = [payer for payer in payers if payer not in (OWN, STATE)]
    lines = [
        (words.say("Own money ({payer})", payer=chapter.payer(OWN)), [OWN]),
        (words.say("The state's money"), [STATE]),
        (words.say("Others' money ({payers})", payers=words.listed(chapter.payer(one) for one in others)), others),
    ]
    told = [f"{name}: {_net(chapter, some)}" for name, some in lines if some and set(some) <= set(payers)]
    if OWN not in payers:
        told = [words.say("Own money: none. Others pay for this service and for what it avoids."), *told]
    return join(paragraph(words.say("What is the county's own money, and what is that of others:")), bullets(told))


def own_net_saving(chapter: Chapter) -> Estimate | None:
    """A county's own net saving; None of a municipality, and where the county pays nothing of its own."""
    if not chapter.of_county or OWN not in chapter.main.data["payer"].values:
        return None
    return Estimate.of(estimates.net_draws(chapter.main, payer=OWN), chapter.main.mass)


def _net(chapter: Chapter, payers: list[str]) -> str:
    words = chapter.words
    draws = sum(estimates.net_draws(chapter.main, payer=payer) for payer in payers)
    net = Estimate.of(draws, chapter.main.mass)  # type: ignore[arg-type]  # at least one payer
    if net.even:
        return f"{inline(words.say('saves about as much as it costs'))} ({chapter.saving(net)})"
    name = words.say("net saving {net}") if net.mean > 0 else words.say("net cost {net}")
    return f"{name.format(net=chapter.amount(net))} ({chapter.saving(net)})"
