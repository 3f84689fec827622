"""`costeff params fetch` from the service to the catalogue: what is joined, kept, refused, and read back."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from params_builders import PARAMS, ROOT, change, copy_of_params
from sotkanet_server import COUNTRY_ID, STATISTICS_FINLAND, Reply, Service, metadata, row, rows_of, running
from typer.testing import CliRunner, Result

from costeff.cli.start import app
from costeff.errors import CosteffError, ExitCode, ParamsError, Problems
from costeff.params import Catalogue
from costeff.params.fetched import Fetched, Observed, read_fetched
from costeff.params.filled import need_values


@pytest.fixture
def service() -> Iterator[Service]:
    with running(Service()) as one:
        yield one


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_params(tmp_path_factory.mktemp("home")).parent


@pytest.fixture
def home(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project in which nothing was fetched yet; what is read of it anew takes its time, so it is one for all."""
    for folder in (copied / "params" / "fetched", copied / ".cache"):
        if folder.is_dir():
            shutil.rmtree(folder)
        folder.unlink(missing_ok=True)
    monkeypatch.setenv("COSTEFF_HOME", str(copied))
    monkeypatch.setenv("COLUMNS", "300")
    return copied


def fetch(service: Service, *args: str) -> Result:
    given = ["params", "fetch", *args, "--base-url", service.url, "--interval", "0.05"]
    return CliRunner().invoke(app, given)


def refusal(result: Result, kind: ExitCode) -> str:
    assert isinstance(result.exception, CosteffError), result.output
    assert result.exception.code is kind
    assert all(problem.cure for problem in result.exception.problems)
    return str(result.exception)


def table(home: Path, indicator: str = "191") -> list[dict[str, str]]:
    with (home / "params" / "fetched" / f"{indicator}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def read(home: Path) -> dict[str, Fetched]:
    """What was fetched, read back; it holds together."""
    catalogue, problems = Catalogue.load(PARAMS), Problems()
    found = read_fetched(home / "params" / "fetched", catalogue.municipalities, catalogue.counties, problems)
    assert not problems
    return found


def nothing_written(home: Path) -> bool:
    folder = home / "params" / "fetched"
    return not folder.exists() or not list(folder.iterdir())


# --- the whole way --------------------------------------------------------------------------------


def test_a_fetched_index_takes_the_place_of_the_table_and_says_where_it_is_from(service: Service, home: Path) -> None:
    before = Catalogue.load(home / "params")
    done = fetch(service, "191", "--year", "2022", "--years", "2022-2023")
    assert done.exit_code == 0, done.output
    after = Catalogue.load(home / "params")
    need = after.need["children_placed"]
    assert {code: value for code, value in need.items() if value is not None} == {"005": 50, "297": 100, "837": 200}
    assert set(need) == set(after.municipalities)
    assert need["091"] is None  # not in the answer: neither 0 nor the median
    assert after.need["neet_17_24"] == before.need["neet_17_24"]
    assert after.hash != before.hash
    told = dict(after.need_indices["children_placed"].told())
    assert "Sotkanet indicator 191" in told["source"]
    assert "CC BY 4.0" in told["source"]
    assert "2022, 2023, updated 2024-06-05, fetched 20" in told["data"]
    assert told["municipalities"].startswith("3 with a value; 305 missing")
    done = CliRunner().invoke(app, ["params", "show", "children_placed"])
    assert done.exit_code == 0, done.exception
    shown = done.output
    assert "Sotkanet indicator 191" in shown
    assert "2022, 2023" in shown
    assert "thl_sotkanet_need" in dict(before.need_indices["children_placed"].told())["source"]


def test_what_is_kept_has_its_provider_licence_day_and_checksum(service: Service, home: Path) -> None:
    service.rows = lambda *_: [row(46, 2021, 1.25, 5), row(297, 2021, 0, 0), row(309, 2021, None), row(970, 2021, 3.0)]
    service.rows = lambda *_, rows=service.rows: [*rows(), row(COUNTRY_ID, 2021, 2.5, 1000)]
    assert fetch(service, "191", "--year", "2021").exit_code == 0
    assert table(home) == [
        dict(zip(("indicator", "region", "category", "year", "gender", "value", "absolute_value"), line, strict=True))
        for line in (
            ("191", "08", "HYVINVOINTIALUE", "2021", "total", "3", ""),
            ("191", "005", "KUNTA", "2021", "total", "1.25", "5"),
            ("191", "297", "KUNTA", "2021", "total", "0", "0"),
            ("191", "837", "KUNTA", "2021", "total", "", ""),
            ("191", "358", "MAA", "2021", "total", "2.5", "1000"),
        )
    ]
    one = read(home)["191"]
    assert [one.about.licence, one.about.provider.fi] == ["CC BY 4.0", "Terveyden ja hyvinvoinnin laitos (THL)"]
    assert (one.about.title.fi, one.about.title.sv) == ("Osoitin 191, %", "Indikator 191, %")
    assert (one.about.rows, one.about.missing) == (5, 306)
    content = (home / "params" / "fetched" / "191.csv").read_bytes()
    assert one.about.sha256 == hashlib.sha256(content).hexdigest()
    assert one.about.url.endswith("json?indicator=191&years=2021&genders=total")


def test_of_another_provider_the_licence_stays_missing_and_that_is_told(service: Service, home: Path) -> None:
    service.metadata = lambda indicator: metadata(indicator, STATISTICS_FINLAND, "LKM")
    done = fetch(service, "127", "--year", "2022")
    assert done.exit_code == 0
    assert "Statistics Finland; licence not known: ask Statistics Finland for its terms" in done.output
    assert "Fills nothing in params/ yet" in done.output
    assert read(home)["127"].about.licence is None
    shown = CliRunner().invoke(app, ["params", "show", "127"])
    assert shown.exit_code == 0, shown.exception
    assert "licence not known" in shown.output
    card = Catalogue.load(home / "params").card("127")._repr_html_()
    assert "json?indicator=127" in card


def test_a_national_volume_is_filled_year_by_year_and_the_other_years_stay(service: Service, home: Path) -> None:
    service.rows = lambda *_: [row(COUNTRY_ID, 2023, 1.1, 11300.5, indicator=1077), row(46, 2023, 1, indicator=1077)]
    done = fetch(service, "1077", "--year", "2023")
    assert "2023: 11,300.5, where 11,300 (thl_child_welfare_2023) stood" in done.output
    years = Catalogue.load(home / "params").national_volumes["in_care_during_year"].years
    assert years[2023].value == 11300.5
    assert "Sotkanet indicator 1077" in years[2023].source
    assert years[2024].source == "thl_child_welfare_2024"
    assert (home / "params" / "national_volumes.csv").read_bytes() == (PARAMS / "national_volumes.csv").read_bytes()


def test_without_a_number_everything_of_the_mapping_is_fetched_at_a_pace(service: Service, home: Path) -> None:
    assert fetch(service).exit_code == 0
    named = Catalogue.load(PARAMS).sotkanet
    assert named is not None
    assert set(read(home)) == set(named.indicators)
    assert len(service.asked) == 1 + 2 * len(named.indicators)
    times = [when for when, _, _ in service.asked]
    assert all(later - earlier >= 0.045 for earlier, later in pairwise(times))
    assert "0 requests made" in fetch(service).output
    assert len(service.asked) == len(times)


def test_a_dry_run_tells_and_asks_nothing(service: Service, home: Path) -> None:
    done = fetch(service, "191", "--years", "2018-2020", "--gender", "male", "--dry-run")
    assert done.exit_code == 0
    assert "json?indicator=191&years=2018&years=2019&years=2020&genders=male" in done.output
    assert "Nothing was asked" in done.output
    assert not service.asked
    assert not (home / ".cache").exists()
    assert nothing_written(home)


def test_nothing_else_asks_the_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    home = copy_of_params(tmp_path).parent  # no catalogue from before

    def refuse(*_: Any) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert Catalogue.load(home / "params").need["children_placed"]["005"] == 89.67


# --- regions --------------------------------------------------------------------------------------


def test_counties_are_joined_by_their_present_and_former_ids(service: Service, home: Path) -> None:
    service.rows = lambda *_: [
        *(row(970, 2023, 3.0), row(890, 2023, 9.9)),  # both: the present one counts
        *(row(890, 2022, 2.0), row(956, 2022, 1.0), row(46, 2022, 1.0)),
    ]
    done = fetch(service, "191", "--years", "2022-2023")
    counties = {(r["region"], r["year"]): r["value"] for r in table(home) if r["category"] == "HYVINVOINTIALUE"}
    assert counties == {("08", "2022"): "2", ("08", "2023"): "3", ("91", "2022"): "1"}
    assert "1 row left out: a county by its former id" in done.output


def test_every_county_of_the_catalogue_has_its_ids(catalogue: Catalogue) -> None:
    assert catalogue.sotkanet is not None
    ids = catalogue.sotkanet.counties
    assert set(ids) == set(catalogue.counties)
    assert sorted(present for present, *_ in ids.values()) == list(range(956, 979))
    assert sorted(former for _, *rest in ids.values() for former in rest) == [*range(877, 879), *range(879, 899)]


def test_unknown_regions_and_rows_that_stand_twice_are_told_and_left_out(service: Service, home: Path) -> None:
    service.regions.append({"id": 77, "code": "999", "category": "KUNTA"})
    service.regions.append({"id": 999, "code": "H99", "category": "HYVINVOINTIALUE"})
    service.rows = lambda *_: [
        row(region, 2021, 1.0) for region in (46, 46, 77, 999, 12345, 12345, 600, COUNTRY_ID)
    ]  # fmt: skip
    done = fetch(service, "191", "--year", "2021")
    assert done.exit_code == 0
    assert "4 rows left out: unknown region 12345, 77 (KUNTA 999), 999 (HYVINVOINTIALUE H99)" in done.output
    assert "1 row left out: the same row a second time" in done.output
    assert "1 row left out: regions of other kinds" in done.output
    assert [r["region"] for r in table(home)] == ["005", "358"]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        (lambda s: s.regions.append({"id": 5, "code": "5", "category": "KUNTA"}), "5 has lost its zeros (005)"),
        (lambda s: setattr(s, "rows", lambda *_: [row(46, 2021, 1.0), row(46, 2021, 2.0)]),
         "KUNTA 005 has two values for 2021, total"),
        (lambda s: setattr(s, "rows", lambda *_: [row(46, 2021, 1.0, indicator=4)]), "holds a row of 4, 2021, total"),
        (lambda s: setattr(s, "rows", lambda *_: [row(46, 1999, 1.0)]), "holds a row of 191, 1999, total"),
        (lambda s: setattr(s, "rows", lambda *_: []), "has no value for 2021"),
        (lambda s: setattr(s, "rows", lambda *_: [row(46, 2021, None)]), "its data are from 1991 to 2023"),
        (lambda s: setattr(s, "metadata", lambda _: metadata(192)), "tells of indicator 192"),
        (lambda s: setattr(s, "metadata", lambda _: metadata(191, code="LKM")), "is no rate"),
        (lambda s: setattr(s, "rows", lambda *_: [row(46, 2021, 0), row(297, 2021, 0)]), "median municipality"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_hold_together_is_not_written(
    service: Service, home: Path, spoil: Any, rule: str
) -> None:
    spoil(service)
    assert rule in refusal(fetch(service, "191", "--year", "2021"), ExitCode.PARAMS)
    assert nothing_written(home)


def test_when_one_of_several_fails_none_is_written(service: Service, home: Path) -> None:
    service.first = [
        Reply.data(metadata(191)),
        Reply.data(service.regions),
        Reply.data(rows_of(191, [2021], ["total"])),
    ]
    service.first += [Reply(b"", 403)]
    refusal(fetch(service, "191", "234", "--year", "2021"), ExitCode.SETUP)
    assert nothing_written(home)


def test_a_title_cannot_write_to_the_terminal(service: Service, home: Path) -> None:
    service.metadata = lambda indicator: (
        metadata(indicator) | {"title": {"fi": "\x1b[2JA\nB\u202e", "en": " ", "sv": None}}
    )
    done = fetch(service, "191", "--year", "2021")
    assert "\x1b" not in done.output
    assert "191: [2JA B\n" in done.output
    assert read(home)["191"].about.title.en is None


# --- what stands in the way -----------------------------------------------------------------------


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_asked(service: Service, home: Path) -> None:
    (home / "params" / "fetched").write_text("in the way")
    assert "nothing was asked" in refusal(fetch(service, "191"), ExitCode.SETUP)
    assert not service.asked


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_told(service: Service, home: Path) -> None:
    (home / "params").chmod(0o500)
    try:
        assert "cannot be written" in refusal(fetch(service, "191"), ExitCode.SETUP)
    finally:
        (home / "params").chmod(0o700)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("abc",), "is not the number of an indicator"),
        (("children_placed",), "write 191, which fills it"),
        (("0191",), "is not the number"),
        (("../../etc/passwd",), "is not the number"),
        (("191", "--years", "2018"), "write it as 2018-2023"),
        (("191", "--years", "2023-2018"), "is not a range"),
        (("191", "--years", "1900-2020"), "are 121 years"),
        (("191", "--gender", "alla"), "use total, male, female"),
        (("191", "--contact", "a\nb"), "--contact"),
    ],
)
def test_a_users_mistake_is_told_and_nothing_is_asked(
    service: Service, home: Path, args: tuple[str, ...], told: str
) -> None:
    assert told in refusal(fetch(service, *args), ExitCode.USAGE)
    assert not service.asked


def test_the_command_leaves_with_a_block_and_a_code(home: Path) -> None:
    """As a user meets it: no network is 7, and there is no traceback."""
    command = [sys.executable, "-m", "costeff.cli", "params", "fetch", "191", "--base-url", "http://127.0.0.1:9/rest"]
    done = subprocess.run(
        [*command, "--interval", "0.05"], cwd=ROOT, env={**os.environ, "COSTEFF_HOME": str(home)},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 7
    assert done.stderr.startswith("Sotkanet could not be asked\n  http://127.0.0.1:9/rest/")
    assert "    -> check the network" in done.stderr
    assert "Traceback" not in done.stderr


# --- reading back ---------------------------------------------------------------------------------


def spoilt(home: Path, old: str, new: str, *, again: bool = True) -> list[str]:
    """What reading tells of a table in which something was changed, with its checksum made to fit or not."""
    path, sheet = home / "params" / "fetched" / "191.csv", home / "params" / "fetched" / "191.yaml"
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    change(home / "params", "fetched/191.csv", old, new)
    if again:
        sheet.write_text(sheet.read_text().replace(before, hashlib.sha256(path.read_bytes()).hexdigest()))
    catalogue, problems = Catalogue.load(PARAMS), Problems()
    read_fetched(home / "params" / "fetched", catalogue.municipalities, catalogue.counties, problems)
    return [str(problem).strip() for problem in problems]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("191,005,KUNTA,2022", "191,5,KUNTA,2022", "region 5 has lost its zeros\n    -> write 005"),
        ("191,005,KUNTA,2022", "191,998,KUNTA,2022", "region 998 is unknown"),
        ("191,08,HYV", "191,8,HYV", "region 8 has lost its zeros\n    -> write 08"),
        ("191,005,KUNTA,2022,total,1,100", '191,005,KUNTA,2022,total,"1,5",100', "value is not a number"),
        ("191,005,KUNTA,2022,total,1,100", "191,005,KUNTA,2022,total,1,5,100", "has 8 cells, the header has 7"),
        ("191,005,KUNTA,2022,total,1,100", "191,005,KUNTA,2022,total,..,100", "value is a mark of suppression"),
        ("191,005,KUNTA,2022,total,1,100", "191,005,KUNTA,2022,total,nan,100", "value is not a number"),
        ("191,005,KUNTA,2022", "192,005,KUNTA,2022", "is of indicator 192"),
        ("191,005,KUNTA,2022", "191,005,KUNTA,1822", "year 1822 was not asked for"),
        ("191,005,KUNTA,2022", "191,005,KYLÄ,2022", "category KYLÄ is unknown"),
        ("191,297,KUNTA,2022", "191,005,KUNTA,2022", "stands twice"),
        ("gender,value", "gender,arvo", "has no column value"),
    ],
)
def test_a_table_is_read_back_strictly(service: Service, home: Path, old: str, new: str, told: str) -> None:
    assert fetch(service, "191", "--year", "2022").exit_code == 0
    problems = spoilt(home, old, new)
    assert any(told in problem and problem.startswith("fetched/191.csv:") for problem in problems), problems


def test_a_table_changed_by_hand_is_not_what_was_fetched(service: Service, home: Path) -> None:
    assert fetch(service, "191", "--year", "2022").exit_code == 0
    (problem,) = spoilt(home, "191,005,KUNTA,2022,total,1,100", "191,005,KUNTA,2022,total,3,300", again=False)
    assert "is not as it was fetched" in problem
    assert "remove fetched/191.csv and fetched/191.yaml, and fetch 191 again" in problem


def test_ends_of_lines_are_not_a_change(service: Service, home: Path) -> None:
    assert fetch(service, "191", "--year", "2022").exit_code == 0
    path = home / "params" / "fetched" / "191.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read(home)["191"].rows


@pytest.mark.parametrize(("gone", "there"), [("191.csv", "191.yaml"), ("191.yaml", "191.csv")])
def test_half_of_a_pair_is_told(service: Service, home: Path, gone: str, there: str) -> None:
    assert fetch(service, "191", "--year", "2022").exit_code == 0
    (home / "params" / "fetched" / gone).unlink()
    problems = Problems()
    read_fetched(home / "params" / "fetched", (), (), problems)
    assert [(p.place, p.rule) for p in problems] == [(f"fetched/{gone}", "is not there, and its other half is")]
    assert there in next(iter(problems)).cure


def test_what_was_fetched_and_spoilt_stops_the_catalogue(service: Service, home: Path) -> None:
    assert fetch(service, "191", "--year", "2022").exit_code == 0
    change(home / "params", "fetched/191.csv", "191,005,KUNTA", "191,5,KUNTA")
    with pytest.raises(ParamsError, match="has lost its zeros"):
        Catalogue.load(home / "params")


def test_the_mapping_names_what_exists_and_each_once(tmp_path: Path) -> None:
    home = copy_of_params(tmp_path).parent
    change(home / "params", "sotkanet.yaml", "need: neet_17_24", "need: neet_17_42")
    change(home / "params", "sotkanet.yaml", "volume: emergency_placements", "volume: emergency_placement")
    with pytest.raises(ParamsError) as caught:
        Catalogue.load(home / "params")
    rules = [problem.rule for problem in caught.value.problems]
    assert rules[0] == "neet_17_42 is not a need index of municipality_indices.csv"
    assert rules[1] == "emergency_placement is not in national_volumes.csv"
    change(home / "params", "sotkanet.yaml", "need: neet_17_42", "need: children_placed")
    with pytest.raises(ParamsError, match="need children_placed stands twice"):
        Catalogue.load(home / "params")


def test_without_a_mapping_the_catalogue_is_as_before_and_nothing_can_be_fetched(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of_params(tmp_path).parent
    monkeypatch.setenv("COSTEFF_HOME", str(home))
    (home / "params" / "sotkanet.yaml").unlink()
    assert Catalogue.load(home / "params").need == Catalogue.load(PARAMS).need
    assert "says what fills what" in refusal(fetch(service, "191"), ExitCode.PARAMS)


# --- the index ------------------------------------------------------------------------------------


def observed(code: str, year: int, value: float | None, gender: str = "total", category: str = "KUNTA") -> Observed:
    return Observed(code, category, year, gender, value, None)


def test_the_index_is_the_mean_over_years_of_hundredths_of_the_median_municipality() -> None:
    """Counted by hand: medians 2 and 10; a year without a value is left out, and so are other sexes and regions."""
    rows = [
        *(observed("005", 2021, 1.0), observed("091", 2021, 2.0), observed("837", 2021, 6.0)),
        *(observed("005", 2022, 10.0), observed("091", 2022, None), observed("837", 2022, 10.0)),
        *(observed("297", 2022, 0.0), observed("005", 2022, 99.0, gender="male")),
        observed("08", 2022, 1000.0, category="HYVINVOINTIALUE"),
    ]
    assert need_values(rows) == {"005": (50 + 100) / 2, "091": 100, "837": (300 + 100) / 2, "297": 0}


def test_a_year_in_which_most_have_nothing_gives_no_index() -> None:
    rows = [observed("005", 2021, 0.0), observed("091", 2021, 0.0), observed("837", 2021, 6.0)]
    assert need_values(rows) == {}
    assert need_values([*rows, observed("005", 2022, 3.0)]) == {"005": 100}


def test_the_unit_of_a_value_does_not_move_the_index() -> None:
    rows = [observed(code, year, value * year) for year in (1, 2, 3) for code, value in (("a", 2.0), ("b", 5.0))]
    more = [Observed(r.region, r.category, r.year, r.gender, (r.value or 0) * 7, None) for r in rows]
    assert need_values(rows) == pytest.approx(need_values(more))


def test_nothing_fetched_is_nothing_read(tmp_path: Path) -> None:
    problems = Problems()
    assert read_fetched(tmp_path / "fetched", ["005"], ["08"], problems) == {}
    assert not problems


def test_the_kept_answers_are_those_of_the_service(service: Service, home: Path) -> None:
    fetch(service, "191", "--year", "2021")
    kept = [json.loads(path.read_text()) for path in (home / ".cache" / "costeff" / "sotkanet").glob("*.json")]
    assert {Path(each["url"]).name.split("?")[0] for each in kept} == {"regions", "191", "json"}
