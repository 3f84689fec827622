"""What a person sees while a run works, and when it ends."""

from __future__ import annotations

import os
import re
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from costeff.errors import PartialError, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from costeff.batch.log import Step, Told

SHOWN = 8  # names in a list, before it says how many more there are
EACH = 10  # per cent of a stage, between two lines where there is no terminal
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):\S*@|(\b(?:password|pwd)=)[^&\s]*", re.IGNORECASE)


@contextmanager
def progress(console: Console | None = None) -> Iterator[Told]:
    """One display over all stages on a terminal; elsewhere, and in CI, a line now and then."""
    from rich.console import Console

    console = console or Console(stderr=True)
    lively = console.is_terminal and not console.is_dumb_terminal and not os.environ.get("CI")
    shown = _Display(console) if lively else _Lines(console)
    with shown:
        yield shown.tell


class _Display:
    """One line that is drawn anew: the stage, its bar, what is done, running, failed and left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        text = TextColumn("[bold]{task.description}")
        counts = TextColumn("{task.fields[counts]}")
        now = TextColumn("[dim]{task.fields[now]}")
        self.bar = Progress(
            text, BarColumn(bar_width=24), TaskProgressColumn(), TimeRemainingColumn(), counts, now,
            console=console, transient=True,
        )  # fmt: skip
        self.stage, self.task = "", self.bar.add_task("", total=None, counts="", now="")

    def __enter__(self) -> _Display:
        self.bar.start()
        return self

    def tell(self, step: Step) -> None:
        if step.stage != self.stage:
            self.stage = step.stage
            self.bar.reset(self.task, total=step.total, description=step.stage)
        self.bar.update(
            self.task, completed=step.done, total=step.total, counts=counts_of(step), now=_listed(step.now, 3)
        )

    def __exit__(self, *_: object) -> None:
        self.bar.stop()


class _Lines:
    """A line as a stage begins, at each tenth of it, and as it ends."""

    def __init__(self, console: Console) -> None:
        self.console, self.stage, self.tenth, self.began = console, "", 0, 0.0

    def __enter__(self) -> _Lines:
        return self

    def tell(self, step: Step) -> None:
        if step.stage != self.stage:
            self.stage, self.tenth, self.began = step.stage, 0, time.monotonic()
        percent = 100 * step.done // step.total if step.total else 100
        if step.total and percent // EACH > self.tenth:
            self.tenth = percent // EACH
            self.console.print(f"{step.stage}: {counts_of(step)}{self._left(step)}", markup=False, highlight=False)

    def _left(self, step: Step) -> str:
        """How long the rest takes at the pace so far."""
        rest = step.total - step.done
        seconds = (time.monotonic() - self.began) / step.done * rest if step.done else 0.0
        return f", about {duration(seconds)} to go" if seconds >= 1 else ""

    def __exit__(self, *_: object) -> None:
        pass


def counts_of(step: Step) -> str:
    """Done, running, failed and left; what is none is not said, but for what is done."""
    running = min(len(step.now), step.total - step.done)
    counts = {"running": running, "failed": step.failed, "left": step.total - step.done - running}
    said = [f"{number} {what}" for what, number in counts.items() if number]
    return ", ".join([f"{step.done - step.failed} of {step.total} done", *said])


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


# --- the end ----------------------------------------------------------------------------------------


def by_reason(things: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """Names by what befell them, or by why they are due."""
    found: dict[str, list[str]] = {}
    for name, why in things:
        found.setdefault(why, []).append(name)
    return found


def due_lines(things: Iterable[tuple[str, str]], what: str, verb: str) -> Iterator[str]:
    """The reasons, each with how many things it holds for and some of them."""
    for why, names in by_reason(things).items():
        yield f"{counted(len(names), what)} to {verb}: {why}\n  {_listed(names, SHOWN)}"


def failed_error(failed: Sequence[tuple[str, str]], command: str) -> PartialError:
    """What failed, and the command that makes it again."""
    reasons = by_reason(failed).items()
    *problems, last = [Problem(f"{counted(len(names))} ({_listed(names, SHOWN)})", why) for why, names in reasons]
    cure = f"the same command makes only what failed: {command}"
    title = f"{counted(len(failed))} failed, the others are complete"
    return PartialError(title, [*problems, Problem(last.place, last.rule, cure)])


def counted(number: int, what: str = "page") -> str:
    """1 page, 2 pages."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def told_seconds(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{stage} {took:.0f} s" for stage, took in seconds.items())


def _listed(names: Sequence[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def same_command(arguments: Sequence[str] | None = None) -> str:
    """The command that was given, to be given again; a password in the address of a database is left out."""
    words = sys.argv[1:] if arguments is None else arguments
    return shlex.join(["costeff", *(_PASSWORD.sub(_starred, word) for word in words)])


def _starred(found: re.Match[str]) -> str:
    return f"{found[2]}***" if found[2] else f"{found[1]}:***@"


def unfit_lines(unfit: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A line for each chain whose models failed their diagnostics."""
    for chain, models in unfit.items():
        told = ", ".join(models)
        yield f"{chain}: {told} failed the diagnostics of models; its pages give no headline figure and say why."


def stopped(folder: Path) -> PartialError:
    """A run that was stopped by hand."""
    problem = Problem(str(folder), "what is finished stays", f"the same command goes on: {same_command()}")
    return PartialError("Stopped before the end", [problem])
