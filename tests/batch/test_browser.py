"""Pages of a real run in a real browser. What is asked of a page stands in tests/browser/page_checks.py."""

import pytest
from page_checks import audit

CHECKS = ("quiet", "html", "sideways", "print", "weight")


@pytest.fixture(scope="module")
def audited(browser, made):
    return audit(browser, made[0].output, checks=CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_no_page_of_a_run_has_a_fault(audited, check):
    assert {"165.fi.html", "165.sv.html", "478.sv.html", "index.html"} <= set(audited.weights)
    faults = audited.of(check)
    assert not faults, "\n".join(faults)
