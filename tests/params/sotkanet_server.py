"""A service on this machine that answers as Sotkanet's interface does, its oddities included."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

THL = {
    "id": 2,
    "title": {
        "fi": "Terveyden ja hyvinvoinnin laitos (THL)",
        "en": "Finnish institute for Health and Welfare (THL)",
        "sv": "Institutet för hälsa och välfärd (THL)",
    },
}
STATISTICS_FINLAND = {
    "id": 3,
    "title": {"fi": "Tilastokeskus", "en": "Statistics Finland", "sv": "Statistikcentralen"},
}
COUNTRY_ID = 658
MUNICIPALITIES = {46: "005", 297: "297", 309: "837", 101: "091"}  # internal id -> code
REGIONS = [
    *({"id": key, "code": code, "category": "KUNTA"} for key, code in MUNICIPALITIES.items()),
    {"id": 970, "code": "2021", "category": "HYVINVOINTIALUE"},
    {"id": 890, "code": "H06", "category": "HYVINVOINTIALUE"},
    {"id": 956, "code": "21", "category": "HYVINVOINTIALUE"},
    {"id": 600, "code": "06", "category": "MAAKUNTA"},
    {"id": COUNTRY_ID, "code": "358", "category": "MAA"},
]


def named(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Regions with what else the interface tells of them."""
    title = {"fi": "Nimi", "sv": "Namn", "en": "Name"}
    return [{"title": title, "memberOf": [658], "uri": "", **region} for region in regions]


def metadata(indicator: int, organization: dict[str, Any] = THL, code: str = "PROS") -> dict[str, Any]:
    return {
        "id": indicator,
        "data-updated": "2024-06-05",
        "range": {"start": 1991, "end": 2023},
        "title": {
            "fi": f"Osoitin {indicator}, % ",
            "sv": f"Indikator {indicator}, %",
            "en": f"Indicator {indicator}, %",
        },
        "description": {"fi": "<p>Kuvaus</p>", "sv": " ", "en": ""},
        "primaryValueType": {"code": code, "title": {"fi": "Prosenttia", "sv": "Procent", "en": "Percent"}},
        "decimals": 1,
        "classifications": {"region": {"title": {"fi": "Kunta"}, "values": ["Kunta", "Maa"]}},
        "organization": organization,
        "subjects": [],
        "sources": [{"organization": organization, "title": {"fi": "Rekisteri"}}],
        "groups": [188],
    }


def row(region: int, year: int, value: float | None, absolute: float | None = None, **more: Any) -> dict[str, Any]:
    given = {"indicator": 191, "region": region, "year": year, "gender": "total", "value": value, "absValue": absolute}
    return {**given, **more}


def rows_of(indicator: int, years: list[int], genders: list[str]) -> list[dict[str, Any]]:
    """Municipality 005 has 1, 297 has 2 and 837 has 4 in a hundred; 091 is not there; the country has 2.5."""
    found = []
    for year in years:
        for gender in genders:
            for region, value in {46: 1.0, 297: 2.0, 309: 4.0, 970: 3.0, 956: 0, 600: 2.2, COUNTRY_ID: 2.5}.items():
                found.append(row(region, year, value, value * 100, indicator=indicator, gender=gender))
    return found


@dataclass
class Reply:
    """What is sent: a status, a body and its headers; `broken` sends less than was announced."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    broken: bool = False

    @staticmethod
    def data(content: Any, **more: Any) -> Reply:
        return Reply(json.dumps(content).encode(), headers={"Content-Type": "application/json;charset=UTF-8"}, **more)


@dataclass
class Service:
    """What is asked and how it is answered; `first` is used up before the usual answers."""

    first: list[Reply] = field(default_factory=list)
    regions: list[dict[str, Any]] = field(default_factory=lambda: named(REGIONS))
    rows: Callable[[int, list[int], list[str]], list[dict[str, Any]]] = rows_of
    metadata: Callable[[int], dict[str, Any]] = metadata
    asked: list[tuple[float, str, dict[str, str]]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/rest/1.1"

    @property
    def paths(self) -> list[str]:
        return [path.removeprefix("/rest/1.1/") for _, path, _ in self.asked]

    def answer(self, path: str, headers: dict[str, str]) -> Reply:
        self.asked.append((time.monotonic(), path, headers))
        if self.first:
            return self.first.pop(0)
        if not headers.get("User-Agent", "").startswith("costeff/"):
            return Reply(b"<html>Forbidden</html>", 403, {"Content-Type": "text/html"})
        parts = urlsplit(path.removeprefix("/rest/1.1/"))
        if parts.path == "regions":
            return Reply.data(self.regions)
        if parts.path.startswith("indicators/"):
            number = int(parts.path.split("/")[1])
            return Reply.data(self.metadata(number)) if number < 9000 else Reply(b"", 404)
        query = parse_qs(parts.query)
        if parts.path != "json" or any("," in value for values in query.values() for value in values):
            return Reply(b"Bad Request", 400, {"Content-Type": "text/plain"})
        years = [int(year) for year in query["years"]]
        return Reply.data(self.rows(int(query["indicator"][0]), years, query["genders"]))


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """The service on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reply = service.answer(self.path, dict(self.headers))
            time.sleep(reply.delay)
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body) + (1000 if reply.broken else 0)))
            self.end_headers()
            try:
                self.wfile.write(reply.body)
            except OSError:  # the client has had enough
                self.close_connection = True
            if reply.broken:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def packed(content: Any) -> Reply:
    """An answer packed with gzip."""
    body = gzip.compress(json.dumps(content).encode() if not isinstance(content, bytes) else content)
    return Reply(body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
