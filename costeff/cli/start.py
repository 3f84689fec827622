"""The command line: thin, with errors as readable blocks and exit codes fixed by kind."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated

import typer

from costeff import __version__
from costeff.cli import chain, data, indicators, lab, link, params, pdf, release, run, simulate, site, status
from costeff.errors import CosteffError, ExitCode, Problem, SetupError

app = typer.Typer(
    no_args_is_help=True, add_completion=False, rich_markup_mode="rich", help="What a service changes, costs and saves."
)
app.add_typer(params.app, name="params")
app.add_typer(chain.app, name="chain")
app.add_typer(data.app, name="data")
app.add_typer(link.app, name="link")
app.add_typer(indicators.app, name="indicators")
app.command()(run.run)
app.command()(simulate.simulate)
app.command()(status.status)
app.command()(data.synth)
app.command()(release.release)
app.command()(pdf.pdf)
app.command()(site.site)
app.command()(lab.lab)


def main() -> None:
    """Run the command line and leave with the exit code of what happened."""
    _keep_inside_the_project()
    try:
        app(prog_name="costeff")  # leaves by itself, with 2 for a wrong option
    except CosteffError as error:
        print(str(error), file=sys.stderr)
        sys.exit(int(error.code))
    except BrokenPipeError:  # the reader of our output has left
        sys.stderr.close()
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            problem = Problem("a file or folder", "has a longer name than the machine allows", "give a shorter one")
            print(str(SetupError("A name is too long", [problem])), file=sys.stderr)
            sys.exit(int(ExitCode.SETUP))
        print(_where(error), file=sys.stderr)
        sys.exit(int(ExitCode.BUG))


def _where(error: BaseException) -> str:
    """A fault of ours told by its place and kind: the message of another library may hold a client's value."""
    frames = "".join(traceback.format_tb(error.__traceback__))
    return f"A fault in costeff: {type(error).__name__} (its text is not shown: it may hold a value)\n{frames.rstrip()}"


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
