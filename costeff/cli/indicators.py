"""`costeff indicators`: what services are measured by, what a list or a register lacks, profiles of counties."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from costeff.errors import Problem, UsageError

app = typer.Typer(
    no_args_is_help=True, help="Indicators: the catalogue, a county's own list, and what data cannot tell."
)
profile = typer.Typer(no_args_is_help=True, help="The profile of a county: organisation, staff, cooperation, targets.")
app.add_typer(profile, name="profile")

Language = Annotated[str, typer.Option("--lang", help="fi, sv or en.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write the table also here, as .csv or .json.")]


@app.command("list")
def list_(
    service: Annotated[str, typer.Argument(help="A service; all when not given.")] = "",
    language: Language = "en",
    output: Output = None,
) -> None:
    """Show the indicators of services, and whether they can be computed from the declared tables of a register."""
    from costeff.indicators.available import declared
    from costeff.indicators.completeness import indicator_table

    table = indicator_table(_services(service), declared(), _known(language))
    _show(table[[*([] if service else ["service"]), "id", "label", "kind", "stage", "status"]])
    _write(table, [], output)


@app.command("audit")
def audit(
    file: Annotated[Path, typer.Argument(help="Your list: CSV (; or ,) or YAML with a column name.")],
    language: Language = "en",
    output: Output = None,
) -> None:
    """Tell of your own indicators what each measures and why it is read so, and what the list lacks."""
    from costeff.indicators.audit import audit as audit_list
    from costeff.indicators.listed import read_list

    _known(language)
    found = audit_list(read_list(file), _services())
    table, sentences = found.table(language), found.sentences(language)
    _show(table)
    print("\n".join(sentences))
    _write(table, sentences, output)


@app.command("completeness")
def completeness(
    source: Annotated[
        str, typer.Argument(help="A register: folder, file or database URL; or `declared`: all that one could hold.")
    ],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", help="YAML file with the register's own names and codes.")
    ] = None,
    chain: Annotated[str, typer.Option("--chain", help="A chain, whose outcome and follow-up are looked for.")] = "",
    language: Language = "en",
    output: Output = None,
) -> None:
    """Tell in plain words what cannot be computed from a register, and which datum would make it computable."""
    from costeff.batch.country import open_checked
    from costeff.indicators.available import available, declared
    from costeff.indicators.completeness import completeness as look
    from costeff.params import Catalogue

    _known(language)
    catalogue = Catalogue.load()
    asked = catalogue.entry("chains", chain) if chain else None
    services = {
        key: one for key, one in catalogue.indicators.items() if not chain or (not one.chains and key == "common")
        or chain in one.chains
    }  # fmt: skip
    if source == "declared":
        found = look(declared(), services, asked)
    else:
        with open_checked(source, catalogue, mapping) as register:
            there = available(register, asked.outcome.outcome, asked.outcome.follow_up_days) if asked else None
            found = look(there or available(register), services, asked)
            print(f"{register.shown}: {'synthetic' if register.synthetic else 'real'} data.")
    sentences = found.sentences(language)
    print("\n".join(sentences))
    _write(found.table(language), sentences, output)


@profile.command("template")
def template(
    file: Annotated[Path, typer.Argument(help="File to write, .yaml or .csv, which must not exist yet.")],
    county: Annotated[str, typer.Option("--county", help="Two digits.")],
    language: Language = "fi",
) -> None:
    """Write an empty profile for a county to fill in; what is left empty stays missing."""
    from costeff.files import write_text
    from costeff.indicators.profile_files import template_text
    from costeff.params import Catalogue

    Catalogue.load().county(county)
    if file.exists():
        problem = Problem(str(file), "is there already", "give another name, or remove the file")
        raise UsageError("The template was not written", [problem])
    write_text(file, template_text(county, _known(language), file.suffix.lower()))
    print(f"Template written to {file}. Leave empty what you do not know.")


@profile.command("show")
def show_profiles(
    folder: Annotated[Path, typer.Argument(help="Folder of profiles, one file a county.")],
    language: Language = "en",
    output: Output = None,
) -> None:
    """Read the profiles of counties and tell what they say, with intervals, and what is missing."""
    from costeff.indicators.profile_files import read_profiles
    from costeff.indicators.profiles import shares, told_missing
    from costeff.params import Catalogue

    catalogue = Catalogue.load()
    profiles = read_profiles(folder, catalogue.counties)
    table = shares(profiles, _known(language))
    sentences = told_missing(profiles, {code: one.name[language] for code, one in catalogue.counties.items()}, language)
    told = {name: table[name].map("{:.0%}".format) for name in ("share", "low", "high")}
    _show(table.assign(**told).replace("nan%", ""))
    print("\n".join(sentences))
    _write(table, sentences, output)


# --- what commands share ------------------------------------------------------------------------


def _services(service: str = "") -> Any:
    from costeff.params import Catalogue

    catalogue = Catalogue.load()
    return {service: catalogue.entry("indicators", service)} if service else catalogue.indicators


def _known(language: str) -> str:
    from costeff.spec import LANGUAGES

    if language not in LANGUAGES:
        raise UsageError("Unknown language", [Problem(language, "is not one of the languages", "use fi, sv or en")])
    return language


def _show(table: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(*map(str, table.columns), show_edge=False)
    for row in table.itertuples(index=False):
        shown.add_row(*(str(cell).replace("[", r"\[") for cell in row))
    Console().print(shown)


def _write(table: Any, sentences: list[str], output: Path | None) -> None:
    """The table as CSV without live formulas, or as JSON with its sentences."""
    import json

    from costeff.files import write_text

    if output is None:
        return
    if output.suffix == ".json":
        content = {"rows": table.to_dict("records"), "sentences": sentences}
        write_text(output, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    elif output.suffix == ".csv":
        from costeff.disclosure.spreadsheets import write_csv

        write_csv(output, table)
    else:
        raise UsageError("The table was not written", [Problem(str(output), "is neither .csv nor .json", "rename it")])
    print(f"Written to {output}.")
