"""`costeff run`: reports of municipalities, and `costeff synth`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from costeff.errors import ExitCode, PartialError, Problem


def run(
    municipality: Annotated[
        list[str] | None, typer.Option("--municipality", "-m", help="Three digits; repeat for more.")
    ] = None,
    county: Annotated[list[str] | None, typer.Option("--county", help="Two digits: all its municipalities.")] = None,
    everyone: Annotated[bool, typer.Option("--all", help="All 308 municipalities.")] = False,
    lang: Annotated[list[str] | None, typer.Option("--lang", help="fi, sv or en; repeat for more.")] = None,
    chain: Annotated[list[str] | None, typer.Option("--chain", help="A chain by id; all when not given.")] = None,
    register: Annotated[
        str | None,
        typer.Option("--register", help="Your own register: folder, file or database URL; else the synthetic one."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file with the register's own names and codes.")
    ] = None,
    profiles: Annotated[
        Path | None,
        typer.Option(help="Folder of profiles of counties: what they say enters the outcome models as covariates."),
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
    timeout: Annotated[int, typer.Option(help="Seconds that a cell of a notebook may take.")] = 300,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="tcp://HOST:PORT", help="Make the pages on this Dask scheduler."),
    ] = None,
    cluster: Annotated[
        Path | None, typer.Option(help="Make the pages on a Dask cluster that this YAML file describes.")
    ] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be made, and why.")] = False,
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value for the template.")
    ] = None,
) -> None:
    """Make the reports of some or all municipalities."""
    from costeff.batch import plan as plan_batch
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
        mapping=mapping,
        profiles=profiles,
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
        timeout=timeout,
        scheduler=scheduler,
        cluster=cluster,
        parameters=dict(split_parameter(text) for text in parameter or ()),
    )
    if plan:
        _show_plan(plan_batch(catalogue, request))
        return
    try:
        with progress() as tell:
            outcome = run_batch(catalogue, request, tell)
    except KeyboardInterrupt:
        problem = Problem(str(output), "finished pages stay", "run the same command again")
        raise PartialError("Stopped before the end", [problem]) from None
    raise typer.Exit(_told(outcome))


def _show_plan(planned: Any) -> None:
    """The reasons, each with how many pages it holds for and some of them."""
    by_reason: dict[str, list[str]] = {}
    for one in planned.pages:
        by_reason.setdefault(one.why, []).append(" ".join(one.name.split()[1:]))
    for why, names in by_reason.items():
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        print(f"{_pages(len(names))} to make: {why}\n  {shown}")
    if planned.appraisals:
        print(f"Appraisals to compute: {len(planned.appraisals)}. A page whose appraisal comes out the same stands.")
    if planned.indexes:
        print("The lists of pages are written anew.")
    print(f"Standing as they would be made again: {_pages(planned.standing)}.")


def _pages(number: int) -> str:
    return "1 page" if number == 1 else f"{number} pages"


def status(folder: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]) -> None:
    """Show what a run has made and what failed."""
    from costeff.batch import read_status

    found = read_status(folder)
    print(f"{_pages(found.whole)} made, {found.failed_count} failed, {found.seconds:.0f} s of work in all.")
    if found.running:
        print("A run is writing here now.")
    if found.failed:
        raise PartialError(
            "Failed pages", [Problem(name, why, "run the same command again") for name, why in found.failed]
        )


ONLY_THESE = "run the same command again: only what failed is made"


class progress:  # noqa: N801  (used as a statement)
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
    standing = f", {outcome.standing} stood already" if outcome.standing else ""
    print(f"{made} made{standing} ({stages}).")
    for chain, models in outcome.unfit.items():
        told = ", ".join(models)
        print(f"{chain}: {told} failed the diagnostics of models; its pages give no headline figure and say why.")
    if outcome.indexes:
        print(f"Open {outcome.indexes[0]}")
    if outcome.failed:
        problems = [Problem(f"{d.job.municipality} {d.job.language}", d.error, ONLY_THESE) for d in outcome.failed]
        failed = "1 report" if len(problems) == 1 else f"{len(problems)} reports"
        raise PartialError(f"{failed} failed, the others are complete", problems)
    return int(ExitCode.MODEL if outcome.unfit else ExitCode.OK)
