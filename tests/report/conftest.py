"""The fake municipality, written once, and its pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_fakes import catalogue, executed, three_chains, write_tree

from costeff.report.page import Page, open_page


@pytest.fixture(scope="session")
def tree_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("appraisals") / "999.nc", three_chains())


@pytest.fixture(scope="session")
def pages(tree_path: Path) -> dict[str, Page]:
    return {language: open_page(tree_path, "999", language, catalogue()) for language in ("fi", "sv", "en")}


@pytest.fixture(scope="session")
def html(pages: dict[str, Page]) -> dict[str, str]:
    from costeff.report.render import ReportExporter

    return {language: ReportExporter().from_notebook_node(executed(page))[0] for language, page in pages.items()}
