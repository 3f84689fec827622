"""The client of Sotkanet against a service that answers as it does: polite, bounded, and never fooled."""

from __future__ import annotations

import gzip
import json
import socket
import stat
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sotkanet_server import THL, Reply, Service, metadata, packed, row, rows_of, running

from costeff.errors import CosteffError, ExitCode
from costeff.params.sotkanet import Client

PACE = 0.05


@pytest.fixture
def service() -> Iterator[Service]:
    with running(Service()) as one:
        yield one


def client(service: Service, cache: Path, **more: Any) -> Client:
    given: dict[str, Any] = {"interval": PACE, "timeout": 2.0, **more}
    return Client(base_url=service.url, cache=cache, **given)


def failure(service: Service, cache: Path, reply: Reply, **more: Any) -> CosteffError:
    """What is told when the regions are answered with this."""
    service.first = [reply]
    with pytest.raises(CosteffError) as caught:
        client(service, cache, **more).regions()
    assert "Traceback" not in str(caught.value)
    assert caught.value.problems[0].cure
    assert not list(cache.glob("*"))  # what could not be read is not kept
    return caught.value


def test_the_client_is_named_and_says_whom_to_write_to(service: Service, tmp_path: Path) -> None:
    client(service, tmp_path, contact="talous@kunta.example").regions()
    ((_, _, headers),) = service.asked
    assert headers["User-Agent"].startswith("costeff/")
    assert "talous@kunta.example" in headers["User-Agent"]


def test_without_a_name_the_service_refuses(service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal is the service's own: it is there, and the client's name is what opens it."""
    monkeypatch.setattr(Client, "name", property(lambda self: "python-requests/2"))
    with pytest.raises(CosteffError, match="refuses the request") as caught:
        client(service, tmp_path).regions()
    assert caught.value.code is ExitCode.SETUP


def test_years_and_genders_are_repeated_for_a_list_with_commas_is_refused(service: Service, tmp_path: Path) -> None:
    one = client(service, tmp_path)
    found, _ = one.rows("191", (2021, 2022), ("total", "male"))
    assert service.paths == ["json?indicator=191&years=2021&years=2022&genders=total&genders=male"]
    assert {(r.year, r.gender) for r in found} == {(2021, "total"), (2021, "male"), (2022, "total"), (2022, "male")}
    with pytest.raises(CosteffError, match="does not understand"):
        one.rows("191", ("2021,2022",), ("total",))  # type: ignore[arg-type]


def test_a_missing_value_stays_missing_and_zero_stays_zero(service: Service, tmp_path: Path) -> None:
    without = {k: v for k, v in row(309, 2021, None).items() if k not in ("value", "absValue")}
    service.rows = lambda *_: [row(46, 2021, None, 3.0), row(297, 2021, 0, 0), without]
    found, _ = client(service, tmp_path).rows("191", (2021,), ("total",))
    assert [(r.value, r.absolute) for r in found] == [(None, 3.0), (0.0, 0.0), (None, None)]


# --- the cache ------------------------------------------------------------------------------------


def test_the_second_call_asks_nothing_and_says_of_when_it_is(service: Service, tmp_path: Path) -> None:
    first = client(service, tmp_path).rows("191", (2021,), ("total",))
    assert len(service.asked) == 1
    again = client(service, tmp_path)
    assert again.rows("191", (2021,), ("total",)) == first
    assert again.asked == 0
    assert len(service.asked) == 1
    assert again.kept_since(again.data_url("191", (2021,), ("total",))) == first[1]
    again.rows("191", (2022,), ("total",))  # another question is another answer
    assert len(service.asked) == 2


def test_refresh_asks_again_once(service: Service, tmp_path: Path) -> None:
    client(service, tmp_path).regions()
    fresh = client(service, tmp_path, refresh=True)
    assert fresh.kept_since(fresh.url("regions")) is None
    assert fresh.regions() == fresh.regions()
    assert len(service.asked) == 2


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"url": 1}', '{"url": "URL", "fetched": "x", "body": "[]"}'])
def test_a_kept_answer_that_is_not_whole_is_asked_for_again(service: Service, tmp_path: Path, content: str) -> None:
    one = client(service, tmp_path)
    one.regions()
    (kept,) = tmp_path.glob("*.json")
    kept.write_text(content.replace("URL", one.url("regions")))
    assert len(client(service, tmp_path).regions()[0]) == len(service.regions)
    assert len(service.asked) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="modes of files are of POSIX")
def test_kept_answers_are_closed_to_strangers(service: Service, tmp_path: Path) -> None:
    client(service, tmp_path / "new").regions()
    (kept,) = (tmp_path / "new").glob("*")
    assert stat.S_IMODE(kept.stat().st_mode) & 0o137 == 0


# --- pace, patience and bounds --------------------------------------------------------------------


def test_requests_keep_their_distance(service: Service, tmp_path: Path) -> None:
    one = client(service, tmp_path, interval=0.15)
    for year in (2019, 2020, 2021, 2022):
        one.rows("191", (year,), ("total",))
    times = [when for when, _, _ in service.asked]
    assert all(later - earlier >= 0.145 for earlier, later in pairwise(times))


def test_a_service_out_of_order_is_asked_again_with_longer_waits(service: Service, tmp_path: Path) -> None:
    service.first = [Reply(b"", 500), Reply(b"", 503)]
    assert client(service, tmp_path, interval=0.1).regions()[0]
    times = [when for when, _, _ in service.asked]
    assert len(times) == 3
    assert times[1] - times[0] >= 0.095
    assert times[2] - times[1] >= 0.195


def test_a_service_that_asks_to_wait_is_waited_for(service: Service, tmp_path: Path) -> None:
    service.first = [Reply(b"", 429, {"Retry-After": "1"})]
    assert client(service, tmp_path).regions()[0]
    times = [when for when, _, _ in service.asked]
    assert times[1] - times[0] >= 1.0


@pytest.mark.parametrize(("status", "rule"), [(500, "is out of order"), (429, "asks to wait longer")])
def test_patience_ends_and_is_told(service: Service, tmp_path: Path, status: int, rule: str) -> None:
    service.first = [Reply(b"", status) for _ in range(10)]
    with pytest.raises(CosteffError, match=rule) as caught:
        client(service, tmp_path, interval=0.01).regions()
    assert caught.value.code is ExitCode.SETUP
    assert len(service.asked) == 4


def test_a_slow_answer_is_asked_for_again_and_then_told(service: Service, tmp_path: Path) -> None:
    service.first = [Reply(b"[]", delay=0.6)]
    assert client(service, tmp_path, timeout=0.3).regions()[0]
    service.first = [Reply(b"[]", delay=0.5) for _ in range(10)]
    with pytest.raises(CosteffError, match="gave no answer in time") as caught:
        client(service, tmp_path, timeout=0.1, interval=0.01, refresh=True).regions()
    assert caught.value.code is ExitCode.SETUP


def test_an_answer_that_never_ends_is_given_up(service: Service, tmp_path: Path) -> None:
    error = failure(service, tmp_path, Reply.data([{"id": n} for n in range(50_000)]), patience=-1.0)
    assert error.code is ExitCode.SETUP
    assert "has not finished" in str(error)


def test_an_absurdly_large_answer_is_not_taken_packed_or_not(service: Service, tmp_path: Path) -> None:
    bomb = Reply(gzip.compress(b" " * 30_000_000), headers={"Content-Encoding": "gzip"})
    for reply in (Reply(b" " * 2_000_000), bomb):
        error = failure(service, tmp_path, reply, largest=1_000_000)
        assert error.code is ExitCode.SETUP
        assert "answers with more than 1 MB" in str(error)


def test_a_packed_answer_is_unpacked(service: Service, tmp_path: Path) -> None:
    service.first = [packed(service.regions)]
    assert len(client(service, tmp_path).regions()[0]) == len(service.regions)


def test_another_host_is_not_followed(service: Service, tmp_path: Path) -> None:
    with running(Service()) as other:
        moved = Reply(b"", 302, {"Location": f"http://localhost:{other.port}/rest/1.1/regions"})
        error = failure(service, tmp_path, moved)
        assert not other.asked
    assert error.code is ExitCode.SETUP
    assert "sends on to localhost (302), which is not followed" in str(error)
    assert "--base-url" in str(error)


def test_no_network_is_a_matter_of_the_machine(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(CosteffError, match="could not be reached") as caught:
        Client(f"http://127.0.0.1:{port}/rest", tmp_path, interval=0.01).regions()
    assert caught.value.code is ExitCode.SETUP


def test_passwords_of_the_users_own_files_are_not_sent(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client(service, tmp_path / "cache").regions()
    assert "Authorization" not in service.asked[0][2]


# --- what is answered -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b'[{"id": 46, "code": "005", "categ', "is not whole JSON"),
        (b"<!DOCTYPE html><html><title>Huoltokatko</title></html>", "is a page and not data"),
        (b"", "is not whole JSON"),
        (b"\xff\xfe[]", "is not whole JSON"),
        (b"[" * 100_000, "is not whole JSON"),
        (b'[{"id": NaN, "code": "005", "category": "KUNTA"}]', "is not whole JSON"),
        (b'{"error": "x"}', "input should be a valid list"),
        (b'[{"id": 46, "code": 5, "category": "KUNTA"}]', "0.code: input should be a valid string"),
        (b'[{"code": "005", "category": "KUNTA"}]', "0.id: field required"),
        (b'[{"id": "46", "code": "005", "category": "KUNTA"}]', "0.id: input should be a valid integer"),
    ],
)
def test_what_is_no_answer_is_told_and_not_kept(service: Service, tmp_path: Path, body: bytes, rule: str) -> None:
    error = failure(service, tmp_path, Reply(body, headers={"Content-Type": "application/json"}))
    assert error.code is ExitCode.PARAMS
    assert rule in str(error)


def test_an_answer_cut_off_on_the_way_is_told(service: Service, tmp_path: Path) -> None:
    error = failure(service, tmp_path, Reply(b'[{"id": 46}', broken=True))
    assert error.code is ExitCode.SETUP
    assert "broke off in the middle" in str(error)


def test_data_count_whatever_they_are_called_and_a_page_does_not(service: Service, tmp_path: Path) -> None:
    service.first = [Reply(json.dumps(service.regions).encode(), headers={"Content-Type": "text/plain"})]
    assert client(service, tmp_path / "a").regions()[0]
    error = failure(service, tmp_path / "b", Reply(b" \n<html></html>", headers={"Content-Type": "application/json"}))
    assert "is a page and not data" in str(error)


def test_many_faults_of_one_kind_are_not_a_thousand_lines(service: Service, tmp_path: Path) -> None:
    service.rows = lambda *_: [row(46, 2021, None) | {"value": "1,2"} for _ in range(500)]
    with pytest.raises(CosteffError) as caught:
        client(service, tmp_path).rows("191", (2021,), ("total",))
    assert caught.value.code is ExitCode.PARAMS
    assert len(caught.value.problems) == 6
    assert "495 more" in str(caught.value)


def test_an_indicator_that_is_not_there_is_the_users_mistake(service: Service, tmp_path: Path) -> None:
    with pytest.raises(CosteffError, match="Unknown indicator") as caught:
        client(service, tmp_path).metadata("9999")
    assert caught.value.code is ExitCode.USAGE


def test_the_licence_is_known_of_thls_own_indicators_only(service: Service, tmp_path: Path) -> None:
    police = {"id": 2, "title": {"fi": "Poliisihallitus"}}  # the number alone says nothing
    licences = []
    for number, organization in enumerate((THL, {"id": 3, "title": {"fi": "Tilastokeskus"}}, police)):
        service.metadata = lambda indicator, who=organization: metadata(indicator, who)
        licences.append(client(service, tmp_path / str(number)).metadata("191")[0].licence)
    assert licences == ["CC BY 4.0", None, None]


@pytest.mark.parametrize(
    "url", ["sotkanet.fi", "ftp://sotkanet.fi", "https://u:p@sotkanet.fi", "https://", "https://a b", "http://[::1",
            "https://sotkanet.fi/?x=1"],
)  # fmt: skip
def test_an_address_that_is_none_is_told(tmp_path: Path, url: str) -> None:
    with pytest.raises(CosteffError, match="--base-url") as caught:
        Client(url, tmp_path)
    assert caught.value.code is ExitCode.USAGE


def test_a_contact_cannot_smuggle_a_header_in(tmp_path: Path) -> None:
    for contact in ("a@b\r\nX-Evil: 1", "ä@b", "a" * 101, "a)b"):
        with pytest.raises(CosteffError, match="--contact"):
            Client("https://sotkanet.fi/rest/1.1", tmp_path, contact=contact)


def test_rows_of_the_builder_are_as_the_interface_writes_them() -> None:
    assert set(rows_of(191, [2021], ["total"])[0]) == {"indicator", "region", "year", "gender", "value", "absValue"}
