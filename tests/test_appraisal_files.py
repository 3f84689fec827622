"""The file of an appraisal: what comes back is what was put in, and what would not is refused."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from costeff.appraisal.files import pack, unpack
from costeff.errors import ModelError

KEY = ("family_work", "quoted")


def appraisal(**variables: object) -> xr.Dataset:
    found = xr.Dataset(
        {"events": (("option", "draw"), np.arange(6.0).reshape(2, 3), {"unit": "clients"})},
        {"option": ["usual", "new"], "draw": np.arange(3), "year": [2026, 2027]},
        {"clients": 100, "county_fi": "Etelä-Savo"},
    )
    return found.assign(variables)


def test_what_comes_back_is_what_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "165.nc"
    path.write_bytes(pack({KEY: appraisal()}))
    xr.testing.assert_identical(unpack(path)[KEY], appraisal())


@pytest.mark.parametrize(
    ("odd", "told"),
    [
        ({"flag": ("draw", np.array([True, False, True]))}, "flag: is neither numbers nor texts"),
        ({"large": ("draw", np.array([1, 2, 2**40]))}, "large: holds whole numbers that 32 bits do not hold"),
        ({"none": (("draw", "payer"), np.empty((3, 0)))}, "none: has a dim without labels"),
        ({"mixed": ("draw", np.array(["a", 1, None], dtype=object))}, "mixed: is neither numbers nor texts"),
        ({"when": ("draw", np.array(["2026-01-01"] * 3, "M8[s]"))}, "when: is neither numbers nor texts"),
        ({"complex": ("draw", np.ones(3) * 1j)}, "complex: is neither numbers nor texts"),
        ({"told": ("draw", np.ones(3), {"limits": [0, 1]})}, "told attribute limits: is not a plain text"),
        ({"told": ("draw", np.ones(3), {"_FillValue": "0"})}, "told attribute _FillValue: is not a plain text"),
    ],
)
def test_what_would_not_come_back_as_it_is_is_refused_by_name(odd: dict[str, object], told: str) -> None:
    with pytest.raises(ModelError) as caught:
        pack({KEY: appraisal(**odd)})
    assert f"family_work quoted {told}" in str(caught.value)
    assert "1099511627776" not in str(caught.value)


def test_all_that_is_odd_is_told_at_once() -> None:
    odd = {"flag": ("draw", np.array([True] * 3)), "large": ("draw", np.full(3, -(2**40)))}
    with pytest.raises(ModelError, match="2 problems"):
        pack({KEY: appraisal(**odd)})
