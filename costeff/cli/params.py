"""`costeff params`: the sourced numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from costeff.params import Catalogue
    from costeff.params.fetched import Fetched
    from costeff.params.sotkanet import Client

app = typer.Typer(no_args_is_help=True, help="The sourced numbers in params/.")


@app.command("check")
def check(folder: Annotated[Path | None, typer.Argument(help="Another params/ folder.")] = None) -> None:
    """Read everything in params/ and tell every problem at once."""
    from costeff.appraisal import check_chains
    from costeff.errors import ParamsError
    from costeff.params import Catalogue

    catalogue = Catalogue.load(folder)
    check_chains(catalogue).raise_if_any(ParamsError, "The chains do not hold together")
    kinds = ("unit_costs", "price_sets", "chains", "contracts", "budgets", "municipalities", "sources")
    print(", ".join(_counted(kind, len(getattr(catalogue, kind))) for kind in kinds) + ": no problems.")


def _counted(kind: str, number: int) -> str:
    words = kind.replace("_", " ")
    return f"{number} {words.removesuffix('s') if number == 1 else words}"


@app.command("show")
def show(key: Annotated[str, typer.Argument(metavar="ID", help="Without an id: list every id.")] = "") -> None:
    """Show an entry with its values, uncertainty and sources."""
    from rich.console import Console

    from costeff.agreement import Budget, Contract
    from costeff.params import Catalogue
    from costeff.params.show import entry_plain, facts, values

    catalogue, console = Catalogue.load(), Console()
    if not key:
        for name in catalogue.ids():
            print(name)
        return
    card = catalogue.card(key)
    for group, entry in card.entries:
        console.print(f"[bold]{key}[/bold]  ({group})")
        if isinstance(entry, Contract | Budget):
            _, _, told = entry_plain(entry).partition("\n")  # its id stands above
            console.print(told, highlight=False, markup=False, soft_wrap=True)
            continue
        for name, text in entry_facts(entry, facts):
            console.print(f"  [dim]{name}:[/dim] {text}", highlight=False)
        if rows := values(entry):
            console.print(_table(rows))
            for row in rows:
                if row["note"]:
                    console.print(f"  [dim]{row['value']}:[/dim] {row['note']}", highlight=False)
    for source, reference in card.sources():
        console.print(f"[dim]source {source}:[/dim] {reference}", highlight=False, soft_wrap=True)


def _table(rows: Sequence[Mapping[str, str]]) -> Table:
    """Values of an entry; sources are broken on a narrow terminal and never cut, since they are typed again."""
    from rich.table import Table

    table = Table(show_edge=False, pad_edge=False)
    for name in rows[0]:
        if name != "note":
            justify: Literal["left", "right"] = "right" if name == "mean" else "left"
            table.add_column(name, overflow="fold", no_wrap=name == "value", justify=justify)
    for row in rows:
        table.add_row(*[text for name, text in row.items() if name != "note"])
    return table


def entry_facts(entry: Any, facts: Any) -> list[tuple[str, str]]:
    """The plain fields of an entry; of a chain its four stages; of what came from outside, where it is from."""
    if hasattr(entry, "told"):
        return entry.told()  # type: ignore[no-any-return]
    if hasattr(entry, "stages"):
        return [(row["stage"], f"{row['what']} ({row['indicator']}, {row['kind']})") for row in entry.table()]
    return facts(entry)  # type: ignore[no-any-return]


# --- fetching from Sotkanet -------------------------------------------------------------------


@app.command("fetch")
def fetch(
    indicator: Annotated[
        list[str] | None, typer.Argument(help="Numbers of indicators; those of params/sotkanet.yaml when not given.")
    ] = None,
    year: Annotated[list[int] | None, typer.Option(min=1900, max=2200, help="A year; repeat for more.")] = None,
    years: Annotated[str, typer.Option(metavar="FROM-TO", help="All years of a range, such as 2018-2023.")] = "",
    gender: Annotated[list[str] | None, typer.Option(help="total, male or female; repeat for more.")] = None,
    base_url: Annotated[str, typer.Option(help="Another address of the interface.")] = "",
    contact: Annotated[str, typer.Option(help="Whom the service may write to; told with each request.")] = "",
    interval: Annotated[
        float | None, typer.Option(min=0.05, max=60, help="Least seconds between two requests.")
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask again for what is kept from before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be asked, and ask nothing.")] = False,
) -> None:
    """Fetch indicators of THL's Sotkanet into params/fetched/. Nothing else ever asks the network."""
    from costeff.errors import ParamsError, Problem
    from costeff.files import make_folder
    from costeff.params import Catalogue
    from costeff.params.fetched import write_fetched
    from costeff.params.fetching import Places, gather
    from costeff.params.filled import refused
    from costeff.params.sotkanet import Client
    from costeff.spec import project_root

    catalogue = Catalogue.load()
    mapping = catalogue.sotkanet
    if mapping is None:
        problem = Problem("params/sotkanet.yaml", "is not there", "restore it: it says what fills what")
        raise ParamsError("Sotkanet cannot be asked", [problem])
    chosen = _indicators(indicator or list(mapping.indicators), catalogue)
    asked, genders = _years(year or [], years) or mapping.years, _genders(gender or [])
    client = Client(
        base_url=base_url or mapping.base_url,
        cache=project_root() / ".cache" / "costeff" / "sotkanet",
        contact=contact,
        interval=interval or mapping.interval_seconds,
        refresh=refresh,
    )
    _plan(client, chosen, asked, genders, catalogue)
    if dry_run:
        print("Nothing was asked.")
        return
    folder = catalogue.folder / "fetched"
    _writable(folder, make_folder)
    places = Places(frozenset(catalogue.municipalities), mapping.counties)
    with _progress(len(chosen)) as tell:
        found = gather(client, chosen, asked, genders, places, tell)
    refused(mapping, [one for one, _ in found]).raise_if_any(ParamsError, "What was fetched cannot be used")
    for one, notes in found:
        path = write_fetched(folder, one)
        _told(one, notes, path, catalogue)
    print(f"{_times(client.asked, 'request')} made. `costeff params show ID` tells what a number is made of now.")


def _indicators(given: Sequence[str], catalogue: Catalogue) -> list[str]:
    from costeff.errors import Problems, UsageError

    fills = catalogue.sotkanet.indicators if catalogue.sotkanet else {}
    number_of = {name: key for key, fill in fills.items() for name in (fill.need, fill.volume) if name}
    problems = Problems()
    for key in given:
        if not (key.isascii() and key.isdecimal() and len(key) < 8 and not key.startswith("0")):
            cure = f"write {number_of[key]}, which fills it" if key in number_of else "write a number, such as 191"
            problems.add(f"indicator {key}", "is not the number of an indicator", cure)
    problems.raise_if_any(UsageError, "Unknown indicators")
    return list(dict.fromkeys(given))


def _years(single: Sequence[int], span: str) -> tuple[int, ...]:
    from costeff.errors import Problem, UsageError

    first, _, last = span.partition("-")
    if span and not (len(first) == len(last) == 4 and (first + last).isdecimal() and 1900 <= int(first) <= int(last)):
        raise UsageError("Unknown years", [Problem(f"--years {span}", "is not a range", "write it as 2018-2023")])
    ranged = range(int(first), int(last) + 1) if span else ()
    found = tuple(sorted({*single, *ranged}))
    if len(found) > 40:
        problem = Problem(f"--years {span}", f"are {len(found)} years", "ask for 40 at most, in several goes")
        raise UsageError("Too many years", [problem])
    return found


def _genders(given: Sequence[str]) -> tuple[Any, ...]:
    from typing import get_args

    from costeff.errors import Problems, UsageError
    from costeff.params.fetched import Gender

    problems = Problems()
    for gender in given:
        if gender not in get_args(Gender):
            problems.add(f"--gender {gender}", "is unknown", f"use {', '.join(get_args(Gender))}")
    problems.raise_if_any(UsageError, "Unknown gender")
    return tuple(dict.fromkeys(given)) or ("total",)


def _plan(
    client: Client, indicators: Sequence[str], years: Sequence[int], genders: Sequence[str], catalogue: Catalogue
) -> None:
    """Tell what is about to be asked of whom, and what of it is kept from before."""
    fills = catalogue.sotkanet.indicators if catalogue.sotkanet else {}
    print(f"Sotkanet at {client.base_url}, asked as {client.name}, at least {client.interval:g} s between requests.")
    for key in indicators:
        what = fills[key].told() if key in fills else "nothing in params/ yet, see params/sotkanet.yaml"
        print(f"{key}: {', '.join(map(str, years))}; {', '.join(genders)}. Fills {what}.")
    urls = [client.url("regions")]
    for key in indicators:
        urls += [client.url(f"indicators/{key}"), client.data_url(key, years, genders)]
    for url in urls:
        kept = client.kept_since(url)
        print(f"  {f'kept since {kept}' if kept else 'to be asked'}: {url}")


def _writable(folder: Path, make_folder: Callable[[Path], None]) -> None:
    """Whether what is fetched can be kept, before anything is asked."""
    from tempfile import TemporaryFile

    from costeff.errors import Problem, SetupError

    try:
        make_folder(folder)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        problem = Problem(str(folder), f"cannot be written ({error.strerror})", "make it writable for yourself")
        raise SetupError("What is fetched could not be kept; nothing was asked", [problem]) from error


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int, str], None]]:
    """A bar on a terminal; silent elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("[bold]Sotkanet"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, what: bar.update(task, completed=done, description=what)


def _told(one: Fetched, notes: Sequence[str], path: Path, before: Catalogue) -> None:
    """What came of one indicator: its provider and terms, what it fills, and what was left out."""
    about = one.about
    print(f"{one.indicator}: {about.title}")
    print(
        f"  {about.rows} rows in {path.parent.name}/{path.name}; {about.missing} values of municipalities are missing"
    )
    print(f"  {about.provider}; {about.terms()}; data updated {about.data_updated or 'on a day not told'}")
    for note in notes:
        print(f"  {note}")
    fill = before.sotkanet.indicators.get(one.indicator) if before.sotkanet else None
    for line in fill.compared(one, before.national_volumes) if fill else ():
        print(f"  {line}")


def _times(number: int, what: str) -> str:
    return f"1 {what}" if number == 1 else f"{number} {what}s"
