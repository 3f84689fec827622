"""Pages to open: a made-up municipality in three languages, its lists, and any folder named on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from page_checks import Audit, audit
from report_fakes import (
    appraisal,
    catalogue,
    executed,
    label,
    three_chains,
    with_areas,
    with_members,
    with_research,
    write_tree,
)

from costeff.files import write_text
from costeff.report.contact import Contact

LANGUAGES = ("fi", "sv", "en")
PUBLISHER = Contact.model_validate(
    {
        "publisher": label("Esimerkkilän hyvinvointialue", "Exempelnejdens välfärdsområde", "Exampleland"),
        "email": "saavutettavuuspalaute@hyvinvointialue.example.org",
        "form": "https://www.hyvinvointialue.example.org/palaute/saavutettavuus?aihe=sivut",
        "assessment": {
            "date": "2026-11-20", "meets": "partly", "by": "publisher",
            "shortcomings": [label("Kartta.", "Kartan.", "The map.")],
        },
    },
    strict=False,
)  # fmt: skip


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("browser", "checks of pages in a browser")
    group.addoption("--pages", action="append", default=[], metavar="FOLDER", help="check the pages of this folder too")
    group.addoption("--pictures", action="store_true", help="write the reference pictures anew instead of comparing")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties if report.when == "call" else ():
            if name == "measured":
                terminalreporter.write_line(value)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A municipality with a saving, a loss and a model that failed; one without a page; a county; lists of them."""
    from costeff.report.page import open_page
    from costeff.report.render import as_page
    from costeff.report.site import write_index

    made = tmp_path_factory.mktemp("pages")
    groups = {**three_chains(), "researched": with_research(appraisal(order=4, evidence="borrowed", linked=0.2))}
    groups["family_work/quoted"] = with_areas(groups["family_work/quoted"], ahead=2.0)
    members = {"061": "Forssa", "165": "Janakkala", "091": "Helsinki"}
    county = with_members(with_areas(appraisal()).sel(area=["country"]), members, ahead=3.0)
    appraisals = tmp_path_factory.mktemp("appraisals")
    tree = write_tree(appraisals / "999.nc", groups)
    own_tree = write_tree(appraisals / "county-99.nc", {"family_work": county})
    own_addresses = {language: f"county-99.{language}.html" for language in LANGUAGES}
    addresses = {language: f"999.{language}.html" for language in LANGUAGES}
    indexes = {language: f"index.{language}.html" for language in LANGUAGES}
    footer = [("Saavutettavuusseloste", "https://www.example.org/a")]
    for language in LANGUAGES:
        page = open_page(tree, "999", language, catalogue())
        about = {"index": indexes[language], "footer_links": footer, "contact": PUBLISHER}
        text = as_page(executed(page), alternates=addresses, **about)
        write_text(made / addresses[language], text)
        own = open_page(own_tree, "99", language, catalogue())
        text = as_page(executed(own), alternates=own_addresses, **about)
        write_text(made / own_addresses[language], text)
        counties = [own.entry(own_addresses)]
        listed = [page.entry(addresses), page.entry({})]
        write_index(made, listed, language, counties=counties, indexes=indexes, footer_links=footer)
    return made


@pytest.fixture(scope="session")
def audited(browser, folder: Path, request: pytest.FixtureRequest) -> Audit:
    """Every page opened once and looked at in every view."""
    return audit(browser, folder, *map(Path, request.config.getoption("pages")))
