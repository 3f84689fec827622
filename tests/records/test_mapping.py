"""A county's own names: mapped when they agree with the declarations and the source, told all at once when not."""

from __future__ import annotations

from pathlib import Path

import pytest
from register_builders import KNOWN, Frames, whole, write

from costeff.errors import DataError
from costeff.records import binary_cells, check, cost_cells, open_register

SECRET = "SECRETXYZ"
MAPPING = """
register: {label: Perhetyö, data_date: 2025-12-31}
tables:
  asiakkaat:
    table: clients
    columns: {Asiakas ID: client, kunta: municipality, riski: risk_group}
    values: {risk_group: {"01": low, "02": middle, "03": high}}
    leave_out: [nimi]
  jaksot:
    table: episodes
    columns: {asiakas: client, palvelu: option, alku: start, loppu: end, hinta: cost}
    values: {option: {perus: usual, tehostettu: new}}
"""


def theirs() -> Frames:
    frames = whole()
    names = {"client": "Asiakas ID", "municipality": "kunta", "risk_group": "riski"}
    clients = frames["clients"].rename(columns=names).assign(nimi=SECRET)
    clients["riski"] = clients["riski"].map({"low": "01", "middle": "02", "high": "03"})
    names = {"client": "asiakas", "option": "palvelu", "start": "alku", "end": "loppu", "cost": "hinta"}
    episodes = frames["episodes"].rename(columns=names)
    episodes["palvelu"] = episodes["palvelu"].map({"usual": "perus", "new": "tehostettu"})
    return {"asiakkaat": clients, "jaksot": episodes, "outcomes": frames["outcomes"]}


@pytest.mark.parametrize("kind", ["csv", "excel", "parquet"])
def test_own_names_and_codes_give_the_same_cells(kind: str, tmp_path: Path) -> None:
    source = write(tmp_path / "own", theirs(), kind)
    (source / "mapping.yaml").write_text(MAPPING)
    declared = write(tmp_path / "declared", whole(), kind)
    (declared / "register.json").write_text('{"label": "Perhetyö"}', encoding="utf-8")
    with open_register(source) as own, open_register(declared) as plain:
        check(own, KNOWN)
        assert binary_cells(own, "relapse", 30).hash == binary_cells(plain, "relapse", 30).hash
        assert cost_cells(own).hash == cost_cells(plain).hash
        assert "column asiakkaat.kunta -> clients.municipality" in own.renamed
        assert not any(code in line for line in own.renamed for code in ("01", "tehostettu", SECRET))


WRONG = {
    "unknown key": ("tables: {asiakkaat: {tables: clients}}", "unknown key"),
    "unknown table": ("tables: {asiakkaat: {table: client}}", "is mapped to no declared table"),
    "unknown column": (
        "tables: {asiakkaat: {table: clients, columns: {kunta: municipalty}}}",
        "is mapped to municipalty, which is not a column of clients",
    ),
    "two onto one": (
        "tables: {asiakkaat: {table: clients, columns: {kunta: municipality, riski: municipality}}}",
        "is one of 2 columns mapped to municipality",
    ),
    "two tables onto one": (
        "tables: {asiakkaat: {table: clients}, jaksot: {table: clients}}",
        "is one of 2 tables mapped to clients",
    ),
    "a column that is not there": (
        "tables: {asiakkaat: {table: clients, columns: {kuntta: municipality}}}",
        "is not a column of the table",
    ),
    "a table that is not there": ("tables: {asiakas: {table: clients}}", "there is no such table"),
    "a code without quotes": ("tables: {asiakkaat: {table: clients, values: {risk_group: {01: low}}}}", ""),
    "not a mapping": ("- a", "is not a mapping"),
    "not YAML": ("tables: [", "is not valid YAML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mapping_that_does_not_hold(name: str, tmp_path: Path) -> None:
    text, rule = WRONG[name]
    source = write(tmp_path / "own", theirs(), "csv")
    (source / "mapping.yaml").write_text(text)
    with pytest.raises(DataError) as caught, open_register(source) as register:
        check(register, KNOWN)
    assert rule in str(caught.value)
    assert SECRET not in str(caught.value)


def test_all_faults_of_a_mapping_are_told_at_once(tmp_path: Path) -> None:
    source = write(tmp_path / "own", theirs(), "csv")
    (source / "mapping.yaml").write_text(
        "tables:\n"
        "  asiakkaat: {table: clients, columns: {kunta: place, riski: client, id: client}, values: {sex: {a: b}}}\n"
        "  jaksot: {table: episode}\n"
    )
    with pytest.raises(DataError) as caught:
        open_register(source)
    assert len([p for p in caught.value.problems if "mapping.yaml" in p.place]) >= 5


def test_a_mapping_elsewhere_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        open_register(write(tmp_path / "own", whole(), "csv"), tmp_path / "nowhere.yaml")


def test_a_table_cannot_lead_out_of_the_folder(tmp_path: Path) -> None:
    source = write(tmp_path / "own", theirs(), "csv")
    write(tmp_path / "outside", whole(), "csv")
    (source / "mapping.yaml").write_text("tables: {../outside/clients: {table: clients}}")
    with pytest.raises(DataError, match="there is no such table"):
        open_register(source)


def test_what_is_wrong_with_a_code_is_told_without_the_code(tmp_path: Path) -> None:
    source = write(tmp_path / "own", theirs(), "csv")
    (source / "mapping.yaml").write_text(
        f"tables: {{asiakkaat: {{table: clients, values: {{risk_group: {{{SECRET}: 7, 4242: low}}}}}}}}"
    )
    with pytest.raises(DataError) as caught:
        open_register(source)
    assert "values.risk_group: input should be a valid string" in str(caught.value)
    assert not any(code in str(caught.value) for code in (SECRET, "4242", "it is"))


def test_a_mapped_table_does_not_hide_one_of_the_declared_name(tmp_path: Path) -> None:
    source = write(tmp_path / "own", theirs() | {"clients": whole()["clients"]}, "csv")
    (source / "mapping.yaml").write_text(MAPPING)
    with pytest.raises(DataError, match="is mapped to clients, and a table clients is there too"):
        open_register(source)
