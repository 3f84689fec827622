"""The documentation against the project: links, ids, figures, commands and examples are those of today."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import typer
from commands import Done, costeff
from typer.testing import CliRunner

from costeff.avoided_cost import MODELS
from costeff.cli import app
from costeff.errors import ExitCode, ParamsError
from costeff.params import Catalogue
from costeff.params import entries as kinds
from costeff.params.pricing import price
from costeff.spec import Spec

ROOT = Path(__file__).resolve().parents[1]
APPRAISAL = ROOT / "docs" / "methods" / "appraisal.md"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.fixture(scope="module")
def params() -> Catalogue:
    return Catalogue.load(ROOT / "params")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def fences(page: Path, language: str) -> list[str]:
    return [body for named, body in FENCE.findall(read(page)) if named == language]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return FENCE.sub("", read(page))


# --- links --------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """Anchors of headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@every_page
def test_relative_links_resolve(page: Path) -> None:
    for address in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", address):
            continue
        path, _, anchor = address.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {address} does not exist"
        assert not anchor or anchor in anchors(target), f"{page.name}: {address} has no such heading"


@every_page
def test_named_paths_exist(page: Path) -> None:
    paths = [word for word in ticked(page) if re.match(r"(costeff|params|tests|notebooks|docs|tools)/[\w./]*$", word)]
    assert [path for path in paths if not (ROOT / path).exists()] == []


# --- ids and figures of the catalogue -------------------------------------------------------------


def fields() -> set[str]:
    """Names of fields in params/, which may look like ids of unit costs."""
    specs = [kind for kind in vars(kinds).values() if isinstance(kind, type) and issubclass(kind, Spec)]
    return {name for kind in specs for name in kind.model_fields}


def ticked(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def missing_ids(words: list[str], params: Catalogue) -> list[str]:
    known, plain = set(params.ids()), fields()
    known |= {f"{model}.{name}" for model, priors in params.priors.items() for name in priors}
    models = set(params.transitions) | set(params.priors)
    missing = []
    for word in words:
        model, dot, name = word.partition(".")
        named = dot and model in models and re.fullmatch(r"[a-z_0-9]+", name) and name not in ("md", "py", "yaml")
        cost = re.fullmatch(r"quoted_\w+|[a-z_]+_(day|year|client)", word) and word not in plain
        link = re.fullmatch(r"placement_to_\w+", word)
        if (named or cost or link) and word not in known:
            missing.append(word)
    return missing


@every_page
def test_ids_exist_in_the_catalogue(page: Path, params: Catalogue) -> None:
    assert missing_ids(ticked(page), params) == []


def test_the_test_of_ids_sees_what_is_wrong(params: Catalogue) -> None:
    right = ["prison.short_years", "prisoner_year", "valid_from", "placement_to_prison"]
    wrong = ["prison.mean_time_served", "prison.mean_time", "binary.slope", "quoted_school", "institution_day"]
    wrong.append("placement_to_jail")
    assert missing_ids([*right, *wrong], params) == wrong


def rows(page: Path) -> Iterator[list[str]]:
    """Rows of tables whose first cell is one id."""
    for line in prose(page).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and re.fullmatch(r"`[\w.]+`", cells[0]) and len(cells) > 4:
            yield [cells[0].strip("`"), *cells[1:]]


def value_of(key: str, params: Catalogue) -> kinds.Uncertain | None:
    model, _, name = key.partition(".")
    if name in params.transitions.get(model, {}):
        return params.transitions[model][name]
    return params.unit_costs[key].latest if key in params.unit_costs else None


METHODS = sorted((ROOT / "docs" / "methods").glob("*.md"))
every_method = pytest.mark.parametrize("page", METHODS, ids=lambda page: page.stem)


# Pages that tell how something is done, not how something is estimated.
NO_MODEL = {"calibration", "disclosure", "pdf", "registers", "scale"}
VERIFIED = {"How it was verified", "How it is checked", "What shows that the test works"}
LIMITS = {"What it cannot see", "What it leaves out", "What it does not do", "What this does not show", "Limits"}


@pytest.mark.parametrize("page", [page for page in METHODS if page.stem not in NO_MODEL], ids=lambda page: page.stem)
def test_a_method_page_says_what_it_assumes_misses_and_was_verified_by(page: Path) -> None:
    text = read(page)
    told = {found.strip() for found in re.findall(r"^## (.+)$", text, re.MULTILINE)}
    assert told >= {"Assumptions"}
    assert told & LIMITS
    assert told & VERIFIED
    equations = [block for block in fences(page, "text") if re.search(r"[=~]", block)]
    assert equations or "$" in prose(page) or page.stem in ("indicators", "linkage"), "no equation"
    verified = re.split(r"^## (?:How it was verified|How it is checked)$", text, flags=re.MULTILINE)[-1]
    oracles = r"tests/|by hand|slow|loop|closed form|publish|truth|written separately|equal"
    assert re.search(oracles, verified), "it names no oracle"


@every_method
def test_figures_of_parameter_tables_are_those_of_the_catalogue(page: Path, params: Catalogue) -> None:
    for key, mean, *cells in rows(page):
        value = value_of(key, params)
        if value is None:
            continue
        assert float(mean) == value.mean, key
        named = next(cell for cell in cells if cell.startswith("`"))
        assert re.findall(r"`(\w+)`", named) == list(value.source), key
        if isinstance(value, kinds.DatedValue):
            assert cells[0] == params.unit_costs[key].unit, key
            assert cells[1].startswith(str(value.price_year)), key
        else:
            interval = "not stated" if value.low is None else f"{value.low:g} to {value.high:g}"
            assert (cells[0], cells[1], cells[3]) == (interval, value.family, value.quality), key


@every_method
def test_all_parameters_and_priors_of_a_model_are_told(page: Path, params: Catalogue) -> None:
    told = {key: cells for key, *cells in rows(page)}
    for name, prior in params.priors.get(page.stem, {}).items():
        mean, sd, family, reason = told[f"{page.stem}.{name}"]
        assert (float(mean), float(sd), family, reason) == (prior.mean, prior.sd, prior.family, prior.reason), name
    for name in params.transitions.get(page.stem, {}):
        assert f"{page.stem}.{name}" in told, name


def between(value: kinds.Uncertain) -> str:
    return f"{value.mean:g} ({value.low:g} to {value.high:g})"


def test_the_table_of_links_is_that_of_the_catalogue(params: Catalogue) -> None:
    told = {key: cells for key, *cells in rows(ROOT / "docs" / "methods" / "links.md") if key in params.links}
    assert list(told) == list(params.links)
    for key, link in params.links.items():
        row = next(row for row in params.evidence[link.evidence] if row.outcome == link.outcome)
        effect = f"{row.measure} {row.value:g} ({row.low95:g} to {row.high95:g})"
        assert link.baseline is not None, key
        years = [f"{link.window_years:g}", f"{link.delay_years}"]
        assert told[key] == [between(link.baseline), effect, *years, f"`{row.source}`", link.kind], key


def test_the_table_of_models_says_which_price_set_can_price_which(params: Catalogue) -> None:
    links = r"^\| \[[^\]]+\]\(methods/(\w+)\.md\) \| (.+?) \| (yes|no) \| (yes|no) \|$"
    told = {model: cells for model, *cells in re.findall(links, read(ROOT / "docs" / "index.md"), re.MULTILINE)}
    assert set(told) == set(MODELS)
    for name, (chains, *able) in told.items():
        using = [f"`{chain.id}`" for chain in params.chains.values() if chain.impact.model == name]
        assert chains == (", ".join(using) or "none"), name
        for price_set, word in zip(("quoted", "national"), able, strict=True):
            can = params.price_sets[price_set].can_price(name, MODELS[name].items)
            assert (word == "yes") == can, (name, price_set)


def test_the_index_leads_to_every_page() -> None:
    index = ROOT / "docs" / "index.md"
    led = {(index.parent / address).resolve() for address in re.findall(r"\]\(([^)\s#]+)", prose(index))}
    assert [page.name for page in (ROOT / "docs").rglob("*.md") if page != index and page not in led] == []


def test_the_table_of_states_is_that_of_the_models() -> None:
    told = re.findall(r"^\| \[(\w+)\]\(\w+\.md\) \| [^|]+ \| ([^|]+) \|", read(APPRAISAL), re.MULTILINE)
    assert {name: tuple(re.findall(r"`(\w+)`", states)) for name, states in told} == {
        name: model.items for name, model in MODELS.items()
    }


def test_the_years_of_the_indices_are_those_of_the_catalogue(params: Catalogue) -> None:
    found: dict[str, list[int]] = {}
    for names, years in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([\d, ]+|none) \|", read(APPRAISAL), re.MULTILINE):
        found |= {name: [int(year) for year in re.findall(r"\d+", years)] for name in re.findall(r"`(\w+)`", names)}
    assert found == {name: index.years() for name, index in params.indices.items()}


def test_the_errors_of_price_years_are_those_of_today(params: Catalogue) -> None:
    told = [body for body in fences(APPRAISAL, "text") if body.startswith("The price year cannot be changed")]
    costs = ("community_sanction_client_year", "quoted_taking_into_care")
    assert len(told) == len(costs)
    for cost, text in zip(costs, told, strict=True):
        with pytest.raises(ParamsError) as caught:
            price(params, cost, draws=1, seed=1, price_year=2025)
        assert str(caught.value) == text.rstrip("\n")


# --- commands -----------------------------------------------------------------------------------


def commands(language: str = "sh") -> list[tuple[str, str]]:
    return [
        (page.name, line.strip())
        for page in PAGES
        for block in fences(page, language)
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip() and not line.lstrip().startswith("#")
    ]


def words_of(line: str) -> list[str] | None:
    """The words after `costeff`, up to a pipe or redirection; None for another command."""
    words = shlex.split(line.removeprefix("$ "), comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    if not words or Path(words[0]).name != "costeff":
        return None
    ends = (n for n, word in enumerate(words) if word in ("|", ";", "&&", "||") or word.startswith((">", "2>")))
    return words[1 : next(ends, len(words))]


def wrong_words(words: list[str]) -> list[str]:
    """Options and commands that do not exist; the help of the command has to succeed."""
    command: Any = typer.main.get_command(app)
    path: list[str] = []
    rest = list(words)
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        if rest[0] not in command.commands:
            return [rest[0]]
        path.append(rest.pop(0))
        command = command.commands[path[-1]]
    assert CliRunner().invoke(app, [*path, "--help"]).exit_code == 0
    takes_none = {name for p in command.params if getattr(p, "is_flag", False) for name in p.opts} | {"--help"}
    options = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    arguments = [parameter for parameter in command.params if parameter.param_type_name == "argument"]
    places = sum(1 if parameter.nargs == 1 else len(words) for parameter in arguments)  # some take any number
    wrong, given = [], 0
    while rest:
        word = rest.pop(0)
        name, equals, _ = word.partition("=")
        if not word.startswith("-"):
            given += 1
        elif name not in options | {"--help"}:
            wrong.append(word)
        elif name not in takes_none and not equals:
            assert rest, f"{word} has no value"
            rest.pop(0)
    return wrong if given <= places else [*wrong, "too many words"]


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_parse(page: str, line: str) -> None:
    words = words_of(line)
    if words is not None:
        assert wrong_words(words) == [], f"{page}: {line}"
    elif line.startswith("make "):
        targets = re.findall(r"^([a-z-]+):", read(ROOT / "Makefile"), re.MULTILINE)
        assert line.split()[1] in targets, f"{page}: {line}"


@pytest.mark.parametrize("line", ["costeff runs -m 165", "costeff run --municipal 165", "costeff params check a b"])
def test_the_test_of_commands_sees_what_is_wrong(line: str) -> None:
    assert wrong_words(words_of(line) or []) != []


def test_the_table_of_options_is_complete() -> None:
    page = ROOT / "docs" / "how_to" / "run_reports.md"
    told = set(re.findall(r"(?<![\w`-])`(-{1,2}[a-z-]+)`", prose(page)))
    parameters = typer.main.get_command(app).commands["run"].params  # type: ignore[attr-defined]
    assert {name for parameter in parameters for name in parameter.opts} - {"--help"} <= told


def test_the_table_of_exit_codes_is_complete() -> None:
    told = re.findall(r"^\| (\d) \|", prose(ROOT / "docs" / "how_to" / "run_reports.md"), re.MULTILINE)
    assert [int(code) for code in told] == sorted(ExitCode)


# --- examples -----------------------------------------------------------------------------------

WITH_PYTHON = [page for page in PAGES if fences(page, "python")]


@pytest.mark.parametrize("page", WITH_PYTHON, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_blocks_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a page run in order, the later ones with the names of the earlier."""
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    for number, block in enumerate(fences(page, "python"), start=1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


REGISTER_GUIDE = ROOT / "docs" / "how_to" / "own_register.md"
MENDS = {
    "asiakkaat.csv": [("c09;91;", "c09;091;")],
    "jaksot.csv": [("2 800,00", "2800,00"), ("10.2.2024", "2.10.2024")],
}


def made_by_hand(folder: Path, encoding: str = "cp1252") -> None:
    """The files of the guide as they stand, as a spreadsheet on Windows saves them."""
    page = read(REGISTER_GUIDE)
    for name, body in re.findall(r"`my_register/(\w+\.csv)`:\n\n```text\n(.*?)```", page, re.DOTALL):
        (folder / name).write_bytes(body.replace("\n", "\r\n").encode(encoding))
    (folder / "mapping.yaml").write_text(fences(REGISTER_GUIDE, "yaml")[0], encoding="utf-8")
    (folder / "register.json").write_text(fences(REGISTER_GUIDE, "json")[0], encoding="utf-8")


def mended(folder: Path, encoding: str = "cp1252") -> None:
    for name, mends in MENDS.items():
        text = (folder / name).read_bytes().decode(encoding)
        for old, new in mends:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        (folder / name).write_bytes(text.encode(encoding))
    with (folder / "tulokset.csv").open("ab") as file:
        file.write(b"c12;sijoitus;365;ei\r\n")


@pytest.mark.parametrize(
    "encoding", ["cp1252", *(pytest.param(x, marks=pytest.mark.slow) for x in ("utf-8", "utf-8-sig"))]
)
def test_the_guide_to_own_registers_can_be_followed(tmp_path: Path, params: Catalogue, encoding: str) -> None:
    """From the template to a register that holds together; each command says what the guide says it does."""
    from costeff.batch.country import open_checked
    from costeff.records import binary_cells, cost_cells

    template, check, again, run = fences(REGISTER_GUIDE, "sh")
    written, wrong, fine = (
        next(text for text in fences(REGISTER_GUIDE, "text") if part in text)
        for part in ("Empty register", "does not hold together", "holds together (")
    )
    assert "--register my_register" in run

    def follow(line: str) -> Done:
        return costeff(*(words_of(line) or []), cwd=tmp_path, env={"COSTEFF_HOME": str(ROOT)})

    assert follow(template).stdout == written
    folder = tmp_path / "my_register"
    assert "has no rows" in follow(check).stderr, "the empty files are told"
    for empty in folder.glob("*.csv"):
        empty.unlink()
    made_by_hand(folder, encoding)
    told = follow(check)
    assert (told.returncode, told.stderr) == (ExitCode.DATA, wrong)
    mended(folder, encoding)
    assert follow(again).stdout.endswith(fine)
    with open_checked(folder, params) as register:
        assert register.synthetic
        assert binary_cells(register, "placement", 365).table["n"].sum() == 12
        assert cost_cells(register).table["sum"].sum() == 61_200


def said_alike(quote: str, said: str) -> bool:
    """Whether a page says what is quoted, its figures to a thirtieth or a few tenths: processors differ in draws."""
    words = re.split(r"(\d[\d,]*(?:\.\d+)?)", quote)
    pattern = "".join(r"(\d[\d,]*(?:\.\d+)?)" if n % 2 else re.escape(part) for n, part in enumerate(words))
    figures = [float(figure.replace(",", "")) for figure in words[1::2]]
    found = [[float(figure.replace(",", "")) for figure in told.groups()] for told in re.finditer(pattern, said)]
    return any(all(abs(a - b) <= max(0.35, b / 30) for a, b in zip(one, figures, strict=True)) for one in found)


def test_a_quote_may_differ_a_little_in_its_figures_and_in_nothing_else() -> None:
    said = "Among 100 clients there are about 24.1 events: 2.0 fewer (90% interval €1,980 to 12.4)."
    assert said_alike("about 24.0 events: 2.1 fewer (90% interval €2,000 to 12.6).", said)
    for other in ("about 25.0 events", "24.0 events, 2.1 fewer", "about 24.0 events: 2.1 more", "€2,200 to 12.4"):
        assert not said_alike(other, said)


@pytest.mark.slow
def test_the_run_of_the_guide_to_own_registers_says_what_the_guide_says(tmp_path: Path) -> None:
    folder = tmp_path / "my_register"
    folder.mkdir()
    made_by_hand(folder)
    mended(folder)
    line = next(line for line in fences(REGISTER_GUIDE, "sh") if line.startswith("costeff run"))
    done = costeff(*(words_of(line) or []), cwd=tmp_path, env={"COSTEFF_HOME": str(ROOT)})
    assert done.returncode == ExitCode.OK, done.stderr
    said = as_text(tmp_path / "own" / "165.en.html")
    quoted = [
        part for quote in re.findall(r"^> (.+)$", read(REGISTER_GUIDE), re.MULTILINE) for part in quote.split(" [...] ")
    ]
    assert len(quoted) >= 4
    assert [quote for quote in quoted if not said_alike(quote, said)] == []
    found = re.search(r"over 10 years .*? from an extra cost of €([\d,]+) to a saving of €([\d,]+)\)", said)
    extra, saving = (int(amount.replace(",", "")) for amount in found.groups()) if found else (0, 0)
    assert 1_600_000 < extra < 2_500_000, "about two million"
    assert 1_200_000 < saving < 1_900_000, "about one and a half"


def test_the_price_of_the_guide_can_be_added(tmp_path: Path) -> None:
    page = ROOT / "docs" / "how_to" / "change_a_price.md"
    folder = tmp_path / "params"
    shutil.copytree(ROOT / "params", folder)
    file = folder / "unit_costs" / "prison.yaml"
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    start = next(n for n, line in enumerate(lines) if line.startswith("prisoner_year:"))
    last = max(n for n, line in enumerate(lines[start + 1 :], start + 1) if "price_year: 2024" in line)
    lines.insert(last + 1, fences(page, "yaml")[0])
    file.write_text("".join(lines), encoding="utf-8")
    assert Catalogue.load(folder).unit_costs["prisoner_year"].latest.mean == 90000


def test_the_summary_of_the_check_is_that_of_today() -> None:
    page = ROOT / "docs" / "how_to" / "change_a_price.md"
    told = next(body for body in fences(page, "text") if "no problems" in body)
    assert CliRunner().invoke(app, ["params", "check", str(ROOT / "params")]).output == told


def test_no_dash_is_used_as_a_pause() -> None:
    pages = [page for page in PAGES if page.is_relative_to(ROOT / "docs") or page.name == "GLOSSARY.md"]
    assert [page.name for page in pages if re.search(r"\s[–—]\s", prose(page))] == []


# --- guides followed word by word -----------------------------------------------------------------


def blocks(page: Path) -> list[tuple[str, str]]:
    return FENCE.findall(read(page))


def home(folder: Path) -> Path:
    """A project of its own for a user who follows a guide, with the fits that are cached."""
    made = folder / "home"
    shutil.copytree(ROOT / "params", made / "params")
    (made / "notebooks").symlink_to(ROOT / "notebooks")
    (made / ".cache").mkdir()
    (ROOT / ".cache" / "costeff").mkdir(parents=True, exist_ok=True)
    (made / ".cache" / "costeff").symlink_to(ROOT / ".cache" / "costeff")
    return made


def test_the_guide_to_own_chains_can_be_followed(tmp_path: Path) -> None:
    page, practice, project = ROOT / "docs" / "how_to" / "own_chain.md", tmp_path / "practice", home(tmp_path)
    practice.mkdir()
    texts = fences(page, "text")
    written, lacking, wrong, fine = (text.rstrip("\n") for text in texts)
    new, check, kept, _, _ = fences(page, "sh")

    def follow(line: str) -> Done:
        return costeff(*(words_of(line) or []), cwd=practice, env={"COSTEFF_HOME": str(project)})

    assert follow(new).stdout.rstrip("\n") == written
    assert follow(new).returncode == ExitCode.SETUP, "never overwritten"
    told = follow(check)
    assert (told.returncode, told.stderr.splitlines()[0]) == (ExitCode.PARAMS, lacking)
    file = practice / "reablement.yaml"
    filled = read(ROOT / "notebooks" / "reablement.yaml")
    file.write_text(filled.replace("payer: older_people_care", "payer: old_people", 1), encoding="utf-8")
    assert follow(f"{check.strip()} --lang fi").stderr.rstrip("\n") == wrong
    file.write_text(filled, encoding="utf-8")
    assert follow(check).stdout.rstrip("\n") == fine
    (project / "params" / "own").mkdir(exist_ok=True)
    file.rename(project / "params" / "own" / file.name)
    for line in kept.splitlines():
        assert follow(line).returncode == ExitCode.OK, line


def test_the_table_of_models_of_the_guide_to_own_chains_is_that_of_today(params: Catalogue) -> None:
    rows_told = re.findall(
        r"^\| `(\w+)` \| [^|]+ \| ([^|]+) \|$", read(ROOT / "docs" / "how_to" / "own_chain.md"), re.MULTILINE
    )
    assert [name for name, _ in rows_told] == list(MODELS)
    for name, able in rows_told:
        sets = [key for key, one in params.price_sets.items() if one.can_price(name, MODELS[name].items)]
        assert re.findall(r"`(\w+)`", able) == sets, name


@pytest.mark.slow
def test_the_run_of_the_guide_to_own_chains_says_what_the_guide_says(tmp_path: Path) -> None:
    page, project = ROOT / "docs" / "how_to" / "own_chain.md", home(tmp_path)
    (project / "params" / "own").mkdir(exist_ok=True)
    shutil.copy(ROOT / "notebooks" / "reablement.yaml", project / "params" / "own")
    line = next(line for line in fences(page, "sh") if "--output runs/reablement" in line)
    done = costeff(*(words_of(line) or []), cwd=project, env={"COSTEFF_HOME": str(project)})
    assert done.returncode == ExitCode.OK, done.stderr
    said = as_text(project / "runs" / "reablement" / "165.en.html")
    quoted = re.findall(r"^> (.+)$", read(page), re.MULTILINE)
    assert quoted
    assert [quote for quote in quoted if quote not in said] == []


def as_text(page: Path) -> str:
    """What a page says, without tags and joiners."""
    bare = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", read(page), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", "", bare)).replace("\u2060", "").split())
