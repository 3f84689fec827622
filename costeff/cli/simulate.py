"""`costeff simulate`: scenarios x municipalities x services from one file, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from costeff.cli.interrupt import stops
from costeff.cli.progress import (
    by_reason,
    counted,
    due_lines,
    failed_error,
    progress,
    same_command,
    stopped,
    unfit_lines,
)
from costeff.errors import ExitCode, PartialError, Problem


def simulate(
    file: Annotated[Path, typer.Argument(help="YAML file of a simulation, such as one of params/simulations.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the simulation; in runs/ by the file's name.")
    ] = None,
    register: Annotated[
        str | None,
        typer.Option("--register", help="Your own register: folder, file or database URL; else the synthetic one."),
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file with the register's own names and codes.")
    ] = None,
    profiles: Annotated[Path | None, typer.Option(help="Folder of profiles of counties.")] = None,
    workers: Annotated[
        int | None, typer.Option(help="Notebooks run side by side, where pages are asked for; 2 when not given.")
    ] = None,
    timeout: Annotated[int | None, typer.Option(help="Seconds that a cell of a notebook may take.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Only show what would be made, and why.")] = False,
) -> None:
    """Compare scenarios: one matrix of all of them by service and place."""
    folder = output or Path("runs") / file.stem
    machine: dict[str, Any] = {
        "register_path": register, "mapping": mapping, "profiles": profiles, "workers": workers, "timeout": timeout,
    }  # fmt: skip
    with stops(lambda: stopped(folder)):
        from costeff.batch.simulate import plan_simulation
        from costeff.batch.simulate import simulate as simulate_batch
        from costeff.batch.simulation import read_simulation
        from costeff.params import Catalogue

        simulation = read_simulation(file)
        catalogue = Catalogue.load()
        if plan:
            _show_plan(plan_simulation(simulation, catalogue, folder, **machine))
            return
        with progress() as tell:
            outcome = simulate_batch(simulation, catalogue, folder, tell, **machine)
    raise typer.Exit(_told(outcome))


def _show_plan(planned: Any) -> None:
    due = ((one.name.removeprefix("appraisal "), one.why) for one in planned.parts)
    for line in due_lines(due, "scenario", "compute, by county"):
        print(line)
    print(f"Standing as they would be computed again: {counted(planned.standing, 'scenario')} by county.")
    print(f"The matrix is written: {planned.matrix}." if planned.matrix else "The matrix stands.")
    if planned.runs:
        print(f"Then the municipal pages of: {', '.join(planned.runs)}.")


def _told(outcome: Any) -> int:
    standing = f", {outcome.standing} stood already" if outcome.standing else ""
    print(f"{counted(outcome.computed, 'scenario')} by county computed{standing}.")
    for name, made in outcome.runs.items():
        also = f", {made.standing} stood already" if made.standing else ""
        print(f"{name}: {counted(made.pages)} made{also}.")
    if outcome.without_pages:
        names = ", ".join(outcome.without_pages)
        print(f"No pages of {names}: prices, effects or numbers are set there, which a municipal page cannot tell.")
    for line in unfit_lines(outcome.unfit):
        print(line)
    if outcome.files:
        print(f"Open {outcome.files[0]}")
    failed = [(f"{name} {done.job.short}", done.error) for name, made in outcome.runs.items() for done in made.failed]
    if outcome.held:
        raise _held(outcome.held, failed)
    if failed:
        raise failed_error(failed, same_command())
    return int(ExitCode.MODEL if outcome.unfit else ExitCode.OK)


def _held(held: Mapping[str, str], failed: Sequence[tuple[str, str]]) -> PartialError:
    """A matrix that may not go out: what it holds came from the file, so that the same command would not help."""
    cure = (
        "take the code out of the labels in the simulation's file and run the same command; one that is never given "
        "to anybody can be let pass: costeff release --let-pass"
    )
    problems = [Problem(", ".join(names), why, cure) for why, names in by_reason(held.items()).items()]
    others = failed_error(failed, same_command()).problems if failed else ()
    return PartialError("The matrix is held back", [*problems, *others])
