"""Price indices: year -> level, chained over bases, with their gaps as gaps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from costeff.errors import ParamsError, Problem, Problems
from costeff.params.tables import number, read_rows


@dataclass(frozen=True)
class PriceIndex:
    """One series. Only yearly averages change a price year; quarters are kept for reading."""

    id: str
    levels: dict[str, dict[int, float]] = field(default_factory=dict)  # base -> year -> level
    quarters: dict[str, dict[str, float]] = field(default_factory=dict)

    def years(self) -> list[int]:
        """Years with a yearly average in any base."""
        return sorted({year for level in self.levels.values() for year in level})

    def factor(self, from_year: int, to_year: int) -> float:
        """What a price of `from_year` is multiplied by to stand in the money of `to_year`.

        Raises
        ------
        ParamsError
            Naming the missing year; an index is never extrapolated or interpolated.
        """
        if from_year == to_year:
            return 1.0
        for base in self.levels.values():
            if from_year in base and to_year in base:
                return base[to_year] / base[from_year]
        for first in self.levels.values():  # chained over a year that two bases share
            for second in self.levels.values():
                shared = sorted(first.keys() & second.keys())
                if from_year in first and to_year in second and shared:
                    return first[shared[0]] / first[from_year] * second[to_year] / second[shared[0]]
        known = self.years()
        missing = [str(year) for year in (from_year, to_year) if year not in known]
        rule = (
            f"has no yearly level for {' and '.join(missing)}"
            if missing
            else f"does not join {from_year} and {to_year}"
        )
        raise ParamsError(
            "The price year cannot be changed",
            [
                Problem(
                    f"indices {self.id}",
                    f"{rule} (known: {', '.join(map(str, known)) or 'none'})",
                    "add the official level to params/indices/, or read the prices in their own price year",
                )
            ],
        )


def read_indices(folder: Path, problems: Problems) -> dict[str, PriceIndex]:
    """Every series of every CSV (columns series, base, period, value, source) in a folder."""
    found: dict[str, PriceIndex] = {}
    for path in sorted(folder.glob("*.csv")):
        for place, row in read_rows(path, ("series", "base", "period", "value", "source"), problems):
            series, base, period, value = row["series"], row["base"], row["period"], number(row["value"])
            if value is None or value <= 0:
                problems.add(place, f"the level of {series} is not a number above 0", "write it with a decimal point")
                continue
            index = found.setdefault(series, PriceIndex(series))
            if re.fullmatch(r"\d{4}", period):
                twice = int(period) in index.levels.setdefault(base, {})
                index.levels[base].setdefault(int(period), value)
            elif re.fullmatch(r"\d{4}Q[1-4]", period):
                twice = period in index.quarters.setdefault(base, {})
                index.quarters[base].setdefault(period, value)
            else:
                rule = f"period {period} is neither a year nor a quarter"
                problems.add(place, rule, "write a year such as 2020, or a quarter such as 2020Q3")
                continue
            if twice:
                problems.add(place, f"{series} has {period} twice in base {base}", "keep one of the rows")
    return found
