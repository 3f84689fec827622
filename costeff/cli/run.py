"""`costeff run`: reports of municipalities."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from costeff.cli.interrupt import stops
from costeff.cli.progress import (
    counted,
    due_lines,
    failed_error,
    progress,
    same_command,
    stopped,
    told_seconds,
    unfit_lines,
)
from costeff.errors import ExitCode


def run(
    municipality: Annotated[
        list[str] | None, typer.Option("--municipality", "-m", help="Three digits; repeat for more.")
    ] = None,
    county: Annotated[list[str] | None, typer.Option("--county", help="Two digits: all its municipalities.")] = None,
    county_report: Annotated[
        list[str] | None,
        typer.Option(
            "--county-report",
            metavar="CODE|all",
            help="Two digits: the county's own report, over its municipalities; repeat for more.",
        ),
    ] = None,
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
    contact: Annotated[
        Path | None, typer.Option(help="YAML file: who publishes the pages, and where feedback goes.")
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
    workers: Annotated[int | None, typer.Option(help="Notebooks run side by side; 2 when not given.")] = None,
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
        list[str] | None, typer.Option("--parameter", "-p", help="name=value for the template; repeat for more.")
    ] = None,
    parameters: Annotated[
        Path | None, typer.Option(help="YAML file with values for the template; --parameter stands before it.")
    ] = None,
) -> None:
    """Make the reports of some or all municipalities, and of counties."""
    with stops(lambda: stopped(output)):
        if not (plan or scheduler or cluster or output.exists()):
            _kernels_ahead()  # all is new there, so that pages will be made: they load what they need beside us
        from costeff.batch import plan as plan_batch
        from costeff.batch import resolve
        from costeff.batch import run as run_batch
        from costeff.batch.request import parameters_of
        from costeff.params import Catalogue

        catalogue = Catalogue.load()
        request = resolve(
            catalogue,
            municipalities=municipality or (),
            counties=county or (),
            county_reports=county_report or (),
            everyone=everyone,
            chains=chain or (),
            languages=lang or (),
            output=output,
            register_path=register,
            mapping=mapping,
            profiles=profiles,
            contact=contact,
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
            parameters=parameters_of(parameter or (), parameters),
        )
        if plan:
            _show_plan(plan_batch(catalogue, request))
            return
        with progress() as tell:
            outcome = run_batch(catalogue, request, tell)
    raise typer.Exit(_told(outcome))


def _kernels_ahead() -> None:
    from costeff.report.warm import kernels_ahead
    from costeff.spec import project_root

    kernels_ahead(project_root())


def _show_plan(planned: Any) -> None:
    for line in due_lines(((one.name.removeprefix("page "), one.why) for one in planned.pages), "page", "make"):
        print(line)
    if planned.appraisals:
        print(f"Appraisals to compute: {len(planned.appraisals)}. A page whose appraisal comes out the same stands.")
    if planned.indexes:
        print("The lists of pages are written anew.")
    print(f"Standing as they would be made again: {counted(planned.standing)}.")


def _told(outcome: Any) -> int:
    made = "1 report" if outcome.pages == 1 else f"{outcome.pages} reports"
    standing = f", {outcome.standing} stood already" if outcome.standing else ""
    print(f"{made} made{standing} ({told_seconds(outcome.seconds)}).")
    for line in unfit_lines(outcome.unfit):
        print(line)
    if outcome.indexes:
        print(f"Open {outcome.indexes[0]}")
    if outcome.failed:
        raise failed_error([(done.job.short, done.error) for done in outcome.failed], same_command())
    return int(ExitCode.MODEL if outcome.unfit else ExitCode.OK)
