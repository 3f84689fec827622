"""`costeff chain`: a service of one's own, from an empty file to one that can be appraised."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costeff.cli.data import chosen_language
from costeff.spec import Label, Language

if TYPE_CHECKING:
    from costeff.chain import ImpactChain
    from costeff.params import Catalogue

app = typer.Typer(no_args_is_help=True, help="Impact chains: add a service of your own.")

COSTS = ("price", "register")
WHICH_MODEL = Label(
    fi="Mikä kustannus palvelulla vältetään? (tyhjä: päätä myöhemmin)",
    sv="Vilken kostnad undviks med tjänsten? (tomt: bestäm senare)",
    en="Which cost does the service avoid? (empty: decide later)",
)
WHICH_COST = Label(
    fi="Onko palvelulla hinta (price), vai kertooko rekisteri kunkin asiakkaan kustannuksen (register)?",
    sv="Har tjänsten ett pris (price), eller berättar registret varje klients kostnad (register)?",
    en="Has the service a price (price), or does the register tell the cost of each client (register)?",
)
WRITTEN = Label(
    fi='Tiedosto {file} on kirjoitettu. Täytä jokainen "?" ja tarkista: costeff chain check {file} --lang fi',
    sv='Filen {file} är skriven. Fyll i varje "?" och kontrollera: costeff chain check {file} --lang sv',
    en='{file} was written. Fill in every "?", then run: costeff chain check {file}',
)
FAULTY = Label(
    fi="{what}: ketjua ei voi vielä laskea, puutteita {count}",
    sv="{what}: kedjan kan inte räknas ännu, brister {count}",
    en="{what}: the chain cannot be appraised yet, problems {count}",
)
FINE = Label(fi="{what}: ketju on kunnossa.", sv="{what}: kedjan är i ordning.", en="{what}: the chain holds together.")
PRICED = Label(fi="Hinnat: {sets}.", sv="Priser: {sets}.", en="Prices: {sets}.")
READS = Label(
    fi="Rekisteristä luetaan: taulu outcomes, outcome {outcome}, seuranta {days} päivää{cost}.",
    sv="Ur registret läses: tabellen outcomes, outcome {outcome}, uppföljning {days} dagar{cost}.",
    en="Read from the register: table outcomes, outcome {outcome}, follow-up {days} days{cost}.",
)
AND_COSTS = Label(fi="; taulun episodes sarake cost", sv="; kolumnen cost i tabellen episodes",
                  en="; column cost of the table episodes")  # fmt: skip
NEXT = Label(
    fi="Seuraavaksi: siirrä tiedosto kansioon params/own/ ja aja: costeff run -m 165 --chain {id} --register KANSIO",
    sv="Sedan: flytta filen till mappen params/own/ och kör: costeff run -m 165 --chain {id} --register MAPP",
    en="Next: move the file to the folder params/own/ and run: costeff run -m 165 --chain {id} --register FOLDER",
)
Lang = Annotated[str, typer.Option("--lang", help="fi, sv or en.")]


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(metavar="ID", help="Of the chain: small letters and underscores.")],
    model: Annotated[str | None, typer.Option(help="The model of the avoided cost, such as taking_into_care.")] = None,
    cost: Annotated[
        str | None,
        typer.Option(metavar="price|register", help="Has it a price, or does the register tell?"),
    ] = None,
    language: Lang = "en",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write; ID.yaml if not given.")] = None,
) -> None:
    """Write an empty chain to fill in, with everything it needs. A file that exists is never overwritten."""
    from costeff.appraisal.own import STATES, own_chain
    from costeff.params import Catalogue

    spoken = chosen_language(language)
    model = _asked(model, WHICH_MODEL[spoken], tuple(STATES))
    cost = _one_of(_asked(cost, WHICH_COST[spoken], COSTS))
    text = own_chain(name, Catalogue.load(), spoken, model=model, cost=cost)
    file = output or Path(f"{name}.yaml")
    _write_new(file, text)
    print(WRITTEN[spoken].format(file=file))


@app.command("check")
def check(
    what: Annotated[str, typer.Argument(metavar="FILE|ID", help="A file of your own, or the id of a chain.")],
    language: Lang = "en",
) -> None:
    """Tell everything that keeps a chain from being appraised: what is missing, where, and what to write."""
    from costeff.appraisal.own import chains_of, check_own
    from costeff.errors import ParamsError
    from costeff.params import Catalogue

    spoken = chosen_language(language)
    file = Path(what)
    if file.suffix != ".yaml" and not file.is_file():
        _of_the_catalogue(what, spoken)
        return
    problems = check_own(file, spoken)
    if problems:
        raise ParamsError(FAULTY[spoken].format(what=file.name, count=len(problems)), problems)
    catalogue = Catalogue.load(own=[file])
    for name in chains_of(file):
        _tell(catalogue.chains[name], catalogue, spoken)
        if file.resolve().parent != catalogue.folder / "own":
            print(NEXT[spoken].format(id=name))


def _of_the_catalogue(name: str, language: Language) -> None:
    """A chain that params/ has already."""
    from costeff.appraisal import check_chains
    from costeff.errors import ParamsError
    from costeff.params import Catalogue
    from costeff.params.own_guide import explained

    catalogue = Catalogue.load()
    chain = catalogue.entry("chains", name)
    problems = explained(check_chains(catalogue), language)
    if problems:
        raise ParamsError(FAULTY[language].format(what=name, count=len(problems)), problems)
    _tell(chain, catalogue, language)


def _tell(chain: ImpactChain, catalogue: Catalogue, language: Language) -> None:
    """What holds together: the stages, the prices, and what a register has to have."""
    from costeff.appraisal import price_sets_for

    print(FINE[language].format(what=chain.id))
    for row in chain.table(language):
        print(f"  {row['stage']}: {row['what']} ({row['indicator']}; {row['kind']})")
    sets = (f"{name} ({catalogue.price_sets[name].label[language]})" for name in price_sets_for(chain, catalogue))
    print(PRICED[language].format(sets=", ".join(sets)))
    if chain.outcome.data == "register":
        costs = AND_COSTS[language] if chain.input.cost == "register" else ""
        days = chain.outcome.follow_up_days
        print(READS[language].format(outcome=chain.outcome.outcome, days=days, cost=costs))


def _asked(given: str | None, question: str, choices: Sequence[str]) -> str | None:
    """An option as it was given; where nobody gave it and somebody sits at the terminal, their answer."""
    if given is not None or not sys.stdin.isatty():
        return given
    print(question)
    for number, choice in enumerate(choices, 1):
        print(f"  {number}. {choice}")
    answer: str = typer.prompt(">", default="", show_default=False)
    return choices[int(answer) - 1] if answer.isdecimal() and 1 <= int(answer) <= len(choices) else answer or None


def _one_of(cost: str | None) -> str | None:
    from costeff.errors import Problem, UsageError

    if cost not in (None, *COSTS):
        raise UsageError("Unknown kind of cost", [Problem("--cost", "is unknown", f"use {' or '.join(COSTS)}")])
    return cost


def _write_new(file: Path, text: str) -> None:
    """Write a file that does not exist yet, whole or not at all."""
    from costeff.errors import Problem, SetupError
    from costeff.files import write_text

    if file.exists() or file.is_symlink():
        problem = Problem(str(file), "exists already, and is never overwritten", "choose another name with --output")
        raise SetupError("The template was not written", [problem])
    write_text(file, text)
