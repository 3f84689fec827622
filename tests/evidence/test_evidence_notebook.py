"""The notebook of evidence runs, and what it says holds together."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def numbers(pattern: str, text: str) -> list[float]:
    found = re.search(pattern, text)
    assert found, pattern
    return [float(group.replace(",", "").replace("−", "-")) for group in found.groups()]


@pytest.mark.slow
def test_the_notebook_goes_from_studies_to_a_prior(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import papermill

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COSTEFF_HOME", str(ROOT))
    book = ROOT / "notebooks" / "03_evidence.ipynb"
    done = papermill.execute_notebook(book, tmp_path / book.name, kernel_name="python3", progress_bar=False)
    outputs = [output for cell in done.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    text = "\n".join(o.get("data", {}).get("text/plain", "") + o.get("text", "") for o in outputs)
    odds, risk, hazard = numbers(
        r"an odds ratio of ([\d.]+), a risk ratio of ([\d.]+), a hazard ratio of ([\d.]+)", text
    )
    assert odds < hazard < risk < 1, "where the event is common they lie in this order"
    mean, low, high, new_low, new_high = numbers(
        r"mean odds ratio is ([\d.]+) \(([\d.]+) to ([\d.]+)\), and a new place may expect ([\d.]+) to ([\d.]+)\.", text
    )
    assert new_low < low < mean < high < new_high
    before, after = numbers(r"With the discounts off the mean is ([\d.]+), on ([\d.]+);", text)
    assert before < after < 1
    mixture, single = numbers(r"the mixture says ([\d.]+) and a single normal prior ([\d.]+)\.", text)
    assert mixture > single, "the mixture yields to data that contradict it"
    alone, both = numbers(r"The data alone say ([\d.]+) .*? with research ([\d.]+)", text)
    assert abs(alone - both) < 0.01, "12 000 clients leave little to the prior"
    assert "Janakkala: of 100 clients" in text
    assert "seed 2026" in text
