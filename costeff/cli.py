"""The command line: thin, with errors as readable blocks and exit codes fixed by kind."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from costeff import __version__
from costeff.errors import CosteffError, ExitCode, PartialError, Problem

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", help="What a service changes, costs and saves."
)
params_app = typer.Typer(no_args_is_help=True, help="The sourced numbers in params/.")
data_app = typer.Typer(no_args_is_help=True, help="Registers of clients.")
app.add_typer(params_app, name="params")
app.add_typer(data_app, name="data")


def main() -> None:
    """Run the command line and leave with the exit code of what happened."""
    _same_order_everywhere()
    _keep_inside_the_project()
    try:
        app(prog_name="costeff")  # leaves by itself, with 2 for a wrong option
    except CosteffError as error:
        print(str(error), file=sys.stderr)
        sys.exit(int(error.code))
    except BrokenPipeError:  # the reader of our output has left
        sys.stderr.close()


def _same_order_everywhere() -> None:
    """Start again with a fixed hash seed: the order of Python's sets moves the last digit of a posterior."""
    if "PYTHONHASHSEED" not in os.environ:
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "costeff.cli", *sys.argv[1:]])


def _keep_inside_the_project() -> None:
    """Caches of the libraries go to .cache/ of the project, and not to the home folder."""
    from costeff.spec import project_root

    try:
        cache = project_root() / ".cache"
    except CosteffError:
        return
    for name, folder in {
        "MPLCONFIGDIR": "matplotlib",
        "NUMBA_CACHE_DIR": "numba",
        "IPYTHONDIR": "ipython",
        "JUPYTER_RUNTIME_DIR": "jupyter",
        "JUPYTER_DATA_DIR": "jupyter/data",
        "JUPYTER_CONFIG_DIR": "jupyter/config",
        "XDG_CACHE_HOME": "xdg",
    }.items():
        os.environ.setdefault(name, str(cache / folder))
    os.environ.setdefault("PYTENSOR_FLAGS", f"base_compiledir={cache / 'pytensor'}")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version and leave.")] = False) -> None:
    if version:
        print(f"costeff {__version__}")
        raise typer.Exit


# --- params -------------------------------------------------------------------------------------


@params_app.command("check")
def params_check(folder: Annotated[Path | None, typer.Argument(help="Another params/ folder.")] = None) -> None:
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


@params_app.command("show")
def params_show(key: Annotated[str, typer.Argument(metavar="ID", help="Without an id: list every id.")] = "") -> None:
    """Show an entry with its values, uncertainty and sources."""
    from rich.console import Console
    from rich.table import Table

    from costeff.params import Catalogue
    from costeff.params.show import facts, values

    catalogue, console = Catalogue.load(), Console()
    if not key:
        for name in catalogue.ids():
            print(name)
        return
    card = catalogue.card(key)
    for group, entry in card.entries:
        console.print(f"[bold]{key}[/bold]  ({group})")
        for name, text in entry_facts(entry, facts):
            console.print(f"  [dim]{name}:[/dim] {text}", highlight=False)
        rows = values(entry)
        if rows:
            table = Table(*[name for name in rows[0] if name != "note"], show_edge=False, pad_edge=False)
            for row in rows:
                table.add_row(*[text for name, text in row.items() if name != "note"])
            console.print(table)
            for row in rows:
                if row["note"]:
                    console.print(f"  [dim]{row['value']}:[/dim] {row['note']}", highlight=False)
    for source, reference in card.sources():
        console.print(f"[dim]source {source}:[/dim] {reference}", highlight=False, soft_wrap=True)


def entry_facts(entry: Any, facts: Any) -> list[tuple[str, str]]:
    """The plain fields of an entry; of a chain its four stages."""
    if hasattr(entry, "stages"):
        return [(row["stage"], f"{row['what']} ({row['indicator']}, {row['kind']})") for row in entry.table()]
    return facts(entry)  # type: ignore[no-any-return]


# --- data ---------------------------------------------------------------------------------------


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(help="Folder to write, which must not exist yet.")],
    seed: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Another seed gives other clients.")] = 2026,
) -> None:
    """Write the synthetic register of intensive family work as Parquet, with its truth."""
    from costeff.batch.country import SCENARIO, synthetic_places
    from costeff.params import Catalogue
    from costeff.records import write_register

    catalogue = Catalogue.load()
    written = write_register(folder, synthetic_places(catalogue), catalogue.scenarios[SCENARIO].truth, seed)
    print(f"Synthetic register written to {written}. It describes no real client.")


@data_app.command("check")
def data_check(
    source: Annotated[
        Path, typer.Argument(help="Folder of clients, episodes, outcomes and what else was measured (CSV or Parquet).")
    ],
) -> None:
    """Validate a register: every problem at once, by table, row, column and rule, never a value."""
    from costeff.batch.country import open_checked
    from costeff.params import Catalogue

    with open_checked(source, Catalogue.load()) as register:
        kind = "synthetic" if register.synthetic else "real"
        print(f"{source}: the register holds together ({kind} data).")


@data_app.command("describe")
def data_describe(language: Annotated[str, typer.Option("--lang", help="fi, sv or en.")] = "en") -> None:
    """Show the tables and columns a register has."""
    from rich.console import Console
    from rich.table import Table

    from costeff.errors import UsageError
    from costeff.records import describe_tables
    from costeff.spec import LANGUAGES

    if language not in LANGUAGES:
        raise UsageError("Unknown language", [Problem(language, "is not one of the languages", "use fi, sv or en")])
    described = describe_tables(language)
    table = Table(*map(str, described.columns), show_edge=False)
    for row in described.itertuples(index=False):
        table.add_row(*map(str, row))
    Console().print(table)


# --- run ----------------------------------------------------------------------------------------


@app.command()
def run(
    municipality: Annotated[
        list[str] | None, typer.Option("--municipality", "-m", help="Three digits; repeat for more.")
    ] = None,
    county: Annotated[list[str] | None, typer.Option("--county", help="Two digits: all its municipalities.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All 308 municipalities.")] = False,
    lang: Annotated[list[str] | None, typer.Option("--lang", help="fi, sv or en; repeat for more.")] = None,
    chain: Annotated[list[str] | None, typer.Option("--chain", help="A chain by id; all when not given.")] = None,
    register: Annotated[
        Path | None, typer.Option("--register", help="Your own register; else the synthetic one.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")] = Path("runs/latest"),
    seed: Annotated[int | None, typer.Option(help="Seed of every draw.")] = None,
    draws: Annotated[int | None, typer.Option(help="Draws of an appraisal.")] = None,
    clients: Annotated[int | None, typer.Option(help="For how many clients money is told.")] = None,
    horizon: Annotated[int | None, typer.Option(help="Years; each chain's own when not given.")] = None,
    price_set: Annotated[
        list[str] | None, typer.Option("--price-set", help="Only these price sets; repeat for more.")
    ] = None,
    price_year: Annotated[int | None, typer.Option(help="Tell prices in the money of this year.")] = None,
    link: Annotated[
        list[str] | None,
        typer.Option(
            "--link", metavar="ID", help="Count also this later cost (see params/links.yaml); repeat for more."
        ),
    ] = None,
    effect: Annotated[
        str | None,
        typer.Option(
            metavar="stops|wanes|lasts", help="The effect after the follow-up; each chain's own when not given."
        ),
    ] = None,
    evidence: Annotated[
        str | None,
        typer.Option(
            metavar="discounted|published|none",
            help="Published effects as the prior of the estimate: discounted for weak designs (the default), as "
            "published, or none, so that the data speak alone.",
        ),
    ] = None,
    claw_back: Annotated[
        bool, typer.Option(help="Whether the later correction of a county's funding takes part of its saving.")
    ] = False,
    whole_units: Annotated[
        bool, typer.Option(help="Whether what does not stop at once stops only when a whole unit closes.")
    ] = False,
    workers: Annotated[int, typer.Option(help="Notebooks run side by side.")] = 2,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value for the template.")
    ] = None,
) -> None:
    """Make the reports of some or all municipalities."""
    from costeff.batch import resolve
    from costeff.batch import run as run_batch
    from costeff.batch.request import split_parameter
    from costeff.params import Catalogue

    catalogue = Catalogue.load()
    request = resolve(
        catalogue,
        municipalities=municipality or (),
        counties=county or (),
        everyone=everyone,
        chains=chain or (),
        languages=lang or (),
        output=output,
        register_path=register,
        seed=seed,
        draws=draws,
        clients=clients,
        horizon_years=horizon,
        price_year=price_year,
        price_sets=price_set or (),
        links=link or (),
        persistence=effect,
        evidence=evidence,
        claw_back=claw_back,
        whole_units=whole_units,
        workers=workers,
        parameters=dict(split_parameter(text) for text in parameter or ()),
    )
    try:
        with _progress() as tell:
            outcome = run_batch(catalogue, request, tell)
    except KeyboardInterrupt:
        problem = Problem(str(output), "finished pages stay", "run the same command again")
        raise PartialError("Stopped before the end", [problem]) from None
    raise typer.Exit(_told(outcome))


class _progress:  # noqa: N801  (used as a statement)
    """One bar a stage, on a terminal; silent elsewhere."""

    def __enter__(self) -> Any:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        console = Console(stderr=True)
        columns = ("[bold]{task.description:<11}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        note = TextColumn("[dim]{task.fields[note]}")
        self.bars = Progress(*columns, TimeRemainingColumn(), note, console=console, disable=not console.is_terminal)
        self.tasks: dict[str, Any] = {}
        self.bars.start()
        return self.tell

    def tell(self, stage: str, done: int, total: int, note: str) -> None:
        if stage not in self.tasks:
            self.tasks[stage] = self.bars.add_task(stage, total=total, note="")
        self.bars.update(self.tasks[stage], completed=done, total=total, note=note)

    def __exit__(self, *_: object) -> None:
        self.bars.stop()


def _told(outcome: Any) -> int:
    stages = ", ".join(f"{stage} {seconds:.0f} s" for stage, seconds in outcome.seconds.items())
    made = "1 report" if outcome.pages == 1 else f"{outcome.pages} reports"
    print(f"{made} made ({stages}).")
    for chain, models in outcome.unfit.items():
        told = ", ".join(models)
        print(f"{chain}: {told} failed the diagnostics of models; its pages give no headline figure and say why.")
    print(f"Open {outcome.indexes[0]}")
    if outcome.failed:
        problems = [
            Problem(f"{d.job.municipality} {d.job.language}", d.error, "run this one again") for d in outcome.failed
        ]
        failed = "1 report" if len(problems) == 1 else f"{len(problems)} reports"
        raise PartialError(f"{failed} failed, the others are complete", problems)
    return int(ExitCode.MODEL if outcome.unfit else ExitCode.OK)


if __name__ == "__main__":
    main()
