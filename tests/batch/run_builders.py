"""A finished run without a kernel: real manifest and real release record over small pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from costeff.batch.manifest import Made, Manifest
from costeff.batch.notebooks import file_of
from costeff.batch.plan import hash_of
from costeff.disclosure.record import Release
from costeff.files import write_text
from costeff.params import Catalogue
from costeff.report.listing import Ends, Entry, Figures, Result
from costeff.spec import LANGUAGES, is_county

CHAIN = "intensive_family_work"


def entry(catalogue: Catalogue, code: str, language: str) -> Entry:
    county = catalogue.county(code if is_county(code) else catalogue.municipality(code).county).name[language]
    name = county if is_county(code) else catalogue.municipality(code).name(language)
    ends = Ends(float(int(code)), float(int(code)) - 500.0, float(int(code)) + 500.0)
    figures = Figures(100, 10, 0.9, "quoted", "2018", "shared", Ends(1.0, -1.0, 3.0), ends, 0.6, 2030, 0.6)
    title = catalogue.chains[CHAIN].label[language]
    result = Result(title, "x", "y", CHAIN, True, figures)
    return Entry(code, name, county, {}, (result,), True)


def page(code: str, language: str) -> str:
    return f'<!DOCTYPE html><html lang="{language}"><title>{code}</title><h1>{code}</h1></html>\n'


def finished_run(
    folder: Path,
    catalogue: Catalogue,
    codes: Sequence[str],
    languages: Sequence[str] = LANGUAGES,
    failed: Sequence[str] = (),
    texts: Mapping[str, str] | None = None,
    more: Mapping[str, bytes] | None = None,
    entries: Mapping[str, Any] | None = None,
) -> Path:
    """Make it.

    Parameters
    ----------
    failed
        Pages that failed, as `165 sv`.
    texts
        File -> a text of a page other than its own.
    more
        File -> content that is released too.
    entries
        File -> what the page tells of itself instead of its own.
    """
    folder.mkdir()
    aside = folder / ".aside"
    aside.mkdir()
    release, manifest = Release(folder), Manifest(folder)
    for code in codes:
        for language in languages:
            name, file = f"page {code} {language}", f"{file_of(code)}.{language}.html"
            if f"{code} {language}" in failed:
                manifest.add(Made(name, {}, error="cell 1: KeyError: its text is not kept"))
                continue
            write_text(aside / file, (texts or {}).get(file) or page(code, language))
            content = (aside / file).read_bytes()
            release.offer(aside / file, file, "public")
            told = (entries or {}).get(file, asdict(entry(catalogue, code, language)))
            manifest.add(Made(name, {}, files={file: hash_of(content)}, entry=told))
    for file, content in (more or {}).items():
        (aside / "more").write_bytes(content)
        release.offer(aside / "more", file, "public")
    release.close()
    aside.rmdir()
    kinds = {"municipalities": False, "county_reports": True}
    asked = {name: [code for code in codes if is_county(code) is county] for name, county in kinds.items()}
    request = {**asked, "languages": list(languages), "chains": [CHAIN]}
    write_text(folder / "run.json", json.dumps({"request": request}))
    return folder
