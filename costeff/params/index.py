"""Price indices: year -> level, chained over bases, with their gaps as gaps."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from pathlib import Path

from costeff.errors import ParamsError, Problem, Problems


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
        rule = f"has no yearly level for {' and '.join(missing)}" if missing else f"does not join {from_year} and {to_year}"
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
        with path.open(encoding="utf-8", newline="") as file:
            for number, row in enumerate(csv.DictReader(file), start=2):
                place = f"indices/{path.name}:{number}"
                try:
                    series, base, period = row["series"], row["base"], row["period"]
                    value = float(row["value"])
                except (KeyError, TypeError, ValueError):
                    problems.add(place, "needs series, base, period and a numeric value", "write the row in full")
                    continue
                index = found.setdefault(series, PriceIndex(series))
                if re.fullmatch(r"\d{4}", period):
                    level = index.levels.setdefault(base, {})
                    if int(period) in level:
                        problems.add(place, f"{series} has {period} twice in base {base}", "keep one of the rows")
                    level[int(period)] = value
                elif re.fullmatch(r"\d{4}Q[1-4]", period):
                    index.quarters.setdefault(base, {})[period] = value
                else:
                    problems.add(place, "period is neither a year nor a quarter such as 2020Q3", "correct it")
    return found
