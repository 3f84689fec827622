"""`costeff indicators` as a user meets it: what it prints, writes and returns."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from costeff.cli.start import app
from costeff.errors import CosteffError, DataError, UsageError


def costeff(*args):
    """Output and error of a command; the error is the one that main() turns into an exit code."""
    done = CliRunner().invoke(app, ["indicators", *map(str, args)], env={"COLUMNS": "200"})
    assert done.exception is None or isinstance(done.exception, CosteffError | SystemExit), done.exception
    return done.output, done.exception


def a_list(folder, *names):
    path = folder / "list.csv"
    path.write_text("nimi\n" + "".join(f'"{name}"\n' for name in names), encoding="utf-8")
    return path


@pytest.mark.parametrize(("language", "word"), [("fi", "Mittareita on 2"), ("sv", "Antal"), ("en", "Indicators: 2")])
def test_an_audit_tells_a_table_and_sentences(tmp_path, language, word):
    output, error = costeff("audit", a_list(tmp_path, "Perhetyön käynnit", "Laatu"), "--lang", language)
    assert error is None
    assert word in output
    assert "Perhetyön käynnit" in output


def test_names_with_markup_are_printed_as_they_are(tmp_path):
    output, error = costeff("audit", a_list(tmp_path, "[red]Laatu[/red]", "[/]"))
    assert error is None
    assert "[red]Laatu[/red]" in output


def test_an_audit_is_written_as_json_and_as_csv_without_formulas(tmp_path):
    path = a_list(tmp_path, "=1+1", "Käynnit")
    assert costeff("audit", path, "-o", tmp_path / "a.json")[1] is None
    assert [row["name"] for row in json.loads((tmp_path / "a.json").read_text())["rows"]] == ["=1+1", "Käynnit"]
    assert costeff("audit", path, "-o", tmp_path / "a.csv")[1] is None
    text = (tmp_path / "a.csv").read_text(encoding="utf-8-sig")
    cells = [cell for row in csv.reader(text.splitlines(), delimiter=";" if ";" in text else ",") for cell in row]
    assert any("1+1" in cell for cell in cells)
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


@pytest.mark.parametrize(
    ("args", "kind"),
    [
        (("audit", "nowhere.csv"), UsageError),
        (("audit", "nowhere.xlsx"), UsageError),
        (("list", "nothing"), UsageError),
        (("list", "--lang", "de"), UsageError),
        (("completeness", "declared", "--chain", "nothing"), UsageError),
        (("completeness", "nowhere"), DataError),
        (("profile", "show", "nowhere"), UsageError),
        (("profile", "template", "a.yaml", "--county", "99"), UsageError),
    ],
)
def test_a_mistake_is_told_and_never_a_traceback(args, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("COSTEFF_HOME", str(__import__("pathlib").Path(__file__).parents[2]))
    monkeypatch.chdir(tmp_path)
    _, error = costeff(*args)
    assert isinstance(error, kind)
    assert all(problem.cure for problem in error.problems)


def test_a_template_is_not_written_over(tmp_path):
    path = tmp_path / "05.yaml"
    assert costeff("profile", "template", path, "--county", "05")[1] is None
    before = path.read_text()
    assert isinstance(costeff("profile", "template", path, "--county", "06")[1], UsageError)
    assert path.read_text() == before


def test_a_password_in_the_address_of_a_register_is_not_told():
    output, error = costeff("completeness", "postgresql://someone:Hush5Hush@127.0.0.1:1/none")
    assert isinstance(error, CosteffError)
    assert "Hush5Hush" not in output + str(error)


def test_a_database_is_asked_by_its_address_and_with_a_mapping(tmp_path):
    import duckdb

    day = "DATE '2023-01-02'"
    path = tmp_path / "r.duckdb"
    with duckdb.connect(str(path)) as made:
        made.execute("CREATE TABLE asiakkaat AS SELECT 'c' || i client, '091' municipality, 'low' risk_group "
                     "FROM range(30) t(i)")  # fmt: skip
        made.execute(f"CREATE TABLE episodes AS SELECT 'c' || i client, CASE WHEN i < 15 THEN 'usual' ELSE 'new' END "
                     f"AS option, {day} AS start, {day} AS \"end\", 10.0 AS cost FROM range(30) t(i)")  # fmt: skip
        made.execute("CREATE TABLE outcomes AS SELECT 'c' || i client, 'placement' outcome, 365.0 AS time, false "
                     "AS event FROM range(30) t(i)")  # fmt: skip
    mapping = tmp_path / "m.yaml"
    mapping.write_text("tables:\n  asiakkaat: {table: clients}\n", encoding="utf-8")
    output, error = costeff("completeness", f"duckdb://{path}", "--mapping", mapping)
    assert error is None, error
    assert "Nobody can say to whom a cost or a saving falls." in output
    assert "real data" in output


def test_an_unknown_service_is_told_in_words():
    _, error = costeff("list", "nothing")
    assert "is not a service with indicators" in str(error)


def test_what_the_declared_tables_hold_is_told_by_service():
    output, error = costeff("completeness", "declared", "--chain", "intensive_family_work", "--lang", "sv")
    assert error is None
    assert "Barnskyddets öppenvård" in output
    assert "Missbrukarvård" not in output
